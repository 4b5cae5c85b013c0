"""Triggers, written once per database: the promises that raw SQL must not break either."""

from __future__ import annotations

from alembic import op


def dialect() -> str:
    """Name the database under migration: `sqlite` or `postgresql`."""
    return op.get_bind().dialect.name


def refuse(table: str, name: str, event: str, message: str, *, when: str | None = None) -> None:
    """Refuse UPDATE, DELETE or INSERT of rows that match `when` (written with NEW and OLD)."""
    trigger = f"{table}_{name}"
    if dialect() == "sqlite":
        condition = f"WHEN {when}" if when else ""
        op.execute(
            f'CREATE TRIGGER {trigger} BEFORE {event} ON "{table}" {condition}'
            f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {when or 'true'} THEN RAISE EXCEPTION '{message}'"
        f" USING ERRCODE = 'integrity_constraint_violation'; END IF;"
        f" RETURN COALESCE(NEW, OLD); END $$"
    )
    op.execute(
        f'CREATE TRIGGER {trigger} BEFORE {event} ON "{table}" FOR EACH ROW'
        f" EXECUTE FUNCTION {trigger}()"
    )


def append_only(table: str) -> None:
    """Refuse every change of a table's rows."""
    refuse(table, "no_update", "UPDATE", f"{table} is append-only")
    no_delete(table)


def no_delete(table: str) -> None:
    """Refuse every DELETE of a table, and TRUNCATE where it exists."""
    refuse(table, "no_delete", "DELETE", f"{table} keeps every row")
    if dialect() == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN RAISE EXCEPTION '{table} keeps every row'; END $$"
        )
        op.execute(
            f'CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON "{table}"'
            f" EXECUTE FUNCTION {table}_no_truncate()"
        )


def once_only(table: str, *keys: str | tuple[str, ...]) -> None:
    """Refuse, on SQLite, the INSERT OR REPLACE that would delete a row without firing a trigger.

    Name every unique key: whichever one meets its like is enough to delete.
    """
    if dialect() == "sqlite":
        columns = [(key,) if isinstance(key, str) else key for key in keys]
        same = " OR ".join(
            "(" + " AND ".join(f"{column} = NEW.{column}" for column in key) + ")"
            for key in columns
        )
        refuse(
            table, "once", "INSERT", f"{table} keeps one row per key",
            when=f'EXISTS (SELECT 1 FROM "{table}" WHERE {same})',
        )  # fmt: skip


def edges(table: str, column: str, allowed: dict[str, set[str]]) -> None:
    """Refuse every change of a status that is not an edge of the state machine."""
    pairs = [
        f"(OLD.{column} = '{old}' AND NEW.{column} = '{new}')"
        for old, news in sorted(allowed.items())
        for new in sorted(news)
    ]
    refuse(
        table,
        f"{column}_edges",
        f"UPDATE OF {column}",
        f"not an edge of {table}.{column}",
        when=f"OLD.{column} <> NEW.{column} AND NOT ({' OR '.join(pairs)})",
    )


def frozen(table: str, name: str, *columns: str, when: str | None = None) -> None:
    """Refuse changes of columns that were settled once and for all."""
    distinct = "IS NOT" if dialect() == "sqlite" else "IS DISTINCT FROM"
    changed = " OR ".join(f"OLD.{c} {distinct} NEW.{c}" for c in columns)
    condition = f"({changed})" + (f" AND ({when})" if when else "")
    message = f"{table}: {columns[0]} and its like do not change"
    refuse(table, name, "UPDATE", message, when=condition)


def drop_functions(*tables: str) -> None:
    """Drop what PostgreSQL keeps after its table is gone."""
    if dialect() == "postgresql":
        for table in tables:
            op.execute(
                "DO $$ DECLARE f text; BEGIN FOR f IN SELECT proname FROM pg_proc"
                f" WHERE proname LIKE '{table}\\_%' LOOP"
                " EXECUTE format('DROP FUNCTION IF EXISTS %I() CASCADE', f); END LOOP; END $$"
            )
