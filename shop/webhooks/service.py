"""The inbox: keep what a provider sent, answer, and let a job look at what it is about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Final

import sqlalchemy as sa

from shop import clock, references
from shop.db import in_transaction, insert, is_postgres, run_alone, session
from shop.providers.base import Provider
from shop.providers.values import Authenticity, Notice
from shop.webhooks.models import EventStatus, WebhookEvent

#: Waits after a failed try, in seconds; then the event is dead and staff are told (E7).
RETRIES_S: Final = (10, 60, 300, 1_800, 7_200, 21_600, 86_400)
#: A message larger than this is nobody's webhook.
MAX_BYTES: Final = 64 * 1024


class Reception(StrEnum):
    """What became of a message at the door."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REJECTED = "rejected"


def receive(
    provider: Provider, *, headers: Mapping[str, str], body: bytes, path_token: str | None
) -> Reception:
    """Check the raw bytes and store the message in one INSERT; nothing else happens here (E1).

    A message seen before is a duplicate and changes nothing (J2). One that claims to be signed and
    is not leaves its hash only.
    """
    notice = provider.parse_webhook(headers=headers, body=body, now_s=clock.now().timestamp())
    row = _row(provider.name, notice, body, path_token)
    stored = run_alone(_insertion(is_postgres()), row)
    if notice.authenticity is Authenticity.REJECTED:
        return Reception.REJECTED
    if stored is None:
        return Reception.DUPLICATE
    return Reception.IGNORED if notice.ignorable else Reception.STORED


@cache
def _insertion(_postgres: bool) -> sa.Insert:
    """Build the one statement of this door once per dialect: building costs more than running."""
    table = WebhookEvent.__table__
    once = insert(table).on_conflict_do_nothing(index_elements=["provider", "dedupe_key"])
    statement: sa.Insert = once.returning(table.c.id)
    return statement


def _row(provider: str, notice: Notice, body: bytes, path_token: str | None) -> dict[str, object]:
    rejected = notice.authenticity is Authenticity.REJECTED
    status = EventStatus.QUEUED
    if rejected:
        status = EventStatus.REJECTED
    elif notice.ignorable:
        status = EventStatus.IGNORED
    now = clock.now()
    return {
        "provider": provider,
        "dedupe_key": _dedupe_key(notice, body, path_token),
        "authenticity": notice.authenticity,
        "path_token": path_token,
        "kind": notice.kind[:60],
        # Anybody may write here: what cannot be ours names nothing.
        "reference": references.parse(notice.reference or ""),
        "provider_ref": notice.provider_ref[:80] if notice.provider_ref else None,
        "echo_hash": _hash(notice.echoed_token.encode()) if notice.echoed_token else None,
        "body": None if rejected else body,
        "status": status,
        "received_at": now,
        "processed_at": None if status is EventStatus.QUEUED else now,
        "tries": 0,
        "next_try_at": now if status is EventStatus.QUEUED else None,
    }


def _dedupe_key(notice: Notice, body: bytes, path_token: str | None) -> str:
    """A genuine event has its own id; anything else is known by its path and bytes.

    Only a signed id counts: an unsigned message could wear the id of a real one and silence it.
    """
    if notice.event_id and notice.authenticity is Authenticity.SIGNED:
        return notice.event_id[:80]
    return _hash((path_token or "").encode() + b"\n" + notice.authenticity.encode() + b"\n" + body)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def claim(limit: int) -> Sequence[WebhookEvent]:
    """Lock queued messages that are due, oldest first, for the caller's transaction."""
    assert in_transaction(), "messages are processed inside a transaction"
    return session.scalars(
        sa.select(WebhookEvent)
        .where(WebhookEvent.status == EventStatus.QUEUED, WebhookEvent.next_try_at <= clock.now())
        .order_by(WebhookEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def finish(event: WebhookEvent, status: EventStatus) -> None:
    """Put a message away."""
    event.status = status
    event.processed_at = clock.now()
    event.next_try_at = None


def retry_later(event: WebhookEvent, error: str) -> None:
    """Try a message again later, or bury it after the last try."""
    event.error = error[:200]
    event.tries += 1
    if event.tries > len(RETRIES_S):
        finish(event, EventStatus.DEAD)
    else:
        event.next_try_at = clock.after(RETRIES_S[event.tries - 1])
