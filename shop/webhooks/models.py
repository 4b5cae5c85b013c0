"""The inbox: every message a provider sends, as its raw bytes. The table is the queue."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class EventStatus(StrEnum):
    """Where a received message stands."""

    QUEUED = "queued"
    DONE = "done"
    IGNORED = "ignored"
    REJECTED = "rejected"
    DEAD = "dead"


_QUEUED = sa.text("status = 'queued'")


class WebhookEvent(Base):
    """One message as received. It never carries money: it is a reason to look (D5)."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        sa.UniqueConstraint("provider", "dedupe_key"),
        sa.CheckConstraint(
            "status IN ('queued', 'done', 'ignored', 'rejected', 'dead')", name="status"
        ),
        sa.Index(
            "ix_webhook_event_due", "next_try_at", sqlite_where=_QUEUED, postgresql_where=_QUEUED
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(sa.String(20))
    dedupe_key: Mapped[str] = mapped_column(sa.String(80))
    """The provider's event id, else the SHA-256 of path and bytes (J2)."""
    authenticity: Mapped[str] = mapped_column(sa.String(10))
    path_token: Mapped[str | None] = mapped_column(sa.String(43))
    kind: Mapped[str] = mapped_column(sa.String(60), default="")
    reference: Mapped[str | None] = mapped_column(sa.String(8))
    provider_ref: Mapped[str | None] = mapped_column(sa.String(80))
    echo_hash: Mapped[str | None] = mapped_column(sa.String(64))
    body: Mapped[bytes | None]
    """The bytes; not kept for rejected messages, whose hash is in `dedupe_key`."""
    status: Mapped[str] = mapped_column(sa.String(10), default=EventStatus.QUEUED)
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(sa.String(200))
