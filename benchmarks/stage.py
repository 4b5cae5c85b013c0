"""What a path is measured on: PostgreSQL that keeps its word, Valkey, and our tables in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import flask_migrate
import psycopg
from flask import Flask

import config
from shop import create_app
from shop.db import session
from shop.ledger import audit
from shop.payments import checks
from tests.servers import RedisServer, start_postgres

MIGRATIONS = Path(__file__).parents[1] / "migrations"


@dataclass(frozen=True)
class Stage:
    """An application on its own database, and the settings by which a server joins it."""

    app: Flask
    env: Mapping[str, str]

    @property
    def dsn(self) -> str:
        """Return the database's address for the bare driver."""
        return self.env["DATABASE_URL"].replace("postgresql+psycopg:", "postgresql:")

    def connect(self) -> psycopg.Connection:
        """Open a bare connection that commits each statement unless told otherwise."""
        return psycopg.connect(self.dsn, autocommit=True, prepare_threshold=1)

    def count(self, table: str) -> int:
        """Count a table's rows."""
        with self.connect() as connection:
            found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert found is not None
        return int(found[0])

    def check_books(self) -> None:
        """Stop the benchmark when a franc is missing: a fast wrong answer has no place in a table."""
        session.rollback()
        findings = [*audit.check(), *checks.check()]
        assert not findings, f"the books differ after the run: {findings[:3]}"


@contextmanager
def staged(*, sqlite: bool = False, extra: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Start the servers, migrate an empty database, and take it all away at the end."""
    postgres, valkey = start_postgres(durable=True), RedisServer("valkey")
    try:
        with tempfile.TemporaryDirectory() as folder:
            env = {"REDIS_URL": valkey.url, "DATA_DIR": folder, **(extra or {})}
            if not sqlite:
                env["DATABASE_URL"] = postgres.create("benchmark")
            app = create_app(config.from_environment(env))
            with app.app_context():
                flask_migrate.upgrade(directory=str(MIGRATIONS))
                yield Stage(app, env)
                session.remove()
    finally:
        valkey.stop()
        postgres.stop()
