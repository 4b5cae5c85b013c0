"""Many schedules: run, counted, and told about when they fail."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context, parent_process
from typing import Final

from tests.simulation.house import House
from tests.simulation.schedule import Schedule

#: Schedules a process runs before it reports.
CHUNK: Final = 50
#: Cyclic garbage is only collected between schedules, so that when it goes changes no story.
COLLECT_EVERY: Final = 25
#: A campaign that found this many stories has said enough.
ENOUGH: Final = 5


@dataclass(frozen=True)
class Failure:
    """A schedule that broke a rule, and its story."""

    seed: int
    number: int
    violations: Sequence[str]
    story: str

    def __str__(self) -> str:
        head = f"seed {self.seed}, schedule {self.number}: {'; '.join(self.violations)}"
        replay = (
            f"python -m tests.simulation --seed {self.seed} --first {self.number} --schedules 1"
        )
        return f"{self.story}\n{head}\nReplay: {replay}"


@dataclass
class Result:
    """What became of some schedules."""

    ran: int = 0
    failures: list[Failure] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)
    hashes: dict[int, str] = field(default_factory=dict)

    def add(self, other: Result) -> None:
        """Add another process's part."""
        self.ran += other.ran
        self.failures.extend(other.failures)
        self.reached.update(other.reached)
        self.hashes.update(other.hashes)


def play(house: House, seed: int, numbers: Iterable[int], *, most_failures: int = ENOUGH) -> Result:
    """Run schedules in this process, in an open house."""
    result = Result()
    house.reached.clear()
    gc.collect()
    gc.freeze()
    for number in numbers:
        gc.disable()
        violations = Schedule(house, seed, number).run()
        gc.enable()
        result.ran += 1
        result.hashes[number] = house.hub.trace.hash
        if violations:
            story = house.hub.trace.readable()
            result.failures.append(Failure(seed, number, violations, story))
            if len(result.failures) >= most_failures:
                break
        if result.ran % COLLECT_EVERY == 0:
            gc.collect()
    result.reached.update(house.reached)
    return result


def _begin() -> None:
    """Open a process's house; the process ends with its parent, however that ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    open_house()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@cache
def open_house() -> House:
    """Keep one open house in a process of a pool, until the process ends."""
    return House().__enter__()


def houses(processes: int) -> ProcessPoolExecutor:
    """Make processes that each keep a house."""
    return ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin)


def _chunk(seed: int, first: int, count: int) -> Result:
    return play(open_house(), seed, range(first, first + count))


def campaign(
    seed: int, first: int, count: int, *, processes: int, minutes: float | None = None
) -> Result:
    """Run many schedules in several processes, until all are done, enough failed, or time is up."""
    result = Result()
    end = None if minutes is None else time.monotonic() + minutes * 60
    chunks = [(n, min(CHUNK, first + count - n)) for n in range(first, first + count, CHUNK)]
    with houses(processes) as pool:
        waiting = [pool.submit(_chunk, seed, number, size) for number, size in chunks]
        for future in waiting:
            if not (_over(result, end) and future.cancel()):
                result.add(future.result())
    return result


def _over(result: Result, end: float | None) -> bool:
    late = end is not None and time.monotonic() > end
    return late or len(result.failures) >= ENOUGH
