"""Make the tables of payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "payment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column(
            "purpose_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("payer_phone", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "fee_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("otp", sa.String(length=10), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("provider_ref", sa.String(length=80), nullable=True),
        sa.Column("page_url", sa.String(length=500), nullable=True),
        sa.Column("memory", sa.JSON(), nullable=False),
        sa.Column("callback_token", sa.String(length=43), nullable=False),
        sa.Column("echo_hash", sa.String(length=64), nullable=True),
        sa.Column("payer_claim", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('order')", name=op.f("ck_payment_purpose")),
        sa.CheckConstraint(
            "status IN ('cancelled', 'created', 'failed', 'pending', 'review', 'sending', 'succeeded', 'unknown')",
            name=op.f("ck_payment_status"),
        ),
        sa.CheckConstraint(
            "amount > 0 AND fee_amount >= 0 AND fee_amount < amount", name=op.f("ck_payment_amount")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_payment_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("callback_token", name=op.f("uq_payment_callback_token")),
        sa.UniqueConstraint("form_key", name=op.f("uq_payment_form_key")),
        sa.UniqueConstraint(
            "provider", "provider_ref", name=op.f("uq_payment_provider_provider_ref")
        ),
        sa.UniqueConstraint("reference", name=op.f("uq_payment_reference")),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_payment_due",
            ["next_check_at"],
            unique=False,
            sqlite_where=sa.text("next_check_at IS NOT NULL"),
            postgresql_where=sa.text("next_check_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_payment_echo_hash"), ["echo_hash"], unique=False)
        batch_op.create_index(
            "ix_payment_purpose_purpose_id", ["purpose", "purpose_id"], unique=False
        )
        batch_op.create_index(
            "ix_payment_payer_phone_created_at", ["payer_phone", "created_at"], unique=False
        )
        batch_op.create_index("ix_payment_user_id_id", ["user_id", "id"], unique=False)
        batch_op.create_index(
            "uq_payment_live",
            ["purpose", "purpose_id"],
            unique=True,
            sqlite_where=sa.text(
                "status IN ('created', 'pending', 'sending', 'unknown') AND superseded_at IS NULL"
            ),
            postgresql_where=sa.text(
                "status IN ('created', 'pending', 'sending', 'unknown') AND superseded_at IS NULL"
            ),
        )

    op.create_table(
        "payment_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("old", sa.String(length=10), nullable=True),
        sa.Column("new", sa.String(length=10), nullable=True),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_payment_event_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_event")),
    )
    with op.batch_alter_table("payment_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_event_payment_id"), ["payment_id"], unique=False
        )

    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("transaction_ref", sa.String(length=80), nullable=False),
        sa.Column(
            "payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "applied_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("disposition", sa.String(length=10), nullable=False),
        sa.Column("note", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "disposition IN ('applied', 'wallet', 'suspense')", name=op.f("ck_receipt_disposition")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_receipt_amount")),
        sa.CheckConstraint("applied_amount BETWEEN 0 AND amount", name=op.f("ck_receipt_applied")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_receipt_payment_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_receipt_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("code", name=op.f("uq_receipt_code")),
        sa.UniqueConstraint(
            "provider", "transaction_ref", name=op.f("uq_receipt_provider_transaction_ref")
        ),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_receipt_payment_id"), ["payment_id"], unique=False)

    _rules()


#: The edges as of this migration; a test holds them against shop/payments/states.py.
EDGES = {
    "created": {"sending", "cancelled"},
    "sending": {"pending", "unknown", "succeeded", "failed", "review"},
    "unknown": {"pending", "succeeded", "failed", "review"},
    "pending": {"succeeded", "failed", "review"},
    "review": {"succeeded", "failed"},
}


def _rules() -> None:
    """What a payment may become, and what of it never changes (P1, P2, P9)."""
    triggers.edges("payment", "status", EDGES)
    triggers.frozen(
        "payment", "intent", "id", "reference", "form_key", "purpose", "purpose_id", "user_id", "method", "provider",
        "country", "payer_phone", "currency", "amount", "fee_amount", "callback_token", "created_at",
    )  # fmt: skip
    triggers.frozen(
        "payment", "provider_ref_once", "provider_ref", when="OLD.provider_ref IS NOT NULL"
    )
    triggers.refuse(
        "payment", "begins_created", "INSERT", "a payment begins as created",
        when="NEW.status <> 'created'",
    )  # fmt: skip
    triggers.no_delete("payment")
    triggers.append_only("payment_event")
    triggers.append_only("receipt")
    triggers.once_only(
        "payment", "id", "reference", "form_key", "callback_token", ("provider", "provider_ref")
    )
    triggers.once_only("payment_event", "id")
    triggers.once_only("receipt", "id", "code", ("provider", "transaction_ref"))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipt_payment_id"))

    op.drop_table("receipt")
    with op.batch_alter_table("payment_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_event_payment_id"))

    op.drop_table("payment_event")
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_payment_live",
            sqlite_where=sa.text(
                "status IN ('created', 'pending', 'sending', 'unknown') AND superseded_at IS NULL"
            ),
            postgresql_where=sa.text(
                "status IN ('created', 'pending', 'sending', 'unknown') AND superseded_at IS NULL"
            ),
        )
        batch_op.drop_index("ix_payment_user_id_id")
        batch_op.drop_index("ix_payment_payer_phone_created_at")
        batch_op.drop_index("ix_payment_purpose_purpose_id")
        batch_op.drop_index(batch_op.f("ix_payment_echo_hash"))
        batch_op.drop_index(
            "ix_payment_due",
            sqlite_where=sa.text("next_check_at IS NOT NULL"),
            postgresql_where=sa.text("next_check_at IS NOT NULL"),
        )

    op.drop_table("payment")
    triggers.drop_functions("payment", "receipt")
