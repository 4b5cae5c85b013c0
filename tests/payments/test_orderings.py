"""Every order in which four things can happen to the last article, through the services themselves (B3)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
import sqlalchemy as sa

from shop import settlement
from shop.db import session, transaction
from shop.errors import Refusal
from shop.ledger import chart
from shop.orders import service as orders
from shop.orders.models import Order, OrderStatus
from shop.orders.quoting import Choice
from shop.orders.use_models import DiscountUse, UseState
from shop.payments.models import Payment, Receipt
from shop.providers.values import Outcome, Status
from tests.databases import both_databases
from tests.marketplace import make_product, stock_of
from tests.orders.doors import make_code, order_with
from tests.payments.test_surprises import settle
from tests.street import Street


class LastArticle:
    """One article, one use of a code, two buyers who want both."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.product = make_product(stock=1)
        make_code(self.product.store, uses=1)
        self.first, self.second = self._order(), self._order()
        self.payment = street.sent(self.first, "wave-ci")

    def _order(self) -> Order:
        return order_with(self.product, Choice(code="AWA10"))

    def expire(self) -> None:
        """The provider says that the request is dead."""
        settle(self.street.again(self.payment), Outcome(Status.FAILED, words="expired"))

    def late_success(self) -> None:
        """The payer approves, whatever was said of the request before."""
        assert self.street.approve(self.payment)
        self.street.pass_(30)

    def second_buyer(self) -> None:
        """Somebody else wants the article, and pays if it can be had."""
        try:
            payment = self.street.sent(self.second, "mtn-ci")
        except Refusal:
            return
        assert self.street.approve(payment)
        self.street.pass_(30)

    def cancel(self) -> None:
        """The buyer leaves the attempt and the order."""
        settlement.give_up(self.payment.id)
        with transaction():
            orders.cancel(orders.locked(self.first.id))

    def charged(self, order: Order) -> int:
        """What the payers of an order were really charged, by the providers' own books."""
        references = session.scalars(
            sa.select(Payment.reference).where(Payment.purpose_id == order.id)
        ).all()
        moved = self.street.world.book()
        return sum(m.amount.amount for m in moved if m.reference in references)


EVENTS: dict[str, Callable[[LastArticle], None]] = {
    "expire": LastArticle.expire,
    "late success": LastArticle.late_success,
    "second buyer": LastArticle.second_buyer,
    "cancel": LastArticle.cancel,
}


@both_databases
@pytest.mark.parametrize("events", list(permutations(EVENTS)), ids="-".join)
def test_nobody_is_charged_for_nothing(street: Street, events):
    market = LastArticle(street)

    for event in events:
        EVENTS[event](market)
    street.pass_(700)

    session.rollback()
    session.expire_all()
    sold = 0
    for order in (market.first, market.second):
        order, charged = session.get_one(Order, order.id), market.charged(order)
        kept = street.balance(chart.wallet(order.user_id, "XOF")).amount
        if order.status == OrderStatus.PAID:
            sold += 1
            assert (charged, kept) == (order.total_amount, 0)
        else:
            assert kept == charged, "what bought nothing is its payer's"
    receipts = session.scalar(sa.select(sa.func.count()).select_from(Receipt))
    used = session.scalars(sa.select(DiscountUse).where(DiscountUse.state != UseState.FREE)).all()
    assert stock_of(market.product) == 1 - sold >= 0
    assert len(used) == sold
    assert receipts in (1, 2)
    assert street.findings() == []
