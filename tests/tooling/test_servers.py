"""The servers the other tests stand on are real, quick, and leave nothing behind."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest
import redis
import sqlalchemy as sa

from tests import servers
from tests.servers import EmbeddedPostgres, NoServer, PostgresServer, RedisServer
from tests.servers_fixtures import missing


def test_postgres_answers(postgres_server: PostgresServer) -> None:
    engine = sa.create_engine(postgres_server.url(), poolclass=sa.NullPool)

    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
        assert "PostgreSQL" in connection.scalar(sa.text("SELECT version()"))


def test_copy_of_a_template_holds_its_rows_and_keeps_its_own(
    postgres_server: PostgresServer,
) -> None:
    template = postgres_server.create("tooling_template")
    rows = _rows_after("CREATE TABLE cowrie AS SELECT 7 AS n", template)
    copy = postgres_server.create_from_template("tooling_copy", "tooling_template")

    rows = _rows_after("INSERT INTO cowrie VALUES (8)", copy)

    assert rows == [(7,), (8,)]
    assert _rows_after("SELECT 1", template) == [(7,)]
    for name in ("tooling_copy", "tooling_template"):
        postgres_server.drop(name)


def _rows_after(statement: str, url: str) -> list[tuple[int]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
        return [
            tuple(row) for row in connection.execute(sa.text("SELECT n FROM cowrie ORDER BY n"))
        ]


def test_dropped_database_is_gone_though_someone_is_connected(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.create("tooling_doomed")
    engine = sa.create_engine(url, poolclass=sa.NullPool)

    with engine.connect():
        postgres_server.drop("tooling_doomed")

    with pytest.raises(sa.exc.OperationalError, match="does not exist"):
        engine.connect()


def test_stopped_postgres_leaves_no_files() -> None:
    try:
        server = EmbeddedPostgres()
    except NoServer as reason:
        missing(str(reason))
    started = time.monotonic()

    server.stop()

    assert time.monotonic() - started < 5
    assert server.process.returncode is not None
    assert not server.root.exists()


def test_named_server_is_used_and_left_running(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_POSTGRES_URL", postgres_server.url())

    named = servers.start_postgres()
    named.stop()

    assert named.url() == postgres_server.url()
    plain = postgres_server.url().replace("+psycopg", "")
    with psycopg.connect(plain) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_redis_answers(redis_url: str) -> None:
    client = redis.from_url(redis_url)

    assert client.ping()
    assert client.info("server")["redis_version"]
    client.close()


def test_stopped_redis_leaves_no_files() -> None:
    try:
        server = RedisServer("valkey")
    except NoServer as reason:
        missing(str(reason))

    server.stop()

    assert not server.root.exists()


def test_platform_without_binaries_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "_package", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoServer, match="put redis-server on PATH"):
        servers.redis_bin("redis")


def test_missing_is_a_skip_unless_everything_was_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAURI_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such thing"):
        missing("no such thing")

    monkeypatch.setenv("CAURI_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no such thing"):
        missing("no such thing")
