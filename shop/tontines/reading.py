"""Circles read for pages and commands: a few rows at a time, however large the circle (R3, T40)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop import clock
from shop.accounts.models import User
from shop.db import session
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.tontines import dues
from shop.tontines.cycle_models import Contribution, Cycle, DueRow, Round, Share, TurnRow
from shop.tontines.desk import Desk
from shop.tontines.dues import PAID
from shop.tontines.models import Member, Tontine
from shop.tontines.money_in import DueKind, Pot
from shop.tontines.states import PRESENT, ContributionStatus, DueStatus, Source


def of_user(user_id: int) -> Sequence[Tontine]:
    """List the circles a user takes part in, newest first."""
    return session.scalars(
        sa.select(Tontine)
        .join(Member, Member.tontine_id == Tontine.id)
        .where(Member.user_id == user_id, Member.status.in_(PRESENT))
        .order_by(Tontine.id.desc())
    ).all()


def latest(limit: int, status: str | None = None) -> Sequence[Tontine]:
    """List circles, newest first."""
    query = sa.select(Tontine).order_by(Tontine.id.desc()).limit(limit)
    return session.scalars(query.where(Tontine.status == status) if status else query).all()


def public(limit: int, before_id: int | None = None) -> Sequence[Tontine]:
    """List circles that strangers may find and that still let people in."""
    query = sa.select(Tontine).where(Tontine.visibility == "public", Tontine.status == "open")
    if before_id is not None:
        query = query.where(Tontine.id < before_id)
    return session.scalars(query.order_by(Tontine.id.desc()).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class ShareLine:
    """One share as members see it: its holder by name, its rank, where it stands."""

    code: str
    name: str
    member_id: int
    rank: int | None
    status: str
    served_round: int | None


def shares(cycle_id: int, *, after: str = "", limit: int = 25) -> list[ShareLine]:
    """List shares by code, 25 at a time (T40)."""
    query = (
        sa.select(Share, User.name, Round.index)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .outerjoin(Round, Round.id == Share.served_round_id)
        .where(Share.cycle_id == cycle_id, Share.code > after)
        .order_by(Share.code)
        .limit(limit)
    )
    return [
        ShareLine(row.code, name, row.member_id, row.position, row.status, served)
        for row, name, served in session.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class RoundLine:
    """One round with its three numbers, never added into one (R3, R21), and whom it served."""

    id: int
    index: int
    status: str
    opens_at: datetime
    due_at: datetime
    grace_until: datetime
    pot: Pot
    served: tuple[str, ...]
    net: Money
    reliquat: Money


def rounds(at: Desk, *, after: int = 0, limit: int = 25) -> list[RoundLine]:
    """List rounds from one on, with what each expects, has collected, and waits to be confirmed."""
    rows = session.scalars(
        sa.select(Round)
        .where(Round.cycle_id == at.cycle.id, Round.index > after)
        .order_by(Round.index)
        .limit(limit)
    ).all()
    return [_round_line(at, row, *_sums([row.id for row in rows])) for row in rows]


def _sums(
    ids: Sequence[int],
) -> tuple[dict[int, tuple[int, int]], dict[int, list[tuple[str, int, int]]]]:
    paid = session.execute(
        sa.select(DueRow.round_id, sa.func.sum(DueRow.amount), sa.func.sum(PAID))
        .where(
            DueRow.round_id.in_(ids),
            DueRow.kind == DueKind.CONTRIBUTION,
            DueRow.status != DueStatus.VOID,
        )
        .group_by(DueRow.round_id)
    )
    sums = {id_: (int(expected), int(collected)) for id_, expected, collected in paid}
    served: dict[int, list[tuple[str, int, int]]] = {}
    turns = sa.select(TurnRow.round_id, Share.code, TurnRow.net, TurnRow.reliquat)
    for id_, code, net, reliquat in session.execute(
        turns.join(Share, Share.id == TurnRow.share_id).where(TurnRow.round_id.in_(ids))
    ):
        served.setdefault(id_, []).append((code, net, reliquat))
    return sums, served


def _round_line(
    at: Desk,
    row: Round,
    sums: dict[int, tuple[int, int]],
    served: dict[int, list[tuple[str, int, int]]],
) -> RoundLine:
    # A round that has not opened expects what the rules say; it has no dues yet.
    expected, collected = sums.get(row.id, (at.rules.expected.amount, 0))
    turns = served.get(row.id, [])
    promised = _promised(at) if row.status in ("open", "due", "grace") else 0
    return RoundLine(
        row.id, row.index, row.status, row.opens_at, row.due_at, row.grace_until,
        Pot(at.money(expected), at.money(collected), at.money(min(promised, expected - collected))),
        tuple(code for code, _net, _rest in turns),
        at.money(sum(net for _code, net, _rest in turns)),
        at.money(sum(rest for _code, _net, rest in turns)),
    )  # fmt: skip


def _promised(at: Desk) -> int:
    query = sa.select(sa.func.coalesce(sa.func.sum(Contribution.amount), 0)).where(
        Contribution.cycle_id == at.cycle.id,
        Contribution.source == Source.CASH,
        Contribution.status == ContributionStatus.PROMISED,
    )
    return int(session.scalar(query) or 0)


@dataclass(frozen=True, slots=True)
class Arrear:
    """What one share owes after the grace of its round has ended (R7, property 10)."""

    share: str
    member_id: int
    name: str
    round: int
    kind: str
    unpaid: Money
    since: datetime


def arrears(at: Desk, *, limit: int = 100) -> list[Arrear]:
    """List what is late, oldest first; nothing whose grace still runs."""
    query = (
        sa.select(
            Share.code, Share.member_id, User.name, Round.index, DueRow.kind,
            (DueRow.amount - PAID).label("unpaid"), Round.grace_until,
        )
        .join(Share, Share.id == DueRow.share_id)
        .join(Round, Round.id == DueRow.round_id)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .where(
            Round.cycle_id == at.cycle.id,
            sa.or_(
                DueRow.status.in_((DueStatus.LATE, DueStatus.COVERED)),
                sa.and_(DueRow.kind == DueKind.PENALTY, DueRow.status.in_(("open", "partial"))),
            ),
            Round.grace_until <= clock.now(),
        )
        .order_by(Round.index, Share.code, DueRow.id)
        .limit(limit)
    )  # fmt: skip
    return [
        Arrear(code, member, name, index, kind, at.money(int(unpaid)), since)
        for code, member, name, index, kind, unpaid, since in session.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """One member's place: what is due now, what is late, what was paid ahead."""

    due: Money
    late: Money
    ahead: Money


def standing(at: Desk, member_id: int) -> Standing:
    """Say what a member owes in all, how much of it is late, and what is kept ahead."""
    owed = dues.of_member(at, member_id)
    nothing = at.money(0)
    held = [
        chart.advance(share_id, at.tontine.currency)
        for share_id in session.scalars(
            sa.select(Share.id).where(Share.cycle_id == at.cycle.id, Share.member_id == member_id)
        )
    ]
    return Standing(
        due=sum((each.due.unpaid for each in owed), nothing),
        late=sum((each.due.unpaid for each in owed if each.due.late), nothing),
        ahead=sum(ledger.balances(held), nothing),
    )


def cycles(tontine_id: int) -> Sequence[Cycle]:
    """List a circle's cycles, oldest first."""
    return session.scalars(
        sa.select(Cycle).where(Cycle.tontine_id == tontine_id).order_by(Cycle.number)
    ).all()
