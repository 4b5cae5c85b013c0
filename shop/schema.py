"""Is the database the one this code was written for? Asked once by each process before it works."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from shop.db import db
from shop.errors import Refusal

MIGRATIONS: Final = Path(__file__).resolve().parent.parent / "migrations"


class SchemaBehind(Refusal):
    """The database lacks migrations, or does not answer: nobody may work with it."""

    code = "not_ready"
    http_status = 503


def present() -> str | None:
    """Name the migration the database is at; None for an empty one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def wanted() -> str:
    """Name the migration this code needs."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None, "there are migrations"
    return head


def require() -> None:
    """Pass when the database is ready. Raises `SchemaBehind` with one sentence for the operator."""
    try:
        at = present()
    except sa.exc.SQLAlchemyError as error:
        word = type(error).__name__
        raise SchemaBehind(f"the database does not answer ({word}): see DATABASE_URL") from error
    if at != wanted():
        raise SchemaBehind(
            f"the database is at {at or 'nothing'}, not {wanted()}: flask db upgrade"
        )
