"""A problem between two browsers, in both languages, on a small screen: told, answered, shared, seen."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from PIL import Image
from werkzeug.serving import make_server

from shop.db import session, transaction
from shop.orders.models import SellerOrder
from shop.orders.states import Stage
from tests.browser.test_checkout import telephone
from tests.marketplace import make_order, make_product, make_store, make_user, new_phone, sign_in
from tests.orders.paid import again, make_part

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: A folder to keep what was seen; nothing is kept without it.
SHOTS = os.environ.get("SHOTS", "")


@pytest.fixture
def origin(app: Flask) -> Iterator[str]:
    """The shop on a port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def enter(app: Flask, page: Page, phone: str, origin: str, language: str) -> None:
    """Give a browser the session of somebody who signed in."""
    client = app.test_client()
    sign_in(client, phone)
    for cookie in client._cookies.values():
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": origin}])
    page.set_extra_http_headers({"Accept-Language": language})


def seen(page: Page, name: str) -> None:
    """Check that nothing runs out of the screen, and keep a picture when asked."""
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{name}: {wide} px too wide"
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def picture(folder: Path) -> str:
    file = folder / "couture.jpg"
    out = BytesIO()
    Image.new("RGB", (640, 480), "#a6401c").save(out, "JPEG")
    file.write_bytes(out.getvalue())
    return str(file)


@pytest.mark.parametrize(("language", "width"), [("fr", 360), ("en", 360), ("fr", 1280)])
def test_two_browsers_settle_a_problem(app, origin, chromium, tmp_path, language, width):
    buyer, seller = (make_user(name, phone=new_phone()) for name in ("Paul", "Awa"))
    with transaction():
        for user in (buyer, seller):
            session.merge(user).language = language
    product = make_product(store=make_store(owner=seller))
    part = make_part(Stage.SENT, make_order((product, 1), user=buyer))
    theirs = f"{origin}/order/{part.order.reference}/"
    sales = f"{origin}/store/orders/{part.reference}/"
    tag = f"{language}-{width}"

    with telephone(chromium, script=False, width=width) as one:
        enter(app, one, buyer.phone, origin, language)
        one.goto(theirs)
        seen(one, f"order-{tag}")
        one.locator("[data-test=messages]").click()
        one.locator("[name=text]").fill(
            "Bonjour, la couture a lâché dès le premier jour.\nVoyez la photo."
        )
        one.locator("[data-test=say] button").click()
        one.goto(theirs)
        one.locator("[data-test=report]").click()
        one.locator("[value=damaged]").check()
        one.locator("[name=words]").fill("La couture a lâché.")
        one.locator("[name=photo]").set_input_files(picture(tmp_path))
        seen(one, f"problem-{tag}")
        one.locator("[data-test=problem] button").click()
        seen(one, f"frozen-{tag}")

        with telephone(chromium, script=False, width=width) as other:
            enter(app, other, seller.phone, origin, language)
            other.goto(sales)
            seen(other, f"sale-{tag}")
            other.locator("[data-test=dispute]").click()
            other.locator("[data-test=pin] button").click()
            other.locator("[value=share]").check()
            other.locator("[name=percent]").fill("30")
            seen(other, f"propose-{tag}")
            other.locator("[data-test=propose] button").click()

            one.reload()
            seen(one, f"offered-{tag}")
            one.locator("[data-test=accept] button").click()
            seen(one, f"agreed-{tag}")
            other.reload()
            seen(other, f"agreed-seller-{tag}")
            for page in (one, other):
                assert (
                    page.locator("[data-test=whereabouts]").get_attribute("data-state") == "split"
                )
                assert "8\u00a0100" in page.locator("[data-test=whereabouts]").inner_text().replace(
                    ",", "\u00a0"
                )

    session.rollback()
    ended: SellerOrder = again(part)
    assert (ended.refunded_amount, ended.escrow) == (8_100, "split")
