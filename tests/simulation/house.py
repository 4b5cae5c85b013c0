"""The real house in one process: its application, its database, the providers across the road.

Everything is built once and made blank again between two schedules in a millisecond. Where a real
process could be stopped, a task is: around every statement, at every commit, around every call.
"""

from __future__ import annotations

import logging
import os
import random
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import flask_migrate
import requests
import sqlalchemy as sa
from flask import current_app

import config
from shop import clock, create_app, health, lanes, queue
from shop.boundary import in_transaction
from shop.db import db, session, transaction
from shop.ledger import service as ledger
from shop.ledger.chart import float_at, wallet
from shop.ledger.entries import Entry, Leg
from shop.money import Money
from shop.payments import provider_settings
from shop.providers import base, build_providers
from shop.providers.values import Answer
from shop.sandbox.registry import PROVIDERS, mount
from shop.sandbox.values import Delivery
from shop.sandbox.world import World
from shop.stores.models import Category
from tests.marketplace import make_product, make_store, make_user
from tests.simulation.line import Line, Wire
from tests.simulation.tasks import CommitLost, Hub, describe, expected
from tests.simulation.watch import Watch

#: The numbers of those who sell, each with a shop of two articles.
SELLERS = ("+2250501020811", "+2250701020821", "+2250701020831")
#: The providers' tables, those that point at others first.
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name NOT IN ('movements', 'refunds')"
#: Buyers who may be about.
BUYERS = 4


class Providers(Mapping[str, base.Provider]):
    """What each process has loaded for itself: tokens and breakers are in its memory, and die with it."""

    def __init__(self, hub: Hub, settings: Mapping[str, str], http: requests.Session) -> None:
        self._hub, self._settings, self._http = hub, settings, http
        self._of: dict[str, dict[str, base.Provider]] = {}

    def forget(self, process: str | None = None) -> None:
        """Lose the memory of one process, or of all."""
        if process is None:
            self._of.clear()
        else:
            self._of.pop(process, None)

    def _mine(self) -> dict[str, base.Provider]:
        process = self._hub.current.process if self._hub.current else "main"
        if process not in self._of:
            self._of[process] = build_providers(self._settings, session=self._http)
            for provider in self._of[process].values():
                provider.observer = current_app.extensions["health"].note
        return self._of[process]

    def __getitem__(self, name: str) -> base.Provider:
        return self._mine()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._mine())

    def __len__(self) -> int:
        return len(self._mine())


class Bells:
    """Redis, as little as it is: who was rung for. It may be away, and may forget everything."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.begin()

    def begin(self) -> None:
        """Be empty, and there."""
        self.away = False
        self.waiting: list[str] = []
        self._rung: dict[str, float] = {}

    def ring(self, job: str) -> bool:
        """Take the place of `queue.ring`."""
        assert not in_transaction(), "ring after the commit"
        self._hub.pause(f"rings for {job}")
        if self.away:
            return False
        if self._rung.get(job, 0.0) <= self._hub.monotonic():
            self._rung[job] = self._hub.monotonic() + queue.BELL_MS / 1000
            self.waiting.append(job)
        return True

    def silence(self, job: str) -> None:
        """Take the place of `queue.silence`."""
        self._rung.pop(job, None)

    def flush(self) -> int:
        """Forget everything; say how many rings were lost."""
        lost = len(self.waiting)
        self.waiting.clear()
        self._rung.clear()
        return lost


class Ears(logging.Handler):
    """Hears what the house logs: an exception nobody planted is a finding, some lines are situations."""

    LINES = {
        "an expired lease said nothing": "stale_lease_was_silent",
        "the lease is too short to ask": "lease_expired_before_asking",
    }

    def __init__(self, hub: Hub, reached: Counter[str]) -> None:
        super().__init__(logging.INFO)
        self._hub, self._reached = hub, reached

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line."""
        for words, situation in self.LINES.items():
            if words in record.msg:
                self._reached[situation] += 1
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not expected(error):
            self._hub.crashes.append(f"{record.getMessage()}: {describe(error)}")


class House:
    """Everything that is built once. Use it as a context manager: it turns the clock and chance."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")
        self._folder = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))
        self.hub = Hub()
        self.reached: Counter[str] = Counter()
        self.at_once = False
        """Whether a pool's answers come in one handful."""
        self.bells = Bells(self.hub)
        self.outbox: list[Delivery] = []
        settings = config.from_environment({"DATA_DIR": str(self._folder)})
        self.app = create_app(replace(settings, sms_url=None))
        # The schema is asked for once in the life of a process, which is longer than a schedule.
        self.app.config.update(
            TESTING=True, WTF_CSRF_ENABLED=False, LANES="inline", SCHEMA_READY=True
        )
        self.world = World(clock=lambda: self.hub.at, rng=random.Random(0))
        self._blank = self._built()
        self._file = sqlite3.connect(self._folder / "cauri.db", isolation_level=None)
        self.eye = sqlite3.connect(self._folder / "cauri.db", isolation_level=None)
        self.watch = Watch(self.hub, self.eye, self.world, self.reached)
        self.line = Line(self.watch, self.hub)
        http = requests.Session()
        http.trust_env = False
        mount(http, self.world)
        # What the providers knew before the first day: our API user at MTN.
        self._known = [tuple(row) for row in self.world.book_file.rows("SELECT * FROM notes")]
        for prefix, adapter in list(http.adapters.items()):
            if prefix not in ("http://", "https://"):
                http.mount(prefix, Wire(adapter, self.hub, self.watch, self.line))
        self.providers = Providers(self.hub, provider_settings(settings), http)
        self.app.extensions["providers"] = self.providers

    def _built(self) -> sqlite3.Connection:
        """Migrate and furnish a market; keep it in memory to begin every schedule with."""
        with self.app.app_context():
            flask_migrate.upgrade(directory=str(Path(__file__).parents[2] / "migrations"))
            with clock.turned_by(self.hub.now, self.hub.monotonic):
                with transaction():
                    session.add(Category(slug="tissus", name_fr="Tissus", name_en="Fabrics"))
                for number in range(BUYERS):
                    make_user(f"Buyer {number}", phone=f"+22507010203{number}4")
                for number in range(len(SELLERS)):
                    owner = make_user(f"Seller {number}", phone=SELLERS[number])
                    store = make_store(f"Shop {number}", owner=owner, delivery=500 * number)
                    make_product(f"Article {number}", price=10_000 + 5_000 * number, store=store)
                    make_product(f"Trinket {number}", price=700 + 100 * number, store=store)
                with transaction():
                    ledger.post_all([_opening(user) for user in range(1, BUYERS + 1)])
            session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            session.remove()
            db.engine.dispose()
        blank = sqlite3.connect(":memory:")
        with sqlite3.connect(self._folder / "cauri.db") as file:
            file.backup(blank)
        file.close()
        return blank

    def __enter__(self) -> House:
        self._stack = stack = ExitStack()
        stack.enter_context(clock.turned_by(self.hub.now, self.hub.monotonic))
        stack.enter_context(patch.object(random, "_urandom", os.urandom))
        stack.enter_context(patch.object(queue, "ring", self.bells.ring))
        stack.enter_context(patch.object(queue, "silence", self.bells.silence))
        stack.enter_context(patch.object(lanes, "flow", self._handfuls))
        stack.enter_context(patch.object(base.Provider, "call", self._watched_call()))
        stack.enter_context(self.app.app_context())
        engine, dialect = db.engine, db.engine.dialect
        for name, listener in (
            ("before_cursor_execute", self._before_statement),
            ("after_cursor_execute", self._after_statement),
        ):
            sa.event.listen(engine, name, listener)
            stack.callback(sa.event.remove, engine, name, listener)
        stack.enter_context(patch.object(dialect, "do_commit", self._commits(dialect.do_commit)))
        for name in ("do_rollback", "do_close", "do_terminate"):
            ends = self._ends(getattr(dialect, name))
            stack.enter_context(patch.object(dialect, name, ends))
        self._listen(stack)
        return self

    def _listen(self, stack: ExitStack) -> None:
        ears = Ears(self.hub, self.reached)
        for name in ("shop", "shop.settlement"):
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            stack.callback(setattr, logger, "propagate", logger.propagate)
        logger = logging.getLogger("shop")
        logger.addHandler(ears)
        stack.callback(logger.removeHandler, ears)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        logging.getLogger("shop.settlement").setLevel(logging.INFO)

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.world.close()
        self.eye.close()
        self._file.close()
        with self.app.app_context():
            db.engine.dispose()
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self, chance: random.Random) -> None:
        """Be as on the first day, with all chance drawn from this one source."""
        self.hub.begin()
        self.bells.begin()
        self.providers.forget()
        # What the one application of all our processes remembers of the last story.
        self.app.extensions.pop("silence", None)
        health.watch(self.app, [])
        self.outbox.clear()
        self.line.begin()
        # One door for every random draw of the house: references, tokens, jitter.
        bits = random.Random(chance.getrandbits(64))
        random._urandom = bits.randbytes  # type: ignore[attr-defined]
        self._blank.backup(self._file)
        self._forget_world(random.Random(chance.getrandbits(64)))
        self.watch.begin()

    def _forget_world(self, chance: random.Random) -> None:
        self.world.faults.clear()
        book = self.world.book_file
        book.rng = chance
        with book.changing():
            for (table,) in book.rows(_TABLES):
                book.run(f"DELETE FROM {table}")
            for note in self._known:
                book.run("INSERT INTO notes VALUES (?, ?, ?)", *note)

    def lose(self, process: str) -> None:
        """Forget what a process had in memory."""
        self.providers.forget(process)

    # -- the stops ------------------------------------------------------------------------------

    def _before_statement(
        self, connection: sa.Connection, _cursor: Any, statement: str, *_: Any
    ) -> None:
        if self.hub.current is None:
            return
        if statement.startswith("BEGIN"):
            number = id(connection.connection.dbapi_connection)
            self.hub.pause(statement)
            if statement == "BEGIN IMMEDIATE":
                self.hub.admit_writer(number)
            self.hub.current.open.add(number)
        else:
            self.hub.pause(label(statement))

    def _after_statement(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self.hub.current is not None:
            self.hub.pause(f"{label(statement)}, done")

    def _commits(self, original: Any) -> Any:
        def commit(connection: Any) -> None:
            task = self.hub.current
            self.hub.pause("COMMIT")
            original(connection)
            wrote = self.hub.release(id(getattr(connection, "dbapi_connection", connection)))
            if task is None or not wrote:
                return
            self.watch.committed(task)
            self.hub.pause("committed")
            if task.loses_commit:
                task.loses_commit = False
                self.reached["commit_succeeded_but_error"] += 1
                self.hub.trace.say(f"*** {task.name} sees an error at its successful commit")
                raise CommitLost("the line was lost during COMMIT")

        return commit

    def _ends(self, original: Any) -> Any:
        def end(connection: Any) -> None:
            raw = getattr(connection, "dbapi_connection", connection)
            # As the server would for a process that is gone: half-read cursors hold nothing back.
            raw.rollback()
            original(connection)
            self.hub.release(id(raw))

        return end

    def _handfuls(
        self, claim: Any, ask: Any, at_once: int, *, ahead: int = 0, rounds: int = lanes.ROUNDS
    ) -> Iterator[Any]:
        """Give a pool's answers one by one, or all in one handful; some wait claimed, as in life."""
        for _round in range(rounds):
            items = claim(at_once + ahead)
            if not items:
                return
            if self.at_once:
                yield [ask(item) for item in items]
            else:
                yield from ([ask(item)] for item in items)

    def _watched_call(self) -> Any:
        original = base.Provider.call

        def call(
            provider: base.Provider, operation: str, method: str, path: str, **how: Any
        ) -> Answer:
            task = self.hub.current
            if task is not None:
                task.operation, task.reference = operation, how["reference"]
            return original(provider, operation, method, path, **how)

        return call


def _opening(user: int) -> Entry:
    """Money from before the story: every provider holds a part of every wallet."""
    amount = Money(4_000, "XOF")
    legs = [
        Leg(f"opening:{user}:{name}", float_at(name, "XOF"), wallet(user, "XOF"), amount)
        for name in PROVIDERS
    ]
    return Entry("opening", tuple(legs))


_TABLE = re.compile(r'(?:FROM|INTO|UPDATE) "?(\w+)"?', re.IGNORECASE)


@cache
def label(statement: str) -> str:
    """Name a statement in two words."""
    verb = statement.split(None, 1)[0]
    table = _TABLE.search(statement)
    return f"{verb} {table[1]}" if table else verb
