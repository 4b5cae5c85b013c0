"""The circuit breaker: a provider that keeps failing is left alone for a while."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

from shop import clock


@dataclass(frozen=True, slots=True)
class Habits:
    """When to stop asking, and how to start again."""

    window_s: float = 60.0
    least_calls: int = 20
    failing_percent: int = 50
    rest_s: float = 30.0
    probes: int = 2


class Breaker:
    """Counts one operation's silences. A refusal is an answer: only transport failures count."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._lock = Lock()
        self._calls: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = 0
        self._probed = 0

    def is_open(self) -> bool:
        """Say whether it rests now. Afterwards it shows itself again: probes are people's calls."""
        with self._lock:
            return self._opened_at is not None and self._rest_left_s(self._opened_at) > 0

    def rests_s(self) -> float | None:
        """Give for how long it rests still: 0 when only probes pass, None when it is closed."""
        with self._lock:
            return None if self._opened_at is None else max(0.0, self._rest_left_s(self._opened_at))

    def admit(self) -> float | None:
        """Let one call through (None), or say how many seconds to wait."""
        with self._lock:
            if self._opened_at is None:
                return None
            wait_s = self._rest_left_s(self._opened_at)
            if wait_s > 0:
                return wait_s
            if self._probing >= self._habits.probes:
                return 1.0
            self._probing += 1
            return None

    def record(self, healthy: bool) -> None:
        """Note how an admitted call ended; open, close or stay."""
        with self._lock:
            if self._opened_at is not None:
                self._record_probe(healthy)
                return
            now = clock.monotonic()
            self._count(now, healthy)
            failing = self._failures * 100 >= len(self._calls) * self._habits.failing_percent
            if len(self._calls) >= self._habits.least_calls and failing:
                self._open(now)

    def _count(self, now: float, healthy: bool) -> None:
        """Add a call and forget those older than the window: no sum over a busy minute's calls."""
        self._calls.append((now, healthy))
        self._failures += not healthy
        while self._calls[0][0] < now - self._habits.window_s:
            _at, was_healthy = self._calls.popleft()
            self._failures -= not was_healthy

    def _rest_left_s(self, opened_at: float) -> float:
        return opened_at + self._habits.rest_s - clock.monotonic()

    def _record_probe(self, healthy: bool) -> None:
        if not self._probing:
            return  # a call admitted before we opened; it says nothing about now
        self._probing -= 1
        if not healthy:
            self._open(clock.monotonic())
            return
        self._probed += 1
        if self._probed >= self._habits.probes:
            self._opened_at = None
            self._calls.clear()
            self._failures = 0

    def _open(self, now: float) -> None:
        self._opened_at, self._probing, self._probed = now, 0, 0


class Breakers:
    """One breaker per operation: a broken status call must not stop payments, nor the reverse."""

    def __init__(self, habits: Habits | None = None) -> None:
        self._habits = habits or Habits()
        self._lock = Lock()
        self._by_operation: dict[str, Breaker] = {}

    def of(self, operation: str) -> Breaker:
        """Give the breaker of this operation, the same one to every thread."""
        with self._lock:
            return self._by_operation.setdefault(operation, Breaker(self._habits))
