"""May this share receive now? What it owes at payout decides: pay, set off, or wait (R12, R16)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from shop.money import total
from shop.tontines.money_in import Due, DueKind
from shop.tontines.rules import Rules


class Standing(StrEnum):
    """Where a member stands when one of his shares is to be served."""

    UP_TO_DATE = "up_to_date"
    SET_OFF = "set_off"
    DEFERRED = "deferred"


def at_payout(dues: Iterable[Due], rules: Rules) -> Standing:
    """Judge a member by what all his shares owe once the grace of the round has ended (T14, T15).

    `dues` are those of rounds up to this one. Fines never defer a turn: they are set off.
    """
    owed = [due for due in dues if due.unpaid]
    if not owed:
        return Standing.UP_TO_DATE
    contributions = total(
        [due.unpaid for due in owed if due.kind is not DueKind.PENALTY], rules.currency
    )
    most = rules.contribution * rules.set_off_contributions
    return Standing.SET_OFF if contributions <= most else Standing.DEFERRED
