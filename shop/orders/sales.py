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
from shop.errors import NotFound
from shop.orders.models import Order, OrderLine, OrderStatus, SellerOrder, under
from shop.orders.states import Stage, Tab
from shop.stores.models import Store

PAGE: Final = 20
#: How people name a phone at the counter: by its end.
LAST_DIGITS: Final = 4
#: Above this, a count says "more than".
MOST_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sales:
    """One page of sales; `next` is where the following one begins, or None."""

    rows: Sequence[SellerOrder]
    next: str | None


def of_seller(
    owner_id: int,
    *,
    tab: Tab | None = None,
    query: str = "",
    narrowed: Sequence[sa.ColumnElement[bool]] = (),
    after: str = "",
    size: int = PAGE,
) -> Sales:
    """Give a page of the paid orders of somebody's shops, under a tab or all of them.

    `query` is a reference, a buyer, an article or a phone's last digits; `narrowed` are further
    conditions (see `filters`); `after` is where the page before ended.
    """
    statement = (
        _sold(owner_id, tab, query, narrowed)
        .options(
            contains_eager(SellerOrder.order),
            selectinload(SellerOrder.lines),
        )
        .order_by(SellerOrder.paid_at.desc(), SellerOrder.id.desc())
        .limit(size + 1)
    )
    if (cursor := _read(after)) is not None:
        # Spelled out: SQLite has no index use for row values mixed with bound types.
        at, id_ = cursor
        older = sa.and_(SellerOrder.paid_at == at, SellerOrder.id < id_)
        statement = statement.where(sa.or_(SellerOrder.paid_at < at, older))
    rows = session.scalars(statement).all()
    return Sales(rows[:size], _written(rows[size - 1]) if len(rows) > size else None)


def count(
    owner_id: int, *, tab: Tab | None, query: str, narrowed: Sequence[sa.ColumnElement[bool]]
) -> int:
    """Count the same rows, up to `MOST_COUNTED` and one more: nobody waits for an exact million."""
    rows = _sold(owner_id, tab, query, narrowed).with_only_columns(SellerOrder.id)
    capped = rows.order_by(None).limit(MOST_COUNTED + 1).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(capped)) or 0


def _sold(
    owner_id: int, tab: Tab | None, query: str, narrowed: Sequence[sa.ColumnElement[bool]]
) -> sa.Select[SellerOrder]:
    statement = (
        sa.select(SellerOrder)
        .join(SellerOrder.order)
        .where(_of_owner(owner_id), _under(tab), *narrowed)
    )
    return statement.where(_matches(query)) if query else statement


def waiting(owner_id: int) -> dict[Tab, int]:
    """Count what is still open of somebody's shops: as few rows as there is work."""
    theirs = _of_owner(owner_id)
    counts = [
        sa.select(sa.func.count()).select_from(SellerOrder).where(theirs, _under(tab))
        for tab in (Tab.TODO, Tab.PROGRESS)
    ]
    todo, progress = session.execute(sa.select(*(c.scalar_subquery() for c in counts))).one()
    return {Tab.TODO: todo, Tab.PROGRESS: progress}


def own(owner_id: int, reference: str) -> SellerOrder:
    """Give a seller's own paid order; another's, or an unpaid one, is `NotFound`."""
    part = talked_about(owner_id, reference)
    if part.state is Stage.UNPAID:
        raise NotFound("no such sale")
    return part


def talked_about(owner_id: int, reference: str) -> SellerOrder:
    """Give a seller's own order, paid or not: a buyer may ask before paying. Raises `NotFound`."""
    part = session.scalar(
        sa.select(SellerOrder).where(
            _of_owner(owner_id), SellerOrder.reference == (references.parse(reference) or "")
        )
    )
    if part is None:
        raise NotFound("no such sale")
    return part


def _of_owner(owner_id: int) -> sa.ColumnElement[bool]:
    # One shop is an equality, which the tabs' indexes need to give rows in their order.
    ids = session.scalars(sa.select(Store.id).where(Store.owner_id == owner_id)).all()
    return SellerOrder.store_id == ids[0] if len(ids) == 1 else SellerOrder.store_id.in_(ids)


def _under(tab: Tab | None) -> sa.ColumnElement[bool] | sa.TextClause:
    """Write a tab's condition as its partial index does, or the database would not see the likeness."""
    if tab is None:
        return SellerOrder.status == OrderStatus.PAID
    return sa.text(f"seller_order.{under(tab)}")


def _matches(query: str) -> sa.ColumnElement[bool]:
    reference = references.parse(query)
    if reference is not None:
        return sa.or_(SellerOrder.reference == reference, Order.reference == reference)
    part = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    named = sa.exists().where(
        OrderLine.seller_order_id == SellerOrder.id, OrderLine.name.ilike(f"%{part}%", escape="\\")
    )
    found = [Order.contact_name.ilike(f"%{part}%", escape="\\"), named]
    if query.isascii() and query.isdigit() and len(query) == LAST_DIGITS:
        found.append(Order.contact_phone.like(f"%{query}"))
    return sa.or_(*found)


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
