"""What a wallet does that is more than a balance: top-ups, parts of orders, numbers to send to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import User
from shop.db import Base
from shop.money import Money


class TopUpStatus(StrEnum):
    """Whether the money of a top-up came."""

    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"


class TopUp(Base):
    """Money a user wants to put into the wallet; as many attempts as it takes, like an order."""

    __tablename__ = "top_up"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("status IN ('awaiting_payment', 'paid')", name="status"),
        sa.CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        sa.Index("ix_top_up_user_id_created_at", "user_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(8), unique=True)
    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(20), default=TopUpStatus.AWAITING_PAYMENT)
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()

    @property
    def total(self) -> Money:
        """What the wallet is to receive, before any method's fee."""
        return Money(self.amount, self.currency)


class PartStatus(StrEnum):
    """Where the wallet's part of an order is."""

    HELD = "held"
    POSTED = "posted"
    VOIDED = "voided"


_LIVING = sa.text("status IN ('held', 'posted')")


class WalletPart(Base):
    """What a wallet pays of one order: alone, or held until the mobile money for the rest came."""

    __tablename__ = "wallet_part"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("cashback_amount BETWEEN 0 AND amount", name="cashback"),
        sa.CheckConstraint("status IN ('held', 'posted', 'voided')", name="status"),
        sa.CheckConstraint("(status = 'held') = (ended_at IS NULL)", name="ended"),
        # An order is paid from a wallet once, whatever comes at the same instant.
        sa.Index(
            "uq_wallet_part_living",
            "order_id",
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
        sa.Index("ix_wallet_part_order_id", "order_id"),
        sa.Index("ix_wallet_part_user_id_id", "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(8), unique=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("order.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    """Whose wallet: the one who answers for the buyer."""
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payment.id"), unique=True)
    """The attempt that collects the rest, and whose end is its end; None when it pays alone."""
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    cashback_amount: Mapped[int] = mapped_column(default=0)
    """The part of it that came from cashback."""
    status: Mapped[str] = mapped_column(sa.String(10), default=PartStatus.HELD)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    @property
    def money(self) -> Money:
        """What the wallet pays."""
        return Money(self.amount, self.currency)


class WithdrawalNumber(Base):
    """Another number of a user's, proven by a code, that money may be sent to a day later (W7)."""

    __tablename__ = "withdrawal_number"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "phone"),
        sa.CheckConstraint("usable_from > proven_at", name="waits"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    phone: Mapped[str] = mapped_column(sa.String(20))
    country: Mapped[str] = mapped_column(sa.String(2))
    proven_at: Mapped[datetime]
    usable_from: Mapped[datetime]


class Identity(StrEnum):
    """How well we know who somebody is: the ceilings depend on it."""

    BASIC = "basic"
    """A proven phone number, and nothing else."""
    IDENTIFIED = "identified"
    """A person of staff saw an identity document."""


class IdentityCheck(Base):
    """One decision on how well we know somebody: the latest counts, none is ever changed."""

    __tablename__ = "identity_check"
    __table_args__ = (
        sa.CheckConstraint("level IN ('basic', 'identified')", name="level"),
        sa.Index("ix_identity_check_user_id_id", "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    level: Mapped[str] = mapped_column(sa.String(12))
    by: Mapped[str] = mapped_column(sa.String(60))
    reason: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[datetime]
