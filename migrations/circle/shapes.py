"""Short words for tables, so that migration 0019 reads as a list of what there is."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def id_type() -> sa.types.TypeEngine[int]:
    """A 64-bit whole number that SQLite can number rows with."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def whole(name: str, *, to: str | None = None, nullable: bool = False) -> sa.Column[int]:
    """A whole number, or a row of another table."""
    return sa.Column(
        name, id_type(), *([sa.ForeignKey(f"{to}.id")] if to else []), nullable=nullable
    )


def text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    """A short text."""
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    """A moment in UTC."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    """A rule of each row."""
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    """A key of its own."""
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def table(name: str, *parts: sa.Column[object] | sa.Constraint, key: Sequence[str] = ()) -> None:
    """Make a table: numbered by itself unless it has another key, its references named by rule."""
    columns = [part for part in parts if isinstance(part, sa.Column)]
    others = [part for part in parts if isinstance(part, sa.Constraint)]
    for column in columns:
        for reference in column.foreign_keys:
            reference.name = op.f(f"fk_{name}_{column.name}")
    numbered = [] if key else [sa.Column("id", id_type(), nullable=False)]
    primary = sa.PrimaryKeyConstraint(*(key or ("id",)), name=op.f(f"pk_{name}"))
    op.create_table(name, *numbered, *columns, *others, primary)


def index(
    name: str, of: str, columns: list[str], *, unique: bool = False, where: str | None = None
) -> None:
    """Make an index, of some rows only where `where` says so."""
    some = {} if where is None else {
        "sqlite_where": sa.text(where), "postgresql_where": sa.text(where)
    }  # fmt: skip
    op.create_index(name, of, columns, unique=unique, **some)
