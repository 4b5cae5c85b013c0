"""What a seller sold: paid orders of their own shops, newest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, selectinload

from shop import references
from shop.db import session
from shop.orders.models import Order, OrderLine, OrderStatus, SellerOrder
from shop.stores.models import Store

PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class Sales:
    """One page of sales; `next` is where the following one begins, or None."""

    rows: Sequence[SellerOrder]
    next: str | None


def of_seller(owner_id: int, *, query: str = "", after: str = "") -> Sales:
    """Give a page of the paid orders of somebody's shops; `query` is a reference, a buyer or an article."""
    statement = (
        sa.select(SellerOrder)
        .join(SellerOrder.order)
        .join(SellerOrder.store)
        .where(Store.owner_id == owner_id, SellerOrder.status == OrderStatus.PAID)
        .options(
            contains_eager(SellerOrder.order),
            contains_eager(SellerOrder.store),
            selectinload(SellerOrder.lines),
        )
        .order_by(SellerOrder.paid_at.desc(), SellerOrder.id.desc())
        .limit(PAGE + 1)
    )
    if query:
        statement = statement.where(_matches(query))
    if (cursor := _read(after)) is not None:
        # Spelled out: SQLite has no index use for row values mixed with bound types.
        at, id_ = cursor
        older = sa.and_(SellerOrder.paid_at == at, SellerOrder.id < id_)
        statement = statement.where(sa.or_(SellerOrder.paid_at < at, older))
    rows = session.scalars(statement).all()
    return Sales(rows[:PAGE], _written(rows[PAGE - 1]) if len(rows) > PAGE else None)


def _matches(query: str) -> sa.ColumnElement[bool]:
    reference = references.parse(query)
    if reference is not None:
        return sa.or_(SellerOrder.reference == reference, Order.reference == reference)
    part = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    named = sa.exists().where(
        OrderLine.seller_order_id == SellerOrder.id, OrderLine.name.ilike(f"%{part}%", escape="\\")
    )
    return sa.or_(Order.contact_name.ilike(f"%{part}%", escape="\\"), named)


def _written(row: SellerOrder) -> str:
    assert row.paid_at is not None, "only paid orders are listed"
    return f"{int(row.paid_at.timestamp() * 1_000_000)}-{row.id}"


def _read(cursor: str) -> tuple[datetime, int] | None:
    """Read a page's beginning; anything strange begins at the beginning."""
    at, _dash, id_ = cursor.partition("-")
    if not (cursor.isascii() and at.isdigit() and id_.isdigit()) or len(cursor) > 36:
        return None
    seconds, micros = divmod(int(at), 1_000_000)
    if seconds > 253_402_300_799:  # the year 9999
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros), int(id_)
