"""Money that comes late, twice, short, over or wrong: each franc has an owner and a sentence."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop import clock, settlement
from shop.db import session, transaction
from shop.ledger import chart
from shop.orders.models import Order
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.providers.values import Outcome, Status
from shop.sandbox.faults import FaultKind
from shop.settlement import Answer
from shop.webhooks.models import WebhookEvent
from tests.marketplace import make_order, make_product, stock_of
from tests.street import PAYERS, Street

#: Those whose protocol tells the amount, so that a wrong one can be noticed.
TELLING = ["wave-ci", "mtn-ci"]


def plant(street: Street, payment: Payment, kind: FaultKind, **how: object) -> None:
    """Make the provider misbehave for this attempt only."""
    street.world.faults.add(payment.provider, kind, reference=payment.reference, **how)


def receipt(payment: Payment) -> Receipt:
    session.rollback()
    return session.scalars(sa.select(Receipt).where(Receipt.payment_id == payment.id)).one()


def in_wallet(street: Street, order: Order) -> int:
    session.rollback()
    return street.balance(chart.wallet(order.user_id, order.currency)).amount


def settle(payment: Payment, said: Outcome) -> None:
    """Bring an answer by the one road, on a fresh lease."""
    with transaction():
        claim = payments._lease(payments.locked([payment.id])[payment.id])
    settlement.settle_payments([Answer(claim, said, clock.now(), submitted=False)])


def late(street: Street, payment: Payment) -> None:
    """Let a paid request look failed first: the money shows up an hour after its end."""
    plant(street, payment, FaultKind.LATE_SUCCESS, seconds=3_000)
    plant(street, payment, FaultKind.NO_WEBHOOK)
    assert street.approve(payment)


def failed_then_late(street: Street, order: Order) -> Payment:
    payment = street.sent(order, "mtn-ci")
    settle(payment, Outcome(Status.FAILED, words="no money seen"))
    assert street.again(payment).status == "failed"
    assert street.approve(payment)
    return payment


def test_money_after_failure_pays_the_order(street: Street):
    product = make_product(stock=3)
    order = make_order((product, 1))
    payment = failed_then_late(street, order)
    assert stock_of(product) == 3

    street.pass_(600)

    assert street.again(payment).status == "failed"  # an ended attempt keeps its end
    assert (receipt(payment).note, receipt(payment).disposition) == ("late", "applied")
    assert order.status == "paid"
    assert stock_of(product) == 2
    assert street.findings() == []


def test_money_after_failure_without_stock_is_kept_for_the_payer(street: Street):
    product = make_product(stock=1)
    order = make_order((product, 1))
    payment = failed_then_late(street, order)
    quicker = street.sent(make_order((product, 1)), "wave-ci")
    assert street.approve(quicker)

    street.pass_(600)

    assert (receipt(payment).note, receipt(payment).disposition) == ("not_wanted", "wallet")
    assert order.status == "awaiting_payment"
    assert in_wallet(street, order) == payment.amount
    assert stock_of(product) == 0
    assert street.findings() == []


def test_money_after_expiry_is_booked_once(street: Street):
    order = make_order()
    payment = street.sent(order, "mtn-ci")
    late(street, payment)

    street.pass_(8_000)

    assert receipt(payment).disposition == "applied"
    assert order.status == "paid"
    assert street.findings() == []


def test_a_left_attempt_that_succeeds_still_pays(street: Street):
    order = make_order()
    left = street.sent(order, "wave-ci")
    settlement.give_up(left.id)
    second = street.sent(order, "mtn-ci")

    assert street.approve(left)
    street.pass_(60)

    assert street.again(left).status == "succeeded"
    assert order.status == "paid"
    assert street.again(second).status == "pending"
    assert street.findings() == []


def test_both_attempts_succeed_and_the_second_is_in_the_wallet(street: Street):
    """U09."""
    order = make_order()
    left = street.sent(order, "wave-ci")
    settlement.give_up(left.id)
    second = street.sent(order, "mtn-ci")
    assert street.approve(second)
    street.pass_(60)
    assert order.status == "paid"

    assert street.approve(left)
    street.pass_(600)

    assert (receipt(left).note, receipt(left).disposition) == ("double", "wallet")
    assert in_wallet(street, order) == left.amount
    assert street.findings() == []


def test_an_attempt_that_fails_after_another_paid_changes_nothing(street: Street):
    """U08."""
    product = make_product(stock=3)
    order = make_order((product, 1))
    left = street.sent(order, "mtn-ci")
    settlement.give_up(left.id)
    second = street.sent(order, "wave-ci")
    assert street.approve(second)
    street.pass_(60)

    street.refuse(left)
    street.pass_(600)

    assert street.again(left).status == "failed"
    assert order.status == "paid"
    assert stock_of(product) == 2
    assert street.findings() == []


@pytest.mark.parametrize("method", TELLING)
def test_too_little_is_kept_and_pays_nothing(street: Street, method: str):
    order = make_order()
    payment = street.sent(order, method)
    plant(street, payment, FaultKind.WRONG_AMOUNT, amount=1_000)

    assert street.approve(payment)
    street.pass_(120)

    assert (receipt(payment).note, receipt(payment).amount) == ("short", 1_000)
    assert street.again(payment).status == "failed"
    assert order.status == "awaiting_payment"
    assert in_wallet(street, order) == 1_000
    assert street.findings() == []


@pytest.mark.parametrize("method", TELLING)
def test_too_much_pays_and_the_surplus_is_kept(street: Street, method: str):
    order = make_order()
    payment = street.sent(order, method)
    plant(street, payment, FaultKind.WRONG_AMOUNT, amount=payment.amount + 777)

    assert street.approve(payment)
    street.pass_(120)

    assert receipt(payment).note == "over"
    assert order.status == "paid"
    assert in_wallet(street, order) == 777
    assert street.findings() == []


@pytest.mark.parametrize("method", TELLING)
def test_another_currency_is_the_payers(street: Street, method: str):
    order = make_order()
    payment = street.sent(order, method)
    plant(street, payment, FaultKind.WRONG_CURRENCY)

    assert street.approve(payment)
    street.pass_(120)

    came = receipt(payment)
    assert (came.note, came.disposition) == ("wrong_currency", "wallet")
    assert street.again(payment).status == "failed"
    assert order.status == "awaiting_payment"
    assert street.balance(chart.wallet(order.user_id, came.currency)) == came.money
    assert in_wallet(street, order) == 0
    assert street.findings() == []


def test_an_answer_about_something_else_pays_nothing(street: Street):
    order = make_order()
    payment = street.sent(order, "wave-ci")

    settle(
        payment,
        Outcome(
            Status.SUCCEEDED, transaction_ref="T1", amount=payment.money, contradiction="merchant"
        ),
    )

    assert (receipt(payment).note, receipt(payment).disposition) == ("contradiction", "suspense")
    assert street.again(payment).status == "review"
    assert order.status == "awaiting_payment"


def test_a_contradicting_refusal_ends_nothing(street: Street):
    payment = street.sent(make_order(), "wave-ci")

    settle(payment, Outcome(Status.FAILED, contradiction="reference"))

    assert street.again(payment).status == "pending"


@pytest.mark.parametrize("method", ["wave-ci", "mtn-ci", "orange-ci"])
def test_a_forged_webhook_moves_no_franc(street: Street, method: str):
    """C2: the lie names a real pending payment, in the provider's own words."""
    order = make_order()
    street.world.faults.add(method.split("-")[0], FaultKind.FORGED_WEBHOOK, calls=1)
    payment = street.sent(order, method)

    street.pass_(60)

    assert [letter.forged for letter in street.world.letters()] == [True]
    assert session.scalar(sa.select(sa.func.count(Receipt.id))) == 0
    assert street.again(payment).status == "pending"
    assert order.status == "awaiting_payment"
    assert street.findings() == []


@pytest.mark.parametrize("method", ["wave-ci", "mtn-ci", "orange-ci"])
def test_a_webhook_three_times_credits_once(street: Street, method: str):
    """U07."""
    order = make_order()
    payment = street.sent(order, method)
    plant(street, payment, FaultKind.DUPLICATE_WEBHOOKS)

    assert street.approve(payment)
    street.pass_(120)

    assert len(street.world.letters()) == 3
    assert receipt(payment).disposition == "applied"
    assert order.status == "paid"
    assert street.findings() == []


@pytest.mark.parametrize("method", ["wave-ci", "mtn-ci"])
def test_money_is_found_when_the_first_answer_was_lost(street: Street, method: str):
    """E6: the webhook and the money come although we never heard that the request was accepted."""
    order = make_order()
    street.world.faults.add(method.split("-")[0], FaultKind.LOST_ANSWER, on="create", calls=1)
    payment = street.sent(order, method)
    assert street.again(payment).status == "unknown"

    assert street.approve(payment)
    street.pass_(300)

    assert street.again(payment).status == "succeeded"
    assert order.status == "paid"
    assert street.findings() == []


def test_a_webhook_that_overtakes_our_own_reply_is_kept_for_later(street: Street):
    """It names a payment by an id that is not stored yet: it waits, and finds it."""
    payment = street.sent(make_order(), "mtn-ci")
    body = b'{"externalId": "00000000", "status": "SUCCESSFUL"}'

    answer = street.app.test_client().put("/webhook/mtn/", data=body)
    street.work()

    assert answer.status_code == 200
    event = session.scalars(sa.select(WebhookEvent)).one()
    assert (event.status, event.tries) == ("queued", 1)
    street.pass_(120)
    session.refresh(event)
    assert event.status == "ignored"
    assert street.again(payment).status == "pending"


@pytest.mark.parametrize("order_of", [("paid", "refused"), ("refused", "paid")])
def test_contradicting_answers_keep_the_money_and_the_end(street: Street, order_of):
    """F19: success then failure, failure then success; the money is booked once either way."""
    order = make_order()
    payment = street.sent(order, "wave-ci")
    words = {
        "paid": Outcome(Status.SUCCEEDED, transaction_ref="T1", amount=payment.money),
        "refused": Outcome(Status.FAILED),
    }

    for word in order_of:
        settle(payment, words[word])
        settle(payment, words[word])

    assert receipt(payment).disposition == "applied"
    assert order.status == "paid"
    expected = "succeeded" if order_of[0] == "paid" else "failed"
    assert street.again(payment).status == expected


def test_one_phone_is_not_asked_all_day(street: Street):
    for _again in range(payments.MOST_PER_PHONE):
        settlement.give_up(street.sent(make_order(), "mtn-ci", PAYERS["mtn-ci"]).id)

    with pytest.raises(settlement.TooManyAttempts):
        street.start(make_order(), "mtn-ci", payer=PAYERS["mtn-ci"])

    street.time.pass_(minutes=16)
    assert street.start(make_order(), "mtn-ci", payer=PAYERS["mtn-ci"]).status == "created"
