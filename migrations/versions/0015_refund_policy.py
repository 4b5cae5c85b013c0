"""Refund a part of a sale by a policy, keep what sellers owe, let payers choose (G4, H6, F4, F8)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "0015"
down_revision = "0014"

CLOSED = ("confirmed", "decided", "handed_over", "refused", "cancelled")
CAUSES = (
    "'changed_mind', 'dispute', 'goodwill', 'missing', 'not_as_described', 'not_received',"
    " 'refused', 'returned', 'reversed', 'silent', 'staff'"
)
COLUMNS = ("early_commission_amount", "later_refunded_amount", "later_commission_amount")
_DISTINCT = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}


def upgrade() -> None:
    """Apply."""
    for name in COLUMNS:
        op.execute(
            f"ALTER TABLE seller_order ADD COLUMN {name} BIGINT NOT NULL DEFAULT 0"
            f" CHECK ({name} >= 0)"
        )
    _debts()
    _refunds()
    _receipts()
    _backfill()
    _debt_rules()
    _refund_rules()
    _receipt_rules()
    for table, name in CHANGED:
        _drop(table, name)
    _changed_rules(with_parts=True)


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _whole(name: str, *, default: bool = False, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, _id(), nullable=nullable, server_default="0" if default else None)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, to: str, at: str = "id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.{at}"], name=op.f(f"fk_{table}_{column}"))


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


def _debts() -> None:
    op.create_table(
        "debt",
        _whole("id"),
        sa.Column("key", sa.String(length=80), nullable=False),
        _whole("user_id"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        _whole("amount"),
        _whole("repaid_amount"),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        _moment("at"),
        sa.CheckConstraint(
            "amount > 0 AND repaid_amount BETWEEN 0 AND amount", name=op.f("ck_debt_amounts")
        ),
        sa.CheckConstraint(
            "source IN ('late_payout', 'refund', 'reversal')", name=op.f("ck_debt_source")
        ),
        _key("debt", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debt")),
        sa.UniqueConstraint("key", name=op.f("uq_debt_key")),
    )
    _partial("ix_debt_open", "debt", ["user_id", "currency", "id"], "repaid_amount < amount")
    op.create_table(
        "debt_repayment",
        _whole("id"),
        _whole("debt_id"),
        _whole("amount"),
        _moment("at"),
        _whole("payout_id", nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_debt_repayment_amount")),
        _key("debt_repayment", "debt_id", "debt"),
        _key("debt_repayment", "payout_id", "payout"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debt_repayment")),
    )
    for column in ("debt_id", "payout_id"):
        op.create_index(op.f(f"ix_debt_repayment_{column}"), "debt_repayment", [column])
    _partial("ix_debt_repayment_unstated", "debt_repayment", ["debt_id", "id"], "payout_id IS NULL")
    op.create_table(
        "payout_deduction",
        _whole("payout_id"),
        _whole("repayment_id"),
        _whole("amount"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payout_deduction_amount")),
        _key("payout_deduction", "payout_id", "payout_statement", "payout_id"),
        _key("payout_deduction", "repayment_id", "debt_repayment"),
        sa.PrimaryKeyConstraint("payout_id", "repayment_id", name=op.f("pk_payout_deduction")),
    )
    op.create_index(op.f("ix_payout_deduction_repayment_id"), "payout_deduction", ["repayment_id"])


def _refunds() -> None:
    op.create_table(
        "order_refund",
        _whole("id"),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        _whole("seller_order_id"),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=10), nullable=False),
        _whole("user_id", nullable=True),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        *(_whole(f"{part}_amount") for part in PARTS),
        *(_whole(f"{bearer}_amount") for bearer in BEARERS),
        _moment("at"),
        _moment("return_at", nullable=True),
        sa.CheckConstraint(
            "price_amount >= 0 AND delivery_amount >= 0 AND fee_amount >= 0"
            " AND commission_amount >= 0 AND price_amount + delivery_amount > 0"
            " AND undone_amount BETWEEN 0 AND price_amount",
            name=op.f("ck_order_refund_parts"),
        ),
        # G4: buyer, seller, platform and provider sum to zero.
        sa.CheckConstraint(
            "price_amount + delivery_amount + fee_amount"
            " = seller_amount + platform_amount + provider_amount",
            name=op.f("ck_order_refund_sums_to_zero"),
        ),
        sa.CheckConstraint(f"cause IN ({CAUSES})", name=op.f("ck_order_refund_cause")),
        sa.CheckConstraint(
            "source IN ('closing', 'escrow', 'platform', 'reversal', 'seller')",
            name=op.f("ck_order_refund_source"),
        ),
        _key("order_refund", "seller_order_id", "seller_order"),
        _key("order_refund", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_refund")),
        sa.UniqueConstraint("form_key", name=op.f("uq_order_refund_form_key")),
    )
    op.create_index("ix_order_refund_seller_order_id", "order_refund", ["seller_order_id", "id"])
    _partial("ix_order_refund_return_at", "order_refund", ["return_at"], "return_at IS NOT NULL")


PARTS = ("price", "delivery", "commission", "fee", "undone")
BEARERS = ("seller", "platform", "provider")


def _receipts() -> None:
    op.create_table(
        "receipt_choice",
        sa.Column("receipt_id", _id(), nullable=False, autoincrement=False),
        _moment("due_at"),
        _moment("wake_at", nullable=True),
        sa.Column("chosen", sa.String(length=10), nullable=True),
        sa.Column("by_clock", sa.Boolean(), nullable=False),
        _moment("chosen_at", nullable=True),
        sa.CheckConstraint("chosen IN ('refund', 'wallet')", name=op.f("ck_receipt_choice_chosen")),
        sa.CheckConstraint(
            "(chosen IS NULL) = (chosen_at IS NULL) AND (chosen IS NULL) = (wake_at IS NOT NULL)",
            name=op.f("ck_receipt_choice_once"),
        ),
        _key("receipt_choice", "receipt_id", "receipt"),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipt_choice")),
    )
    _partial("ix_receipt_choice_wake_at", "receipt_choice", ["wake_at"], "wake_at IS NOT NULL")
    op.create_table(
        "receipt_reversal",
        sa.Column("receipt_id", _id(), nullable=False, autoincrement=False),
        _moment("at"),
        sa.Column("words", sa.String(length=200), nullable=False),
        _key("receipt_reversal", "receipt_id", "receipt"),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipt_reversal")),
    )


def _backfill() -> None:
    """Write what went back before today, and what is owed, as the new tables say it."""
    price = "CASE WHEN refunded_amount < items_amount THEN refunded_amount ELSE items_amount END"
    back = "(commission_amount - kept_amount)"
    op.execute(
        "INSERT INTO order_refund (form_key, seller_order_id, source, cause, actor, words, currency,"
        " price_amount, delivery_amount, commission_amount, fee_amount, undone_amount,"
        " seller_amount, platform_amount, provider_amount, at)"
        " SELECT 'closing:' || reference, id, 'closing', CASE stage WHEN 'decided' THEN 'dispute'"
        f" ELSE 'refused' END, 'clock', '', currency, {price}, refunded_amount - ({price}),"
        f" {back}, 0, {price}, refunded_amount - {back}, {back}, 0, closed_at FROM seller_order"
        " WHERE refunded_amount > 0 AND escrow IN ('refunded', 'split')"
    )
    user = "CAST(a.owner AS BIGINT)"
    repaid = (
        "COALESCE((SELECT r.amount FROM transfer r"
        " WHERE r.key = 'payout-repaid:' || substr(t.key, 13)), 0)"
    )
    op.execute(
        "INSERT INTO debt (key, user_id, currency, amount, repaid_amount, source, reference, at)"
        f" SELECT t.key, {user}, t.currency, t.amount, {repaid}, 'late_payout', substr(t.key, 13),"
        " t.created_at FROM transfer t JOIN ledger_account a ON a.id = t.debit_id"
        " WHERE t.key LIKE 'payout-late:%' AND a.kind = 'debt'"
    )
    op.execute(
        "INSERT INTO debt_repayment (debt_id, amount, at)"
        " SELECT id, repaid_amount, at FROM debt WHERE repaid_amount > 0"
    )


def _debt_rules() -> None:
    """What was owed was owed; what repaid it left a wallet, once (H6)."""
    distinct = _DISTINCT[triggers.dialect()]
    triggers.frozen(
        "debt", "terms", "id", "key", "user_id", "currency", "amount", "source", "reference", "at"
    )
    triggers.no_delete("debt")
    triggers.once_only("debt", "id", "key")
    triggers.refuse(
        "debt", "begins_whole", "INSERT", "a debt begins unpaid", when="NEW.repaid_amount <> 0"
    )
    triggers.refuse(
        "debt", "repaid_sum", "UPDATE OF repaid_amount", "a debt is repaid by its repayments",
        when="NEW.repaid_amount <> (SELECT COALESCE(SUM(r.amount), 0) FROM debt_repayment r"
        " WHERE r.debt_id = NEW.id)",
    )  # fmt: skip
    triggers.refuse(
        "debt_repayment", "is_owed", "INSERT", "more than is owed is not repaid",
        when="NEW.amount > COALESCE((SELECT d.amount FROM debt d WHERE d.id = NEW.debt_id), 0)"
        " - (SELECT COALESCE(SUM(r.amount), 0) FROM debt_repayment r WHERE r.debt_id = NEW.debt_id)"
        " OR NEW.payout_id IS NOT NULL",
    )  # fmt: skip
    triggers.frozen("debt_repayment", "terms", "id", "debt_id", "amount", "at")
    # As the orders of 0013: a repayment is in one living statement, and leaves it when that came back.
    triggers.refuse(
        "debt_repayment", "stated_once", "UPDATE OF payout_id", "a repayment is stated once",
        when=f"OLD.payout_id {distinct} NEW.payout_id AND ("
        "(NEW.payout_id IS NOT NULL AND (OLD.payout_id IS NOT NULL OR NOT EXISTS ("
        "SELECT 1 FROM payout_deduction x WHERE x.payout_id = NEW.payout_id"
        " AND x.repayment_id = NEW.id)))"
        " OR (NEW.payout_id IS NULL AND NOT EXISTS (SELECT 1 FROM payout p"
        " WHERE p.id = OLD.payout_id AND p.status IN ('failed', 'cancelled'))))",
    )  # fmt: skip
    triggers.no_delete("debt_repayment")
    triggers.once_only("debt_repayment", "id")
    triggers.refuse(
        "payout_deduction", "is_unstated", "INSERT", "a deduction is a repayment of this seller",
        when="NOT EXISTS (SELECT 1 FROM debt_repayment r JOIN debt d ON d.id = r.debt_id"
        " JOIN payout p ON p.id = NEW.payout_id AND p.user_id = d.user_id"
        " AND p.currency = d.currency AND p.status = 'requested'"
        " WHERE r.id = NEW.repayment_id AND r.payout_id IS NULL AND NEW.amount <= r.amount)",
    )  # fmt: skip
    triggers.append_only("payout_deduction")
    triggers.once_only("payout_deduction", ("payout_id", "repayment_id"))


def _refund_rules() -> None:
    """What went back went back, to the frozen parts of the sale at most (G4)."""
    columns = (
        "id", "form_key", "seller_order_id", "source", "cause", "actor", "user_id", "words",
        "currency", *(f"{p}_amount" for p in (*PARTS, *BEARERS)), "at",
    )  # fmt: skip
    triggers.frozen("order_refund", "terms", *columns)
    triggers.refuse(
        "order_refund", "sent_once", "UPDATE OF return_at", "a refund is sent on once",
        when="OLD.return_at IS NULL AND NEW.return_at IS NOT NULL",
    )  # fmt: skip
    triggers.no_delete("order_refund")
    triggers.once_only("order_refund", "id", "form_key")
    so_far = "(SELECT COALESCE(SUM(r.{0}), 0) FROM order_refund r WHERE r.seller_order_id = s.id)"
    within = " OR ".join(
        f"NEW.{part}_amount + {so_far.format(part + '_amount')} > s.{limit}"
        for part, limit in (
            ("price", "items_amount"),
            ("delivery", "delivery_amount"),
            ("commission", "commission_amount"),
        )
    )
    triggers.refuse(
        "order_refund", "within_sale", "INSERT", "more than was paid is never given back",
        when="NOT EXISTS (SELECT 1 FROM seller_order s WHERE s.id = NEW.seller_order_id"
        " AND s.currency = NEW.currency AND s.disputed_at IS NULL"
        " AND CASE WHEN NEW.source IN ('escrow', 'closing') THEN s.escrow = 'held'"
        " WHEN NEW.source = 'reversal' THEN s.escrow <> 'none'"
        f" ELSE s.escrow IN ('released', 'split') END AND NOT ({within}))",
    )  # fmt: skip
    triggers.refuse(
        "seller_order", "later_sum", f"UPDATE OF {', '.join(COLUMNS)}",
        "what goes back is written as a refund",
        when=f"NEW.later_refunded_amount <> {_later('r.price_amount + r.delivery_amount')}"
        f" OR NEW.later_commission_amount <> {_later('r.commission_amount')}"
        f" OR NEW.early_commission_amount <> {_early('r.commission_amount')}",
    )  # fmt: skip


def _later(amount: str) -> str:
    return (
        f"(SELECT COALESCE(SUM({amount}), 0) FROM order_refund r WHERE r.seller_order_id = NEW.id"
        " AND r.source IN ('seller', 'reversal'))"
    )


def _early(amount: str) -> str:
    return (
        f"(SELECT COALESCE(SUM({amount}), 0) FROM order_refund r WHERE r.seller_order_id = NEW.id"
        " AND r.source = 'escrow')"
    )


def _receipt_rules() -> None:
    """A payer chooses once; a receipt is taken back once."""
    triggers.frozen(
        "receipt_choice", "made", "chosen", "chosen_at", "by_clock", when="OLD.chosen IS NOT NULL"
    )
    triggers.no_delete("receipt_choice")
    triggers.once_only("receipt_choice", "receipt_id")
    triggers.append_only("receipt_reversal")
    triggers.once_only("receipt_reversal", "receipt_id")


#: What went back while the money was held, beside what closes the escrow.
EARLY = _early("r.price_amount + r.delivery_amount")
#: The triggers of earlier migrations that are made again.
CHANGED = (
    ("seller_order", "parts_sum"),
    ("transfer", "leaves_escrow_decided"),
    ("seller_order", "as_disputed"),
    ("dispute", "back_is_held"),
    ("payout", "lines_sum"),
)
_OWNER = "CAST(CASE a.kind WHEN 'escrow' THEN a.owner ELSE '0' END AS BIGINT)"


def _drop(table: str, name: str) -> None:
    if triggers.dialect() == "sqlite":
        op.execute(f"DROP TRIGGER {table}_{name}")
    else:
        op.execute(f"DROP FUNCTION {table}_{name}() CASCADE")


def _changed_rules(*, with_parts: bool) -> None:
    """Let a part go back while the rest is held, and a statement deduct; or as it was before."""
    early = EARLY if with_parts else "0"
    shared = "NEW.released_amount + NEW.kept_amount + NEW.refunded_amount"
    triggers.refuse(
        "seller_order", "parts_sum", "UPDATE", "the parts of an escrow are what it held",
        # In parentheses: PL/pgSQL would take the inner THEN for its own.
        when=f"{shared} <> (CASE WHEN NEW.escrow IN ('released', 'refunded', 'split')"
        f" THEN NEW.total_amount WHEN NEW.escrow = 'held' THEN {early} ELSE 0 END)"
        " OR (NEW.escrow = 'held' AND NEW.released_amount + NEW.kept_amount <> 0)"
        f" OR (NEW.escrow = 'released' AND NEW.refunded_amount <> {early})"
        " OR (NEW.escrow = 'refunded' AND NEW.refunded_amount <> NEW.total_amount)",
    )  # fmt: skip
    part = (
        " AND NOT EXISTS (SELECT 1 FROM order_refund r WHERE r.seller_order_id = s.id"
        " AND r.source = 'escrow' AND NEW.key = 'order-refund:' || r.id || '\\:escrow'"
        " AND NEW.amount = r.price_amount + r.delivery_amount)"
    )
    triggers.refuse(
        "transfer", "leaves_escrow_decided", "INSERT", "escrow is left by a step that was written",
        when="EXISTS (SELECT 1 FROM ledger_account a JOIN seller_order s"
        " ON a.code = 'escrow:' || s.id || ':' || s.currency"
        " WHERE a.id = NEW.debit_id AND s.escrow = 'held' AND s.id = " + _OWNER +
        " AND NOT EXISTS (SELECT 1 FROM seller_order_event e WHERE e.seller_order_id = s.id"
        f" AND e.new IN {tuple(sorted(CLOSED))})" + (part if with_parts else "") + ")",
    )  # fmt: skip
    triggers.refuse(
        "seller_order", "as_disputed", "UPDATE OF escrow", "a dispute gives back what it ended with",
        when="OLD.escrow = 'held' AND NEW.escrow <> 'held' AND 'dispute' = (SELECT e.actor FROM"
        " seller_order_event e WHERE e.seller_order_id = NEW.id AND e.new IS NOT NULL"
        f" ORDER BY e.id DESC LIMIT 1) AND NEW.refunded_amount - {early} <> COALESCE((SELECT"
        " d.back_amount FROM dispute d WHERE d.seller_order_id = NEW.id AND (d.status = 'executed'"
        " OR (d.status = 'agreed' AND d.back_amount > 0)) ORDER BY d.id DESC LIMIT 1), -1)",
    )  # fmt: skip
    held = "s.total_amount - s.refunded_amount" if with_parts else "s.total_amount"
    triggers.refuse(
        "dispute", "back_is_held", "UPDATE OF back_amount", "more than was held cannot go back",
        when=f"NEW.back_amount > (SELECT {held} FROM seller_order s"
        " WHERE s.id = NEW.seller_order_id)",
    )  # fmt: skip
    lines = (
        "(SELECT COALESCE(SUM(l.amount), 0) FROM payout_line l WHERE l.payout_id = NEW.id)"
        " - COALESCE((SELECT s.taken_amount FROM payout_statement s WHERE s.payout_id = NEW.id), 0)"
    )
    if with_parts:
        lines += (
            " - (SELECT COALESCE(SUM(x.amount), 0) FROM payout_deduction x"
            " WHERE x.payout_id = NEW.id)"
        )
    triggers.refuse(
        "payout", "lines_sum", "UPDATE OF status", "the lines of a statement sum to its payout",
        when="NEW.purpose = 'seller_payout' AND NEW.status = 'sending'"
        f" AND NEW.amount <> {lines}",
    )  # fmt: skip


def downgrade() -> None:
    """Undo."""
    for table, name in CHANGED:
        _drop(table, name)
    _changed_rules(with_parts=False)
    _drop("seller_order", "later_sum")
    tables = (
        "payout_deduction", "debt_repayment", "debt", "order_refund", "receipt_choice",
        "receipt_reversal",
    )  # fmt: skip
    for table in tables:
        op.drop_table(table)
    triggers.drop_functions(*tables)
    for name in COLUMNS:
        op.execute(f"ALTER TABLE seller_order DROP COLUMN {name}")
