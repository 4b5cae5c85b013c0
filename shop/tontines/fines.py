"""What lateness costs: computed by dates, never by clicks, and never on a fine (R11, T12)."""

from __future__ import annotations

from datetime import datetime, timedelta

from shop.money import Money
from shop.tontines.calendar import DatedRound
from shop.tontines.rules import Fine


def fine(rule: Fine, *, unpaid: Money, days_late: int) -> Money:
    """The whole fine of one share for one due, `days_late` days after it was due.

    `unpaid` is what was missing when the grace ended: a percentage is taken of that, once.
    """
    if days_late <= 0 or not unpaid:
        return unpaid * 0
    periods = -(-days_late // rule.every_days)
    charged = unpaid.share(rule.unpaid_bp) if rule.unpaid_bp else rule.flat * periods
    return min(charged, rule.cap) if rule.cap is not None else charged


def days_late(dated: DatedRound, paid_at: datetime) -> int:
    """Started days between the due time and the payment; none while the grace runs (R7)."""
    if paid_at < dated.grace_until:
        return 0
    return -(-(paid_at - dated.due_at) // timedelta(days=1))
