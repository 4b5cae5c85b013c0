"""(g) One transfer, and a hundred at once, against the same statements by the bare driver."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg

from benchmarks.harness import Comparison, Goal, interleave
from benchmarks.stage import Stage, staged
from shop.db import session, transaction
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.entries import Entry, Leg
from shop.money import Money

ACCOUNTS = 400
TRANSFERS = 80
BULK = 100
LIMIT, OURS, OURS_BULK = "bare driver, 6 statements", "ours, one by one", "ours, 100 at once"
LIMIT_8, OURS_8 = "bare driver, 8 clients", "ours, 8 clients"

TABLES = f"""
    CREATE TABLE bare_account (id int PRIMARY KEY, balance bigint CHECK (balance >= 0));
    CREATE TABLE bare_transfer (id bigserial PRIMARY KEY, key text UNIQUE, debit int, credit int,
                                amount bigint CHECK (amount > 0));
    INSERT INTO bare_account SELECT n, 1000000000 FROM generate_series(1, {ACCOUNTS}) n;
"""

_numbers = itertools.count(1)


def run(rounds: int) -> list[Comparison]:
    """Compare transfers per second between many accounts; the books are proved after the last."""
    with staged() as stage, stage.connect() as connection:
        connection.execute(TABLES)
        with transaction():
            ledger.post_all([_funding(owner) for owner in range(1, ACCOUNTS + 1)])
        variants: dict[str, Callable[[], float]] = {
            LIMIT: lambda: _timed(TRANSFERS, lambda: _bare(connection, TRANSFERS)),
            OURS: lambda: _timed(TRANSFERS, lambda: _one_by_one(TRANSFERS)),
            OURS_BULK: lambda: _timed(3 * BULK, lambda: _at_once(3)),
            LIMIT_8: lambda: _bare_8(stage),
            OURS_8: lambda: _ours_8(stage),
        }
        for warm in variants.values():
            warm()
        name = "Ledger: transfers per second, many accounts"
        found = interleave(name, variants, rounds=rounds, limit=LIMIT, unit="transfers/s")
        session.rollback()
        stage.check_books()
        assert _bare_total(connection) == ACCOUNTS * 10**9, "the limit lost a franc"
    why = (
        "`post` is the same code for one entry as for fifty: it asks which keys are known, opens and"
        " locks accounts, checks funds and inserts, each a Core statement, and triggers move the"
        " balances. What each of these costs was not isolated."
    )
    return [
        found.judged(
            Goal(OURS, LIMIT, 1.2, why_missed=why),
            Goal(
                OURS_8,
                LIMIT_8,
                0.65,
                why_missed="As above.",
            ),
            Goal(
                OURS_BULK,
                LIMIT_8,
                4.0,
                why_missed="The cause was not isolated.",
            ),
            notes=["The books were derived again after the run: no difference."],
        )
    ]


def _funding(owner: int) -> Entry:
    wallet, amount = chart.wallet(owner, "XOF"), Money(10**9, "XOF")
    return Entry("top_up", (Leg(f"fund:{owner}", chart.float_at("wave", "XOF"), wallet, amount),))


def _transfer() -> Entry:
    payer, payee = random.sample(range(1, ACCOUNTS + 1), 2)
    leg = Leg(
        f"move:{next(_numbers)}",
        chart.wallet(payer, "XOF"),
        chart.wallet(payee, "XOF"),
        Money(100, "XOF"),
    )
    return Entry("move", (leg,))


def _one_by_one(count: int) -> None:
    for _ in range(count):
        with transaction():
            assert ledger.post(_transfer())


def _at_once(batches: int) -> None:
    for _ in range(batches):
        with transaction():
            assert ledger.post_all([_transfer() for _ in range(BULK)]) == BULK


def _bare(connection: psycopg.Connection, count: int) -> None:
    """Lock both, look, write the transfer, move both balances, commit: nothing else."""
    for _ in range(count):
        low, high = sorted(random.sample(range(1, ACCOUNTS + 1), 2))
        values = {"a": low, "b": high, "key": f"move:{next(_numbers)}"}
        with connection.transaction():
            connection.execute(
                "SELECT id, balance FROM bare_account WHERE id IN (%(a)s, %(b)s)"
                " ORDER BY id FOR NO KEY UPDATE",
                values,
            ).fetchall()
            connection.execute(
                "INSERT INTO bare_transfer (key, debit, credit, amount)"
                " VALUES (%(key)s, %(a)s, %(b)s, 100)",
                values,
            )
            for statement in (
                "UPDATE bare_account SET balance = balance - 100 WHERE id = %(a)s",
                "UPDATE bare_account SET balance = balance + 100 WHERE id = %(b)s",
            ):
                connection.execute(statement, values)


def _bare_8(stage: Stage) -> float:
    connections = [stage.connect() for _ in range(8)]
    rate = _together([partial(_bare, each, TRANSFERS // 2) for each in connections])
    for connection in connections:
        connection.close()
    return rate


def _ours_8(stage: Stage) -> float:
    def client() -> None:
        with stage.app.app_context():
            _one_by_one(TRANSFERS // 2)
            session.remove()

    return _together([client] * 8)


def _together(clients: Sequence[Callable[[], None]]) -> float:
    with ThreadPoolExecutor(len(clients)) as pool:

        def all_of_them() -> None:
            for done in [pool.submit(client) for client in clients]:
                done.result()

        return _timed(len(clients) * (TRANSFERS // 2), all_of_them)


def _timed(count: int, work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def _bare_total(connection: psycopg.Connection) -> int:
    found = connection.execute("SELECT sum(balance) FROM bare_account").fetchone()
    assert found is not None
    return int(found[0])
