"""Switches: rows that are true from a moment until they are ended, or until their time is up."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class Kind(StrEnum):
    """Why something is out of use, or watched more closely."""

    PAUSED = "paused"
    """A person of the shop stopped it."""
    RESTING = "resting"
    """A worker's circuit breaker opened."""
    SILENT = "silent"
    """The provider's webhooks do not come: we ask more often."""


_OPEN = sa.text("ended_at IS NULL")


class Switch(Base):
    """One stop of one thing; ended ones stay as the history of who stopped what, and why."""

    __tablename__ = "switch"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('paused', 'resting', 'silent')", name="kind"),
        sa.CheckConstraint("kind <> 'paused' OR reason <> ''", name="reason"),
        sa.Index(
            "uq_switch_open",
            "target",
            "kind",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(sa.String(60))
    """`wave:collect` for a provider and direction or operation, `mtn-ci` for one method."""
    kind: Mapped[str] = mapped_column(sa.String(8))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    """When it ends by itself; None: when somebody ends it."""
    by_whom: Mapped[str] = mapped_column(sa.String(40))
    reason: Mapped[str] = mapped_column(sa.String(200))
    ended_at: Mapped[datetime | None]
