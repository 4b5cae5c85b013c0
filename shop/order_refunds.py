"""Where a refunded order meets the money that paid for it: from the buyer's wallet back to the phone.

The refund itself is decided and posted by `orders`, at once and surely. Sending it on may take a while and
may fail; the money is the buyer's in the wallet before, and again if it does.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from shop import clock, refunds
from shop.accounts import service as accounts
from shop.db import retrying, session, transaction
from shop.errors import InsufficientFunds
from shop.ledger import chart
from shop.ledger import reading as books
from shop.money import Money, total
from shop.orders import service as orders
from shop.orders.models import SellerOrder
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition, Purpose


def due(limit: int) -> Sequence[int]:
    """List the seller orders whose refund is still in the buyer's wallet, oldest first."""
    query = sa.select(SellerOrder.id).where(SellerOrder.return_at <= clock.now())
    return session.scalars(query.order_by(SellerOrder.return_at).limit(limit)).all()


@retrying
def send_back(seller_order_id: int) -> None:
    """Ask once for a refund to go back the way the order was paid; the wallet keeps what cannot go."""
    with transaction():
        part = _locked(seller_order_id)
        if part.return_at is None:
            return  # somebody was faster
        part.return_at = None
        receipt_id = _receipt_of(part.order_id)
        if receipt_id is None:
            return
        amount = _came_by_phone(part, receipt_id)
        if not amount:
            return  # the wallet had paid it, and has it again
        buyer = accounts.owner_ids({part.order.user_id})[part.order.user_id]
        try:
            refunds.give_back(
                receipt_id,
                amount,
                source=chart.wallet(buyer, part.currency),
                form_key=orders.refund_key(part),
                reason=f"order {part.reference} {part.stage}",
            )
        except InsufficientFunds:
            return  # the buyer was faster, and has spent it


@retrying
def postpone(seller_order_id: int, seconds: float) -> None:
    """Look again later at a refund that could not be sent on."""
    with transaction():
        part = _locked(seller_order_id)
        if part.return_at is not None:
            part.return_at = clock.after(seconds)


def _locked(seller_order_id: int) -> SellerOrder:
    query = sa.select(SellerOrder).where(SellerOrder.id == seller_order_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _came_by_phone(part: SellerOrder, receipt_id: int) -> Money:
    """Say what of a refund goes back to the phone: no cashback, and no more than the phone had paid."""
    receipt = session.get_one(Receipt, receipt_id)
    fee = session.get_one(Payment, receipt.payment_id).fee
    paid = Money(receipt.applied_amount, receipt.currency) - fee
    left = max(paid - refunds.given_back(receipt), Money(0, part.currency))
    kept = books.moves([f"cashback-returned:{part.id}:"])
    return min(part.refunded - total([move.amount for move in kept], part.currency), left)


def _receipt_of(order_id: int) -> int | None:
    """Find the receipt that paid an order; None when it was not paid by a provider."""
    return session.scalar(
        sa.select(Receipt.id)
        .join(Payment, Payment.id == Receipt.payment_id)
        .where(
            Payment.purpose == Purpose.ORDER,
            Payment.purpose_id == order_id,
            Receipt.disposition == Disposition.APPLIED,
        )
    )
