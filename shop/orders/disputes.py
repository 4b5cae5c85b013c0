"""What happens from "j'ai un problème" to money that both sides find right: one door for every step.

Lock the seller order, then its dispute; check who may; write it down; then the money, once. While it
lasts the order is frozen by its own row, which the database holds against everybody (migration 0012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import sqlalchemy as sa

from shop import clock
from shop.approvals import service as approvals
from shop.approvals.service import Subject, Voice
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.money import Money
from shop.notices import service as notices
from shop.orders import fulfilment, telling
from shop.orders.dispute_states import (
    APPEAL_LASTS,
    BOTH_SIDES,
    EDGES,
    OFFER_LASTS,
    REVERSED,
    TALK_LASTS,
    UNSETTLED,
    Offer,
    needs_two,
    reasons_at,
)
from shop.orders.dispute_states import Dispute as State
from shop.orders.models import SellerOrder
from shop.orders.refusals import BadReason, BadShare, NoDispute, NotThatStep, OfferGone
from shop.orders.states import Actor, Escrow
from shop.orders.talk import Side, checked
from shop.orders.talk_models import Dispute, DisputeEvent, DisputeProposal

#: Events shown of one dispute; more than two people write in 72 hours.
SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a buyer reports: why, in whose words, and the key of a kept photo."""

    reason: str
    words: str
    photo: str | None = None


@retrying
def report(side: Side, reference: str, complaint: Complaint) -> Dispute:
    """Open a dispute as the buyer: the order and its money are frozen in the same transaction.

    Raises `NotFound` for another's order, `NoDispute` when nothing is held or one is open already,
    `BadReason` or `BadWords`.
    """
    assert side.actor is Actor.BUYER, "a seller refuses or cancels instead"
    words = checked(complaint.words)
    with transaction():
        part = fulfilment.locked(side.mine, SellerOrder.reference == reference)
        if part.disputed_at is not None or part.escrow != Escrow.HELD:
            raise NoDispute(f"{part.reference}: {part.escrow}")
        if complaint.reason not in reasons_at(part.state):
            raise BadReason(complaint.reason[:20])
        dispute = Dispute(
            seller_order_id=part.id,
            reason=complaint.reason,
            words=words,
            photo=complaint.photo,
            status=State.OPEN,
            opened_at=clock.now(),
            wake_at=clock.now() + TALK_LASTS,
            currency=part.currency,
        )
        session.add(dispute)
        session.flush()
        _note(dispute, side.actor, "reported", user_id=part.order.user_id)
        fulfilment.freeze(part)
        notices.put_all(list(telling.of_problem(part, dispute.id)))
        return dispute


def freeze_for_reversal(part: SellerOrder, words: str) -> Dispute:
    """Open a dispute for a locked seller order whose payment the operator took back, and call staff."""
    dispute = Dispute(
        seller_order_id=part.id,
        reason=REVERSED,
        words=words[:1_000],
        status=State.OPEN,
        opened_at=clock.now(),
        wake_at=None,
        currency=part.currency,
    )
    session.add(dispute)
    session.flush()
    _note(dispute, Actor.STAFF, "reversed", words=words)
    fulfilment.freeze(part)
    fulfilment.call_staff(part)
    return dispute


@retrying
def propose(side: Side, reference: str, kind: Offer, percent: int = 0) -> None:
    """Propose a solution to the other side: everything back, another article, or a share of it.

    Raises `BadShare` outside 1 to 99 percent, `NotThatStep` when nothing can be agreed any more.
    """
    if kind is Offer.SHARE and not 0 < percent < 100:
        raise BadShare(str(percent))
    with transaction():
        part, dispute = _locked(side, reference)
        _refuse_unless_open(dispute)
        back = {
            Offer.REFUND: part.held,
            Offer.REPLACE: Money(0, part.currency),
            Offer.SHARE: part.held.share(percent * 100),
        }[kind]
        if kind is Offer.SHARE and not back:
            raise BadShare(f"{percent} % of {part.held}")
        proposal = DisputeProposal(
            dispute_id=dispute.id,
            actor=side.actor,
            user_id=side.user_ids[0],
            kind=kind,
            currency=part.currency,
            back_amount=back.amount,
            at=clock.now(),
            due_at=clock.now() + OFFER_LASTS,
        )
        session.add(proposal)
        session.flush()
        _note(dispute, side.actor, f"offer_{kind}", words=back.to_wire(), user_id=side.user_ids[0])
        due_at = proposal.due_at
        notices.put_all(list(telling.of_offer(part, side.actor, proposal.id, due_at)))


@retrying
def accept(side: Side, reference: str, proposal_id: int) -> None:
    """Accept the other side's newest proposal: the money moves as agreed, at once and once.

    Accepting again changes nothing. Raises `OfferGone` for one's own, a lapsed or an older proposal.
    """
    with transaction():
        part, dispute = _locked(side, reference)
        if dispute.state is State.AGREED and dispute.proposal_id == proposal_id:
            return
        _refuse_unless_open(dispute)
        offer = latest_offer(dispute)
        gone = offer is None or offer.id != proposal_id or offer.due_at <= clock.now()
        if offer is None or gone or offer.actor == side.actor:
            raise OfferGone(f"proposal {proposal_id}")
        dispute.proposal_id, dispute.back_amount = offer.id, offer.back_amount
        _move(dispute, State.AGREED, side.actor, user_id=side.user_ids[0])
        _conclude(part, dispute, side.actor)


@retrying
def withdraw(side: Side, reference: str) -> None:
    """Take one's own report back: the order goes on, its wait begins anew."""
    with transaction():
        part, dispute = _locked(side, reference)
        if dispute.state is State.WITHDRAWN:
            return
        _move(dispute, State.WITHDRAWN, side.actor, user_id=side.user_ids[0])
        _conclude(part, dispute, side.actor)


@retrying
def appeal(side: Side, reference: str, words: str) -> None:
    """Contest what staff decided, before it is executed: staff looks once more, and for good."""
    kept = checked(words)
    with transaction():
        part, dispute = _locked(side, reference)
        _move(dispute, State.APPEALED, side.actor, kept, user_id=side.user_ids[0])
        dispute.wake_at = None
        fulfilment.call_staff(part)


@retrying
def decide(reference: str, back: Money, voice: Voice) -> bool:
    """Decide as staff what goes back to the buyer; False while a second person has to say the same.

    A first decision can be contested for two days, then the clock executes it; one about an appeal
    is executed at once. Raises `NotThatStep` when there is nothing to decide.
    """
    with transaction():
        part = fulfilment.locked(SellerOrder.reference == reference)
        dispute = _newest(part)
        last = dispute.state is State.APPEALED
        to = State.EXECUTED if last else State.DECIDED
        _check(dispute, to, Actor.STAFF)
        if not Money(0, part.currency) <= back <= part.held:
            raise Conflict(f"{back} of {part.held}")
        subject = Subject("dispute", str(dispute.id))
        enough = approvals.approve(subject, f"{to} {back}", voice)
        if needs_two(part.total) and not enough:
            return False
        dispute.back_amount = back.amount
        _move(dispute, to, Actor.STAFF, f"{voice.reason.strip()} ({voice.person.strip()})")
        if last:
            _conclude(part, dispute, Actor.STAFF)
        else:
            dispute.wake_at = clock.now() + APPEAL_LASTS
            session.flush()
            notices.put_all(list(telling.of_decision(part, dispute.id, dispute.wake_at)))
        return True


@retrying
def wake(dispute_id: int) -> None:
    """Do what the clock owes one dispute: execute a decision nobody contested, or call staff."""
    with transaction():
        part_id = session.scalar(sa.select(Dispute.seller_order_id).where(Dispute.id == dispute_id))
        part = fulfilment.locked(SellerOrder.id == part_id)
        dispute = _newest(part)
        if dispute.id != dispute_id or dispute.wake_at is None or dispute.wake_at > clock.now():
            return  # somebody was faster
        if dispute.state is State.DECIDED:
            _move(dispute, State.EXECUTED, Actor.CLOCK)
            _conclude(part, dispute, Actor.CLOCK)
            return
        dispute.wake_at = None
        _note(dispute, Actor.CLOCK, "to_staff")
        fulfilment.call_staff(part)


def due(limit: int) -> Sequence[int]:
    """List the disputes the clock owes something, those that have waited longest first."""
    query = sa.select(Dispute.id).where(Dispute.wake_at <= clock.now())
    return session.scalars(query.order_by(Dispute.wake_at).limit(limit)).all()


@retrying
def postpone(dispute_id: int, seconds: float) -> None:
    """Let the clock look again later at a dispute it could not serve."""
    with transaction():
        dispute = session.scalar(
            sa.select(Dispute).where(Dispute.id == dispute_id).with_for_update()
        )
        if dispute is not None and dispute.wake_at is not None:
            dispute.wake_at = clock.after(seconds)


def of_part(part: SellerOrder) -> Dispute | None:
    """Give the newest dispute of a seller order; None when nobody ever reported a problem."""
    query = sa.select(Dispute).where(Dispute.seller_order_id == part.id)
    return session.scalar(query.order_by(Dispute.id.desc()).limit(1))


def latest_offer(dispute: Dispute) -> DisputeProposal | None:
    """Give the newest proposal of a dispute: the only one that can be accepted."""
    query = sa.select(DisputeProposal).where(DisputeProposal.dispute_id == dispute.id)
    return session.scalar(query.order_by(DisputeProposal.id.desc()).limit(1))


def history(dispute: Dispute) -> Sequence[DisputeEvent]:
    """List what happened in a dispute, oldest first."""
    query = sa.select(DisputeEvent).where(DisputeEvent.dispute_id == dispute.id)
    return session.scalars(query.order_by(DisputeEvent.id).limit(SHOWN)).all()


def unsettled(limit: int) -> Sequence[Dispute]:
    """List disputes that are not settled, oldest first."""
    query = sa.select(Dispute).where(Dispute.status.in_([str(s) for s in UNSETTLED]))
    return session.scalars(query.order_by(Dispute.id).limit(limit)).all()


def can(dispute: Dispute, to: State, actor: Actor) -> bool:
    """Say whether somebody may take this step now: what pages ask before they show a button."""
    return actor in EDGES[dispute.state].get(to, frozenset())


def _locked(side: Side, reference: str) -> tuple[SellerOrder, Dispute]:
    part = fulfilment.locked(side.mine, SellerOrder.reference == reference)
    return part, _newest(part)


def _newest(part: SellerOrder) -> Dispute:
    """Read the newest dispute anew, under the lock of its order."""
    query = sa.select(Dispute).where(Dispute.seller_order_id == part.id)
    query = query.order_by(Dispute.id.desc()).limit(1)
    dispute = session.scalar(query.execution_options(populate_existing=True))
    if dispute is None:
        raise NotFound("no dispute")
    return dispute


def _refuse_unless_open(dispute: Dispute) -> None:
    if not any(can(dispute, State.AGREED, actor) for actor in BOTH_SIDES):
        raise NotThatStep(f"dispute {dispute.id} is {dispute.status}")


def _check(dispute: Dispute, to: State, actor: Actor) -> None:
    if not can(dispute, to, actor):
        raise NotThatStep(f"dispute {dispute.id} is {dispute.status}: not {to} by {actor}")


def _move(
    dispute: Dispute, to: State, actor: Actor, words: str = "", *, user_id: int | None = None
) -> None:
    """Take one edge; the event is written before the step, as the database asks."""
    _check(dispute, to, actor)
    _note(dispute, actor, to, to, words, user_id)
    dispute.status = to
    if to not in UNSETTLED:
        dispute.wake_at, dispute.settled_at = None, clock.now()
    session.flush()


def _conclude(part: SellerOrder, dispute: Dispute, actor: Actor) -> None:
    """Thaw the order; give the money as it was agreed or decided, or let the order go on."""
    fulfilment.thaw(part)
    goes_on = dispute.state is State.WITHDRAWN or (
        dispute.state is State.AGREED and not dispute.back_amount
    )
    if goes_on:
        notices.put_all(list(telling.of_peace(part, actor, dispute.id)))
    else:
        fulfilment.give_as_disputed(part, dispute.back, "")


def _note(
    dispute: Dispute,
    actor: Actor,
    what: str,
    new: State | None = None,
    words: str = "",
    user_id: int | None = None,
) -> None:
    # Not through the session: a step is written before it is taken, and the database checks the order.
    assert in_transaction(), "what happens is written with what it changes"
    row = {
        "dispute_id": dispute.id, "at": clock.now(), "actor": actor, "user_id": user_id,
        "old": dispute.status if new else None, "new": new, "what": what, "words": words,
    }  # fmt: skip
    session.connection().execute(sa.insert(cast(sa.Table, DisputeEvent.__table__)), [row])
