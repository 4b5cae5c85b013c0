"""What the bureau does: signs money out, holds meetings, decides relief; and the book (R20-R27)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.tontines.models import among
from shop.tontines.states import ClaimStatus, OrderStatus


class Action(StrEnum):
    """What two officers sign."""

    POT = "pot"
    RELIEF = "relief"
    WAIVER = "waiver"
    CORRECTION = "correction"


class MoneyOrder(Base):
    """A request to move money out: signed by two officers, neither receiving (R20)."""

    __tablename__ = "tontine_order"
    __table_args__ = (
        sa.CheckConstraint(among("action", Action), name="action"),
        sa.CheckConstraint(among("status", OrderStatus), name="status"),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.Index(
            "uq_tontine_order_living",
            *("action", "target_id"),
            unique=True,
            sqlite_where=sa.text("status NOT IN ('expired', 'refused')"),
            postgresql_where=sa.text("status NOT IN ('expired', 'refused')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"), index=True)
    action: Mapped[str] = mapped_column(sa.String(10))
    target_id: Mapped[int]
    """The turn, relief claim, due or contribution it is about."""
    recipient_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_member.id"))
    """Who receives, and therefore does not sign; NULL where nobody in particular does."""
    amount: Mapped[int]
    payload_sha256: Mapped[str] = mapped_column(sa.String(64))
    """The hash of everything that is signed: circle, action, target, recipient, amount."""
    requested_by: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_member.id"))
    """NULL: the clock, when a pot was counted."""
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(sa.String(10), default=OrderStatus.OPEN)
    third_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_member.id"))
    """A third signer whom a vote named (R20)."""


class Signature(Base):
    """One officer's signature under one request, once, never changed."""

    __tablename__ = "tontine_signature"
    __table_args__ = (sa.UniqueConstraint("order_id", "member_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_order.id"))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"))
    at: Mapped[datetime]


class Meeting(Base):
    """A physical or called meeting, and its minutes."""

    __tablename__ = "tontine_meeting"
    __table_args__ = (sa.CheckConstraint("status IN ('open', 'closed')", name="status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"), index=True)
    round_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_round.id"))
    held_at: Mapped[datetime]
    place: Mapped[str] = mapped_column(sa.String(120), default="")
    status: Mapped[str] = mapped_column(sa.String(10), default="open")
    minutes: Mapped[str] = mapped_column(sa.Text, default="")
    opened_by: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Presence(StrEnum):
    """How a member was at a meeting (R27)."""

    PRESENT = "present"
    EXCUSED = "excused"
    ABSENT = "absent"
    LATE = "late"
    REPRESENTED = "represented"


class Attendance(Base):
    """One member at one meeting."""

    __tablename__ = "tontine_attendance"
    __table_args__ = (sa.CheckConstraint(among("presence", Presence), name="presence"),)

    meeting_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_meeting.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"), primary_key=True)
    presence: Mapped[str] = mapped_column(sa.String(12))


class ReliefClaim(Base):
    """A member asks the relief fund for a named event (R23)."""

    __tablename__ = "tontine_relief_claim"
    __table_args__ = (
        sa.CheckConstraint(among("status", ClaimStatus), name="status"),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("(status = 'paid') = (paid_amount IS NOT NULL)", name="paid"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"), index=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"))
    reason: Mapped[str] = mapped_column(sa.String(20))
    """`death`, `illness`, `birth`, `marriage`, `fire`."""
    words: Mapped[str] = mapped_column(sa.String(300), default="")
    amount: Mapped[int]
    paid_amount: Mapped[int | None]
    """The fund may hold less than was asked (T31)."""
    status: Mapped[str] = mapped_column(sa.String(10), default=ClaimStatus.ASKED)
    asked_at: Mapped[datetime]


class Event(Base):
    """One line of the book: append-only, chained by hashes from the circle's first day."""

    __tablename__ = "tontine_event"
    __table_args__ = (
        sa.UniqueConstraint("tontine_id", "seq"),
        sa.CheckConstraint("seq > 0", name="seq"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    """Who did it; NULL: the clock, or the platform on the command line."""
    what: Mapped[str] = mapped_column(sa.String(24))
    facts: Mapped[str] = mapped_column(sa.Text)
    """JSON with sorted keys: codes, amounts, member ids; no phone number."""
    prev_hash: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))
