"""Reads and turns switches. Pages read all that are on in one small query per request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from flask import current_app, g, has_request_context

from shop import clock
from shop.db import in_transaction, insert, retrying, session, transaction
from shop.switches.models import Kind, Switch


class Direction(StrEnum):
    """Which way money goes."""

    COLLECT = "collect"
    PAY_OUT = "pay_out"


#: Calls that a direction cannot do without: where one of them rests, the direction does. A provider's
#: tokens share one breaker, so that both directions rest with it.
_NEEDED: Final = {
    Direction.COLLECT: ("collect", "token"),
    Direction.PAY_OUT: ("pay_out", "token"),
}


_SILENCE_KEPT: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Board:
    """All switches that are on at one moment: (target, kind) and why."""

    on: dict[tuple[str, str], str]

    def paused(self, target: str) -> bool:
        """Say whether a person stopped this target."""
        return (target, Kind.PAUSED) in self.on

    def stopped(self, provider: str, direction: Direction) -> bool:
        """Say whether a person stopped this direction of a provider."""
        return self.paused(f"{provider}:{direction}")

    def resting(self, provider: str, direction: Direction) -> bool:
        """Say whether a worker found this direction of a provider broken just now."""
        return any(
            (f"{provider}:{operation}", Kind.RESTING) in self.on for operation in _NEEDED[direction]
        )

    def silent(self, provider: str) -> bool:
        """Say whether the provider's webhooks do not come."""
        return (provider, Kind.SILENT) in self.on


def board() -> Board:
    """Give the switches that are on; read once per request, so that a stop is felt at once."""
    if not has_request_context():
        return _read()
    known: Board | None = g.get("switches")
    if known is None:
        known = g.switches = _read()
    return known


def _read() -> Board:
    now = clock.now()
    query = sa.select(Switch.target, Switch.kind, Switch.reason).where(
        Switch.ended_at.is_(None), sa.or_(Switch.until.is_(None), Switch.until > now)
    )
    return Board({(target, kind): reason for target, kind, reason in session.execute(query)})


def is_silent(provider: str) -> bool:
    """Say whether a provider's webhooks do not come; known up to half a minute late, for free."""
    kept: tuple[datetime, Board] | None = current_app.extensions.get("silence")
    if kept is None or not kept[0] - _SILENCE_KEPT <= clock.now() < kept[0]:
        kept = current_app.extensions["silence"] = (clock.now() + _SILENCE_KEPT, _read())
    return kept[1].silent(provider)


def may_collect(provider: str, method: str) -> bool:
    """Say whether a new attempt to collect by this method may begin. Breakers do not count here.

    Only a person's stop forbids; a resting provider is a reason to choose another, not a rule.
    """
    now = board()
    return not (now.stopped(provider, Direction.COLLECT) or now.paused(method))


def may_pay_out(provider: str) -> bool:
    """Say whether a new payout through this provider may be sent; a held one waits for the resume.

    Payouts that were sent are verified whatever this says.
    """
    return not board().stopped(provider, Direction.PAY_OUT)


@retrying
def turn_on(
    target: str, kind: Kind, *, by_whom: str, reason: str, until: datetime | None = None
) -> bool:
    """Turn a switch on; one that is on already only gets its new end. Say whether it was off."""
    with transaction():
        return put(target, kind, by_whom=by_whom, reason=reason, until=until)


def put(
    target: str, kind: Kind, *, by_whom: str, reason: str, until: datetime | None = None
) -> bool:
    """Turn a switch on inside the caller's transaction; say whether it was off."""
    assert in_transaction(), "a switch is turned inside a transaction"
    _end_overdue(target, kind)
    row = {
        "target": target, "kind": kind, "since": clock.now(), "until": until,
        "by_whom": by_whom[:40], "reason": reason[:200], "ended_at": None,
    }  # fmt: skip
    once = insert(Switch).on_conflict_do_nothing(
        index_elements=["target", "kind"], index_where=sa.text("ended_at IS NULL")
    )
    if session.scalar(once.values(row).returning(Switch.id)) is not None:
        return True
    session.execute(
        sa.update(Switch)
        .where(*_is_on(target, kind))
        .values(until=until, reason=row["reason"], by_whom=row["by_whom"])
    )
    return False


def _end_overdue(target: str, kind: Kind) -> None:
    """A stop whose time was up ended then, even though nobody wrote it down."""
    session.execute(
        sa.update(Switch)
        .where(*_is_on(target, kind), Switch.until <= clock.now())
        .values(ended_at=Switch.until)
    )


@retrying
def turn_off(target: str, kind: Kind) -> bool:
    """Turn a switch off; say whether it was on."""
    with transaction():
        return end(target, kind)


def end(target: str, kind: Kind) -> bool:
    """Turn a switch off inside the caller's transaction; say whether it was on."""
    assert in_transaction(), "a switch is turned inside a transaction"
    _end_overdue(target, kind)
    ended = sa.update(Switch).where(*_is_on(target, kind)).values(ended_at=clock.now())
    return bool(session.execute(ended.returning(Switch.id)).all())


def _is_on(target: str, kind: Kind) -> Sequence[sa.ColumnElement[bool]]:
    return [Switch.target == target, Switch.kind == kind, Switch.ended_at.is_(None)]


def on_now(kinds: Iterable[Kind] = tuple(Kind)) -> Sequence[Switch]:
    """List the switches that are on, oldest first: for people."""
    query = (
        sa.select(Switch)
        .where(
            Switch.kind.in_(list(kinds)),
            Switch.ended_at.is_(None),
            sa.or_(Switch.until.is_(None), Switch.until > clock.now()),
        )
        .order_by(Switch.id)
    )
    return session.scalars(query).all()
