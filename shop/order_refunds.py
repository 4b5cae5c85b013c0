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
from shop.orders.models import Order, SellerOrder
from shop.orders.refund_models import OrderRefund
from shop.payments.choice_models import ReceiptReversal
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
        _send(part, row, orders.part_refund_key(row), row.cause)


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
        _send(part, refund_rows.closing_of(part), orders.refund_key(part), part.stage)


def _send(part: SellerOrder, row: OrderRefund | None, form_key: str, word: str) -> None:
    """Send on what phones had paid of a refund; cashback, and what wallets paid, stays in the wallet.

    What the operator had taken back already is repaid first (F8).
    """
    back = row.buyer - refund_rows.kept_as_cashback(row) if row else part.refunded
    buyer = accounts.owner_id(part.order.user_id)
    taken = debts.collect(buyer, part.currency, back, only=Owed.REVERSAL)
    repaid = total([Money(one.amount, part.currency) for one in taken], part.currency)
    ways = list(_ways_back(part, form_key))
    phones_paid = total([left for _key, _receipt, left in ways], part.currency)
    to_send = min(back, phones_paid) - repaid
    for key, receipt, left in ways:
        amount = min(to_send, left)
        if amount <= Money(0, part.currency):
            continue
        to_send -= amount
        try:
            refunds.give_back(
                receipt.id,
                amount,
                source=chart.wallet(buyer, part.currency),
                form_key=key,
                reason=f"order {part.reference} {word}",
            )
        except InsufficientFunds:
            return  # the buyer was faster, and has spent it


def _ways_back(part: SellerOrder, form_key: str) -> Iterator[tuple[str, Receipt, Money]]:
    """Give the receipts that paid, with what can still go back by each: what was paid at the door first."""
    bill = orders.bill_of(part)
    at_door = _receipt_of(bill.id) if bill is not None else None
    if bill is not None and at_door is not None:
        yield f"{form_key}:door", at_door, _left_of_door(bill, at_door)
    receipt = _receipt_of(part.order_id)
    if receipt is not None:
        yield form_key, receipt, _left_of_phone(part.order, receipt)


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


def _left_of_door(bill: Order, receipt: Receipt) -> Money:
    """Say how much of what a phone paid at the door was not sent back to it yet."""
    if session.get(ReceiptReversal, receipt.id) is not None:
        return Money(0, receipt.currency)
    nothing = Money(0, receipt.currency)
    return max(nothing, bill.total - refunds.given_back(receipt))


def _left_of_phone(order: Order, receipt: Receipt) -> Money:
    """Say how much of what a phone paid for an order was not sent back to it yet.

    Of the operator's fee only what the policy gave back counts; money that paid for nothing does not.
    What the operator took back by itself is on the phone already.
    """
    if session.get(ReceiptReversal, receipt.id) is not None:
        return Money(0, receipt.currency)
    fee = session.get_one(Payment, receipt.payment_id).fee
    rows = [row for part in order.seller_orders for row in refund_rows.of_part(part)]
    fees = total([Money(row.fee_amount, receipt.currency) for row in rows], receipt.currency)
    keys = [orders.refund_key(part) for part in order.seller_orders]
    keys.extend(orders.part_refund_key(row) for row in rows)
    sent = refunds.given_back_as(receipt, keys)
    paid = Money(receipt.applied_amount, receipt.currency) - fee + fees
    return min(paid - sent, receipt.money - refunds.given_back(receipt))


def _receipt_of(order_id: int) -> Receipt | None:
    """Lock the receipt that paid an order; None when it was not paid by a provider."""
    return session.scalar(
        sa.select(Receipt)
        .join(Payment, Payment.id == Receipt.payment_id)
        .where(
            Payment.purpose == Purpose.ORDER,
            Payment.purpose_id == order_id,
            Receipt.disposition == Disposition.APPLIED,
        )
        .with_for_update(of=Receipt)
    )
