"""Dated rounds: TONTINE T40, T41, and a vote that moves one date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shop.tontines.calendar import moved, rounds
from shop.tontines.limits import accepted
from shop.tontines.refusals import Why
from shop.tontines.rules import Fine, Period, When
from tests.tontines.gounghin import FRIDAYS, F, gounghin, refused


def days(when: When, number: int) -> list[str]:
    zone = ZoneInfo(when.timezone)
    return [f"{each.due_at.astimezone(zone):%d/%m %H:%M}" for each in rounds(when, number)]


def when(start: date, period: Period, *on: int, **more) -> When:
    return When(start, period, on, **more)


@pytest.mark.parametrize(
    ("rhythm", "expected"),
    [
        (when(date(2027, 1, 1), Period.MONTHLY, 31), ["31/01", "28/02", "31/03", "30/04"]),
        (
            when(date(2026, 11, 21), Period.EVERY_N_DAYS, every_days=5),
            ["26/11", "01/12", "06/12", "11/12"],
        ),
        (when(date(2028, 1, 31), Period.MONTHLY, 31), ["29/02", "31/03", "30/04", "31/05"]),
        (when(date(2026, 11, 20), Period.WEEKLY, 4), ["27/11", "04/12", "11/12", "18/12"]),
        (when(date(2026, 11, 21), Period.EVERY_TWO_WEEKS, 4), ["27/11", "11/12", "25/12", "08/01"]),
        (when(date(2026, 11, 21), Period.TWICE_A_WEEK, 1, 4), ["24/11", "27/11", "01/12", "04/12"]),
        (
            when(date(2026, 11, 21), Period.TWICE_A_MONTH, 1, 15),
            ["01/12", "15/12", "01/01", "15/01"],
        ),
        (when(date(2026, 11, 21), Period.EVERY_N_DAYS), ["22/11", "23/11", "24/11", "25/11"]),
    ],
)
def test_t41_dates_of_each_rhythm(rhythm, expected):
    assert days(rhythm, 4) == [f"{day} 20:00" for day in expected]


def test_eight_in_the_evening_is_the_groups_own():
    cameroon = when(date(2026, 11, 21), Period.WEEKLY, 4, timezone="Africa/Douala")

    assert rounds(cameroon, 1)[0].due_at == datetime(2026, 11, 27, 19, tzinfo=UTC)


def test_a_change_of_hour_does_not_move_the_evening():
    paris = when(date(2026, 10, 17), Period.WEEKLY, 5, timezone="Europe/Paris")

    assert [f"{each.due_at:%H:%M}" for each in rounds(paris, 2)] == ["18:00", "19:00"]


def test_t40_two_hundred_and_fifty_rounds_are_dated_at_lock():
    fine = Fine(F(100), cap=F(400))
    big = accepted(gounghin(shares=250, contribution=F(2_000), fine=fine))

    dates = rounds(big.when, big.rounds)

    assert big.pot == F(500_000)
    assert len(dates) == 250
    assert dates[-1].due_at - dates[0].due_at == timedelta(weeks=249)


def test_each_round_opens_when_the_one_before_is_due():
    assert [each.opens_at for each in FRIDAYS[1:]] == [each.due_at for each in FRIDAYS[:-1]]
    assert {each.grace_until - each.due_at for each in FRIDAYS} == {timedelta(hours=24)}


def test_a_vote_moves_one_date_and_no_other():
    later = FRIDAYS[2].due_at + timedelta(days=2)

    changed = moved(FRIDAYS, 3, later)

    assert changed[2].due_at == later
    assert changed[2].grace_until == later + timedelta(hours=24)
    assert (*changed[:2], *changed[3:]) == (*FRIDAYS[:2], *FRIDAYS[3:])


@pytest.mark.parametrize("to", [1, 3])
def test_a_date_does_not_pass_its_neighbours(to):
    with refused(Why.DATE_OUT_OF_ORDER):
        moved(FRIDAYS, 3, FRIDAYS[to].due_at)
