"""What one contribution paid, and the line of the book that proves it."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from shop.db import session
from shop.tontines.bureau_models import Event
from shop.tontines.cycle_models import Allocation, Contribution, DueRow, Round, Share
from shop.tontines.desk import Desk


def of(desk: Desk, row: Contribution) -> dict[str, Any]:
    """Give a receipt's lines, what stays ahead, its proof and the last proof of that day."""
    parts = session.execute(
        sa.select(Allocation.amount, DueRow.kind, Round.index, Share.code)
        .join(DueRow, DueRow.id == Allocation.due_id)
        .join(Round, Round.id == DueRow.round_id)
        .join(Share, Share.id == DueRow.share_id)
        .where(Allocation.contribution_id == row.id)
        .order_by(Round.index, Share.code, DueRow.kind)
    ).all()
    line = event_of(desk.tontine.id, row.reference)
    return {
        "parts": [(desk.money(a), kind, index, code) for a, kind, index, code in parts],
        "ahead": desk.money(row.amount - sum(part.amount for part in parts)),
        "event": line,
        "last": last_of_day(line) if line is not None else None,
    }


def event_of(tontine_id: int, reference: str) -> Event | None:
    """Find the line of the book that tells a contribution was paid."""
    needle = json.dumps({"reference": reference})[1:-1]
    return session.scalar(
        sa.select(Event)
        .where(
            Event.tontine_id == tontine_id,
            Event.what == "paid",
            Event.facts.contains(needle, autoescape=True),
        )
        .order_by(Event.seq)
        .limit(1)
    )


def last_of_day(line: Event) -> Event:
    """The last line of the same day: whoever keeps its hash holds the whole book up to it (§4)."""
    midnight = line.at.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return session.scalars(
        sa.select(Event)
        .where(Event.tontine_id == line.tontine_id, Event.at <= midnight, Event.seq >= line.seq)
        .order_by(Event.seq.desc())
        .limit(1)
    ).one()
