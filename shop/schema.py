"""Is the database the one this code was written for? Asked once by each process before it works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from shop.db import db
from shop.errors import Refusal

VERSIONS: Final = Path(__file__).resolve().parent.parent / "migrations" / "versions"
_REVISION: Final = re.compile(r'^(down_)?revision(?:: [^=]+)? = "(\w+)"$', re.MULTILINE)


class SchemaBehind(Refusal):
    """The database lacks migrations, or does not answer: nobody may work with it."""

    code = "not_ready"
    http_status = 503


def present() -> str | None:
    """Name the migration the database is at; None for an empty one."""
    with db.engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return found


def wanted() -> str:
    """Name the migration this code needs: the one that no other follows.

    Read from the files' own words, because importing Alembic costs as much as Flask itself.
    """
    named = [_REVISION.findall(file.read_text()) for file in VERSIONS.glob("*.py")]
    revisions = {name for found in named for down, name in found if not down}
    followed = {name for found in named for down, name in found if down}
    (head,) = revisions - followed
    return str(head)


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
