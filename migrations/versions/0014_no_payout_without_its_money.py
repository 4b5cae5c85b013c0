"""Send no payout whose money is not set apart (W3)."""

from __future__ import annotations

from alembic import op

from migrations import triggers

revision = "0014"
down_revision = "0013"

#: Found by two unique keys: the transfer's and its account's.
SET_APART = (
    "SELECT 1 FROM transfer t JOIN ledger_account h ON h.id = t.credit_id"
    " JOIN ledger_account s ON s.id = t.debit_id"
    " WHERE t.key = 'payout-requested:' || NEW.reference AND t.amount = NEW.amount"
    " AND h.code = 'hold:' || NEW.reference || ':' || NEW.currency AND h.balance = NEW.amount"
    " AND s.code = NEW.source"
)


def upgrade() -> None:
    """Apply."""
    triggers.refuse(
        "payout", "has_its_money", "UPDATE OF status", "no payout leaves before its money is set apart",
        when=f"NEW.status = 'sending' AND OLD.status <> 'sending' AND NOT EXISTS ({SET_APART})",
    )  # fmt: skip


def downgrade() -> None:
    """Undo."""
    if triggers.dialect() == "sqlite":
        op.execute("DROP TRIGGER payout_has_its_money")
    else:
        op.execute("DROP FUNCTION payout_has_its_money() CASCADE")
