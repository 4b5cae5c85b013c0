"""Two accounts of one subject, ours and the provider's: in which ways they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shop.money import Money
from shop.providers.values import Outcome, Status
from shop.reconciliation.models import BreakType


@dataclass(frozen=True, slots=True)
class Booked:
    """Money of one subject as our books have it."""

    transaction_ref: str
    amount: Money
    fee: Money | None = None


@dataclass(frozen=True, slots=True)
class Ours:
    """What we hold about a subject: where it stands, and the money that is booked."""

    state: str
    ended: bool
    """No answer is expected any more."""
    booked: Sequence[Booked]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which the two sides differ, each in words."""

    type: BreakType
    ours: str
    theirs: str


def compare(ours: Ours, said: Outcome) -> list[Difference]:
    """List how a provider's answer differs from our books; empty when both tell the same story."""
    if said.status is Status.SUCCEEDED:
        return list(_with_money(ours, said))
    theirs = f"{said.status} {said.words}".strip()
    if ours.booked:
        gone = said.status in (Status.FAILED, Status.ABSENT)
        kind = BreakType.OURS_ONLY if gone else BreakType.STATUS
        return [Difference(kind, f"{ours.state}, {_sum(ours.booked)}", theirs)]
    if said.status is Status.FAILED and not ours.ended:
        return [Difference(BreakType.STATUS, ours.state, theirs)]
    return []


def _with_money(ours: Ours, said: Outcome) -> Iterator[Difference]:
    theirs = f"{said.transaction_ref} {_told(said.amount)}"
    mine = next((b for b in ours.booked if b.transaction_ref == said.transaction_ref), None)
    if mine is None:
        yield Difference(_unbooked(ours), f"{ours.state}, {_sum(ours.booked)}", theirs)
        return
    if said.contradiction:
        yield Difference(BreakType.STATUS, ours.state, f"contradicts our {said.contradiction}")
    if said.amount is not None and said.amount.currency != mine.amount.currency:
        yield Difference(BreakType.CURRENCY, _told(mine.amount), theirs)
    elif said.amount is not None and said.amount != mine.amount:
        yield Difference(BreakType.AMOUNT, _told(mine.amount), theirs)
    fee = mine.fee or Money(0, mine.amount.currency)
    if said.fee is not None and said.fee != fee:
        yield Difference(BreakType.FEE, _told(fee), _told(said.fee))


def _unbooked(ours: Ours) -> BreakType:
    """Name money of theirs that we have not: a second one, one after the end, or one to come."""
    if ours.booked:
        return BreakType.DUPLICATE
    return BreakType.LATE if ours.ended else BreakType.THEIRS_ONLY


def _sum(booked: Sequence[Booked]) -> str:
    return " + ".join(f"{b.transaction_ref} {_told(b.amount)}" for b in booked) or "nothing booked"


def _told(amount: Money | None) -> str:
    return f"{amount.to_wire()} {amount.currency}" if amount else "no amount"
