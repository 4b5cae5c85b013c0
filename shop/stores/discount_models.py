"""A shop's discount codes: what each takes off, for whom, until when, how often."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.money import Money

#: No coin is smaller: a percentage is rounded down to it, so that the door can be paid in cash.
COIN = 5


class DiscountCode(Base):
    """A code of one shop. Its terms never change: orders rest on them; it can only be paused."""

    __tablename__ = "discount_code"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "code"),
        sa.CheckConstraint("(percent IS NULL) <> (off_amount IS NULL)", name="kind"),
        sa.CheckConstraint("percent BETWEEN 1 AND 90", name="percent"),
        sa.CheckConstraint("off_amount > 0 AND off_amount < least_amount", name="off"),
        sa.CheckConstraint("least_amount >= 0", name="least"),
        sa.CheckConstraint("ends_on >= starts_on", name="days"),
        sa.CheckConstraint(
            "most_uses BETWEEN 1 AND 10000 AND most_per_buyer BETWEEN 1 AND most_uses", name="uses"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"))
    code: Mapped[str] = mapped_column(sa.String(20))
    percent: Mapped[int | None]
    off_amount: Mapped[int | None]
    """A fixed discount; either this or a percentage."""
    least_amount: Mapped[int]
    """The smallest basket of articles that it is for."""
    currency: Mapped[str] = mapped_column(sa.String(3))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """Its last day, which counts."""
    most_uses: Mapped[int]
    most_per_buyer: Mapped[int]
    paused_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def least(self) -> Money:
        """The smallest basket of articles that it is for."""
        return Money(self.least_amount, self.currency)

    @property
    def fixed(self) -> Money | None:
        """What it takes off whatever the basket; None for a percentage."""
        return Money(self.off_amount, self.currency) if self.off_amount else None

    def off(self, items: Money) -> Money:
        """What it takes off so much of articles: always less than they cost, maybe nothing."""
        if items < self.least:
            return Money(0, items.currency)
        if self.off_amount is not None:
            return Money(self.off_amount, self.currency)
        assert self.percent is not None, "a code is a percentage or an amount"
        off = items.share(self.percent * 100)
        return off - Money(off.amount % (COIN * 10**off.exponent), off.currency)
