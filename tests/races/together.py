"""Races with real threads on a real PostgreSQL, and ways to take a protection away.

Every race has its negative control: the same race with its protection removed must go wrong, or the race
proves nothing. RACES sets the number of rounds (50; a campaign runs 2,000).
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.db import db, session
from tests.databases import on_postgresql

__all__ = [
    "ROUNDS",
    "goes_wrong",
    "never_goes_wrong",
    "on_postgresql",
    "sql",
    "together",
    "unlocked",
]

ROUNDS = int(os.environ.get("RACES", "50"))
#: A control that has not gone wrong by then shows that its race never happens.
CONTROL_ROUNDS = max(ROUNDS, 400)
#: Longest stay of an unprotected racer on what it read, in seconds.
DWELL_S = 0.01


def together(app: Flask, *tasks: Callable[[], Any]) -> list[Any]:
    """Run tasks at one instant, each in its own thread; give their results, or what they raised."""
    session.rollback()
    start = Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> Any:
        with app.app_context():
            session.connection()
            session.rollback()
            start.wait(30)
            try:
                return task()
            except Exception as error:  # noqa: BLE001 -- what a racer raises is its result
                return error
            finally:
                session.remove()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def never_goes_wrong(round_: Callable[[], str | None], rounds: int = ROUNDS) -> None:
    """Run a race again and again; fail with the round's own words when one goes wrong."""
    for number in range(rounds):
        wrong = round_()
        assert wrong is None, f"round {number}: {wrong}"


def goes_wrong(round_: Callable[[], str | None]) -> None:
    """Run an unprotected race until it goes wrong, as it must."""
    for _ in range(CONTROL_ROUNDS):
        if round_() is not None:
            return
    pytest.fail(f"unprotected, {CONTROL_ROUNDS} rounds went well: the race proves nothing")


def sql(*statements: str) -> None:
    """Change the schema of this test's own database."""
    session.remove()
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every row lock away from the code, and let it dwell a moment on what it read.

    Between a read and the write that rests on it lies a window. How wide it is depends on the machine; a
    control that waits for chance to hit it passes here and fails there. Dwelling opens it everywhere.
    """
    monkeypatch.setattr(
        sa.Select, "with_for_update", lambda self, **_how: self.execution_options(dwell=True)
    )
    sa.event.listen(db.engine, "after_cursor_execute", _dwell)


def _dwell(*told: Any) -> None:
    """Stay between a read that should have locked its rows and what follows it."""
    context = told[4]
    if context.execution_options.get("dwell"):
        time.sleep(random.uniform(0, DWELL_S))
