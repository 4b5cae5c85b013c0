"""The two databases of the house: every money test runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa

import config
from shop import create_app
from shop.db import close, db, session, transaction
from shop.stores.models import Category
from tests.servers import PostgresServer

BOTH = ["sqlite", "postgresql"]
MIGRATIONS = str(Path(__file__).parents[1] / "migrations")
#: Folders whose every test with an application runs on both.
MONEY = ("earnings", "ledger", "orders", "payments", "wallets", "webhooks", "payouts", "tontines")

both_databases = pytest.mark.parametrize("database", BOTH, indirect=True)
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)

_numbers = count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the money rooms' tests on both databases, without a word in each of them."""
    asked = any(
        mark.args[0] == "database" for mark in metafunc.definition.iter_markers("parametrize")
    )
    room = metafunc.definition.path.relative_to(Path(__file__).parent).parts[0]
    if room in MONEY and "database" in metafunc.fixturenames and not asked:
        metafunc.parametrize("database", BOTH, indirect=True)


def fill(url: str, folder: Path) -> None:
    """Migrate a database from nothing and put one category in it."""
    app = create_app(config.from_environment({"DATA_DIR": str(folder), "DATABASE_URL": url}))
    with app.app_context():
        flask_migrate.upgrade(directory=MIGRATIONS)
        with transaction():
            session.add(Category(slug="tissus", name_fr="Tissus", name_en="Fabrics"))
        if db.engine.dialect.name == "sqlite":
            session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        close()


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table, no row: copied by each test instead of migrating again."""
    folder = tmp_path_factory.mktemp("blank")
    fill("", folder)
    return folder / "cauri.db"


@pytest.fixture(scope="session")
def blank_postgres(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A PostgreSQL database with every table and no row, to copy in a few hundredths of a second."""
    name = f"cauri_blank_{os.getpid()}_{next(_numbers)}"
    fill(postgres_server.create(name), tmp_path_factory.mktemp("blank"))
    yield name
    postgres_server.drop(name)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Name the database of a test: SQLite, unless the test asks for another or for both."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def database_url(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a blank database of the test's own."""
    if database == "sqlite":
        path = tmp_path / "cauri.db"
        shutil.copy(request.getfixturevalue("blank_database"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"cauri_{os.getpid()}_{next(_numbers)}"
    yield server.create_from_template(name, request.getfixturevalue("blank_postgres"))
    server.drop(name)


def connect(url: str) -> sa.Engine:
    """Open a database as a stranger with raw SQL would: none of our code in between."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    if engine.dialect.name == "sqlite":
        sa.event.listen(
            engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON")
        )
    return engine
