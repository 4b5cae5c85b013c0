"""A payment from its button to the books, on each of the four operators."""

from __future__ import annotations

import pytest

from shop.ledger import chart
from tests.marketplace import make_order, make_product, stock_of
from tests.street import PAYERS, Street


@pytest.mark.parametrize("method", PAYERS)
def test_approved_payment_is_in_the_books_once(street: Street, method: str):
    first, second = make_product(stock=3), make_product("Savon noir", price=1_500, stock=9)
    order = make_order((first, 1), (second, 2))
    payment = street.sent(order, method)
    assert payment.status == "pending"

    assert street.approve(payment)
    street.pass_(120)

    assert street.again(payment).status == "succeeded"
    assert order.status == "paid"
    for part in order.seller_orders:
        assert street.balance(chart.escrow(part.id, "XOF")) == part.total
    assert street.balance(chart.float_at(payment.provider, "XOF")) <= order.total
    assert stock_of(first) == 2
    assert street.findings() == []


@pytest.mark.parametrize("method", PAYERS)
def test_refused_payment_takes_nothing(street: Street, method: str):
    product = make_product(stock=3)
    order = make_order((product, 1))
    payment = street.sent(order, method)

    street.refuse(payment)
    street.pass_(2_000)

    assert street.again(payment).status == "failed"
    assert order.status == "awaiting_payment"
    assert stock_of(product) == 3
    assert street.findings() == []
