"""Contributions by mobile money and in cash, end to end: TONTINE T33 to T36, T05, T32, T42."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from shop import jobs, references, settlement
from shop.db import session
from shop.errors import InsufficientFunds
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.notices.models import Kind, Notice
from shop.payments.models import Payment
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.providers import methods
from shop.tontines import checks, contributing, desk, dues
from shop.tontines.cycle_models import Allocation, Contribution
from shop.tontines.models import Tontine
from shop.tontines.refusals import Why
from shop.tontines.states import ContributionStatus, CycleStatus, RoundStatus
from tests.street import PAYERS, Street
from tests.tontines.circles import F, Group, locked
from tests.tontines.gounghin import PARTIAL, G, refused, with_policy


def start(group: Group, code: str, amount: int = 10_000, method: str = "wave-ci") -> Payment:
    """Tap "Payer" on a contribution, and let the worker send it."""
    user = group.user(code)
    row = contributing.begin(
        group.tontine_id, user.id, F(amount), form_key=f"form-{references.new()}"
    )
    payment = settlement.start_payment(
        Intent(
            purpose=Purpose.CONTRIBUTION,
            purpose_id=row.id,
            user_id=user.id,
            method=methods.get(method),
            payer_phone=PAYERS[method],
            owed=row.total,
            form_key=f"pay-{references.new()}",
        )
    )
    jobs.run("submit_payments")
    session.rollback()
    return session.get_one(Payment, payment.id)


def opened(street: Street, **how: object) -> Group:
    group = locked(street.time, **how)
    group.at(group.round(1).opens_at)
    return group


def row_of(payment: Payment) -> Contribution:
    session.rollback()
    return session.get_one(Contribution, payment.purpose_id)


def test_t33_one_webhook_three_times_is_one_contribution(street: Street):
    group = opened(street)
    payment = start(group, "P01")

    street.world.faults.add("wave", "duplicate_webhooks")
    street.approve(payment)
    street.pass_(30)
    jobs.ask_now([payment.id])
    jobs.run("verify_payments")

    row = row_of(payment)
    assert row.status == ContributionStatus.RECEIVED
    assert (group.pot(1), group.wallet("P01")) == (10_000, 0)
    told = sa.select(sa.func.count(Notice.id)).where(
        Notice.kind == Kind.TONTINE, Notice.key == f"contribution:{row.reference}"
    )
    allocated = sa.select(sa.func.count(Allocation.id))
    assert (session.scalar(told), session.scalar(allocated)) == (1, 1)
    assert street.findings() == []


def test_t34_one_due_paid_by_two_operators_is_kept_ahead(street: Street):
    group = opened(street)
    first, second = start(group, "P01"), start(group, "P01", method="mtn-ci")

    for payment in (first, second):
        street.approve(payment)
    street.pass_(60)

    assert (group.pot(1), group.avance("P01")) == (10_000, 10_000)
    assert {row_of(first).status, row_of(second).status} == {ContributionStatus.RECEIVED}
    assert street.findings() == []


def test_t05_one_payment_covers_several_dues(street: Street):
    holdings = {f"P{n:02}": n - 1 for n in range(1, 13)} | {"P06": 1, "P10": 1}
    # P02, P06 and P10 are one person's; everybody else holds one share.
    seats = {code: i for i, code in enumerate(sorted(set(holdings) - {"P06", "P10"}))}
    group = opened(street, members=seats | {"P06": seats["P02"], "P10": seats["P02"]})
    payment = start(group, "P02", 25_000)

    street.approve(payment)
    street.pass_(60)

    with_parts = sa.select(Allocation.amount).order_by(Allocation.id)
    assert list(session.scalars(with_parts)) == [10_000, 10_000, 5_000]
    assert (group.pot(1), row_of(payment).amount) == (25_000, 25_000)
    assert street.findings() == []


@pytest.mark.parametrize(("minutes", "fined"), [(-2, 0), (1, 500)])
def test_t35_what_was_started_in_time_is_in_time(street: Street, minutes: int, fined: int):
    rules = with_policy(*PARTIAL, when=replace(G.when, grace_hours=0))
    group = opened(street, rules=rules)
    group.pay_all(but=("P09",))
    due_at = group.round(1).due_at
    street.pass_((due_at - street.time.at).total_seconds() + minutes * 60)
    payment = start(group, "P09")

    street.pass_(360 if minutes < 0 else 60)
    street.approve(payment)
    street.pass_(600)
    group.sign(1)

    assert _owed(group, "P09", "penalty") == fined
    assert (group.wallet("P01"), group.turn(1).reliquat) == (120_000, 20 * fined)
    assert street.findings() == []


def _owed(group: Group, code: str, kind: str) -> int:
    session.rollback()
    at = desk.at(desk.find(_reference(group)))
    return sum(
        each.due.unpaid.amount
        for each in dues.owed(at)
        if each.due.share == code and each.due.kind == kind
    )


def _reference(group: Group) -> str:
    return session.get_one(Tontine, group.tontine_id).reference


def test_t36_cash_counts_when_both_sides_say_so(street: Street):
    group = opened(street)
    treasurer, giver = group.people[1], group.user("P10")
    group.pay_all(but=("P10", "P11", "P12"))
    member = desk.member(group.tontine_id, giver.id)
    session.rollback()

    with pytest.raises(InsufficientFunds):
        contributing.record_cash(
            group.tontine_id, treasurer.id, member.id, F(10_000), form_key="cash-1"
        )
    group.fund(treasurer, 10_000)
    row = contributing.record_cash(
        group.tontine_id, treasurer.id, member.id, F(10_000), form_key="cash-1"
    )
    assert (group.pot(1), _cash(row)) == (90_000, 10_000)
    assert street.findings() == []
    with refused(Why.CASH_IS_CONFIRMED_BY_ANOTHER):
        contributing.confirm_cash(row.id, treasurer.id)

    for _ in range(2):
        contributing.confirm_cash(row.id, giver.id)

    assert (group.pot(1), _cash(row), group.wallet("P02")) == (100_000, 0, 0)
    assert street.findings() == []


def test_cash_that_was_not_given_goes_back_to_the_treasurer(street: Street):
    group = opened(street)
    treasurer, giver = group.people[1], group.user("P10")
    group.fund(treasurer, 10_000)
    member = desk.member(group.tontine_id, giver.id)
    session.rollback()
    row = contributing.record_cash(
        group.tontine_id, treasurer.id, member.id, F(10_000), form_key="cash-1"
    )

    contributing.refuse_cash(row.id, giver.id)

    assert (group.wallet("P02"), group.pot(1), _cash(row)) == (10_000, 0, 0)
    assert street.findings() == []


def _cash(row: Contribution) -> int:
    return ledger.balance(chart.cash(row.id, "XOF")).amount


def test_t32_what_is_paid_ahead_pays_itself(street: Street):
    group = opened(street)
    group.pay("P03", 40_000)
    assert (group.pot(1), group.avance("P03")) == (10_000, 30_000)

    for index in (2, 3, 4):
        group.at(group.round(index).opens_at)
        assert (group.pot(index), group.avance("P03")) == (10_000, 10_000 * (4 - index))
    assert list(checks.check()) == []


def test_t42_late_money_finds_its_place_after_the_end(street: Street):
    group = locked(street.time, with_policy(*PARTIAL))
    for index in range(1, 13):
        group.play(index, but=("P09",) if index == 12 else ())
    assert group.cycle.status == CycleStatus.CLOSED
    assert group.wallet("P12") == 110_000

    payment = start(group, "P09", 10_500)
    street.approve(payment)
    street.pass_(60)

    assert group.wallet("P12") == 120_000
    assert (group.caisse, group.cycle.status) == (500, CycleStatus.CLOSED)
    assert group.round(12).status == RoundStatus.CLOSED
    assert street.findings() == []
    assert audit.check() == []
    assert street.time.at > group.round(12).due_at + timedelta(hours=24)
