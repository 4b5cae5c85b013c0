"""Lines: one amount that leaves a place and reaches another, so that nothing can be lost between.

Places are named as the ledger accounts of a circle (TONTINE §4); whoever posts puts the circle's
own prefix before them. A line is what a person reads in a preview and what is posted later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shop.money import Money

CAISSE: Final = "caisse"
SECOURS: Final = "secours"
DIVIDEND: Final = "dividende"
FEES: Final = "platform:frais"
#: Where a member's money comes from when it arrives: the attempt or the wallet that paid.
PAYER: Final = "payer"


class Kind(StrEnum):
    """What a line is, for the cahier and the receipt."""

    CONTRIBUTION = "contribution"
    SOLIDARITY = "solidarity"
    GUARANTEE = "guarantee"
    CATCH_UP = "catch_up"
    LEVY = "levy"
    PENALTY = "penalty"
    ADVANCE = "advance"
    COVER = "cover"
    COVER_REPAID = "cover_repaid"
    PAYOUT = "payout"
    RELIQUAT = "reliquat"
    SET_OFF = "set_off"
    RETENTION = "retention"
    FEE = "fee"
    DIVIDEND = "dividend"
    ROUNDING = "rounding"
    RETURNED = "returned"
    EXIT_FEE = "exit_fee"


@dataclass(frozen=True, slots=True)
class Line:
    """A positive amount on its way from `source` to `target`; `share` is whom it concerns."""

    kind: Kind
    source: str
    target: str
    amount: Money
    share: str = ""

    def __post_init__(self) -> None:
        assert self.amount.amount > 0, "a line moves something"
        assert self.source != self.target, "a line goes somewhere else"


def pot(index: int) -> str:
    """The pot of one round."""
    return f"pot:{index}"


def wallet(share: str) -> str:
    """The wallet of the member who holds this share."""
    return f"wallet:{share}"


def caution(share: str) -> str:
    """The guarantee deposit of a share."""
    return f"caution:{share}"


def retenue(share: str) -> str:
    """What was kept of a share's pot until the end."""
    return f"retenue:{share}"


def avance(share: str) -> str:
    """What was paid ahead for a share."""
    return f"avance:{share}"


def guarantor(member: str) -> str:
    """The wallet of a member who answers for another."""
    return f"garant:{member}"


def moved(lines: Iterable[Line]) -> dict[str, int]:
    """What each place gains (above zero) or gives (below) by these lines; the sum is always zero."""
    change: Counter[str] = Counter()
    for line in lines:
        change[line.source] -= line.amount.amount
        change[line.target] += line.amount.amount
    return {place: amount for place, amount in change.items() if amount}


def written(*lines: Line | None) -> tuple[Line, ...]:
    """Keep the lines that exist."""
    return tuple(line for line in lines if line is not None)


def move(kind: Kind, source: str, target: str, amount: Money, share: str = "") -> Line | None:
    """A line, or nothing when there is nothing to move."""
    return Line(kind, source, target, amount, share) if amount.amount else None
