"""Buying from two sellers with forms alone, on every operator."""

import pytest

from tests.live import Live, new_sim, wait_until
from tests.shopping import (
    TWO_SELLERS_TOTAL,
    approve,
    buy,
    messages,
    order,
    pay,
    sign_in,
    wait_for,
)

OPERATORS = ("wave", "mtn", "orange", "moov")


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_guest_buys_from_two_sellers(live: Live, operator: str) -> None:
    sim, visitor = new_sim(operator), live.visitor()

    placed, attempt = buy(live, visitor, sim, operator)

    (movement,) = live.moved(attempt)
    assert movement.payer == sim.e164
    assert live.receipts(attempt) == [(movement.amount.amount, "applied", "exact")]
    page = visitor.open(f"/order/{placed}/")
    assert page.root.one(data_test="order-state")["data-state"] == "paid"
    assert page.money("total") == TWO_SELLERS_TOTAL
    assert len(page.root.all(data_test="seller-order")) == 2


def test_a_guest_is_told_by_sms_once(live: Live) -> None:
    sim = new_sim("mtn")

    buy(live, live.visitor(), sim, "mtn")

    wait_until(lambda: messages(live, sim), "the SMS")
    live.settled()
    assert len([text for text in messages(live, sim) if "46 500" in text]) == 1


@pytest.mark.parametrize("operator", OPERATORS)
def test_pay_answers_303_to_our_own_status_page(live: Live, operator: str) -> None:
    sim, visitor = new_sim(operator), live.visitor()
    order(live, visitor, sim)

    attempt = pay(live, visitor, sim, operator)

    assert visitor.redirects == [(303, f"{live.origin}/payment/{attempt}/status/")]


def test_a_signed_in_buyer_is_not_asked_again_who_she_is(live: Live) -> None:
    sim, visitor = new_sim("orange"), live.visitor()
    sign_in(live, visitor, sim)

    placed, attempt = buy(live, visitor, sim, "orange")

    page = visitor.open("/orders/")
    (row,) = page.root.all(data_test="order-row")
    assert row["data-state"] == "paid"
    assert row.one("a")["href"] == f"/order/{placed}/"
    assert live.receipts(attempt)[0][1] == "applied"


def test_a_guest_finds_the_order_again_by_signing_in(live: Live) -> None:
    sim, other_phone = new_sim("mtn"), live.visitor()
    placed, attempt = buy(live, live.visitor(), sim, "mtn")
    assert other_phone.open(f"/order/{placed}/").status == 404

    page = sign_in(live, other_phone, sim)

    assert placed in page.answer.text
    assert other_phone.open(f"/receipt/{attempt}/").status == 200


def test_a_stranger_sees_neither_the_order_nor_the_payment(live: Live) -> None:
    visitor, stranger = live.visitor(), live.visitor()
    sim = new_sim("wave")
    placed = order(live, visitor, sim)
    attempt = pay(live, visitor, sim, "wave")

    seen = [
        stranger.open(path).status
        for path in (
            f"/order/{placed}/",
            f"/order/{placed}/payment/",
            f"/payment/{attempt}/status/",
            f"/payment/{attempt}/state",
            f"/receipt/{attempt}/",
        )
    ]

    assert seen == [404] * 5


def test_the_shop_answers_in_english_all_the_way(live: Live) -> None:
    sim, visitor = new_sim("wave"), live.visitor("en")

    _placed, attempt = buy(live, visitor, sim, "wave")

    page = visitor.open(f"/payment/{attempt}/status/")
    assert page.root.one("html")["lang"] == "en"


def test_an_attempt_that_failed_leaves_the_order_to_another_operator(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    placed = order(live, visitor, sim)
    first = pay(live, visitor, sim, "mtn")
    live.world.refuse(live.prompt(first, "mtn").id)
    page = wait_for(live, visitor, first, "failed")
    assert page.root.one(data_test="pay-reason").text

    visitor.open(page.link(data_test="again"))
    second = pay(live, visitor, sim, "wave")
    approve(live, visitor, sim, "wave", second)
    wait_for(live, visitor, second, "succeeded")

    assert live.moved(first) == []
    page = visitor.open(f"/order/{placed}/")
    assert page.root.one(data_test="order-state")["data-state"] == "paid"
