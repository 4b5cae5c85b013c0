"""References survive the telephone: every slip of one sign and every swap is noticed (D6)."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from shop import references
from shop.references import ALPHABET, LENGTH, new, parse, spaced

SAMPLES = [new(random.Random(seed).randrange) for seed in range(60)]


@pytest.mark.parametrize("reference", SAMPLES[:20])
def test_every_single_wrong_sign_is_noticed(reference: str):
    for place in range(LENGTH):
        for sign in set(ALPHABET) - {reference[place]}:
            assert parse(reference[:place] + sign + reference[place + 1 :]) is None


@pytest.mark.parametrize("reference", SAMPLES)
def test_every_swap_of_two_signs_is_noticed(reference: str):
    for one, other in combinations(range(LENGTH), 2):
        signs = list(reference)
        signs[one], signs[other] = signs[other], signs[one]
        if signs != list(reference):
            assert parse("".join(signs)) is None


@pytest.mark.parametrize("reference", SAMPLES)
def test_people_write_references_in_their_own_way(reference: str):
    told = reference.replace("0", "o").replace("1", "i")

    for written in (
        reference, reference.lower(), spaced(reference), " ".join(reference), told,
        told.replace("i", "l"), f"  {reference}\u00a0", f"{reference[:4]}\u2011{reference[4:]}",
    ):  # fmt: skip
        assert parse(written) == reference


@pytest.mark.parametrize("text", ["", "0", "0" * 7, "0" * 9, "UUUUUUUU", "٠٠٠٠٠٠٠٠", "0000000%"])
def test_what_is_no_reference_is_none(text: str):
    assert parse(text) is None


def test_references_are_drawn_from_the_whole_alphabet():
    drawn = {references.new() for _ in range(300)}

    assert len(drawn) == 300
    assert set("".join(drawn)) == set(ALPHABET)
    assert all(parse(one) == one for one in drawn)
