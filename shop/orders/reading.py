"""Seller orders for those on duty: what is held, what waits for us. Reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.db import session
from shop.errors import NotFound
from shop.money import Money
from shop.orders.models import Order, SellerOrder
from shop.orders.states import Escrow, Stage


def paid(reference: str) -> SellerOrder:
    """Give the paid seller order of a reference, whoever owns it. Raises `NotFound`."""
    query = sa.select(SellerOrder).where(
        SellerOrder.reference == reference, SellerOrder.stage != Stage.UNPAID
    )
    part = session.scalar(query.execution_options(populate_existing=True))
    if part is None:
        raise NotFound("no such paid seller order")
    return part


def latest(stage: Stage | None, *, staff: bool, limit: int) -> Sequence[SellerOrder]:
    """List paid seller orders, newest first; with `staff` those a person was called for, oldest first."""
    query = sa.select(SellerOrder).options(joinedload(SellerOrder.store)).limit(limit)
    query = query.where(SellerOrder.stage == stage if stage else SellerOrder.stage != Stage.UNPAID)
    if staff:
        waiting = query.where(SellerOrder.staff_since.is_not(None))
        return session.scalars(waiting.order_by(SellerOrder.staff_since)).all()
    return session.scalars(query.order_by(SellerOrder.id.desc())).all()


def held(limit: int) -> Sequence[SellerOrder]:
    """List what is held, what is due first on top."""
    query = sa.select(SellerOrder).options(joinedload(SellerOrder.store))
    query = query.where(SellerOrder.escrow == Escrow.HELD)
    return session.scalars(query.order_by(SellerOrder.due_at, SellerOrder.id).limit(limit)).all()


#: What of a held sale did not go back yet.
_HELD = SellerOrder.total_amount - SellerOrder.refunded_amount


def held_totals() -> list[Money]:
    """Sum what is held, currency by currency."""
    rows = session.execute(
        sa.select(SellerOrder.currency, sa.func.sum(_HELD))
        .where(SellerOrder.escrow == Escrow.HELD)
        .group_by(SellerOrder.currency)
        .order_by(SellerOrder.currency)
    )
    return [Money(int(total), currency) for currency, total in rows]


def held_for(user_ids: Collection[int]) -> dict[str, Money]:
    """Say what is kept for a buyer's open orders, in each currency: paid, and not the sellers' yet."""
    rows = session.execute(
        sa.select(SellerOrder.currency, sa.func.sum(_HELD))
        .join(Order, Order.id == SellerOrder.order_id)
        .where(Order.user_id.in_(user_ids), SellerOrder.escrow == Escrow.HELD)
        .group_by(SellerOrder.currency)
    )
    return {currency: Money(int(amount), currency) for currency, amount in rows}
