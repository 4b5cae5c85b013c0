"""One lane per provider and kind of work, so that a provider that hangs delays nobody else (D7)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Any, Final, TypeVar

from flask import Flask, current_app

from shop.db import session

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

#: A drain waits this long for its lanes, then leaves the slow ones to themselves.
WAIT_S: Final = 2.0
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


def as_they_come(items: Sequence[T], ask: Callable[[T], R], most_at_once: int) -> Iterator[list[R]]:
    """Call `ask` for all items, at most so many at once, and give answers in handfuls as they come."""
    if current_app.config.get("LANES") == "inline":
        for item in items:
            yield [ask(item)]
        return
    with ThreadPoolExecutor(max_workers=max(1, min(most_at_once, len(items)))) as pool:
        left: set[Future[Any]] = {pool.submit(ask, item) for item in items}
        while left:
            done, left = wait(left, return_when=FIRST_COMPLETED)
            yield [future.result() for future in done]
