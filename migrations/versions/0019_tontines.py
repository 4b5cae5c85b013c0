"""Make the tables of tontines, and the accounts and payments they need (R1-R32)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from migrations import triggers
from migrations.circle import bureau_and_choices, people_and_cycles, rules

revision = "0019"
down_revision = "0018"

GUARDED = ("retention", "advance", "caisse", "relief", "dividend", "cash")
PURPOSES = ("contribution",)
TABLES = (
    *("ballot", "vote", "swap", "bid", "auction", "draw_word", "draw"),
    *(
        "event",
        "relief_claim",
        "attendance",
        "meeting",
        "guarantor",
        "exit",
        "claim",
        "line",
        "turn",
    ),
    *("signature", "order"),
    *("allocation", "contribution", "due", "share", "round", "cycle"),
    *("join_request", "invite", "office", "acceptance", "member", "rules"),
)


def upgrade() -> None:
    """Apply."""
    _words("payment", "ck_payment_purpose", "purpose IN ({})", add=PURPOSES)
    _words("ledger_account", _KINDS, "(kind IN ({})) = (balance IS NOT NULL)", add=GUARDED)
    people_and_cycles.people()
    people_and_cycles.cycles()
    bureau_and_choices.bureau()
    bureau_and_choices.choices()
    rules.upgrade()


_KINDS = "ck_ledger_account_guarded_kinds_keep_a_balance"


def _words(
    table: str, name: str, rule: str, *, add: Iterable[str] = (), drop: Iterable[str] = ()
) -> None:
    """Change which words a CHECK lists, whatever it lists now, and keep every trigger and row."""
    now = _listed(table, name)
    wanted = [word for word in [*now, *add] if word not in tuple(drop)]
    old, new = (rule.format(", ".join(f"'{w}'" for w in words)) for words in (now, wanted))
    if triggers.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({new})")
        return
    # SQLite changes a CHECK in place so. Docs: https://www.sqlite.org/lang_altertable.html#otheralter
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, '{_quoted(old)}', '{_quoted(new)}')"
        f" WHERE type = 'table' AND name = '{table}'"
    )
    op.execute("PRAGMA writable_schema = RESET")
    assert _listed(table, name) == wanted, f"{name} lists other words"


def _listed(table: str, name: str) -> list[str]:
    if triggers.dialect() == "postgresql":
        query = f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{name}'"
        return re.findall(r"'([^']*)'", op.get_bind().scalar(sa.text(query)))
    query = f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{table}'"
    found = re.search(rf"{name} CHECK \(.*?IN \(([^)]*)\)", op.get_bind().scalar(sa.text(query)))
    assert found is not None, f"{table} has no {name}"
    return re.findall(r"'([^']*)'", found[1])


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def downgrade() -> None:
    """Undo."""
    if triggers.dialect() == "sqlite":
        op.execute("DROP TRIGGER transfer_leaves_pot_signed")
    else:
        op.execute("DROP FUNCTION transfer_leaves_pot_signed() CASCADE")
    for table in TABLES:
        op.drop_table(f"tontine_{table}")
    op.drop_table("tontine")
    triggers.drop_functions("tontine")
    _words("ledger_account", _KINDS, "(kind IN ({})) = (balance IS NOT NULL)", drop=GUARDED)
    _words("payment", "ck_payment_purpose", "purpose IN ({})", drop=PURPOSES)
