"""A success that the operator takes back: the books follow, releases freeze, both are told, at once (F8)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop import reversals
from shop.approvals.service import Voice
from shop.db import session
from shop.debts import service as debts
from shop.ledger import chart
from shop.money import Money
from shop.notices.models import Notice
from shop.orders import disputes, fulfilment
from shop.orders.fulfilment import By
from shop.orders.models import SellerOrder
from shop.orders.refusals import Disputed
from shop.orders.states import Actor, Stage
from shop.payments.models import Payment
from tests.marketplace import make_order, make_product, make_store
from tests.orders.paid import again, take
from tests.street import Street

ONE, OTHER = Voice("Awa", "x", "portail Wave"), Voice("Koffi", "y", "portail Wave")


def francs(amount: int) -> Money:
    return Money(amount, "XOF")


def paid(street: Street, *stages: Stage) -> tuple[Payment, SellerOrder]:
    store = make_store(commission_bp=500, delivery=0)
    order = make_order((make_product(price=10_000, store=store), 1))
    payment = street.sent(order)
    assert street.approve(payment)
    street.pass_(60)
    part = order.seller_orders[0]
    for stage in stages:
        take(part, stage)
    return street.again(payment), again(part)


def take_back(payment: Payment) -> bool:
    session.rollback()
    assert not reversals.reverse(payment.id, ONE)
    return reversals.reverse(payment.id, OTHER)


def wallet(street: Street, user_id: int) -> int:
    session.rollback()
    return street.balance(chart.wallet(user_id, "XOF")).amount


def owed(user_id: int) -> int:
    return debts.owed(user_id, "XOF").amount


def test_one_person_takes_nothing_back(street):
    payment, _part = paid(street)

    assert not reversals.reverse(payment.id, ONE)
    assert not reversals.reverse(payment.id, ONE)

    assert street.balance(chart.float_at("wave", "XOF")) == francs(10_000)


def test_what_nobody_accepted_is_cancelled_and_owes_nothing(street):
    payment, part = paid(street)

    assert take_back(payment)

    part = again(part)
    assert (part.stage, part.escrow) == ("cancelled", "refunded")
    assert (wallet(street, part.order.user_id), owed(part.order.user_id)) == (0, 0)
    assert street.balance(chart.float_at("wave", "XOF")) == francs(0)
    street.pass_(60)
    assert street.findings() == []


def test_what_is_on_its_way_is_frozen_until_people_decide(street):
    payment, part = paid(street, Stage.ACCEPTED, Stage.SENT)
    buyer = part.order.user_id

    assert take_back(payment)

    part = again(part)
    assert (part.escrow, part.disputed_at is not None, owed(buyer)) == ("held", True, 10_000)
    with pytest.raises(Disputed):
        fulfilment.buy([buyer], part.reference, Stage.CONFIRMED)
    assert street.findings() == []

    dispute = disputes.of_part(part)
    assert dispute.reason == "reversed"
    disputes.decide(part.reference, francs(10_000), ONE)
    street.pass_(2 * 86_400 + 120)

    assert again(part).escrow == "refunded"
    assert (wallet(street, buyer), owed(buyer)) == (0, 0)
    assert street.findings() == []


def test_a_seller_who_was_paid_owes_it_less_our_commission(street):
    payment, part = paid(street, Stage.ACCEPTED, Stage.SENT, Stage.CONFIRMED)
    seller = part.store.owner_id
    assert wallet(street, seller) == 9_500

    assert take_back(payment)

    assert (wallet(street, seller), owed(seller), owed(part.order.user_id)) == (0, 0, 0)
    assert street.balance(chart.income("commission", "XOF")) == francs(0)
    assert street.balance(chart.float_at("wave", "XOF")) == francs(0)
    assert street.findings() == []


def test_what_the_buyer_had_back_already_the_buyer_owes(street):
    payment, part = paid(street, Stage.ACCEPTED, Stage.SENT)
    fulfilment.decide(part.reference, Stage.DECIDED, By(Actor.STAFF, words="cassé"), francs(4_000))

    assert take_back(payment)

    # 4,000 were still in the buyer's wallet; the seller's 5,700 in the seller's.
    assert (wallet(street, part.order.user_id), owed(part.order.user_id)) == (0, 0)
    assert (wallet(street, part.store.owner_id), owed(part.store.owner_id)) == (0, 0)
    assert street.balance(chart.float_at("wave", "XOF")) == francs(0)
    assert street.findings() == []


def test_it_is_taken_back_once_and_both_are_told(street):
    payment, part = paid(street, Stage.ACCEPTED)
    assert take_back(payment)

    with pytest.raises(reversals.NothingToReverse):
        reversals.reverse(payment.id, ONE)

    told = session.scalars(sa.select(Notice.key).where(Notice.key.like("reversed:%"))).all()
    assert sorted(told) == [
        f"reversed:{payment.reference}",
        f"reversed:{payment.reference}:{again(part).reference}",
    ]


def test_the_command_takes_two_people(street):
    payment, part = paid(street, Stage.ACCEPTED)
    run = street.app.test_cli_runner().invoke
    words = ["payments", "reversed", payment.reference, "--reason", "portail"]

    first = run(args=[*words, "--as", "awa"])
    assert (first.exit_code, again(part).disputed_at) == (0, None)
    second = run(args=[*words, "--as", "koffi"])
    third = run(args=[*words, "--as", "koffi"])

    assert (second.exit_code, third.exit_code) == (0, 5)
    assert again(part).disputed_at is not None
