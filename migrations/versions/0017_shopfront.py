"""Let staff look at first products, shops have staff, buyers judge, and others pay for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0017"
down_revision = "0016"

OLD_STATUSES = "status IN ('active', 'hidden', 'pending')"
STATUSES = "status IN ('active', 'hidden', 'pending', 'refused')"
ON_PAYMENT = ("by_link", "by_buyer", "link_stays")
_PRESENT = sa.text("removed_at IS NULL")
_LIVING = sa.text("revoked_at IS NULL")
_SHOWN = sa.text("hidden_at IS NULL")


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment() -> sa.types.TypeEngine[object]:
    return sa.DateTime(timezone=True)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _partial(name: str, table: str, columns: list[str], where: sa.TextClause, **more: bool) -> None:
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where, **more)


def upgrade() -> None:
    """Apply."""
    _statuses(OLD_STATUSES, STATUSES)
    # Spelled out: copying the table, as SQLite's batches do, would break the rows that point at it.
    op.execute("ALTER TABLE message ADD COLUMN author VARCHAR(60)")
    _decisions()
    _staff()
    _reviews()
    _links()
    _rules()


def _statuses(old: str, new: str) -> None:
    """Let a product be refused, and keep every trigger and every row that points at it."""
    if triggers.dialect() == "postgresql":
        op.execute("ALTER TABLE product DROP CONSTRAINT ck_product_status")
        op.execute(f"ALTER TABLE product ADD CONSTRAINT ck_product_status CHECK ({new})")
        return
    # SQLite changes a CHECK in place so. Docs: https://www.sqlite.org/lang_altertable.html#otheralter
    old, new = old.replace("'", "''"), new.replace("'", "''")
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}')"
        " WHERE type = 'table' AND name = 'product'"
    )
    op.execute("PRAGMA writable_schema = RESET")


def _decisions() -> None:
    op.create_table(
        "product_decision",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("product_id", _whole(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("author", sa.String(length=60), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_product_decision_reason")),
        _key("product_decision", "product_id", "product"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_decision")),
    )
    op.create_index(op.f("ix_product_decision_product_id"), "product_decision", ["product_id"])
    _partial(
        "ix_product_waiting", "product", ["created_at", "id"], sa.text("status = 'pending'")
    )  # fmt: skip


def _staff() -> None:
    op.create_table(
        "store_member",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("store_id", _whole(), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("user_id", _whole(), nullable=True),
        sa.Column("invited_at", _moment(), nullable=False),
        sa.Column("joined_at", _moment(), nullable=True),
        sa.Column("removed_at", _moment(), nullable=True),
        sa.CheckConstraint("role IN ('seller', 'cashier')", name=op.f("ck_store_member_role")),
        sa.CheckConstraint(
            "(user_id IS NULL) = (joined_at IS NULL)", name=op.f("ck_store_member_joined")
        ),
        _key("store_member", "store_id", "store"),
        _key("store_member", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_member")),
    )
    _partial(
        "uq_store_member_present", "store_member", ["store_id", "phone"], _PRESENT, unique=True
    )
    op.create_index(op.f("ix_store_member_user_id"), "store_member", ["user_id"])
    op.create_index(op.f("ix_store_member_phone"), "store_member", ["phone"])


def _reviews() -> None:
    op.create_table(
        "review",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("seller_order_id", _whole(), nullable=False),
        sa.Column("store_id", _whole(), nullable=False),
        sa.Column("user_id", _whole(), nullable=False),
        sa.Column("stars", _whole(), nullable=False),
        sa.Column("words", sa.String(length=1000), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.Column("answer", sa.String(length=1000), nullable=True),
        sa.Column("answered_at", _moment(), nullable=True),
        sa.Column("hidden_at", _moment(), nullable=True),
        sa.Column("hidden_by", sa.String(length=60), nullable=True),
        sa.Column("hidden_why", sa.String(length=200), nullable=True),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_review_stars")),
        sa.CheckConstraint(
            "(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_review_answer")
        ),
        sa.CheckConstraint(
            "(hidden_at IS NULL) = (hidden_by IS NULL) AND (hidden_at IS NULL) = (hidden_why IS NULL)",
            name=op.f("ck_review_hidden"),
        ),
        _key("review", "seller_order_id", "seller_order"),
        _key("review", "store_id", "store"),
        _key("review", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("seller_order_id", name=op.f("uq_review_seller_order_id")),
    )
    _partial("ix_review_shown", "review", ["store_id", "stars"], _SHOWN)
    op.create_index("ix_review_store_id_id", "review", ["store_id", "id"])


def _links() -> None:
    op.create_table(
        "pay_link",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("order_id", _whole(), nullable=False),
        sa.Column("token", sa.String(length=43), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("revoked_at", _moment(), nullable=True),
        _key("pay_link", "order_id", "order"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_link")),
        sa.UniqueConstraint("token", name=op.f("uq_pay_link_token")),
    )
    op.execute("ALTER TABLE payment ADD COLUMN pay_link_id BIGINT REFERENCES pay_link (id)")
    _partial("uq_pay_link_living", "pay_link", ["order_id"], _LIVING, unique=True)


def _rules() -> None:
    # What waits, or was refused, is for sale only on staff's last word.
    triggers.refuse(
        "product", "approved_first", "UPDATE OF status", "a product that waits is approved by staff",
        when="OLD.status IN ('pending', 'refused') AND NEW.status IN ('active', 'hidden')"
        " AND NOT EXISTS (SELECT 1 FROM product_decision d WHERE d.approved AND d.id ="
        " (SELECT max(l.id) FROM product_decision l WHERE l.product_id = NEW.id))",
    )  # fmt: skip
    triggers.append_only("product_decision")
    triggers.once_only("product_decision", "id")
    proven = (
        "NOT EXISTS (SELECT 1 FROM \"user\" u WHERE u.id = NEW.user_id"
        " AND u.phone = NEW.phone AND u.verified_at IS NOT NULL)"
    )  # fmt: skip
    # Whoever was invited comes in by proving the number, and nobody else.
    for event in ("INSERT", "UPDATE OF user_id"):
        triggers.refuse(
            "store_member", f"proven_{event[:6].lower()}", event, "a member proved the invited number",
            when=f"NEW.user_id IS NOT NULL AND {proven}",
        )  # fmt: skip
    triggers.frozen("store_member", "frozen", "store_id", "phone", "role", "invited_at")
    triggers.frozen("store_member", "removed", "removed_at", when="OLD.removed_at IS NOT NULL")
    triggers.no_delete("store_member")
    triggers.once_only("store_member", "id")
    # A4: a review is the buyer's own, of an order whose money was released, and of somebody else's shop.
    triggers.refuse(
        "review", "earned", "INSERT", "a review is written by the buyer after release",
        when="NOT EXISTS (SELECT 1 FROM seller_order o JOIN \"order\" b ON b.id = o.order_id"
        " JOIN store s ON s.id = o.store_id JOIN \"user\" w ON w.id = s.owner_id"
        " JOIN \"user\" u ON u.id = NEW.user_id WHERE o.id = NEW.seller_order_id"
        " AND o.store_id = NEW.store_id AND b.user_id = NEW.user_id"
        " AND o.escrow IN ('released', 'split') AND o.stage <> 'gone_back' AND u.phone <> w.phone AND u.id <> w.id)",
    )  # fmt: skip
    triggers.frozen("review", "frozen", "seller_order_id", "store_id", "stars", "words", "at")
    triggers.frozen("review", "answered", "answer", when="OLD.answer IS NOT NULL")
    triggers.frozen("review", "stays_hidden", "hidden_at", when="OLD.hidden_at IS NOT NULL")
    triggers.no_delete("review")
    triggers.once_only("review", "id", "seller_order_id")
    # Nobody pays another's order but through the link its buyer made and has not taken back.
    triggers.refuse(
        "payment", "by_link", "INSERT", "somebody else pays through a living link only",
        when="NEW.pay_link_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pay_link l WHERE"
        " l.id = NEW.pay_link_id AND l.order_id = NEW.purpose_id AND l.revoked_at IS NULL"
        " AND NEW.purpose = 'order')",
    )  # fmt: skip
    triggers.refuse(
        "payment", "by_buyer", "INSERT", "an order is paid by its buyer, or through a link",
        when="NEW.purpose = 'order' AND NEW.pay_link_id IS NULL AND NOT EXISTS (SELECT 1 FROM"
        " \"order\" o WHERE o.id = NEW.purpose_id AND o.user_id = NEW.user_id)",
    )  # fmt: skip
    triggers.frozen("payment", "link_stays", "pay_link_id")
    triggers.frozen("pay_link", "frozen", "order_id", "token", "created_at")
    triggers.frozen("pay_link", "revoked", "revoked_at", when="OLD.revoked_at IS NOT NULL")
    triggers.no_delete("pay_link")
    triggers.once_only("pay_link", "id", "token")


def downgrade() -> None:
    """Undo; what was refused is hidden."""
    for name in ("product_approved_first", *(f"payment_{n}" for n in ON_PAYMENT)):
        if triggers.dialect() == "sqlite":
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP FUNCTION {name}() CASCADE")
    op.drop_index("ix_product_waiting", "product")
    op.execute("ALTER TABLE payment DROP COLUMN pay_link_id")
    for table in ("pay_link", "review", "store_member", "product_decision"):
        op.drop_table(table)
    triggers.drop_functions("pay_link", "review", "store_member", "product_decision")
    op.execute("ALTER TABLE message DROP COLUMN author")
    op.execute("UPDATE product SET status = 'hidden' WHERE status = 'refused'")
    _statuses(STATUSES, OLD_STATUSES)
