"""Reading a shop's payouts: the statements, newest first, and one with every order it paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from shop import references
from shop.db import session
from shop.debts.models import Debt, DebtRepayment
from shop.earnings.models import PayoutDeduction, PayoutLine, PayoutStatement
from shop.errors import NotFound
from shop.money import Money, total
from shop.orders.models import SellerOrder
from shop.payouts.models import Payout

PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One order of a statement."""

    reference: str
    amount: Money
    released_at: datetime | None
    """Never nothing, but for the database: what is in a statement was released."""


@dataclass(frozen=True, slots=True)
class Deducted:
    """One repayment that a statement deducts: of which refund, order or payout, and how much."""

    reference: str
    source: str
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Statement:
    """One payout and what it was for."""

    payout: Payout
    taken: Money
    lines: Sequence[Line]
    deductions: Sequence[Deducted] = ()

    @property
    def sum(self) -> Money:
        """What the orders brought, before what was already taken."""
        return total([line.amount for line in self.lines], self.taken.currency)

    @property
    def deducted(self) -> Money:
        """What repaid debts of the shop."""
        return total([line.amount for line in self.deductions], self.taken.currency)


@dataclass(frozen=True, slots=True)
class Page:
    """Some payouts, newest first, and where the next page begins."""

    payouts: Sequence[Payout]
    next_id: int | None


def payouts_of(store_id: int, *, before_id: int | None = None) -> Page:
    """List a shop's payouts, newest first."""
    query = (
        sa.select(Payout)
        .join(PayoutStatement, PayoutStatement.payout_id == Payout.id)
        .where(PayoutStatement.store_id == store_id)
        .order_by(PayoutStatement.payout_id.desc())
        .limit(PAGE + 1)
    )
    if before_id is not None:
        query = query.where(PayoutStatement.payout_id < before_id)
    rows = session.scalars(query).all()
    return Page(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None)


def statement_of(store_id: int, reference: str) -> Statement:
    """Give one payout of this shop with its lines. Raises `NotFound` for any other."""
    row = session.execute(
        sa.select(Payout, PayoutStatement)
        .join(PayoutStatement, PayoutStatement.payout_id == Payout.id)
        .where(
            PayoutStatement.store_id == store_id,
            Payout.reference == (references.parse(reference) or ""),
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no such payout")
    payout, statement = row
    return Statement(payout, statement.taken, _lines(payout), _deductions(payout))


def _deductions(payout: Payout) -> list[Deducted]:
    rows = session.execute(
        sa.select(Debt.reference, Debt.source, PayoutDeduction.amount, DebtRepayment.at)
        .join(DebtRepayment, DebtRepayment.id == PayoutDeduction.repayment_id)
        .join(Debt, Debt.id == DebtRepayment.debt_id)
        .where(PayoutDeduction.payout_id == payout.id)
        .order_by(DebtRepayment.id)
    )
    return [Deducted(r, s, Money(a, payout.currency), at) for r, s, a, at in rows]


def _lines(payout: Payout) -> list[Line]:
    rows = session.execute(
        sa.select(SellerOrder.reference, PayoutLine.amount, SellerOrder.closed_at)
        .join(SellerOrder, SellerOrder.id == PayoutLine.seller_order_id)
        .where(PayoutLine.payout_id == payout.id)
        .order_by(SellerOrder.closed_at, SellerOrder.id)
    )
    return [Line(ref, Money(amount, payout.currency), at) for ref, amount, at in rows]
