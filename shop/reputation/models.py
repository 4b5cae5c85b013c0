"""What buyers say of a shop, once their order is released."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import User
from shop.db import Base
from shop.orders.masking import masked
from shop.orders.models import SellerOrder
from shop.stores.models import Store

_SHOWN = sa.text("hidden_at IS NULL")


class Review(Base):
    """One buyer's word on one seller order: said once, answered once, hidden only by staff (A4)."""

    __tablename__ = "review"
    __table_args__ = (
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer"),
        sa.CheckConstraint(
            "(hidden_at IS NULL) = (hidden_by IS NULL) AND (hidden_at IS NULL) = (hidden_why IS NULL)",
            name="hidden",
        ),
        sa.Index(
            "ix_review_shown",
            "store_id",
            "stars",
            sqlite_where=_SHOWN,
            postgresql_where=_SHOWN,
        ),
        sa.Index("ix_review_store_id_id", "store_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    seller_order_id: Mapped[int] = mapped_column(sa.ForeignKey("seller_order.id"), unique=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    stars: Mapped[int]
    words: Mapped[str] = mapped_column(sa.String(1000))
    at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(sa.String(1000))
    answered_at: Mapped[datetime | None]
    hidden_at: Mapped[datetime | None]
    hidden_by: Mapped[str | None] = mapped_column(sa.String(60))
    hidden_why: Mapped[str | None] = mapped_column(sa.String(200))

    part: Mapped[SellerOrder] = relationship()
    store: Mapped[Store] = relationship()
    buyer: Mapped[User] = relationship()

    @property
    def said(self) -> str:
        """The buyer's words as everybody reads them: without phone numbers or addresses."""
        return masked(self.words)

    @property
    def answered(self) -> str:
        """The seller's answer, in the same way; empty while there is none."""
        return masked(self.answer or "")
