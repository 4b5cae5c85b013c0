"""Money that paid for nothing: one tap says where it goes; after a day the clock sends it back (F3-F5)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop import choices, clock, jobs, settlement
from shop.db import session
from shop.errors import NotFound
from shop.ledger import chart
from shop.money import Money
from shop.orders.models import Order
from shop.payments.choice_models import Chosen, ReceiptChoice
from shop.payments.models import Payment, Receipt
from shop.payouts.models import Refund
from shop.providers.values import Outcome, Status
from tests.marketplace import make_order, make_product, make_user, new_phone, sign_in
from tests.payments.test_surprises import failed_then_late, settle
from tests.street import Street


def in_wallet(street: Street, order: Order, currency: str = "XOF") -> int:
    session.rollback()
    return street.balance(chart.wallet(order.user_id, currency)).amount


def choice_of(payment: Payment) -> tuple[Receipt, ReceiptChoice | None]:
    session.rollback()
    receipt = session.scalars(sa.select(Receipt).where(Receipt.payment_id == payment.id)).one()
    return receipt, session.get(ReceiptChoice, receipt.id)


@pytest.fixture
def kept(street: Street) -> tuple[Payment, Order]:
    """Pay late for an article that somebody else bought meanwhile."""
    product = make_product(stock=1)
    order = make_order((product, 1))
    payment = failed_then_late(street, order)
    quicker = street.sent(make_order((product, 1)), "wave-ci")
    assert street.approve(quicker)
    street.pass_(600)
    street.world.payouts.fund(payment.provider, Money(1_000_000, "XOF"))
    assert choice_of(payment)[0].note == "not_wanted"
    return street.again(payment), order


def test_one_tap_sends_it_back_to_the_phone(street, kept):
    payment, order = kept
    receipt, choice = choice_of(payment)
    assert choice is not None

    assert choices.choose(payment.id, receipt.code, Chosen.REFUND)
    assert not choices.choose(payment.id, receipt.code, Chosen.WALLET), "chosen once"
    street.pass_(120)

    assert in_wallet(street, order) == 0
    assert session.query(Refund).count() == 1
    assert street.findings() == []


def test_one_tap_keeps_it_in_the_wallet(street, kept):
    payment, order = kept
    receipt, _choice = choice_of(payment)

    choices.choose(payment.id, receipt.code, Chosen.WALLET)
    street.time.pass_(hours=25)
    jobs.run("return_receipts")

    assert in_wallet(street, order) == payment.amount
    assert session.query(Refund).count() == 0


def test_after_a_day_the_clock_sends_it_back(street, kept):
    payment, order = kept
    street.time.pass_(hours=23)
    jobs.run("return_receipts")
    assert in_wallet(street, order) == payment.amount

    street.time.pass_(hours=1)
    for _again in range(2):
        jobs.run("return_receipts")
    street.pass_(120)

    _receipt, choice = choice_of(payment)
    assert choice is not None
    assert (choice.chosen, choice.by_clock) == ("refund", True)
    assert in_wallet(street, order) == 0
    assert street.findings() == []


def test_what_was_spent_meanwhile_is_not_sent(street, kept):
    payment, order = kept
    street.request(session.get_one(type(make_user()), order.user_id), payment.money)
    street.time.pass_(hours=25)

    jobs.run("return_receipts")

    assert choice_of(payment)[1].chosen == "refund"  # type: ignore[union-attr]
    assert session.query(Refund).count() == 0


def test_what_pays_exactly_asks_nothing(street):
    payment = street.sent(make_order())
    street.approve(payment)
    street.pass_(60)

    assert choice_of(payment)[1] is None


@pytest.mark.parametrize(("factor", "note"), [(0.5, "short"), (2, "over")], ids=["short", "over"])
def test_short_and_over_ask_too(street, factor, note):
    order = make_order()
    payment = street.sent(order)
    amount = Money(int(payment.amount * factor), "XOF")
    settle(payment, Outcome(Status.SUCCEEDED, amount=amount, transaction_ref="T-1", words="ok"))

    receipt, choice = choice_of(payment)

    assert (receipt.note, choice is not None) == (note, True)
    left = amount.amount if note == "short" else amount.amount - payment.amount
    assert in_wallet(street, order) == left


def test_a_second_payment_by_another_operator_asks_its_payer(street):
    order = make_order()
    first = street.sent(order, "wave-ci")
    settlement.give_up(first.id)
    second = street.sent(order, "mtn-ci")
    assert street.approve(first)
    street.pass_(60)
    assert street.approve(second)
    street.pass_(120)

    receipt, choice = choice_of(second)

    assert (receipt.note, choice is not None) == ("double", True)
    assert choice_of(first)[1] is None


def test_the_page_asks_and_one_tap_answers(street, client):
    phone = new_phone()
    product = make_product(stock=1)
    order = make_order((product, 1), user=make_user(phone=phone))
    payment = street.sent(order)
    half = Money(payment.amount // 2, "XOF")
    settle(payment, Outcome(Status.SUCCEEDED, amount=half, transaction_ref="T-1", words="ok"))
    receipt, _choice = choice_of(payment)
    address = f"/payment/{payment.reference}/"
    sign_in(client, phone)

    page = client.get(f"{address}status/").text
    assert 'data-test="choice"' in page
    assert client.post(f"{address}kept/", data={"choice": "elsewhere"}).status_code == 400
    answer = client.post(f"{address}kept/", data={"choice": "wallet", "receipt": receipt.code})

    assert answer.status_code == 303
    assert choice_of(payment)[1].chosen == "wallet"  # type: ignore[union-attr]
    assert 'data-test="choice"' not in client.get(f"{address}status/").text


def test_nobody_chooses_about_anothers_money(street, kept, client):
    payment, _order = kept
    receipt, _choice = choice_of(payment)
    sign_in(client, new_phone())

    answer = client.post(
        f"/payment/{payment.reference}/kept/", data={"choice": "refund", "receipt": receipt.code}
    )

    assert answer.status_code == 404
    assert choice_of(payment)[1].chosen is None  # type: ignore[union-attr]
    with pytest.raises(NotFound):
        choices.choose(payment.id, "0000000000", Chosen.REFUND)


def test_a_row_that_cannot_be_served_waits(street, kept):
    payment, _order = kept
    receipt, _choice = choice_of(payment)

    choices.postpone(receipt.id, 600)

    assert choice_of(payment)[1].wake_at == clock.after(600)  # type: ignore[union-attr]
