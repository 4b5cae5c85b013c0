"""The days a dashboard speaks of: read from the address, so that a figure can be shown to somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

#: The longest window: what one page can add up at once.
MOST_DAYS: Final = 366
USUAL_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Window:
    """Some whole days, both ends included, in the time of Abidjan, which is UTC."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.until - self.since).days + 1

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.since, time(), UTC)

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.until + timedelta(days=1), time(), UTC)

    @property
    def before(self) -> Window:
        """As many days, just before: what it is compared with."""
        length = timedelta(days=self.days)
        return Window(self.since - length, self.until - length)

    @property
    def address(self) -> dict[str, str]:
        """The window as an address says it."""
        return {"from": self.since.isoformat(), "to": self.until.isoformat()}

    def each(self) -> list[date]:
        """Every day, the first one first."""
        return [self.since + timedelta(days=n) for n in range(self.days)]


def last(days: int, today: date) -> Window:
    """The last so many days, today included."""
    return Window(today - timedelta(days=days - 1), today)


def read(args: Mapping[str, str], today: date) -> Window:
    """Read a window from an address; anything strange is the usual one."""
    since, until = _day(args.get("from", "")), _day(args.get("to", ""))
    if since is None or until is None or not date(2020, 1, 1) <= since <= until:
        return last(USUAL_DAYS, today)
    if until > today + timedelta(days=1) or (until - since).days >= MOST_DAYS:
        return last(USUAL_DAYS, today)
    return Window(since, until)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
