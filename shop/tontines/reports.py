"""A circle's accounts, person by person, from the books: in, less out, less what is still there, is zero."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.accounts.models import User
from shop.db import session
from shop.ledger.chart import Kind
from shop.ledger.models import LedgerAccount, Transfer
from shop.money import Money
from shop.tontines.cycle_models import Contribution, Cycle, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.models import Member

#: A query for the ids of ledger accounts.
Ids: TypeAlias = sa.Select[Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One person: what they brought, what they received."""

    user_id: int
    name: str
    paid: Money
    received: Money

    @property
    def net(self) -> Money:
        """Received less brought."""
        return self.received - self.paid


@dataclass(frozen=True, slots=True)
class Report:
    """All of it: persons, what went to the platform, and what the circle still holds by place."""

    shares: tuple[Line, ...]
    fees: Money
    held: tuple[tuple[str, Money], ...]
    zero: Money
    """Brought, less received, less fees, less held: always nothing, or the books are wrong."""

    @property
    def paid(self) -> Money:
        """What all brought."""
        return sum((line.paid for line in self.shares), self.zero * 0)

    @property
    def received(self) -> Money:
        """What all received."""
        return sum((line.received for line in self.shares), self.zero * 0)


def of(desk: Desk) -> Report:
    """Read the whole of a circle from the books, since its first day."""
    places = _places(desk.tontine.id, desk.tontine.currency)
    brought, received = Counter[int](), Counter[int]()
    _between_wallets(places, brought, received)
    _from_phones(places, desk.tontine.id, brought)
    held = _held(places, desk)
    fees = _to_platform(places)
    names = _names(desk.tontine.id, {*brought, *received})
    lines = tuple(
        Line(user_id, name, desk.money(brought[user_id]), desk.money(received[user_id]))
        for user_id, name in names
    )
    left = brought.total() - received.total() - fees - sum(m.amount for _kind, m in held)
    return Report(lines, desk.money(fees), held, desk.money(left))


def _places(tontine_id: int, currency: str) -> Ids:
    """The ledger accounts of a circle, in all its cycles."""

    def text(column: Any) -> Any:
        return sa.cast(column, sa.String)

    cycles = sa.select(Cycle.id).where(Cycle.tontine_id == tontine_id)
    shares = sa.select(text(Share.id)).where(Share.cycle_id.in_(cycles))
    exits = sa.select("exit-" + text(Share.id)).where(Share.cycle_id.in_(cycles))
    rounds = sa.select(text(Round.id)).where(Round.cycle_id.in_(cycles))
    cash = sa.select(text(Contribution.id)).where(Contribution.cycle_id.in_(cycles))
    a = LedgerAccount
    return sa.select(a.id).where(
        a.currency == currency,
        sa.or_(
            sa.and_(a.kind == Kind.POT, sa.or_(a.owner.in_(rounds), a.owner.in_(exits))),
            sa.and_(
                a.kind.in_([Kind.GUARANTEE, Kind.RETENTION, Kind.ADVANCE]), a.owner.in_(shares)
            ),
            sa.and_(a.kind.in_([Kind.CAISSE, Kind.RELIEF]), a.owner == str(tontine_id)),
            sa.and_(a.kind == Kind.DIVIDEND, a.owner.in_(sa.select(text(Cycle.id)).where(
                Cycle.tontine_id == tontine_id))),
            sa.and_(a.kind == Kind.CASH, a.owner.in_(cash)),
        ),
    )  # fmt: skip


def _between_wallets(places: Ids, brought: Counter[int], received: Counter[int]) -> None:
    other = aliased(LedgerAccount)
    for mine, theirs, counter in (
        (Transfer.credit_id, Transfer.debit_id, brought),
        (Transfer.debit_id, Transfer.credit_id, received),
    ):
        query = (
            sa.select(other.owner, sa.func.sum(Transfer.amount))
            .join(other, other.id == theirs)
            .where(mine.in_(places), theirs.not_in(places), other.kind == Kind.WALLET)
            .group_by(other.owner)
        )
        for owner, amount in session.execute(query):
            counter[int(owner)] += int(amount)


def _from_phones(places: Ids, tontine_id: int, brought: Counter[int]) -> None:
    """Money that came straight from an operator is its payer's."""
    query = (
        sa.select(Contribution.user_id, sa.func.sum(Contribution.amount))
        .join(Cycle, Cycle.id == Contribution.cycle_id)
        .where(
            Cycle.tontine_id == tontine_id,
            Contribution.source == "payment",
            Contribution.status == "received",
        )
        .group_by(Contribution.user_id)
    )
    for user_id, amount in session.execute(query):
        brought[user_id] += int(amount)


def _to_platform(places: Ids) -> int:
    other = aliased(LedgerAccount)
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(Transfer.amount), 0))
        .join(other, other.id == Transfer.credit_id)
        .where(Transfer.debit_id.in_(places), other.kind == Kind.INCOME)
    )
    return int(session.scalar(query) or 0)


def _held(places: Ids, desk: Desk) -> tuple[tuple[str, Money], ...]:
    query = (
        sa.select(LedgerAccount.kind, sa.func.sum(LedgerAccount.balance))
        .where(LedgerAccount.id.in_(places))
        .group_by(LedgerAccount.kind)
        .order_by(LedgerAccount.kind)
    )
    return tuple((kind, desk.money(int(amount or 0))) for kind, amount in session.execute(query))


def _names(tontine_id: int, user_ids: set[int]) -> list[tuple[int, str]]:
    inside = sa.select(Member.user_id).where(Member.tontine_id == tontine_id)
    query = sa.select(User.id, User.name).where(sa.or_(User.id.in_(user_ids), User.id.in_(inside)))
    return [(id_, name) for id_, name in session.execute(query.order_by(User.name, User.id))]
