"""What pages read of circles: never all shares or rounds at once, never a phone number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.accounts.models import User
from shop.db import session
from shop.tontines.cycle_models import Cycle, Round, Share
from shop.tontines.models import JoinRequest, Member, OfficeHeld, RuleAcceptance, RuleSet, Tontine
from shop.tontines.reading_rules import rules_of
from shop.tontines.rules import Rules
from shop.tontines.states import PRESENT, RequestStatus, TontineStatus

#: Rows on one page of anything (T40).
ON_A_PAGE = 25


@dataclass(frozen=True, slots=True)
class Circle:
    """One of somebody's circles, as their list shows it."""

    tontine: Tontine
    cycle: Cycle
    rules: Rules
    next_due: datetime | None
    my_shares: int


def mine(user_id: int) -> list[Circle]:
    """List the circles a user takes part in, latest first, in three statements."""
    other = aliased(Cycle)
    latest = (
        sa.select(sa.func.max(other.id)).where(other.tontine_id == Tontine.id).scalar_subquery()
    )
    present = [str(status) for status in PRESENT]
    rows = session.execute(
        sa.select(Tontine, Cycle, RuleSet.text, Member.id)
        .join(Member, Member.tontine_id == Tontine.id)
        .join(Cycle, Cycle.id == latest)
        .join(RuleSet, RuleSet.id == Cycle.rules_id)
        .where(Member.user_id == user_id, Member.status.in_(present))
        .order_by(Tontine.id.desc())
    ).all()
    cycles = [cycle.id for _tontine, cycle, _text, _member in rows]
    dues, held = _next_dues(cycles), _held(cycles, [member for *_rest, member in rows])
    return [
        Circle(tontine, cycle, rules_of(text), dues.get(cycle.id), held.get(cycle.id, 0))
        for tontine, cycle, text, _member in rows
    ]


def _next_dues(cycles: Sequence[int]) -> dict[int, datetime]:
    query = (
        sa.select(Round.cycle_id, sa.func.min(Round.due_at))
        .where(Round.cycle_id.in_(cycles), Round.status.in_(["open", "scheduled"]))
        .group_by(Round.cycle_id)
    )
    return dict(iter(session.execute(query)))


def _held(cycles: Sequence[int], members: Sequence[int]) -> dict[int, int]:
    query = (
        sa.select(Share.cycle_id, sa.func.count(Share.id))
        .where(Share.cycle_id.in_(cycles), Share.member_id.in_(members), Share.status == "active")
        .group_by(Share.cycle_id)
    )
    return dict(iter(session.execute(query)))


def open_to_all(*, besides: int, limit: int = 20) -> Sequence[Tontine]:
    """List public circles that enrol and that this user is not in (R31: no person, no amount paid)."""
    inside = sa.select(Member.tontine_id).where(Member.user_id == besides)
    return session.scalars(
        sa.select(Tontine)
        .where(
            Tontine.visibility == "public",
            Tontine.status == TontineStatus.OPEN,
            Tontine.join_policy != "closed",
            Tontine.id.not_in(inside),
        )
        .order_by(Tontine.id.desc())
        .limit(limit)
    ).all()


def taken(cycle_id: int) -> int:
    """Count the shares taken in a cycle."""
    query = sa.select(sa.func.count(Share.id))
    return session.scalar(query.where(Share.cycle_id == cycle_id, Share.status == "active")) or 0


def acceptances(rules_id: int) -> int:
    """Count who accepted these rules."""
    query = sa.select(sa.func.count(RuleAcceptance.id)).where(RuleAcceptance.rules_id == rules_id)
    return session.scalar(query) or 0


def is_member(tontine_id: int, user_id: int) -> bool:
    """Say whether a user takes part."""
    query = sa.select(Member.id).where(
        Member.tontine_id == tontine_id,
        Member.user_id == user_id,
        Member.status.in_([str(status) for status in PRESENT]),
    )
    return session.scalar(query) is not None


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the group sees one: name, offices, number of shares; no phone number (R31)."""

    member: Member
    name: str
    offices: tuple[tuple[str, bool], ...] = ()
    shares: tuple[str, ...] = ()


def people(
    tontine_id: int, cycle_id: int, *, after_id: int = 0, limit: int = ON_A_PAGE
) -> list[Person]:
    """List members by the order they came in, one page at a time."""
    rows = session.execute(
        sa.select(Member, User.name)
        .join(User, User.id == Member.user_id)
        .where(Member.tontine_id == tontine_id, Member.id > after_id)
        .order_by(Member.id)
        .limit(limit)
    ).all()
    ids = [member.id for member, _name in rows]
    offices, shares = offices_of(tontine_id), shares_of(cycle_id, ids)
    return [
        Person(member, name, tuple(offices.get(member.id, ())), tuple(shares.get(member.id, ())))
        for member, name in rows
    ]


def offices_of(tontine_id: int) -> dict[int, list[tuple[str, bool]]]:
    """The offices held now, by member: which, and whether as deputy."""
    query = sa.select(OfficeHeld.member_id, OfficeHeld.office, OfficeHeld.deputy).where(
        OfficeHeld.tontine_id == tontine_id, OfficeHeld.until.is_(None)
    )
    held: dict[int, list[tuple[str, bool]]] = {}
    for member_id, office, deputy in session.execute(query):
        held.setdefault(member_id, []).append((office, deputy))
    return held


def shares_of(cycle_id: int, member_ids: Sequence[int]) -> dict[int, list[str]]:
    """The codes of the shares these members hold."""
    query = (
        sa.select(Share.member_id, Share.code)
        .where(
            Share.cycle_id == cycle_id, Share.member_id.in_(member_ids), Share.status == "active"
        )
        .order_by(Share.code)
    )
    held: dict[int, list[str]] = {}
    for member_id, code in session.execute(query):
        held.setdefault(member_id, []).append(code)
    return held


def names(tontine_id: int, user_ids: Sequence[int] | None = None) -> dict[int, str]:
    """The names of a circle's people by user id: those asked for, or all who ever were in it."""
    query = (
        sa.select(User.id, User.name)
        .join(Member, Member.user_id == User.id)
        .where(Member.tontine_id == tontine_id)
    )
    if user_ids is not None:
        query = query.where(User.id.in_(user_ids))
    return dict(iter(session.execute(query)))


def requests(tontine_id: int) -> list[tuple[JoinRequest, str]]:
    """List who asks to be let in, with names, oldest first."""
    rows = session.execute(
        sa.select(JoinRequest, User.name)
        .join(User, User.id == JoinRequest.user_id)
        .where(JoinRequest.tontine_id == tontine_id, JoinRequest.status == RequestStatus.PENDING)
        .order_by(JoinRequest.id)
    )
    return [(row, name) for row, name in rows]


def payers(cycle_id: int, *, besides: int) -> list[tuple[int, str]]:
    """Members who hold a share of a cycle, by name, but one: whose cash may be written down."""
    held = sa.select(Share.member_id).where(Share.cycle_id == cycle_id, Share.status == "active")
    rows = session.execute(
        sa.select(Member.id, User.name)
        .join(User, User.id == Member.user_id)
        .where(Member.id.in_(held), Member.id != besides)
        .order_by(User.name, Member.id)
    )
    return [(member_id, name) for member_id, name in rows]


def others(tontine_id: int, *, besides: int, limit: int = 60) -> list[tuple[int, str]]:
    """Members who take part, by name, but one: whom one may ask for something."""
    rows = session.execute(
        sa.select(Member.id, User.name)
        .join(User, User.id == Member.user_id)
        .where(
            Member.tontine_id == tontine_id, Member.id != besides,
            Member.status.in_([str(status) for status in PRESENT]),
        )
        .order_by(User.name, Member.id)
        .limit(limit)
    )  # fmt: skip
    return [(member_id, name) for member_id, name in rows]
