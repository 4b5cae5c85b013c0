"""The pages where a shop sees its money fit a small phone, by day and by night, in both languages."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import make_server

from shop.db import session
from shop.earnings import service, settings
from shop.earnings.models import Schedule
from shop.orders.states import Stage
from shop.stores.models import Store
from tests.browser.test_appearance import look
from tests.earnings.shops import make_shop, owner_of, release
from tests.marketplace import sign_in
from tests.street import Street

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def origin(street: Street) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, street.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def paths(street: Street) -> list[str]:
    """A shop with money in every state, one payout on its way, and a number that waits."""
    store = make_shop(street)
    for n, stage in enumerate((Stage.CONFIRMED, Stage.SENT, Stage.RECEIVED, Stage.DECIDED)):
        release(store, 24_500 + 1_500 * n, stage)
        street.time.pass_(hours=20)
    payout = service.pay_now(store.id, "a-form-of-the-pictures", language="fr")
    assert payout is not None
    settings.choose(store.id, Schedule.DAILY, threshold=None, operator="mtn")
    settings.change_number(store.id, "+2250501027788")
    release(store, 12_000)
    return [
        "/store/",
        "/store/payouts/",
        f"/store/payouts/{payout.reference}/",
        "/store/payouts/settings/",
        "/store/payouts/number/",
        "/store/figures/net/",
    ]


@pytest.mark.parametrize(("language", "scheme"), [("fr", "light"), ("en", "dark")])
def test_pages_fit_are_touchable_and_readable(
    street: Street, origin: str, paths: list[str], chromium: Browser, language: str, scheme: str
) -> None:
    client = street.app.test_client()
    sign_in(client, owner_of(session.query(Store).first()).phone)
    cookies = [SimpleNamespace(name=c.key, value=c.value) for c in client._cookies.values()]
    visitor = SimpleNamespace(http=SimpleNamespace(cookies=cookies))
    session.rollback()

    wrong = look(
        SimpleNamespace(origin=origin), chromium, visitor,
        [f"{path}?lang={language}" for path in paths], color_scheme=scheme,
    )  # fmt: skip

    _photograph(origin, paths, chromium, cookies, language)
    assert wrong == []


def _photograph(
    origin: str, paths: list[str], chromium: Browser, cookies: list[SimpleNamespace], language: str
) -> None:
    """Keep pictures for a person to look at, where PICTURES names a folder."""
    folder = os.environ.get("PICTURES")
    if not folder:
        return
    for width in (360, 1280):
        context = chromium.new_context(viewport={"width": width, "height": 800})
        context.add_cookies([{"name": c.name, "value": c.value, "url": origin} for c in cookies])
        page = context.new_page()
        for n, path in enumerate(paths):
            page.goto(f"{origin}{path}?lang={language}")
            page.screenshot(path=Path(folder) / f"{n}-{language}-{width}.png", full_page=True)
        context.close()
