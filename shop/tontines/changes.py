"""What may change an order after lock: swap, withdrawal, replacement, exclusion, death (R15, R25-R28).

Each function refuses or gives the event for the history and the lines of money it moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shop.money import Money
from shop.tontines.lines import CAISSE, Kind, Line, avance, caution, move, wallet, written
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rotation import Exchanged, Replaced, Turns, Withdrawn
from shop.tontines.rules import Rules

SWAP_EXPIRES: Final = timedelta(hours=48)
QUIET_BEFORE_PAYOUT: Final = timedelta(hours=24)
MAY_ANSWER_FOR: Final = timedelta(days=7)
PAUSE_AFTER_DEATH: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Swap:
    """Two members' wish to exchange the turns of two shares (R15)."""

    one: str
    other: str
    asked_by: str
    asked_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When silence ends it."""
        return self.asked_at + SWAP_EXPIRES


def swap(
    turns: Turns,
    asked: Swap,
    *,
    now: datetime,
    next_payout_at: datetime | None,
    up_to_date: Mapping[str, bool],
) -> Exchanged:
    """Exchange two turns, once both have confirmed; no money moves (T27).

    `up_to_date` tells it of both members; `next_payout_at` is the next moment a pot is paid.
    """
    pair = (asked.one, asked.other)
    for code in pair:
        turns.rank(code)
        if code in turns.served:
            raise TontineRefused(Why.ALREADY_SERVED, share=code)
    holders = {turns.holders[code] for code in pair}
    if asked.asked_by not in holders or len(holders) == 1:
        raise TontineRefused(Why.NOT_YOUR_SHARE)
    if not all(up_to_date[member] for member in holders):
        raise TontineRefused(Why.NOT_UP_TO_DATE)
    if now >= asked.expires_at:
        raise TontineRefused(Why.SWAP_EXPIRED)
    if next_payout_at is not None and now > next_payout_at - QUIET_BEFORE_PAYOUT:
        raise TontineRefused(Why.TOO_NEAR_A_PAYOUT)
    return Exchanged(asked.one, asked.other)


@dataclass(frozen=True, slots=True)
class Account:
    """One share's money at the moment it leaves: `paid_in` for rounds already settled.

    What it paid for the round that is open is counted in `advance`, and comes back with it.
    """

    paid_in: Money
    advance: Money
    guarantee: Money
    fines_due: Money


@dataclass(frozen=True, slots=True)
class CatchUp:
    """One contribution a served share owes at the end, because a share it was paid by has left."""

    share: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Leaving:
    """How a share leaves: what comes back at once, what follows once the catch-ups are paid."""

    event: Withdrawn
    at_once: tuple[Line, ...]
    catch_ups: tuple[CatchUp, ...]
    refund: Money
    exit_fee: Money
    fines: Money
    #: What it never paid, now brought by the catch-ups: `late_money` takes it to the rounds it lacks in.
    to_rounds: Money

    def at_the_end(self, source: str) -> tuple[Line, ...]:
        """The lines that share out the catch-ups collected in `source` (T28)."""
        share = self.event.share
        return written(
            move(Kind.RETURNED, source, wallet(share), self.refund, share),
            move(Kind.EXIT_FEE, source, CAISSE, self.exit_fee, share),
            move(Kind.PENALTY, source, CAISSE, self.fines, share),
        )


def withdraw(turns: Turns, share: str, account: Account, rules: Rules) -> Leaving:
    """Let an unserved share leave with nobody in its place (R25 b, T28).

    Later pots shrink; each share served while this one paid owes one catch-up, and these repay the
    leaver less the exit fee. Advance and guarantee come back whole and at once (R13).
    """
    leaving = _leave(turns, share, account, rules, exit_fee_bp=rules.exit_fee_bp)
    if leaving.to_rounds:
        raise TontineRefused(Why.NOT_UP_TO_DATE, amount=leaving.to_rounds)
    return leaving


def exclude(
    turns: Turns, share: str, account: Account, rules: Rules, *, told_at: datetime, now: datetime
) -> Leaving:
    """Exclude a share's member after the seven days he had to answer; settled as an exit (R26)."""
    if now < told_at + MAY_ANSWER_FOR:
        raise TontineRefused(Why.ANSWER_TIME_RUNNING)
    return _leave(turns, share, account, rules, exit_fee_bp=rules.exit_fee_bp)


def settle_after_death(turns: Turns, share: str, account: Account, rules: Rules) -> Leaving:
    """Settle with the family: exactly the exposure, for nobody chose to leave (R28)."""
    return _leave(turns, share, account, rules, exit_fee_bp=0)


def paused_until(died_at: datetime) -> datetime:
    """Until when a dead member's dues sleep while members vote (R28)."""
    return died_at + PAUSE_AFTER_DEATH


def _leave(
    turns: Turns, share: str, account: Account, rules: Rules, *, exit_fee_bp: int
) -> Leaving:
    turns.rank(share)
    if share in turns.served:
        raise TontineRefused(Why.REMAINDER_DUE, amount=remainder(rules, account.paid_in))
    # With several recipients a round the halves would no longer be whole contributions.
    if rules.recipients_per_round > 1:
        raise TontineRefused(Why.EXIT_NEEDS_REPLACEMENT)
    catch_ups = tuple(
        CatchUp(code, rules.contribution) for code in turns.order if code in turns.served
    )
    owed = rules.contribution * len(catch_ups)
    assert account.paid_in <= owed, "a settled round takes one contribution of a share"
    fee = account.paid_in.share(exit_fee_bp)
    fines = min(account.fines_due, account.paid_in - fee)
    at_once = written(
        move(Kind.RETURNED, avance(share), wallet(share), account.advance, share),
        move(Kind.RETURNED, caution(share), wallet(share), account.guarantee, share),
    )
    refund = account.paid_in - fee - fines
    to_rounds = owed - account.paid_in
    return Leaving(Withdrawn(share), at_once, catch_ups, refund, fee, fines, to_rounds)


def remainder(rules: Rules, paid_in: Money) -> Money:
    """What a share still has to pay until the end of the cycle (T30)."""
    return rules.contribution * rules.payments_per_share - paid_in


@dataclass(frozen=True, slots=True)
class TakenOver:
    """How a replacement takes a share: the event, what he pays the leaver, what he still owes."""

    event: Replaced
    lines: tuple[Line, ...]
    still_to_pay: Money


def take_over(
    turns: Turns,
    share: str,
    newcomer: str,
    *,
    paid_in: Money,
    rules: Rules,
    guaranteed: bool = False,
) -> TakenOver:
    """Put a replacement in a leaver's place, with its rank and history (R25 a, T29, T30).

    An unserved share costs the newcomer what was paid in; a served one costs nothing, but its
    remainder needs a guarantor.
    """
    turns.rank(share)
    served = share in turns.served
    if served and not guaranteed:
        raise TontineRefused(Why.GUARANTOR_NEEDED, amount=remainder(rules, paid_in))
    bought = None
    if not served:
        bought = move(Kind.RETURNED, f"wallet:{newcomer}", wallet(share), paid_in, share)
    return TakenOver(Replaced(share, newcomer), written(bought), remainder(rules, paid_in))
