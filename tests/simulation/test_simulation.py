"""The simulation in small: a few stories, the kept seeds, the same story twice, and one planted bug."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.campaign import play
from tests.simulation.house import House
from tests.simulation.planting import hunt, planted
from tests.simulation.situations import SITUATIONS

SEEDS = [
    tuple(int(word) for word in line.split()[:2])
    for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House() as house:
        yield house


def test_fifty_stories_end_well(house: House):
    result = play(house, 11, range(50))

    assert [str(failure) for failure in result.failures] == []
    assert result.ran == 50
    assert len(+result.reached) >= len(SITUATIONS) // 3, "hardly anything dangerous happened"
    assert set(result.reached) <= set(SITUATIONS)


@pytest.mark.parametrize(("seed", "number"), SEEDS)
def test_kept_story_ends_well(house: House, seed: int, number: int):
    result = play(house, seed, [number])

    assert [str(failure) for failure in result.failures] == []


def test_same_seed_tells_the_same_story(house: House):
    first = play(house, 5, range(6)).hashes
    random.seed(99)

    again = play(house, 5, [3, 1, 5, 0, 2, 4]).hashes

    assert again == first
    assert len(set(first.values())) == 6


@pytest.mark.parametrize(
    "name", ["two_transactions", "payout_timeout_is_failure", "escrow_to_the_wrong_wallet"]
)
def test_planted_bug_is_caught_and_leaves_no_trace(house: House, name: str):
    caught = hunt(house, planted()[name], 1, 200)

    assert caught is not None
    assert caught[1], "the rule that was broken is named"
    assert play(house, 1, [caught[0]]).failures == []
