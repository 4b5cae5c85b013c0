"""The counts of one process between two writes: no database, safe from any thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Final

from shop import clock
from shop.providers.values import Observed

#: Seconds between two writes; a breaker that turned is written at once.
WRITE_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Key:
    """What is counted together: calls of one kind in one minute that came to the same."""

    minute: datetime
    provider: str
    operation: str
    result: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls, and how long they took, in milliseconds."""

    calls: int = 0
    total_ms: int = 0
    longest_ms: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.calls + other.calls,
            self.total_ms + other.total_ms,
            max(self.longest_ms, other.longest_ms),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be written: counts, and breakers that turned (until when they rest, or None)."""

    tallies: dict[Key, Tally]
    rests: dict[str, datetime | None]

    def __bool__(self) -> bool:
        return bool(self.tallies or self.rests)


class Observations:
    """Adds up calls until somebody takes them to be written."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tallies: dict[Key, Tally] = {}
        self._rests: dict[str, datetime | None] = {}
        self._open: set[str] = set()
        self._taken_at = float("-inf")

    def note(self, seen: Observed) -> None:
        """Count one call; this is the `observer` of every provider."""
        minute = clock.now().replace(second=0, microsecond=0)
        key = Key(minute, seen.provider, seen.operation, seen.result)
        with self._lock:
            self._add(key, Tally(1, seen.spent_ms, seen.spent_ms))
            self._follow(f"{seen.provider}:{seen.operation}", seen.rests_s)

    def _add(self, key: Key, more: Tally) -> None:
        self._tallies[key] = self._tallies.get(key, Tally()) + more

    def _follow(self, target: str, rests_s: float | None) -> None:
        if rests_s is None:
            if target in self._open:
                self._open.discard(target)
                self._rests[target] = None
        elif rests_s > 0:
            # Opened, or opened again by a probe that failed: each time with a new end.
            self._open.add(target)
            self._rests[target] = clock.after(rests_s)

    def due(self) -> bool:
        """Say whether it is time to write: some seconds passed, or a breaker turned."""
        with self._lock:
            waited_s = clock.monotonic() - self._taken_at
            return bool(self._rests) or (bool(self._tallies) and waited_s >= WRITE_EVERY_S)

    def take(self) -> Batch:
        """Give what was counted since the last time, and begin again from nothing."""
        with self._lock:
            batch = Batch(self._tallies, self._rests)
            self._tallies, self._rests = {}, {}
            self._taken_at = clock.monotonic()
            return batch

    def put_back(self, batch: Batch) -> None:
        """Keep what could not be written; a breaker that turned since then knows better."""
        with self._lock:
            for key, tally in batch.tallies.items():
                self._add(key, tally)
            self._rests = {**batch.rests, **self._rests}
