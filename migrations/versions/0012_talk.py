"""Let the two sides of a seller order talk and dispute; freeze its money while they do (E1, E5)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0012"
down_revision = "0011"

#: The tables as of this migration; a test holds them against shop/orders/dispute_states.py.
EDGES: dict[str, dict[str, set[str]]] = {
    "open": {"agreed": {"buyer", "seller"}, "withdrawn": {"buyer"}, "decided": {"staff"}},
    "decided": {"appealed": {"buyer", "seller"}, "executed": {"clock"}},
    "appealed": {"agreed": {"buyer", "seller"}, "withdrawn": {"buyer"}, "executed": {"staff"}},
}
UNSETTLED = ("open", "decided", "appealed")
#: What an ended dispute does to a seller order, from every stage at which one may begin.
DISPUTED_FROM = ("accepted", "preparing", "ready", "sent", "asked", "received")
DISPUTE_STEPS = ("confirmed", "cancelled", "decided")
CLOSED = ("handed_over", "confirmed", "refused", "cancelled", "decided")
#: The steps of seller orders before this migration, for the trigger that is made again.
PREPARED = {
    "sent": {"seller"}, "asked": {"seller"}, "handed_over": {"seller"}, "received": {"buyer"},
    "confirmed": {"buyer", "staff"}, "cancelled": {"seller", "clock", "staff"}, "decided": {"staff"},
}  # fmt: skip
LEFT = {
    "handed_over": {"seller"}, "received": {"buyer"}, "confirmed": {"buyer", "staff"},
    "cancelled": {"seller", "staff"}, "decided": {"staff"},
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
        "handed_over": {"seller"}, "confirmed": {"buyer", "clock", "staff"},
        "cancelled": {"seller", "staff"}, "decided": {"staff"},
    },
}  # fmt: skip


def upgrade() -> None:
    """Apply."""
    moment = "DATETIME" if triggers.dialect() == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    op.execute(f"ALTER TABLE seller_order ADD COLUMN disputed_at {moment}")
    _messages()
    _disputes()
    _message_rules()
    _dispute_rules()
    _freeze()
    _steps_of_orders(with_disputes=True)


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _messages() -> None:
    op.create_table(
        "message",
        sa.Column("id", _id(), nullable=False),
        sa.Column("seller_order_id", _id(), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        _moment("at"),
        sa.Column("actor", sa.String(length=10), nullable=False),
        sa.Column("user_id", _id(), nullable=True),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 1000", name=op.f("ck_message_text")),
        sa.CheckConstraint("actor IN ('buyer', 'seller', 'staff')", name=op.f("ck_message_actor")),
        _key("message", "seller_order_id", "seller_order"),
        _key("message", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("form_key", name=op.f("uq_message_form_key")),
    )
    op.create_index("ix_message_seller_order_id", "message", ["seller_order_id", "id"])
    op.create_table(
        "message_pin",
        sa.Column("id", _id(), nullable=False),
        sa.Column("message_id", _id(), nullable=False),
        sa.Column("actor", sa.String(length=10), nullable=False),
        sa.Column("user_id", _id(), nullable=True),
        _moment("at"),
        _key("message_pin", "message_id", "message"),
        _key("message_pin", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_pin")),
        sa.UniqueConstraint("message_id", name=op.f("uq_message_pin_message_id")),
    )


def _disputes() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", _id(), nullable=False),
        sa.Column("seller_order_id", _id(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("words", sa.String(length=1000), nullable=False),
        sa.Column("photo", sa.String(length=32), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        _moment("opened_at"),
        _moment("wake_at", nullable=True),
        # No foreign key: the two tables name each other, and SQLite adds none later. The trigger
        # `dispute_agreed_by_both` holds more than the key would.
        sa.Column("proposal_id", _id(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("back_amount", _id(), nullable=True),
        _moment("settled_at", nullable=True),
        sa.CheckConstraint("length(words) BETWEEN 1 AND 1000", name=op.f("ck_dispute_words")),
        sa.CheckConstraint("back_amount >= 0", name=op.f("ck_dispute_back_amount")),
        sa.CheckConstraint(
            "status IN ('open', 'appealed', 'withdrawn') OR back_amount IS NOT NULL",
            name=op.f("ck_dispute_decided"),
        ),
        _key("dispute", "seller_order_id", "seller_order"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
    )
    unsettled = sa.text(f"status IN {UNSETTLED}")
    op.create_index(
        "uq_dispute_unsettled", "dispute", ["seller_order_id"], unique=True,
        sqlite_where=unsettled, postgresql_where=unsettled,
    )  # fmt: skip
    op.create_index("ix_dispute_seller_order_id", "dispute", ["seller_order_id", "id"])
    waits = sa.text("wake_at IS NOT NULL")
    op.create_index(
        "ix_dispute_wake_at", "dispute", ["wake_at"], sqlite_where=waits, postgresql_where=waits
    )
    op.create_table(
        "dispute_proposal",
        sa.Column("id", _id(), nullable=False),
        sa.Column("dispute_id", _id(), nullable=False),
        sa.Column("actor", sa.String(length=10), nullable=False),
        sa.Column("user_id", _id(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("back_amount", _id(), nullable=False),
        _moment("at"),
        _moment("due_at"),
        sa.CheckConstraint(
            "kind IN ('refund', 'replace', 'share')", name=op.f("ck_dispute_proposal_kind")
        ),
        sa.CheckConstraint("actor IN ('buyer', 'seller')", name=op.f("ck_dispute_proposal_actor")),
        sa.CheckConstraint(
            "(kind = 'replace') = (back_amount = 0) AND back_amount >= 0",
            name=op.f("ck_dispute_proposal_back"),
        ),
        _key("dispute_proposal", "dispute_id", "dispute"),
        _key("dispute_proposal", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_proposal")),
    )
    op.create_table(
        "dispute_event",
        sa.Column("id", _id(), nullable=False),
        sa.Column("dispute_id", _id(), nullable=False),
        _moment("at"),
        sa.Column("actor", sa.String(length=10), nullable=False),
        sa.Column("user_id", _id(), nullable=True),
        sa.Column("old", sa.String(length=10), nullable=True),
        sa.Column("new", sa.String(length=10), nullable=True),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("words", sa.String(length=1000), nullable=False),
        _key("dispute_event", "dispute_id", "dispute"),
        _key("dispute_event", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_event")),
    )
    for table in ("dispute_proposal", "dispute_event"):
        op.create_index(op.f(f"ix_{table}_dispute_id"), table, ["dispute_id"])


def _message_rules() -> None:
    """What was said was said."""
    triggers.append_only("message")
    triggers.once_only("message", "id", "form_key")
    triggers.append_only("message_pin")
    triggers.once_only("message_pin", "id", "message_id")


def _dispute_rules() -> None:
    """Who may end a dispute, and that an agreement is two people's."""
    for table in ("dispute_event", "dispute_proposal"):
        triggers.append_only(table)
        triggers.once_only(table, "id")
    steps = _steps(EDGES)
    triggers.refuse(
        "dispute_event", "is_a_step", "INSERT", "not a step of this actor",
        when="(NEW.old IS NULL) <> (NEW.new IS NULL) OR (NEW.new IS NOT NULL AND (NOT"
        f" ({steps}) OR NEW.old <> (SELECT d.status FROM dispute d WHERE d.id = NEW.dispute_id)))",
    )  # fmt: skip
    triggers.refuse(
        "dispute", "begins_open", "INSERT", "a dispute begins open, on money that is held",
        when="NEW.status <> 'open' OR NEW.back_amount IS NOT NULL OR NOT EXISTS (SELECT 1 FROM"
        " seller_order s WHERE s.id = NEW.seller_order_id AND s.escrow = 'held'"
        " AND s.currency = NEW.currency) OR EXISTS (SELECT 1 FROM seller_order_event e"
        f" WHERE e.seller_order_id = NEW.seller_order_id AND e.new IN {CLOSED})",
    )  # fmt: skip
    triggers.edges("dispute", "status", {old: set(news) for old, news in EDGES.items()})
    triggers.refuse(
        "dispute", "status_is_told", "UPDATE OF status", "a step is written before it is taken",
        when="OLD.status <> NEW.status AND NEW.status <> COALESCE((SELECT e.new FROM dispute_event e"
        " WHERE e.dispute_id = NEW.id AND e.new IS NOT NULL ORDER BY e.id DESC LIMIT 1), '')",
    )  # fmt: skip
    triggers.refuse(
        "dispute", "agreed_by_both", "UPDATE OF status", "one side accepts what the other proposed",
        when="OLD.status <> NEW.status AND NEW.status = 'agreed' AND NOT EXISTS (SELECT 1 FROM"
        " dispute_proposal p WHERE p.id = NEW.proposal_id AND p.dispute_id = NEW.id"
        " AND p.back_amount = NEW.back_amount AND p.actor <> (SELECT e.actor FROM dispute_event e"
        " WHERE e.dispute_id = NEW.id AND e.new = 'agreed' ORDER BY e.id DESC LIMIT 1))",
    )  # fmt: skip
    triggers.refuse(
        "dispute", "back_is_held", "UPDATE OF back_amount", "more than was held cannot go back",
        when="NEW.back_amount > (SELECT s.total_amount FROM seller_order s"
        " WHERE s.id = NEW.seller_order_id)",
    )  # fmt: skip
    # What both agreed to, or staff decided, is what is executed; an appeal opens it again.
    triggers.frozen(
        "dispute", "outcome", "back_amount", "proposal_id",
        when="NOT (OLD.status IN ('open', 'appealed') AND NEW.status IN"
        " ('decided', 'agreed', 'executed'))",
    )  # fmt: skip
    triggers.frozen(
        "dispute", "terms", "id", "seller_order_id", "reason", "words", "photo", "opened_at",
        "currency",
    )  # fmt: skip
    triggers.no_delete("dispute")
    triggers.once_only("dispute", "id")


def _freeze() -> None:
    """While a dispute is unsettled no franc leaves, no step is taken: the row itself says so."""
    moves = " OR ".join(
        f"NEW.{column} <> OLD.{column}"
        for column in ("stage", "escrow", "released_amount", "kept_amount", "refunded_amount")
    )
    triggers.refuse(
        "seller_order", "frozen_in_dispute", "UPDATE", "frozen: a dispute is not settled",
        when=f"OLD.disputed_at IS NOT NULL AND ({moves})",
    )  # fmt: skip
    unsettled = (
        "EXISTS (SELECT 1 FROM dispute d WHERE d.seller_order_id = NEW.id"
        f" AND d.status IN {UNSETTLED})"
    )
    triggers.refuse(
        "seller_order", "freezes_with_dispute", "UPDATE OF disputed_at", "a dispute freezes, and its end thaws",
        when="(OLD.disputed_at IS NULL AND NEW.disputed_at IS NOT NULL"
        f" AND (NEW.escrow <> 'held' OR NOT {unsettled}))"
        f" OR (OLD.disputed_at IS NOT NULL AND NEW.disputed_at IS NULL AND {unsettled})",
    )  # fmt: skip
    triggers.refuse(
        "seller_order_event", "frozen_in_dispute", "INSERT", "frozen: a dispute is not settled",
        when="NEW.new IS NOT NULL AND EXISTS (SELECT 1 FROM seller_order s"
        " WHERE s.id = NEW.seller_order_id AND s.disputed_at IS NOT NULL)",
    )  # fmt: skip
    triggers.refuse(
        "seller_order", "as_disputed", "UPDATE OF escrow", "a dispute gives back what it ended with",
        when="OLD.escrow = 'held' AND NEW.escrow <> 'held' AND 'dispute' = (SELECT e.actor FROM"
        " seller_order_event e WHERE e.seller_order_id = NEW.id AND e.new IS NOT NULL"
        " ORDER BY e.id DESC LIMIT 1) AND NEW.refunded_amount <> COALESCE((SELECT d.back_amount"
        " FROM dispute d WHERE d.seller_order_id = NEW.id AND (d.status = 'executed'"
        " OR (d.status = 'agreed' AND d.back_amount > 0)) ORDER BY d.id DESC LIMIT 1), -1)",
    )  # fmt: skip


def _steps_of_orders(*, with_disputes: bool) -> None:
    """Make the steps' trigger again, with what an ended dispute may do, or as it was before."""
    if triggers.dialect() == "sqlite":
        op.execute("DROP TRIGGER seller_order_event_is_a_step")
    else:
        op.execute("DROP FUNCTION seller_order_event_is_a_step() CASCADE")
    table = {
        old: {
            new: actors | {"dispute"}
            if with_disputes and old in DISPUTED_FROM and new in DISPUTE_STEPS
            else actors
            for new, actors in news.items()
        }
        for old, news in STEPS.items()
    }
    triggers.refuse(
        "seller_order_event", "is_a_step", "INSERT", "not a step of this actor",
        when="(NEW.old IS NULL) <> (NEW.new IS NULL) OR (NEW.new IS NOT NULL AND (NOT"
        f" ({_steps(table)}) OR NEW.old <> (SELECT s.stage FROM seller_order s"
        " WHERE s.id = NEW.seller_order_id)))",
    )  # fmt: skip


def _steps(table: dict[str, dict[str, set[str]]]) -> str:
    return " OR ".join(
        f"(NEW.old = '{old}' AND NEW.new = '{new}' AND NEW.actor IN"
        f" ({', '.join(repr(actor) for actor in sorted(actors))}))"
        for old, news in table.items()
        for new, actors in news.items()
    )


def downgrade() -> None:
    """Undo."""
    _steps_of_orders(with_disputes=False)
    names = {
        "seller_order": ("frozen_in_dispute", "freezes_with_dispute", "as_disputed"),
        "seller_order_event": ("frozen_in_dispute",),
    }
    for table, triggers_of in names.items():
        for name in triggers_of:
            if triggers.dialect() == "sqlite":
                op.execute(f"DROP TRIGGER {table}_{name}")
            else:
                op.execute(f"DROP FUNCTION {table}_{name}() CASCADE")
    tables = ("dispute_event", "dispute_proposal", "dispute", "message_pin", "message")
    for table in tables:
        op.drop_table(table)
    triggers.drop_functions("dispute", "message")
    op.execute("ALTER TABLE seller_order DROP COLUMN disputed_at")
