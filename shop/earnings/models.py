"""How a shop is paid, what each of its payouts was for, and what providers hold for us."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.money import Money


class Schedule(StrEnum):
    """When a shop is paid."""

    ON_DEMAND = "on_demand"
    DAILY = "daily"
    WEEKLY = "weekly"
    THRESHOLD = "threshold"


_DUE = sa.text("next_at IS NOT NULL")


class PayoutTerms(Base):
    """How one shop wants to be paid. A shop without a row: on demand, on its owner's number."""

    __tablename__ = "payout_terms"
    __table_args__ = (
        sa.CheckConstraint(
            "schedule IN ('daily', 'on_demand', 'threshold', 'weekly')", name="schedule"
        ),
        sa.CheckConstraint(
            "(schedule = 'threshold') = (threshold_amount IS NOT NULL)"
            " AND (threshold_amount IS NULL OR threshold_amount > 0)",
            name="threshold",
        ),
        sa.CheckConstraint("(schedule = 'on_demand') = (next_at IS NULL)", name="next"),
        sa.CheckConstraint(
            "(number IS NULL) = (number_from IS NULL) AND (number IS NULL) = (former_number IS NULL)",
            name="number",
        ),
        sa.Index("ix_payout_terms_due", "next_at", sqlite_where=_DUE, postgresql_where=_DUE),
    )

    store_id: Mapped[int] = mapped_column(
        sa.ForeignKey("store.id"), primary_key=True, autoincrement=False
    )
    schedule: Mapped[str] = mapped_column(sa.String(10), default=Schedule.ON_DEMAND)
    threshold_amount: Mapped[int | None]
    """In the store's currency; only with `threshold`."""
    operator: Mapped[str | None] = mapped_column(sa.String(20))
    """By which operator; None: the one the number seems to be of."""
    number: Mapped[str | None] = mapped_column(sa.String(20))
    """A proven number other than the owner's own; None: the owner's."""
    former_number: Mapped[str | None] = mapped_column(sa.String(20))
    """What is paid until `number_from`, when `number` takes over (S3)."""
    number_from: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    """When the clock pays next; None on demand."""


class PayoutStatement(Base):
    """What one seller payout was for. Its lines, less what was already taken, sum to the payout (S1)."""

    __tablename__ = "payout_statement"
    __table_args__ = (
        sa.CheckConstraint("taken_amount >= 0", name="taken"),
        # S2: however often and on however many machines it runs, a period is paid once.
        sa.UniqueConstraint("store_id", "period"),
        sa.Index("ix_payout_statement_store_id_payout_id", "store_id", "payout_id"),
    )

    payout_id: Mapped[int] = mapped_column(
        sa.ForeignKey("payout.id"), primary_key=True, autoincrement=False
    )
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"))
    period: Mapped[str] = mapped_column(sa.String(80))
    """What it was made for: `day:2026-11-21`, `week:2026-W47`, `number:12`, `form:…`."""
    taken_amount: Mapped[int] = mapped_column(default=0)
    """What of the lines the owner had already taken out of the wallet by other ways, or what stays
    there because it is less than the operator's smallest step."""
    currency: Mapped[str] = mapped_column(sa.String(3))
    created_at: Mapped[datetime]

    @property
    def taken(self) -> Money:
        """What of the lines is not in the payout."""
        return Money(self.taken_amount, self.currency)


class PayoutLine(Base):
    """One released seller order in a statement. When its payout comes back, the next has it too."""

    __tablename__ = "payout_line"
    __table_args__ = (sa.CheckConstraint("amount > 0", name="amount"),)

    payout_id: Mapped[int] = mapped_column(
        sa.ForeignKey("payout_statement.payout_id"), primary_key=True
    )
    seller_order_id: Mapped[int] = mapped_column(
        sa.ForeignKey("seller_order.id"), primary_key=True, index=True
    )
    amount: Mapped[int]


class PayoutDeduction(Base):
    """What a statement deducts: one repayment of a debt, or the part of it that was missing (H6)."""

    __tablename__ = "payout_deduction"
    __table_args__ = (sa.CheckConstraint("amount > 0", name="amount"),)

    payout_id: Mapped[int] = mapped_column(
        sa.ForeignKey("payout_statement.payout_id"), primary_key=True
    )
    repayment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("debt_repayment.id"), primary_key=True, index=True
    )
    amount: Mapped[int]


class ProviderFloat(Base):
    """What a provider said it holds for us, when it was last asked. Pages read this, never the provider."""

    __tablename__ = "provider_float"

    provider: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    currency: Mapped[str] = mapped_column(sa.String(3), primary_key=True)
    amount: Mapped[int]
    read_at: Mapped[datetime]
