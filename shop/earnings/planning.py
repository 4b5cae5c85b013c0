"""What the next payout of a shop would be, or why it waits. Pure: the page and the clock ask the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
class Repaid:
    """What left the wallet for a debt, and no living statement shows yet."""

    repayment_id: int
    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Debts:
    """What a seller still owes, how much of a payout may go to it, and what was repaid unseen."""

    owed: Money
    cap_bp: int
    repaid: Sequence[Repaid] = field(default=())


@dataclass(frozen=True, slots=True)
class Way:
    """A method that can send to the shop's number, and what its provider still holds for us."""

    method: Method
    left: Money | None
    """None where the provider does not tell, or was never asked: it is then tried."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The payout that would leave now: the sum of `lines`, less what is deducted, kept and taken."""

    amount: Money
    taken: Money
    lines: Sequence[Owed] = field(default=())
    deducted: Sequence[Repaid] = field(default=())
    """What was repaid out of the wallet before, as far as it is missing there."""
    recovered: Money | None = None
    """What is kept of this payout for open debts; None without any."""
    method: Method | None = None
    wait: Wait | None = None
    """Why nothing leaves; None when it does."""

    @property
    def kept_back(self) -> Money:
        """What debts take of the lines, repaid before or now."""
        nothing = Money(0, self.amount.currency)
        return sum((one.amount for one in self.deducted), nothing) + (self.recovered or nothing)


def plan(
    owed: Sequence[Owed],
    wallet: Money,
    ways: Sequence[Way],
    threshold: Money | None = None,
    debts: Debts | None = None,
) -> Plan:
    """Take the released orders, oldest first, as far as the wallet, a method and its float allow.

    Whatever left the wallet by other ways is deducted once, from the first payout: first what repaid
    a debt, each by its name, then what the owner took. Of the rest, debts keep their share.
    """
    nothing = Money(0, wallet.currency)
    total = sum((line.amount for line in owed), nothing)
    missing = max(nothing, total - wallet)
    deducted = _explained(missing, debts.repaid if debts else ())
    taken = missing - sum((one.amount for one in deducted), nothing)
    recovered = _kept(total - missing, debts)
    whole = Plan(total - missing - recovered, taken, owed, deducted, recovered)
    if not whole.amount:
        return _waiting(whole, Wait.NOTHING)
    if threshold is not None and whole.amount < threshold:
        return _waiting(whole, Wait.THRESHOLD)
    if not ways:
        return _waiting(whole, Wait.NO_WAY)
    tries = [_by(whole, way, debts) for way in ways]
    going = [one for one in tries if one.wait is None]
    # The first of the likeliest order that carries most; none: why the likeliest cannot.
    return max(going, key=lambda one: one.amount) if going else tries[0]


def _explained(missing: Money, repaid: Sequence[Repaid]) -> list[Repaid]:
    """Name what is missing by the repayments that took it, oldest first, to the franc."""
    named: list[Repaid] = []
    for one in repaid:
        part = min(one.amount, missing)
        if not part:
            break
        named.append(replace(one, amount=part))
        missing -= part
    return named


def _kept(amount: Money, debts: Debts | None) -> Money:
    """Say what of a payout is kept for debts: its share at most, rounded down; the seller gains the franc."""
    nothing = Money(0, amount.currency)
    return min(debts.owed, amount.share(debts.cap_bp)) if debts else nothing


def _waiting(whole: Plan, wait: Wait) -> Plan:
    return replace(whole, wait=wait)


def _by(whole: Plan, way: Way, debts: Debts | None) -> Plan:
    """Fit a plan to one way: whole orders, the oldest, as many as it carries."""
    if whole.amount < way.method.minimum:
        return _waiting(whole, Wait.MINIMUM)
    most = way.method.maximum if way.left is None else min(way.method.maximum, way.left)
    assert whole.recovered is not None, "a plan says what it keeps"
    lines, amount, recovered = list(whole.lines), whole.amount, whole.recovered
    while lines and amount > most:
        rest = amount + recovered - lines.pop().amount
        recovered = _kept(max(rest, Money(0, rest.currency)), debts)
        amount = rest - recovered
    # What is less than the operator's smallest step stays in the wallet, and is shown.
    crumbs = Money(amount.amount % way.method.step.amount, amount.currency)
    if lines and way.method.refusal(amount - crumbs) is None:
        return replace(
            whole,
            amount=amount - crumbs,
            taken=whole.taken + crumbs,
            lines=lines,
            recovered=recovered,
            method=way.method,
        )
    short = way.left is not None and most == way.left
    return _waiting(whole, Wait.FLOAT if short else Wait.MAXIMUM)
