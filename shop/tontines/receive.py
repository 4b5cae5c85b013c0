"""A payment from end to end: which dues it pays, and where each franc of it goes (R8, R9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shop.money import Money
from shop.tontines.late_money import Owing, late_money
from shop.tontines.lines import CAISSE, PAYER, SECOURS, Kind, Line, avance, caution, pot, wallet
from shop.tontines.money_in import Allocated, Due, DueKind, allocate
from shop.tontines.rules import Rules


@dataclass(frozen=True, slots=True)
class Settled:
    """A round that was settled: whom it served, and what it still owes."""

    recipient: str
    owing: Owing


@dataclass(frozen=True, slots=True)
class Received:
    """What a payment did: its dues, its lines, and the settled rounds as it leaves them."""

    allocated: Allocated
    lines: tuple[Line, ...]
    settled: Mapping[int, Settled]


def receive(
    money: Money,
    dues: Iterable[Due],
    rules: Rules,
    *,
    share: str,
    settled: Mapping[int, Settled],
    source: str = PAYER,
    chosen: bool = False,
) -> Received:
    """Take one payment of one member (T05, T07-T10, T13, T34, T42).

    A contribution of a settled round goes to who waits for it, any other to its pot; `share`
    keeps ahead what is left. The lines add up to `money` exactly.
    """
    allocated = allocate(money, dues, share=share, chosen=chosen)
    rounds = dict(settled)
    lines: list[Line] = []
    for each in allocated.allocations:
        due, known = each.due, rounds.get(each.due.round)
        if due.kind is DueKind.CONTRIBUTION and known is not None:
            sent, owed = late_money(known.owing, each.amount, source=source, payer=due.share)
            rounds[due.round] = Settled(known.recipient, owed)
            lines += sent
        else:
            kind, target = destination(due, rules, recipient=known.recipient if known else "")
            lines.append(Line(kind, source, target, each.amount, due.share))
    if allocated.ahead:
        lines.append(Line(Kind.ADVANCE, source, avance(share), allocated.ahead, share))
    return Received(allocated, tuple(lines), rounds)


def destination(due: Due, rules: Rules, *, recipient: str = "") -> tuple[Kind, str]:
    """Where the money of a due goes while nobody waits for it; `recipient` is whom its round served."""
    if due.kind is DueKind.PENALTY and rules.fine.to_recipient and recipient:
        return Kind.PENALTY, wallet(recipient)
    places = {
        DueKind.CONTRIBUTION: pot(due.round),
        DueKind.CATCH_UP: pot(due.round),
        DueKind.LEVY: pot(due.round),
        DueKind.SOLIDARITY: SECOURS,
        DueKind.GUARANTEE: caution(due.share),
        DueKind.PENALTY: CAISSE,
    }
    return Kind(due.kind), places[due.kind]
