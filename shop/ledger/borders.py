"""What crosses the border of a set of accounts: who brought, who received, what is still inside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.db import session
from shop.ledger.chart import Kind
from shop.ledger.models import LedgerAccount, Transfer

#: Kinds of accounts and a query for their owners.
Place: TypeAlias = tuple[Collection[Kind], sa.Select[Any]]
Ids: TypeAlias = sa.Select[Any]


@dataclass(frozen=True, slots=True)
class Border:
    """Sums in minor units: by wallet owner what came in and went out, to us, and what is inside."""

    brought: dict[int, int]
    received: dict[int, int]
    to_income: int
    held: tuple[tuple[str, int], ...]


def of(places: Sequence[Place], currency: str) -> Border:
    """Read the border of these places; what moves between two of them crosses nothing."""
    account = LedgerAccount
    inside = sa.select(account.id).where(
        account.currency == currency,
        sa.or_(
            *(
                sa.and_(account.kind.in_(list(kinds)), account.owner.in_(owners))
                for kinds, owners in places
            )
        ),
    )
    return Border(
        brought=_wallets(inside, Transfer.credit_id, Transfer.debit_id),
        received=_wallets(inside, Transfer.debit_id, Transfer.credit_id),
        to_income=_to_income(inside),
        held=_held(inside),
    )


def _wallets(inside: Ids, mine: Any, theirs: Any) -> dict[int, int]:
    other = aliased(LedgerAccount)
    query = (
        sa.select(other.owner, sa.func.sum(Transfer.amount))
        .join(other, other.id == theirs)
        .where(mine.in_(inside), theirs.not_in(inside), other.kind == Kind.WALLET)
        .group_by(other.owner)
    )
    return {int(owner): int(amount) for owner, amount in session.execute(query)}


def _to_income(inside: Ids) -> int:
    other = aliased(LedgerAccount)
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(Transfer.amount), 0))
        .join(other, other.id == Transfer.credit_id)
        .where(Transfer.debit_id.in_(inside), other.kind == Kind.INCOME)
    )
    return int(session.scalar(query) or 0)


def _held(inside: Ids) -> tuple[tuple[str, int], ...]:
    query = (
        sa.select(LedgerAccount.kind, sa.func.sum(LedgerAccount.balance))
        .where(LedgerAccount.id.in_(inside))
        .group_by(LedgerAccount.kind)
        .order_by(LedgerAccount.kind)
    )
    return tuple((kind, int(amount or 0)) for kind, amount in session.execute(query))
