"""Make the tables of approvals and of differences with providers.

Promises kept here: what people said is never changed or unsaid (B5); a difference keeps its facts, is closed
once, and is open once per subject and type.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0010"
down_revision = "0009"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "approval",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=120), nullable=False),
        sa.Column("person", sa.String(length=60), nullable=False),
        sa.Column("account", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "length(person) > 0 AND length(reason) > 0", name=op.f("ck_approval_named")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint(
            "kind", "reference", "decision", "person",
            name=op.f("uq_approval_kind_reference_decision_person"),
        ),
    )  # fmt: skip
    triggers.append_only("approval")
    triggers.once_only("approval", "id")
    _breaks()


def _breaks() -> None:
    op.create_table(
        "reconciliation_break",
        sa.Column("id", _ID, nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=12), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("type", sa.String(length=12), nullable=False),
        sa.Column("ours", sa.String(length=120), nullable=False),
        sa.Column("theirs", sa.String(length=120), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "type IN ('amount', 'currency', 'duplicate', 'fee', 'late', 'ours_only', 'status', 'theirs_only')",
            name=op.f("ck_reconciliation_break_type"),
        ),
        sa.CheckConstraint(
            "closed_at IS NULL OR closed_at >= opened_at",
            name=op.f("ck_reconciliation_break_closed_after"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_break")),
    )
    op.create_index(
        "uq_reconciliation_break_open",
        "reconciliation_break",
        ["provider", "subject", "reference", "type"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    triggers.no_delete("reconciliation_break")
    triggers.frozen(
        "reconciliation_break", "facts", "id", "provider", "subject", "reference", "type", "opened_at"
    )  # fmt: skip
    triggers.frozen(
        "reconciliation_break", "closed_once", "closed_at", "seen_at", "ours", "theirs",
        when="OLD.closed_at IS NOT NULL",
    )  # fmt: skip
    triggers.once_only("reconciliation_break", "id")


def downgrade() -> None:
    """Undo."""
    op.drop_table("reconciliation_break")
    op.drop_table("approval")
    triggers.drop_functions("reconciliation_break", "approval")
