"""What buyers do, step by step and by forms only; each step leaves the visitor on its page."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.live import AGGREGATED, Live, Sim, wait_until
from tests.visitor import Page, Visitor

#: Which method an operator's name stands for here; an aggregator's method stands for itself.
METHODS = {"wave": "wave-ci", "mtn": "mtn-ci", "orange": "orange-ci", "moov": "moov-bj"}
METHODS |= {method: method for method in AGGREGATED}
#: Who asks on the payer's telephone, with no page of its own.
ON_THE_PHONE = ("mtn", "moov", "fedapay-mtn-ci")
#: Paid with a code that the payer reads on the telephone before anybody is asked.
CODE_FIRST = ("feexpay-orange-bf",)
TWO_SELLERS = ("Pagne tissé", "Boubou brodé")
#: 24,500 + 2,500 to deliver; 18,000 + 1,500.
TWO_SELLERS_TOTAL = 46_500


def fill_cart(live: Live, visitor: Visitor, names: Iterable[str] = TWO_SELLERS) -> Page:
    """Put products in the cart from their own pages."""
    for name in names:
        page = visitor.open(f"/p/{live.products[name]}/")
        visitor.submit(page.form("/cart/add/"))
    return visitor.page


def order(live: Live, visitor: Visitor, sim: Sim, names: Iterable[str] = TWO_SELLERS) -> str:
    """Go from the shelf to the page where one pays; give the order's reference."""
    fill_cart(live, visitor, names)
    page = visitor.open("/checkout/")
    asked = {"quarter": "Cocody", "landmark": "en face de la pharmacie, portail bleu"}
    if page.root.all("input", name="name"):
        asked |= {"name": "Aïcha Koné", "phone": sim.local, "country": sim.country}
    page = visitor.submit(page.form(test="checkout-form"), **asked)
    assert page.path.startswith("/order/"), page.text[:600]
    return page.path.split("/")[2]


def fill_pay_form(live: Live, visitor: Visitor, sim: Sim, operator: str) -> dict[str, str]:
    """Say whose account pays, first changing the country where it is another's."""
    page = visitor.page
    if page.form(test="pay-form").one(name="country")["value"] != sim.country:
        (countries,) = [f for f in page.root.all("form") if f.all("select", name="country")]
        page = visitor.submit(countries, country=sim.country)
    asked = {"phone": sim.local, "method": METHODS[operator]}
    if operator in CODE_FIRST:
        asked["otp"] = code_on_phone(live, sim)
    return asked


def pay(live: Live, visitor: Visitor, sim: Sim, operator: str) -> str:
    """Fill in the pay form and send it; give the attempt's reference."""
    asked = fill_pay_form(live, visitor, sim, operator)
    page = visitor.submit(visitor.page.form(test="pay-form"), **asked)
    assert page.path.startswith("/payment/"), page.text[:600]
    return page.path.split("/")[2]


def approve(live: Live, visitor: Visitor, sim: Sim, operator: str, reference: str) -> None:
    """Do what the payer does with this operator: on its page, or on the telephone's own screen."""
    if operator in CODE_FIRST:
        return  # the code was the payer's word
    if operator in ON_THE_PHONE:
        answer_on_phone(live, sim, operator, reference, "accept")
    else:
        page = visitor.open(hosted_page(visitor, reference))
        visitor.submit(page.root.one("form"), **on_hosted_page(live, sim, operator))


def provider_of(operator: str) -> str:
    """Name the provider behind what an operator stands for."""
    return METHODS.get(operator, operator).partition("-")[0]


def hosted_page(visitor: Visitor, reference: str) -> str:
    """Wait on the status page until it links to the operator's page."""

    def offered() -> bool:
        visitor.open(f"/payment/{reference}/status/")
        return bool(visitor.page.root.all("a", data_test="continue"))

    wait_until(offered, "the operator's page")
    return visitor.page.link(data_test="continue")


def on_hosted_page(live: Live, sim: Sim, operator: str) -> dict[str, str]:
    """Say what to type on an operator's page; the code is read from the telephone."""
    if operator == "wave":
        return {"phone": sim.local, "choice": "pay"}
    if operator == "orange":
        return {"msisdn": sim.local, "otp": code_on_phone(live, sim), "choice": "confirm"}
    return {"phone": sim.e164, "choice": "confirm" if "cinetpay" in operator else "pay"}


def code_on_phone(live: Live, sim: Sim) -> str:
    """Dial for a one-time code, and read it on the telephone."""
    phone = Visitor(live.phones).open(f"/phones/{sim.e164}/")
    return phone.root.one(data_test="code").text


def answer_on_phone(live: Live, sim: Sim, operator: str, reference: str, act: str) -> None:
    """Tap accept, refuse or ignore on the telephone's screen."""
    live.prompt(reference, provider_of(operator))
    phone = Visitor(live.phones)
    page = phone.open(f"/phones/{sim.e164}/")
    prompt = page.root.one(data_test="prompt", data_ref=reference)
    (form,) = [f for f in prompt.all("form") if f["action"].split("?")[0].endswith(act)]
    phone.submit(form)


def wait_for(live: Live, visitor: Visitor, reference: str, state: str) -> Page:
    """Reload the status page until it says so."""

    def said() -> bool:
        # Providers are asked every few seconds: nobody needs to sit through them.
        live.time.skip(seconds=1)
        page = visitor.open(f"/payment/{reference}/status/")
        return page.root.one(data_test="pay-status")["data-state"] == state

    wait_until(said, f"{reference} to be {state}", within_s=15)
    return visitor.page


def buy(
    live: Live,
    visitor: Visitor,
    sim: Sim,
    operator: str,
    names: Iterable[str] = TWO_SELLERS,
) -> tuple[str, str]:
    """Buy, from two sellers unless told otherwise, and pay; give the references of order and attempt."""
    placed = order(live, visitor, sim, names)
    attempt = pay(live, visitor, sim, operator)
    approve(live, visitor, sim, operator, attempt)
    wait_for(live, visitor, attempt, "succeeded")
    return placed, attempt


def messages(live: Live, sim: Sim) -> list[str]:
    """Read the SMS of a telephone, newest first."""
    return [sms.text for sms in live.world.inbox(sim.e164)]


def sign_in(live: Live, visitor: Visitor, sim: Sim, next_page: str = "/orders/") -> Page:
    """Sign in with the code that arrives on the telephone, giving name and PIN when asked."""

    def codes() -> list[str]:
        """The codes on the telephone, newest first; other messages may arrive in between."""
        return [m for text in messages(live, sim) for m in re.findall(r"^(\d{6})\b", text)]

    before = len(codes())
    if before:
        # Whoever signed in a moment ago waits for a second code; nobody here has that time.
        live.time.skip(seconds=130)
    page = visitor.open(f"/login/?next={next_page}")
    page = visitor.submit(page.form(test="login-form"), country=sim.country, phone=sim.local)
    wait_until(lambda: len(codes()) > before, "the code by SMS")
    page = visitor.submit(page.form(test="code-form"), code=codes()[0])
    if page.path == "/login/new/":
        page = visitor.submit(
            page.form(test="new-form"), name="Aïcha Koné", pin="83627", again="83627"
        )
    return page
