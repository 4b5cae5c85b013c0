"""A dispute: why one may begin, its states, who may take which step, and how long each side has.

The table is a trigger in the database too (migration 0012). While a dispute is open its order does not
move, and not a franc of its escrow: neither for the buyer, the seller, the clock nor staff.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shop.i18n import _l
from shop.money import Money
from shop.orders.states import Actor, Stage


class Dispute(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    DECIDED = "decided"
    """Staff has said who gets what; each side has two days to appeal."""
    APPEALED = "appealed"
    """Staff looks once more; what it says then stands."""
    AGREED = "agreed"
    WITHDRAWN = "withdrawn"
    EXECUTED = "executed"


class Offer(StrEnum):
    """What one side may propose to the other."""

    REFUND = "refund"
    REPLACE = "replace"
    SHARE = "share"


def _by(*actors: Actor) -> frozenset[Actor]:
    return frozenset(actors)


D, A = Dispute, Actor
BOTH_SIDES: Final = _by(A.BUYER, A.SELLER)
EDGES: Final[dict[Dispute, dict[Dispute, frozenset[Actor]]]] = {
    D.OPEN: {D.AGREED: BOTH_SIDES, D.WITHDRAWN: _by(A.BUYER), D.DECIDED: _by(A.STAFF)},
    D.DECIDED: {D.APPEALED: BOTH_SIDES, D.EXECUTED: _by(A.CLOCK)},
    D.APPEALED: {D.AGREED: BOTH_SIDES, D.WITHDRAWN: _by(A.BUYER), D.EXECUTED: _by(A.STAFF)},
    D.AGREED: {},
    D.WITHDRAWN: {},
    D.EXECUTED: {},
}
#: While it is in one of these, the amount is frozen.
UNSETTLED: Final = frozenset(state for state, edges in EDGES.items() if edges)

OFFER_LASTS: Final = timedelta(hours=48)
APPEAL_LASTS: Final = timedelta(hours=48)
#: The two talk first; then a person of staff is called.
TALK_LASTS: Final = timedelta(hours=72)

#: Above this, a decision takes two different people; an unknown currency always does.
ONE_PERSON_UP_TO: Final = {"XOF": 100_000, "XAF": 100_000, "GNF": 1_500_000, "CDF": 45_000_000}


def needs_two(total: Money) -> bool:
    """Say whether a decision about so much money takes a second person."""
    return total.amount > ONE_PERSON_UP_TO.get(total.currency, 0)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a buyer may report a problem, and at which stages that can be true."""

    sentence: object
    stages: frozenset[Stage]


S = Stage
_BEFORE: Final = frozenset({S.ACCEPTED, S.PREPARING, S.READY})
_AFTER: Final = frozenset({S.SENT, S.ASKED, S.RECEIVED})
REASONS: Final = {
    "not_arrived": Reason(_l("Je n’ai rien reçu"), _BEFORE | {S.SENT, S.ASKED}),
    "damaged": Reason(_l("L’article est abîmé ou ne marche pas"), _AFTER),
    "different": Reason(_l("Ce n’est pas ce que j’ai commandé"), _AFTER),
    "missing": Reason(_l("Il manque quelque chose"), _AFTER),
    "asks_more": Reason(_l("Le vendeur demande plus d’argent"), _BEFORE | _AFTER),
    "other": Reason(_l("Autre chose"), _BEFORE | _AFTER),
}


#: Not a buyer's reason: the operator took the payment back (`shop/reversals.py`).
REVERSED: Final = "reversed"


def reasons_at(stage: Stage) -> dict[str, object]:
    """Give the reasons that can be true at a stage, in the order of the form."""
    return {word: reason.sentence for word, reason in REASONS.items() if stage in reason.stages}
