"""Buying and withdrawing in a real Chromium without script, by each way of saying yes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from shop.money import Money
from shop.providers import PROVIDERS
from tests import shopping
from tests.browser.test_appearance import look
from tests.browser.test_checkout import approve, order, telephone
from tests.live import PREFIXES, Live, Sim, new_sim, wait_until
from tests.shopping import CODE_FIRST, METHODS, code_on_phone, provider_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

KEPT, TAKEN, PIN = 40_000, "10000", "83627"


@pytest.fixture(autouse=True)
def all_roads_afterwards(live: Live) -> Iterator[None]:
    yield
    live.collect_only(*PREFIXES)
    live.pay_out_only(*PROVIDERS)


def keep_something_in_the_wallet(live: Live, sim: Sim, operator: str) -> None:
    """Pay too little once: it is the payer's, for the wallet."""
    visitor = live.visitor()
    shopping.order(live, visitor, sim)
    live.world.faults.add(provider_of(operator), "wrong_amount", calls=1, amount=KEPT)
    attempt = shopping.pay(live, visitor, sim, operator)
    shopping.approve(live, visitor, sim, operator, attempt)
    shopping.wait_for(live, visitor, attempt, "failed")
    live.world.faults.clear()


def fits(page: Page) -> None:
    """Nothing stands out of the screen."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= page.viewport_size["width"], page.url
    if page.locator(".tete .compte").count():
        height = page.evaluate("document.querySelector('.tete').getBoundingClientRect().height")
        assert height < 120, "the head of a signed-in page keeps to two lines"


def buy(live: Live, page: Page, sim: Sim, operator: str) -> str:
    order(live, page, sim)
    fits(page)
    page.locator(f"#method-{METHODS[operator]}").check()
    if operator in CODE_FIRST:
        page.locator("[name=otp]").fill(code_on_phone(live, sim))
    page.locator("[data-test=pay]").click()
    page.wait_for_url("**/status/")
    reference = page.url.split("/")[4]
    fits(page)
    if operator.startswith("cinetpay"):
        _pay_at_the_counter(live, page, sim)
    elif operator not in CODE_FIRST:
        approve(live, page, sim, operator, reference)
    reload_until(live, page, "#statut[data-state=succeeded]")
    return reference


def _pay_at_the_counter(live: Live, page: Page, sim: Sim) -> None:
    """Go to the aggregator's own page and come back from it."""
    reload_until(live, page, "[data-test=continue]")
    page.locator("[data-test=continue]").click()
    fits(page)
    page.locator("[name=phone]").fill(sim.e164)
    page.locator("[data-test=confirm]").click()
    page.wait_for_url(f"{live.origin}/payment/**")


def reload_until(live: Live, page: Page, wanted: str) -> None:
    for _ in range(40):
        if page.locator(wanted).count():
            return
        live.time.skip(seconds=2)
        page.wait_for_timeout(100)
        page.reload()
    raise AssertionError(f"{wanted} did not come: {page.locator('main').text_content()}")


def sign_in(live: Live, page: Page, sim: Sim) -> None:
    page.goto(f"{live.origin}/login/?next=/wallet/")
    page.locator("[name=country]").select_option(sim.country)
    page.locator("[name=phone]").fill(sim.local)
    page.locator("[data-test=login-form] button").click()
    codes: list[str] = []

    def came() -> bool:
        codes[:] = [t[:6] for t in shopping.messages(live, sim) if t[:6].isdigit()]
        return bool(codes)

    wait_until(came, "the code by SMS")
    page.locator("[name=code]").fill(codes[0])
    page.locator("[data-test=code-form] button").first.click()
    page.locator("[name=name]").fill("Aïcha Koné")
    page.locator("[name=pin]").fill(PIN)
    page.locator("[name=again]").fill(PIN)
    page.locator("[data-test=new-form] button").click()
    page.wait_for_url("**/wallet/")


def withdraw(live: Live, page: Page, sim: Sim) -> str:
    page.locator("[data-test=withdraw]").click()
    fits(page)
    page.locator("[name=amount]").fill(TAKEN)
    page.locator("[data-test=operator]").first.check()
    page.locator("[name=pin]").fill(PIN)
    page.locator("button[data-test=withdraw]").click()
    page.wait_for_url("**/payout/**")
    fits(page)
    reload_until(live, page, "[data-test=payout-status][data-state=succeeded]")
    assert sim.local not in (page.locator("body").text_content() or "").replace("\u00a0", "")
    return page.url.split("/")[4]


@pytest.mark.parametrize(
    ("operator", "language", "width"),
    [
        ("wave", "fr", 360),
        ("mtn", "en", 1280),
        ("cinetpay-orange-ci", "en", 1280),
        ("cinetpay-orange-ci", "fr", 360),
        ("feexpay-orange-bf", "fr", 360),
    ],
)
def test_bought_and_withdrawn(
    live: Live, chromium: Browser, operator: str, language: str, width: int
) -> None:
    live.collect_only(provider_of(operator))
    for name in PROVIDERS:
        live.world.payouts.fund(name, Money(200_000, "XOF"))
    sim = new_sim(operator)
    keep_something_in_the_wallet(live, sim, operator)
    with telephone(chromium, script=False, width=width) as page:
        page.context.add_cookies([{"name": "lang", "value": language, "url": live.origin}])
        bought = buy(live, page, sim, operator)
        sign_in(live, page, sim)
        assert page.locator("html").get_attribute("lang") == language
        fits(page)
        sent = withdraw(live, page, sim)
        page.goto(f"{live.phones}/phones/{sim.e164}/?lang={language}")
        fits(page)

        assert page.locator(f"[data-test=payout][data-ref='{sent}'][data-state=succeeded]").count()
    assert live.receipts(bought)[0][1:] == ("applied", "exact")


def test_the_wallet_fits_small_screens_by_day_and_by_night(live: Live, chromium: Browser) -> None:
    live.world.payouts.fund("mtn", Money(200_000, "XOF"))
    sim, visitor = new_sim("mtn"), live.visitor()
    keep_something_in_the_wallet(live, sim, "mtn")
    shopping.sign_in(live, visitor, sim, "/wallet/")
    visitor.open("/wallet/withdraw/")
    form = visitor.page.form(test="withdraw-form")
    page = visitor.submit(form, amount=TAKEN, method="mtn-ci", pin=PIN)

    for scheme in ("light", "dark"):
        paths = ["/wallet/", "/wallet/withdraw/", page.path]
        wrong = look(live, chromium, visitor, paths, color_scheme=scheme)
        assert "\n".join(wrong) == ""
