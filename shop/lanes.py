"""One lane per provider and kind of work, so that a provider that hangs delays nobody else (D7)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Lock
from typing import Final, TypeVar

from flask import Flask, current_app

from shop import clock
from shop.db import session

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

#: A drain waits this long for its lanes, then leaves the slow ones to themselves.
WAIT_S: Final = 2.0
#: How long an answer waits to be settled together with others of its provider.
GATHER_S: Final = 0.25
#: Claims of one drain, in handfuls of what may be asked at once, before others have their turn.
ROUNDS: Final = 100
#: Providers times kinds of work in both directions, with room for a few providers more.
MOST_LANES: Final = 48

_running: dict[tuple[str, str], Future[int]] = {}
_lock = Lock()
_threads: list[ThreadPoolExecutor] = []


def drive(kind: str, names: Sequence[str], lane: Callable[[str], int]) -> int:
    """Run `lane(name)` for every name, each in its own thread; give what the quick ones handled.

    A name whose lane still runs is left to it: a lane looks again until nothing is due. With
    `LANES=inline` (tests, simulation) everything happens here, one after another.
    """
    if current_app.config.get("LANES") == "inline":
        return sum(lane(name) for name in names)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    futures = [future for name in names if (future := _start(app, kind, name, lane))]
    done, slow = wait(futures, timeout=WAIT_S)
    if slow:
        logger.info("%d lanes of %s go on by themselves", len(slow), kind)
    return sum(future.result() for future in done if future.exception() is None)


def _start(app: Flask, kind: str, name: str, lane: Callable[[str], int]) -> Future[int] | None:
    with _lock:
        running = _running.get((kind, name))
        if running is not None and not running.done():
            return None
        if not _threads:
            _threads.append(ThreadPoolExecutor(MOST_LANES, thread_name_prefix="lane"))
        future = _threads[0].submit(_in_context, app, name, lane)
        _running[(kind, name)] = future
        return future


def _in_context(app: Flask, name: str, lane: Callable[[str], int]) -> int:
    with app.app_context():
        try:
            return lane(name)
        except Exception:
            logger.exception("a lane of %s stopped; its rows stay due", name)
            raise
        finally:
            session.remove()


def as_they_come(items: Sequence[T], ask: Callable[[T], R], at_once: int) -> Iterator[list[R]]:
    """Ask about all items, so many at once, and give answers in handfuls, as they come."""
    left = iter(items)
    rounds = len(items) + 1
    return flow(lambda most: list(islice(left, most)), ask, max(at_once, 1), rounds=rounds)


def flow(
    claim: Callable[[int], Sequence[T]],
    ask: Callable[[T], R],
    at_once: int,
    *,
    ahead: int = 0,
    rounds: int = ROUNDS,
) -> Iterator[list[R]]:
    """Claim and ask, so many at once, until nothing is due; give answers in handfuls, as they come.

    A place that falls free is taken at once, so that one slow answer holds up nobody. Up to `ahead`
    items wait claimed for a place: fewer, larger claims, where a lease that runs out harms nothing.
    """
    if current_app.config.get("LANES") == "inline":
        for _round in range(rounds):
            items = claim(at_once)
            if not items:
                return
            for item in items:
                yield [ask(item)]
        return
    claimed, left = 0, set[Future[R]]()
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        while True:
            room = at_once + ahead - len(left)
            if claimed < rounds * at_once and 2 * room >= at_once:
                items = claim(room)
                claimed += len(items)
                left |= {pool.submit(ask, item) for item in items}
            if not left:
                return
            done, left = _handful(left, at_least=min(len(left), ahead or 1))
            yield [future.result() for future in done]


def _handful(left: set[Future[R]], *, at_least: int) -> tuple[list[Future[R]], set[Future[R]]]:
    """Wait for an answer, then a moment for others: settled together they cost a third."""
    done, left = wait(left, return_when=FIRST_COMPLETED)
    found, until = list(done), clock.monotonic() + GATHER_S
    while left and len(found) < at_least and (rest_s := until - clock.monotonic()) > 0:
        done, left = wait(left, timeout=rest_s, return_when=FIRST_COMPLETED)
        found += done
    return found, left
