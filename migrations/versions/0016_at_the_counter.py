"""Deliver, collect, reduce and pay at the door: terms frozen at checkout, uses counted by keys (B2, B9)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0016"
down_revision = "0015"

#: Spelled as `ALTER TABLE ADD COLUMN`: copying a table would break the rows that point at it.
COLUMNS = {
    "delivery_zone": {
        "is_on": "BOOLEAN NOT NULL DEFAULT TRUE",
        "free_from_amount": "BIGINT CHECK (free_from_amount > 0)",
        "door_limit_amount": "BIGINT CHECK (door_limit_amount > 0)",
    },
    "product": {"prepaid_only": "BOOLEAN NOT NULL DEFAULT FALSE"},
    "order": {
        "discount_amount": "BIGINT NOT NULL DEFAULT 0 CHECK (discount_amount >= 0)",
        "door_amount": "BIGINT NOT NULL DEFAULT 0 CHECK (door_amount >= 0)",
        # No foreign key: the two tables name each other. The trigger `order_door_is_due` holds more.
        "door_of": "BIGINT",
    },
    "seller_order": {
        "discount_amount": "BIGINT NOT NULL DEFAULT 0"
        " CONSTRAINT ck_seller_order_discount"
        " CHECK (discount_amount >= 0 AND discount_amount < items_amount)",
        "door_amount": "BIGINT NOT NULL DEFAULT 0"
        " CONSTRAINT ck_seller_order_door"
        " CHECK (door_amount = 0 OR door_amount = items_amount - discount_amount)",
        "cash_amount": "BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_seller_order_cash"
        " CHECK (cash_amount IN (0, door_amount))",
        "way": "VARCHAR(8) NOT NULL DEFAULT 'delivery' CHECK (way IN ('delivery', 'pickup'))",
        "way_name": "VARCHAR(130) NOT NULL DEFAULT ''",
        "way_place": "VARCHAR(160) NOT NULL DEFAULT ''",
        "way_hours": "VARCHAR(80) NOT NULL DEFAULT ''",
    },
}
#: What a total is, before and after: the discount is never paid, the rest at the door not yet.
OLD_TOTAL = "total_amount = items_amount + delivery_amount"
TOTAL = f"{OLD_TOTAL} - discount_amount - door_amount"
TERMS = (
    "id", "reference", "order_id", "store_id", "currency", "items_amount", "delivery_amount",
    "commission_bp", "created_at", "promised_hours",
)  # fmt: skip
WAY_TERMS = ("discount_amount", "way", "way_name", "way_place", "way_hours")

#: The steps as of this migration; a test holds them against shop/orders/states.py.
OPEN = ("to_accept", "accepted", "preparing", "ready", "sent", "asked", "received")
RELEASED, REFUNDED, SPLIT = ("handed_over", "confirmed"), ("refused", "cancelled"), ("decided",)
PREPARED = {
    "sent": {"seller"}, "asked": {"seller"}, "handed_over": {"seller"}, "received": {"buyer"},
    "confirmed": {"buyer", "staff", "dispute"}, "cancelled": {"seller", "clock", "staff", "dispute"},
    "decided": {"staff", "dispute"},
}  # fmt: skip
LEFT = {
    "handed_over": {"seller"}, "received": {"buyer"}, "confirmed": {"buyer", "staff", "dispute"},
    "cancelled": {"seller", "staff", "dispute"}, "decided": {"staff", "dispute"},
}  # fmt: skip
STEPS: dict[str, dict[str, set[str]]] = {
    "unpaid": {"to_accept": {"payment"}},
    "to_accept": {
        "accepted": {"seller"}, "refused": {"seller", "clock"}, "confirmed": {"staff"},
        "cancelled": {"buyer", "staff"}, "decided": {"staff"},
    },
    "accepted": {"preparing": {"seller"}, "ready": {"seller"}, **PREPARED},
    "preparing": {"ready": {"seller"}, **PREPARED},
    "ready": PREPARED,
    "sent": {"asked": {"seller", "clock"}, **LEFT},
    "asked": LEFT,
    "received": {
        "handed_over": {"seller"}, "confirmed": {"buyer", "clock", "staff", "dispute"},
        "cancelled": {"seller", "staff", "dispute"}, "decided": {"staff", "dispute"},
    },
}  # fmt: skip
#: What is new: a parcel to be paid at the door goes back unopened, by the buyer's word or staff's.
GONE_BACK = "gone_back"
GOES_BACK_FROM = ("sent", "asked", "received")
GOES_BACK_BY = {"buyer", "staff"}
REFUSED_TAB = "stage IN ('refused', 'cancelled')"
NEW_REFUSED_TAB = "stage IN ('refused', 'cancelled', 'gone_back')"
#: How a discount code's use moves: see shop/orders/uses.py.
USES = {"free": {"held", "used"}, "held": {"free", "used"}, "used": {"free"}}


def upgrade() -> None:
    """Apply."""
    for table, columns in COLUMNS.items():
        for name, kind in columns.items():
            op.execute(f'ALTER TABLE "{table}" ADD COLUMN {name} {kind}')
    op.create_index("uq_order_door_of", "order", ["door_of"], unique=True)
    for table in ("order", "seller_order"):
        _total(table, OLD_TOTAL, TOTAL)
    _points()
    _codes()
    _uses()
    _tab(NEW_REFUSED_TAB)
    _drop_rules()
    _step_rules(with_door=True)
    _terms(with_door=True)
    _door_rules()


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment() -> sa.types.TypeEngine[object]:
    return sa.DateTime(timezone=True)


def _key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def _total(table: str, old: str, new: str) -> None:
    """Let a total leave out what is not paid now, and keep every trigger and row of the table."""
    name = f"ck_{table}_total"
    if triggers.dialect() == "postgresql":
        op.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT {name}')
        op.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT {name} CHECK ({new})')
        return
    # SQLite changes a CHECK in place so. Docs: https://www.sqlite.org/lang_altertable.html#otheralter
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, 'CHECK ({old})', 'CHECK ({new})')"
        f" WHERE type = 'table' AND name = '{table}'"
    )
    op.execute("PRAGMA writable_schema = RESET")


def _points() -> None:
    op.create_table(
        "pickup_point",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("store_id", _whole(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("town", sa.String(length=60), nullable=False),
        sa.Column("place", sa.String(length=160), nullable=False),
        sa.Column("hours", sa.String(length=80), nullable=False),
        sa.Column("price_amount", _whole(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("ready_hours", _whole(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.CheckConstraint("price_amount >= 0", name=op.f("ck_pickup_point_price")),
        sa.CheckConstraint("ready_hours BETWEEN 1 AND 720", name=op.f("ck_pickup_point_ready")),
        _key("pickup_point", "store_id", "store"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pickup_point")),
    )
    op.create_index(op.f("ix_pickup_point_store_id"), "pickup_point", ["store_id"])


def _codes() -> None:
    op.create_table(
        "discount_code",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("store_id", _whole(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("percent", _whole(), nullable=True),
        sa.Column("off_amount", _whole(), nullable=True),
        sa.Column("least_amount", _whole(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("most_uses", _whole(), nullable=False),
        sa.Column("most_per_buyer", _whole(), nullable=False),
        sa.Column("paused_at", _moment(), nullable=True),
        sa.Column("created_at", _moment(), nullable=False),
        sa.CheckConstraint(
            "(percent IS NULL) <> (off_amount IS NULL)", name=op.f("ck_discount_code_kind")
        ),
        sa.CheckConstraint("percent BETWEEN 1 AND 90", name=op.f("ck_discount_code_percent")),
        # A fixed discount is below the least basket: the articles always cost something.
        sa.CheckConstraint(
            "off_amount > 0 AND off_amount < least_amount", name=op.f("ck_discount_code_off")
        ),
        sa.CheckConstraint("least_amount >= 0", name=op.f("ck_discount_code_least")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_discount_code_days")),
        sa.CheckConstraint(
            "most_uses BETWEEN 1 AND 10000 AND most_per_buyer BETWEEN 1 AND most_uses",
            name=op.f("ck_discount_code_uses"),
        ),
        _key("discount_code", "store_id", "store"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discount_code")),
        sa.UniqueConstraint("store_id", "code", name=op.f("uq_discount_code_store_id_code")),
    )
    triggers.frozen(
        "discount_code", "terms", "id", "store_id", "code", "percent", "off_amount", "least_amount",
        "currency", "starts_on", "ends_on", "most_uses", "most_per_buyer", "created_at",
    )  # fmt: skip
    triggers.no_delete("discount_code")
    triggers.once_only("discount_code", "id", ("store_id", "code"))


def _uses() -> None:
    """A use is a numbered place: places are as many as the code says, and one order sits in each."""
    op.create_table(
        "discount_use",
        sa.Column("id", _whole(), nullable=False),
        sa.Column("code_id", _whole(), nullable=False),
        sa.Column("order_id", _whole(), nullable=False),
        sa.Column("seller_order_id", _whole(), nullable=False),
        sa.Column("buyer", sa.String(length=20), nullable=False),
        sa.Column("amount", _whole(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=4), nullable=False),
        sa.Column("place", _whole(), nullable=True),
        sa.Column("buyer_place", _whole(), nullable=True),
        sa.Column("changed_at", _moment(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_discount_use_amount")),
        sa.CheckConstraint("state IN ('free', 'held', 'used')", name=op.f("ck_discount_use_state")),
        sa.CheckConstraint(
            "(state = 'free') = (place IS NULL) AND (state = 'free') = (buyer_place IS NULL)",
            name=op.f("ck_discount_use_place"),
        ),
        _key("discount_use", "code_id", "discount_code"),
        _key("discount_use", "order_id", "order"),
        _key("discount_use", "seller_order_id", "seller_order"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discount_use")),
        sa.UniqueConstraint("seller_order_id", name=op.f("uq_discount_use_seller_order_id")),
        sa.UniqueConstraint("code_id", "place", name=op.f("uq_discount_use_code_id_place")),
        sa.UniqueConstraint(
            "code_id", "buyer", "buyer_place", name=op.f("uq_discount_use_code_id_buyer_place")
        ),
    )
    op.create_index(op.f("ix_discount_use_order_id"), "discount_use", ["order_id"])
    beyond = (
        "NOT EXISTS (SELECT 1 FROM discount_code c WHERE c.id = NEW.code_id"
        " AND COALESCE(NEW.place, 1) BETWEEN 1 AND c.most_uses"
        " AND COALESCE(NEW.buyer_place, 1) BETWEEN 1 AND c.most_per_buyer)"
    )
    triggers.refuse(
        "discount_use",
        "within_limits",
        "UPDATE",
        "a code has no more uses than it says",
        when=beyond,
    )
    triggers.refuse(
        "discount_use", "begins_free", "INSERT", "a use begins free, for the discount of its order",
        when="NEW.state <> 'free' OR NOT EXISTS (SELECT 1 FROM seller_order s JOIN discount_code c"
        " ON c.store_id = s.store_id AND c.id = NEW.code_id WHERE s.id = NEW.seller_order_id"
        " AND s.order_id = NEW.order_id AND s.discount_amount = NEW.amount"
        " AND s.currency = NEW.currency)",
    )  # fmt: skip
    triggers.edges("discount_use", "state", USES)
    triggers.frozen(
        "discount_use", "terms", "id", "code_id", "order_id", "seller_order_id", "buyer", "amount",
        "currency",
    )  # fmt: skip
    triggers.no_delete("discount_use")
    triggers.once_only(
        "discount_use", "id", "seller_order_id", ("code_id", "place"),
        ("code_id", "buyer", "buyer_place"),
    )  # fmt: skip


def _tab(condition: str) -> None:
    op.drop_index("ix_seller_order_refused", "seller_order")
    op.create_index(
        "ix_seller_order_refused", "seller_order", ["store_id", "paid_at", "id"],
        sqlite_where=sa.text(condition), postgresql_where=sa.text(condition),
    )  # fmt: skip


#: Rules that this migration makes again.
REMADE = (
    ("seller_order_event", "is_a_step"), ("seller_order", "stage_edges"),
    ("seller_order", "escrow_follows"), ("transfer", "leaves_escrow_decided"),
    ("dispute", "begins_open"), ("seller_order", "terms"),
)  # fmt: skip
ADDED = (
    ("seller_order", "cash_is_owed"), ("seller_order", "discount_is_used"), ("order", "door_is_due"),
    ("order", "door_once"),
)  # fmt: skip


def _drop(table: str, name: str) -> None:
    if triggers.dialect() == "sqlite":
        op.execute(f"DROP TRIGGER IF EXISTS {table}_{name}")
    else:
        op.execute(f"DROP FUNCTION IF EXISTS {table}_{name}() CASCADE")


def _drop_rules() -> None:
    for table, name in REMADE:
        _drop(table, name)


def _step_rules(*, with_door: bool) -> None:
    """Make the rules of steps again, with the parcel that goes back, or as they were before."""
    extra = {GONE_BACK: GOES_BACK_BY} if with_door else {}
    table = {old: news | (extra if old in GOES_BACK_FROM else {}) for old, news in STEPS.items()}
    released = (*RELEASED, GONE_BACK) if with_door else RELEASED
    closed = _listed((*released, *REFUNDED, *SPLIT))
    steps = " OR ".join(
        f"(NEW.old = '{old}' AND NEW.new = '{new}' AND NEW.actor IN {_listed(actors)})"
        for old, news in table.items()
        for new, actors in news.items()
    )
    triggers.refuse(
        "seller_order_event", "is_a_step", "INSERT", "not a step of this actor",
        when="(NEW.old IS NULL) <> (NEW.new IS NULL) OR (NEW.new IS NOT NULL AND (NOT"
        f" ({steps}) OR NEW.old <> (SELECT s.stage FROM seller_order s"
        " WHERE s.id = NEW.seller_order_id)))",
    )  # fmt: skip
    triggers.edges("seller_order", "stage", {old: set(news) for old, news in table.items()})
    pairs = (
        ("none", ("unpaid",)), ("held", OPEN), ("released", released), ("refunded", REFUNDED),
        ("split", SPLIT),
    )  # fmt: skip
    matching = [f"(NEW.escrow = '{e}' AND NEW.stage IN {_listed(s)})" for e, s in pairs]
    triggers.refuse(
        "seller_order", "escrow_follows", "UPDATE", "the escrow follows the stage",
        when=f"NOT ({' OR '.join(matching)}) OR (NEW.stage <> 'unpaid' AND NEW.status <> 'paid')",
    )  # fmt: skip
    triggers.refuse(
        "transfer", "leaves_escrow_decided", "INSERT", "escrow is left by a step that was written",
        when="EXISTS (SELECT 1 FROM ledger_account a JOIN seller_order s"
        " ON a.code = 'escrow:' || s.id || ':' || s.currency"
        " WHERE a.id = NEW.debit_id AND s.escrow = 'held' AND s.id ="
        " CAST(CASE a.kind WHEN 'escrow' THEN a.owner ELSE '0' END AS BIGINT)"
        " AND NOT EXISTS (SELECT 1 FROM seller_order_event e WHERE e.seller_order_id = s.id"
        f" AND e.new IN {closed}){_part_goes_back()})",
    )  # fmt: skip
    triggers.refuse(
        "dispute", "begins_open", "INSERT", "a dispute begins open, on money that is held",
        when="NEW.status <> 'open' OR NEW.back_amount IS NOT NULL OR NOT EXISTS (SELECT 1 FROM"
        " seller_order s WHERE s.id = NEW.seller_order_id AND s.escrow = 'held'"
        " AND s.currency = NEW.currency) OR EXISTS (SELECT 1 FROM seller_order_event e"
        f" WHERE e.seller_order_id = NEW.seller_order_id AND e.new IN {closed})",
    )  # fmt: skip


def _part_goes_back() -> str:
    """Keep what the refunds' migration allows, where it has run: a part leaves while the rest is held."""
    if not sa.inspect(op.get_bind()).has_table("order_refund"):
        return ""
    return (
        " AND NOT EXISTS (SELECT 1 FROM order_refund r WHERE r.seller_order_id = s.id"
        " AND r.source = 'escrow' AND NEW.key = 'order-refund:' || r.id || '\\:escrow'"
        " AND NEW.amount = r.price_amount + r.delivery_amount)"
    )


def _terms(*, with_door: bool) -> None:
    """Freeze what was agreed at checkout; only the rest paid at the door joins what is held, once."""
    amounts = ("total_amount", "commission_amount")
    if not with_door:
        triggers.frozen("seller_order", "terms", *TERMS, *amounts)
        return
    distinct = "IS NOT" if triggers.dialect() == "sqlite" else "IS DISTINCT FROM"

    def changed(*columns: str) -> str:
        return " OR ".join(f"OLD.{c} {distinct} NEW.{c}" for c in columns)

    joins = (
        "OLD.escrow = 'held' AND NEW.escrow = 'held' AND OLD.door_amount > 0"
        " AND NEW.door_amount = 0 AND NEW.cash_amount = 0 AND NEW.commission_amount"
        f' = {_OWED} AND EXISTS (SELECT 1 FROM "order" d WHERE d.door_of = NEW.id'
        " AND d.status = 'paid' AND d.total_amount = OLD.door_amount)"
    )
    triggers.refuse(
        "seller_order", "terms", "UPDATE", "seller_order: what was agreed does not change",
        when=f"{changed(*TERMS, *WAY_TERMS)} OR (({changed(*amounts, 'door_amount')})"
        f" AND NOT ({joins}))",
    )  # fmt: skip


#: Our commission on what is paid for the articles, rounded down; both databases divide whole numbers so.
_OWED = "((NEW.items_amount - NEW.discount_amount) * NEW.commission_bp / 10000)"


def _door_rules() -> None:
    """Goods leave for cash only with our commission booked as a debt; a discount only with its use."""
    triggers.refuse(
        "seller_order", "cash_is_owed", "UPDATE", "cash at the door is booked with its commission",
        when="(NEW.stage IN ('handed_over', 'confirmed')) <> (NEW.cash_amount = NEW.door_amount)"
        " AND NEW.door_amount > 0"
        f" OR (NEW.stage = '{GONE_BACK}' AND NEW.door_amount = 0)"
        f" OR (OLD.cash_amount = 0 AND NEW.cash_amount > 0 AND {_OWED} > 0 AND NOT EXISTS ("
        "SELECT 1 FROM transfer t WHERE t.key = 'cash-commission:' || NEW.id"
        f" AND t.amount = {_OWED}))",
    )  # fmt: skip
    triggers.refuse(
        "seller_order", "discount_is_used", "UPDATE OF status", "a discount is paid with its use",
        when="NEW.status = 'paid' AND OLD.status <> 'paid' AND NEW.discount_amount > 0"
        " AND NOT EXISTS (SELECT 1 FROM discount_use u WHERE u.seller_order_id = NEW.id"
        " AND u.state = 'used' AND u.amount = NEW.discount_amount)",
    )  # fmt: skip
    triggers.refuse(
        "order", "door_is_due", "INSERT", "a bill for the door is what is due there",
        when="NEW.door_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM seller_order s"
        " WHERE s.id = NEW.door_of AND s.escrow = 'held' AND s.door_amount = NEW.total_amount"
        " AND s.currency = NEW.currency)",
    )  # fmt: skip
    triggers.frozen("order", "door_once", "door_of")


def _listed(words: object) -> str:
    return "(" + ", ".join(f"'{word}'" for word in sorted(words)) + ")"  # type: ignore[call-overload]


def downgrade() -> None:
    """Undo."""
    _drop_rules()
    for table, name in ADDED:
        _drop(table, name)
    op.drop_table("discount_use")
    op.drop_table("discount_code")
    op.drop_table("pickup_point")
    triggers.drop_functions("discount_use", "discount_code")
    _tab(REFUSED_TAB)
    for table in ("order", "seller_order"):
        _total(table, TOTAL, OLD_TOTAL)
    op.drop_index("uq_order_door_of", "order")
    for table, columns in COLUMNS.items():
        for name in reversed(columns):
            op.execute(f'ALTER TABLE "{table}" DROP COLUMN {name}')
    _step_rules(with_door=False)
    _terms(with_door=False)
