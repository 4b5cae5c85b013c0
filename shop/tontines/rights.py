"""Who may do what in a circle (TONTINE §9), as one table: pages show a door by it, and a test walks it.

The services refuse by themselves; this is what a page reads before it offers something.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from shop.tontines.models import Office


class Doing(StrEnum):
    """What only some offices do; everything else is every member's."""

    INVITE = "invite"
    CHANGE_RULES = "change_rules"
    PROPOSE_RULES = "propose_rules"
    APPOINT = "appoint"
    LOCK = "lock"
    RECORD_CASH = "record_cash"
    SIGN = "sign"
    WAIVE = "waive"
    VETO_SWAP = "veto_swap"
    EXCLUDE = "exclude"
    HOLD_MEETING = "hold_meeting"


MAY: Final[dict[Doing, frozenset[Office]]] = {
    Doing.INVITE: frozenset({Office.PRESIDENT, Office.SECRETARY}),
    Doing.CHANGE_RULES: frozenset({Office.PRESIDENT}),
    Doing.PROPOSE_RULES: frozenset(
        {Office.PRESIDENT, Office.SECRETARY, Office.TREASURER, Office.CENSOR}
    ),
    Doing.APPOINT: frozenset({Office.PRESIDENT}),
    Doing.LOCK: frozenset({Office.PRESIDENT, Office.SECRETARY}),
    Doing.RECORD_CASH: frozenset({Office.TREASURER}),
    Doing.SIGN: frozenset({Office.PRESIDENT, Office.TREASURER, Office.AUDITOR}),
    Doing.WAIVE: frozenset({Office.CENSOR, Office.PRESIDENT}),
    Doing.VETO_SWAP: frozenset({Office.PRESIDENT}),
    Doing.EXCLUDE: frozenset({Office.PRESIDENT, Office.CENSOR}),
    Doing.HOLD_MEETING: frozenset({Office.TREASURER, Office.SECRETARY}),
}


def may(offices: Collection[Office], doing: Doing) -> bool:
    """Say whether somebody who holds these offices may do this."""
    return not MAY[doing].isdisjoint(offices)
