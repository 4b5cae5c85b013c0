"""Attempts to collect, what happened to them, and the money that arrived."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.leases import Asked
from shop.money import Money
from shop.payments.states import LIVE, PaymentStatus, Purpose


def _in(column: str, words: Any) -> str:
    return f"{column} IN ({', '.join(sorted(repr(str(word)) for word in words))})"


_LIVE = sa.text(f"{_in('status', LIVE)} AND superseded_at IS NULL")
_DUE = sa.text("next_check_at IS NOT NULL")
_ENDED = sa.text("settled_at IS NOT NULL")


class Payment(Asked, Base):
    """One attempt to collect from one payer through one provider."""

    __tablename__ = "payment"
    __table_args__ = (
        sa.CheckConstraint(_in("status", PaymentStatus), name="status"),
        sa.CheckConstraint(_in("purpose", Purpose), name="purpose"),
        sa.CheckConstraint("amount > 0 AND fee_amount >= 0 AND fee_amount < amount", name="amount"),
        sa.UniqueConstraint("provider", "provider_ref"),
        # P7: one attempt at a time may take money for one order, unless the buyer chose another.
        sa.Index(
            "uq_payment_live",
            "purpose",
            "purpose_id",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        sa.Index("ix_payment_due", "next_check_at", sqlite_where=_DUE, postgresql_where=_DUE),
        sa.Index("ix_payment_user_id_id", "user_id", "id"),
        sa.Index("ix_payment_payer_phone_created_at", "payer_phone", "created_at"),
        sa.Index("ix_payment_purpose_purpose_id", "purpose", "purpose_id"),
        # The latest outcomes of a method, and of a provider: what choosing and alerts look at.
        sa.Index(
            *("ix_payment_outcome", "method", "settled_at"),
            sqlite_where=_ENDED,
            postgresql_where=_ENDED,
        ),
        sa.Index(
            *("ix_payment_provider_outcome", "provider", "settled_at"),
            sqlite_where=_ENDED,
            postgresql_where=_ENDED,
        ),
    )

    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    purpose: Mapped[str] = mapped_column(sa.String(12))
    purpose_id: Mapped[int]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    pay_link_id: Mapped[int | None] = mapped_column(sa.ForeignKey("pay_link.id"))
    """The link through which somebody else pays the order; None when its buyer does."""
    method: Mapped[str] = mapped_column(sa.String(30))
    country: Mapped[str] = mapped_column(sa.String(2))
    payer_phone: Mapped[str] = mapped_column(sa.String(20))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    """What the phone shows: what is owed and the method's fee."""
    fee_amount: Mapped[int] = mapped_column(default=0)
    """The part of it that the method costs the buyer."""
    language: Mapped[str] = mapped_column(sa.String(5), default="fr")
    otp: Mapped[str | None] = mapped_column(sa.String(10))
    """The code typed beforehand; wiped as soon as the provider was asked."""

    status: Mapped[str] = mapped_column(sa.String(10), default=PaymentStatus.CREATED)
    reason: Mapped[str | None] = mapped_column(sa.String(20))
    page_url: Mapped[str | None] = mapped_column(sa.String(500))
    echo_hash: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    """SHA-256 of the secret that the provider's webhook will echo."""
    payer_claim: Mapped[str | None] = mapped_column(sa.String(40))
    """The operator's reference as the buyer typed it: a hint for matching, never a proof."""

    announced_at: Mapped[datetime | None]
    """When a webhook first named it; None for one that nobody announced."""
    superseded_at: Mapped[datetime | None]
    """When the buyer chose another method; this attempt is still watched to its end."""
    expires_at: Mapped[datetime]
    """When we stop asking the buyer. We never stop asking the provider because of it."""

    @property
    def money(self) -> Money:
        """What the payer is asked for, fee included."""
        return Money(self.amount, self.currency)

    @property
    def fee(self) -> Money:
        """What the method costs the buyer."""
        return Money(self.fee_amount, self.currency)

    @property
    def purpose_as_enum(self) -> Purpose:
        """The purpose as its enum."""
        return Purpose(self.purpose)

    @property
    def state(self) -> PaymentStatus:
        """The status as its enum."""
        return PaymentStatus(self.status)


class PaymentChoice(Base):
    """Why an attempt goes through its provider: what was known, and the order it led to."""

    __tablename__ = "payment_choice"

    payment_id: Mapped[int] = mapped_column(sa.ForeignKey("payment.id"), primary_key=True)
    made_at: Mapped[datetime]
    asked: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    """The candidates with their facts, and what the draw was: see `choosing.asked_as_data`."""
    ranking: Mapped[list[str]] = mapped_column(sa.JSON)
    chosen: Mapped[str] = mapped_column(sa.String(30))
    explored: Mapped[bool]


class PaymentEvent(Base):
    """One thing that happened to a payment: the evidence behind its status, never changed (P1)."""

    __tablename__ = "payment_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(sa.ForeignKey("payment.id"), index=True)
    at: Mapped[datetime]
    source: Mapped[str] = mapped_column(sa.String(12))
    """Who said so: `buyer`, `submit`, `verify`, `clock`, `staff`."""
    old: Mapped[str | None] = mapped_column(sa.String(10))
    new: Mapped[str | None] = mapped_column(sa.String(10))
    words: Mapped[str] = mapped_column(sa.String(200), default="")
    """The provider's own words, or what was done; no secret, no phone number."""


class Receipt(Base):
    """The fact that a provider collected money for us: unique, posted exactly once (D4, P3)."""

    __tablename__ = "receipt"
    __table_args__ = (
        sa.UniqueConstraint("provider", "transaction_ref"),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("disposition IN ('applied', 'wallet', 'suspense')", name="disposition"),
        sa.CheckConstraint("applied_amount BETWEEN 0 AND amount", name="applied"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(sa.String(20))
    transaction_ref: Mapped[str] = mapped_column(sa.String(80))
    payment_id: Mapped[int] = mapped_column(sa.ForeignKey("payment.id"), index=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    code: Mapped[str] = mapped_column(sa.String(10), unique=True)
    """Ten characters by which anyone can check the printed receipt."""
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    applied_amount: Mapped[int]
    """The part that paid what the payment was for; the rest is in the wallet or in suspense."""
    disposition: Mapped[str] = mapped_column(sa.String(10))
    note: Mapped[str] = mapped_column(sa.String(16))
    received_at: Mapped[datetime]

    @property
    def money(self) -> Money:
        """What arrived."""
        return Money(self.amount, self.currency)
