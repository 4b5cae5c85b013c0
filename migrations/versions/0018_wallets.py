"""Let wallets be topped up, pay orders and hold what is above a ceiling; cashback; proven numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0018"
down_revision = "0015"

OLD_PURPOSES = "purpose IN ('order')"
PURPOSES = "purpose IN ('order', 'top_up')"
OLD_GUARDED = "kind IN ('escrow', 'wallet', 'hold', 'pot', 'guarantee')"
GUARDED = "kind IN ('escrow', 'wallet', 'hold', 'pot', 'guarantee', 'blocked', 'cashback')"
LIVING = "status IN ('held', 'posted')"


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment() -> sa.types.TypeEngine[object]:
    return sa.DateTime(timezone=True)


def _user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f(f"fk_{table}_user_id"))


def upgrade() -> None:
    """Apply."""
    _check("payment", "ck_payment_purpose", OLD_PURPOSES, PURPOSES)
    _check(
        "ledger_account", "ck_ledger_account_guarded_kinds_keep_a_balance",
        f"({OLD_GUARDED}) = (balance IS NOT NULL)", f"({GUARDED}) = (balance IS NOT NULL)",
    )  # fmt: skip
    op.create_table(
        "top_up",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("user_id", _whole(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", _whole(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("paid_at", _moment(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_top_up_amount")),
        sa.CheckConstraint("status IN ('awaiting_payment', 'paid')", name=op.f("ck_top_up_status")),
        sa.CheckConstraint(
            "(status = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_top_up_paid_at")
        ),
        _user("top_up"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_up")),
        sa.UniqueConstraint("reference", name=op.f("uq_top_up_reference")),
        sa.UniqueConstraint("form_key", name=op.f("uq_top_up_form_key")),
    )
    op.create_index("ix_top_up_user_id_created_at", "top_up", ["user_id", "created_at"])
    op.create_table(
        "wallet_part",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        sa.Column("order_id", _whole(), nullable=False),
        sa.Column("user_id", _whole(), nullable=False),
        sa.Column("payment_id", _whole(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", _whole(), nullable=False),
        sa.Column("cashback_amount", _whole(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("ended_at", _moment(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_wallet_part_amount")),
        sa.CheckConstraint(
            "cashback_amount BETWEEN 0 AND amount", name=op.f("ck_wallet_part_cashback")
        ),
        sa.CheckConstraint(
            "status IN ('held', 'posted', 'voided')", name=op.f("ck_wallet_part_status")
        ),
        sa.CheckConstraint(
            "(status = 'held') = (ended_at IS NULL)", name=op.f("ck_wallet_part_ended")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_wallet_part_order_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_wallet_part_payment_id")
        ),
        _user("wallet_part"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallet_part")),
        sa.UniqueConstraint("reference", name=op.f("uq_wallet_part_reference")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_wallet_part_payment_id")),
    )
    op.create_index(
        "uq_wallet_part_living", "wallet_part", ["order_id"], unique=True,
        sqlite_where=sa.text(LIVING), postgresql_where=sa.text(LIVING),
    )  # fmt: skip
    op.create_index("ix_wallet_part_order_id", "wallet_part", ["order_id"])
    op.create_index("ix_wallet_part_user_id_id", "wallet_part", ["user_id", "id"])
    _numbers_and_levels()
    _cashback()
    op.create_table(
        "ledger_leaf",
        sa.Column("transfer_id", _whole(), nullable=False, autoincrement=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", name=op.f("pk_ledger_leaf")),
    )
    _rules()


def _numbers_and_levels() -> None:
    op.create_table(
        "withdrawal_number",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("user_id", _whole(), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("proven_at", _moment(), nullable=False),
        sa.Column("usable_from", _moment(), nullable=False),
        sa.CheckConstraint("usable_from > proven_at", name=op.f("ck_withdrawal_number_waits")),
        _user("withdrawal_number"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal_number")),
        sa.UniqueConstraint("user_id", "phone", name=op.f("uq_withdrawal_number_user_id_phone")),
    )
    op.create_table(
        "identity_check",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("user_id", _whole(), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.CheckConstraint(
            "level IN ('basic', 'identified')", name=op.f("ck_identity_check_level")
        ),
        _user("identity_check"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_check")),
    )
    op.create_index("ix_identity_check_user_id_id", "identity_check", ["user_id", "id"])


def _cashback() -> None:
    op.create_table(
        "cashback_grant",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("seller_order_id", _whole(), nullable=False),
        sa.Column("user_id", _whole(), nullable=False),
        sa.Column("campaign", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", _whole(), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("expires_at", _moment(), nullable=False),
        sa.Column("wake_at", _moment(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_cashback_grant_amount")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_cashback_grant_expires")),
        sa.ForeignKeyConstraint(
            ["seller_order_id"], ["seller_order.id"], name=op.f("fk_cashback_grant_seller_order_id")
        ),
        _user("cashback_grant"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cashback_grant")),
        sa.UniqueConstraint("seller_order_id", name=op.f("uq_cashback_grant_seller_order_id")),
    )
    op.create_index(
        "ix_cashback_grant_user_id_expires_at", "cashback_grant", ["user_id", "expires_at"]
    )
    op.create_index(
        "ix_cashback_grant_wake_at", "cashback_grant", ["wake_at"],
        sqlite_where=sa.text("wake_at IS NOT NULL"),
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )  # fmt: skip


def _check(table: str, name: str, old: str, new: str) -> None:
    """Widen a CHECK, and keep every trigger and every row that points at the table."""
    if triggers.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({new})")
        return
    # SQLite changes a CHECK in place so. Docs: https://www.sqlite.org/lang_altertable.html#otheralter
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"""UPDATE sqlite_master SET sql = replace(sql, '{_quoted(old)}', '{_quoted(new)}')"""
        f" WHERE type = 'table' AND name = '{table}'"
    )
    op.execute("PRAGMA writable_schema = RESET")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _rules() -> None:
    """What of it never changes, and where money may be sent (W7)."""
    triggers.edges("top_up", "status", {"awaiting_payment": {"paid"}})
    triggers.frozen(
        "top_up",
        "intent",
        "id",
        "reference",
        "form_key",
        "user_id",
        "currency",
        "amount",
        "created_at",
    )
    triggers.edges("wallet_part", "status", {"held": {"posted", "voided"}})
    triggers.frozen(
        "wallet_part", "intent", "id", "reference", "order_id", "user_id", "payment_id", "currency",
        "amount", "cashback_amount", "created_at",
    )  # fmt: skip
    triggers.refuse(
        "wallet_part", "begins_held", "INSERT", "the part of a wallet begins held",
        when="NEW.status <> 'held'",
    )  # fmt: skip
    # Posted or voided, with the money: the hold is empty, and it went where the word says.
    for status, word in (("posted", "wallet-posted"), ("voided", "wallet-voided")):
        triggers.refuse(
            "wallet_part", f"{status}_in_the_books", "UPDATE OF status",
            f"a part is {status} once the books say so",
            when=f"NEW.status = '{status}' AND OLD.status <> '{status}' AND NOT EXISTS (SELECT 1"
            " FROM transfer t JOIN ledger_account a ON a.id = t.debit_id AND a.balance = 0"
            f" WHERE t.key = '{word}:' || NEW.reference || ':' || '1'"
            " AND a.code = 'hold:' || NEW.reference || ':' || NEW.currency)",
        )  # fmt: skip
    # Another number gets money a day after it was proven; one that was sent to before may be again.
    triggers.refuse(
        "payout", "withdrawal_number", "INSERT", "a withdrawal goes to a number proven a day before",
        when="NEW.purpose = 'withdrawal' AND NOT EXISTS (SELECT 1 FROM \"user\" u"
        " WHERE u.phone = NEW.payee_phone AND (u.id = NEW.user_id OR u.merged_into_id = NEW.user_id))"
        " AND NOT EXISTS (SELECT 1 FROM withdrawal_number w WHERE w.user_id = NEW.user_id"
        " AND w.phone = NEW.payee_phone AND w.usable_from <= NEW.created_at)"
        " AND NOT EXISTS (SELECT 1 FROM payout p WHERE p.payee_phone = NEW.payee_phone"
        " AND p.user_id = NEW.user_id)",
    )  # fmt: skip
    for table in ("identity_check", "ledger_leaf"):
        triggers.append_only(table)
    triggers.once_only("ledger_leaf", "transfer_id")
    triggers.frozen(
        "cashback_grant", "intent", "id", "seller_order_id", "user_id", "campaign", "currency",
        "amount", "created_at",
    )  # fmt: skip
    for table in ("top_up", "wallet_part", "withdrawal_number", "cashback_grant"):
        triggers.no_delete(table)
    triggers.once_only("top_up", "id", "reference", "form_key")
    triggers.once_only("wallet_part", "id", "reference", "payment_id")
    triggers.once_only("withdrawal_number", "id", ("user_id", "phone"))
    triggers.once_only("identity_check", "id")
    triggers.once_only("cashback_grant", "id", "seller_order_id")


def downgrade() -> None:
    """Undo."""
    if triggers.dialect() == "sqlite":
        op.execute("DROP TRIGGER payout_withdrawal_number")
    else:
        op.execute("DROP FUNCTION payout_withdrawal_number() CASCADE")
    tables = (
        "ledger_leaf", "cashback_grant", "identity_check", "withdrawal_number", "wallet_part", "top_up",
    )  # fmt: skip
    for table in tables:
        op.drop_table(table)
    triggers.drop_functions(*tables)
    _check(
        "ledger_account", "ck_ledger_account_guarded_kinds_keep_a_balance",
        f"({GUARDED}) = (balance IS NOT NULL)", f"({OLD_GUARDED}) = (balance IS NOT NULL)",
    )  # fmt: skip
    _check("payment", "ck_payment_purpose", PURPOSES, OLD_PURPOSES)
