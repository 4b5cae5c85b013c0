"""What the pay page offers: one option per operator, each through the method that suits best now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from flask import current_app

from shop import clock
from shop.money import Money
from shop.payments import outcomes
from shop.payments import service as payments
from shop.payments.choosing import DRAWS, Choice, Facts, Obstacle, draw_of, rank
from shop.payments.states import Purpose
from shop.phone import Phone
from shop.providers import methods
from shop.providers.methods import Method
from shop.switches import Board, board
from shop.switches.service import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What is to be paid, from where, and by which form."""

    purpose: Purpose
    purpose_id: int
    owed: Money
    country: str
    form_key: str
    shown: str | None = None
    """The method the posted form names: kept while it can be used."""


@dataclass(frozen=True, slots=True)
class Option:
    """One operator, with the method that was chosen for it, or with why none can be used."""

    operator: str
    label: str
    method: Method
    """Where none can be used: the one that comes closest."""
    total: Money
    choice: Choice
    suggested: bool
    obstacle: Obstacle | None
    nearest: Money | None
    """With `Obstacle.AMOUNT`: the closest amount that any of its methods accepts."""


def options(need: Need, payer: Phone) -> list[Option]:
    """Give one option per operator of the country, the one the number suggests first.

    Reads the switches, the latest outcomes and this purpose's own failures: three statements,
    however many methods there are.
    """
    loaded = payments.providers()
    rows = [
        row
        for row in methods.for_country(need.country, need.owed.currency)
        if row.provider in loaded
    ]
    guess = methods.suggested(payer, rows)
    at = clock.now()
    facts = _facts(need, rows, at)
    grouped: dict[str, list[Method]] = {}
    for row in rows:
        grouped.setdefault(row.operator, []).append(row)
    offered = [
        _option(need, same, facts, at, suggested=guess is not None and guess in same)
        for same in grouped.values()
    ]
    return sorted(offered, key=lambda option: not option.suggested)


def _facts(need: Need, rows: Sequence[Method], at: datetime) -> dict[str, Facts]:
    """Read once what is known of all these methods."""
    ended = outcomes.latest([row.code for row in rows], at)
    failed = outcomes.failed_methods(need.purpose, need.purpose_id)
    now = board()
    return {
        row.code: Facts(
            method=row.code,
            cost=row.fee(need.owed).amount,
            hands=operators_of(row.provider),
            successes=ended[row.code].successes,
            ended=ended[row.code].ended,
            failed_here=row.code in failed,
            obstacle=_obstacle(row, row.total(need.owed), now),
        )
        for row in rows
    }


def _obstacle(row: Method, total: Money, now: Board) -> Obstacle | None:
    if now.stopped(row.provider, Direction.COLLECT) or now.paused(row.code):
        return Obstacle.OFF
    if row.refusal(total) is not None:
        return Obstacle.AMOUNT
    # Workers write down what they found; where pages and workers are one process, it is known sooner.
    here = payments.providers()[row.provider].is_resting()
    return Obstacle.RESTING if here or now.resting(row.provider, Direction.COLLECT) else None


def _option(
    need: Need, rows: Sequence[Method], facts: dict[str, Facts], at: datetime, *, suggested: bool
) -> Option:
    candidates, operator = [facts[row.code] for row in rows], rows[0].operator
    shown = need.shown if need.shown in {row.code for row in rows} else None
    draw, exploring = draw_of(need.form_key, operator), _exploring()
    choice = rank(candidates, draw=draw, at=at, shown=shown, exploring=exploring)
    obstacle = None if choice.chosen else _first_to_pass(candidates)
    method = methods.get(choice.chosen or _closest(choice, obstacle))
    return Option(
        operator=operator,
        label=rows[0].label,
        method=method,
        total=method.total(need.owed),
        choice=choice,
        suggested=suggested,
        obstacle=obstacle,
        nearest=_nearest(rows, need.owed) if obstacle is Obstacle.AMOUNT else None,
    )


def _closest(choice: Choice, obstacle: Obstacle | None) -> str:
    """Of methods none of which can be used, give the first that has only what the page names in its way."""
    barred = {one.method for one in choice.facts if one.obstacle is obstacle}
    return next(method for method in choice.ranking if method in barred)


def _exploring() -> int:
    percent: int = current_app.config["SETTINGS"].explore_percent
    return percent * DRAWS // 100


def _first_to_pass(candidates: Sequence[Facts]) -> Obstacle:
    """Of all that stands in the way, name what the buyer may hope to see gone first."""
    present = {one.obstacle for one in candidates}
    hopeful = (Obstacle.RESTING, Obstacle.AMOUNT, Obstacle.OFF)
    return next(obstacle for obstacle in hopeful if obstacle in present)


def _nearest(rows: Sequence[Method], owed: Money) -> Money | None:
    refusals = [(row.total(owed), row.refusal(row.total(owed))) for row in rows]
    near = [
        (abs((refusal.nearest - total).amount), refusal.nearest)
        for total, refusal in refusals
        if refusal
    ]
    return min(near, key=lambda pair: pair[0])[1] if near else None


@cache
def operators_of(provider: str) -> int:
    """Count the operators a provider serves: one hand less stands between us and a direct one."""
    return len({row.operator for row in methods.rows() if row.provider == provider})


@dataclass(frozen=True, slots=True)
class Reach:
    """What an operator of a country takes at all, through any of its methods: for the page of fees."""

    label: str
    minimum: Money
    maximum: Money
    dearest: Money
    """The most that a buyer ever pays on top."""


def reach(rows: Sequence[Method]) -> list[Reach]:
    """Sum up one country's methods, operator by operator, in menu order."""
    grouped: dict[str, list[Method]] = {}
    for row in rows:
        grouped.setdefault(row.operator, []).append(row)
    return [
        Reach(
            label=same[0].label,
            minimum=min(row.minimum for row in same),
            maximum=max(row.maximum for row in same),
            dearest=max(row.total(row.maximum) - row.maximum for row in same),
        )
        for same in grouped.values()
    ]
