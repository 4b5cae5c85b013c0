"""Any history on a real database, both of them: what TONTINE §8 promises holds at every step."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.db import session
from shop.ledger import audit
from shop.tontines import checks, desk, dues, settling
from shop.tontines.cycle_models import DueRow, Round, Share
from shop.tontines.models import Tontine
from shop.tontines.rules import LateStep
from shop.tontines.states import CycleStatus
from tests.marketplace import Clock
from tests.tontines.circles import Group, locked
from tests.tontines.gounghin import gounghin

#: A campaign sets more; each example plays a whole cycle.
EXAMPLES = int(os.environ.get("HISTORIES", "4"))
SIZE = 4
STEPS = [LateStep.COVER_CAUTION, LateStep.COVER_RETENUE, LateStep.COVER_CAISSE]


def owed_by(group: Group, code: str) -> int:
    session.rollback()
    at = desk.at(session.get_one(Tontine, group.tontine_id))
    mine = [each for each in dues.owed(at) if each.due.share == code]
    return sum(each.due.unpaid.amount for each in mine)


def fines(group: Group, code: str) -> int:
    query = sa.select(sa.func.coalesce(sa.func.sum(DueRow.amount), 0)).join(
        Share, Share.id == DueRow.share_id
    )
    of_share = query.where(Share.cycle_id == group.cycle.id, Share.code == code)
    return int(session.scalar(of_share.where(DueRow.kind == "penalty")) or 0)


def sound(group: Group) -> None:
    """Properties 1, 2, 3 and 8: books, pots, signatures and the chained book."""
    session.rollback()
    assert [*audit.check(), *checks.check(group.tontine_id)] == []


def pay(group: Group, code: str, amount: int, paid: dict[str, int]) -> None:
    group.pay(code, amount)
    paid[code] += amount


def play(group: Group, index: int, paid: dict[str, int], data) -> None:
    """One round in which everybody pays something, all, too much or nothing, in any order."""
    group.at(group.round(index).opens_at)
    for code in data.draw(st.permutations(sorted(group.holdings)), label="arrivals"):
        part = data.draw(st.sampled_from([0, 1, 2, 2, 2, 3]), label=f"{code} pays")
        amount = {0: 0, 1: 4_000, 2: owed_by(group, code), 3: 23_000}[part]
        if amount:
            pay(group, code, amount, paid)
    group.settle(index)
    sound(group)
    if data.draw(st.booleans(), label="signed at once"):
        group.sign(index)


def catch_up(group: Group, paid: dict[str, int], data) -> None:
    """After the last round everything is signed, and everybody pays what is still owed."""
    group.at(group.round(SIZE).grace_until + timedelta(days=1))
    for index in range(1, SIZE + 1):
        group.sign(index)
    for code in data.draw(st.permutations(sorted(group.holdings)), label="the late pay"):
        while debt := owed_by(group, code):
            pay(group, code, debt, paid)
    group.work()


@pytest.mark.timeout(1_800)  # a campaign of HISTORIES plays that many whole cycles
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_history_is_whole_at_every_step_and_even_in_the_end(app: Flask, time: Clock, data):
    policy = data.draw(st.lists(st.sampled_from(STEPS), unique=True, max_size=3), label="policy")
    rules = gounghin(
        shares=SIZE,
        late_policy=(*policy, LateStep.PARTIAL),
        retention_bp=data.draw(st.sampled_from([0, 1_000]), label="retention"),
        guarantee_contributions=data.draw(st.integers(0, 1), label="guarantee"),
    )
    group = locked(time, rules)
    paid = dict.fromkeys(group.holdings, 0)
    for index in range(1, SIZE + 1):
        play(group, index, paid, data)
    catch_up(group, paid, data)

    sound(group)
    assert group.cycle.status == CycleStatus.CLOSED
    # Property 6: each has back what it paid, its own fines aside, which are the group's now.
    for code in group.holdings:
        assert group.wallet(code) == paid[code] - fines(group, code)
    assert group.caisse == sum(fines(group, code) for code in group.holdings)
    before = audit.trial_balance()
    for id_ in session.scalars(sa.select(Round.id).where(Round.cycle_id == group.cycle.id)).all():
        settling.settle_round(id_)
    assert audit.trial_balance() == before, "property 5: settled twice is settled once"
