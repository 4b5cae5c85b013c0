"""Time, in one place: tests and the simulation turn this clock, nobody reads another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


def _system_now() -> datetime:
    return datetime.now(UTC)


_now: Callable[[], datetime] = _system_now
_monotonic: Callable[[], float] = time.monotonic
_offset = timedelta(0)


def now() -> datetime:
    """The present moment in UTC, on the database's clock once `follow` was called."""
    return _now() + _offset


def after(seconds: float) -> datetime:
    """The moment this many seconds from now."""
    return now() + timedelta(seconds=seconds)


def monotonic() -> float:
    """Seconds that only grow: for durations and deadlines inside one process."""
    return _monotonic()


def follow(database_now: datetime) -> None:
    """Adopt the database's idea of the present, so that machines agree on leases (J7)."""
    global _offset
    _offset = database_now - _now()


@contextmanager
def turned_by(now: Callable[[], datetime], monotonic: Callable[[], float]) -> Iterator[None]:
    """Replace the clock for the length of a test or a simulated schedule."""
    global _now, _monotonic, _offset
    before = (_now, _monotonic, _offset)
    _now, _monotonic, _offset = now, monotonic, timedelta(0)
    try:
        yield
    finally:
        _now, _monotonic, _offset = before
