"""What a sale's refunds were so far, and writing the next: between the policy and the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from shop import clock
from shop.cashback import service as cashback
from shop.db import in_transaction, session
from shop.ledger import reading as books
from shop.money import Money, total
from shop.orders import policy
from shop.orders.models import SellerOrder
from shop.orders.policy import Cause, Parts, Past, Shares
from shop.orders.refund_models import OrderRefund, Source
from shop.orders.states import Actor, Escrow
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition, Purpose

#: The longest reason that is kept.
WORDS = 200


@dataclass(frozen=True, slots=True)
class Why:
    """Who gives something back, for which cause, in whose words; and the key of the one request."""

    form_key: str
    cause: Cause
    actor: Actor
    user_id: int | None = None
    words: str = ""


def of_part(part: SellerOrder) -> Sequence[OrderRefund]:
    """List the refunds of a seller order, oldest first."""
    query = sa.select(OrderRefund).where(OrderRefund.seller_order_id == part.id)
    return session.scalars(query.order_by(OrderRefund.id)).all()


def found(form_key: str) -> OrderRefund | None:
    """Find the refund that a request already made."""
    return session.scalar(sa.select(OrderRefund).where(OrderRefund.form_key == form_key))


def closing_of(part: SellerOrder) -> OrderRefund | None:
    """Give what went back with the step that closed a seller order; None when nothing did."""
    rows = [row for row in of_part(part) if row.source == Source.CLOSING]
    return rows[0] if rows else None


def sale_of(part: SellerOrder) -> Parts:
    """Give the frozen parts of a sale; once it is closed, with the commission that we did keep."""
    commission = part.commission_amount
    if part.escrow in (Escrow.RELEASED, Escrow.SPLIT):
        before = (Source.ESCROW, Source.CLOSING)
        given = sum(r.commission_amount for r in of_part(part) if r.source in before)
        commission = part.kept_amount + given
    return Parts(part.items_amount, part.delivery_amount, commission, _fee_of(part).amount)


def _fee_of(part: SellerOrder) -> Money:
    """Give the seller order's share of what the buyer paid on top for the operator, if anything."""
    fee = session.scalar(
        sa.select(Payment.fee_amount)
        .join(Receipt, Receipt.payment_id == Payment.id)
        .where(
            Payment.purpose == Purpose.ORDER,
            Payment.purpose_id == part.order_id,
            Receipt.disposition == Disposition.APPLIED,
        )
    )
    if not fee:
        return Money(0, part.currency)
    parts = sorted(part.order.seller_orders, key=lambda one: one.id)
    shares = Money(fee, part.currency).split([one.total_amount for one in parts])
    return shares[[one.id for one in parts].index(part.id)]


def past_of(part: SellerOrder) -> Past:
    """Add up what went back so far."""
    rows = of_part(part)
    return Past(sum((row.parts for row in rows), Parts()), sum(row.undone_amount for row in rows))


def price_kept(part: SellerOrder) -> Money:
    """Say what of the price of a sale did not go back: what earns cashback."""
    return part.items - Money(past_of(part).back.price, part.currency)


def revive_cashback(part: SellerOrder, row: OrderRefund, buyer_id: int) -> None:
    """Make what cashback had paid cashback again, before anybody can withdraw what went back."""
    parts = [each.id for each in part.order.seller_orders]
    cashback.give_back(part.order_id, part.id, parts, buyer_id, row.amount, row.id)


def kept_as_cashback(row: OrderRefund) -> Money:
    """Say what of a refund is cashback again, and is not sent on."""
    moves = books.moves([f"cashback-returned:{row.seller_order_id}:{row.id}:"])
    return total([move.amount for move in moves], row.currency)


def planned(part: SellerOrder, amount: Money, cause: Cause) -> Shares:
    """Say who would bear what of the next refund. Raises `AboveSale` for more than is left."""
    day = (part.paid_at or clock.now()).date()
    return policy.next_refund(sale_of(part), past_of(part), amount, policy.rule(cause, day))


def left(part: SellerOrder, cause: Cause) -> Money:
    """Say how much can still go back for a cause."""
    day = (part.paid_at or clock.now()).date()
    can = policy.left(sale_of(part), past_of(part), policy.rule(cause, day))
    return Money(can.price + can.delivery, part.currency)


def write(part: SellerOrder, shares: Shares, source: Source, why: Why) -> OrderRefund:
    """Write one refund; the caller posts its money in the same transaction."""
    assert in_transaction(), "a refund is written with the money it moves"
    row = OrderRefund(
        form_key=why.form_key,
        seller_order_id=part.id,
        source=source,
        cause=why.cause,
        actor=why.actor,
        user_id=why.user_id,
        words=why.words.strip()[:WORDS],
        currency=part.currency,
        price_amount=shares.parts.price,
        delivery_amount=shares.parts.delivery,
        commission_amount=shares.parts.commission,
        fee_amount=shares.parts.fee,
        undone_amount=shares.undone,
        seller_amount=shares.seller.amount,
        platform_amount=shares.platform.amount,
        provider_amount=shares.provider.amount,
        at=clock.now(),
    )
    if source not in (Source.CLOSING, Source.REVERSAL):
        row.return_at = row.at
    session.add(row)
    session.flush()
    return row
