"""Processes without threads: greenlets that stop at every point where a real process could be stopped.

Only the hub decides who runs next, so a seed is a story: the same seed, the same story.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from greenlet import greenlet

#: Where every story begins.
BEGINNING: Final = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone. Nothing may catch it; only its connection is rolled back."""


class CommitLost(sqlite3.OperationalError):
    """The commit succeeded, and the one who committed saw an error."""


@dataclass(eq=False)
class Task:
    """One process at work: where it stands, and what it was last heard to do."""

    name: str
    process: str
    skew: timedelta = timedelta(0)
    where: str = "begins"
    waits: bool = False
    frozen: bool = False
    dying: bool = False
    loses_commit: bool = False
    open: set[int] = field(default_factory=set)
    """Connections on which it has a transaction open."""
    operation: str = ""
    reference: str = ""
    asked: dict[str, datetime] = field(default_factory=dict)
    """When it last asked about a reference, by its own clock."""
    heard: dict[str, list[Any]] = field(default_factory=dict)
    """How the provider's requests of a reference stood when it was answered."""
    end: str = ""
    run: greenlet = field(init=False)

    @property
    def alive(self) -> bool:
        """Say whether it still has something to do."""
        return not self.run.dead


class Trace:
    """The story so far, line by line, and its hash."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Add a line."""
        self.lines.append(line)

    @property
    def hash(self) -> str:
        """Name the whole story in sixteen signs."""
        return sha256("\n".join(self.lines).encode()).hexdigest()[:16]

    def readable(self, most: int = 150) -> str:
        """Tell the end of the story, a task's steps in a row on one line."""
        told: list[str] = []
        last = ""
        for line in self.lines:
            name, steps, where = line.partition(" · ")
            if steps and name == last:
                told[-1] += f" → {where}"
            else:
                told.append(line)
            last = name if steps else ""
        return "\n".join(told[-most:])


class Hub:
    """Everybody who is at work, the one clock, and the one writer the database admits."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start a new story."""
        self.trace = Trace()
        self.at = BEGINNING
        self.tasks: list[Task] = []
        self.current: Task | None = None
        self.writer: tuple[int, Task] | None = None
        self.crashes: list[str] = []

    def now(self) -> datetime:
        """The present moment, on the clock of whoever asks."""
        return self.at + self.current.skew if self.current else self.at

    def monotonic(self) -> float:
        """Seconds that only grow, the same for everybody."""
        return (self.at - BEGINNING).total_seconds() + 1_000.0

    def spawn(self, name: str, process: str, work: Callable[[], object], skew: timedelta) -> Task:
        """Let a process begin; nothing happens before its first step."""
        task = Task(name, process, skew)
        task.run = greenlet(lambda: self._live(task, work))
        self.tasks.append(task)
        return task

    def _live(self, task: Task, work: Callable[[], object]) -> None:
        try:
            task.end = str(work())
        except Killed:
            task.end = "killed"
        except Exception as error:  # noqa: BLE001 - the edge of a process: whatever it is, is told
            task.end = type(error).__name__
            if not expected(error):
                self.crashes.append(f"{task.name}: {describe(error)}")

    def busy(self, process: str) -> bool:
        """Say whether a process is at work already."""
        return any(task.process == process for task in self.tasks)

    def runnable(self) -> list[Task]:
        """Those who could go on now."""
        free = self.writer is None
        return [t for t in self.tasks if not t.frozen and (free or not t.waits)]

    def step(self, task: Task) -> None:
        """Let one process go on until its next stop."""
        self.current = task
        try:
            task.run.switch()
        finally:
            self.current = None
        self._told(task)

    def kill(self, task: Task) -> None:
        """End a process where it stands."""
        self.trace.say(f"*** {task.name} is killed at: {task.where}")
        task.dying, self.current = True, task
        try:
            with suppress(Killed):  # one that had not begun dies without a word
                task.run.throw(Killed)
        finally:
            self.current = None
        assert not task.alive, f"{task.name} survived its death"
        self._told(task)

    def _told(self, task: Task) -> None:
        if task.alive:
            self.trace.say(f"{task.name} · {task.where}")
            return
        self.trace.say(f"{task.name} ends: {task.end}")
        self.tasks.remove(task)
        assert self.writer is None or self.writer[1] is not task, f"{task.name} left the lock held"

    def pause(self, where: str) -> None:
        """Stop here until the hub says go; everything else may happen meanwhile."""
        task = self.current
        if task is None:
            return
        if task.dying:
            raise Killed
        task.where = where
        task.run.parent.switch()

    def admit_writer(self, connection: int) -> None:
        """Wait in line, as BEGIN IMMEDIATE does, without holding up the thread."""
        task = self.current
        if task is None:
            assert self.writer is None, "somebody else is writing"
            return
        while self.writer is not None:
            task.waits = True
            self.pause("waits for the writer")
        task.waits = False
        self.writer = (connection, task)

    def release(self, connection: int) -> bool:
        """Note that a transaction ended; say whether it was the writer's."""
        if self.current is not None:
            self.current.open.discard(connection)
        if self.writer is None or self.writer[0] != connection:
            return False
        self.writer = None
        return True


def expected(error: BaseException) -> bool:
    """Say whether an error is one that this simulation made on purpose."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, CommitLost) or isinstance(getattr(seen, "orig", None), CommitLost):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def describe(error: BaseException) -> str:
    """Name an error with the lines it came from, in our own files."""
    steps = []
    tail = error.__traceback__
    while tail is not None:
        code = tail.tb_frame.f_code
        if "/shop/" in code.co_filename:
            steps.append(f"{code.co_filename.rpartition('/shop/')[2]}:{tail.tb_lineno}")
        tail = tail.tb_next
    return f"{type(error).__name__}: {str(error)[:300]} ({' > '.join(steps[-5:])})"
