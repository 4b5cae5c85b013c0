"""What the next payout of a shop would be, or why it waits. Pure: the page and the clock ask the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shop.money import Money
from shop.providers.methods import Method


class Wait(StrEnum):
    """Why nothing leaves now."""

    NOTHING = "nothing"
    """No released order waits, or the wallet was emptied by other ways."""
    THRESHOLD = "threshold"
    """Less than the shop asked to wait for."""
    NO_WAY = "no_way"
    """Nobody can send to this number now."""
    MINIMUM = "minimum"
    """Less than the operator sends."""
    MAXIMUM = "maximum"
    """The oldest order alone is more than the operator sends at once."""
    FLOAT = "float"
    """The provider does not hold enough for us at this moment."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A released seller order that no living payout carries."""

    seller_order_id: int
    reference: str
    amount: Money
    released_at: datetime


@dataclass(frozen=True, slots=True)
class Way:
    """A method that can send to the shop's number, and what its provider still holds for us."""

    method: Method
    left: Money | None
    """None where the provider does not tell, or was never asked: it is then tried."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The payout that would leave now: `amount` is the sum of `lines` less `taken`."""

    amount: Money
    taken: Money
    lines: Sequence[Owed] = field(default=())
    method: Method | None = None
    wait: Wait | None = None
    """Why nothing leaves; None when it does."""


def plan(
    owed: Sequence[Owed], wallet: Money, ways: Sequence[Way], threshold: Money | None = None
) -> Plan:
    """Take the released orders, oldest first, as far as the wallet, a method and its float allow.

    Whatever the owner took out of the wallet by other ways is deducted once, from the first payout.
    """
    nothing = Money(0, wallet.currency)
    total = sum((line.amount for line in owed), nothing)
    taken = max(nothing, total - wallet)
    whole = Plan(total - taken, taken, owed)
    if not whole.amount:
        return _waiting(whole, Wait.NOTHING)
    if threshold is not None and whole.amount < threshold:
        return _waiting(whole, Wait.THRESHOLD)
    if not ways:
        return _waiting(whole, Wait.NO_WAY)
    tries = [_by(whole, way) for way in ways]
    going = [one for one in tries if one.wait is None]
    # The first of the likeliest order that carries most; none: why the likeliest cannot.
    return max(going, key=lambda one: one.amount) if going else tries[0]


def _waiting(whole: Plan, wait: Wait) -> Plan:
    return Plan(whole.amount, whole.taken, whole.lines, wait=wait)


def _by(whole: Plan, way: Way) -> Plan:
    """Fit a plan to one way: whole orders, the oldest, as many as it carries."""
    if whole.amount < way.method.minimum:
        return _waiting(whole, Wait.MINIMUM)
    most = way.method.maximum if way.left is None else min(way.method.maximum, way.left)
    lines, amount = list(whole.lines), whole.amount
    while lines and amount > most:
        amount -= lines.pop().amount
    # What is less than the operator's smallest step stays in the wallet, and is shown.
    crumbs = Money(amount.amount % way.method.step.amount, amount.currency)
    if lines and way.method.refusal(amount - crumbs) is None:
        return Plan(amount - crumbs, whole.taken + crumbs, lines, way.method)
    short = way.left is not None and most == way.left
    return _waiting(whole, Wait.FLOAT if short else Wait.MAXIMUM)
