"""The table of order refunds: each one who bears which franc, written with the money it moves."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.money import Money
from shop.orders.policy import Cause, Parts

_TO_RETURN = sa.text("return_at IS NOT NULL")


class Source(StrEnum):
    """Where the money of a refund comes from."""

    ESCROW = "escrow"
    """From what is held; the rest stays held."""
    CLOSING = "closing"
    """From what is held, with the step that closes it."""
    SELLER = "seller"
    """The seller was paid: we advance it, and the seller owes it to us."""
    PLATFORM = "platform"
    """We give it."""
    REVERSAL = "reversal"
    """The operator took it back from us."""


class OrderRefund(Base):
    """One refund of a seller order, whole or in part. Never changed, but for its way to the phone (G4)."""

    __tablename__ = "order_refund"
    __table_args__ = (
        sa.CheckConstraint(
            "price_amount >= 0 AND delivery_amount >= 0 AND fee_amount >= 0"
            " AND commission_amount >= 0 AND price_amount + delivery_amount > 0"
            " AND undone_amount BETWEEN 0 AND price_amount",
            name="parts",
        ),
        sa.CheckConstraint(
            "price_amount + delivery_amount + fee_amount"
            " = seller_amount + platform_amount + provider_amount",
            name="sums_to_zero",
        ),
        sa.CheckConstraint(
            f"cause IN ({', '.join(repr(str(c)) for c in sorted(Cause))})", name="cause"
        ),
        sa.CheckConstraint(
            f"source IN ({', '.join(repr(str(s)) for s in sorted(Source))})", name="source"
        ),
        sa.Index("ix_order_refund_seller_order_id", "seller_order_id", "id"),
        sa.Index(
            "ix_order_refund_return_at",
            "return_at",
            sqlite_where=_TO_RETURN,
            postgresql_where=_TO_RETURN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """Two taps on one form are one refund."""
    seller_order_id: Mapped[int] = mapped_column(sa.ForeignKey("seller_order.id"))
    source: Mapped[str] = mapped_column(sa.String(10))
    cause: Mapped[str] = mapped_column(sa.String(20))
    actor: Mapped[str] = mapped_column(sa.String(10))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    words: Mapped[str] = mapped_column(sa.String(200))
    currency: Mapped[str] = mapped_column(sa.String(3))
    price_amount: Mapped[int]
    delivery_amount: Mapped[int]
    commission_amount: Mapped[int]
    """What of our commission went back to the seller."""
    fee_amount: Mapped[int]
    """What of the operator's fee went back to the buyer."""
    undone_amount: Mapped[int]
    """Of the price: what the sale shrank by (see `policy.Past`)."""
    seller_amount: Mapped[int]
    platform_amount: Mapped[int]
    provider_amount: Mapped[int]
    at: Mapped[datetime]
    return_at: Mapped[datetime | None]
    """When it is to be sent on to the phone that paid; None when it was, or goes with its closing."""

    @property
    def parts(self) -> Parts:
        """What went back, part by part."""
        return Parts(
            self.price_amount, self.delivery_amount, self.commission_amount, self.fee_amount
        )

    @property
    def amount(self) -> Money:
        """What of price and delivery went back."""
        return Money(self.price_amount + self.delivery_amount, self.currency)

    @property
    def buyer(self) -> Money:
        """Everything the buyer received."""
        return self.amount + Money(self.fee_amount, self.currency)

    @property
    def seller(self) -> Money:
        """What the seller paid in the end."""
        return Money(self.seller_amount, self.currency)
