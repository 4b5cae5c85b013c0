"""A refunded order's money goes back to the phone that paid, once, and the page follows it by the books."""

from __future__ import annotations

import pytest

from shop import jobs, order_refunds
from shop.db import session
from shop.ledger import chart
from shop.money import Money
from shop.orders import fulfilment, whereabouts
from shop.orders.models import SellerOrder
from shop.orders.states import Stage
from shop.payouts.models import Payout, Refund
from tests.marketplace import make_order, make_product, make_store
from tests.orders.paid import again, make_part
from tests.street import Street

PAYER = "+2290161020304"


def paid(street: Street, method: str = "fedapay-mtn-bj", payer: str | None = PAYER) -> SellerOrder:
    """Buy something for 5,000 on the whole road."""
    product = make_product(price=5_000, stock=1, store=make_store(delivery=0))
    order = make_order((product, 1))
    payment = street.sent(order, method, payer=payer)
    assert street.approve(payment)
    street.pass_(120)
    street.world.payouts.fund(payment.provider, Money(1_000_000, "XOF"))
    session.rollback()
    return order.seller_orders[0]


def refuse(part: SellerOrder) -> None:
    fulfilment.sell(part.store.owner_id, part.reference, Stage.REFUSED, "plus en stock")


def told(part: SellerOrder) -> str:
    part = again(part)
    return whereabouts.for_buyer(part, whereabouts.of(part))


def wallet(street: Street, part: SellerOrder) -> int:
    return street.balance(chart.wallet(part.order.user_id, "XOF")).amount


def test_a_refused_order_is_back_on_the_phone_that_paid(street: Street):
    part = paid(street)
    refuse(part)
    assert "revenus dans votre portefeuille" in told(part)
    assert wallet(street, part) == 5_000

    jobs.run("return_refunds")
    assert "repartent vers le numéro" in told(part)
    assert wallet(street, part) == 0
    street.pass_(120)

    [payout] = session.query(Payout).all()
    assert (payout.status, payout.payee_phone, payout.amount) == ("succeeded", PAYER, 5_000)
    assert "renvoyés au numéro qui a payé" in told(part)
    assert again(part).return_at is None
    assert street.findings() == []


def test_a_refund_is_sent_on_once_however_often_it_is_asked(street: Street):
    part = paid(street)
    refuse(part)

    for _again in range(3):
        order_refunds.send_back(part.id)
        jobs.run("return_refunds")
    street.pass_(120)

    assert session.query(Payout).count() == session.query(Refund).count() == 1
    assert street.findings() == []


def test_what_cannot_go_back_stays_in_the_wallet(app, time):
    part = make_part(Stage.REFUSED)

    jobs.run("return_refunds")

    assert "revenus dans votre portefeuille" in told(part)
    assert again(part).return_at is None


@pytest.mark.parametrize("to", [Stage.HANDED_OVER, Stage.CONFIRMED])
def test_nothing_is_sent_back_of_what_the_seller_got(app, time, to):
    part = make_part(to)

    assert part.return_at is None
    assert jobs.run("return_refunds") == 0
