"""Two machines settle one round, or pay one wallet twice, at one instant (TONTINE §5, §8)."""

from __future__ import annotations

from itertools import count

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.db import session
from shop.ledger import audit
from shop.tontines import checks, contributing, settling
from shop.tontines.bureau_models import MoneyOrder
from shop.tontines.cycle_models import Contribution, TurnRow
from tests.marketplace import Clock
from tests.races.together import (
    ROUNDS,
    goes_wrong,
    never_goes_wrong,
    on_postgresql,
    sql,
    together,
    unlocked,
)
from tests.tontines.circles import F, Group, locked

pytestmark = on_postgresql

#: What stands behind the lock: taken away in the controls only.
SECOND_LINE = (
    "ALTER TABLE tontine_turn DROP CONSTRAINT uq_tontine_turn_share_id",
    "ALTER TABLE tontine_event DROP CONSTRAINT uq_tontine_event_tontine_id_seq",
    "DROP TRIGGER tontine_event_follows ON tontine_event",
    "DROP TRIGGER tontine_round_status_edges ON tontine_round",
    "DROP TRIGGER tontine_round_settled_at_once ON tontine_round",
    "DROP TRIGGER tontine_share_served_round_id_once ON tontine_share",
    "DROP TRIGGER tontine_allocation_fits ON tontine_allocation",
    "DROP TRIGGER tontine_due_paid_by_allocations ON tontine_due",
    "DROP TRIGGER tontine_due_status_edges ON tontine_due",
    "ALTER TABLE tontine_claim DROP CONSTRAINT uq_tontine_claim_round_id_seq",
    "ALTER TABLE tontine_due DROP CONSTRAINT uq_tontine_due_round_id_share_id_kind_number",
)


class SettlingTwice:
    """Two clocks find the same round due: it is counted once, with one recipient and one request."""

    def __init__(self, app: Flask, time: Clock) -> None:
        self.app, self.time, self.group, self.index = app, time, locked(time), 0

    def __call__(self) -> str | None:
        if self.index == len(self.group.holdings):
            self.group, self.index = locked(self.time), 0
        self.index += 1
        group, round_ = self.group, self.group.round(self.index)
        group.at(round_.opens_at)
        group.pay_all()
        self.time.at = max(self.time.at, group.round(self.index).due_at)
        id_ = round_.id

        together(self.app, *(lambda: settling.settle_round(id_) for _ in range(2)))

        session.rollback()
        turns = session.scalar(sa.select(sa.func.count(TurnRow.id)).where(TurnRow.round_id == id_))
        orders = session.scalar(
            sa.select(sa.func.count(MoneyOrder.id))
            .join(TurnRow, TurnRow.id == MoneyOrder.target_id)
            .where(TurnRow.round_id == id_)
        )
        if (turns, orders) != (1, 1):
            return f"{turns} turns, {orders} requests"
        group.sign(self.index)
        session.rollback()
        return next((str(f) for f in checks.check(group.tontine_id)), None)


class PayingAtOnce:
    """One member taps on two phones: two forms, one due. Each franc is allocated once."""

    def __init__(self, app: Flask, time: Clock) -> None:
        self.app, self.time, self.numbers = app, time, count(1)
        self.group: Group = locked(time)
        self.group.at(self.group.round(1).opens_at)
        self.left = sorted(self.group.holdings)

    def __call__(self) -> str | None:
        if not self.left:
            self.group = locked(self.time)
            self.group.at(self.group.round(1).opens_at)
            self.left = sorted(self.group.holdings)
        code, group = self.left.pop(), self.group
        user_id = group.user(code).id
        group.fund(group.user(code), 20_000)
        before = group.pot(1)
        keys = [f"race-{next(self.numbers):06d}" for _ in range(2)]
        session.rollback()

        results = together(
            self.app,
            *(
                lambda key=key: contributing.from_wallet(
                    group.tontine_id, user_id, F(10_000), form_key=key
                )
                for key in keys
            ),
        )

        session.rollback()
        there = (group.pot(1) - before, group.avance(code), group.wallet(code))
        if there != (10_000, 10_000, 0):
            return f"pot, ahead, wallet: {there}; {results}"
        return next((str(f) for f in checks.check(group.tontine_id)), None)


def test_one_round_is_counted_once(app: Flask, time: Clock):
    never_goes_wrong(SettlingTwice(app, time), rounds=_few())
    assert audit.check() == []


def test_two_payments_of_one_due_are_one_and_an_advance(app: Flask, time: Clock):
    never_goes_wrong(PayingAtOnce(app, time), rounds=_few())
    assert audit.check() == []


def test_one_form_tapped_twice_pays_once(app: Flask, time: Clock):
    group = locked(time)
    group.at(group.round(1).opens_at)
    user_id = group.user("P04").id
    group.fund(group.user("P04"), 20_000)

    def pay() -> Contribution:
        return contributing.from_wallet(group.tontine_id, user_id, F(10_000), form_key="same")

    together(app, pay, pay, pay)

    session.rollback()
    assert (group.pot(1), group.wallet("P04")) == (10_000, 10_000)


@pytest.mark.parametrize("race", [SettlingTwice, PayingAtOnce])
def test_without_the_lock_it_goes_wrong(
    app: Flask, time: Clock, monkeypatch: pytest.MonkeyPatch, race: type
):
    # The schema first: changing it lets go of every row that was read.
    sql(*SECOND_LINE)
    running = race(app, time)
    unlocked(monkeypatch)

    goes_wrong(running)


def _few() -> int:
    """A round here plays a whole circle's payments: a tenth of the house's rounds are hundreds."""
    return max(12, ROUNDS // 4)
