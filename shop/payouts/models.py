"""Payouts, what happened to them, and the refunds that may have needed one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.leases import Asked
from shop.money import Money
from shop.payouts.states import ENDED, UNSENT, Evidence, PayoutPurpose, PayoutStatus, Route


def _in(column: str, words: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(sorted(repr(str(word)) for word in words))})"


_DUE = sa.text("next_check_at IS NOT NULL")


class Payout(Asked, Base):
    """One attempt to send money to one phone through one provider. It is asked for once."""

    __tablename__ = "payout"
    __table_args__ = (
        sa.CheckConstraint(_in("status", PayoutStatus), name="status"),
        sa.CheckConstraint(_in("purpose", PayoutPurpose), name="purpose"),
        sa.CheckConstraint(_in("route", Route), name="route"),
        sa.CheckConstraint("amount > 0 AND fee_amount >= 0", name="amount"),
        # W2: whatever may have left was committed as sent first; the rest surely did not leave.
        sa.CheckConstraint(f"({_in('status', UNSENT)}) = (sent_at IS NULL)", name="sent"),
        sa.CheckConstraint(f"({_in('status', ENDED)}) = (settled_at IS NOT NULL)", name="settled"),
        # W4: a success names the money that moved, and nothing else does.
        sa.CheckConstraint(
            "(status = 'succeeded') = (transaction_ref IS NOT NULL)", name="evidence"
        ),
        sa.CheckConstraint("late_ref IS NULL OR status = 'failed'", name="late"),
        sa.CheckConstraint(
            "(proposed IS NULL) = (proposed_by IS NULL)"
            " AND (proposed IS NULL OR proposed IN ('succeeded', 'failed'))",
            name="proposed",
        ),
        # B5: whoever proposed an end cannot be the one who confirms it.
        sa.CheckConstraint(
            "confirmed_by IS NULL OR (proposed_by IS NOT NULL AND proposed_by <> confirmed_by)",
            name="two_people",
        ),
        sa.UniqueConstraint("provider", "provider_ref"),
        sa.UniqueConstraint("provider", "transaction_ref"),
        sa.UniqueConstraint("provider", "late_ref"),
        sa.Index("ix_payout_due", "next_check_at", sqlite_where=_DUE, postgresql_where=_DUE),
        sa.Index("ix_payout_settled_at", "settled_at"),
        sa.Index("ix_payout_user_id_id", "user_id", "id"),
        sa.Index("ix_payout_purpose_purpose_id", "purpose", "purpose_id"),
    )

    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    purpose: Mapped[str] = mapped_column(sa.String(20))
    purpose_id: Mapped[int | None]
    """The receipt that a refund gives back, the store that is paid; nothing for a withdrawal."""
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    """To whose wallet the money returns when it cannot be delivered."""
    route: Mapped[str] = mapped_column(sa.String(10))
    method: Mapped[str] = mapped_column(sa.String(30))
    country: Mapped[str] = mapped_column(sa.String(2))
    payee_phone: Mapped[str] = mapped_column(sa.String(20))
    source: Mapped[str] = mapped_column(sa.String(80))
    """Code of the ledger account the money was taken from."""
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    language: Mapped[str] = mapped_column(sa.String(5), default="fr")

    status: Mapped[str] = mapped_column(sa.String(10), default=PayoutStatus.REQUESTED)
    reason: Mapped[str | None] = mapped_column(sa.String(40))
    """Why it failed, or why it is held."""
    held_until: Mapped[datetime | None]
    """When the clock lets it go; nothing with `held` means that a person does."""
    fee_amount: Mapped[int] = mapped_column(default=0)
    """What the provider kept for it, where it says."""
    transaction_ref: Mapped[str | None] = mapped_column(sa.String(80))
    """The provider's id of the money that moved."""
    late_ref: Mapped[str | None] = mapped_column(sa.String(80))
    """The same, when it moved although we had returned the money."""
    proposed: Mapped[str | None] = mapped_column(sa.String(10))
    """The end that one person proposes for a payout in `review`."""
    proposed_by: Mapped[str | None] = mapped_column(sa.String(60))
    proposed_ref: Mapped[str | None] = mapped_column(sa.String(80))
    confirmed_by: Mapped[str | None] = mapped_column(sa.String(60))

    @property
    def money(self) -> Money:
        """What the payee receives."""
        return Money(self.amount, self.currency)

    @property
    def state(self) -> PayoutStatus:
        """The status as its enum."""
        return PayoutStatus(self.status)


class PayoutEvent(Base):
    """One thing that happened to a payout: the evidence behind its status, never changed (P1)."""

    __tablename__ = "payout_event"
    __table_args__ = (
        sa.CheckConstraint(f"evidence IS NULL OR {_in('evidence', Evidence)}", name="evidence"),
        # W5: every end of something that was sent says what it rests on, and when that was seen.
        sa.CheckConstraint(
            "new IS NULL OR new NOT IN ('failed', 'succeeded')"
            " OR (evidence IS NOT NULL AND asked_at IS NOT NULL)",
            name="ended_with_evidence",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    payout_id: Mapped[int] = mapped_column(sa.ForeignKey("payout.id"), index=True)
    at: Mapped[datetime]
    source: Mapped[str] = mapped_column(sa.String(60))
    """Who said so: `user`, `submit`, `verify`, `clock`, or the name of a person of the staff."""
    old: Mapped[str | None] = mapped_column(sa.String(10))
    new: Mapped[str | None] = mapped_column(sa.String(10))
    evidence: Mapped[str | None] = mapped_column(sa.String(10))
    asked_at: Mapped[datetime | None]
    """When the question left that was answered so."""
    words: Mapped[str] = mapped_column(sa.String(200), default="")
    """The provider's own words, or what was done; no secret, no phone number."""


class Refund(Base):
    """One decision to give back a receipt or a part of it: never more than came (P10)."""

    __tablename__ = "refund"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.Index("ix_refund_receipt_id", "receipt_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    receipt_id: Mapped[int] = mapped_column(sa.ForeignKey("receipt.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    source: Mapped[str] = mapped_column(sa.String(80))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    reason: Mapped[str] = mapped_column(sa.String(200))
    payout_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payout.id"), unique=True)
    """The payout that carries it to the phone; nothing when it went to the payer's wallet at once."""
    created_at: Mapped[datetime]

    @property
    def money(self) -> Money:
        """What is given back."""
        return Money(self.amount, self.currency)
