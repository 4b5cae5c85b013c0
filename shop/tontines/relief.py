"""The relief fund: its own money for named events, never a pot's (R23, T31)."""

from __future__ import annotations

from shop.money import Money
from shop.tontines.lines import SECOURS, Kind, Line, move, wallet, written


def offered(fund: Money, asked: Money) -> Money:
    """What the fund can give: the amount of the rules, or all that is left."""
    return min(fund, asked)


def paid(fund: Money, asked: Money, share: str) -> tuple[Line, ...]:
    """The line of a relief that the bureau decided; pot and box are not touched."""
    return written(move(Kind.SOLIDARITY, SECOURS, wallet(share), offered(fund, asked), share))
