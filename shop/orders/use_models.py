"""The uses of discount codes: one per seller order, each in a numbered place while it counts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.db import Base
from shop.money import Money
from shop.orders.models import SellerOrder
from shop.stores.discount_models import DiscountCode


class UseState(StrEnum):
    """Whether a use counts: for an attempt, for good, or not (any more)."""

    FREE = "free"
    HELD = "held"
    USED = "used"


class DiscountUse(Base):
    """An order's use of a code. While it counts it sits in a place, and a place seats one (B2)."""

    __tablename__ = "discount_use"
    __table_args__ = (
        sa.UniqueConstraint("code_id", "place"),
        sa.UniqueConstraint(
            "code_id", "buyer", "buyer_place", name="uq_discount_use_code_id_buyer_place"
        ),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("state IN ('free', 'held', 'used')", name="state"),
        sa.CheckConstraint(
            "(state = 'free') = (place IS NULL) AND (state = 'free') = (buyer_place IS NULL)",
            name="place",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code_id: Mapped[int] = mapped_column(sa.ForeignKey("discount_code.id"))
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("order.id"), index=True)
    seller_order_id: Mapped[int] = mapped_column(sa.ForeignKey("seller_order.id"), unique=True)
    buyer: Mapped[str] = mapped_column(sa.String(20))
    """The number that ordered: a guest who comes back is the same buyer."""
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    state: Mapped[str] = mapped_column(sa.String(4), default=UseState.FREE)
    place: Mapped[int | None]
    """From 1 to what the code allows; None while the use does not count."""
    buyer_place: Mapped[int | None]
    """The same among this buyer's own uses."""
    changed_at: Mapped[datetime]

    code: Mapped[DiscountCode] = relationship()
    part: Mapped[SellerOrder] = relationship()

    @property
    def money(self) -> Money:
        """What it takes off."""
        return Money(self.amount, self.currency)
