"""Reading the books for people: the transfers of an event, and what differs between two moments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.db import session
from shop.ledger.audit import TrialLine
from shop.ledger.chart import DEBIT_SIDE, Account, Kind
from shop.ledger.models import LedgerAccount, Transfer
from shop.money import Money


@dataclass(frozen=True, slots=True)
class Move:
    """One transfer with the names of its accounts."""

    id: int
    key: str
    event: str
    debit: str
    credit: str
    amount: Money
    at: datetime


def moves(key_prefixes: Iterable[str]) -> list[Move]:
    """List the transfers whose keys begin so, oldest first."""
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)
    begins = [Transfer.key.startswith(prefix, autoescape=True) for prefix in key_prefixes]
    rows = session.execute(
        sa.select(Transfer, debit.code, credit.code)
        .join(debit, debit.id == Transfer.debit_id)
        .join(credit, credit.id == Transfer.credit_id)
        .where(sa.or_(sa.false(), *begins))
        .order_by(Transfer.id)
    )
    return [
        Move(
            *(t.id, t.key, t.event, source, target),
            *(Money(t.amount, t.currency), t.created_at),
        )
        for t, source, target in rows
    ]


Amounts = Mapping[str, Money]


def amounts(keys: Iterable[str]) -> Amounts:
    """Give the amounts of the transfers with exactly these keys; those never posted are left out."""
    query = sa.select(Transfer.key, Transfer.amount, Transfer.currency)
    rows = session.execute(query.where(Transfer.key.in_(list(keys))))
    return {key: Money(amount, currency) for key, amount, currency in rows}


def credited(account: Account, events: Collection[str], since: datetime) -> Money:
    """Add up what an account received by these events from a moment on."""
    target = sa.select(LedgerAccount.id).where(LedgerAccount.code == account.code)
    total = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Transfer.amount), 0)).where(
            Transfer.credit_id == target.scalar_subquery(),
            Transfer.event.in_(events),
            Transfer.created_at >= since,
        )
    )
    return Money(int(total or 0), account.currency)


def balance_at(account: Account, at: datetime) -> Money:
    """Say what an account held at a moment, what was posted at that instant included."""
    return _summed(account, Transfer.created_at <= at)


def balance_before(account: Account, at: datetime) -> Money:
    """Say what an account held just before a moment."""
    return _summed(account, Transfer.created_at < at)


def _summed(account: Account, condition: sa.ColumnElement[bool]) -> Money:
    own = sa.select(LedgerAccount.id).where(LedgerAccount.code == account.code).scalar_subquery()
    sign = -1 if account.kind in DEBIT_SIDE else 1
    moved = sa.case((Transfer.credit_id == own, sign), else_=-sign) * Transfer.amount
    total = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(moved), 0)).where(
            sa.or_(Transfer.debit_id == own, Transfer.credit_id == own), condition
        )
    )
    return Money(int(total or 0), account.currency)


def first_id_after(at: datetime) -> int:
    """Give the id before which everything posted until a moment is listed."""
    return _next_id(Transfer.created_at <= at)


def first_id_from(at: datetime) -> int:
    """Give the id before which everything posted before a moment is listed."""
    return _next_id(Transfer.created_at < at)


def _next_id(condition: sa.ColumnElement[bool]) -> int:
    # Moments follow ids but for transactions that overlapped: the last id that counts decides.
    last = session.scalar(sa.select(sa.func.max(Transfer.id)).where(condition))
    return (last or 0) + 1


def positive(kind: Kind, limit: int) -> list[Account]:
    """List guarded accounts of a kind that hold something, the longest known first."""
    codes = session.scalars(
        sa.select(LedgerAccount.code)
        .where(LedgerAccount.kind == kind, LedgerAccount.balance > 0)
        .order_by(LedgerAccount.id)
        .limit(limit)
    )
    return [Account.from_code(code) for code in codes]


def currencies_of(kind: Kind, owner: str) -> list[str]:
    """List the currencies in which an owner has an account of this kind."""
    query = sa.select(LedgerAccount.currency).where(
        LedgerAccount.kind == kind, LedgerAccount.owner == owner
    )
    return sorted(session.scalars(query))


@dataclass(frozen=True, slots=True)
class Change:
    """How one account's balance differs between two trial balances, in minor units."""

    account: str
    before: int
    after: int

    @property
    def difference(self) -> int:
        """What came, or went when below zero."""
        return self.after - self.before


def changes(before: Sequence[TrialLine], after: Sequence[TrialLine]) -> list[Change]:
    """List the accounts whose balances differ."""
    was = {line.code: line.natural for line in before}
    now = {line.code: line.natural for line in after}
    return [
        Change(code, was.get(code, 0), now.get(code, 0))
        for code in sorted(was.keys() | now.keys())
        if was.get(code, 0) != now.get(code, 0)
    ]
