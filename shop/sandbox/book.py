"""What the simulated world remembers: one SQLite file, or memory. Only `world.py` opens it."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from shop.money import Money
from shop.sandbox.values import Movement, Payout, Prompt, Refund, Sms, State

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS prompts (
    id INTEGER PRIMARY KEY, provider TEXT NOT NULL, provider_ref TEXT NOT NULL,
    reference TEXT NOT NULL, merchant TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL, phone TEXT, state TEXT NOT NULL, reason TEXT,
    ignored INTEGER NOT NULL DEFAULT 0, transaction_id TEXT, moved_amount INTEGER,
    moved_currency TEXT, created_at REAL NOT NULL, expires_at REAL NOT NULL, completed_at REAL,
    details TEXT NOT NULL, UNIQUE (provider, provider_ref));
CREATE INDEX IF NOT EXISTS prompts_reference ON prompts (provider, reference);
CREATE INDEX IF NOT EXISTS prompts_phone ON prompts (phone);
-- A prompt moves money at most once, whoever asks and however often.
CREATE TABLE IF NOT EXISTS movements (
    id INTEGER PRIMARY KEY, prompt_id INTEGER NOT NULL UNIQUE REFERENCES prompts (id),
    transaction_id TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL, payer TEXT NOT NULL, at REAL NOT NULL);
-- A payout moves money at most once too: it leaves `processing` once, and never comes back.
CREATE TABLE IF NOT EXISTS payouts (
    id INTEGER PRIMARY KEY, provider TEXT NOT NULL, provider_ref TEXT NOT NULL,
    reference TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
    phone TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, transaction_id TEXT,
    created_at REAL NOT NULL, due_at REAL, completed_at REAL, details TEXT NOT NULL,
    UNIQUE (provider, provider_ref));
CREATE INDEX IF NOT EXISTS payouts_reference ON payouts (provider, reference);
-- Money given back to whoever paid a prompt: at most once each, and never more than was collected.
CREATE TABLE IF NOT EXISTS refunds (
    id INTEGER PRIMARY KEY, provider TEXT NOT NULL, provider_ref TEXT NOT NULL,
    reference TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
    phone TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, transaction_id TEXT,
    created_at REAL NOT NULL, due_at REAL, completed_at REAL, details TEXT NOT NULL,
    prompt_id INTEGER NOT NULL REFERENCES prompts (id), UNIQUE (provider, provider_ref));
CREATE INDEX IF NOT EXISTS refunds_prompt ON refunds (prompt_id);
CREATE TABLE IF NOT EXISTS balances (
    holder TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (holder, currency));
CREATE TABLE IF NOT EXISTS phones (e164 TEXT PRIMARY KEY, country TEXT, currency TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sms (
    id INTEGER PRIMARY KEY, phone TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS timers (
    id INTEGER PRIMARY KEY, due_at REAL NOT NULL, prompt_id INTEGER NOT NULL, action TEXT NOT NULL,
    word TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, provider TEXT NOT NULL, reference TEXT NOT NULL, method TEXT NOT NULL,
    url TEXT NOT NULL, body BLOB NOT NULL, forged INTEGER NOT NULL, attempts INTEGER NOT NULL,
    due_at REAL, last_status INTEGER);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS notes (
    provider TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (provider, name));
"""


class Book:
    """The open book: one connection, one lock, one clock and one source of chance for the world."""

    def __init__(self, store: str, clock: Callable[[], datetime], rng: random.Random) -> None:
        self.now = clock
        self.rng = rng
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(store, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        if store != ":memory:":
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(_SCHEMA)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock and one transaction; an inner block joins the outer one."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def rows(self, sql: str, *args: Any) -> list[sqlite3.Row]:
        """Read rows, alone with the lock."""
        with self._lock:
            return self._db.execute(sql, args).fetchall()

    def row(self, sql: str, *args: Any) -> sqlite3.Row | None:
        """Read one row, or None."""
        found = self.rows(sql, *args)
        return found[0] if found else None

    def run(self, sql: str, *args: Any) -> sqlite3.Cursor:
        """Write, inside a `changing` block."""
        assert self._depth, "writing happens inside changing()"
        return self._db.execute(sql, args)

    def insert(self, table: str, values: dict[str, Any]) -> int:
        """Add a row and give its number; names are ours, never a caller's."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
        number = self.run(sql, *values.values()).lastrowid
        assert number is not None
        return number

    def change(self, table: str, row_id: int, values: dict[str, Any]) -> None:
        """Change a row by its number; names are ours, never a caller's."""
        pairs = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE {table} SET {pairs} WHERE id = ?"  # noqa: S608 - our own names
        self.run(sql, *values.values(), row_id)

    def hex(self, length: int) -> str:
        """Draw lower-case hexadecimal digits."""
        return self.letters(length, "0123456789abcdef")

    def letters(self, length: int, alphabet: str) -> str:
        """Draw characters of an alphabet, from the world's own chance."""
        with self._lock:
            return "".join(self.rng.choice(alphabet) for _ in range(length))

    def close(self) -> None:
        """Put the book away."""
        with self._lock:
            self._db.close()


def moment(seconds: float) -> datetime:
    """Read a stored time."""
    return datetime.fromtimestamp(seconds, UTC)


def prompt(row: sqlite3.Row) -> Prompt:
    """Read a row of `prompts`."""
    moved = row["moved_amount"]
    completed = row["completed_at"]
    return Prompt(
        id=row["id"],
        provider=row["provider"],
        provider_ref=row["provider_ref"],
        reference=row["reference"],
        merchant=row["merchant"],
        amount=Money(row["amount"], row["currency"]),
        phone=row["phone"],
        state=State(row["state"]),
        reason=row["reason"],
        ignored=bool(row["ignored"]),
        transaction_id=row["transaction_id"],
        moved=None if moved is None else Money(moved, row["moved_currency"]),
        created_at=moment(row["created_at"]),
        expires_at=moment(row["expires_at"]),
        completed_at=None if completed is None else moment(completed),
        details=json.loads(row["details"]),
    )


def movement(row: sqlite3.Row) -> Movement:
    """Read a row of `movements` joined to its prompt."""
    return Movement(
        id=row["id"],
        provider=row["provider"],
        reference=row["reference"],
        provider_ref=row["provider_ref"],
        transaction_id=row["transaction_id"],
        amount=Money(row["amount"], row["currency"]),
        payer=row["payer"],
        at=moment(row["at"]),
    )


def payout(row: sqlite3.Row) -> Payout:
    """Read a row of `payouts`."""
    return Payout(**_sending(row))


def refund(row: sqlite3.Row) -> Refund:
    """Read a row of `refunds`."""
    return Refund(**_sending(row), prompt_id=row["prompt_id"])


def _sending(row: sqlite3.Row) -> dict[str, Any]:
    completed = row["completed_at"]
    return {
        "id": row["id"], "provider": row["provider"], "provider_ref": row["provider_ref"],
        "reference": row["reference"], "amount": Money(row["amount"], row["currency"]),
        "phone": row["phone"], "state": State(row["state"]), "reason": row["reason"],
        "transaction_id": row["transaction_id"], "created_at": moment(row["created_at"]),
        "completed_at": None if completed is None else moment(completed),
        "details": json.loads(row["details"]),
    }  # fmt: skip


def sms(row: sqlite3.Row) -> Sms:
    """Read a row of `sms`."""
    return Sms(row["id"], row["phone"], row["text"], moment(row["at"]))
