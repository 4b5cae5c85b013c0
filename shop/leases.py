"""Rows that a provider is asked about: one asker at a time, quickly at first, then slowly, never forgotten.

What payments and payouts share. A row that is due is leased to one asker; the lease is committed before
any byte leaves, and an answer that comes back under another lease's token changes nothing (J4, W2).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Mapped, mapped_column

from shop import clock, references
from shop.db import in_transaction, session
from shop.providers.base import Provider
from shop.providers.values import Outcome, ProviderRejected, ProviderUnavailable, Status

logger = logging.getLogger(__name__)

#: Answers settled in one transaction; a batch that fails is replayed one by one.
BATCH: Final = 50
#: After an attempt failed, when to look again for money that moved late all the same (D4, P8).
LATE_WATCH_S: Final = (300.0, 3_600.0, 86_400.0)
#: Past the provider's finality window an undecided attempt is asked daily, this long.
LAST_ASK_S: Final = 7 * 86_400.0
#: A "check now" and a webhook ask the provider at most this often per attempt.
CHECK_EVERY_S: Final = 5.0
_CHECK_EVERY: Final = timedelta(seconds=CHECK_EVERY_S)


class Asked:
    """The columns of an attempt that a provider is asked to carry out, and then asked about."""

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(sa.String(8), unique=True)
    provider: Mapped[str] = mapped_column(sa.String(20))
    status: Mapped[str] = mapped_column(sa.String(10))
    provider_ref: Mapped[str | None] = mapped_column(sa.String(80))
    memory: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    """What the provider asked us to remember; never shown, never logged."""
    callback_token: Mapped[str] = mapped_column(sa.String(43), unique=True)
    """Last part of the webhook address of this attempt alone."""

    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    checks: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(sa.String(32))
    lease_until: Mapped[datetime | None]


A = TypeVar("A", bound=Asked)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds an attempt, and until when. Safe to use outside a transaction."""

    provider: str
    reference: str
    token: str
    lease_until: datetime


L = TypeVar("L", bound=Lease)


# Without slots: Python 3.11 cannot make a frozen, slotted value of a generic by its alias.
@dataclass(frozen=True)
class Answer(Generic[L]):
    """What came of asking a provider about one leased attempt."""

    claim: L
    said: Outcome | ProviderRejected | ProviderUnavailable
    asked_at: datetime
    """When the question left: an absence counts only if it was observed late enough (W5)."""
    submitted: bool
    """True for the first request, False for a question about its fate."""
    said_by: str = ""
    """Who answered, where it was not the provider: `staff`."""

    @property
    def source(self) -> str:
        """The word of the event rows."""
        return self.said_by or ("submit" if self.submitted else "verify")

    @property
    def heard_at(self) -> datetime | None:
        """When the question left that was answered to the point; None for silence, and for "not yet":
        what is said to be under way is looked at again, whatever we believed of it."""
        said = self.said
        if isinstance(said, ProviderUnavailable):
            return None
        if isinstance(said, Outcome) and said.status is Status.PENDING and not said.untouched:
            return None
        return self.asked_at


def providers() -> dict[str, Provider]:
    """The loaded providers by name."""
    found: dict[str, Provider] = current_app.extensions["providers"]
    return found


def provider_of(row: Asked) -> Provider:
    """The provider an attempt goes through."""
    return providers()[row.provider]


def unused_reference(model: type[Asked]) -> str:
    """Choose a reference that no other row of this kind has."""
    while True:
        reference = references.new()
        if session.scalar(sa.select(model.id).where(model.reference == reference)) is None:
            return reference


def locked(model: type[A], ids: Iterable[int]) -> dict[int, A]:
    """Lock attempts in id order and read them as they are now."""
    assert in_transaction(), "a lock lasts as long as its transaction"
    rows = session.scalars(
        sa.select(model)
        .where(model.id.in_(sorted(ids)))
        .order_by(model.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in rows}


def due_providers(model: type[Asked], statuses: Sequence[str]) -> list[str]:
    """Name the providers with something due in these states: a look, without a lock."""
    query = sa.select(model.provider).where(*_is_due(model, statuses)).distinct()
    return sorted(session.scalars(query))


def due(
    model: type[A],
    provider: str,
    statuses: Sequence[str],
    limit: int,
    *also: sa.ColumnElement[bool],
) -> Sequence[A]:
    """Lock the attempts of a provider that are due and that nobody holds, the longest due first."""
    assert in_transaction(), "claims are committed before anybody is called"
    return session.scalars(
        sa.select(model)
        .where(model.provider == provider, *_is_due(model, statuses), *also)
        .order_by(model.next_check_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def _is_due(model: type[Asked], statuses: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    now = clock.now()
    return [
        model.status.in_(statuses),
        model.next_check_at <= now,
        sa.or_(model.lease_until.is_(None), model.lease_until <= now),
    ]


def lease(row: Asked) -> Lease:
    """Give a locked row to its caller alone, for as long as its provider's timing says."""
    token, until = secrets.token_hex(16), clock.after(provider_of(row).timing.lease_s)
    row.lease_token, row.lease_until = token, until
    # Whoever dies now is found again when the lease has run out.
    row.next_check_at = until
    return Lease(row.provider, row.reference, token, until)


def free(row: Asked) -> None:
    """Give the lease back."""
    row.lease_token = None
    row.lease_until = None


def remember(row: Asked, outcome: Outcome) -> None:
    """Keep what the provider told us about itself; its id for the attempt is set once (P9)."""
    if outcome.provider_ref and row.provider_ref is None:
        row.provider_ref = outcome.provider_ref
    if outcome.memory:
        row.memory = {**row.memory, **outcome.memory}


def surely_visible_at(row: Asked) -> datetime:
    """Say from when on a request that is not seen can no longer be on its way (W5)."""
    timing = provider_of(row).timing
    assert row.sent_at is not None, "an attempt that was never sent is not asked about"
    return row.sent_at + timedelta(
        seconds=timing.lease_s + timing.total_s + timing.visibility_lag_s
    )


def open_wait_s(row: Asked, since: datetime) -> float | None:
    """Wait before asking again about an undecided attempt; None when it was asked for long enough."""
    timing, age_s = provider_of(row).timing, (clock.now() - since).total_seconds()
    if row.checks <= len(timing.polls_s):
        return timing.polls_s[row.checks - 1]
    if age_s > LAST_ASK_S:
        return None
    return 3_600.0 if age_s < timing.finality_s else 86_400.0


def late_watch_s(failed_at: datetime, heard_at: datetime | None) -> float | None:
    """Wait for the next late look. One that met silence, or came too soon, was no look at all."""
    since_s = (clock.now() - failed_at).total_seconds()
    if heard_at is None:
        waits = [at_s - since_s for at_s in LATE_WATCH_S if at_s > since_s]
        return min([3_600.0, *waits]) if since_s < LAST_ASK_S else None
    seen_s = (heard_at - failed_at).total_seconds()
    next_s = next((at_s for at_s in LATE_WATCH_S if at_s > seen_s), None)
    return None if next_s is None else max(next_s - since_s, CHECK_EVERY_S)


def jittered(wait_s: float) -> float:
    """Spread waits by a tenth, so that a thousand attempts do not ask in the same second."""
    return wait_s * (1 + (secrets.randbelow(201) - 100) / 1000)


def make_due(rows: Iterable[Asked]) -> int:
    """Ask about these now, unless somebody is asking or just asked; give how many."""
    assert in_transaction(), "due times change inside the caller's transaction"
    now, recently = clock.now(), clock.after(-CHECK_EVERY_S)
    count = 0
    for row in rows:
        asked = row.checked_at
        at = now if asked is None or asked <= recently else asked + _CHECK_EVERY
        if row.next_check_at is None or row.next_check_at > at:
            row.next_check_at = at
            count += 1
    return count


def named(model: type[A], provider: str, *facts: tuple[Any, str | None]) -> Sequence[A]:
    """Find and lock the attempts a message is about, by any (column, value) it rightly names."""
    told = [column == value for column, value in facts if value]
    if not told:
        return []
    return session.scalars(
        sa.select(model)
        .where(model.provider == provider, sa.or_(*told))
        .order_by(model.id)
        .with_for_update()
    ).all()


def adopt(
    rows: Sequence[Asked], path_token: str | None, reference: str | None, provider_ref: str | None
) -> bool:
    """Keep the provider's id that a signed message tells on the address of one attempt alone.

    An attempt whose first answer was lost is asked about by it, where nothing else would find it. The
    caller knows that the message is signed; what it says of the outcome is still only a hint.
    """
    if len(rows) != 1 or not path_token or not provider_ref:
        return False
    (row,) = rows
    if row.callback_token != path_token or reference not in (None, row.reference):
        return False
    if row.settled_at or row.provider_ref is not None or _taken(row, provider_ref):
        return False
    row.provider_ref = provider_ref
    return True


def _taken(row: Asked, provider_ref: str) -> bool:
    model = type(row)
    same = sa.select(model.id).where(
        model.provider == row.provider, model.provider_ref == provider_ref
    )
    return session.scalar(same) is not None


def settle_in_batches(
    answers: Sequence[Answer[L]],
    settle: Callable[[Sequence[Answer[L]]], int],
    alone: Callable[[Answer[L]], int],
) -> int:
    """Settle many answers at once; a batch that fails is settled one by one, so that a poisoned row
    parks alone. Give what `settle` and `alone` counted."""
    count = 0
    for start in range(0, len(answers), BATCH):
        batch = answers[start : start + BATCH]
        try:
            count += settle(batch)
        except Exception:
            logger.exception("a batch of %d answers failed; replaying one by one", len(batch))
            count += sum(alone(answer) for answer in batch)
    return count
