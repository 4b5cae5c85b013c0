"""A cycle: its shares, its dated rounds, what each share owes and what paid it (TONTINE §4, §5).

Balances are the ledger's: `pot`, `guarantee`, `retention`, `advance` by share or round, `caisse` and
`relief` by circle (see `places.py`). An amount here is either a promise of the rules (a due) or a
figure of a receipt that was posted once (a turn, an allocation).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.money import Money
from shop.tontines.models import among
from shop.tontines.money_in import DueKind
from shop.tontines.states import (
    ContributionStatus,
    CycleStatus,
    DueStatus,
    RoundStatus,
    Source,
    TurnStatus,
)


class Cycle(Base):
    """From the first share taken to the last pot paid, under one version of the rules."""

    __tablename__ = "tontine_cycle"
    __table_args__ = (
        sa.UniqueConstraint("tontine_id", "number"),
        sa.CheckConstraint(among("status", CycleStatus), name="status"),
        sa.CheckConstraint(
            "(status IN ('enrolling', 'cancelled')) OR locked_at IS NOT NULL", name="locked"
        ),
        sa.CheckConstraint("(locked_at IS NULL) = (order_hash IS NULL)", name="order"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"))
    number: Mapped[int]
    rules_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_rules.id"))
    status: Mapped[str] = mapped_column(sa.String(10), default=CycleStatus.ENROLLING)
    order_hash: Mapped[str | None] = mapped_column(sa.String(64))
    """SHA-256 of the share codes by rank; sent to all at lock and after each change (R14)."""
    created_at: Mapped[datetime]
    locked_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Share(Base):
    """One part of a cycle: the unit of what is due and of turns."""

    __tablename__ = "tontine_share"
    __table_args__ = (
        sa.UniqueConstraint("cycle_id", "code"),
        sa.UniqueConstraint("cycle_id", "position"),
        sa.CheckConstraint("status IN ('active', 'withdrawn')", name="status"),
        sa.CheckConstraint("position > 0", name="position"),
        sa.CheckConstraint("status = 'active' OR served_round_id IS NULL", name="served"),
        sa.Index("ix_tontine_share_member_id", "member_id", "cycle_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cycle_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_cycle.id"))
    code: Mapped[str] = mapped_column(sa.String(4))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"))
    joined_at: Mapped[datetime]
    position: Mapped[int | None]
    """The rank; NULL before lock and once withdrawn."""
    status: Mapped[str] = mapped_column(sa.String(10), default="active")
    served_round_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_round.id"))
    """Set once: a share is served once per cycle (R4)."""
    offered_to: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    """Whom its holder lets take it over; it moves when that person says yes (R25)."""
    wish: Mapped[str] = mapped_column(sa.String(300), default="")
    """The written need, where turns are ordered by need (R14)."""


class Round(Base):
    """One due date and one pot; `wake_at` is when the clock looks at it again."""

    __tablename__ = "tontine_round"
    __table_args__ = (
        sa.UniqueConstraint("cycle_id", "index"),
        sa.CheckConstraint(among("status", RoundStatus), name="status"),
        sa.CheckConstraint("opens_at < due_at AND due_at <= grace_until", name="dates"),
        sa.Index(
            "ix_tontine_round_wake_at",
            "wake_at",
            sqlite_where=sa.text("wake_at IS NOT NULL"),
            postgresql_where=sa.text("wake_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cycle_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_cycle.id"))
    index: Mapped[int]
    opens_at: Mapped[datetime]
    due_at: Mapped[datetime]
    grace_until: Mapped[datetime]
    wake_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(sa.String(10), default=RoundStatus.SCHEDULED)
    settled_at: Mapped[datetime | None]
    """When its pot was counted and the late policy ran: once (R9)."""
    paid_at: Mapped[datetime | None]


class DueRow(Base):
    """One amount one share owes; what of it is paid is the sum of its allocations."""

    __tablename__ = "tontine_due"
    __table_args__ = (
        # One contribution, one relief part, one guarantee, one fine per share and round.
        sa.UniqueConstraint("round_id", "share_id", "kind", "number"),
        sa.CheckConstraint(among("kind", DueKind), name="kind"),
        sa.CheckConstraint(among("status", DueStatus), name="status"),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.Index("ix_tontine_due_share_id", "share_id", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_round.id"))
    share_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    kind: Mapped[str] = mapped_column(sa.String(12))
    number: Mapped[int] = mapped_column(default=0)
    """Tells several of one kind apart: the n-th started period of a fine, a leaver's share."""
    amount: Mapped[int]
    due_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(sa.String(10), default=DueStatus.OPEN)


class Contribution(Base):
    """One payment of one member, whatever carries it; received at most once.

    Its id is the `purpose_id` of a payment whose purpose is `contribution`.
    """

    __tablename__ = "tontine_contribution"
    __table_args__ = (
        sa.CheckConstraint(among("status", ContributionStatus), name="status"),
        sa.CheckConstraint(among("source", Source), name="source"),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("(source = 'cash') = (recorded_by IS NOT NULL)", name="cash"),
        sa.CheckConstraint("(status = 'received') = (received_at IS NOT NULL)", name="received"),
        sa.Index("ix_tontine_contribution_cycle_id", "cycle_id", "id"),
        sa.Index("ix_tontine_contribution_member_id", "member_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(8), unique=True)
    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    cycle_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_cycle.id"))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    share_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    """The share that keeps ahead what no due needs."""
    chosen: Mapped[bool] = mapped_column(default=False)
    """The payer chose this share: it comes first within its step (R8)."""
    source: Mapped[str] = mapped_column(sa.String(8))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(8))
    started_at: Mapped[datetime]
    """When the member began: what "on time" looks at (R7)."""
    received_at: Mapped[datetime | None]
    recorded_by: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_member.id"))
    """The treasurer who took the cash (R21)."""
    confirmed_by: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_member.id"))
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payment.id"), index=True)

    @property
    def total(self) -> Money:
        """What the member pays, a method's fee aside."""
        return Money(self.amount, self.currency)

    @property
    def paid_at(self) -> datetime | None:
        """When it arrived; None while it has not."""
        return self.received_at


class Allocation(Base):
    """A part of one contribution and the due it pays: once per pair, never changed."""

    __tablename__ = "tontine_allocation"
    __table_args__ = (
        sa.UniqueConstraint("contribution_id", "due_id"),
        sa.CheckConstraint("amount > 0", name="amount"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contribution_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_contribution.id"))
    due_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_due.id"), index=True)
    amount: Mapped[int]


class TurnRow(Base):
    """A share that a round serves, with its receipt: gross less each thing kept is net."""

    __tablename__ = "tontine_turn"
    __table_args__ = (
        sa.UniqueConstraint("share_id"),
        sa.CheckConstraint(among("status", TurnStatus), name="status"),
        sa.CheckConstraint(
            "gross - discount - set_off - retention - fee = net AND discount >= 0"
            " AND set_off >= 0 AND retention >= 0 AND fee >= 0 AND net >= 0 AND reliquat >= 0",
            name="adds_up",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_round.id"), index=True)
    share_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    """Whose wallet it is, as the share was held when the pot was counted."""
    gross: Mapped[int]
    discount: Mapped[int]
    set_off: Mapped[int]
    retention: Mapped[int]
    fee: Mapped[int]
    net: Mapped[int]
    reliquat: Mapped[int]
    """What was missing when the pot was counted; late money fills it (see `Claim`)."""
    status: Mapped[str] = mapped_column(sa.String(10), default=TurnStatus.ELIGIBLE)
    order_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_order.id"))
    """The request that two officers sign (R20)."""


class PotLine(Base):
    """One movement out of a counted pot: what the preview shows, officers sign, and is posted."""

    __tablename__ = "tontine_line"
    __table_args__ = (
        sa.UniqueConstraint("turn_id", "seq"),
        sa.CheckConstraint("amount > 0", name="amount"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    turn_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_turn.id"))
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(14))
    source: Mapped[str] = mapped_column(sa.String(80))
    """A ledger account's code, as the share was held when the pot was counted."""
    target: Mapped[str] = mapped_column(sa.String(80))
    amount: Mapped[int]


class Claim(Base):
    """What a counted round still owes, in the order late money fills it (R9): reliquats, covers."""

    __tablename__ = "tontine_claim"
    __table_args__ = (
        sa.UniqueConstraint("round_id", "seq"),
        sa.CheckConstraint("amount > 0 AND filled BETWEEN 0 AND amount", name="filled"),
        sa.CheckConstraint("kind IN ('reliquat', 'cover_repaid')", name="kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_round.id"))
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(12))
    place: Mapped[str] = mapped_column(sa.String(40))
    """Where it goes, in the words of `lines.py`: `wallet:P04`, `caisse`, `caution:P09`."""
    share_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tontine_share.id"))
    """Whose missing part a cover filled; NULL for a reliquat, which is the round's."""
    amount: Mapped[int]
    filled: Mapped[int] = mapped_column(default=0)


class Exit(Base):
    """How a share left before its turn: what its member gets once the others have caught up (R25)."""

    __tablename__ = "tontine_exit"
    __table_args__ = (
        sa.UniqueConstraint("share_id"),
        sa.CheckConstraint("reason IN ('withdrawn', 'excluded', 'deceased')", name="reason"),
        sa.CheckConstraint(
            "refund >= 0 AND exit_fee >= 0 AND fines >= 0 AND to_rounds >= 0", name="amounts"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cycle_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_cycle.id"), index=True)
    share_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(sa.String(10))
    refund: Mapped[int]
    exit_fee: Mapped[int]
    fines: Mapped[int]
    to_rounds: Mapped[int]
    """What it never paid and the others now bring: it goes to the rounds that lacked it."""
    left_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    @property
    def owed(self) -> int:
        """What the catch-ups bring in all."""
        return self.refund + self.exit_fee + self.fines + self.to_rounds


class Guarantor(Base):
    """A member who answers for a share, up to a cap."""

    __tablename__ = "tontine_guarantor"
    __table_args__ = (
        sa.UniqueConstraint("share_id", "member_id"),
        sa.CheckConstraint("cap > 0", name="cap"),
        sa.CheckConstraint("status IN ('asked', 'accepted', 'released')", name="status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    share_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_share.id"))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"), index=True)
    cap: Mapped[int]
    pays_alone: Mapped[bool] = mapped_column(default=False)
    """Accepted in advance that the wallet pays, up to the cap; otherwise he is only asked."""
    status: Mapped[str] = mapped_column(sa.String(10))
    accepted_at: Mapped[datetime | None]
