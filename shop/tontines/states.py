"""The states of a circle's rows and the only edges between them (TONTINE §5).

The same tables are triggers in the database (migration 0019): an edge that is not here cannot be
taken, not even by raw SQL.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class TontineStatus(StrEnum):
    """Where a circle stands as a whole; a frozen one is `paused`."""

    DRAFT = "draft"
    OPEN = "open"
    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"


class JoinPolicy(StrEnum):
    """How one gets in without being named."""

    CLOSED = "closed"
    REQUEST = "request"
    OPEN = "open"


class MemberStatus(StrEnum):
    """Where a person stands in a circle."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"
    REMOVED = "removed"
    DECEASED = "deceased"


class RequestStatus(StrEnum):
    """What became of somebody's wish to join."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class CycleStatus(StrEnum):
    """Where a cycle stands, from the first share taken to the last pot paid."""

    ENROLLING = "enrolling"
    LOCKED = "locked"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class RoundStatus(StrEnum):
    """Where a round stands; `deciding` may last while the policy waits (R9)."""

    SCHEDULED = "scheduled"
    OPEN = "open"
    DUE = "due"
    GRACE = "grace"
    DECIDING = "deciding"
    POSTPONED = "postponed"
    PAYABLE = "payable"
    PAYING = "paying"
    PAY_FAILED = "pay_failed"
    PAID = "paid"
    CLOSED = "closed"


class DueStatus(StrEnum):
    """Where one amount that one share owes stands; `void` died with its share or its cycle."""

    OPEN = "open"
    PARTIAL = "partial"
    PAID = "paid"
    LATE = "late"
    COVERED = "covered"
    PAID_LATE = "paid_late"
    LOST = "lost"
    VOID = "void"


class ContributionStatus(StrEnum):
    """Where a member's money stands: asked of a phone, promised in cash, received, or dropped."""

    ASKED = "asked"
    PROMISED = "promised"
    RECEIVED = "received"
    REFUSED = "refused"


class Source(StrEnum):
    """Where a contribution comes from."""

    WALLET = "wallet"
    PAYMENT = "payment"
    CASH = "cash"
    ADVANCE = "advance"
    SET_OFF = "set_off"
    #: Taken over by the group: a cover, a levy, a catch-up that repays a leaver's rounds.
    GROUP = "group"


class TurnStatus(StrEnum):
    """Where a recipient's pot stands: counted, signed by two, in the wallet."""

    ELIGIBLE = "eligible"
    APPROVED = "approved"
    RECEIVED = "received"


class DrawStatus(StrEnum):
    """Where a draw stands (R19)."""

    COMMITTED = "committed"
    WORDS = "words"
    REVEALED = "revealed"
    VOID = "void"


class AuctionStatus(StrEnum):
    """Where the sale of a turn stands (R18)."""

    OPEN = "open"
    CLOSED = "closed"


class SwapStatus(StrEnum):
    """Where the exchange of two turns stands (R15)."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


class OrderStatus(StrEnum):
    """Where a request to move money out stands (R20)."""

    OPEN = "open"
    SIGNED = "signed"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


class ClaimStatus(StrEnum):
    """Where a relief claim stands (R23)."""

    ASKED = "asked"
    PAID = "paid"
    REFUSED = "refused"


class VoteStatus(StrEnum):
    """Where a vote stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


#: Per table and column: from each state, the states that may follow.
EDGES: Final[dict[tuple[str, str], dict[str, set[str]]]] = {
    ("tontine", "status"): {
        "draft": {"open", "closed"},
        "open": {"running", "paused", "closed"},
        "running": {"open", "paused", "closed"},
        "paused": {"open", "running", "closed"},
    },
    ("tontine_member", "status"): {
        "invited": {"active", "left"},
        "active": {"suspended", "left", "removed", "deceased"},
        "suspended": {"active", "left", "removed", "deceased"},
        "left": {"active"},
    },
    ("tontine_join_request", "status"): {"pending": {"approved", "rejected", "withdrawn"}},
    ("tontine_cycle", "status"): {
        "enrolling": {"locked", "cancelled"},
        "locked": {"running", "cancelled"},
        "running": {"closing", "cancelled"},
        "closing": {"closed"},
    },
    ("tontine_round", "status"): {
        "scheduled": {"open"},
        "open": {"due"},
        # Everybody has paid: there is nobody to wait for.
        "due": {"grace", "deciding"},
        "grace": {"deciding"},
        # A round whose share has left serves nobody; it only collects what is owed at the end.
        "deciding": {"payable", "postponed", "closed"},
        "postponed": {"deciding"},
        "payable": {"paying"},
        "paying": {"paid", "pay_failed"},
        "pay_failed": {"paying"},
        "paid": {"closed"},
    },
    ("tontine_due", "status"): {
        "open": {"partial", "paid", "late", "covered", "void"},
        "partial": {"paid", "late", "covered", "void"},
        "late": {"covered", "paid_late", "lost", "void"},
        "covered": {"paid_late", "lost"},
        "paid": {"void"},
    },
    ("tontine_contribution", "status"): {
        "asked": {"received", "refused"},
        "promised": {"received", "refused"},
    },
    ("tontine_turn", "status"): {"eligible": {"approved"}, "approved": {"received", "eligible"}},
    ("tontine_draw", "status"): {"committed": {"words", "void"}, "words": {"revealed", "void"}},
    ("tontine_auction", "status"): {"open": {"closed"}},
    ("tontine_swap", "status"): {
        "asked": {"accepted", "refused", "expired"},
        "accepted": {"done", "refused", "expired"},
    },
    ("tontine_order", "status"): {
        "open": {"signed", "refused", "expired"},
        "signed": {"done", "refused", "expired"},
    },
    ("tontine_relief_claim", "status"): {"asked": {"paid", "refused"}},
    ("tontine_vote", "status"): {"open": {"accepted", "rejected"}},
}

#: Dues on which nothing is to be paid any more.
SETTLED_DUES: Final = frozenset(
    {DueStatus.PAID, DueStatus.PAID_LATE, DueStatus.LOST, DueStatus.VOID}
)
#: Rounds whose recipients were counted: what comes now is late money (R9).
COUNTED: Final = frozenset(
    {
        RoundStatus.PAYABLE,
        RoundStatus.PAYING,
        RoundStatus.PAY_FAILED,
        RoundStatus.PAID,
        RoundStatus.CLOSED,
    }
)
#: Members who take part.
PRESENT: Final = frozenset({MemberStatus.ACTIVE, MemberStatus.SUSPENDED})
