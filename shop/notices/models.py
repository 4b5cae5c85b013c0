"""The outbox: a message is a row first, so that it is told exactly when what it tells is true."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.db import Base


class Kind(StrEnum):
    """What a message is about."""

    SIGN_IN_CODE = "sign_in_code"
    ORDER_PAID = "order_paid"
    SALE = "sale"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_VERIFYING = "payment_verifying"
    MONEY_KEPT = "money_kept"
    ORDER_STEP = "order_step"
    MESSAGE = "message"
    DISPUTE = "dispute"
    HAND_OVER_CODE = "hand_over_code"
    PAYOUT_SENT = "payout_sent"
    PAYOUT_ARRIVED = "payout_arrived"
    PAYOUT_RETURNED = "payout_returned"
    PAYOUT_LATE = "payout_late"
    PAYOUT_NUMBER = "payout_number"
    REFUND_KEPT = "refund_kept"
    STAFF_ALERT = "staff_alert"
    TONTINE = "tontine"
    TOPPED_UP = "topped_up"
    MONEY_BLOCKED = "money_blocked"
    WITHDRAWAL_NUMBER = "withdrawal_number"


class Notice(Base):
    """One SMS to one phone."""

    __tablename__ = "notice"
    __table_args__ = (
        sa.CheckConstraint("tries >= 0", name="tries"),
        sa.CheckConstraint("sent_at IS NULL OR next_try_at IS NULL", name="sent_once"),
        sa.Index(
            "ix_notice_due",
            "next_try_at",
            sqlite_where=sa.text("next_try_at IS NOT NULL"),
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(80), unique=True)
    """What the message tells, so that it is told once: `order-paid:PX7K4M2Q`."""
    kind: Mapped[str] = mapped_column(sa.String(30))
    phone: Mapped[str] = mapped_column(sa.String(20))
    text: Mapped[str] = mapped_column(sa.String(480))
    """Emptied once sent when it held a secret."""
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    """When to try, or when the lease of who is trying ends; None when there is nothing left to do."""
