"""Pay sellers: their terms, a statement per payout, and what providers hold for us (S1, S2, S3)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0013"
down_revision = "0012"

OLD_PURPOSES = "purpose IN ('refund', 'withdrawal')"
PURPOSES = "purpose IN ('refund', 'seller_payout', 'withdrawal')"
UNPAID = "payout_id IS NULL AND released_amount > 0"
PAID = "status = 'paid'"
#: A statement is written while its payout was never sent.
_DISTINCT = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment() -> sa.types.TypeEngine[object]:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    _purposes(OLD_PURPOSES, PURPOSES)
    op.create_index("ix_payout_settled_at", "payout", ["settled_at"])
    op.create_table(
        "payout_terms",
        sa.Column("store_id", _whole(), nullable=False, autoincrement=False),
        sa.Column("schedule", sa.String(length=10), nullable=False),
        sa.Column("threshold_amount", _whole(), nullable=True),
        sa.Column("operator", sa.String(length=20), nullable=True),
        sa.Column("number", sa.String(length=20), nullable=True),
        sa.Column("former_number", sa.String(length=20), nullable=True),
        sa.Column("number_from", _moment(), nullable=True),
        sa.Column("next_at", _moment(), nullable=True),
        sa.CheckConstraint(
            "schedule IN ('daily', 'on_demand', 'threshold', 'weekly')",
            name=op.f("ck_payout_terms_schedule"),
        ),
        sa.CheckConstraint(
            "(schedule = 'threshold') = (threshold_amount IS NOT NULL)"
            " AND (threshold_amount IS NULL OR threshold_amount > 0)",
            name=op.f("ck_payout_terms_threshold"),
        ),
        sa.CheckConstraint(
            "(schedule = 'on_demand') = (next_at IS NULL)", name=op.f("ck_payout_terms_next")
        ),
        sa.CheckConstraint(
            "(number IS NULL) = (number_from IS NULL) AND (number IS NULL) = (former_number IS NULL)",
            name=op.f("ck_payout_terms_number"),
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_payout_terms_store_id")),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_payout_terms")),
    )
    op.create_index(
        "ix_payout_terms_due", "payout_terms", ["next_at"],
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "payout_statement",
        sa.Column("payout_id", _whole(), nullable=False, autoincrement=False),
        sa.Column("store_id", _whole(), nullable=False),
        sa.Column("period", sa.String(length=80), nullable=False),
        sa.Column("taken_amount", _whole(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.CheckConstraint("taken_amount >= 0", name=op.f("ck_payout_statement_taken")),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payout.id"], name=op.f("fk_payout_statement_payout_id")
        ),
        sa.ForeignKeyConstraint(
            ["store_id"], ["store.id"], name=op.f("fk_payout_statement_store_id")
        ),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_payout_statement")),
        sa.UniqueConstraint("store_id", "period", name=op.f("uq_payout_statement_store_id_period")),
    )
    op.create_index(
        "ix_payout_statement_store_id_payout_id", "payout_statement", ["store_id", "payout_id"]
    )
    op.create_table(
        "payout_line",
        sa.Column("payout_id", _whole(), nullable=False),
        sa.Column("seller_order_id", _whole(), nullable=False),
        sa.Column("amount", _whole(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payout_line_amount")),
        sa.ForeignKeyConstraint(
            ["payout_id"],
            ["payout_statement.payout_id"],
            name=op.f("fk_payout_line_payout_id"),
        ),
        sa.ForeignKeyConstraint(
            ["seller_order_id"], ["seller_order.id"], name=op.f("fk_payout_line_seller_order_id")
        ),
        sa.PrimaryKeyConstraint("payout_id", "seller_order_id", name=op.f("pk_payout_line")),
    )
    op.create_index(op.f("ix_payout_line_seller_order_id"), "payout_line", ["seller_order_id"])
    op.create_table(
        "provider_float",
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", _whole(), nullable=False),
        sa.Column("read_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "currency", name=op.f("pk_provider_float")),
    )
    # Spelled as 0011 does: copying the table would break the rows that point at it.
    op.execute("ALTER TABLE seller_order ADD COLUMN payout_id BIGINT REFERENCES payout (id)")
    _partial("ix_seller_order_unpaid", ["store_id", "closed_at", "id"], UNPAID)
    _partial("ix_seller_order_held", ["store_id", "total_amount"], "escrow = 'held'")
    op.create_index(
        "ix_seller_order_store_id_created_at", "seller_order", ["store_id", "created_at"]
    )
    _rules()


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, "seller_order", columns,
        sqlite_where=sa.text(where), postgresql_where=sa.text(where),
    )  # fmt: skip


def _purposes(old: str, new: str) -> None:
    """Let a payout have another purpose, and keep every trigger and every row that points at it."""
    if triggers.dialect() == "postgresql":
        op.execute("ALTER TABLE payout DROP CONSTRAINT ck_payout_purpose")
        op.execute("ALTER TABLE payout ALTER COLUMN purpose TYPE VARCHAR(20)")
        op.execute(f"ALTER TABLE payout ADD CONSTRAINT ck_payout_purpose CHECK ({new})")
        return
    # SQLite changes a CHECK in place so. Docs: https://www.sqlite.org/lang_altertable.html#otheralter
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"""UPDATE sqlite_master SET sql = replace(sql, '{_quoted(old)}', '{_quoted(new)}')"""
        " WHERE type = 'table' AND name = 'payout'"
    )
    op.execute("PRAGMA writable_schema = RESET")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _rules() -> None:
    """What is paid was released, is paid once, and is what its lines sum to."""
    distinct = _DISTINCT[triggers.dialect()]
    lines = (
        "(SELECT COALESCE(SUM(l.amount), 0) FROM payout_line l WHERE l.payout_id = NEW.id)"
        " - COALESCE((SELECT s.taken_amount FROM payout_statement s WHERE s.payout_id = NEW.id), 0)"
    )
    # S1: no franc leaves for a seller that no released order explains.
    triggers.refuse(
        "payout", "lines_sum", "UPDATE OF status", "the lines of a statement sum to its payout",
        when="NEW.purpose = 'seller_payout' AND NEW.status = 'sending'"
        f" AND NEW.amount <> {lines}",
    )  # fmt: skip
    # S3: only to a number that was proven: the owner's, or one of the terms.
    triggers.refuse(
        "payout", "proven_number", "INSERT", "a seller is paid on a proven number only",
        when="NEW.purpose = 'seller_payout' AND NOT EXISTS (SELECT 1 FROM store s JOIN \"user\" u"
        " ON u.id = s.owner_id LEFT JOIN payout_terms t ON t.store_id = s.id"
        " WHERE s.id = NEW.purpose_id AND u.verified_at IS NOT NULL"
        " AND (u.phone = NEW.payee_phone OR t.number = NEW.payee_phone"
        " OR t.former_number = NEW.payee_phone))",
    )  # fmt: skip
    # S2: a released order is in one living payout; it leaves it only when that one came back.
    triggers.refuse(
        "seller_order", "paid_once", "UPDATE OF payout_id", "a seller order is paid once",
        when=f"OLD.payout_id {distinct} NEW.payout_id AND ("
        "(NEW.payout_id IS NOT NULL AND (OLD.payout_id IS NOT NULL OR NOT EXISTS ("
        "SELECT 1 FROM payout_line l WHERE l.payout_id = NEW.payout_id"
        " AND l.seller_order_id = NEW.id AND l.amount = NEW.released_amount)))"
        " OR (NEW.payout_id IS NULL AND NOT EXISTS (SELECT 1 FROM payout p"
        " WHERE p.id = OLD.payout_id AND p.status IN ('failed', 'cancelled'))))",
    )  # fmt: skip
    triggers.refuse(
        "payout_line", "is_owed", "INSERT", "a line is a released order that nobody paid yet",
        when="NOT EXISTS (SELECT 1 FROM seller_order o JOIN payout_statement s"
        " ON s.payout_id = NEW.payout_id AND s.store_id = o.store_id AND s.currency = o.currency"
        " JOIN payout p ON p.id = s.payout_id AND p.status = 'requested'"
        " WHERE o.id = NEW.seller_order_id AND o.payout_id IS NULL"
        " AND o.released_amount = NEW.amount)",
    )  # fmt: skip
    triggers.refuse(
        "payout_statement", "is_of_its_store", "INSERT", "a statement belongs to a payout of its store",
        when="NOT EXISTS (SELECT 1 FROM payout p WHERE p.id = NEW.payout_id"
        " AND p.purpose = 'seller_payout' AND p.purpose_id = NEW.store_id"
        " AND p.currency = NEW.currency AND p.status = 'requested')",
    )  # fmt: skip
    for table in ("payout_statement", "payout_line"):
        triggers.append_only(table)
    triggers.once_only("payout_statement", "payout_id", ("store_id", "period"))
    triggers.once_only("payout_line", ("payout_id", "seller_order_id"))


def downgrade() -> None:
    """Undo."""
    for name in ("payout_lines_sum", "payout_proven_number", "seller_order_paid_once"):
        if triggers.dialect() == "sqlite":
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP FUNCTION {name}() CASCADE")
    for name in ("unpaid", "held", "store_id_created_at"):
        op.drop_index(f"ix_seller_order_{name}", "seller_order")
    for table in ("payout_line", "payout_statement", "payout_terms", "provider_float"):
        op.drop_table(table)
    op.execute("ALTER TABLE seller_order DROP COLUMN payout_id")
    triggers.drop_functions("payout_statement", "payout_line")
    op.drop_index("ix_payout_settled_at", "payout")
    _purposes(PURPOSES, OLD_PURPOSES)
