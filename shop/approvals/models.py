"""The table of approvals: append-only, one row per person and decision."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class Approval(Base):
    """One person's word on one decision about one subject."""

    __tablename__ = "approval"
    __table_args__ = (
        # B5: one person counts once, however often they say it.
        sa.UniqueConstraint("kind", "reference", "decision", "person"),
        sa.CheckConstraint("length(person) > 0 AND length(reason) > 0", name="named"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(12))
    """What the subject is: `payment`, `payout`."""
    reference: Mapped[str] = mapped_column(sa.String(40))
    decision: Mapped[str] = mapped_column(sa.String(120))
    """Everything that is decided, in one word or line: two people said exactly this."""
    person: Mapped[str] = mapped_column(sa.String(60))
    """The name given with `--as`, in small letters."""
    account: Mapped[str] = mapped_column(sa.String(60))
    """The account of the machine it was said from."""
    reason: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[datetime]
