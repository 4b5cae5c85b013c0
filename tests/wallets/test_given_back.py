"""Where wallets, phones and the refund policy meet: each gets back what it paid, and no more."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shop import choices, jobs, references, reversals, wallet_parts
from shop.accounts.models import User
from shop.approvals.service import Voice
from shop.cashback import campaigns
from shop.cashback import service as cashback
from shop.cashback.campaigns import Campaign
from shop.db import session
from shop.debts import service as debts
from shop.ledger import chart
from shop.ledger.chart import Kind
from shop.ledger.syscohada import heading
from shop.orders import reading, refunding
from shop.orders.models import Order, SellerOrder
from shop.orders.policy import Cause
from shop.orders.refunding import Wanted
from shop.orders.states import Stage
from shop.payments import reading as payments
from shop.payments.choice_models import Chosen
from shop.payments.models import Payment
from shop.payouts.models import Refund
from shop.providers.values import Outcome, Status
from tests.marketplace import make_order, make_product, make_store, make_user
from tests.orders.paid import again, take
from tests.payments.test_surprises import settle
from tests.street import Street
from tests.wallets.owners import available, francs, mixed, top_up

ONE, OTHER = Voice("Awa", "x", "portail Wave"), Voice("Koffi", "y", "portail Wave")


@pytest.fixture
def buyer(street: Street) -> User:
    return make_user()


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = date(2026, 11, 1), date(2027, 1, 1)
    one = Campaign("essai", False, first, last, 1_000, francs(2_000), timedelta(days=30))
    monkeypatch.setattr(campaigns, "_table", lambda: (one,))


def order_of(buyer: User, price: int = 10_000) -> Order:
    store = make_store(commission_bp=500, delivery=0)
    return make_order((make_product(price=price, store=store), 1), user=buyer)


def paid_by_both(street: Street, buyer: User, beside: int, method: str = "wave-ci") -> SellerOrder:
    """An order of 10,000, of which `beside` came from the wallet."""
    street.fund(francs(beside), "wave", user=buyer)
    order = order_of(buyer)
    assert street.approve(mixed(street, order, beside, method))
    street.pass_(120)
    return again(order.seller_orders[0])


def give(part: SellerOrder, amount: int, cause: Cause = Cause.MISSING) -> None:
    part = again(part)
    wanted = Wanted(f"form-{references.new()}", francs(amount), cause, "il en manque")
    refunding.by_seller(part.store.owner_id, part.reference, wanted)


def on_the_phone(street: Street) -> int:
    jobs.run("return_parts")
    jobs.run("return_refunds")
    street.pass_(600)
    return sum(one.amount.amount for one in street.world.refunds.book()) + sum(
        one.amount.amount for one in street.world.payouts.book()
    )


def left(buyer: User) -> int:
    session.rollback()
    return sum(money.amount for _grant, money in cashback.living([buyer.id], "XOF"))


def take_back(payment: Payment) -> None:
    session.rollback()
    assert not reversals.reverse(payment.id, ONE)
    assert reversals.reverse(payment.id, OTHER)


def test_parts_go_to_the_phone_until_it_has_what_it_paid(street: Street, buyer: User):
    part = paid_by_both(street, buyer, 4_000)
    assert reading.held_for([buyer.id]) == {"XOF": francs(10_000)}

    give(part, 5_000)
    assert reading.held_for([buyer.id]) == {"XOF": francs(5_000)}
    assert on_the_phone(street) == 5_000
    give(part, 5_000)

    assert on_the_phone(street) == 6_000
    assert available(buyer) == 4_000
    assert street.findings() == []


def test_what_cashback_paid_comes_back_as_cashback_part_by_part(street, buyer, campaign):
    first = paid_by_both(street, buyer, 1_000)
    take(first, Stage.ACCEPTED)
    take(first, Stage.HANDED_OVER)
    assert left(buyer) == 1_000
    street.fund(francs(9_000), user=buyer)
    order = order_of(buyer)
    wallet_parts.pay(order.id, buyer.id)
    part = again(order.seller_orders[0])

    give(part, 600)
    assert (left(buyer), available(buyer)) == (600, 0)
    give(part, 1_400)
    assert (left(buyer), available(buyer)) == (1_000, 1_000)
    give(part, 8_000)

    assert on_the_phone(street) == 0, "no phone had paid"
    assert (left(buyer), available(buyer)) == (1_000, 9_000)
    assert street.findings() == []


def test_after_the_release_too(street, buyer, campaign):
    first = paid_by_both(street, buyer, 1_000)
    take(first, Stage.ACCEPTED)
    take(first, Stage.HANDED_OVER)
    order = order_of(buyer, 5_000)
    assert street.approve(mixed(street, order, 1_000))
    street.pass_(120)
    part = again(order.seller_orders[0])
    take(part, Stage.ACCEPTED)
    take(part, Stage.HANDED_OVER)
    assert left(buyer) == 500

    give(part, 3_000)

    assert (left(buyer), available(buyer)) == (1_500, 2_000)
    assert on_the_phone(street) == 2_000
    assert street.findings() == []


def test_what_went_back_earns_no_cashback(street, buyer, campaign):
    part = paid_by_both(street, buyer, 1_000)
    take(part, Stage.ACCEPTED)
    give(part, 4_000)

    take(part, Stage.HANDED_OVER)

    assert left(buyer) == 600


def test_a_surplus_sent_back_takes_nothing_from_the_refund(street: Street, buyer: User):
    street.fund(francs(4_000), user=buyer)
    order = order_of(buyer)
    payment = mixed(street, order, 4_000)
    paid = Outcome(Status.SUCCEEDED, amount=francs(6_500), transaction_ref="T-1", words="ok")
    settle(payment, paid)
    [receipt] = payments.receipts_of(payment.id)
    assert choices.choose(payment.id, receipt.code, Chosen.REFUND)

    take(again(order.seller_orders[0]), Stage.REFUSED)
    jobs.run("return_refunds")

    assert sorted(one.amount for one in session.query(Refund)) == [500, 6_000]
    assert available(buyer) == 4_000


def test_a_top_up_that_is_taken_back_is_owed_by_the_wallet(street: Street, buyer: User):
    payment = top_up(street, buyer, 5_000)
    assert street.approve(payment)
    street.pass_(120)
    assert choices.due(10) == []
    assert available(buyer) == 5_000

    take_back(payment)

    assert (available(buyer), debts.owed(buyer.id, "XOF")) == (0, francs(0))
    assert street.balance(chart.float_at("wave", "XOF")) == francs(0)
    assert street.findings() == []


def test_a_seller_answers_for_what_the_phone_paid(street: Street, buyer: User):
    part = paid_by_both(street, buyer, 4_000)
    take(part, Stage.ACCEPTED)
    take(part, Stage.HANDED_OVER)
    seller = session.get_one(User, part.store.owner_id)
    before = available(seller)
    [payment] = session.query(Payment)

    take_back(payment)

    assert before - available(seller) == 6_000 - 300, "less our commission of it"
    assert debts.owed(buyer.id, "XOF") == francs(0)
    assert street.findings() == []


def test_every_kind_of_account_has_its_place_in_the_accountant_s_plan():
    assert {heading(chart.Account(kind, "1", "XOF")).number for kind in Kind}


def test_an_order_nobody_accepted_gives_the_wallet_its_part_when_the_phone_s_is_gone(
    street: Street, buyer: User
):
    part = paid_by_both(street, buyer, 4_000)
    [payment] = session.query(Payment)

    take_back(payment)

    assert again(part).stage == Stage.CANCELLED
    assert (available(buyer), debts.owed(buyer.id, "XOF")) == (4_000, francs(0))
    street.fund(francs(20_000), "wave", user=buyer)
    assert on_the_phone(street) == 0, "the operator brought the phone its money"
    assert available(buyer) == 24_000
    assert street.findings() == []
