"""Who works in a shop beside its owner: invited by number, in as soon as the number is proven."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.db import Base
from shop.stores.models import Store


class Role(StrEnum):
    """What somebody is in a shop."""

    OWNER = "owner"
    SELLER = "seller"
    """Everything but the payout number, its terms, the payouts and the staff."""
    CASHIER = "cashier"
    """The orders to hand over, and their codes."""


_PRESENT = sa.text("removed_at IS NULL")


class StoreMember(Base):
    """Somebody's place in a shop. The owner has none: a shop always has its owner."""

    __tablename__ = "store_member"
    __table_args__ = (
        sa.CheckConstraint("role IN ('seller', 'cashier')", name="role"),
        sa.CheckConstraint("(user_id IS NULL) = (joined_at IS NULL)", name="joined"),
        sa.Index(
            "uq_store_member_present",
            "store_id",
            "phone",
            unique=True,
            sqlite_where=_PRESENT,
            postgresql_where=_PRESENT,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"))
    phone: Mapped[str] = mapped_column(sa.String(20), index=True)
    role: Mapped[str] = mapped_column(sa.String(10))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"), index=True)
    """Who accepted; None while the invitation waits."""
    invited_at: Mapped[datetime]
    joined_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    store: Mapped[Store] = relationship()
