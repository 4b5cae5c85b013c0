"""A circle, its rules, its people and how they came in (TONTINE §4).

Four files hold the tables: this one, `cycle_models` (shares, rounds, dues and what pays them),
`choice_models` (draw, auction, swap, votes) and `bureau_models` (signatures, meetings, relief, the
book). Amounts are whole minor units in the circle's one currency; what the ledger can answer is in
no column. Every promise has its trigger in migration 0019.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base
from shop.tontines.officers import Officer
from shop.tontines.rules import Rules, Visibility
from shop.tontines.states import JoinPolicy, MemberStatus, RequestStatus, TontineStatus


def among(column: str, words: Any) -> str:
    """Write the CHECK that a column holds one of these words."""
    return f"{column} IN ({', '.join(sorted(repr(str(word)) for word in words))})"


class Tontine(Base):
    """A group and its money. Its row is the one lock of everything that happens in the group."""

    __tablename__ = "tontine"
    __table_args__ = (
        sa.CheckConstraint(among("status", TontineStatus), name="status"),
        sa.CheckConstraint(among("visibility", Visibility), name="visibility"),
        sa.CheckConstraint(among("join_policy", JoinPolicy), name="join_policy"),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80", name="name"),
        sa.CheckConstraint("(status = 'paused') = (frozen_at IS NOT NULL)", name="frozen"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(8), unique=True)
    form_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    country: Mapped[str] = mapped_column(sa.String(2))
    currency: Mapped[str] = mapped_column(sa.String(3))
    visibility: Mapped[str] = mapped_column(sa.String(10))
    """As the latest rules say; kept here so that strangers' lists read one table."""
    join_policy: Mapped[str] = mapped_column(sa.String(10))
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"), index=True)
    status: Mapped[str] = mapped_column(sa.String(10), default=TontineStatus.DRAFT)
    status_before: Mapped[str | None] = mapped_column(sa.String(10))
    """What a frozen circle goes back to."""
    frozen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def public_ref(self) -> str:
        """The reference as people write it, and as draws and sealed bids are hashed under it."""
        return f"TT-{self.reference}"


class RuleSet(Base):
    """One version of the rules: its canonical text and its hash, never changed."""

    __tablename__ = "tontine_rules"
    __table_args__ = (sa.UniqueConstraint("tontine_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"))
    version: Mapped[int]
    text: Mapped[str] = mapped_column(sa.Text)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    published_at: Mapped[datetime]
    published_by: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))

    def read(self) -> Rules:
        """Read the rules back; a text that was tampered with is refused."""
        # Imported late: `limits` checks what this file only stores.
        from shop.tontines.reading_rules import rules_of

        return rules_of(self.text)


class Accepted(StrEnum):
    """How a member accepted the rules."""

    CODE = "code"
    PIN = "pin"
    PAPER = "paper"


class RuleAcceptance(Base):
    """A member's yes to one version of the rules, once, never changed."""

    __tablename__ = "tontine_acceptance"
    __table_args__ = (
        sa.UniqueConstraint("rules_id", "member_id"),
        sa.CheckConstraint(among("method", Accepted), name="method"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rules_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_rules.id"))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"), index=True)
    method: Mapped[str] = mapped_column(sa.String(5))
    asker_hash: Mapped[str | None] = mapped_column(sa.String(64))
    """From where, as a keyed hash: enough to compare, useless to track."""
    at: Mapped[datetime]


class Member(Base):
    """A user in a circle."""

    __tablename__ = "tontine_member"
    __table_args__ = (
        sa.UniqueConstraint("tontine_id", "user_id"),
        sa.CheckConstraint(among("status", MemberStatus), name="status"),
        sa.CheckConstraint("(kin_name IS NULL) = (kin_phone IS NULL)", name="kin"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"), index=True)
    status: Mapped[str] = mapped_column(sa.String(10))
    joined_at: Mapped[datetime]
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    told_at: Mapped[datetime | None]
    """When an exclusion was announced: seven days to answer run from here (R26)."""
    told_reason: Mapped[str | None] = mapped_column(sa.String(200))
    died_at: Mapped[datetime | None]
    kin_name: Mapped[str | None] = mapped_column(sa.String(80))
    """The next of kin, seen by the member and by platform support only (R28)."""
    kin_phone: Mapped[str | None] = mapped_column(sa.String(20))
    pays_alone_since: Mapped[datetime | None]
    """Since when the wallet pays each contribution on its due date; NULL: the member pays."""


class Office(StrEnum):
    """An office of the bureau (TONTINE §1.2); the first three may sign money out (R20)."""

    PRESIDENT = Officer.PRESIDENT.value
    TREASURER = Officer.TREASURER.value
    AUDITOR = Officer.AUDITOR.value
    SECRETARY = "secretaire"
    CENSOR = "censeur"


class OfficeHeld(Base):
    """A member in an office, from one moment to another."""

    __tablename__ = "tontine_office"
    __table_args__ = (
        sa.CheckConstraint(among("office", Office), name="office"),
        sa.CheckConstraint("until IS NULL OR until >= since", name="until"),
        sa.Index(
            "uq_tontine_office_held",
            *("tontine_id", "office", "deputy"),
            unique=True,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"), index=True)
    office: Mapped[str] = mapped_column(sa.String(12))
    deputy: Mapped[bool] = mapped_column(default=False)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine_member.id"), index=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class Invite(Base):
    """A door into a circle: a link for so many people, or one named number."""

    __tablename__ = "tontine_invite"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('link', 'named')", name="kind"),
        sa.CheckConstraint("(kind = 'named') = (phone IS NOT NULL)", name="phone"),
        sa.CheckConstraint("uses BETWEEN 0 AND max_uses AND max_uses > 0", name="uses"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(5))
    phone: Mapped[str | None] = mapped_column(sa.String(20))
    max_uses: Mapped[int]
    uses: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class JoinRequest(Base):
    """Somebody asks to be let in."""

    __tablename__ = "tontine_join_request"
    __table_args__ = (
        sa.CheckConstraint(among("status", RequestStatus), name="status"),
        sa.CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided"),
        sa.Index(
            "uq_tontine_join_request_pending",
            *("tontine_id", "user_id"),
            unique=True,
            sqlite_where=sa.text("status = 'pending'"),
            postgresql_where=sa.text("status = 'pending'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tontine_id: Mapped[int] = mapped_column(sa.ForeignKey("tontine.id"), index=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    words: Mapped[str] = mapped_column(sa.String(300), default="")
    status: Mapped[str] = mapped_column(sa.String(10))
    asked_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
