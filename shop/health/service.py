"""Writes what was observed of providers in batches, and reads it for people."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from shop import clock
from shop.db import insert, retrying, session, transaction
from shop.health.models import ProviderMinute
from shop.health.observed import Batch, Observations
from shop.switches import service as switches
from shop.switches.models import Kind

logger = logging.getLogger(__name__)

#: Figures older than this are forgotten.
KEPT_S: Final = 35 * 86_400.0
#: Results that are no failure of the provider: a refusal is an answer, "busy" is not "broken".
HEALTHY: Final = frozenset({"answered", "busy"})


def flush(*, now: bool = False) -> int:
    """Write what this process observed, when it is time or `now`; give how many rows.

    A database that does not answer loses nothing: the counts wait for the next time.
    """
    observations: Observations | None = current_app.extensions.get("health")
    if observations is None or not (now or observations.due()):
        return 0
    batch = observations.take()
    try:
        return _write(batch) if batch else 0
    except SQLAlchemyError as error:
        observations.put_back(batch)
        logger.warning("observations wait: the database said %s", type(error).__name__)
        return 0


@retrying
def _write(batch: Batch) -> int:
    rows = [
        {
            "minute": key.minute, "provider": key.provider, "operation": key.operation,
            "result": key.result, "calls": tally.calls, "total_ms": tally.total_ms,
            "longest_ms": tally.longest_ms,
        }
        # In one order, so that two processes that write the same minute do not lock crosswise.
        for key, tally in sorted(batch.tallies.items(), key=lambda item: _order(item[0]))
    ]  # fmt: skip
    with transaction():
        if rows:
            session.execute(_adding(), rows)
        for target, until in sorted(batch.rests.items()):
            _write_rest(target, until)
    return len(rows) + len(batch.rests)


def _order(key: Any) -> tuple[datetime, str, str, str]:
    return key.minute, key.provider, key.operation, key.result


def _adding() -> Any:
    new = insert(ProviderMinute)
    longest = sa.case(
        (new.excluded.longest_ms > ProviderMinute.longest_ms, new.excluded.longest_ms),
        else_=ProviderMinute.longest_ms,
    )
    return new.on_conflict_do_update(
        index_elements=["minute", "provider", "operation", "result"],
        set_={
            "calls": ProviderMinute.calls + new.excluded.calls,
            "total_ms": ProviderMinute.total_ms + new.excluded.total_ms,
            "longest_ms": longest,
        },
    )


def _write_rest(target: str, until: datetime | None) -> None:
    if until is None:
        switches.end(target, Kind.RESTING)
        logger.info("%s answers again", target)
        return
    reason = "too many calls came to nothing"
    switches.put(target, Kind.RESTING, by_whom="breaker", reason=reason, until=until)
    logger.warning("%s rests until %s", target, until.isoformat(timespec="seconds"))


def forget_old() -> int:
    """Delete figures nobody reads any more; give how many rows."""
    with transaction():
        old = sa.delete(ProviderMinute).where(ProviderMinute.minute < clock.after(-KEPT_S))
        return len(session.execute(old.returning(ProviderMinute.calls)).all())


@dataclass(frozen=True, slots=True)
class Calls:
    """What one operation of one provider came to over a time."""

    provider: str
    operation: str
    calls: int
    failed: int
    mean_ms: int
    longest_ms: int
    errors: dict[str, int]
    """How many calls of each kind of failure."""


def calls_since(moment: datetime, provider: str | None = None) -> list[Calls]:
    """Add up what was observed since a moment, per provider and operation."""
    row = ProviderMinute
    query = (
        sa.select(
            row.provider, row.operation, row.result,
            sa.func.sum(row.calls).label("calls"), sa.func.sum(row.total_ms).label("total_ms"),
            sa.func.max(row.longest_ms).label("longest_ms"),
        )
        .where(row.minute >= moment)
        .group_by(row.provider, row.operation, row.result)
        .order_by(row.provider, row.operation, row.result)
    )  # fmt: skip
    if provider is not None:
        query = query.where(row.provider == provider)
    grouped: dict[tuple[str, str], list[Any]] = {}
    for found in session.execute(query):
        grouped.setdefault((found.provider, found.operation), []).append(found)
    return [_calls(name, operation, rows) for (name, operation), rows in grouped.items()]


def _calls(provider: str, operation: str, rows: Sequence[Any]) -> Calls:
    calls = sum(int(row.calls) for row in rows)
    errors = {row.result: int(row.calls) for row in rows if row.result not in HEALTHY}
    return Calls(
        provider,
        operation,
        calls=calls,
        failed=sum(errors.values()),
        mean_ms=sum(int(row.total_ms) for row in rows) // calls,
        longest_ms=max(int(row.longest_ms) for row in rows),
        errors=errors,
    )
