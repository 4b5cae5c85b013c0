"""Reading the books for people: the transfers of an event, and what differs between two moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.db import session
from shop.ledger.audit import TrialLine
from shop.ledger.chart import Kind
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
