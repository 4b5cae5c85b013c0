"""Grants of cashback: which sale earned it, who may spend it, until when."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.money import Money

_DUE = sa.text("wake_at IS NOT NULL")


class CashbackGrant(Base):
    """Cashback for one released seller order. What is left of it, only the ledger knows."""

    __tablename__ = "cashback_grant"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("expires_at > created_at", name="expires"),
        # One sale, one grant, however often its release is looked at.
        sa.UniqueConstraint("seller_order_id"),
        sa.Index("ix_cashback_grant_user_id_expires_at", "user_id", "expires_at"),
        sa.Index("ix_cashback_grant_wake_at", "wake_at", sqlite_where=_DUE, postgresql_where=_DUE),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    seller_order_id: Mapped[int] = mapped_column(sa.ForeignKey("seller_order.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    campaign: Mapped[str] = mapped_column(sa.String(40))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    wake_at: Mapped[datetime | None]
    """When the clock takes back what nobody spent; None once it did."""

    @property
    def money(self) -> Money:
        """What was granted."""
        return Money(self.amount, self.currency)
