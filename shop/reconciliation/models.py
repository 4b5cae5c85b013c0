"""Differences between us and a provider: opened once, seen again, closed once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class BreakType(StrEnum):
    """In which way the two sides differ (RELIABILITY §5.9)."""

    OURS_ONLY = "ours_only"
    THEIRS_ONLY = "theirs_only"
    AMOUNT = "amount"
    CURRENCY = "currency"
    FEE = "fee"
    DUPLICATE = "duplicate"
    LATE = "late"
    STATUS = "status"


_OPEN = sa.text("closed_at IS NULL")
_TYPES = ", ".join(sorted(repr(str(word)) for word in BreakType))


class Break(Base):
    """One difference about one subject. Its facts never change; when it ends it is closed for good."""

    __tablename__ = "reconciliation_break"
    __table_args__ = (
        sa.CheckConstraint(f"type IN ({_TYPES})", name="type"),
        sa.CheckConstraint("closed_at IS NULL OR closed_at >= opened_at", name="closed_after"),
        # Looking again finds the same row: one open difference of a type per subject.
        sa.Index(
            "uq_reconciliation_break_open",
            "provider",
            "subject",
            "reference",
            "type",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(sa.String(20))
    subject: Mapped[str] = mapped_column(sa.String(12))
    """What differs: `payment`, `payout`, `transaction` (of no attempt of ours) or `float`."""
    reference: Mapped[str] = mapped_column(sa.String(80))
    type: Mapped[str] = mapped_column(sa.String(12))
    ours: Mapped[str] = mapped_column(sa.String(120))
    """What our books say, in words and minor units."""
    theirs: Mapped[str] = mapped_column(sa.String(120))
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
