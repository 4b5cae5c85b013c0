"""The dated rounds of a cycle, all known when it locks, and what "on time" means (R6, R7)."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import count, islice
from typing import Final
from zoneinfo import ZoneInfo

from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Period, When

#: How long an operator may take to approve what a member started in time (R7).
APPROVAL_WINDOW: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class DatedRound:
    """One round's moments, in UTC; a round without such a row has no countdown."""

    index: int
    opens_at: datetime
    due_at: datetime
    grace_until: datetime


class Standing(StrEnum):
    """What a screen may say of an unpaid due: never late before its grace has ended (R7)."""

    TO_COME = "scheduled"
    OPEN = "open"
    IN_GRACE = "grace"
    LATE = "late"


def rounds(when: When, number: int) -> tuple[DatedRound, ...]:
    """Date every round of a cycle at lock (T41): each opens when the one before is due."""
    zone, grace = ZoneInfo(when.timezone), timedelta(hours=when.grace_hours)
    dues = [
        datetime.combine(day, when.due_time, zone).astimezone(UTC)
        for day in islice(_days(when), number)
    ]
    start = datetime.combine(when.starts_on, when.due_time, zone).astimezone(UTC)
    return tuple(
        DatedRound(index, opens, due, due + grace)
        for index, (opens, due) in enumerate(zip([start, *dues], dues, strict=False), start=1)
    )


def moved(cycle: Sequence[DatedRound], index: int, due_at: datetime) -> tuple[DatedRound, ...]:
    """Move one date, as a vote decided; the others stay (R6). It must stay between its neighbours."""
    at = index - 1
    earliest = cycle[at - 1].due_at if at else cycle[at].opens_at
    latest = cycle[at + 1].due_at if index < len(cycle) else None
    if due_at <= earliest or (latest is not None and due_at >= latest):
        raise TontineRefused(Why.DATE_OUT_OF_ORDER, round=index)
    changed = list(cycle)
    grace = cycle[at].grace_until - cycle[at].due_at
    changed[at] = replace(cycle[at], due_at=due_at, grace_until=due_at + grace)
    return tuple(changed)


def standing(dated: DatedRound, now: datetime) -> Standing:
    """Say where an unpaid due stands at this moment (R7, property 10)."""
    if now < dated.opens_at:
        return Standing.TO_COME
    if now <= dated.due_at:
        return Standing.OPEN
    return Standing.IN_GRACE if now < dated.grace_until else Standing.LATE


def paid_on_time(dated: DatedRound, *, started_at: datetime, approved_at: datetime) -> bool:
    """Say whether a payment was in time: started by the due time and approved within the operator's
    window, or approved before the grace ended (R7, T35)."""
    in_window = started_at <= dated.due_at and approved_at - started_at <= APPROVAL_WINDOW
    return in_window or approved_at < dated.grace_until


def _days(when: When) -> Iterator[date]:
    """Due days, strictly after the day the cycle starts."""
    if when.period in (Period.EVERY_N_DAYS, Period.EVERY_TWO_WEEKS, Period.WEEKLY):
        first, step = _first_and_step(when)
        return (first + timedelta(days=step * n) for n in count())
    if when.period is Period.TWICE_A_WEEK:
        following = (when.starts_on + timedelta(days=n) for n in count(1))
        return (day for day in following if day.weekday() in when.days)
    return (day for day in _month_days(when) if day > when.starts_on)


def _first_and_step(when: When) -> tuple[date, int]:
    if when.period is Period.EVERY_N_DAYS:
        return when.starts_on + timedelta(days=when.every_days), when.every_days
    # The next such weekday; today's own weekday means a week from now.
    ahead = (when.days[0] - when.starts_on.weekday() - 1) % 7 + 1
    return when.starts_on + timedelta(days=ahead), 7 if when.period is Period.WEEKLY else 14


def _month_days(when: When) -> Iterator[date]:
    for month in count(when.starts_on.year * 12 + when.starts_on.month - 1):
        year, number = month // 12, month % 12 + 1
        last = calendar.monthrange(year, number)[1]
        # The 30th and the 31st of February are the same day: due once, not twice.
        yield from sorted({date(year, number, min(day, last)) for day in when.days})
