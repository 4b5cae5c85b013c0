"""Make the tables of ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("owner", sa.String(length=60), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "last_transfer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.CheckConstraint(
            "(kind IN ('escrow', 'wallet', 'hold', 'pot', 'guarantee')) = (balance IS NOT NULL)",
            name=op.f("ck_ledger_account_guarded_kinds_keep_a_balance"),
        ),
        sa.CheckConstraint(
            "code = kind || ':' || owner || ':' || currency", name=op.f("ck_ledger_account_code")
        ),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_ledger_account_balance_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("code", name=op.f("uq_ledger_account_code")),
    )
    with op.batch_alter_table("ledger_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_account_kind"), ["kind"], unique=False)

    op.create_table(
        "ledger_block",
        sa.Column(
            "height",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("first_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("height", name=op.f("pk_ledger_block")),
        sa.UniqueConstraint("hash", name=op.f("uq_ledger_block_hash")),
        sa.UniqueConstraint("last_id", name=op.f("uq_ledger_block_last_id")),
    )
    op.create_table(
        "ledger_snapshot",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("balance", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ledger_account.id"], name=op.f("fk_ledger_snapshot_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_ledger_snapshot")),
    )
    op.create_table(
        "transfer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("event", sa.String(length=30), nullable=False),
        sa.Column("debit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "credit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_transfer_amount_positive")),
        sa.CheckConstraint("id > 0", name=op.f("ck_transfer_id_positive")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_transfer_two_accounts")),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["ledger_account.id"], name=op.f("fk_transfer_credit_id")
        ),
        sa.ForeignKeyConstraint(
            ["debit_id"], ["ledger_account.id"], name=op.f("fk_transfer_debit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
        sa.UniqueConstraint("key", name=op.f("uq_transfer_key")),
    )
    with op.batch_alter_table("transfer", schema=None) as batch_op:
        batch_op.create_index("ix_transfer_credit_id_id", ["credit_id", "id"], unique=False)
        batch_op.create_index("ix_transfer_debit_id_id", ["debit_id", "id"], unique=False)

    _rules()


def _rules() -> None:
    """The promises of the books, kept by the database itself (L3 to L7)."""
    triggers.append_only("transfer")
    triggers.append_only("ledger_block")
    triggers.no_delete("ledger_account")
    triggers.once_only("transfer", "id", "key")
    triggers.once_only("ledger_account", "id", "code")
    triggers.once_only("ledger_block", "height", "last_id", "hash")
    triggers.frozen("ledger_account", "identity", "id", "code", "kind", "owner", "currency")
    triggers.refuse(
        "ledger_account", "opens_empty", "INSERT", "a ledger account opens at zero",
        when="NEW.balance <> 0 OR NEW.last_transfer_id IS NOT NULL",
    )  # fmt: skip
    triggers.refuse(
        "transfer", "one_currency", "INSERT", "a transfer and its accounts have one currency",
        when="(SELECT count(*) FROM ledger_account a WHERE a.id IN (NEW.debit_id, NEW.credit_id)"
        " AND a.currency = NEW.currency) <> 2",
    )  # fmt: skip
    # Newer than the last one: a transfer that was counted is never counted again.
    triggers.refuse(
        "ledger_account", "moved_by_transfers", "UPDATE", "only a transfer moves a balance",
        when=f"(OLD.balance {_distinct()} NEW.balance"
        f" OR OLD.last_transfer_id {_distinct()} NEW.last_transfer_id)"
        " AND NOT EXISTS (SELECT 1 FROM transfer t"
        " WHERE t.id = NEW.last_transfer_id AND t.id > COALESCE(OLD.last_transfer_id, 0)"
        " AND ((t.credit_id = NEW.id AND NEW.balance = OLD.balance + t.amount)"
        " OR (t.debit_id = NEW.id AND NEW.balance = OLD.balance - t.amount)))",
    )  # fmt: skip
    if triggers.dialect() == "sqlite":
        op.execute(
            f"CREATE TRIGGER transfer_moves AFTER INSERT ON transfer BEGIN {_MOVES} {_MOVED} END"
        )
        return
    op.execute(
        "CREATE FUNCTION transfer_moves() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {_MOVES} RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER transfer_moves AFTER INSERT ON transfer FOR EACH ROW"
        " EXECUTE FUNCTION transfer_moves()"
    )
    # Before the first id is drawn: a seal that holds the lock alone sees every lower id committed.
    op.execute(
        "CREATE FUNCTION transfer_shares_the_books() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN PERFORM pg_advisory_xact_lock_shared({0x0CA0B00C}); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER transfer_shares_the_books BEFORE INSERT ON transfer FOR EACH STATEMENT"
        " EXECUTE FUNCTION transfer_shares_the_books()"
    )


_MOVES = (
    "UPDATE ledger_account SET balance = balance - NEW.amount, last_transfer_id = NEW.id"
    " WHERE id = NEW.debit_id AND balance IS NOT NULL;"
    " UPDATE ledger_account SET balance = balance + NEW.amount, last_transfer_id = NEW.id"
    " WHERE id = NEW.credit_id AND balance IS NOT NULL;"
)

#: INSERT OR IGNORE would skip an UPDATE that the CHECK refuses, and keep the transfer.
_MOVED = (
    "SELECT RAISE(ABORT, 'a transfer moves its guarded accounts') WHERE EXISTS"
    " (SELECT 1 FROM ledger_account a WHERE a.id IN (NEW.debit_id, NEW.credit_id)"
    " AND a.balance IS NOT NULL AND a.last_transfer_id IS NOT NEW.id);"
)


def _distinct() -> str:
    return "IS NOT" if triggers.dialect() == "sqlite" else "IS DISTINCT FROM"


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("transfer", schema=None) as batch_op:
        batch_op.drop_index("ix_transfer_debit_id_id")
        batch_op.drop_index("ix_transfer_credit_id_id")

    op.drop_table("transfer")
    op.drop_table("ledger_snapshot")
    op.drop_table("ledger_block")
    with op.batch_alter_table("ledger_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_account_kind"))

    op.drop_table("ledger_account")
    triggers.drop_functions("transfer", "ledger_account", "ledger_block")
