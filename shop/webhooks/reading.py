"""Reading the inbox for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop.db import session
from shop.errors import NotFound
from shop.webhooks.models import EventStatus, WebhookEvent


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, newest first, and where the next page begins."""

    events: Sequence[WebhookEvent]
    next_id: int | None


def search(
    *,
    provider: str | None = None,
    status: EventStatus | None = None,
    since: datetime | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> Page:
    """List messages, newest first."""
    query = sa.select(WebhookEvent)
    if provider is not None:
        query = query.where(WebhookEvent.provider == provider)
    if status is not None:
        query = query.where(WebhookEvent.status == status)
    if since is not None:
        query = query.where(WebhookEvent.received_at >= since)
    if before_id is not None:
        query = query.where(WebhookEvent.id < before_id)
    rows = session.scalars(query.order_by(WebhookEvent.id.desc()).limit(limit + 1)).all()
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def find(event_id: int) -> WebhookEvent:
    """Find a message by its number. Raises `NotFound`."""
    event = session.get(WebhookEvent, event_id)
    if event is None:
        raise NotFound("webhook event")
    return event


def naming(
    provider: str,
    *,
    path_token: str,
    reference: str,
    provider_ref: str | None,
    echo_hash: str | None,
) -> Sequence[WebhookEvent]:
    """List the messages that name one attempt by anything it is known by, oldest first."""
    names = (
        (WebhookEvent.path_token, path_token),
        (WebhookEvent.reference, reference),
        (WebhookEvent.provider_ref, provider_ref),
        (WebhookEvent.echo_hash, echo_hash),
    )
    named = [column == value for column, value in names if value]
    return session.scalars(
        sa.select(WebhookEvent)
        .where(WebhookEvent.provider == provider, sa.or_(*named))
        .order_by(WebhookEvent.id)
        .limit(200)
    ).all()
