"""Make the tables of payouts and refunds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0008"
down_revision = "0007"


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment() -> sa.types.TypeEngine[object]:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "payout",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("purpose_id", _whole(), nullable=True),
        sa.Column("user_id", _whole(), nullable=False),
        sa.Column("route", sa.String(length=10), nullable=False),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("payee_phone", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", _whole(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("held_until", _moment(), nullable=True),
        sa.Column("fee_amount", _whole(), nullable=False),
        sa.Column("provider_ref", sa.String(length=80), nullable=True),
        sa.Column("transaction_ref", sa.String(length=80), nullable=True),
        sa.Column("late_ref", sa.String(length=80), nullable=True),
        sa.Column("proposed", sa.String(length=10), nullable=True),
        sa.Column("proposed_by", sa.String(length=60), nullable=True),
        sa.Column("proposed_ref", sa.String(length=80), nullable=True),
        sa.Column("confirmed_by", sa.String(length=60), nullable=True),
        sa.Column("memory", sa.JSON(), nullable=False),
        sa.Column("callback_token", sa.String(length=43), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("sent_at", _moment(), nullable=True),
        sa.Column("settled_at", _moment(), nullable=True),
        sa.Column("next_check_at", _moment(), nullable=True),
        sa.Column("checks", _whole(), nullable=False),
        sa.Column("checked_at", _moment(), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", _moment(), nullable=True),
        sa.CheckConstraint(
            "status IN ('cancelled', 'failed', 'held', 'pending', 'requested', 'review', 'sending', 'succeeded', 'unknown')",
            name=op.f("ck_payout_status"),
        ),
        sa.CheckConstraint("purpose IN ('refund', 'withdrawal')", name=op.f("ck_payout_purpose")),
        sa.CheckConstraint("route IN ('refund', 'transfer')", name=op.f("ck_payout_route")),
        sa.CheckConstraint("amount > 0 AND fee_amount >= 0", name=op.f("ck_payout_amount")),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'held', 'requested')) = (sent_at IS NULL)",
            name=op.f("ck_payout_sent"),
        ),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'failed', 'succeeded')) = (settled_at IS NOT NULL)",
            name=op.f("ck_payout_settled"),
        ),
        sa.CheckConstraint(
            "(status = 'succeeded') = (transaction_ref IS NOT NULL)",
            name=op.f("ck_payout_evidence"),
        ),
        sa.CheckConstraint("late_ref IS NULL OR status = 'failed'", name=op.f("ck_payout_late")),
        sa.CheckConstraint(
            "(proposed IS NULL) = (proposed_by IS NULL)"
            " AND (proposed IS NULL OR proposed IN ('succeeded', 'failed'))",
            name=op.f("ck_payout_proposed"),
        ),
        sa.CheckConstraint(
            "confirmed_by IS NULL OR (proposed_by IS NOT NULL AND proposed_by <> confirmed_by)",
            name=op.f("ck_payout_two_people"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_payout_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("callback_token", name=op.f("uq_payout_callback_token")),
        sa.UniqueConstraint("form_key", name=op.f("uq_payout_form_key")),
        sa.UniqueConstraint("reference", name=op.f("uq_payout_reference")),
        sa.UniqueConstraint(
            "provider", "provider_ref", name=op.f("uq_payout_provider_provider_ref")
        ),
        sa.UniqueConstraint(
            "provider", "transaction_ref", name=op.f("uq_payout_provider_transaction_ref")
        ),
        sa.UniqueConstraint("provider", "late_ref", name=op.f("uq_payout_provider_late_ref")),
    )
    op.create_index(
        "ix_payout_due",
        "payout",
        ["next_check_at"],
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("ix_payout_user_id_id", "payout", ["user_id", "id"])
    op.create_index("ix_payout_purpose_purpose_id", "payout", ["purpose", "purpose_id"])

    op.create_table(
        "payout_event",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("payout_id", _whole(), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("old", sa.String(length=10), nullable=True),
        sa.Column("new", sa.String(length=10), nullable=True),
        sa.Column("evidence", sa.String(length=10), nullable=True),
        sa.Column("asked_at", _moment(), nullable=True),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.CheckConstraint(
            "evidence IS NULL OR evidence IN ('absent', 'answer', 'people', 'unsent')",
            name=op.f("ck_payout_event_evidence"),
        ),
        sa.CheckConstraint(
            "new IS NULL OR new NOT IN ('failed', 'succeeded')"
            " OR (evidence IS NOT NULL AND asked_at IS NOT NULL)",
            name=op.f("ck_payout_event_ended_with_evidence"),
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payout.id"], name=op.f("fk_payout_event_payout_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_event")),
    )
    op.create_index(op.f("ix_payout_event_payout_id"), "payout_event", ["payout_id"])

    op.create_table(
        "refund",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("receipt_id", _whole(), nullable=False),
        sa.Column("user_id", _whole(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", _whole(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("payout_id", _whole(), nullable=True),
        sa.Column("created_at", _moment(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_amount")),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_refund_payout_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipt.id"], name=op.f("fk_refund_receipt_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_refund_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("form_key", name=op.f("uq_refund_form_key")),
        sa.UniqueConstraint("payout_id", name=op.f("uq_refund_payout_id")),
    )
    op.create_index(op.f("ix_refund_receipt_id"), "refund", ["receipt_id"])

    _rules()


#: The edges as of this migration; a test holds them against shop/payouts/states.py.
EDGES = {
    "requested": {"sending", "held", "cancelled"},
    "held": {"requested", "cancelled"},
    "sending": {"pending", "unknown", "succeeded", "failed", "review"},
    "unknown": {"pending", "succeeded", "failed", "review"},
    "pending": {"succeeded", "failed", "review"},
    "review": {"succeeded", "failed"},
}

ENDED = "OLD.status IN ('succeeded', 'failed', 'cancelled')"


def _rules() -> None:
    """What a payout may become, and what of it never changes (W2, W4, P1, P9, P10, B5)."""
    triggers.edges("payout", "status", EDGES)
    triggers.frozen(
        "payout", "intent", "id", "reference", "form_key", "purpose", "purpose_id", "user_id", "route", "method",
        "provider", "country", "payee_phone", "source", "currency", "amount", "callback_token", "created_at",
    )  # fmt: skip
    for column in ("sent_at", "provider_ref", "transaction_ref", "late_ref", "confirmed_by"):
        triggers.frozen("payout", f"{column}_once", column, when=f"OLD.{column} IS NOT NULL")
    triggers.frozen(
        "payout", "ended", "fee_amount", "reason", "settled_at", "provider_ref", "transaction_ref",
        "proposed", "proposed_by", "proposed_ref", "confirmed_by", when=ENDED,
    )  # fmt: skip
    triggers.refuse(
        "payout", "begins_requested", "INSERT", "a payout begins as requested, unsent",
        when="NEW.status <> 'requested'",
    )  # fmt: skip
    triggers.refuse(
        "payout", "two_people_return", "UPDATE", "two people return what nobody could tell",
        when="OLD.status = 'review' AND NEW.status = 'failed' AND NEW.confirmed_by IS NULL",
    )  # fmt: skip
    triggers.refuse(
        "refund", "within_receipt", "INSERT", "more than was received is never given back",
        when="NEW.amount + (SELECT COALESCE(SUM(amount), 0) FROM refund WHERE receipt_id = NEW.receipt_id)"
        " > (SELECT amount FROM receipt WHERE id = NEW.receipt_id AND currency = NEW.currency)"
        " OR NOT EXISTS (SELECT 1 FROM receipt WHERE id = NEW.receipt_id AND currency = NEW.currency)",
    )  # fmt: skip
    triggers.no_delete("payout")
    triggers.append_only("payout_event")
    triggers.append_only("refund")
    triggers.once_only(
        "payout", "id", "reference", "form_key", "callback_token", ("provider", "provider_ref"),
        ("provider", "transaction_ref"), ("provider", "late_ref"),
    )  # fmt: skip
    triggers.once_only("payout_event", "id")
    triggers.once_only("refund", "id", "form_key", "payout_id")


def downgrade() -> None:
    """Undo."""
    for table in ("refund", "payout_event", "payout"):
        op.drop_table(table)
    triggers.drop_functions("payout", "refund")
