"""A seller order after its payment: its stages, who may take which step, and what the clock does next.

Two dimensions, shown as two pills (UX §6): the stage says where the goods are, the escrow where the money
is. Both tables are triggers in the database too (migrations 0011, 0012, 0016): an edge that is not here
cannot be taken, nor by anybody it does not name, not even by raw SQL (E1, E5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """Where the goods of a seller order are."""

    UNPAID = "unpaid"
    TO_ACCEPT = "to_accept"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    SENT = "sent"
    ASKED = "asked"
    """The buyer is asked whether it arrived: somebody says so, nobody has proved it."""
    RECEIVED = "received"
    """The buyer has it and looks at it: the delivery is proven, the money still waits."""
    HANDED_OVER = "handed_over"
    """The buyer gave the code at the door."""
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    DECIDED = "decided"
    """Staff shared the money between the two."""
    GONE_BACK = "gone_back"
    """Refused at the door, where it was to be paid: the parcel goes home, its delivery is paid."""


class Escrow(StrEnum):
    """Where the buyer's money for one seller order is."""

    NONE = "none"
    HELD = "held"
    RELEASED = "released"
    REFUNDED = "refunded"
    SPLIT = "split"


class Actor(StrEnum):
    """Who may take a step."""

    PAYMENT = "payment"
    BUYER = "buyer"
    SELLER = "seller"
    CLOCK = "clock"
    STAFF = "staff"
    DISPUTE = "dispute"
    """A dispute that ended: both sides agreed, or a decision stood."""


S, A = Stage, Actor
_Edges = dict[Stage, frozenset[Actor]]


def _by(*actors: Actor) -> frozenset[Actor]:
    return frozenset(actors)


#: From acceptance until the goods leave, the same ways lead out.
_PREPARED: Final[_Edges] = {
    S.SENT: _by(A.SELLER),
    S.ASKED: _by(A.SELLER),
    S.HANDED_OVER: _by(A.SELLER),
    S.RECEIVED: _by(A.BUYER),
    S.CONFIRMED: _by(A.BUYER, A.STAFF, A.DISPUTE),
    S.CANCELLED: _by(A.SELLER, A.CLOCK, A.STAFF, A.DISPUTE),
    S.DECIDED: _by(A.STAFF, A.DISPUTE),
}
#: By the buyer's own word or by staff's: the seller's alone pays nobody.
_GOES_BACK: Final[_Edges] = {S.GONE_BACK: _by(A.BUYER, A.STAFF)}
#: Once they have left, the clock gives no money back by itself: the buyer may hold the goods.
_LEFT: Final[_Edges] = {
    S.HANDED_OVER: _by(A.SELLER),
    S.RECEIVED: _by(A.BUYER),
    S.CONFIRMED: _by(A.BUYER, A.STAFF, A.DISPUTE),
    S.CANCELLED: _by(A.SELLER, A.STAFF, A.DISPUTE),
    S.DECIDED: _by(A.STAFF, A.DISPUTE),
}

EDGES: Final[dict[Stage, _Edges]] = {
    S.UNPAID: {S.TO_ACCEPT: _by(A.PAYMENT)},
    S.TO_ACCEPT: {
        S.ACCEPTED: _by(A.SELLER),
        S.REFUSED: _by(A.SELLER, A.CLOCK),
        S.CONFIRMED: _by(A.STAFF),
        S.CANCELLED: _by(A.BUYER, A.STAFF),
        S.DECIDED: _by(A.STAFF),
    },
    S.ACCEPTED: {S.PREPARING: _by(A.SELLER), S.READY: _by(A.SELLER), **_PREPARED},
    S.PREPARING: {S.READY: _by(A.SELLER), **_PREPARED},
    S.READY: _PREPARED,
    S.SENT: {S.ASKED: _by(A.SELLER, A.CLOCK), **_LEFT, **_GOES_BACK},
    S.ASKED: _LEFT | _GOES_BACK,
    S.RECEIVED: {
        S.HANDED_OVER: _by(A.SELLER),
        S.CONFIRMED: _by(A.BUYER, A.CLOCK, A.STAFF, A.DISPUTE),
        S.CANCELLED: _by(A.SELLER, A.STAFF, A.DISPUTE),
        S.DECIDED: _by(A.STAFF, A.DISPUTE),
        **_GOES_BACK,
    },
    S.HANDED_OVER: {},
    S.CONFIRMED: {},
    S.REFUSED: {},
    S.CANCELLED: {},
    S.DECIDED: {},
    S.GONE_BACK: {},
}
#: Steps that only an order still to be paid at the door may take.
AT_DOOR_ONLY: Final = frozenset({S.GONE_BACK})
#: Steps by which the goods become the buyer's: what is still due at the door was then paid in cash.
GOODS_TAKEN: Final = frozenset({S.HANDED_OVER, S.CONFIRMED})

#: Where the money is at each stage: one follows from the other, in the database too.
ESCROW_AT: Final[dict[Stage, Escrow]] = dict.fromkeys(Stage, Escrow.HELD) | {
    S.UNPAID: Escrow.NONE,
    S.HANDED_OVER: Escrow.RELEASED,
    S.CONFIRMED: Escrow.RELEASED,
    S.GONE_BACK: Escrow.RELEASED,
    S.REFUSED: Escrow.REFUNDED,
    S.CANCELLED: Escrow.REFUNDED,
    S.DECIDED: Escrow.SPLIT,
}
CLOSED: Final = frozenset(stage for stage, edges in EDGES.items() if not edges)


class Tab(StrEnum):
    """How a seller sorts orders; every paid seller order is under exactly one."""

    TODO = "todo"
    PROGRESS = "progress"
    DONE = "done"
    REFUSED = "refused"


TABS: Final[dict[Tab, tuple[Stage, ...]]] = {
    Tab.TODO: (S.TO_ACCEPT, S.ACCEPTED, S.PREPARING, S.READY),
    Tab.PROGRESS: (S.SENT, S.ASKED, S.RECEIVED),
    Tab.DONE: (S.HANDED_OVER, S.CONFIRMED, S.DECIDED),
    Tab.REFUSED: (S.REFUSED, S.CANCELLED, S.GONE_BACK),
}


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a stage may last, when to remind, and where the clock then goes."""

    hours: int | None
    """None: the delivery time that the shop promised at checkout."""
    reminders: tuple[float, ...]
    """Shares of the wait after which whoever must act is reminded."""
    then: Stage | None
    """None: the clock moves no money here; a person of staff looks."""

    def ends(self, promised_hours: int) -> timedelta:
        """Say how long after its beginning the stage is due."""
        return timedelta(hours=promised_hours if self.hours is None else self.hours)


#: The seller answers within a day; goods leave within the promised time; a parcel on its way is asked
#: after; three days of silence go to staff; a proven delivery is paid after a day (UX §4.5).
WAITS: Final[dict[Stage, Wait]] = {
    S.TO_ACCEPT: Wait(24, (0.5,), S.REFUSED),
    S.ACCEPTED: Wait(None, (0.5,), S.CANCELLED),
    S.SENT: Wait(None, (), S.ASKED),
    S.ASKED: Wait(72, (1 / 3, 2 / 3), None),
    S.RECEIVED: Wait(24, (), S.CONFIRMED),
}
#: Stages that go on with the wait that began before them.
SAME_WAIT: Final = frozenset({S.PREPARING, S.READY})
