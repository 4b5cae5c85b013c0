"""What was observed of providers, minute by minute. Figures, not records: old ones may go."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class ProviderMinute(Base):
    """The calls of one operation that came to the same within one minute."""

    __tablename__ = "provider_minute"
    __table_args__ = (sa.CheckConstraint("calls > 0", name="calls"),)

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    operation: Mapped[str] = mapped_column(sa.String(30), primary_key=True)
    result: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    """`answered`, `busy`, or the kind of failure."""
    calls: Mapped[int]
    total_ms: Mapped[int]
    longest_ms: Mapped[int]
