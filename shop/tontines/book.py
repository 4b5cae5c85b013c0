"""The book (cahier) of a circle: each line carries the hash of the one before (TONTINE §4, §8).

`facts` is JSON with sorted keys; it names shares by code, members by id, never a phone number. Any
member who kept the hash of a line can prove later that what came before it was not rewritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, session
from shop.money import Money
from shop.tontines.bureau_models import Event

GENESIS: Final = "0" * 64


def write(tontine_id: int, what: str, actor_id: int | None = None, **facts: object) -> Event:
    """Add a line; the caller holds the circle's lock, so that lines follow one another."""
    assert in_transaction(), "a line of the book is written with what it tells"
    last = session.execute(
        sa.select(Event.seq, Event.hash)
        .where(Event.tontine_id == tontine_id)
        .order_by(Event.seq.desc())
        .limit(1)
    ).one_or_none()
    row = Event(
        tontine_id=tontine_id,
        seq=last.seq + 1 if last else 1,
        at=clock.now(),
        actor_id=actor_id,
        what=what,
        facts=json.dumps(facts, sort_keys=True, ensure_ascii=False, default=_plain),
        prev_hash=last.hash if last else GENESIS,
        hash="",
    )
    row.hash = line_hash(row)
    session.add(row)
    session.flush()
    return row


def _plain(value: object) -> object:
    if isinstance(value, Money):
        return value.amount
    assert isinstance(value, datetime), f"not a fact: {value!r}"
    return _moment(value)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def line_hash(row: Event) -> str:
    """Hash everything a line says and the hash before it."""
    says = [row.tontine_id, row.seq, _moment(row.at), row.actor_id, row.what, row.facts]
    text = json.dumps([row.prev_hash, *says], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def facts_of(row: Event) -> dict[str, object]:
    """Read a line's facts back."""
    facts: dict[str, object] = json.loads(row.facts)
    return facts


def lines(
    tontine_id: int, *, what: str | None = None, before: int | None = None, limit: int = 50
) -> list[Event]:
    """List lines, newest first; of one kind, before a line, when asked."""
    query = sa.select(Event).where(Event.tontine_id == tontine_id)
    if what is not None:
        query = query.where(Event.what == what)
    if before is not None:
        query = query.where(Event.seq < before)
    return list(session.scalars(query.order_by(Event.seq.desc()).limit(limit)))


def whole(tontine_id: int) -> Iterator[Event]:
    """Give every line, oldest first, a few hundred at a time."""
    yield from _all(tontine_id)


def broken_at(tontine_id: int) -> int | None:
    """Verify the chain from the first line to the last: the first that is wrong, or None."""
    previous = GENESIS
    for seq, row in enumerate(_all(tontine_id), start=1):
        if row.seq != seq or row.prev_hash != previous or line_hash(row) != row.hash:
            return seq
        previous = row.hash
    return None


def _all(tontine_id: int) -> Iterator[Event]:
    query = sa.select(Event).where(Event.tontine_id == tontine_id).order_by(Event.seq)
    yield from session.scalars(query.execution_options(yield_per=500))
