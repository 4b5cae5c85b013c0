"""Make the tables of choosing a provider: switches, choices, what was observed, alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0009"
down_revision = "0008"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    # A plain ADD COLUMN: rebuilding the table would lose SQLite's triggers.
    op.add_column("payment", sa.Column("announced_at", _MOMENT, nullable=True))
    _index("ix_payment_outcome", "payment", ["method", "settled_at"], "settled_at IS NOT NULL")
    _index(
        "ix_payment_provider_outcome",
        "payment",
        ["provider", "settled_at"],
        "settled_at IS NOT NULL",
    )
    _switches()
    _choices()
    _minutes()
    _alerts()


def _switches() -> None:
    op.create_table(
        "switch",
        sa.Column("id", _ID, nullable=False),
        sa.Column("target", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=True),
        sa.Column("by_whom", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.CheckConstraint("kind IN ('paused', 'resting', 'silent')", name=op.f("ck_switch_kind")),
        sa.CheckConstraint("kind <> 'paused' OR reason <> ''", name=op.f("ck_switch_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switch")),
    )
    _index("uq_switch_open", "switch", ["target", "kind"], "ended_at IS NULL", unique=True)
    triggers.no_delete("switch")
    # What was stopped, by whom and since when is history as soon as it is written.
    triggers.frozen("switch", "begun", "id", "target", "kind", "since")


def _choices() -> None:
    op.create_table(
        "payment_choice",
        sa.Column("payment_id", _ID, nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("ranking", sa.JSON(), nullable=False),
        sa.Column("chosen", sa.String(length=30), nullable=False),
        sa.Column("explored", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_payment_choice_payment_id")
        ),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_payment_choice")),
    )
    triggers.append_only("payment_choice")
    triggers.once_only("payment_choice", "payment_id")


def _minutes() -> None:
    op.create_table(
        "provider_minute",
        sa.Column("minute", _MOMENT, nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("operation", sa.String(length=30), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("calls", _ID, nullable=False),
        sa.Column("total_ms", _ID, nullable=False),
        sa.Column("longest_ms", _ID, nullable=False),
        sa.CheckConstraint("calls > 0", name=op.f("ck_provider_minute_calls")),
        sa.PrimaryKeyConstraint(
            "minute", "provider", "operation", "result", name=op.f("pk_provider_minute")
        ),
    )


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("told", _ID, nullable=False),
        sa.CheckConstraint(
            "kind IN ('success', 'breaker', 'silence', 'stuck')", name=op.f("ck_alert_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    _index("uq_alert_open", "alert", ["kind", "subject"], "closed_at IS NULL", unique=True)
    triggers.no_delete("alert")
    triggers.frozen("alert", "begun", "id", "kind", "subject", "opened_at")


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def downgrade() -> None:
    """Undo."""
    for table in ("alert", "provider_minute", "payment_choice", "switch"):
        op.drop_table(table)
    triggers.drop_functions("alert", "payment_choice", "switch")
    op.drop_index("ix_payment_provider_outcome", table_name="payment")
    op.drop_index("ix_payment_outcome", table_name="payment")
    op.drop_column("payment", "announced_at")
