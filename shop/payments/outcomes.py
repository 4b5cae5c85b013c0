"""How the latest attempts by each method ended, read from the rows: for choosing and for alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import sqlalchemy as sa

from shop.db import UtcDateTime, session
from shop.providers.reasons import Reason

#: The sliding window: so many attempts of a method at most, none older than this.
MOST: Final = 50
WINDOW: Final = timedelta(hours=6)
#: An outcome counts once it is this old: no transaction that is still open can then slip in behind a
#: count that was stored, and counting again gives the same for ever.
SETTLING: Final = timedelta(seconds=10)

#: Ends that are the payer's own and tell nothing of the provider. A request nobody answered is not
#: among them: it may be a request nobody saw.
PAYERS_OWN: Final = frozenset(
    {
        Reason.INSUFFICIENT_FUNDS, Reason.DECLINED, Reason.BAD_CODE, Reason.NOT_REGISTERED,
        Reason.WRONG_OPERATOR, Reason.LIMIT, Reason.AMOUNT, Reason.TOO_SOON, Reason.PAYER_MISMATCH,
        Reason.BLOCKED,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of the latest ended attempts by one method, how many brought money."""

    successes: int = 0
    ended: int = 0


def latest(
    methods: Sequence[str],
    as_of: datetime,
    *,
    most: int = MOST,
    window: timedelta = WINDOW,
) -> dict[str, Outcomes]:
    """Count how the latest attempts by each method ended, as it was at a moment: one statement.

    Asked again for the same moment, now or in a year, it counts the same.
    """
    if not methods:
        return {}
    values = {f"m{i}": code for i, code in enumerate(methods)}
    moments = {"since": as_of - SETTLING - window, "until": as_of - SETTLING}
    rows = session.execute(_statement(len(methods)), {**values, **moments, "most": most})
    found = {row.method: Outcomes(int(row.successes), int(row.ended)) for row in rows}
    return {code: found.get(code, Outcomes()) for code in methods}


@lru_cache(maxsize=64)
def _statement(count: int) -> sa.TextClause:
    """One short index scan per method: a busy one then costs no more than a quiet one."""
    own = ", ".join(sorted(f"'{reason}'" for reason in PAYERS_OWN))
    scans = " UNION ALL ".join(
        f"SELECT * FROM (SELECT method, status FROM payment WHERE method = :m{i}"  # noqa: S608 -- our own words
        " AND settled_at > :since AND settled_at <= :until"
        " AND (status = 'succeeded' OR (status = 'failed' AND superseded_at IS NULL"
        f" AND (reason IS NULL OR reason NOT IN ({own}))))"
        f" ORDER BY settled_at DESC, id DESC LIMIT :most) AS scan{i}"
        for i in range(count)
    )
    moment = UtcDateTime()
    return sa.text(
        "SELECT method, COUNT(*) AS ended,"  # noqa: S608 -- nothing of it comes from outside
        f" SUM(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END) AS successes FROM ({scans}) AS latest"
        " GROUP BY method"
    ).bindparams(sa.bindparam("since", type_=moment), sa.bindparam("until", type_=moment))


def failed_methods(purpose: str, purpose_id: int) -> set[str]:
    """Name the methods by which this purpose could not be paid: another way is tried first."""
    query = sa.text(
        "SELECT DISTINCT method FROM payment WHERE purpose = :purpose AND purpose_id = :purpose_id"
        " AND (status = 'failed' OR superseded_at IS NOT NULL)"
    )
    found = session.scalars(query, {"purpose": purpose, "purpose_id": purpose_id})
    return set(found)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the attempts by one method ended over a time, and how long the paid ones took."""

    method: str
    succeeded: int
    payers_own: int
    failed: int
    median_s: int | None
    """Half of those that brought money did so within this; None where none did."""


def endings_since(moment: datetime, limit: int = 20_000) -> list[Ending]:
    """Sum up the attempts that ended since a moment, method by method, the latest first."""
    query = sa.text(
        "SELECT method, status, reason, created_at, settled_at FROM payment"
        " WHERE settled_at > :since ORDER BY settled_at DESC LIMIT :limit"
    ).columns(created_at=UtcDateTime(), settled_at=UtcDateTime())
    since = sa.bindparam("since", moment, type_=UtcDateTime())
    grouped: dict[str, list[sa.Row[tuple[str, str, str, datetime, datetime]]]] = {}
    for row in session.execute(query.bindparams(since, sa.bindparam("limit", limit))):
        grouped.setdefault(row.method, []).append(row)
    return [_ending(method, rows) for method, rows in sorted(grouped.items())]


def _ending(
    method: str, rows: Sequence[sa.Row[tuple[str, str, str, datetime, datetime]]]
) -> Ending:
    paid = [row for row in rows if row.status == "succeeded"]
    failed = [row for row in rows if row.status == "failed"]
    own = sum(row.reason in PAYERS_OWN for row in failed)
    took_s = sorted((row.settled_at - row.created_at).total_seconds() for row in paid)
    median_s = round(took_s[len(took_s) // 2]) if took_s else None
    return Ending(method, len(paid), own, len(failed) - own, median_s)
