"""Money comes in and goes out through each of the eight providers, by forms and commands alone.

One buyer's story with each: paid twice, so the second money is kept in the wallet; a part of it is
withdrawn to the telephone, and the rest is given back to whoever paid it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shop.money import Money
from shop.providers import PROVIDERS
from tests.flows.test_accidents import state_of_order
from tests.live import PREFIXES, Live, Sim, new_sim, wait_until
from tests.shopping import (
    METHODS,
    ON_THE_PHONE,
    TWO_SELLERS_TOTAL,
    approve,
    buy,
    fill_pay_form,
    hosted_page,
    order,
    pay,
    provider_of,
    sign_in,
    wait_for,
)
from tests.visitor import Page, Visitor

#: Each provider: what its buyer picks, and by which call the rest of the wallet is given back.
ROADS = {
    "wave": ("wave", "transfer"),
    "mtn": ("mtn", "refund"),
    "moov": ("moov", "transfer"),
    "fedapay": ("fedapay-mtn-ci", "transfer"),
    "cinetpay": ("cinetpay-orange-ci", "transfer"),
    "feexpay": ("feexpay-wave-ci", "transfer"),
    "getmipay": ("getmipay-wave-bf", "transfer"),
}
TAKEN = 10_000
PIN = "83627"


@pytest.fixture(autouse=True)
def all_roads_afterwards(live: Live) -> Iterator[None]:
    yield
    live.collect_only(*PREFIXES)
    live.pay_out_only(*PROVIDERS)


def through(live: Live, provider: str) -> None:
    """Let one provider alone take and send money; its bank lets it send."""
    live.collect_only(provider)
    live.pay_out_only(provider)
    live.world.payouts.fund(provider, Money(200_000, "XOF"))


def pay_twice(live: Live, visitor: Visitor, sim: Sim, operator: str) -> str:
    """Change one's mind, pay, and accept the first request all the same; give that attempt."""
    first = pay(live, visitor, sim, operator)
    if operator in ON_THE_PHONE:
        live.prompt(first, provider_of(operator))
    else:
        hosted_page(visitor, first)
    visitor.submit(visitor.open(f"/payment/{first}/status/").form("/cancel/"))
    second = pay(live, visitor, sim, operator)
    approve(live, visitor, sim, operator, second)
    wait_for(live, visitor, second, "succeeded")
    assert [r[1:] for r in live.receipts(second)] == [("applied", "exact")]

    approve(live, visitor, sim, operator, first)
    wait_until(lambda: live.time.skip(seconds=20) or live.receipts(first), "the second money")
    assert live.receipts(first) == [(TWO_SELLERS_TOTAL, "wallet", "double")]
    return first


def withdraw(visitor: Visitor, method: str) -> Page:
    page = visitor.open("/wallet/withdraw/")
    form = page.form(test="withdraw-form")
    return visitor.submit(form, amount=str(TAKEN), method=method, pin=PIN)


def wait_until_arrived(live: Live, visitor: Visitor, reference: str) -> Page:
    def arrived() -> bool:
        live.time.skip(seconds=2)
        page = visitor.open(f"/payout/{reference}/")
        return page.root.one(data_test="payout-status")["data-state"] == "succeeded"

    wait_until(arrived, f"{reference} to arrive", within_s=15)
    return visitor.page


def arrived_on_phone(live: Live, sim: Sim) -> list[str]:
    """Read on the telephone's screen what came in, newest first."""
    page = Visitor(live.phones).open(f"/phones/{sim.e164}/")
    marks = [e for e in page.root.walk() if e.get("data-test") in ("payout", "refund")]
    return [e["data-ref"] for e in marks if e["data-state"] == "succeeded"]


@pytest.mark.parametrize("provider", ROADS)
def test_bought_withdrawn_and_given_back(live: Live, provider: str) -> None:
    operator, road = ROADS[provider]
    through(live, provider)
    sim, visitor = new_sim(operator), live.visitor()
    placed = order(live, visitor, sim)
    double = pay_twice(live, visitor, sim, operator)
    assert state_of_order(visitor, placed) == "paid"

    page = sign_in(live, visitor, sim, "/wallet/")
    assert page.money("wallet-available") == TWO_SELLERS_TOTAL
    page = withdraw(visitor, METHODS[operator])
    taken = page.path.split("/")[2]
    wait_until_arrived(live, visitor, taken)

    given = live.flask(
        "payments", "refund", double, "--amount", str(TWO_SELLERS_TOTAL - TAKEN),
        "--reason", "payé deux fois", "--as", "awa", "--yes",
    )[0]  # fmt: skip
    assert (given["by"], given["provider"]) == (road, provider)
    back = given["payout"].replace("-", "")
    wait_until_arrived(live, visitor, back)
    assert len(arrived_on_phone(live, sim)) == 2
    assert not visitor.open("/wallet/").root.all(data_test="withdraw")


def test_orange_collects_and_says_plainly_that_it_sends_nothing(live: Live) -> None:
    through(live, "orange")
    sim, visitor = new_sim("orange"), live.visitor()
    order(live, visitor, sim)
    double = pay_twice(live, visitor, sim, "orange")

    sign_in(live, visitor, sim, "/wallet/")
    page = visitor.open("/wallet/withdraw/")
    words = ("--reason", "payé deux fois", "--as", "awa", "--yes")
    given = live.flask("payments", "refund", double, *words)[0]

    assert "Aucun opérateur ne peut envoyer d’argent" in page.text
    assert given["by"] == "wallet"
    assert arrived_on_phone(live, sim) == []
    assert visitor.open("/wallet/").money("wallet-available") == TWO_SELLERS_TOTAL


def test_a_whole_payment_goes_back_by_wave_s_own_call(live: Live) -> None:
    through(live, "wave")
    sim, visitor = new_sim("wave"), live.visitor()
    order(live, visitor, sim)
    double = pay_twice(live, visitor, sim, "wave")

    words = ("--reason", "payé deux fois", "--as", "awa", "--yes")
    given = live.flask("payments", "refund", double, *words)[0]
    wait_until(lambda: live.time.skip(seconds=2) or arrived_on_phone(live, sim), "the refund")

    assert given["by"] == "refund"
    assert [r.amount.amount for r in live.world.refunds.book("wave")][-1] == TWO_SELLERS_TOTAL


@pytest.mark.parametrize("method", ["fedapay-orange-ci", "feexpay-orange-bf"])
def test_bought_on_an_aggregator_s_page_and_with_a_code_read_beforehand(
    live: Live, method: str
) -> None:
    through(live, method.partition("-")[0])
    sim, visitor = new_sim(method), live.visitor()

    placed, attempt = buy(live, visitor, sim, method)

    assert live.moved(attempt)[0].payer == sim.e164
    assert state_of_order(visitor, placed) == "paid"


def test_a_page_that_asks_for_a_code_says_what_to_dial(live: Live) -> None:
    live.collect_only("feexpay")
    sim, visitor = new_sim("feexpay-orange-bf"), live.visitor()
    placed = order(live, visitor, sim)
    asked = fill_pay_form(live, visitor, sim, "feexpay-orange-bf") | {"otp": ""}
    page = visitor.submit(visitor.page.form(test="pay-form"), **asked)

    assert page.status == 422
    assert "*144*4*6#" in page.text
    assert live.payments_of(placed) == 0


def test_where_a_message_may_not_come_the_page_says_what_to_dial(live: Live) -> None:
    """The guided way of Côte d'Ivoire: a pop-up, or an SMS and a code to dial."""
    live.collect_only("mtn")
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)

    attempt = pay(live, visitor, sim, "mtn")

    live.prompt(attempt, "mtn")
    assert "Les deux marchent" in visitor.open(f"/payment/{attempt}/status/").text
    live.time.skip(seconds=90)
    assert "*133#" in visitor.open(f"/payment/{attempt}/status/").text
