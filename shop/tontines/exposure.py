"""What a circle would be, shown before anyone joins: dates, turns, the worst case (TONTINE §11).

`exposure` is what a share would leave unpaid by stopping now; below zero, the group owes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop.money import Money
from shop.tontines.calendar import DatedRound, rounds
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rotation import Turns
from shop.tontines.rules import Rules


def exposure(rules: Rules, *, paid: Money, served: bool) -> Money:
    """What this share owes the others (above zero) or they owe it (below), if all stopped now."""
    owed_in_all = rules.contribution * rules.payments_per_share
    return owed_in_all - paid if served else -paid


@dataclass(frozen=True, slots=True)
class RankPreview:
    """What one rank pays and receives, and when."""

    rank: int
    round: int
    receives_on: datetime
    pays: Money
    receives: Money
    paid_before: Money
    exposure: Money
    cover_needed: Money


@dataclass(frozen=True, slots=True)
class Simulation:
    """A whole cycle in which everybody pays on time."""

    rules: Rules
    dates: tuple[DatedRound, ...]
    pot: Money
    expected: Money
    ranks: tuple[RankPreview, ...]
    #: What the others would lack if the first recipient stopped at once.
    worst_case: Money
    relief_per_share: Money

    @property
    def first_and_last(self) -> tuple[datetime, datetime]:
        """The first and the last due date."""
        return self.dates[0].due_at, self.dates[-1].due_at

    def exposures(self, after_round: int) -> tuple[Money, ...]:
        """One row of the exposure table: each rank's, once this round is paid; they add up to zero."""
        return tuple(
            exposure(
                self.rules,
                paid=_paid(self.rules, rank, after_round),
                served=_served_in(self.rules, rank) <= after_round,
            )
            for rank in range(1, self.rules.shares + 1)
        )


def simulate(rules: Rules) -> Simulation:
    """Show the cycle these rules make (R4-R6, R17)."""
    dates = rounds(rules.when, rules.rounds)
    ranks = tuple(_rank(rules, rank, dates) for rank in range(1, rules.shares + 1))
    return Simulation(
        rules=rules,
        dates=dates,
        pot=rules.pot,
        expected=rules.expected,
        ranks=ranks,
        worst_case=exposure(rules, paid=_paid(rules, 1, 1), served=True),
        relief_per_share=rules.relief * rules.rounds,
    )


def _served_in(rules: Rules, rank: int) -> int:
    return (rank - 1) // rules.recipients_per_round + 1


def _paid(rules: Rules, rank: int, after_round: int) -> Money:
    """What a rank has paid once a round is over; its own round is free where recipients do not pay."""
    free = 0 if rules.recipient_pays or _served_in(rules, rank) > after_round else 1
    return rules.contribution * (after_round - free)


def _rank(rules: Rules, rank: int, dates: tuple[DatedRound, ...]) -> RankPreview:
    index = _served_in(rules, rank)
    risk = exposure(rules, paid=_paid(rules, rank, index), served=True)
    return RankPreview(
        rank=rank,
        round=index,
        receives_on=dates[index - 1].due_at,
        pays=rules.contribution * rules.payments_per_share,
        receives=rules.pot,
        paid_before=_paid(rules, rank, index),
        exposure=risk,
        cover_needed=cover_needed(rules, risk),
    )


def cover_needed(rules: Rules, risk: Money) -> Money:
    """How much guarantee, retention and guarantors' caps must answer for a payout (R17)."""
    return max(risk, risk * 0).share_up(rules.cover_floor_bp)


def check_cover(
    rules: Rules, risk: Money, *, guarantee: Money, retention: Money, guarantors: Money
) -> None:
    """Refuse to pay a pot that too little answers for (R17)."""
    needed, there = cover_needed(rules, risk), guarantee + retention + guarantors
    if there < needed:
        raise TontineRefused(Why.GUARANTOR_NEEDED, amount=needed - there)


def check_newcomer(rules: Rules, rank: int, *, guaranteed: bool) -> None:
    """Refuse a newcomer's turn in the first third of ranks, unless a guarantor signs (R17)."""
    if 3 * rank <= rules.shares and not guaranteed:
        raise TontineRefused(Why.NEWCOMER_TOO_EARLY, least=rules.shares // 3 + 1)


@dataclass(frozen=True, slots=True)
class TwoPots:
    """What the others see before they accept that one member receives two pots at once (T06)."""

    paid_in: Money
    received: Money
    exposure: Money


def check_two_pots(*, accepted_by: set[str], others: set[str]) -> None:
    """Refuse two pots in one round to one member, unless every other member accepted (R10)."""
    if not others <= accepted_by:
        raise TontineRefused(Why.TWO_POTS_ONE_ROUND, missing=len(others - accepted_by))


def two_pots(rules: Rules, turns: Turns, member: str, *, after_round: int) -> TwoPots:
    """Preview a member's second pot in the round just served (T06)."""
    paid = rules.contribution * after_round
    held = len(turns.held_by(member))
    each = exposure(rules, paid=paid, served=True)
    return TwoPots(paid_in=paid * held, received=rules.pot * 2, exposure=each * 2)
