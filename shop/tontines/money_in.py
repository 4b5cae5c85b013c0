"""A member's money meets his dues: the oldest late contribution first, the rest kept ahead (R8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from shop.money import Money
from shop.tontines.refusals import TontineRefused, Why


class DueKind(StrEnum):
    """What a share may owe."""

    CONTRIBUTION = "contribution"
    SOLIDARITY = "solidarity"
    GUARANTEE = "guarantee"
    PENALTY = "penalty"
    LEVY = "levy"
    CATCH_UP = "catch_up"


@dataclass(frozen=True, slots=True)
class Due:
    """One amount one share owes for one round; `late` once its grace has ended."""

    share: str
    round: int
    kind: DueKind
    amount: Money
    paid: Money
    late: bool = False
    #: Cash the treasurer wrote down and the member has not confirmed: promised, not collected (R21).
    promised: Money | None = None

    @property
    def unpaid(self) -> Money:
        """What is still to pay."""
        return self.amount - self.paid


@dataclass(frozen=True, slots=True)
class Allocation:
    """A part of a payment, and the due it pays."""

    due: Due
    amount: Money


@dataclass(frozen=True, slots=True)
class Allocated:
    """What a payment became; `ahead` goes to `avance:<ahead_for>`."""

    allocations: tuple[Allocation, ...]
    ahead: Money
    ahead_for: str


#: What is owed like a contribution once it is late, in the order of R8.
_PRINCIPAL: Final = {DueKind.CONTRIBUTION, DueKind.CATCH_UP, DueKind.LEVY}


def allocate(money: Money, dues: Iterable[Due], *, share: str, chosen: bool = False) -> Allocated:
    """Share one payment out among all dues of one member (R8, T05, T13).

    `share` receives what is left over, ahead. When the payer chose it, it comes first within its
    step; no choice skips an older late contribution.
    """
    left, allocations = money, []
    for due in sorted(dues, key=lambda due: _place(due, share if chosen else None)):
        part = min(left, due.unpaid)
        if part.amount > 0:
            allocations.append(Allocation(due, part))
            left -= part
    return Allocated(tuple(allocations), left, share)


def _place(due: Due, chosen: str | None) -> tuple[int, int, bool, str, str]:
    if due.kind in _PRINCIPAL and due.late:
        return (0, due.round, False, due.share, due.kind)
    step = 1 if due.kind in _PRINCIPAL else 3 if due.kind is DueKind.PENALTY else 2
    return (step, due.round, due.share != chosen, due.share, due.kind)


def after(dues: Sequence[Due], allocated: Allocated) -> tuple[Due, ...]:
    """The dues once the payment is counted."""
    parts = {id(each.due): each.amount for each in allocated.allocations}
    return tuple(
        replace(due, paid=due.paid + parts[id(due)]) if id(due) in parts else due for due in dues
    )


def apply_advances(
    advances: Mapping[str, Money], dues: Iterable[Due]
) -> tuple[tuple[Allocation, ...], dict[str, Money]]:
    """Let each share's advance pay its own dues as a round opens; gives what is left (R13, T32)."""
    left, used = dict(advances), []
    for due in sorted(dues, key=lambda due: _place(due, None)):
        held = left.get(due.share)
        part = min(held, due.unpaid) if held is not None else due.unpaid * 0
        if part.amount > 0:
            used.append(Allocation(due, part))
            left[due.share] -= part
    return tuple(used), left


def check_part(money: Money, dues: Iterable[Due], *, least: Money) -> None:
    """Refuse to ask for less than the smallest part, unless it pays all there is (R12).

    Only what is asked for: money that has arrived is always counted.
    """
    owed = sum((due.unpaid for due in dues), money * 0)
    if money < least and money != owed:
        raise TontineRefused(Why.PART_TOO_SMALL, least=least)


@dataclass(frozen=True, slots=True)
class Pot:
    """A round's three numbers, never added into one (R3, R21, T36)."""

    expected: Money
    collected: Money
    to_confirm: Money

    @property
    def missing(self) -> Money:
        """What is neither collected nor promised."""
        return self.expected - self.collected - self.to_confirm


def pot(dues: Iterable[Due], currency: str) -> Pot:
    """Count a round's contributions."""
    nothing = Money(0, currency)
    ours = [due for due in dues if due.kind is DueKind.CONTRIBUTION]
    return Pot(
        expected=sum((due.amount for due in ours), nothing),
        collected=sum((due.paid for due in ours), nothing),
        to_confirm=sum((due.promised or nothing for due in ours), nothing),
    )


def confirm_cash(due: Due) -> Due:
    """Turn promised cash into collected, once both sides agree (R21)."""
    return replace(due, paid=due.paid + (due.promised or due.paid * 0), promised=None)
