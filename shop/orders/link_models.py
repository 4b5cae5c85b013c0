"""The link by which somebody else pays an order."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.db import Base
from shop.orders.models import Order

_LIVING = sa.text("revoked_at IS NULL")


class PayLink(Base):
    """Opens one page that says to whom and how much, and lets whoever has it pay. One per order."""

    __tablename__ = "pay_link"
    __table_args__ = (
        sa.Index(
            "uq_pay_link_living",
            "order_id",
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("order.id"))
    token: Mapped[str] = mapped_column(sa.String(43), unique=True)
    """256 bits, and nothing of the order in them."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    """When the buyer took it back; what was begun through it goes on to its end."""

    order: Mapped[Order] = relationship()
