"""A payment meets dues, and what lateness costs: TONTINE T05, T12, T13, T32, T34, T35."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.tontines.calendar import Standing, paid_on_time, standing
from shop.tontines.fines import days_late, fine
from shop.tontines.lines import Kind
from shop.tontines.money_in import DueKind, after, allocate, apply_advances, check_part, pot
from shop.tontines.receive import destination
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Fine
from tests.tontines.gounghin import FRIDAYS, F, G, due


def parts(allocated):
    return [(each.due.share, each.due.kind, each.amount.amount) for each in allocated.allocations]


def test_t05_one_payment_covers_several_shares_lowest_code_first():
    dues = [due("P10"), due("P02"), due("P06")]

    allocated = allocate(F(25_000), dues, share="P02")
    now = after(dues, allocated)

    assert [(share, amount) for share, _kind, amount in parts(allocated)] == [
        ("P02", 10_000),
        ("P06", 10_000),
        ("P10", 5_000),
    ]
    assert pot(now, "XOF").collected == F(25_000)
    fines = {each.share: fine(G.fine, unpaid=each.unpaid, days_late=1).amount for each in now}
    assert fines == {"P02": 0, "P06": 0, "P10": 500}


@pytest.mark.parametrize(
    ("late", "owed"), [(0, 0), (1, 500), (7, 500), (8, 1_000), (10, 1_000), (40, 2_000)]
)
def test_t12_a_fine_counts_started_weeks_up_to_its_cap(late, owed):
    assert fine(G.fine, unpaid=F(10_000), days_late=late) == F(owed)


def test_t12_other_ways_of_counting():
    assert fine(replace(G.fine, cap=None), unpaid=F(10_000), days_late=40) == F(3_000)
    assert fine(Fine(F(0), unpaid_bp=500), unpaid=F(3_000), days_late=10) == F(150)


def test_there_is_no_fine_while_the_grace_runs():
    friday = FRIDAYS[0]

    assert days_late(friday, friday.grace_until - timedelta(seconds=1)) == 0
    assert days_late(friday, friday.grace_until) == 1
    assert days_late(friday, friday.grace_until + timedelta(seconds=1)) == 2


def test_t13_the_oldest_late_contribution_comes_first():
    dues = [
        due("P09", 4),
        due("P09", 3, DueKind.PENALTY, 1_000),
        due("P09", 3, late=True),
    ]

    first = allocate(F(15_000), dues, share="P09")
    dues = after(dues, first)
    second = allocate(F(6_000), dues, share="P09")

    assert [(each.due.round, each.amount) for each in first.allocations] == [
        (3, F(10_000)),
        (4, F(5_000)),
    ]
    assert parts(second) == [("P09", "contribution", 5_000), ("P09", "penalty", 1_000)]
    assert second.ahead == F(0)
    assert all(not each.unpaid for each in after(dues, second))


def test_the_payer_may_choose_a_share_but_not_skip_an_older_one():
    late, chosen, other = due("P02", 3, late=True), due("P10", 4), due("P02", 4)

    allocated = allocate(F(15_000), [other, chosen, late], share="P10", chosen=True)

    assert [each.due for each in allocated.allocations] == [late, chosen]


def test_a_round_in_its_grace_comes_before_the_round_that_is_open():
    grace, open_ = due("P10", 3), due("P02", 4)

    assert [each.due for each in allocate(F(15_000), [open_, grace], share="P02").allocations] == [
        grace,
        open_,
    ]


def test_the_oldest_fine_comes_first():
    new, old = due("P02", 2, DueKind.PENALTY, 500), due("P10", 1, DueKind.PENALTY, 500)

    assert [each.due for each in allocate(F(700), [new, old], share="P02").allocations] == [
        old,
        new,
    ]


def test_relief_and_guarantee_come_before_fines():
    dues = [
        due("P02", 1, DueKind.PENALTY, 500),
        due("P02", 2, DueKind.SOLIDARITY, 500),
        due("P02", 2),
    ]

    allocated = allocate(F(10_600), dues, share="P02")

    assert parts(allocated) == [
        ("P02", "contribution", 10_000),
        ("P02", "solidarity", 500),
        ("P02", "penalty", 100),
    ]


def test_t32_money_ahead_pays_the_next_rounds_and_comes_back_whole():
    allocated = allocate(F(40_000), [due("P03", 3)], share="P03")
    advance = {"P03": allocated.ahead}

    assert (allocated.allocations[0].amount, allocated.ahead) == (F(10_000), F(30_000))
    _used, left = apply_advances(advance, [due("P03", 4), due("P04", 4)])
    assert left == {"P03": F(20_000)}, "what comes back if P03 leaves before round 5"

    for index in (5, 6):
        used, left = apply_advances(left, [due("P03", index)])
        assert [each.amount for each in used] == [F(10_000)]
    assert left == {"P03": F(0)}


def test_t34_the_second_payment_of_one_due_is_kept_ahead():
    dues = [due("P03")]
    once = after(dues, allocate(F(10_000), dues, share="P03"))

    again = allocate(F(10_000), once, share="P03")

    assert (again.allocations, again.ahead, again.ahead_for) == ((), F(10_000), "P03")


def test_t35_on_time_is_when_it_was_started():
    friday = FRIDAYS[0]
    at = friday.due_at

    def on_time(started: int, approved: int) -> bool:
        minutes = timedelta(minutes=1)
        return paid_on_time(
            friday, started_at=at + started * minutes, approved_at=at + approved * minutes
        )

    assert on_time(-2, 6)
    assert on_time(1, 24 * 60 - 1), "until the grace ends"
    assert not on_time(1, 24 * 60)
    assert not on_time(-2, 24 * 60)
    assert paid_on_time(
        replace(friday, grace_until=at), started_at=at, approved_at=at + timedelta(minutes=15)
    )


def test_nothing_is_called_late_before_its_grace_has_ended():
    friday, second = FRIDAYS[1], timedelta(seconds=1)

    assert standing(friday, friday.opens_at - second) is Standing.TO_COME
    assert standing(friday, friday.due_at) is Standing.OPEN
    assert standing(friday, friday.due_at + second) is Standing.IN_GRACE
    assert standing(friday, friday.grace_until - second) is Standing.IN_GRACE
    assert standing(friday, friday.grace_until) is Standing.LATE


def test_a_part_has_a_smallest_size_unless_it_pays_everything():
    check_part(F(500), [due("P01")], least=F(500))
    check_part(F(300), [due("P01", paid=9_700)], least=F(500))

    with pytest.raises(TontineRefused, match=Why.PART_TOO_SMALL):
        check_part(F(499), [due("P01")], least=F(500))


def test_each_due_has_its_place():
    to_recipient = replace(G, fine=replace(G.fine, to_recipient=True))

    assert destination(due("P01", 4), G) == (Kind.CONTRIBUTION, "pot:4")
    assert destination(due("P01", 4, DueKind.SOLIDARITY), G) == (Kind.SOLIDARITY, "secours")
    assert destination(due("P01", 4, DueKind.GUARANTEE), G) == (Kind.GUARANTEE, "caution:P01")
    assert destination(due("P01", 4, DueKind.PENALTY), G) == (Kind.PENALTY, "caisse")
    assert destination(due("P01", 4, DueKind.PENALTY), to_recipient, recipient="P04") == (
        Kind.PENALTY,
        "wallet:P04",
    )
