"""A circle's accounts, person by person, from the books: in, less out, less what is still there, is zero."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import User
from shop.db import session
from shop.ledger import borders
from shop.ledger.borders import Place
from shop.ledger.chart import Kind
from shop.money import Money
from shop.tontines.cycle_models import Contribution, Cycle, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.models import Member


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
    border = borders.of(_places(desk.tontine.id), desk.tontine.currency)
    brought, received = Counter(border.brought), Counter(border.received)
    brought.update(_from_phones(desk.tontine.id))
    names = _names(desk.tontine.id, {*brought, *received})
    lines = tuple(
        Line(user_id, name, desk.money(brought[user_id]), desk.money(received[user_id]))
        for user_id, name in names
    )
    held = sum(amount for _kind, amount in border.held)
    left = brought.total() - received.total() - border.to_income - held
    return Report(
        lines,
        desk.money(border.to_income),
        tuple((kind, desk.money(amount)) for kind, amount in border.held),
        desk.money(left),
    )


def _places(tontine_id: int) -> list[Place]:
    """The accounts of a circle, in all its cycles."""

    def text(column: Any) -> Any:
        return sa.cast(column, sa.String)

    cycles = sa.select(Cycle.id).where(Cycle.tontine_id == tontine_id)
    shares = sa.select(text(Share.id)).where(Share.cycle_id.in_(cycles))
    exits = sa.select("exit-" + text(Share.id)).where(Share.cycle_id.in_(cycles))
    rounds = sa.select(text(Round.id)).where(Round.cycle_id.in_(cycles))
    cash = sa.select(text(Contribution.id)).where(Contribution.cycle_id.in_(cycles))
    return [
        ([Kind.POT], rounds),
        ([Kind.POT], exits),
        ([Kind.GUARANTEE, Kind.RETENTION, Kind.ADVANCE], shares),
        ([Kind.CAISSE, Kind.RELIEF], sa.select(sa.literal(str(tontine_id)))),
        ([Kind.DIVIDEND], sa.select(text(Cycle.id)).where(Cycle.tontine_id == tontine_id)),
        ([Kind.CASH], cash),
    ]


def _from_phones(tontine_id: int) -> dict[int, int]:
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
    return {user_id: int(amount) for user_id, amount in session.execute(query)}


def _names(tontine_id: int, user_ids: set[int]) -> list[tuple[int, str]]:
    inside = sa.select(Member.user_id).where(Member.tontine_id == tontine_id)
    query = sa.select(User.id, User.name).where(sa.or_(User.id.in_(user_ids), User.id.in_(inside)))
    return [(id_, name) for id_, name in session.execute(query.order_by(User.name, User.id))]
