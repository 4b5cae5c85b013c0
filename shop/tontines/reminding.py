"""Reminders: polite, grouped, within the hours and counts of TONTINE §10.

Before: three days ahead, and the day itself from 10:00. After: the day after the grace, then every third
day, three in all. Between 07:00 and 20:00 where the circle lives; one message a person, a day and a
currency; the amount is what remains; never to somebody whose payment is being verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import force_locale

from shop import clock
from shop.accounts.models import User
from shop.db import retrying, session, transaction
from shop.i18n import _, amount_text
from shop.money import Money
from shop.notices import service as notices
from shop.notices.gsm7 import plain
from shop.notices.models import Kind
from shop.notices.service import Message
from shop.payments.models import Payment
from shop.payments.states import LIVE, Purpose
from shop.tontines.cycle_models import Cycle, DueRow, Round, Share
from shop.tontines.dues import PAID
from shop.tontines.models import Member, RuleSet, Tontine
from shop.tontines.money_in import DueKind
from shop.tontines.reading_rules import rules_of
from shop.tontines.states import SETTLED_DUES, TontineStatus

#: Local hours in which anybody may be written to.
HOURS: Final = range(7, 20)
#: On the due day, not before this hour.
FROM: Final = 10
#: Days after the end of the grace on which the late are reminded: three times in all.
LATE_DAYS: Final = (1, 4, 7)
DAYS_BEFORE: Final = 3


@dataclass(frozen=True, slots=True)
class Reminder:
    """What one person is reminded of today, over all circles, in one currency."""

    user_id: int
    phone: str
    language: str
    amount: Money
    day: date
    late: bool

    @property
    def key(self) -> str:
        """One message a person, a day and a currency."""
        return f"remind:{self.user_id}:{self.day}:{self.amount.currency}"


def wanted() -> list[Reminder]:
    """Work out who is to be reminded now, and of how much."""
    now = clock.now()
    rows = session.execute(_candidates(now)).all()
    busy = _being_verified({row.user_id for row in rows})
    sums: dict[tuple[int, str, date], Money] = {}
    late: set[int] = set()
    people: dict[int, tuple[str, str]] = {}
    for row in rows:
        today = now.astimezone(ZoneInfo(rules_of(row.text).when.timezone))
        if row.user_id in busy or not _is_the_moment(row, now, today):
            continue
        people[row.user_id] = (row.phone, row.language)
        key = (row.user_id, row.currency, today.date())
        if row.grace_until <= now:
            late.add(row.user_id)
        sums[key] = sums.get(key, Money(0, row.currency)) + Money(int(row.unpaid), row.currency)
    return [
        Reminder(user, *people[user], amount, day, user in late)
        for (user, _currency, day), amount in sorted(sums.items(), key=lambda each: each[0])
    ]


def _candidates(now: datetime) -> Any:
    """Unpaid contributions that fall due soon or fell due lately, of living members in living circles."""
    return (
        sa.select(
            User.id.label("user_id"), User.phone, User.language, Tontine.currency, RuleSet.text,
            Round.due_at, Round.grace_until, (DueRow.amount - PAID).label("unpaid"),
        )
        .join(Round, Round.id == DueRow.round_id)
        .join(Cycle, Cycle.id == Round.cycle_id)
        .join(RuleSet, RuleSet.id == Cycle.rules_id)
        .join(Tontine, Tontine.id == Cycle.tontine_id)
        .join(Share, Share.id == DueRow.share_id)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .where(
            DueRow.kind == DueKind.CONTRIBUTION,
            DueRow.status.not_in(SETTLED_DUES),
            Round.due_at <= now + timedelta(days=DAYS_BEFORE + 1),
            Round.grace_until >= now - timedelta(days=LATE_DAYS[-1] + 1),
            Tontine.status == TontineStatus.RUNNING,
            Member.died_at.is_(None),
        )
    )  # fmt: skip


def _is_the_moment(row: Any, now: datetime, local: datetime) -> bool:
    if local.hour not in HOURS:
        return False
    if row.grace_until <= now:
        return (now - row.grace_until).days in LATE_DAYS
    due_on = row.due_at.astimezone(local.tzinfo).date()
    days = (due_on - local.date()).days
    # Between the due time and the end of the grace nobody is called late, nor written to.
    return now < row.due_at and (days == DAYS_BEFORE or (days == 0 and local.hour >= FROM))


def _being_verified(user_ids: set[int]) -> set[int]:
    return set(
        session.scalars(
            sa.select(Payment.user_id).where(
                Payment.purpose == Purpose.CONTRIBUTION,
                Payment.status.in_(LIVE),
                Payment.user_id.in_(user_ids),
            )
        )
    )


@retrying
def send() -> int:
    """Put the reminders of this moment in the outbox; each is told once. Give how many are wanted."""
    with transaction():
        reminders = wanted()
        notices.put_all(
            [Message(each.key, each.phone, Kind.TONTINE, text(each)) for each in reminders]
        )
        return len(reminders)


def text(reminder: Reminder) -> str:
    """Word a reminder: what remains, and nothing like a threat."""
    amount = amount_text(reminder.amount)
    with force_locale(reminder.language):
        if reminder.late:
            words = _(
                "Il reste %(amount)s à verser à vos tontines. Merci de régler.", amount=amount
            )
        else:
            words = _("Rappel : %(amount)s à verser à vos tontines bientôt.", amount=amount)
        return plain(words)
