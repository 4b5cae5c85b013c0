"""A payout's states and the only edges between them (RELIABILITY §5.1).

The same table is a trigger in the database (migration 0008). Nothing leads back from `sending`: what was
asked once is never asked again, only asked about.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class PayoutStatus(StrEnum):
    """Where the money of one payout is."""

    REQUESTED = "requested"
    HELD = "held"
    SENDING = "sending"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVIEW = "review"


class PayoutPurpose(StrEnum):
    """What a payout is for."""

    WITHDRAWAL = "withdrawal"
    REFUND = "refund"
    SELLER_PAYOUT = "seller_payout"
    """What a shop earned, to its proven number: with a statement whose lines sum to it."""


class Route(StrEnum):
    """By which call of the provider the money leaves."""

    TRANSFER = "transfer"
    """To a phone: `pay_out`."""
    REFUND = "refund"
    """Back through the collection it came by: `refund`."""


class Evidence(StrEnum):
    """What an end rests on, kept with the event that ended it."""

    ANSWER = "answer"
    """The provider said so, asked by us."""
    UNSENT = "unsent"
    """The request surely never left us."""
    ABSENT = "absent"
    """The provider did not know it, so late that it can no longer be on its way (W5)."""
    PEOPLE = "people"
    """Two people decided, each under their name."""


S = PayoutStatus

EDGES: Final[dict[PayoutStatus, frozenset[PayoutStatus]]] = {
    S.REQUESTED: frozenset({S.SENDING, S.HELD, S.CANCELLED}),
    S.HELD: frozenset({S.REQUESTED, S.CANCELLED}),
    S.SENDING: frozenset({S.PENDING, S.UNKNOWN, S.SUCCEEDED, S.FAILED, S.REVIEW}),
    S.UNKNOWN: frozenset({S.PENDING, S.SUCCEEDED, S.FAILED, S.REVIEW}),
    S.PENDING: frozenset({S.SUCCEEDED, S.FAILED, S.REVIEW}),
    S.REVIEW: frozenset({S.SUCCEEDED, S.FAILED}),
    # An ended payout stays ended; money that leaves afterwards is a fact of its own (`late_ref`).
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
}

ENDED: Final = frozenset(status for status, edges in EDGES.items() if not edges)
#: The provider was never asked: nothing can have left.
UNSENT: Final = frozenset({S.REQUESTED, S.HELD, S.CANCELLED})
#: The provider has been asked and may be asked again what became of it.
OPEN: Final = frozenset({S.SENDING, S.PENDING, S.UNKNOWN})
#: The money is in the payout's own hold account (W3).
IN_FLIGHT: Final = frozenset(set(PayoutStatus) - ENDED)
