"""What a circle would be, before anyone joins (TONTINE §4 exposure, §11 simulator, R17)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.money import total
from shop.tontines.exposure import check_cover, check_newcomer, cover_needed, simulate
from shop.tontines.refusals import Why
from tests.tontines.gounghin import FRIDAYS, F, G, gounghin, refused


def test_the_simulator_shows_dates_pots_and_the_worst_case():
    shown = simulate(G)

    assert shown.first_and_last == (FRIDAYS[0].due_at, FRIDAYS[11].due_at)
    assert (shown.pot, shown.expected) == (F(120_000), F(120_000))
    assert shown.worst_case == G.contribution * 11
    assert [each.receives for each in shown.ranks] == [F(120_000)] * 12
    assert [each.pays for each in shown.ranks] == [F(120_000)] * 12


def test_each_rank_sees_its_day_its_risk_and_the_cover_it_needs():
    third = simulate(G).ranks[2]

    assert (third.round, third.receives_on) == (3, FRIDAYS[2].due_at)
    assert (third.paid_before, third.exposure) == (F(30_000), F(90_000))
    assert third.cover_needed == F(18_000)


def test_the_table_of_exposures_after_the_first_round():
    row = simulate(G).exposures(after_round=1)

    assert row == (F(110_000), *[F(-10_000)] * 11)


@given(
    rounds=st.integers(2, 15),
    recipients=st.integers(1, 4),
    units=st.integers(100, 100_000),
    pays=st.booleans(),
)
def test_every_row_adds_up_to_zero_and_everybody_ends_even(rounds, recipients, units, pays):
    rules = gounghin(
        shares=rounds * recipients,
        recipients_per_round=recipients,
        contribution=F(units * 5),
        recipient_pays=pays,
    )

    shown = simulate(rules)

    table = [shown.exposures(index) for index in range(1, rounds + 1)]
    assert {total(row, "XOF") for row in table} == {F(0)}
    assert set(table[-1]) == {F(0)}
    assert {each.pays - each.receives for each in shown.ranks} == {F(0)}


def test_relief_is_told_apart_from_the_pot():
    shown = simulate(gounghin(relief=F(500)))

    assert (shown.relief_per_share, shown.pot) == (F(6_000), F(120_000))


def test_a_payout_needs_a_fifth_of_the_risk_it_makes():
    risk, nothing = F(110_000), F(0)

    check_cover(G, risk, guarantee=F(10_000), retention=F(12_000), guarantors=nothing)
    with refused(Why.GUARANTOR_NEEDED) as refusal:
        check_cover(G, risk, guarantee=F(10_000), retention=F(11_000), guarantors=nothing)
    assert refusal.value.facts == {"amount": F(1_000)}
    assert cover_needed(G, F(90_001)) == F(18_001), "a floor is rounded up"
    check_cover(G, -risk, guarantee=nothing, retention=nothing, guarantors=nothing)


@pytest.mark.parametrize("rank", [1, 4])
def test_a_newcomer_waits_for_the_second_third(rank):
    with refused(Why.NEWCOMER_TOO_EARLY):
        check_newcomer(G, rank, guaranteed=False)
    check_newcomer(G, rank, guaranteed=True)
    check_newcomer(G, 5, guaranteed=False)
    check_newcomer(replace(G, shares=10), 4, guaranteed=False)
