"""Large circles: TONTINE T40, and a round of a thousand shares (PERFORMANCE h)."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from shop.db import session
from shop.ledger import audit
from shop.tontines import (
    bureau,
    checks,
    contributing,
    creation,
    desk,
    locking,
    membership,
    reading,
    settling,
)
from shop.tontines.cycle_models import DueRow, Round
from shop.tontines.locking import Agreed
from shop.tontines.models import Accepted, Office, RuleSet, Tontine
from shop.tontines.states import RoundStatus
from tests.marketplace import Clock, make_user
from tests.test_statements import listened
from tests.tontines.circles import F, Group, draft, locked
from tests.tontines.gounghin import G, gounghin

EACH = 10


def large(time: Clock, shares: int) -> Group:
    """A circle of so many shares, ten to a person, ranked in turns of persons."""
    time.at = time.at.replace(hour=8)
    rules = gounghin(
        shares=shares, contribution=F(2_000), max_shares_per_member=EACH,
        fine=G.fine.__class__(F(100), cap=F(400)),
    )  # fmt: skip
    people = [make_user(f"M{n}") for n in range(shares // EACH)]
    tontine = draft(rules, people[0])
    sha = session.scalars(sa.select(RuleSet.sha256).where(RuleSet.tontine_id == tontine.id)).one()
    _row, token = membership.invite(tontine.id, people[0].id, max_uses=300)
    holdings: dict[str, int] = {}
    for n, person in enumerate(people):
        membership.come_in(token, person.id)
        creation.accept(tontine.id, person.id, sha, method=Accepted.PIN)
        for share in creation.take_shares(tontine.id, person.id, EACH):
            holdings[share.code] = n
    for office, person in ((Office.TREASURER, people[1]), (Office.AUDITOR, people[2])):
        member = desk.member(tontine.id, person.id)
        session.rollback()
        bureau.appoint(tontine.id, people[0].id, office, member.id)
    codes = sorted(holdings)
    typed = [codes[m * EACH + turn] for turn in range(EACH) for m in range(len(people))]
    locking.lock(tontine.id, people[0].id, Agreed(typed=typed))
    return Group(time, tontine.id, people, rules, holdings)


def pay_everybody(group: Group, *, but: int = 0) -> None:
    for n, person in enumerate(group.people[but:]):
        group.fund(person, 2_000 * EACH)
        contributing.from_wallet(
            group.tontine_id, person.id, F(2_000 * EACH), form_key=f"large-{group.tontine_id}-{n}"
        )


def settling_statements(group: Group) -> int:
    id_ = group.round(1).id
    group.time.at = group.round(1).grace_until
    session.rollback()
    with listened() as sent:
        settling.settle_round(id_)
    return len(sent)


def test_t40_two_hundred_and_fifty_shares(app: Flask, time: Clock):
    group = large(time, 250)
    assert session.scalar(sa.select(sa.func.count(Round.id))) == 250
    group.at(group.round(1).opens_at)
    assert session.scalar(sa.select(sa.func.count(DueRow.id))) == 250, "one round's dues, no more"
    pay_everybody(group, but=1)

    statements = settling_statements(group)
    group.sign(1)

    # Who holds P001 owes ten parts: too deep in debt, so the next who is up to date is served.
    turn = group.turn(1)
    assert (turn.gross, turn.net, turn.reliquat) == (480_000, 480_000, 20_000)
    assert turn.share_id == group.share("P011").id
    assert group.round(1).status == RoundStatus.PAID
    at = desk.at(session.get_one(Tontine, group.tontine_id))
    assert len(reading.shares(at.cycle.id)) == 25
    assert len(reading.rounds(at)) == 25
    assert [*audit.check(), *checks.check()] == []
    small = locked(time)
    small.at(small.round(1).opens_at)
    small.pay_all(but=("P01",))
    # An exchange of turns and ten late shares cost a few more; two hundred and fifty do not.
    assert statements <= settling_statements(small) + 20
