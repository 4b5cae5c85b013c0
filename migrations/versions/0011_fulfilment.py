"""Give paid seller orders their stages, their escrow and their history (E1, E5)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0011"
down_revision = "0010"

#: The tables as of this migration; a test holds them against shop/orders/states.py.
OPEN = ("to_accept", "accepted", "preparing", "ready", "sent", "asked", "received")
RELEASED, REFUNDED, SPLIT = ("handed_over", "confirmed"), ("refused", "cancelled"), ("decided",)
PREPARED = {
    "sent": {"seller"}, "asked": {"seller"}, "handed_over": {"seller"}, "received": {"buyer"},
    "confirmed": {"buyer", "staff"}, "cancelled": {"seller", "clock", "staff"}, "decided": {"staff"},
}  # fmt: skip
LEFT = {
    "handed_over": {"seller"}, "received": {"buyer"}, "confirmed": {"buyer", "staff"},
    "cancelled": {"seller", "staff"}, "decided": {"staff"},
}  # fmt: skip
EDGES: dict[str, dict[str, set[str]]] = {
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
        "handed_over": {"seller"}, "confirmed": {"buyer", "clock", "staff"},
        "cancelled": {"seller", "staff"}, "decided": {"staff"},
    },
}  # fmt: skip
TABS = {
    "todo": ("to_accept", "accepted", "preparing", "ready"),
    "progress": ("sent", "asked", "received"),
    "done": ("handed_over", "confirmed", "decided"),
    "refused": ("refused", "cancelled"),
}
#: When something is owed to a seller order: indexed where it is.
MOMENTS = ("wake_at", "return_at")
#: Spelled as `ALTER TABLE ADD COLUMN`, which both databases understand: copying the table, as SQLite's
#: batches do, would break the rows that point at it.
COLUMNS = {
    "promised_hours": "BIGINT NOT NULL DEFAULT 48",
    "stage": "VARCHAR(12) NOT NULL DEFAULT 'unpaid'",
    "escrow": "VARCHAR(10) NOT NULL DEFAULT 'none'",
    "due_at": "{moment}",
    "wake_at": "{moment}",
    "reminders": "BIGINT NOT NULL DEFAULT 0",
    "staff_since": "{moment}",
    "code_tries": "BIGINT NOT NULL DEFAULT 0 CHECK (code_tries BETWEEN 0 AND 5)",
    "closed_at": "{moment}",
    "return_at": "{moment}",
    "released_amount": "BIGINT NOT NULL DEFAULT 0 CHECK (released_amount >= 0)",
    "kept_amount": "BIGINT NOT NULL DEFAULT 0 CHECK (kept_amount >= 0)",
    "refunded_amount": "BIGINT NOT NULL DEFAULT 0 CHECK (refunded_amount >= 0)",
}


def upgrade() -> None:
    """Apply."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = "DATETIME" if triggers.dialect() == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    for name, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE seller_order ADD COLUMN {name} {kind.format(moment=moment)}")
    op.create_table(
        "seller_order_event",
        sa.Column("id", big, nullable=False),
        sa.Column("seller_order_id", big, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=10), nullable=False),
        sa.Column("user_id", big, nullable=True),
        sa.Column("old", sa.String(length=12), nullable=True),
        sa.Column("new", sa.String(length=12), nullable=True),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["seller_order_id"],
            ["seller_order.id"],
            name=op.f("fk_seller_order_event_seller_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_seller_order_event_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seller_order_event")),
    )
    op.create_index(
        op.f("ix_seller_order_event_seller_order_id"), "seller_order_event", ["seller_order_id"]
    )
    for tab, stages in TABS.items():
        _partial(f"ix_seller_order_{tab}", ["store_id", "paid_at", "id"], f"stage IN {stages}")
    for moment in MOMENTS:
        _partial(f"ix_seller_order_{moment}", [moment], f"{moment} IS NOT NULL")
    _open_what_is_paid()
    _rules()


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, "seller_order", columns,
        sqlite_where=sa.text(where), postgresql_where=sa.text(where),
    )  # fmt: skip


def _open_what_is_paid() -> None:
    """Orders paid before today begin their day now: no seller is late for a page that was not there."""
    day = (
        "strftime('%Y-%m-%d %H:%M:%f000', 'now', '+1 day')"
        if triggers.dialect() == "sqlite"
        else "now() + interval '1 day'"
    )
    op.execute(
        "INSERT INTO seller_order_event (seller_order_id, at, actor, old, new, what, words)"
        " SELECT id, paid_at, 'payment', 'unpaid', 'to_accept', 'to_accept', '' FROM seller_order"
        " WHERE status = 'paid'"
    )
    op.execute(
        f"UPDATE seller_order SET stage = 'to_accept', escrow = 'held', due_at = {day},"
        f" wake_at = {day} WHERE status = 'paid'"
    )


def _rules() -> None:
    """Who may do what, in which order, and that the money follows (E1, E2, E5)."""
    triggers.append_only("seller_order_event")
    triggers.once_only("seller_order_event", "id")
    steps = [
        f"(NEW.old = '{old}' AND NEW.new = '{new}' AND NEW.actor IN {_listed(actors)})"
        for old, news in EDGES.items()
        for new, actors in news.items()
    ]
    triggers.refuse(
        "seller_order_event", "is_a_step", "INSERT", "not a step of this actor",
        when="(NEW.old IS NULL) <> (NEW.new IS NULL) OR (NEW.new IS NOT NULL AND (NOT"
        f" ({' OR '.join(steps)}) OR NEW.old <> (SELECT s.stage FROM seller_order s"
        " WHERE s.id = NEW.seller_order_id)))",
    )  # fmt: skip
    triggers.refuse(
        "seller_order", "begins_unpaid", "INSERT", "a seller order begins unpaid",
        when="NEW.stage <> 'unpaid' OR NEW.escrow <> 'none'",
    )  # fmt: skip
    triggers.edges("seller_order", "stage", {old: set(news) for old, news in EDGES.items()})
    triggers.refuse(
        "seller_order", "stage_is_told", "UPDATE OF stage", "a step is written before it is taken",
        when="OLD.stage <> NEW.stage AND NEW.stage <> COALESCE((SELECT e.new FROM"
        " seller_order_event e WHERE e.seller_order_id = NEW.id AND e.new IS NOT NULL"
        " ORDER BY e.id DESC LIMIT 1), '')",
    )  # fmt: skip
    pairs = [
        ("none", ("unpaid",)), ("held", OPEN), ("released", RELEASED), ("refunded", REFUNDED),
        ("split", SPLIT),
    ]  # fmt: skip
    matching = [f"(NEW.escrow = '{e}' AND NEW.stage IN {_listed(s)})" for e, s in pairs]
    triggers.refuse(
        "seller_order", "escrow_follows", "UPDATE", "the escrow follows the stage",
        when=f"NOT ({' OR '.join(matching)}) OR (NEW.stage <> 'unpaid' AND NEW.status <> 'paid')",
    )  # fmt: skip
    shared = "NEW.released_amount + NEW.kept_amount + NEW.refunded_amount"
    triggers.refuse(
        "seller_order", "parts_sum", "UPDATE", "the parts of an escrow are what it held",
        # In parentheses: PL/pgSQL would take the inner THEN for its own.
        when=f"{shared} <> (CASE WHEN NEW.escrow IN ('released', 'refunded', 'split')"
        " THEN NEW.total_amount ELSE 0 END)"
        " OR (NEW.escrow = 'released' AND NEW.refunded_amount <> 0)"
        " OR (NEW.escrow = 'refunded' AND NEW.refunded_amount <> NEW.total_amount)",
    )  # fmt: skip
    triggers.refuse(
        "seller_order", "money_first", "UPDATE OF escrow", "an escrow is closed once it is empty",
        when="OLD.escrow = 'held' AND NEW.escrow <> 'held' AND EXISTS (SELECT 1 FROM"
        " ledger_account a WHERE a.code = 'escrow:' || NEW.id || ':' || NEW.currency"
        " AND a.balance <> 0)",
    )  # fmt: skip
    triggers.frozen(
        "seller_order", "terms", "id", "reference", "order_id", "store_id", "currency",
        "items_amount", "delivery_amount", "total_amount", "commission_bp", "commission_amount",
        "created_at", "promised_hours",
    )  # fmt: skip
    triggers.refuse(
        "seller_order", "tries_grow", "UPDATE OF code_tries", "a try is not taken back",
        when="NEW.code_tries < OLD.code_tries",
    )  # fmt: skip
    triggers.no_delete("seller_order")
    triggers.once_only("seller_order", "id", "reference", ("order_id", "store_id"))
    triggers.refuse(
        "transfer", "leaves_escrow_decided", "INSERT", "escrow is left by a step that was written",
        when="EXISTS (SELECT 1 FROM ledger_account a JOIN seller_order s"
        " ON a.code = 'escrow:' || s.id || ':' || s.currency"
        " WHERE a.id = NEW.debit_id AND s.escrow = 'held' AND s.id = " + _OWNER +
        " AND NOT EXISTS (SELECT 1 FROM seller_order_event e WHERE e.seller_order_id = s.id"
        f" AND e.new IN {_listed((*RELEASED, *REFUNDED, *SPLIT))}))",
    )  # fmt: skip


#: The number in an escrow account's code, for the index; anything else belongs to no seller order.
_OWNER = "CAST(CASE a.kind WHEN 'escrow' THEN a.owner ELSE '0' END AS BIGINT)"


def _listed(words: object) -> str:
    return "(" + ", ".join(f"'{word}'" for word in sorted(words)) + ")"  # type: ignore[call-overload]


def downgrade() -> None:
    """Undo."""
    if triggers.dialect() == "sqlite":
        rows = op.get_bind().execute(
            sa.text(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND (tbl_name ="
                " 'seller_order' OR name = 'transfer_leaves_escrow_decided')"
            )
        )
        for (name,) in rows.fetchall():
            op.execute(f"DROP TRIGGER {name}")
    else:
        triggers.drop_functions("seller_order", "transfer_leaves")
    op.drop_table("seller_order_event")
    for name in (*TABS, *MOMENTS):
        op.drop_index(f"ix_seller_order_{name}", "seller_order")
    for name in reversed(COLUMNS):
        op.execute(f"ALTER TABLE seller_order DROP COLUMN {name}")
