"""Which of several methods of one operator an attempt goes through: pure, and replayed identically.

The order is: what can be used at all; not where this purpose just failed; the success rate; the cost;
fewer hands; the code. The rate is the mean of a beta distribution (successes + 19 of ended + 20), not
Wilson's lower bound: Wilson ranks a method nobody has used yet below one that works three times out of
four, and would keep it there, while a prior of 95 % treats it as ordinary until it shows otherwise.
Rates within the same two points count as equal, so that noise does not decide where cost should.

One form in twenty is given another method than the first, so that each stays known. Which one is a
function of the form's key: nothing here draws at random, asks a clock or reads a database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

#: How many past attempts the prior weighs, and how many of them succeeded: 95 %.
PRIOR_ENDED: Final = 20
PRIOR_SUCCESSES: Final = 19
#: Rates are compared in steps of this many basis points.
RATE_STEP_BP: Final = 200
#: Draws are even between 0 and this: hundredths of a percent.
DRAWS: Final = 10_000
#: How many of them explore: 5 %.
EXPLORING: Final = 500


class Obstacle(StrEnum):
    """Why a method cannot be used now, from the plainest to the most passing."""

    NOT_LOADED = "not_loaded"
    OFF = "off"
    """Its provider's collections, or the method itself, were stopped by the shop."""
    AMOUNT = "amount"
    RESTING = "resting"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one method when the page is shown."""

    method: str
    cost: int
    """The provider's fee on this amount, in minor units, whoever bears it."""
    hands: int
    """How many operators its provider serves: 1 for the operator itself."""
    successes: int = 0
    ended: int = 0
    """Of the latest ended attempts that tell something of the provider, how many there are."""
    failed_here: bool = False
    """Whether an attempt for the same purpose failed at this provider before."""
    obstacle: Obstacle | None = None

    @property
    def rate_bp(self) -> int:
        """The expected success rate, in basis points."""
        return (self.successes + PRIOR_SUCCESSES) * 10_000 // (self.ended + PRIOR_ENDED)


@dataclass(frozen=True, slots=True)
class Choice:
    """The methods in order, the one that is offered, and everything that led to it."""

    facts: tuple[Facts, ...]
    at: datetime
    """The moment whose facts these are."""
    draw: int
    shown: str | None
    """The method that the page had shown before, which is kept while it can be used."""
    exploring: int
    """Draws below this explore."""
    ranking: tuple[str, ...]
    chosen: str | None
    """None when none can be used."""
    explored: bool


def rank(
    candidates: Sequence[Facts],
    *,
    draw: int,
    at: datetime,
    shown: str | None = None,
    exploring: int = EXPLORING,
) -> Choice:
    """Order the methods of one operator and pick one: the same facts and draw give the same choice."""
    assert 0 <= draw < DRAWS, "a draw is below the number of draws"
    ordered = sorted(candidates, key=_place)
    usable = [one for one in ordered if one.obstacle is None]
    explored = _explored(usable, draw, exploring)
    kept = next((one for one in usable if one.method == shown), None)
    picked = kept or explored or next(iter(usable), None)
    return Choice(
        facts=tuple(sorted(candidates, key=lambda one: one.method)),
        at=at,
        draw=draw,
        shown=shown,
        exploring=exploring,
        ranking=tuple(one.method for one in ordered),
        chosen=picked.method if picked else None,
        explored=picked is not None and picked is explored,
    )


def _place(one: Facts) -> tuple[bool, bool, int, int, bool, str]:
    """Give what methods are ordered by, best first."""
    rate = one.rate_bp // RATE_STEP_BP
    return one.obstacle is not None, one.failed_here, -rate, one.cost, one.hands > 1, one.method


def _explored(usable: Sequence[Facts], draw: int, exploring: int) -> Facts | None:
    """Pick another than the first for the draws that explore; never one that just failed the buyer."""
    others = [one for one in usable[1:] if not one.failed_here]
    if draw >= exploring or not others:
        return None
    return others[draw % len(others)]


def draw_of(form_key: str, operator: str) -> int:
    """Give the draw of one form for one operator: fixed by its key, even over all keys."""
    digest = sha256(f"{operator}:{form_key}".encode()).digest()
    return int.from_bytes(digest[:8]) % DRAWS


def asked_as_data(choice: Choice) -> dict[str, Any]:
    """Write down what the ranking was asked, as plain JSON."""
    facts = [asdict(one) for one in choice.facts]
    return {
        "facts": facts, "draw": choice.draw, "shown": choice.shown, "exploring": choice.exploring,
    }  # fmt: skip


def replay(asked: Mapping[str, Any], at: datetime) -> Choice:
    """Make the choice of a moment again from what was written down."""
    facts = [
        Facts(**{**one, "obstacle": Obstacle(one["obstacle"]) if one["obstacle"] else None})
        for one in asked["facts"]
    ]
    draw, exploring = asked["draw"], asked["exploring"]
    return rank(facts, draw=draw, at=at, shown=asked["shown"], exploring=exploring)
