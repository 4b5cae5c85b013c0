"""A circle with one of everything an address can name, for the tests that walk every address."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from shop import clock
from shop.accounts.models import User
from shop.db import session, transaction
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.entries import Entry, Leg
from shop.tontines import (
    bureau,
    contributing,
    creation,
    desk,
    easing,
    guaranteeing,
    locking,
    meetings,
    membership,
    settling,
    swapping,
)
from shop.tontines.cycle_models import DueRow, Round
from shop.tontines.models import Accepted, JoinRequest, Office, RuleSet, Tontine
from shop.tontines.rules import Order
from shop.tontines.states import JoinPolicy, RequestStatus
from tests.marketplace import make_user
from tests.tontines.gounghin import F, gounghin


def make_circle(founder: User) -> dict[str, object]:
    """Run a small private circle of this user; give the words of its addresses."""
    other = make_user("Binta")
    rules = gounghin(shares=4, order=Order.SENIORITY, relief=F(500), max_concentration_bp=5_000)
    tontine = creation.create(
        founder.id, "Gounghin", rules, country="CI", join_policy=JoinPolicy.REQUEST,
        form_key="circle-" + "k" * 20,
    )  # fmt: skip
    creation.open_to_members(tontine.id, founder.id)
    invite, token = membership.invite(tontine.id, founder.id)
    _enter(tontine, token, founder, other)
    request = _request(tontine)
    member = desk.member(tontine.id, other.id)
    session.rollback()
    bureau.appoint(tontine.id, founder.id, Office.TREASURER, member.id)
    locking.lock(tontine.id, founder.id)
    first = _open_rounds(tontine)
    return {
        "reference": tontine.reference,
        "token": token,
        "invite_id": invite.id,
        "request_id": request.id,
        "member_id": member.id,
        "index": 1,
        "code": "P01",
        **_lived(tontine, founder, other, first),
    }


def _enter(tontine: Tontine, token: str, *people: User) -> None:
    sha = session.scalars(sa.select(RuleSet.sha256).where(RuleSet.tontine_id == tontine.id)).one()
    for person in people:
        membership.come_in(token, person.id)
        creation.accept(tontine.id, person.id, sha, method=Accepted.PIN)
        creation.take_shares(tontine.id, person.id, 2)


def _request(tontine: Tontine) -> JoinRequest:
    row = JoinRequest(
        tontine_id=tontine.id, user_id=make_user("Fatou").id, words="", asked_at=clock.now(),
        status=RequestStatus.PENDING,
    )  # fmt: skip
    with transaction():
        session.add(row)
    return row


def _open_rounds(tontine: Tontine) -> Round:
    cycle = desk.latest_cycle(tontine.id)
    query = sa.select(Round).where(Round.cycle_id == cycle.id).order_by(Round.index)
    first = session.scalars(query.limit(1)).one()
    session.rollback()
    with clock.turned_by(lambda: first.opens_at + timedelta(minutes=1), lambda: 0.0):
        settling.settle_round(first.id)
    return first


def _lived(tontine: Tontine, founder: User, other: User, first: Round) -> dict[str, object]:
    _fund(founder, 60_000)
    paid = contributing.from_wallet(tontine.id, founder.id, F(5_000), form_key="paid" + "k" * 20)
    due = session.scalars(sa.select(DueRow.id).where(DueRow.round_id == first.id)).first()
    swap = swapping.ask(tontine.id, founder.id, "P02", "P03")
    backing = guaranteeing.ask(
        tontine.id, founder.id, "P01", desk.member(tontine.id, other.id).id, F(5_000)
    )
    claim, _offer = easing.claim_relief(tontine.id, founder.id, "illness", F(1_000))
    meeting = meetings.open_(tontine.id, other.id, "Sous le manguier")
    with transaction():
        order = bureau.request(
            tontine, bureau.Action.RELIEF, claim.id, 1_000, recipient_id=claim.member_id
        )
    return {
        "contribution": paid.reference, "due_id": due, "swap_id": swap.id, "row_id": backing.id,
        "order_id": order.id, "meeting_id": meeting.id,
    }  # fmt: skip


def _fund(user: User, amount: int) -> None:
    source, target = chart.float_at("wave", "XOF"), chart.wallet(user.id, "XOF")
    with transaction():
        leg = Leg(f"opening:circle:{user.id}", source, target, F(amount))
        ledger.post(Entry("opening", (leg,)))
