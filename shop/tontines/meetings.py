"""A meeting on one page: who was there, what was given in cash, what was decided, and its minutes (R27).

While it is open everything on it may be corrected. Closing writes the minutes once: their hash goes into
the book, and the book's last hash of that moment is printed on them, so that a copy kept on paper proves
later that nothing before it was rewritten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from shop import clock
from shop.accounts.models import User
from shop.db import insert, retrying, session, transaction
from shop.errors import NotFound
from shop.money import Money, total
from shop.tontines import book, desk
from shop.tontines.bureau_models import Attendance, Event, Meeting, Presence
from shop.tontines.cycle_models import Contribution
from shop.tontines.models import Member, Office
from shop.tontines.reading_people import ON_A_PAGE
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.states import PRESENT, Source

HOSTS = (Office.TREASURER, Office.SECRETARY)


@retrying
def open_(tontine_id: int, user_id: int, place: str = "") -> Meeting:
    """Open a meeting; the one that is open already is given again."""
    with transaction():
        desk.locked(tontine_id)
        host = desk.officer(tontine_id, user_id, *HOSTS)
        known = session.scalar(
            sa.select(Meeting).where(Meeting.tontine_id == tontine_id, Meeting.status == "open")
        )
        if known is not None:
            return known
        row = Meeting(
            tontine_id=tontine_id,
            held_at=clock.now(),
            place=" ".join(place.split())[:120],
            status="open",
            opened_by=host.id,
            created_at=clock.now(),
        )
        session.add(row)
        session.flush()
        book.write(tontine_id, "meeting_opened", user_id, meeting=row.id, place=row.place)
        return row


def of(tontine_id: int, meeting_id: int) -> Meeting:
    """Give a meeting of a circle. Raises `NotFound` for another circle's."""
    row = session.get(Meeting, meeting_id)
    if row is None or row.tontine_id != tontine_id:
        raise NotFound("meeting")
    return row


@retrying
def mark(tontine_id: int, user_id: int, meeting_id: int, presences: Mapping[int, Presence]) -> None:
    """Write how members are there; marking again corrects, until the meeting is closed."""
    with transaction():
        row = _open_for(tontine_id, user_id, meeting_id)
        here = set(
            session.scalars(
                sa.select(Member.id).where(
                    Member.tontine_id == tontine_id, Member.id.in_(presences)
                )
            )
        )
        if here != set(presences):
            raise NotFound("member")
        for member_id, presence in presences.items():
            values = {"meeting_id": row.id, "member_id": member_id, "presence": presence}
            key = [Attendance.meeting_id, Attendance.member_id]
            query = insert(Attendance).values(values)
            session.execute(
                query.on_conflict_do_update(index_elements=key, set_={"presence": presence})
            )


@retrying
def decide(tontine_id: int, user_id: int, meeting_id: int, words: str) -> None:
    """Add one decision, in the words of the meeting."""
    with transaction():
        row = _open_for(tontine_id, user_id, meeting_id)
        line = " ".join(words.split())[:300]
        if line and line not in row.minutes.split("\n"):
            row.minutes = "\n".join(filter(None, [row.minutes, line]))


def _open_for(tontine_id: int, user_id: int, meeting_id: int) -> Meeting:
    desk.locked(tontine_id)
    desk.officer(tontine_id, user_id, *HOSTS)
    row = of(tontine_id, meeting_id)
    session.refresh(row)
    if row.status != "open":
        raise TontineRefused(Why.NOT_NOW)
    return row


@retrying
def close(tontine_id: int, user_id: int, meeting_id: int) -> Meeting:
    """Close a meeting: its minutes are hashed into the book; closing again changes nothing."""
    with transaction():
        desk.locked(tontine_id)
        desk.officer(tontine_id, user_id, *HOSTS)
        row = of(tontine_id, meeting_id)
        session.refresh(row)
        if row.status == "closed":
            return row
        facts = facts_of(row)
        row.status, row.closed_at = "closed", clock.now()
        session.flush()
        book.write(
            tontine_id, "meeting_closed", user_id, meeting=row.id,
            present=facts.here, cash=facts.cash, minutes=_hash(row.minutes),
        )  # fmt: skip
        return row


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a meeting amounts to: who was there, how much cash was written down, what was decided."""

    presences: dict[int, str]
    given: dict[int, Money]
    decisions: tuple[str, ...]
    cash: int

    @property
    def here(self) -> int:
        """How many were there, late or represented ones too."""
        there = (Presence.PRESENT, Presence.LATE, Presence.REPRESENTED)
        return sum(presence in there for presence in self.presences.values())


def facts_of(row: Meeting) -> Facts:
    """Read a meeting's attendance, its cash between opening and closing, and its decisions."""
    presences = dict(
        iter(
            session.execute(
                sa.select(Attendance.member_id, Attendance.presence).where(
                    Attendance.meeting_id == row.id
                )
            )
        )
    )
    given = _cash(row)
    amount = total(list(given.values()), next(iter(given.values())).currency) if given else None
    decisions = tuple(line for line in row.minutes.split("\n") if line)
    return Facts(presences, given, decisions, amount.amount if amount else 0)


def _cash(row: Meeting) -> dict[int, Money]:
    cycle = desk.latest_cycle(row.tontine_id)
    query = (
        sa.select(
            Contribution.member_id, sa.func.min(Contribution.currency),
            sa.func.sum(Contribution.amount),
        )
        .where(
            Contribution.cycle_id == cycle.id,
            Contribution.source == Source.CASH,
            Contribution.status != "refused",
            Contribution.started_at >= row.created_at,
            Contribution.started_at <= (row.closed_at or clock.now()),
        )
        .group_by(Contribution.member_id)
    )  # fmt: skip
    return {
        member_id: Money(int(amount), currency)
        for member_id, currency, amount in session.execute(query)
    }


def roll(tontine_id: int, *, after_id: int = 0, limit: int = ON_A_PAGE) -> list[tuple[int, str]]:
    """Call the roll: members who take part, some at a time."""
    rows = session.execute(
        sa.select(Member.id, User.name)
        .join(User, User.id == Member.user_id)
        .where(
            Member.tontine_id == tontine_id,
            Member.status.in_([str(status) for status in PRESENT]),
            Member.id > after_id,
        )
        .order_by(Member.id)
        .limit(limit)
    )
    return [(member_id, name) for member_id, name in rows]


def latest(tontine_id: int, limit: int = 20) -> Sequence[Meeting]:
    """List a circle's meetings, newest first."""
    query = sa.select(Meeting).where(Meeting.tontine_id == tontine_id)
    return session.scalars(query.order_by(Meeting.id.desc()).limit(limit)).all()


def closing_line(row: Meeting) -> Event | None:
    """The line of the book that closed a meeting: its hash is the root printed on the minutes."""
    for line in book.lines(row.tontine_id, what="meeting_closed", limit=50):
        if book.facts_of(line)["meeting"] == row.id:
            return line
    return None
