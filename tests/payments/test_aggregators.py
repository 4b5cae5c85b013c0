"""A payment through an aggregator, from its button to the books: the rows no page offers yet work."""

from __future__ import annotations

import pytest

from shop.ledger import chart
from tests.marketplace import make_order, make_product, stock_of
from tests.street import Street

METHODS = {
    "fedapay-mtn-bj": "+2290161020304",
    "fedapay-wave-ci": "+2250701020304",
    "cinetpay-orange-ci": "+2250701020304",
}


@pytest.mark.parametrize("method", METHODS)
def test_an_approved_payment_is_in_the_books_once(street: Street, method: str):
    product = make_product(stock=3)
    order = make_order((product, 1))
    payment = street.sent(order, method, payer=METHODS[method])

    assert street.approve(payment)
    street.pass_(120)

    assert street.again(payment).status == "succeeded"
    assert order.status == "paid"
    assert stock_of(product) == 2
    assert street.balance(chart.float_at(payment.provider, "XOF")) == order.total
    assert street.findings() == []


@pytest.mark.parametrize("method", METHODS)
def test_a_message_that_lies_pays_nothing(street: Street, method: str):
    street.world.faults.add(method.partition("-")[0], "forged_webhook")
    order = make_order((make_product(stock=3), 1))
    payment = street.sent(order, method, payer=METHODS[method])

    street.pass_(60)

    assert street.again(payment).status == "pending"
    assert order.status == "awaiting_payment"
    assert street.findings() == []
