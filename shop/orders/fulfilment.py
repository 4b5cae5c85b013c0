"""What happens to a seller order between "payé" and money on the seller's phone: one door for every step.

Lock, check that this person may take this step now, write it down, move the money, take it. Whoever
comes second finds another stage and is told so; nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from shop import clock, references
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import NotFound, Refusal
from shop.money import Money
from shop.notices import service as notices
from shop.orders import escrow, handover, telling
from shop.orders.models import Order, SellerOrder, SellerOrderEvent
from shop.orders.policy import Cause
from shop.orders.refund_rows import Why
from shop.orders.refusals import CodeLocked, Disputed, NeedsReason, NotThatStep, WrongCode
from shop.orders.states import (
    CLOSED,
    EDGES,
    ESCROW_AT,
    SAME_WAIT,
    WAITS,
    Actor,
    Escrow,
    Stage,
)
from shop.stores.models import Store

#: Longest reason that is kept.
WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class By:
    """Who takes a step, and in whose words."""

    actor: Actor
    user_id: int | None = None
    words: str = ""


def begin(parts: Sequence[SellerOrder], at: datetime) -> None:
    """Open paid seller orders for their sellers: a day to answer begins. One statement for them all."""
    assert in_transaction(), "an order opens in the transaction that pays it"
    if not parts:
        return
    by = By(Actor.PAYMENT)
    _write([_event(part, by, Stage.UNPAID, Stage.TO_ACCEPT) for part in parts])
    for part in parts:
        part.stage, part.escrow = Stage.TO_ACCEPT, Escrow.HELD
        _wait(part, Stage.TO_ACCEPT, at)


@retrying
def sell(owner_id: int, reference: str, to: Stage, words: str = "") -> SellerOrder:
    """Take a step as the seller: accept, refuse, prepare, send, cancel, or say that it arrived.

    Raises `NotFound` for another's order, `NotThatStep` when it went on meanwhile, `NeedsReason` when
    money would go back without a word.
    """
    if to is Stage.HANDED_OVER:
        raise NotThatStep("a hand-over is proven by its code")
    if ESCROW_AT[to] is Escrow.REFUNDED and not words.strip():
        raise NeedsReason
    with transaction():
        part = locked(Store.owner_id == owner_id, SellerOrder.reference == reference)
        _take(part, to, By(Actor.SELLER, owner_id, words))
        return part


def sell_many(owner_id: int, refs: Sequence[str], to: Stage) -> int:
    """Take the same step for many orders, each by itself; give how many took it."""
    done = 0
    for reference in refs:
        try:
            sell(owner_id, references.parse(reference) or "", to)
        except Refusal:
            continue
        done += 1
    return done


def hand_over(owner_id: int, reference: str, typed: str) -> SellerOrder:
    """Prove the delivery by the code the buyer gave at the door; the seller is paid at once.

    Raises `WrongCode` with the tries that are left, `CodeLocked` after five.
    """
    refused, part = _try_code(owner_id, reference, typed)
    if refused is not None:
        raise refused
    return part


@retrying
def _try_code(owner_id: int, reference: str, typed: str) -> tuple[Refusal | None, SellerOrder]:
    """Count a wrong try for good: what a refusal rolled back would be a free guess."""
    with transaction():
        part = locked(Store.owner_id == owner_id, SellerOrder.reference == reference)
        by = By(Actor.SELLER, owner_id)
        _check(part, Stage.HANDED_OVER, by)
        if part.code_tries >= handover.MOST_TRIES:
            return CodeLocked(), part
        if handover.fits(part, typed):
            _take(part, Stage.HANDED_OVER, by)
            return None, part
        part.code_tries += 1
        _note(part, by, "wrong_code")
        left = handover.MOST_TRIES - part.code_tries
        if not left:
            _to_staff(part)
        return (WrongCode(left) if left else CodeLocked()), part


@retrying
def buy(user_ids: Sequence[int], reference: str, to: Stage, words: str = "") -> SellerOrder:
    """Take a step as the buyer: it is here, pay the seller, or cancel before the seller answered.

    Raises `NotFound` for another's order, `NotThatStep` when it went on meanwhile.
    """
    with transaction():
        part = locked(Order.user_id.in_(user_ids), SellerOrder.reference == reference)
        _take(part, to, By(Actor.BUYER, part.order.user_id, words))
        return part


@retrying
def decide(reference: str, to: Stage, by: By, to_buyer: Money | None = None) -> SellerOrder:
    """Take a step as staff, with a reason: release, refund, or share. Raises like `sell`."""
    assert by.actor is Actor.STAFF, "only staff decides for others"
    if not by.words.strip():
        raise NeedsReason
    with transaction():
        part = locked(SellerOrder.reference == reference)
        _take(part, to, by, to_buyer)
        return part


@retrying
def wake(seller_order_id: int) -> None:
    """Do what the clock owes one seller order now: a reminder, the step its wait ends with, or staff."""
    with transaction():
        part = locked(SellerOrder.id == seller_order_id)
        if part.wake_at is None or part.wake_at > clock.now():
            return  # somebody was faster
        assert part.due_at is not None, "a wait has an end"
        if part.due_at > clock.now():
            _remind(part)
            return
        then = WAITS[_waiting(part)].then
        if then is None:
            _to_staff(part)
        else:
            _take(part, then, By(Actor.CLOCK))


def due(limit: int) -> Sequence[int]:
    """List the seller orders the clock owes something, those that have waited longest first."""
    query = sa.select(SellerOrder.id).where(SellerOrder.wake_at <= clock.now())
    return session.scalars(query.order_by(SellerOrder.wake_at).limit(limit)).all()


@retrying
def postpone(seller_order_id: int, seconds: float) -> None:
    """Let the clock look again later at a seller order it could not serve."""
    with transaction():
        part = locked(SellerOrder.id == seller_order_id)
        if part.wake_at is not None:
            part.wake_at = clock.after(seconds)


def freeze(part: SellerOrder) -> None:
    """Stop a locked seller order for its dispute: no step, no clock, no franc, until `thaw`."""
    assert in_transaction(), "it freezes in the transaction that opens the dispute"
    part.disputed_at, part.wake_at = clock.now(), None
    session.flush()


def thaw(part: SellerOrder) -> None:
    """Let a locked seller order go on after its dispute; its wait begins anew."""
    assert in_transaction(), "it thaws in the transaction that ends the dispute"
    part.disputed_at = part.staff_since = None
    _wait(part, _waiting(part), clock.now())
    session.flush()


def give_as_disputed(part: SellerOrder, to_buyer: Money, words: str) -> None:
    """Close a thawed seller order as its dispute ended: all, a part or nothing goes to the buyer."""
    assert in_transaction(), "the money moves in the transaction that ends the dispute"
    to = Stage.DECIDED
    if to_buyer == part.held:
        to = Stage.CANCELLED
    elif not to_buyer:
        to = Stage.CONFIRMED
    _take(part, to, By(Actor.DISPUTE, words=words), to_buyer)


def close(part: SellerOrder, to: Stage, by: By, why: Why) -> None:
    """Close a locked seller order with a refund of all that is held, for a cause somebody gave."""
    assert in_transaction(), "the money moves in the transaction that closes the order"
    _take(part, to, by, why=why)


def note(part: SellerOrder, by: By, what: str) -> None:
    """Write a line of a locked seller order's history that is no step."""
    _note(part, by, what)


def call_staff(part: SellerOrder) -> None:
    """Call a person of staff to a locked seller order, and tell both sides."""
    _to_staff(part)


def can(part: SellerOrder, to: Stage, actor: Actor) -> bool:
    """Say whether somebody may take this step now: what pages ask before they show a button."""
    return part.disputed_at is None and actor in EDGES[part.state].get(to, frozenset())


def locked(*conditions: sa.ColumnElement[bool]) -> SellerOrder:
    """Lock one seller order and read it as it is now; `NotFound` when these conditions hide it."""
    query = (
        sa.select(SellerOrder)
        .join(SellerOrder.order)
        .join(SellerOrder.store)
        .where(*conditions)
        .with_for_update(of=SellerOrder)
        .execution_options(populate_existing=True)
        .options(contains_eager(SellerOrder.order), contains_eager(SellerOrder.store))
    )
    part = session.scalars(query).one_or_none()
    if part is None:
        raise NotFound("no such seller order")
    return part


def _check(part: SellerOrder, to: Stage, by: By) -> None:
    if part.disputed_at is not None:
        raise Disputed(f"{part.reference} is disputed")
    if not can(part, to, by.actor):
        raise NotThatStep(f"{part.reference} is {part.stage}: not {to} by {by.actor}")


def _take(
    part: SellerOrder, to: Stage, by: By, to_buyer: Money | None = None, why: Why | None = None
) -> None:
    """Take one edge, with its event, its money, its wait and its messages."""
    _check(part, to, by)
    was = part.state
    _write([_event(part, by, was, to)])
    if to in CLOSED:
        _close(part, to, to_buyer, why or _why(part, to, by))
    part.stage = to
    if by.actor is Actor.BUYER:
        part.staff_since = None  # what staff was called for, the buyer has answered
    _wait(part, to, clock.now())
    session.flush()
    notices.put_all(list(telling.of_step(part, by.actor)))


def _close(part: SellerOrder, to: Stage, to_buyer: Money | None, why: Why) -> None:
    match ESCROW_AT[to]:
        case Escrow.RELEASED:
            escrow.release(part)
        case Escrow.REFUNDED:
            escrow.refund_of(part, why)
        case _:
            assert to_buyer is not None, "a decision says who gets what"
            escrow.split(part, to_buyer, why)


#: For which cause of the policy money goes back when a step closes an order.
_CAUSES: Final = {
    (Stage.REFUSED, Actor.SELLER): Cause.REFUSED,
    (Stage.CANCELLED, Actor.SELLER): Cause.REFUSED,
    (Stage.REFUSED, Actor.CLOCK): Cause.SILENT,
    (Stage.CANCELLED, Actor.CLOCK): Cause.SILENT,
    (Stage.CANCELLED, Actor.BUYER): Cause.CHANGED_MIND,
}


def _why(part: SellerOrder, to: Stage, by: By) -> Why:
    cause = _CAUSES.get((to, by.actor), Cause.DISPUTE)
    return Why(f"closing:{part.reference}", cause, by.actor, by.user_id, by.words)


def _wait(part: SellerOrder, stage: Stage, since: datetime) -> None:
    """Set when the stage is due, and when the clock looks first."""
    if stage in SAME_WAIT:
        return
    part.reminders = 0
    if stage in CLOSED:
        part.due_at = part.wake_at = part.staff_since = None
        return
    part.due_at = since + WAITS[stage].ends(part.promised_hours)
    part.wake_at = None if part.staff_since else _next_wake(part, stage)


def _next_wake(part: SellerOrder, stage: Stage) -> datetime:
    assert part.due_at is not None, "a wait has an end"
    whole, shares = WAITS[stage].ends(part.promised_hours), WAITS[stage].reminders
    if part.reminders >= len(shares):
        return part.due_at
    return part.due_at - (1 - shares[part.reminders]) * whole


def _waiting(part: SellerOrder) -> Stage:
    """Name the stage whose wait is running."""
    return Stage.ACCEPTED if part.state in SAME_WAIT else part.state


def _remind(part: SellerOrder) -> None:
    part.reminders += 1
    part.wake_at = _next_wake(part, _waiting(part))
    _note(part, By(Actor.CLOCK), "reminder")
    session.flush()
    notices.put_all(list(telling.of_reminder(part)))


def _to_staff(part: SellerOrder) -> None:
    """Call a person: nothing moves by itself any more, and both sides are told so."""
    part.staff_since, part.wake_at = clock.now(), None
    _note(part, By(Actor.CLOCK), "to_staff")
    session.flush()
    notices.put_all(list(telling.of_staff(part)))


def _note(part: SellerOrder, by: By, what: str) -> None:
    _write([_event(part, by, None, None, what)])


def _event(
    part: SellerOrder, by: By, old: Stage | None, new: Stage | None, what: str = ""
) -> dict[str, object]:
    return {
        "seller_order_id": part.id, "at": clock.now(), "actor": by.actor, "user_id": by.user_id,
        "old": old, "new": new, "what": new or what, "words": by.words.strip()[:WORDS],
    }  # fmt: skip


def _write(events: Sequence[dict[str, object]]) -> None:
    # Not through the session: a step is written before it is taken, and the database checks the order.
    table = cast(sa.Table, SellerOrderEvent.__table__)
    session.connection().execute(sa.insert(table), events)


def history(seller_order_id: int) -> Sequence[SellerOrderEvent]:
    """List everything that happened to a seller order, oldest first."""
    query = sa.select(SellerOrderEvent).where(SellerOrderEvent.seller_order_id == seller_order_id)
    return session.scalars(query.order_by(SellerOrderEvent.id)).all()
