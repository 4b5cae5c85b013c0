"""A payment attempt's states and the only edges between them (RELIABILITY §5.1).

The same table is a trigger in the database (migration 0005): an edge that is not here cannot be taken,
not even by raw SQL. "Expired" is a label for people, not a state: we stop asking the buyer, never the
provider.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class PaymentStatus(StrEnum):
    """Where one attempt to collect stands."""

    CREATED = "created"
    SENDING = "sending"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVIEW = "review"


class Purpose(StrEnum):
    """What a payment is for."""

    ORDER = "order"
    CONTRIBUTION = "contribution"
    TOP_UP = "top_up"
    """Money put into one's own wallet."""


S = PaymentStatus

EDGES: Final[dict[PaymentStatus, frozenset[PaymentStatus]]] = {
    S.CREATED: frozenset({S.SENDING, S.CANCELLED}),
    S.SENDING: frozenset({S.PENDING, S.UNKNOWN, S.SUCCEEDED, S.FAILED, S.REVIEW}),
    S.UNKNOWN: frozenset({S.PENDING, S.SUCCEEDED, S.FAILED, S.REVIEW}),
    S.PENDING: frozenset({S.SUCCEEDED, S.FAILED, S.REVIEW}),
    S.REVIEW: frozenset({S.SUCCEEDED, S.FAILED}),
    # An ended attempt stays ended; money that comes later is a receipt of its own (D4).
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
}

#: States in which the attempt may still take the buyer's money.
LIVE: Final = frozenset({S.CREATED, S.SENDING, S.PENDING, S.UNKNOWN})
#: States in which the provider has been asked and may be asked again.
OPEN: Final = frozenset({S.SENDING, S.PENDING, S.UNKNOWN})
ENDED: Final = frozenset(status for status, edges in EDGES.items() if not edges)


class Disposition(StrEnum):
    """What was done with money that arrived (D4)."""

    APPLIED = "applied"
    WALLET = "wallet"
    SUSPENSE = "suspense"


class Note(StrEnum):
    """Why a receipt was disposed of as it was; each has its sentence for the buyer."""

    EXACT = "exact"
    OVER = "over"
    SHORT = "short"
    LATE = "late"
    DOUBLE = "double"
    NOT_WANTED = "not_wanted"
    WRONG_CURRENCY = "wrong_currency"
    CONTRADICTION = "contradiction"
