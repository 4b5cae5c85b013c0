"""The schema: built by migrations, taken down by them, and the same as the models say."""

from __future__ import annotations

from pathlib import Path

import flask_migrate
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask

import shop.models
from shop import schema
from shop.db import Base, db
from tests.databases import MIGRATIONS, both_databases

VERSIONS = Path(MIGRATIONS) / "versions"


@both_databases
def test_migrations_make_what_the_models_say(app: Flask):
    assert shop.models.__doc__
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = [
            difference
            for difference in compare_metadata(context, Base.metadata)
            # SQLite cannot read back an index on an expression.
            if not (difference[0].endswith("_index") and "shelf" in str(difference[1].name))
        ]
    assert differences == []


@both_databases
def test_the_way_down_leaves_nothing(app: Flask):
    flask_migrate.downgrade(directory=MIGRATIONS, revision="base")

    with db.engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
        if connection.dialect.name == "postgresql":
            left = connection.scalar(
                sa.text("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
            )
            assert left == 0
    flask_migrate.upgrade(directory=MIGRATIONS)
    schema.require()


def test_migrations_are_one_line():
    """Two heads, or a number used twice, would leave installations that differ."""
    numbers = sorted(path.name[:4] for path in VERSIONS.glob("0*.py"))

    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]
    assert schema.wanted() == numbers[-1]
