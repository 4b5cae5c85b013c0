"""Looks at providers once a minute: outcomes, breakers, webhooks, attempts nobody knows the end of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from flask import current_app

from shop import clock
from shop.alerts import rules
from shop.alerts.rules import Reading
from shop.db import session
from shop.payments import outcomes
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus
from shop.providers import methods
from shop.switches.models import Kind, Switch

#: Alerts look further back than choices: a slow decline is seen too.
OUTCOMES: Final = 100
OUTCOMES_WINDOW: Final = timedelta(hours=24)
#: The latest verified payments looked at for announcements, and how long a webhook may take.
VERIFIED: Final = 20
ANNOUNCING: Final = timedelta(seconds=60)
#: A breaker that was closed for less than this may open again: the episode goes on.
CALM: Final = timedelta(minutes=5)
#: How long an attempt may be `unknown` before staff hear of it.
STUCK: Final = timedelta(minutes=15)


def all_readings() -> list[Reading]:
    """Look at everything; what is not in the answer is well."""
    return [*_successes(), *_breakers(), *_silences(), *_stuck()]


def _successes() -> Iterator[Reading]:
    loaded, percent = payments.providers(), current_app.config["SETTINGS"].alert_percent
    codes = [row.code for row in methods.rows() if row.provider in loaded]
    counted = outcomes.latest(codes, clock.now(), most=OUTCOMES, window=OUTCOMES_WINDOW)
    for code, found in counted.items():
        yield rules.success(code, successes=found.successes, ended=found.ended, percent=percent)


def _breakers() -> Iterator[Reading]:
    now = clock.now()
    end = sa.func.coalesce(Switch.ended_at, Switch.until)
    lately = sa.select(Switch.target, sa.func.max(end)).where(
        Switch.kind == Kind.RESTING, end > now - CALM
    )
    for target, until in session.execute(lately.group_by(Switch.target)):
        yield rules.breaker(target, resting=until > now)


def _silences() -> Iterator[Reading]:
    """Providers that announce nothing at all by design are not asked."""
    for name, provider in payments.providers().items():
        if provider.can.webhook is not None:
            announced, verified = announcements(name)
            yield rules.silence(name, announced=announced, verified=verified)


def announcements(provider: str) -> tuple[int, int]:
    """Give, of a provider's latest verified payments, how many a webhook named, and how many there are."""
    now = clock.now()
    latest = (
        sa.select(Payment.announced_at)
        .where(
            Payment.provider == provider,
            Payment.status == PaymentStatus.SUCCEEDED,
            Payment.settled_at > now - OUTCOMES_WINDOW,
            Payment.settled_at <= now - ANNOUNCING,
        )
        .order_by(Payment.settled_at.desc(), Payment.id.desc())
        .limit(VERIFIED)
        .subquery()
    )
    query = sa.select(sa.func.count(latest.c.announced_at), sa.func.count())
    announced, verified = session.execute(query.select_from(latest)).one()
    return announced, verified


def _stuck() -> Iterator[Reading]:
    query = (
        sa.select(Payment.provider, sa.func.count(Payment.id))
        .where(
            # Whoever is undecided is due some day: the index of due rows is all that is read.
            Payment.next_check_at.is_not(None),
            Payment.status == PaymentStatus.UNKNOWN,
            Payment.created_at < clock.now() - STUCK,
        )
        .group_by(Payment.provider)
    )
    for provider, attempts in session.execute(query):
        yield rules.stuck(provider, attempts=attempts)
