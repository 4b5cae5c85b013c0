"""Make the tables of orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("access_token", sa.String(length=43), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "items_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "delivery_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "total_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("contact_name", sa.String(length=80), nullable=False),
        sa.Column("contact_phone", sa.String(length=20), nullable=False),
        sa.Column("town", sa.String(length=60), nullable=False),
        sa.Column("quarter", sa.String(length=60), nullable=False),
        sa.Column("landmark", sa.String(length=160), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_order_paid_at")
        ),
        sa.CheckConstraint(
            "status IN ('awaiting_payment', 'paid', 'cancelled')", name=op.f("ck_order_status")
        ),
        sa.CheckConstraint(
            "items_amount > 0 AND delivery_amount >= 0", name=op.f("ck_order_amounts")
        ),
        sa.CheckConstraint(
            "total_amount = items_amount + delivery_amount", name=op.f("ck_order_total")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_order_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")),
        sa.UniqueConstraint("access_token", name=op.f("uq_order_access_token")),
        sa.UniqueConstraint("form_key", name=op.f("uq_order_form_key")),
        sa.UniqueConstraint("reference", name=op.f("uq_order_reference")),
    )
    with op.batch_alter_table("order", schema=None) as batch_op:
        batch_op.create_index(
            "ix_order_user_id_created_at", ["user_id", "created_at"], unique=False
        )

    op.create_table(
        "seller_order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("store_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "items_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "delivery_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "total_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "commission_bp", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "commission_amount",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('awaiting_payment', 'paid', 'cancelled')",
            name=op.f("ck_seller_order_status"),
        ),
        sa.CheckConstraint(
            "commission_amount BETWEEN 0 AND items_amount", name=op.f("ck_seller_order_commission")
        ),
        sa.CheckConstraint(
            "items_amount > 0 AND delivery_amount >= 0", name=op.f("ck_seller_order_amounts")
        ),
        sa.CheckConstraint(
            "total_amount = items_amount + delivery_amount", name=op.f("ck_seller_order_total")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_seller_order_order_id")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_seller_order_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seller_order")),
        sa.UniqueConstraint("order_id", "store_id", name=op.f("uq_seller_order_order_id_store_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_seller_order_reference")),
    )
    with op.batch_alter_table("seller_order", schema=None) as batch_op:
        batch_op.create_index(
            "ix_seller_order_store_id_paid_at", ["store_id", "paid_at", "id"], unique=False
        )

    op.create_table(
        "order_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "seller_order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column(
            "unit_amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("quantity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.CheckConstraint(
            "amount = unit_amount * quantity AND unit_amount > 0", name=op.f("ck_order_line_amount")
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 999", name=op.f("ck_order_line_quantity")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_order_line_product_id")
        ),
        sa.ForeignKeyConstraint(
            ["seller_order_id"], ["seller_order.id"], name=op.f("fk_order_line_seller_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
    )
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_order_line_seller_order_id"), ["seller_order_id"], unique=False
        )

    op.create_table(
        "stock_hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("quantity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('held', 'consumed', 'returned')", name=op.f("ck_stock_hold_state")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_hold_quantity")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_stock_hold_order_id")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_stock_hold_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_hold")),
        sa.UniqueConstraint(
            "order_id", "product_id", name=op.f("uq_stock_hold_order_id_product_id")
        ),
    )
    with op.batch_alter_table("stock_hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stock_hold_product_id"), ["product_id"], unique=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("stock_hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stock_hold_product_id"))

    op.drop_table("stock_hold")
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_order_line_seller_order_id"))

    op.drop_table("order_line")
    with op.batch_alter_table("seller_order", schema=None) as batch_op:
        batch_op.drop_index("ix_seller_order_store_id_paid_at")

    op.drop_table("seller_order")
    with op.batch_alter_table("order", schema=None) as batch_op:
        batch_op.drop_index("ix_order_user_id_created_at")

    op.drop_table("order")
