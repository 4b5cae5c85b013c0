"""Buying in a real Chromium, with and without script, on a small screen."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.live import Live, Sim, new_sim
from tests.shopping import METHODS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LANDMARK = "en face de la pharmacie, portail bleu"


@contextmanager
def telephone(chromium: Browser, *, script: bool = True, width: int = 360) -> Iterator[Page]:
    """Open a page whose complaints (script errors, refused loads) fail the test."""
    context = chromium.new_context(
        viewport={"width": width, "height": 640}, java_script_enabled=script
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        # A form that is refused with 422 is an answer, not a fault.
        lambda m: (
            complaints.append(m.text) if m.type == "error" and " 422 " not in m.text else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def order(live: Live, page: Page, sim: Sim) -> None:
    """Go from two shelves to the page where one pays."""
    for name in ("Pagne tissé", "Boubou brodé"):
        page.goto(f"{live.origin}/p/{live.products[name]}/")
        page.locator("form[action='/cart/add/'] button").click()
        page.wait_for_url("**/cart/")
    page.locator("a[href='/checkout/']").click()
    page.locator("[name=name]").fill("Aïcha Koné")
    page.locator("[name=country]").select_option(sim.country)
    page.locator("[name=phone]").fill(sim.local)
    page.locator("[name=quarter]").fill("Cocody")
    page.locator("[name=landmark]").fill(LANDMARK)
    page.locator("[data-test=checkout-form] button").click()
    page.wait_for_url("**/payment/")


def pay(page: Page, operator: str) -> str:
    page.locator(f"#method-{METHODS[operator]}").check()
    page.locator("[data-test=pay]").click()
    page.wait_for_url("**/status/")
    return page.url.split("/")[4]


def approve(live: Live, page: Page, sim: Sim, operator: str, reference: str) -> None:
    """Pay on the operator's page, or on the telephone's screen in a tab of its own."""
    if operator in ("mtn", "moov"):
        live.prompt(reference, operator)
        screen = page.context.new_page()
        screen.goto(f"{live.phones}/phones/{sim.e164}/")
        screen.locator("[data-test=accept]").click()
        # Its tab goes with the context: closing it while its next page comes in can hang Chromium.
        return
    if not page.locator("[data-test=continue]").count():
        page.reload()
    page.locator("[data-test=continue]").click()
    if operator == "wave":
        page.locator("[name=phone]").fill(sim.local)
        page.locator("[data-test=pay]").click()
        page.wait_for_url(f"{live.origin}/payment/**")
        return
    screen = page.context.new_page()
    screen.goto(f"{live.phones}/phones/{sim.e164}/")
    code = screen.locator("[data-test=code]").text_content() or ""
    screen.close()
    page.locator("[name=msisdn]").fill(sim.local)
    page.locator("[name=otp]").fill(code)
    page.locator("[data-test=confirm]").click()
    page.locator(f"a[href^='{live.origin}']").click()
    page.wait_for_url(f"{live.origin}/payment/**")


@pytest.mark.parametrize(
    ("operator", "script"),
    [("wave", True), ("mtn", True), ("orange", False), ("moov", False), ("wave", False)],
)
def test_paid_on_a_telephone(live: Live, chromium: Browser, operator: str, script: bool) -> None:
    sim = new_sim(operator)
    with telephone(chromium, script=script) as page:
        order(live, page, sim)
        reference = pay(page, operator)
        approve(live, page, sim, operator, reference)
        paid = page.locator("#statut[data-state=succeeded]")
        for _ in range(30):
            live.time.skip(seconds=2)
            if paid.count():
                break
            if script:
                page.wait_for_timeout(500)  # the page looks and reloads by itself
            else:
                page.reload()
        page.locator("a[href^='/receipt/']").click()
        page.wait_for_url("**/receipt/**")

        total = page.locator("[data-test=total] [data-montant]").get_attribute("data-montant")
        assert total == str(live.moved(reference)[0].amount.amount)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
        assert picture.getextrema()[0] < 64  # letters were painted


def test_the_waiting_page_asks_and_turns_by_itself_once(live: Live, chromium: Browser) -> None:
    sim = new_sim("mtn")
    with telephone(chromium) as page:
        order(live, page, sim)
        reference = pay(page, "mtn")
        loads: list[str] = []
        page.on("load", lambda p: loads.append(p.url))
        live.world.accept(live.prompt(reference, "mtn").id)

        with page.expect_response(re.compile(r"/state\?k=")) as asked:
            live.time.skip(seconds=6)
        page.locator("#statut[data-state=succeeded]").wait_for(timeout=15_000)

        assert asked.value.status == 200
        assert len(loads) == 1


def test_an_error_is_said_first_and_its_link_leads_to_the_field(
    live: Live, chromium: Browser
) -> None:
    with telephone(chromium, script=False) as page:
        order(live, page, new_sim("mtn"))
        page.locator("[name=phone]").fill("12")
        page.locator("[data-test=pay]").click()
        page.locator("#erreurs a").click()

        assert page.title().startswith("Erreur :")
        assert page.url.endswith("#phone")
        assert page.locator("#phone").input_value() == "12"
