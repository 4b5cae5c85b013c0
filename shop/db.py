"""The database: one declarative base, `transaction()`, and the same behaviour on SQLite and PostgreSQL."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase
from werkzeug.local import LocalProxy

from shop import boundary, clock

P = ParamSpec("P")
R = TypeVar("R")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

#: Serialization failure, deadlock, lock timeout: nothing was written, the whole unit may run again.
_RETRYABLE = {"40001", "40P01", "55P03"}


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no zone, so the zone is put back when it is read."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive moments; store UTC."""
        if value is None:
            return None
        assert value.tzinfo is not None, "a moment without a zone is not a moment"
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give the moment back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What every model inherits: named constraints, UTC moments, 64-bit whole numbers."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: UtcDateTime(),
        # SQLite only numbers rows by itself in an INTEGER column.
        int: sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        dict[str, Any]: sa.JSON(),
    }


db = SQLAlchemy(metadata=Base.metadata)
session = db.session


def init_app(app: Flask) -> None:
    """Attach the database and teach its connections our rules."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", _engine_options(url))
    db.init_app(app)
    app.extensions["migrate"] = _migrations(app)
    with app.app_context():
        prepare_engine(db.engine)
        app.extensions["lone_statements"] = _lone_engine(db.engine)


def _migrations(app: Flask) -> Any:
    """Stand in for Flask-Migrate until a migration runs: Alembic would make up a third of every start."""

    @cache
    def loaded() -> Any:
        from flask_migrate import Migrate

        Migrate(app, db, render_as_batch=True)
        return app.extensions["migrate"]

    return LocalProxy(loaded)


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": 15}}
    settings = (
        "-c lock_timeout=3s -c statement_timeout=10s -c idle_in_transaction_session_timeout=20s"
    )
    return {"pool_pre_ping": True, "pool_size": 10, "connect_args": {"options": settings}}


def prepare_engine(engine: sa.Engine) -> None:
    """Make SQLite behave like a database for money: WAL, foreign keys, writers queue from BEGIN."""
    if engine.dialect.name != "sqlite" or sa.event.contains(engine, "connect", _on_sqlite_connect):
        return
    sa.event.listen(engine, "connect", _on_sqlite_connect)
    sa.event.listen(engine, "begin", _on_sqlite_begin)


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: sa.Connection) -> None:
    # A read that turns into a write fails at once under contention; a writer that queues does not.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if boundary.in_transaction() else "BEGIN")


def _lone_engine(engine: sa.Engine) -> sa.Engine | None:
    """Connections that commit each statement by themselves; SQLite has one writer and needs none."""
    if engine.dialect.name == "sqlite":
        return None
    options = _engine_options("") | {"pool_pre_ping": False, "pool_reset_on_return": None}
    lone = sa.create_engine(engine.url, isolation_level="AUTOCOMMIT", **options)
    # Whoever closes our connections means these too.
    sa.event.listen(engine, "engine_disposed", lambda _engine: lone.dispose())
    return lone


def run_alone(statement: sa.Insert, row: Mapping[str, Any]) -> Any:
    """Run one INSERT that is a whole transaction, and give the first value it returns.

    One round trip where `transaction()` takes four: for doors that must answer at once. A connection
    that died meanwhile is replaced and the statement sent again, so it must be harmless twice.
    """
    assert not boundary.in_transaction(), "a statement alone is not part of a transaction"
    engine: sa.Engine | None = current_app.extensions["lone_statements"]
    if engine is None:
        with transaction():
            return session.connection().execute(statement, row).scalar()
    found = _sent(engine, statement, row)
    return found[0][0] if found else None


def read_alone(query: sa.Select[Any]) -> Sequence[Any]:
    """Give the rows of one query that is all a page reads: nothing has to agree with it."""
    engine: sa.Engine | None = current_app.extensions["lone_statements"]
    if engine is None or boundary.in_transaction():
        return session.execute(query).all()
    return _sent(engine, query, {})


def _sent(engine: sa.Engine, statement: Any, values: Mapping[str, Any]) -> Sequence[Any]:
    for last in (False, True):
        try:
            with engine.connect() as connection:
                return connection.execute(statement, values).all()
        except DBAPIError as error:
            if last or not error.connection_invalidated:
                raise
    raise AssertionError("the second try returns or raises")


def close() -> None:
    """Give every connection of this application back to the system: at the end of a process or a test."""
    session.remove()
    db.engine.dispose()
    alone: sa.Engine | None = current_app.extensions["lone_statements"]
    if alone is not None:
        alone.dispose()


@contextmanager
def transaction() -> Iterator[None]:
    """Open the one transaction of a unit of work: commit at the end, roll back on any exception.

    It does not nest. Whatever was read before it is read again inside it, on the writer's side of
    the lock. Functions that run inside a caller's transaction begin with `assert in_transaction()`.
    """
    changed = [*session.new, *session.dirty, *session.deleted]
    assert not changed, "changes made outside transaction()"
    session.rollback()
    with boundary.flagged():
        try:
            yield
            session.commit()
        except BaseException:
            session.rollback()
            raise


def end_read() -> None:
    """Let go of the snapshot that reading opened, before waiting for anything outside."""
    assert not boundary.in_transaction(), "a transaction ends with its block"
    session.rollback()


def retrying(function: Callable[P, R]) -> Callable[P, R]:
    """Run a whole unit of work again, up to three times, when the database asks for it.

    Only for functions that open their own `transaction()` and call nobody outside.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(3):
            try:
                return function(*args, **kwargs)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _RETRYABLE:
                    raise
                session.rollback()
                time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 -- jitter, not a secret
        return function(*args, **kwargs)

    return run


def in_transaction() -> bool:
    """Say whether a `transaction()` is open here."""
    return boundary.in_transaction()


def is_postgres() -> bool:
    """Say which of the two databases this is, for the few statements that differ."""
    return db.engine.dialect.name == "postgresql"


def insert(table: Any) -> Any:
    """The dialect's INSERT, for `on_conflict_do_nothing`, which both databases spell alike."""
    from sqlalchemy.dialects import postgresql, sqlite

    return postgresql.insert(table) if is_postgres() else sqlite.insert(table)


def follow_database_clock() -> None:
    """Set our clock by the database's, so that leases agree between machines (J7)."""
    if is_postgres():
        clock.follow(session.scalar(sa.select(sa.func.clock_timestamp())))  # type: ignore[arg-type]
        session.rollback()
