"""Alerts: one row per episode, from the moment it was noticed until it was over."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class AlertKind(StrEnum):
    """What is wrong."""

    SUCCESS = "success"
    """Too few attempts of a method succeed."""
    BREAKER = "breaker"
    """A provider is left alone because its calls come to nothing."""
    SILENCE = "silence"
    """A provider's webhooks do not come."""
    STUCK = "stuck"
    """Attempts whose fate nobody has known for a quarter of an hour."""


_OPEN = sa.text("closed_at IS NULL")


class Alert(Base):
    """One episode of one thing being wrong."""

    __tablename__ = "alert"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('success', 'breaker', 'silence', 'stuck')", name="kind"),
        sa.Index(
            "uq_alert_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    subject: Mapped[str] = mapped_column(sa.String(60))
    """A provider, one of its operations (`wave:collect`), or a method's code."""
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    """The figures that opened it."""
    told: Mapped[int]
    """How many people of the shop were sent a message."""
