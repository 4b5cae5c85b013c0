"""The ceilings of a wallet, and whether it may be topped up: dated rows of `limits.toml`, nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final, TypeVar

from shop.money import Money
from shop.phone import COUNTRIES, CURRENCIES
from shop.wallets.models import Identity


class Bound(StrEnum):
    """Which ceiling stands in the way."""

    OPERATION = "operation"
    DAILY = "daily"
    MONTHLY = "monthly"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What may move one way: at once, in a day, in a month (of the calendar, in UTC)."""

    operation: Money
    daily: Money
    monthly: Money


@dataclass(frozen=True, slots=True)
class Limits:
    """One row: what a wallet of a country and a level may do from a day on."""

    country: str
    level: Identity
    since: date
    held: Money
    top_up: Ceilings
    withdrawal: Ceilings
    source: str


@dataclass(frozen=True, slots=True)
class TopUpRule:
    """Whether wallets of a country may be topped up, from a day on, and by what right."""

    country: str
    live: bool
    since: date
    open: bool
    source: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved one way already, in the day and in the month of a moment."""

    today: Money
    this_month: Money


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The ceiling that an amount would pass, and what is still possible under it."""

    bound: Bound
    ceiling: Money
    left: Money


R = TypeVar("R", Limits, TopUpRule)


def of(country: str, level: Identity, day: date) -> Limits:
    """Give the row that counts on a day."""
    return _latest([r for r in _limits() if (r.country, r.level) == (country, level)], day)


def top_up_rule(country: str, day: date, *, live: bool) -> TopUpRule:
    """Say whether wallets of a country may be topped up on a day, and why."""
    return _latest([r for r in _rules() if (r.country, r.live) == (country, live)], day)


def exceeded(amount: Money, ceilings: Ceilings, moved: Moved) -> Exceeded | None:
    """Say which ceiling an amount would pass, the narrowest first; None when it passes none."""
    nothing = Money(0, amount.currency)
    rooms = (
        (Bound.OPERATION, ceilings.operation, ceilings.operation),
        (Bound.DAILY, ceilings.daily, ceilings.daily - moved.today),
        (Bound.MONTHLY, ceilings.monthly, ceilings.monthly - moved.this_month),
    )
    bound, ceiling, left = min(rooms, key=lambda room: room[2])
    return Exceeded(bound, ceiling, max(left, nothing)) if amount > left else None


def _latest(rows: Sequence[R], day: date) -> R:
    begun = [row for row in rows if row.since <= day]
    assert begun, "each country has a row of each kind from the first day on"
    return max(begun, key=lambda row: row.since)


@cache
def _document() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("limits.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _limits() -> tuple[Limits, ...]:
    rows = [_row(country, row) for row in _document()["limit"] for country in row["countries"]]
    served = {(row.country, row.level) for row in rows}
    assert served == {(c, level) for c in COUNTRIES for level in Identity}, (
        "a country has no limits"
    )
    return tuple(rows)


@cache
def _rules() -> tuple[TopUpRule, ...]:
    modes: Final = {"live": True, "sandbox": False}
    rows = [
        TopUpRule(country, modes[row["mode"]], row["since"], row["open"], row["source"])
        for row in _document()["top_up"]
        for country in row["countries"]
    ]
    served = {(row.country, row.live) for row in rows}
    assert served == {(c, live) for c in COUNTRIES for live in (True, False)}, (
        "a country has no rule"
    )
    return tuple(rows)


def _row(country: str, row: dict[str, Any]) -> Limits:
    currency = CURRENCIES[country]
    limits = Limits(
        country=country,
        level=Identity(row["level"]),
        since=row["since"],
        held=_money(row["held"], currency),
        top_up=_ceilings(row["top_up"], currency),
        withdrawal=_ceilings(row["withdrawal"], currency),
        source=row["source"],
    )
    assert limits.source, f"{country}: a limit says where it comes from"
    return limits


def _ceilings(row: dict[str, int], currency: str) -> Ceilings:
    amounts = [_money(row[name], currency) for name in ("operation", "daily", "monthly")]
    assert amounts == sorted(amounts), (
        "a day allows what an operation does, a month what a day does"
    )
    return Ceilings(*amounts)


def _money(units: int, currency: str) -> Money:
    one = Money(1, currency)
    return Money(units * 10**one.exponent, currency)
