"""A plan as people read it: some ranks at a time, and who would lose what if somebody stopped (J8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shop.money import Money
from shop.tontines.exposure import RankPreview, Simulation, simulate
from shop.tontines.rules import Circle, Rules

#: Ranks on one page; a circle may have 250.
ON_A_PAGE: Final = 24
#: Up to so many shares the whole table of every round fits a page.
WHOLE_TABLE: Final = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """A simulated cycle, and which part of it the page shows."""

    whole: Simulation
    ranks: tuple[RankPreview, ...]
    after_rank: int | None
    """The last rank shown, when more follow."""
    round: int
    exposures: tuple[tuple[int, Money], ...]
    """After that round: each shown rank, and what it would leave unpaid; below zero it is owed."""
    table: tuple[tuple[int, tuple[Money, ...]], ...]
    """Every round of a small circle."""

    @property
    def rules(self) -> Rules:
        """The rules that were simulated."""
        return self.whole.rules

    @property
    def turns(self) -> bool:
        """Whether anybody receives a pot in turn."""
        return self.rules.kind is not Circle.SOLIDARITY


def of(rules: Rules, asked: Mapping[str, str]) -> Plan:
    """Simulate rules; `from` and `round` of the address choose what is shown."""
    whole = simulate(rules)
    first = _within(asked.get("from"), 1, rules.shares)
    last = min(first + ON_A_PAGE - 1, rules.shares)
    index = _within(asked.get("round"), 1, rules.rounds)
    exposures = whole.exposures(index)
    small = rules.shares <= WHOLE_TABLE
    return Plan(
        whole=whole,
        ranks=whole.ranks[first - 1 : last],
        after_rank=last if last < rules.shares else None,
        round=index,
        exposures=tuple((rank, exposures[rank - 1]) for rank in range(first, last + 1)),
        table=tuple((n, whole.exposures(n)) for n in range(1, rules.rounds + 1)) if small else (),
    )


def _within(text: str | None, low: int, high: int) -> int:
    wanted = int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else low
    return min(max(wanted, low), high)
