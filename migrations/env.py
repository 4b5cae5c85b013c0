"""Runs migrations with the application's own engine and models."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

import shop.models  # noqa: F401 -- every table, so that none is forgotten
from shop.db import Base, UtcDateTime

config = context.config
engine = current_app.extensions["migrate"].db.engine


def render_item(kind: str, item: Any, _context: object) -> str | bool:
    """Write our moment type as the plain column it is, so that old migrations need no code of ours."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Apply migrations over one connection, each in its own transaction."""
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            transaction_per_migration=True,
            compare_type=True,
            render_item=render_item,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
