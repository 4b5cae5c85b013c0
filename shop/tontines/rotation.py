"""Whose turn it is: the six orders, several shares of one member, and the history since lock.

Ranks are places in `order`, counted from 1 among the shares still there. The history is a list of
events; `replay` gives the same circle to everyone who replays it (R4, R10, R14, R16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from shop.tontines.refusals import TontineRefused, Why


@dataclass(frozen=True, slots=True)
class Share:
    """One part and who holds it."""

    code: str
    member: str
    joined_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turns:
    """A cycle's order and what became of it; `served` maps a share to the round that served it."""

    order: tuple[str, ...]
    holders: Mapping[str, str]
    served: Mapping[str, int] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()

    @property
    def unserved(self) -> tuple[str, ...]:
        """Shares that still wait for their turn, in order."""
        return tuple(code for code in self.order if code not in self.served)

    @property
    def order_hash(self) -> str:
        """The hash sent to all at lock, and again whenever an event changes the order (R14)."""
        return sha256("\n".join(self.order).encode()).hexdigest()

    def rank(self, code: str) -> int:
        """The rank of a share, from 1; refuses a share that is not in the order."""
        if code not in self.order:
            raise TontineRefused(Why.SHARE_GONE, share=code)
        return self.order.index(code) + 1

    def held_by(self, member: str) -> tuple[str, ...]:
        """The shares a member holds, in order."""
        return tuple(code for code in self.order if self.holders[code] == member)


def fixed(shares: Sequence[Share], typed: Sequence[str]) -> tuple[str, ...]:
    """The order the bureau typed, if it names each share once (R14)."""
    if sorted(typed) != sorted(share.code for share in shares):
        raise TontineRefused(Why.NOT_THE_SAME_SHARES)
    return tuple(typed)


def seniority(shares: Sequence[Share]) -> tuple[str, ...]:
    """Who joined first receives first; the share code decides between equals (R14)."""

    def place(share: Share) -> tuple[bool, float, str]:
        joined = share.joined_at
        return (joined is None, joined.timestamp() if joined else 0.0, share.code)

    return tuple(share.code for share in sorted(shares, key=place))


def by_need(shares: Sequence[Share], votes: Mapping[str, int]) -> tuple[str, ...]:
    """Shares whose written need got most votes come first; the others follow by seniority (R14)."""
    older = seniority(shares)
    return tuple(sorted(older, key=lambda code: -votes.get(code, 0)))


def negotiated(shares: Sequence[Share], exchanges: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Start from seniority and apply what members exchanged freely before lock (R14)."""
    order = list(seniority(shares))
    for one, other in exchanges:
        if one not in order or other not in order:
            raise TontineRefused(Why.NOT_THE_SAME_SHARES)
        a, b = order.index(one), order.index(other)
        order[a], order[b] = other, one
    return tuple(order)


def spacing(shares: int, held: int) -> int:
    """The least distance between two ranks of a member who holds `held` shares (R10, T04)."""
    return shares // (2 * held)


def too_close(order: Sequence[str], holders: Mapping[str, str]) -> tuple[int, ...]:
    """The ranks that come too soon after their holder's previous one (R10)."""
    return tuple(
        at + 1 for at, code in enumerate(order) if not _fits(code, at, order[:at], order, holders)
    )


def repaired(
    order: Sequence[str], holders: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Repair a drawn order by the rule written on the page, and flag ranks nothing could mend.

    From rank 1: a share too close to its holder's previous one is exchanged with the next share of
    the order that fits there (TONTINE §6.1).
    """
    mended, flagged = list(order), []
    for at, code in enumerate(order):
        code = mended[at]
        if _fits(code, at, mended[:at], order, holders):
            continue
        later = (j for j in range(at + 1, len(mended)))
        swap = next((j for j in later if _fits(mended[j], at, mended[:at], order, holders)), None)
        if swap is None:
            flagged.append(at + 1)
        else:
            mended[at], mended[swap] = mended[swap], code
    return tuple(mended), tuple(flagged)


def _fits(
    code: str,
    at: int,
    before: Sequence[str],
    order: Sequence[str],
    holders: Mapping[str, str],
) -> bool:
    member = holders[code]
    held = sum(holders[each] == member for each in order)
    earlier = [place for place, each in enumerate(before) if holders[each] == member]
    return not earlier or at - earlier[-1] >= spacing(len(order), held)


def check_holdings(holders: Mapping[str, str], *, most: int, concentration_bp: int) -> None:
    """Refuse a circle in which one member holds too many shares (R10)."""
    for member in sorted(set(holders.values())):
        held = sum(holder == member for holder in holders.values())
        # One share is always allowed: in a circle of two it is half of them.
        if held > most or (held > 1 and held * 10_000 > len(holders) * concentration_bp):
            raise TontineRefused(Why.TOO_MANY_SHARES, held=held, most=most)


def check_lock(order: Sequence[str], holders: Mapping[str, str]) -> None:
    """Refuse to lock an order that a person typed or negotiated with ranks too close (T04)."""
    wrong = too_close(order, holders)
    if wrong:
        gap = spacing(len(order), sum(h == holders[order[wrong[0] - 1]] for h in holders.values()))
        raise TontineRefused(Why.TURNS_TOO_CLOSE, rank=wrong[0], gap=gap)


@dataclass(frozen=True, slots=True)
class Served:
    """A round paid these shares."""

    round: int
    shares: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Two shares changed ranks: a swap (R15), or a turn deferred for arrears (R16)."""

    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A share left before its turn; those behind it move up (R25)."""

    share: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another member took a share with its rank and its history (R25)."""

    share: str
    member: str


Event = Served | Exchanged | Withdrawn | Replaced


def replay(order: Sequence[str], holders: Mapping[str, str], events: Iterable[Event]) -> Turns:
    """Follow the history from the locked order to now."""
    turns = Turns(tuple(order), dict(holders))
    for event in events:
        turns = apply(turns, event)
    return turns


def apply(turns: Turns, event: Event) -> Turns:
    """The circle after one event; refuses what would serve a share twice or lose a turn."""
    match event:
        case Served(index, shares):
            _still_waiting(turns, *shares)
            return replace(turns, served={**turns.served, **dict.fromkeys(shares, index)})
        case Exchanged(one, other):
            _still_waiting(turns, one, other)
            places = {one: other, other: one}
            return replace(turns, order=tuple(places.get(code, code) for code in turns.order))
        case Withdrawn(share):
            _still_waiting(turns, share)
            rest = tuple(code for code in turns.order if code != share)
            return replace(turns, order=rest, withdrawn=turns.withdrawn | {share})
        case Replaced(share, member):
            turns.rank(share)
            return replace(turns, holders={**turns.holders, share: member})


def _still_waiting(turns: Turns, *shares: str) -> None:
    for code in shares:
        turns.rank(code)
        if code in turns.served:
            raise TontineRefused(Why.ALREADY_SERVED, share=code)


@dataclass(frozen=True, slots=True)
class Turn:
    """Whom the round serves, and the exchanges that arrears made necessary, in the order to apply."""

    shares: tuple[str, ...]
    deferred: tuple[Exchanged, ...] = ()


def whose_turn(
    turns: Turns,
    *,
    recipients: int = 1,
    eligible: Callable[[str], bool] = lambda _code: True,
    up_to_date: Callable[[str], bool] | None = None,
    together: bool = False,
) -> Turn:
    """Say whom the next round serves (R14, R16, T15).

    `eligible` says that a share owes nothing, or little enough to be set off; one that is not
    changes places with the next share that is `up_to_date`. When nobody is, it keeps its turn and
    its whole debt is set off: no turn is ever lost. `together`: everybody accepted that one member
    receives two pots in one round (R10).
    """
    chosen: list[str] = []
    deferred: list[Exchanged] = []
    while len(chosen) < recipients:
        waiting = [code for code in turns.unserved if code not in chosen]
        # Only the shares of one member may be left: then they have to be served together.
        apart = [c for c in waiting if together or not _twice(turns, c, chosen)] or waiting
        if not apart:
            break
        first, *behind = apart
        code = first
        if not eligible(first):
            code = next(filter(up_to_date or eligible, behind), first)
        if code != first:
            deferred.append(Exchanged(first, code))
            turns = apply(turns, deferred[-1])
        chosen.append(code)
    return Turn(tuple(chosen), tuple(deferred))


def _twice(turns: Turns, code: str, chosen: Sequence[str]) -> bool:
    return any(turns.holders[code] == turns.holders[each] for each in chosen)
