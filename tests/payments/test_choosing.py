"""The ranking alone: plain values in, the same choice out, for ever."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shop.payments.choosing import (
    DRAWS,
    Facts,
    Obstacle,
    asked_as_data,
    draw_of,
    rank,
    replay,
)

AT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
NO_EXPLORING = DRAWS - 1


def known(method: str, **facts: object) -> Facts:
    return replace(Facts(method, cost=0, hands=1), **facts)


def chosen(*candidates: Facts, draw: int = NO_EXPLORING, shown: str | None = None) -> str | None:
    return rank(candidates, draw=draw, at=AT, shown=shown).chosen


@st.composite
def candidates(draw: st.DrawFn) -> list[Facts]:
    codes = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True))
    facts = []
    for code in codes:
        ended = draw(st.integers(0, 50))
        facts.append(
            Facts(
                method=code,
                cost=draw(st.integers(0, 1_000)),
                hands=draw(st.integers(1, 5)),
                successes=draw(st.integers(0, ended)),
                ended=ended,
                failed_here=draw(st.booleans()),
                obstacle=draw(st.none() | st.sampled_from(Obstacle)),
            )
        )
    return facts


draws = st.integers(0, DRAWS - 1)
shown_ones = st.none() | st.sampled_from("abcdefgh")


@given(candidates(), draws, shown_ones)
def test_what_cannot_be_used_is_never_chosen(facts, draw, shown):
    choice = rank(facts, draw=draw, at=AT, shown=shown)

    usable = {one.method for one in facts if one.obstacle is None}
    assert (choice.chosen in usable) if usable else (choice.chosen is None)
    assert sorted(choice.ranking) == sorted(one.method for one in facts)
    if shown in usable:
        assert choice.chosen == shown


@given(candidates(), draws, shown_ones, st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_come_changes_nothing(facts, draw, shown, random):
    shuffled = random.sample(facts, len(facts))

    assert rank(shuffled, draw=draw, at=AT, shown=shown) == rank(
        facts, draw=draw, at=AT, shown=shown
    )


@given(candidates(), draws, shown_ones)
def test_a_choice_written_down_is_made_again_identically(facts, draw, shown):
    choice = rank(facts, draw=draw, at=AT, shown=shown)

    stored = json.loads(json.dumps(asked_as_data(choice)))

    assert replay(stored, AT) == choice


def test_one_form_in_twenty_explores():
    facts = [known("a"), known("b", cost=10), known("c", cost=20)]

    choices = [rank(facts, draw=draw_of(f"key-{n}", "mtn"), at=AT) for n in range(20_000)]

    explored = [choice.chosen for choice in choices if choice.explored]
    assert 0.045 < len(explored) / len(choices) < 0.055
    assert set(explored) == {"b", "c"}
    assert {choice.chosen for choice in choices if not choice.explored} == {"a"}


def test_exploring_never_sends_a_buyer_back_to_what_failed():
    facts = [known("a"), known("b", failed_here=True)]

    assert {chosen(*facts, draw=draw) for draw in range(600)} == {"a"}


def test_success_comes_before_cost():
    cheap = known("cheap", successes=20, ended=50)

    assert chosen(cheap, known("dear", cost=900, successes=48, ended=50)) == "dear"


def test_rates_within_two_points_are_equal_and_cost_decides():
    dear = known("dear", cost=900, successes=48, ended=50)
    assert dear.rate_bp == 9_571

    assert chosen(dear, known("cheap", successes=47, ended=50)) == "cheap"


def test_two_failures_alone_do_not_outweigh_a_long_record():
    """A few samples say little: the prior of twenty attempts speaks with them."""
    young = known("young", successes=0, ended=1)

    assert young.rate_bp == 19 * 10_000 // 21
    assert chosen(young, known("old", successes=30, ended=50)) == "young"


def test_one_that_nobody_used_is_ordinary_and_not_last():
    assert chosen(known("new"), known("known_bad", successes=35, ended=50)) == "new"


def test_after_a_failure_another_provider_is_tried():
    failed = known("a", successes=50, ended=50, failed_here=True)

    assert chosen(failed, known("b", successes=30, ended=50)) == "b"


def test_the_operator_itself_comes_before_an_aggregator_that_costs_the_same():
    assert chosen(known("a", hands=5), known("b", hands=1)) == "b"


def test_what_the_page_showed_is_kept_although_another_is_better_now():
    assert chosen(known("a"), known("b", cost=10), shown="b") == "b"


def test_what_the_page_showed_is_left_when_it_is_gone():
    gone = known("b", obstacle=Obstacle.RESTING)

    assert chosen(known("a"), gone, shown="b") == "a"
