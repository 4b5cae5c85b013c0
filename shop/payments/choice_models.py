"""What payers say about money that paid for nothing, and receipts that an operator took back."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class Chosen(StrEnum):
    """Where money that paid for nothing goes."""

    WALLET = "wallet"
    REFUND = "refund"


_WAITS = sa.text("wake_at IS NOT NULL")


class ReceiptChoice(Base):
    """One receipt whose money is in the payer's wallet, and what the payer wants done with it (F4)."""

    __tablename__ = "receipt_choice"
    __table_args__ = (
        sa.CheckConstraint("chosen IN ('refund', 'wallet')", name="chosen"),
        sa.CheckConstraint(
            "(chosen IS NULL) = (chosen_at IS NULL) AND (chosen IS NULL) = (wake_at IS NOT NULL)",
            name="once",
        ),
        sa.Index(
            "ix_receipt_choice_wake_at", "wake_at", sqlite_where=_WAITS, postgresql_where=_WAITS
        ),
    )

    receipt_id: Mapped[int] = mapped_column(
        sa.ForeignKey("receipt.id"), primary_key=True, autoincrement=False
    )
    due_at: Mapped[datetime]
    """Until when the payer chooses; then it is sent back."""
    wake_at: Mapped[datetime | None]
    """When the clock looks; None once it is chosen."""
    chosen: Mapped[str | None] = mapped_column(sa.String(10))
    by_clock: Mapped[bool] = mapped_column(default=False)
    chosen_at: Mapped[datetime | None]


class ReceiptReversal(Base):
    """An operator took back what it had confirmed: once per receipt (F8)."""

    __tablename__ = "receipt_reversal"

    receipt_id: Mapped[int] = mapped_column(
        sa.ForeignKey("receipt.id"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    words: Mapped[str] = mapped_column(sa.String(200))
    """Who decided it, and on what the operator said."""
