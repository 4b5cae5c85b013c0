"""What the two sides of a seller order say to each other, and what they dispute about."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.db import Base
from shop.money import Money
from shop.orders.dispute_states import EDGES, UNSETTLED
from shop.orders.dispute_states import Dispute as State
from shop.orders.models import SellerOrder

_UNSETTLED = sa.text(f"status IN ({', '.join(repr(str(s)) for s in EDGES if s in UNSETTLED)})")
_TO_WAKE = sa.text("wake_at IS NOT NULL")


class OrderMessage(Base):
    """One message on a seller order, kept as it was written: what is masked is masked at reading."""

    __tablename__ = "message"
    __table_args__ = (
        sa.CheckConstraint("length(text) BETWEEN 1 AND 1000", name="text"),
        sa.CheckConstraint("actor IN ('buyer', 'seller', 'staff')", name="actor"),
        sa.Index("ix_message_seller_order_id", "seller_order_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    seller_order_id: Mapped[int] = mapped_column(sa.ForeignKey("seller_order.id"))
    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """Two taps are one message."""
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(10))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    """Who exactly; None for staff at a shell."""
    author: Mapped[str | None] = mapped_column(sa.String(60))
    """The name staff writes under; None for the two sides, who have theirs."""
    text: Mapped[str] = mapped_column(sa.String(1000))
    told: Mapped[bool]
    """Whether the other side was told by SMS: at most once in a quarter of an hour."""

    pin: Mapped[MessagePin | None] = relationship(viewonly=True)


class MessagePin(Base):
    """A message that one side keeps in view as evidence. Nobody takes a pin away."""

    __tablename__ = "message_pin"

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(sa.ForeignKey("message.id"), unique=True)
    actor: Mapped[str] = mapped_column(sa.String(10))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    at: Mapped[datetime]


class Dispute(Base):
    """One problem a buyer reported; while it is unsettled the order's money is frozen."""

    __tablename__ = "dispute"
    __table_args__ = (
        sa.CheckConstraint("length(words) BETWEEN 1 AND 1000", name="words"),
        sa.CheckConstraint("back_amount >= 0", name="back_amount"),
        sa.CheckConstraint(
            "status IN ('open', 'appealed', 'withdrawn') OR back_amount IS NOT NULL", name="decided"
        ),
        sa.Index(
            "uq_dispute_unsettled",
            "seller_order_id",
            unique=True,
            sqlite_where=_UNSETTLED,
            postgresql_where=_UNSETTLED,
        ),
        sa.Index("ix_dispute_seller_order_id", "seller_order_id", "id"),
        sa.Index("ix_dispute_wake_at", "wake_at", sqlite_where=_TO_WAKE, postgresql_where=_TO_WAKE),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    seller_order_id: Mapped[int] = mapped_column(sa.ForeignKey("seller_order.id"))
    reason: Mapped[str] = mapped_column(sa.String(20))
    words: Mapped[str] = mapped_column(sa.String(1000))
    photo: Mapped[str | None] = mapped_column(sa.String(32))
    """The key of the one photo; None when none was sent."""
    status: Mapped[str] = mapped_column(sa.String(10), default=State.OPEN)
    opened_at: Mapped[datetime]
    wake_at: Mapped[datetime | None]
    """When the clock calls staff, or executes what was decided; None when it has nothing to do."""
    proposal_id: Mapped[int | None]
    """The proposal that was accepted; a trigger holds it against its table."""
    currency: Mapped[str] = mapped_column(sa.String(3))
    back_amount: Mapped[int | None]
    """What goes back to the buyer, once agreed or decided."""
    settled_at: Mapped[datetime | None]

    part: Mapped[SellerOrder] = relationship()

    @property
    def state(self) -> State:
        """The status as a word of its table."""
        return State(self.status)

    @property
    def back(self) -> Money:
        """What goes back to the buyer; only once agreed or decided."""
        assert self.back_amount is not None, "nothing was agreed yet"
        return Money(self.back_amount, self.currency)


class DisputeProposal(Base):
    """What one side proposed to the other, until when. Only the newest can be accepted."""

    __tablename__ = "dispute_proposal"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('refund', 'replace', 'share')", name="kind"),
        sa.CheckConstraint("actor IN ('buyer', 'seller')", name="actor"),
        sa.CheckConstraint(
            "(kind = 'replace') = (back_amount = 0) AND back_amount >= 0", name="back"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dispute_id: Mapped[int] = mapped_column(sa.ForeignKey("dispute.id"), index=True)
    actor: Mapped[str] = mapped_column(sa.String(10))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    kind: Mapped[str] = mapped_column(sa.String(10))
    currency: Mapped[str] = mapped_column(sa.String(3))
    back_amount: Mapped[int]
    at: Mapped[datetime]
    due_at: Mapped[datetime]

    @property
    def back(self) -> Money:
        """What the buyer would get back."""
        return Money(self.back_amount, self.currency)


class DisputeEvent(Base):
    """One thing that happened in a dispute: who, what, when, in whose words. Never changed."""

    __tablename__ = "dispute_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    dispute_id: Mapped[int] = mapped_column(sa.ForeignKey("dispute.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(10))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    old: Mapped[str | None] = mapped_column(sa.String(10))
    new: Mapped[str | None] = mapped_column(sa.String(10))
    """None when nothing moved: a proposal, a call for staff."""
    what: Mapped[str] = mapped_column(sa.String(20))
    words: Mapped[str] = mapped_column(sa.String(1000), default="")
