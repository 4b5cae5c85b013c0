"""Rounds as pages read them: what was expected and what came in, never one number for both (R3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.accounts.models import User
from shop.db import session
from shop.errors import NotFound
from shop.money import Money
from shop.tontines.cycle_models import Contribution, DueRow, PotLine, Round, Share, TurnRow
from shop.tontines.desk import Desk
from shop.tontines.dues import PAID
from shop.tontines.models import Member
from shop.tontines.money_in import DueKind
from shop.tontines.picture import Place
from shop.tontines.reading_people import ON_A_PAGE
from shop.tontines.rules import Circle
from shop.tontines.states import ContributionStatus, DueStatus, RoundStatus, Source

_LIVE = (
    RoundStatus.OPEN, RoundStatus.DUE, RoundStatus.GRACE, RoundStatus.DECIDING,
    RoundStatus.POSTPONED, RoundStatus.PAYABLE, RoundStatus.PAYING, RoundStatus.PAY_FAILED,
)  # fmt: skip


def by_index(cycle_id: int, index: int) -> Round:
    """Find a round of a cycle. Raises `NotFound`."""
    query = sa.select(Round).where(Round.cycle_id == cycle_id, Round.index == index)
    found = session.scalar(query)
    if found is None:
        raise NotFound("round")
    return found


def present(cycle_id: int) -> Round | None:
    """Give the round that matters now: the first that lives, else the next to open, else the last."""
    mine = sa.select(Round).where(Round.cycle_id == cycle_id)
    first = Round.index.asc()
    for query in (
        mine.where(Round.status.in_(_LIVE)).order_by(first),
        mine.where(Round.status == RoundStatus.SCHEDULED).order_by(first),
        mine.order_by(Round.index.desc()),
    ):
        found = session.scalar(query.limit(1))
        if found is not None:
            return found
    return None


def main_kind(desk: Desk) -> DueKind:
    """What a round is for: the pot, or the relief fund where there is no pot."""
    alone = desk.rules.kind is Circle.SOLIDARITY
    return DueKind.SOLIDARITY if alone else DueKind.CONTRIBUTION


@dataclass(frozen=True, slots=True)
class Totals:
    """A round's two amounts, and what somebody says was given but is not confirmed."""

    expected: Money
    collected: Money
    to_confirm: Money
    paid: int
    waited: int


def totals(desk: Desk, round_: Round) -> Totals:
    """Sum a round: what its shares owe, what arrived of it, what is promised in cash (T36)."""
    paid = sa.case((DueRow.amount == PAID, 1), else_=0)
    query = sa.select(
        sa.func.coalesce(sa.func.sum(DueRow.amount), 0),
        sa.func.coalesce(sa.func.sum(PAID), 0),
        sa.func.coalesce(sa.func.sum(paid), 0),
        sa.func.count(DueRow.id),
    ).where(
        DueRow.round_id == round_.id,
        DueRow.kind == main_kind(desk),
        DueRow.status != DueStatus.VOID,
    )
    owed, came, whole, count = session.execute(query).one()
    rules = desk.rules
    planned = rules.expected or rules.relief * rules.shares
    expected = int(owed) if count else planned.amount
    return Totals(
        desk.money(expected), desk.money(int(came)), promised(desk, round_), int(whole),
        int(count) - int(whole),
    )  # fmt: skip


def promised(desk: Desk, round_: Round) -> Money:
    """The cash that was written down since this round opened and is not confirmed (R21)."""
    query = sa.select(sa.func.coalesce(sa.func.sum(Contribution.amount), 0)).where(
        Contribution.cycle_id == desk.cycle.id,
        Contribution.status == ContributionStatus.PROMISED,
        Contribution.started_at >= round_.opens_at,
    )
    if round_.status not in _LIVE:
        return desk.money(0)
    return desk.money(int(session.scalar(query) or 0))


def cash_to_confirm(cycle_id: int, member_id: int | None = None) -> list[tuple[Contribution, str]]:
    """List cash that waits for a yes, with who gave it: all of it, or of one member."""
    query = (
        sa.select(Contribution, User.name)
        .join(User, User.id == Contribution.user_id)
        .where(
            Contribution.cycle_id == cycle_id,
            Contribution.source == Source.CASH,
            Contribution.status == ContributionStatus.PROMISED,
        )
        .order_by(Contribution.id)
    )
    if member_id is not None:
        query = query.where(Contribution.member_id == member_id)
    return [(row, name) for row, name in session.execute(query.limit(ON_A_PAGE))]


@dataclass(frozen=True, slots=True)
class Row:
    """One share in a round: whose it is, its rank, and how its contribution stands."""

    code: str
    rank: int | None
    name: str
    user_id: int
    served: int | None
    """The round that served it."""
    amount: int | None
    paid: int
    status: str | None
    """The due's; None where it owes nothing this round."""
    late: bool
    """It owes something whose grace has ended, in any round (R7)."""


def rows(desk: Desk, round_id: int | None, *, after: int = 0, limit: int = ON_A_PAGE) -> list[Row]:
    """List shares by rank with their contribution of one round, some at a time (T40)."""
    served = aliased(Round)
    due = sa.and_(
        DueRow.share_id == Share.id,
        DueRow.round_id == round_id,
        DueRow.kind == main_kind(desk),
        DueRow.status != DueStatus.VOID,
    )
    other = aliased(DueRow)
    late = (
        sa.select(other.id)
        .where(other.share_id == Share.id, other.status.in_((DueStatus.LATE, DueStatus.COVERED)))
        .exists()
    )
    query = (
        sa.select(
            Share.code, Share.position, User.name, User.id, served.index, DueRow.amount, PAID,
            DueRow.status, late,
        )
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .outerjoin(served, served.id == Share.served_round_id)
        .outerjoin(DueRow, due)
        .where(Share.cycle_id == desk.cycle.id, Share.status == "active")
        .order_by(Share.position, Share.code)
        .offset(after)
        .limit(limit)
    )  # fmt: skip
    return [
        Row(code, rank, name, user_id, index, amount, int(paid or 0), status, bool(behind))
        for code, rank, name, user_id, index, amount, paid, status, behind in session.execute(query)
    ]


def place(row: Row, turn: set[str]) -> Place:
    """How a share is drawn."""
    if row.code in turn:
        return Place.TURN
    return Place.SERVED if row.served is not None else Place.TO_COME


def turn_of(desk: Desk, round_: Round) -> list[tuple[str, str, int]]:
    """Whom a round serves: code, name and user id; as counted, or as the order says now."""
    counted = session.execute(
        sa.select(Share.code, User.name, User.id)
        .join(TurnRow, TurnRow.share_id == Share.id)
        .join(User, User.id == TurnRow.user_id)
        .where(TurnRow.round_id == round_.id)
        .order_by(Share.code)
    ).all()
    if counted or round_.status not in (*_LIVE, RoundStatus.SCHEDULED):
        return [(code, name, user) for code, name, user in counted]
    return _next(desk, round_)


def _next(desk: Desk, round_: Round) -> list[tuple[str, str, int]]:
    """The next unserved shares by rank: this round's come after those of rounds not yet counted."""
    before = sa.select(sa.func.count(Round.id)).where(
        Round.cycle_id == desk.cycle.id,
        Round.index < round_.index,
        Round.settled_at.is_(None),
        Round.status != RoundStatus.CLOSED,
    )
    k = desk.rules.recipients_per_round
    query = (
        sa.select(Share.code, User.name, User.id)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .where(
            Share.cycle_id == desk.cycle.id,
            Share.status == "active",
            Share.served_round_id.is_(None),
            Share.position.is_not(None),
        )
        .order_by(Share.position)
        .offset((session.scalar(before) or 0) * k)
        .limit(k)
    )
    return [(code, name, user) for code, name, user in session.execute(query)]


@dataclass(frozen=True, slots=True)
class Turn:
    """A counted turn with its receipt."""

    row: TurnRow
    code: str
    name: str
    lines: Sequence[PotLine]


def turns(round_id: int) -> list[Turn]:
    """The turns of a counted round, each with the lines that leave the pot for it."""
    found = session.execute(
        sa.select(TurnRow, Share.code, User.name)
        .join(Share, Share.id == TurnRow.share_id)
        .join(User, User.id == TurnRow.user_id)
        .where(TurnRow.round_id == round_id)
        .order_by(TurnRow.id)
    ).all()
    return [
        Turn(
            row,
            code,
            name,
            session.scalars(
                sa.select(PotLine).where(PotLine.turn_id == row.id).order_by(PotLine.seq)
            ).all(),
        )
        for row, code, name in found
    ]


@dataclass(frozen=True, slots=True)
class MyTurn:
    """One of my shares: its rank, and the round and date it will be or was served at."""

    share: Share
    round_: Round | None


def my_turns(desk: Desk, member_id: int) -> list[MyTurn]:
    """My shares with the round each is served in, as the order says now."""
    shares = session.scalars(
        sa.select(Share)
        .where(
            Share.cycle_id == desk.cycle.id, Share.member_id == member_id, Share.status == "active"
        )
        .order_by(Share.position, Share.code)
    ).all()
    indexes = {share.id: _index(desk, share) for share in shares}
    dated = {
        row.index: row
        for row in session.scalars(
            sa.select(Round).where(
                Round.cycle_id == desk.cycle.id,
                Round.index.in_([i for i in indexes.values() if i is not None]),
            )
        )
    }
    return [MyTurn(share, dated.get(indexes[share.id] or 0)) for share in shares]


def _index(desk: Desk, share: Share) -> int | None:
    if share.served_round_id is not None:
        return session.get_one(Round, share.served_round_id).index
    if share.position is None:
        return None
    ahead = sa.select(sa.func.count(Share.id)).where(
        Share.cycle_id == desk.cycle.id,
        Share.status == "active",
        Share.position < share.position,
    )
    return (session.scalar(ahead) or 0) // desk.rules.recipients_per_round + 1


def contribution(cycle_id: int, reference: str) -> Contribution:
    """Find a contribution of a cycle by its reference. Raises `NotFound`."""
    query = sa.select(Contribution).where(
        Contribution.cycle_id == cycle_id, Contribution.reference == reference
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound("contribution")
    return found


def my_contributions(cycle_id: int, member_id: int, limit: int = 10) -> Sequence[Contribution]:
    """A member's latest contributions."""
    return session.scalars(
        sa.select(Contribution)
        .where(Contribution.cycle_id == cycle_id, Contribution.member_id == member_id)
        .order_by(Contribution.id.desc())
        .limit(limit)
    ).all()
