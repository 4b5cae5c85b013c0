"""Where a refunded order meets the money that paid for it: from the buyer's wallet back to the phone.

The refund itself is decided and posted by `orders`, at once and surely. Sending it on may take a while and
may fail; the money is the buyer's in the wallet before, and again if it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from shop import clock, refunds
from shop.accounts import service as accounts
from shop.db import retrying, session, transaction
from shop.debts import service as debts
from shop.debts.models import Source as Owed
from shop.errors import InsufficientFunds
from shop.ledger import chart
from shop.money import Money, total
from shop.orders import refund_rows
from shop.orders import service as orders
from shop.orders.models import SellerOrder
from shop.orders.refund_models import OrderRefund
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition, Purpose


def due_parts(limit: int) -> Sequence[int]:
    """List refunds of paid sales that are still in the buyer's wallet, oldest first."""
    query = sa.select(OrderRefund.id).where(OrderRefund.return_at <= clock.now())
    return session.scalars(query.order_by(OrderRefund.return_at).limit(limit)).all()


@retrying
def send_part_back(refund_id: int) -> None:
    """Ask once for a refund of a part to go back the way the order was paid."""
    with transaction():
        row = _locked_part(refund_id)
        if row.return_at is None:
            return  # somebody was faster
        row.return_at = None
        part = session.get_one(SellerOrder, row.seller_order_id)
        _send(part, row.buyer, orders.part_refund_key(row), row.cause)


@retrying
def postpone_part(refund_id: int, seconds: float) -> None:
    """Look again later at a refund of a part that could not be sent on."""
    with transaction():
        row = _locked_part(refund_id)
        if row.return_at is not None:
            row.return_at = clock.after(seconds)


def _locked_part(refund_id: int) -> OrderRefund:
    query = sa.select(OrderRefund).where(OrderRefund.id == refund_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


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
        closing = refund_rows.closing_of(part)
        back = closing.buyer if closing else part.refunded
        _send(part, back, orders.refund_key(part), part.stage)


def _send(part: SellerOrder, back: Money, form_key: str, word: str) -> None:
    """Send money on from the buyer's wallet, less what the operator had taken back already (F8)."""
    buyer = accounts.owner_ids({part.order.user_id})[part.order.user_id]
    taken = debts.collect(buyer, part.currency, back, only=Owed.REVERSAL)
    back -= total([Money(one.amount, part.currency) for one in taken], part.currency)
    for key, receipt_id, amount in _shares(part, back, form_key):
        try:
            refunds.give_back(
                receipt_id,
                amount,
                source=chart.wallet(buyer, part.currency),
                form_key=key,
                reason=f"order {part.reference} {word}",
            )
        except InsufficientFunds:
            return  # the buyer was faster, and has spent it


def _shares(part: SellerOrder, back: Money, form_key: str) -> Iterator[tuple[str, int, Money]]:
    """Divide a refund over the receipts that paid: what was paid at the door first, then the rest."""
    left = back
    bill = orders.bill_of(part)
    at_door = _receipt_of(bill.id) if bill is not None else None
    if bill is not None and at_door is not None:
        given = refunds.given_back(session.get_one(Receipt, at_door))
        share = min(left, bill.total - given) if given < bill.total else Money(0, part.currency)
        left -= share
        if share:
            yield f"{form_key}:door", at_door, share
    receipt_id = _receipt_of(part.order_id)
    if receipt_id is not None and left:
        yield form_key, receipt_id, left


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
