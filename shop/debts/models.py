"""The tables of debts: what a user owes us and why, and every franc that repaid it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.db import Base
from shop.money import Money


class Source(StrEnum):
    """Where a debt came from."""

    REFUND = "refund"
    """A buyer was refunded after the seller had been paid."""
    REVERSAL = "reversal"
    """The operator took a payment back that had already been passed on."""
    LATE_PAYOUT = "late_payout"
    """A payout left after its money had been given back to the wallet."""


#: What is still owed, spelled as its index is.
OPEN = "repaid_amount < amount"


class Debt(Base):
    """One amount a user owes us. The ledger account `debt:user` is the sum of what is open (H6)."""

    __tablename__ = "debt"
    __table_args__ = (
        sa.CheckConstraint("amount > 0 AND repaid_amount BETWEEN 0 AND amount", name="amounts"),
        sa.CheckConstraint("source IN ('late_payout', 'refund', 'reversal')", name="source"),
        sa.Index(
            "ix_debt_open",
            *("user_id", "currency", "id"),
            sqlite_where=sa.text(OPEN),
            postgresql_where=sa.text(OPEN),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(80), unique=True)
    """The event it came from: one event, one debt."""
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    repaid_amount: Mapped[int] = mapped_column(default=0)
    """The sum of its repayments."""
    source: Mapped[str] = mapped_column(sa.String(12))
    reference: Mapped[str] = mapped_column(sa.String(8))
    """The seller order, or the payout, it is about."""
    at: Mapped[datetime]

    @property
    def money(self) -> Money:
        """What was owed at first."""
        return Money(self.amount, self.currency)

    @property
    def left(self) -> Money:
        """What is still owed."""
        return Money(self.amount - self.repaid_amount, self.currency)


class DebtRepayment(Base):
    """Some francs that left a wallet for a debt. Never changed, but for the payout that shows it."""

    __tablename__ = "debt_repayment"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.Index(
            "ix_debt_repayment_unstated",
            *("debt_id", "id"),
            sqlite_where=sa.text("payout_id IS NULL"),
            postgresql_where=sa.text("payout_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    debt_id: Mapped[int] = mapped_column(sa.ForeignKey("debt.id"), index=True)
    amount: Mapped[int]
    at: Mapped[datetime]
    payout_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payout.id"), index=True)
    """The living seller payout whose statement shows it; None until one does, or when it came back."""

    debt: Mapped[Debt] = relationship()
