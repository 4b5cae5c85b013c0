"""Puts messages in the outbox and sends those that are due, at least once and rarely twice."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import requests
import sqlalchemy as sa
from flask import current_app

from shop import boundary, clock
from shop.db import in_transaction, insert, session, transaction
from shop.notices.gsm7 import plain
from shop.notices.models import Kind, Notice

logger = logging.getLogger(__name__)

#: Longer than a call may take, so that nobody else sends the same message meanwhile.
LEASE_S: Final = 30
TIMEOUT_S: Final = 5
#: Seconds to wait after the 1st, 2nd ... failure; after the last the message is given up.
BACKOFF_S: Final = (5, 15, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600)
#: Messages whose text is worthless, or worse, once they were sent.
SECRET: Final = {Kind.SIGN_IN_CODE, Kind.HAND_OVER_CODE}


@dataclass(frozen=True, slots=True)
class _Claimed:
    id: int
    phone: str
    text: str
    tries: int


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell a phone; the same key is told once."""

    key: str
    phone: str
    kind: str
    text: str


def put(key: str, phone: str, kind: str, text: str) -> bool:
    """Write a message in the caller's transaction; the same key is told once. Say if it is new."""
    assert in_transaction(), "a message is written with what it tells"
    row = _row(Message(key, phone, kind, text))
    return session.scalar(_once().values(row).returning(Notice.id)) is not None


def put_all(messages: Sequence[Message]) -> None:
    """Write many messages at once, in the caller's transaction."""
    assert in_transaction(), "a message is written with what it tells"
    if messages:
        session.execute(_once(), [_row(message) for message in messages])


def _once() -> Any:
    return insert(Notice).on_conflict_do_nothing(index_elements=["key"])


def _row(message: Message) -> dict[str, object]:
    now = clock.now()
    return {
        "key": message.key, "phone": message.phone, "kind": message.kind,
        "text": plain(message.text), "tries": 0, "created_at": now, "next_try_at": now,
    }  # fmt: skip


def send_due(limit: int = 50) -> int:
    """Send what is due, oldest first; say how many were sent. Anyone may call it at any time."""
    url = current_app.config["SETTINGS"].sms_url
    if url is None:
        logger.warning("SMS_URL is not set: messages wait in the outbox")
        return 0
    sent = 0
    for message in _claim(limit):
        ok = _post(url, message)
        _record(message, ok=ok)
        sent += ok
    return sent


def _claim(limit: int) -> list[_Claimed]:
    """Lease due messages: the try is counted before the call, so that a crash is a try too."""
    with transaction():
        due = session.scalars(
            sa.select(Notice)
            .where(Notice.next_try_at <= clock.now())
            .order_by(Notice.next_try_at, Notice.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for place, notice in enumerate(due, start=1):
            notice.tries += 1
            # They are sent one after another: the last one's lease covers those before it.
            notice.next_try_at = clock.after(LEASE_S + place * 2 * TIMEOUT_S)
        return [_Claimed(n.id, n.phone, n.text, n.tries) for n in due]


def _post(url: str, message: _Claimed) -> bool:
    assert not boundary.in_transaction(), "no transaction is open while the gateway thinks"
    try:
        answer = requests.post(
            url,
            json={"to": message.phone, "text": message.text},
            timeout=(TIMEOUT_S, TIMEOUT_S),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        logger.warning("notice %s not sent: %s", message.id, type(error).__name__)
        return False
    if not 200 <= answer.status_code < 300:
        logger.warning("notice %s refused: HTTP %s", message.id, answer.status_code)
        return False
    return True


def _record(message: _Claimed, *, ok: bool) -> None:
    with transaction():
        notice = session.get_one(Notice, message.id)
        if ok:
            notice.sent_at, notice.next_try_at = clock.now(), None
            notice.text = "" if notice.kind in SECRET else notice.text
        elif notice.sent_at is None:
            notice.next_try_at = _next_try(message.tries)


def _next_try(tries: int) -> datetime | None:
    return clock.after(BACKOFF_S[tries - 1]) if tries <= len(BACKOFF_S) else None
