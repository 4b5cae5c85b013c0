"""What a shop sold, what is held and what comes: each figure is the sum of rows that can be opened.

Every sum here has its rows in `rows`, by the same condition; a test adds them up. All is read by indexes
that begin with the shop, so a shop with a million orders behind it waits no longer than a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from shop.db import is_postgres, session
from shop.earnings.windows import Window
from shop.money import Money
from shop.orders.models import HELD, SellerOrder, under
from shop.orders.states import Stage, Tab
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus, Purpose
from shop.providers import methods
from shop.stores.models import Store

PAGE: Final = 50
#: Orders whose attempts are counted, at most.
LATEST: Final = 200


class Figure(StrEnum):
    """The figures whose rows can be opened."""

    COLLECTED = "collected"
    """What buyers paid in the window, delivery included."""
    NET = "net"
    """What of it is for the shop: expected while the money is held, shared afterwards."""
    HELD = "held"
    """What is in escrow for the shop now."""
    COMING = "coming"
    """What the shop will have of it, if all goes well."""


_LEFT = SellerOrder.commission_amount - SellerOrder.early_commission_amount
_HOLDS = SellerOrder.total_amount - SellerOrder.refunded_amount
#: Our commission when the escrow is released (see `SellerOrder.due_commission`).
_DUE = sa.case((_LEFT > _HOLDS, _HOLDS), else_=_LEFT)
#: What is for the shop: what is expected while the money is held; afterwards what was released, less what
#: went back later.
_NET = sa.case(
    (
        SellerOrder.escrow.in_(["none", "held"]),
        SellerOrder.total_amount - SellerOrder.refunded_amount - _DUE,
    ),
    else_=SellerOrder.released_amount
    - SellerOrder.later_refunded_amount
    + SellerOrder.later_commission_amount,
)
# Not the bare column: a row of orders beside it would already have that.
_TOTAL = SellerOrder.total_amount + 0
_AMOUNTS: Final[dict[Figure, sa.ColumnElement[Any]]] = {
    Figure.COLLECTED: _TOTAL,
    Figure.NET: _NET,
    Figure.HELD: _HOLDS,
    Figure.COMING: _NET,
}


@dataclass(frozen=True, slots=True)
class Day:
    """The sales of one day."""

    day: date
    orders: int
    collected: Money
    net: Money


@dataclass(frozen=True, slots=True)
class Sales:
    """The sales of a window, day by day, none left out."""

    days: Sequence[Day]
    currency: str

    @property
    def orders(self) -> int:
        """How many orders were paid."""
        return sum(day.orders for day in self.days)

    @property
    def collected(self) -> Money:
        """What buyers paid."""
        return sum((day.collected for day in self.days), Money(0, self.currency))

    @property
    def net(self) -> Money:
        """What of it is for the shop."""
        return sum((day.net for day in self.days), Money(0, self.currency))

    @property
    def basket(self) -> Money | None:
        """What one order brought on average, rounded down; None without orders."""
        return Money(self.collected.amount // self.orders, self.currency) if self.orders else None


def sales(store: Store, *windows: Window) -> list[Sales]:
    """Add up the sales of each window, in one statement."""
    first, last = min(w.begins for w in windows), max(w.ends for w in windows)
    day = sa.func.date(
        sa.func.timezone("UTC", SellerOrder.paid_at) if is_postgres() else SellerOrder.paid_at
    )
    rows = session.execute(
        sa.select(
            day.label("day"),
            sa.func.count().label("orders"),
            sa.func.sum(SellerOrder.total_amount).label("collected"),
            sa.func.sum(_NET).label("net"),
        )
        .where(
            SellerOrder.store_id == store.id,
            SellerOrder.status == "paid",
            SellerOrder.currency == store.currency,
            SellerOrder.paid_at >= first,
            SellerOrder.paid_at < last,
        )
        .group_by(day)
    )
    found = {date.fromisoformat(str(row.day)): row for row in rows}
    return [
        Sales([_day(day, found, store.currency) for day in window.each()], store.currency)
        for window in windows
    ]


def _day(day: date, found: Mapping[date, Any], currency: str) -> Day:
    row = found.get(day)
    if row is None:
        return Day(day, 0, Money(0, currency), Money(0, currency))
    return Day(day, row.orders, Money(int(row.collected), currency), Money(int(row.net), currency))


def held(store: Store) -> Money:
    """What is in escrow for a shop now: what the books hold for its open orders."""
    return sum_of(store, Figure.HELD, None)


@dataclass(frozen=True, slots=True)
class Coming:
    """What will come on one day; `day` is None where the buyer's word is still missing."""

    day: date | None
    amount: Money


def calendar(store: Store) -> list[Coming]:
    """Say when the held money comes: on the day a proven delivery is paid, or once the buyer says so."""
    rows = session.execute(
        sa.select(SellerOrder.stage, SellerOrder.due_at, _NET.label("net")).where(
            SellerOrder.store_id == store.id,
            sa.text(f"seller_order.{under(Tab.PROGRESS)}"),
            SellerOrder.stage == Stage.RECEIVED,
        )
    )
    sums: dict[date, int] = {}
    for row in rows:
        sums[row.due_at.date()] = sums.get(row.due_at.date(), 0) + int(row.net)
    dated = [Coming(day, Money(sums[day], store.currency)) for day in sorted(sums)]
    rest = sum_of(store, Figure.COMING, None).amount - sum(sums.values())
    return [*dated, Coming(None, Money(rest, store.currency))] if rest else dated


@dataclass(frozen=True, slots=True)
class Attempts:
    """How the buyers' attempts with one operator ended."""

    operator: str
    label: str
    succeeded: int
    ended: int

    @property
    def percent(self) -> int:
        """How many of a hundred succeeded."""
        return self.succeeded * 100 // self.ended


def attempts(store: Store, window: Window) -> list[Attempts]:
    """Count how buyers' attempts ended, per operator, of the latest orders placed in a window.

    Of `LATEST` orders at most: enough for a rate, and few enough to be looked up one by one.
    """
    placed = (
        sa.select(SellerOrder.order_id)
        .where(
            SellerOrder.store_id == store.id,
            SellerOrder.created_at >= window.begins,
            SellerOrder.created_at < window.ends,
        )
        .order_by(SellerOrder.created_at.desc())
        .limit(LATEST)
        .subquery()
    )
    theirs = sa.and_(Payment.purpose == Purpose.ORDER, Payment.purpose_id == placed.c.order_id)
    rows = session.execute(
        sa.select(Payment.method, Payment.status, sa.func.count())
        .select_from(placed)
        .join(Payment, theirs)
        .where(Payment.status.in_([PaymentStatus.SUCCEEDED, PaymentStatus.FAILED]))
        .group_by(Payment.method, Payment.status)
    )
    counts: dict[str, list[int]] = {}
    for method, status, count in rows:
        tally = counts.setdefault(methods.get(method).operator, [0, 0])
        tally[0] += count if status == PaymentStatus.SUCCEEDED else 0
        tally[1] += count
    labels = {row.operator: row.label for row in reversed(methods.rows())}
    return [Attempts(name, labels[name], *counts[name]) for name in sorted(counts)]


def _where(store: Store, figure: Figure, window: Window | None) -> list[Any]:
    mine = [SellerOrder.store_id == store.id, SellerOrder.currency == store.currency]
    if figure in (Figure.HELD, Figure.COMING):
        return [*mine, sa.text(f"seller_order.{HELD}")]
    assert window is not None, "what was sold was sold in a window"
    paid = SellerOrder.status == "paid"
    inside = (SellerOrder.paid_at >= window.begins, SellerOrder.paid_at < window.ends)
    return [*mine, paid, *inside]


def sum_of(store: Store, figure: Figure, window: Window | None) -> Money:
    """Add up a figure in the database."""
    total = sa.func.coalesce(sa.func.sum(_AMOUNTS[figure]), 0)
    amount = session.scalar(sa.select(total).where(*_where(store, figure, window)))
    return Money(int(amount or 0), store.currency)


@dataclass(frozen=True, slots=True)
class Row:
    """One order behind a figure, and what it adds to it."""

    order: SellerOrder
    amount: Money


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows, newest first, and where the next page begins."""

    rows: Sequence[Row]
    next_id: int | None


def rows(
    store: Store, figure: Figure, window: Window | None, *, before_id: int | None = None
) -> Rows:
    """List the orders behind a figure, page by page; together they sum to it."""
    query = sa.select(SellerOrder, _AMOUNTS[figure]).where(*_where(store, figure, window))
    if before_id is not None:
        query = query.where(SellerOrder.id < before_id)
    found = session.execute(query.order_by(SellerOrder.id.desc()).limit(PAGE + 1)).all()
    shown = [Row(part, Money(int(amount), store.currency)) for part, amount in found[:PAGE]]
    return Rows(shown, shown[-1].order.id if len(found) > PAGE else None)
