"""The draw: vectors A, B and C of TONTINE §6.1, and everything that must not pass (T25, T26)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.tontines import draw
from shop.tontines.draw import Fault, Published, Verdict
from shop.tontines.refusals import Why
from tests.tontines.gounghin import NOON, refused

REF, CYCLE = "TT-7Q4M", 1
SEED = "9f2c6b1e4d8a07355c1be2f4a6d09873b1c45e6f7a8091a2b3c4d5e6f7081929"
CODES = ("P01", "P02", "P03", "P04", "P05", "P06")
WORDS = dict(zip(CODES, ["mangue", "soleil", "", "djembe", "karite", "bissap"], strict=True))
L = "6bc061d2a26c307b74d374e4fbe895c6c3fec27229d301b8d12d2a7c71402c41"
C = "ffa67ce83eeef3f9b65daa2e691eda72cb36cfb9567622278bdf9165bc5c87c7"
BEACON = "LOTO-2026-11-28:07-19-23-44-61"
VECTORS = {
    "A": (
        WORDS,
        None,
        "d270fe9b3b4b0dc69e3a993d62497067f03110fd5d62ee52fb0792a212cfb1be",
        ("P02", "P01", "P03", "P05", "P06", "P04"),
    ),
    "B": (
        {**WORDS, "P06": "bissap2"},
        None,
        "e39981676cea4af7359183bde3ed768b646ce63ed0b8ae10851660e93885dcde",
        ("P06", "P03", "P04", "P05", "P02", "P01"),
    ),
    "C": (
        WORDS,
        BEACON,
        "ca450858affc83813d0aafb2fd2641a5dcc5d22e2bfea4f566fc126dcf15549a",
        ("P03", "P06", "P04", "P05", "P01", "P02"),
    ),
}


def published(vector: str = "A") -> Published:
    words, beacon, _final, order = VECTORS[vector]
    return Published(REF, CYCLE, CODES, L, C, SEED, words, order, beacon)


def test_t25_the_share_list_and_the_commitment():
    assert draw.share_list_hash(reversed(CODES)) == L
    assert draw.commitment(REF, CYCLE, SEED, CODES) == C


@pytest.mark.parametrize("vector", VECTORS)
def test_t25_vectors(vector):
    words, beacon, final, order = VECTORS[vector]

    assert draw.final(REF, CYCLE, SEED, words, beacon) == final
    assert draw.order(final, CODES) == order
    assert draw.check(published(vector)).conform


def test_t25_tickets_of_vector_a():
    final = VECTORS["A"][2]
    starts = ["256069ee", "0c17ad9b", "58116ed6", "fbb784fa", "7219b23f", "c3fecb47"]

    assert [draw.ticket(final, code)[:8] for code in CODES] == starts


def test_t26_an_edited_order_is_named_at_its_first_wrong_rank():
    shown = published()
    edited = replace(shown, order=("P02", "P01", "P03", "P06", "P05", "P04"))

    assert draw.check(edited) == Verdict(Fault.RANK, 4, "P05")
    assert draw.check(replace(shown, order=shown.order[:5])) == Verdict(Fault.RANK, 6, "P04")
    assert draw.check(replace(shown, order=(*shown.order, "P07"))) == Verdict(Fault.RANK, 7)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"seed": "0" * 64}, Fault.COMMITMENT),
        ({"seed": "short"}, Fault.COMMITMENT),
        ({"ref": "TT-0000"}, Fault.COMMITMENT),
        ({"cycle": 2}, Fault.COMMITMENT),
        ({"commitment": C[:-1] + "8"}, Fault.COMMITMENT),
        ({"codes": (*CODES, "P07"), "words": {**WORDS, "P07": ""}}, Fault.SHARE_LIST),
        ({"codes": (*CODES, "P06")}, Fault.SHARE_LIST),
        ({"words": {"P01": "mangue"}}, Fault.SHARE_LIST),
        ({"words": {**WORDS, "P01": "Mangue"}}, Fault.COMMITMENT),
    ],
)
def test_whatever_was_changed_is_seen(change, fault):
    assert draw.check(replace(published(), **change)).fault is fault


def test_a_share_listed_twice_is_seen_even_when_all_hashes_agree():
    twice = ("P01", "P02", "P02")
    words = dict.fromkeys(twice, "")
    shown = Published(
        REF,
        CYCLE,
        twice,
        draw.share_list_hash(twice),
        draw.commitment(REF, CYCLE, SEED, twice),
        SEED,
        words,
        draw.order(draw.final(REF, CYCLE, SEED, words), twice),
    )

    assert draw.check(shown).fault is Fault.SHARE_LIST


@pytest.mark.parametrize("share", CODES)
def test_changing_any_one_word_is_seen(share):
    assert not draw.check(replace(published(), words={**WORDS, share: "autre"})).conform


def test_t26_a_seed_kept_a_day_makes_the_draw_void():
    day, second = timedelta(hours=24), timedelta(seconds=1)

    def void(now, revealed_at=None):
        return draw.is_void(words_closed_at=NOON, revealed_at=revealed_at, now=now)

    assert not void(NOON + day)
    assert void(NOON + day + second)
    assert not void(NOON + 9 * day, revealed_at=NOON + day)
    assert void(NOON + 9 * day, revealed_at=NOON + day + second)


@pytest.mark.parametrize("word", ["x\nP06=y", "Mangue", "é", "a b", "a" * 21, "mot\n", "a=b"])
def test_t26_a_word_cannot_slip_in_a_line(word):
    with refused(Why.BAD_WORD):
        draw.word(word)
    with refused(Why.BAD_WORD):
        draw.final(REF, CYCLE, SEED, {**WORDS, "P05": word})


@pytest.mark.parametrize("word", ["", "a" * 20, "mot-7", "0"])
def test_words_that_are_fine(word):
    assert draw.word(word) == word


def test_neither_seed_nor_public_number_slips_in_a_line():
    with refused(Why.BAD_SEED):
        draw.commitment(REF, CYCLE, SEED + "\nx", CODES)
    with refused(Why.BAD_WORD):
        draw.final(REF, CYCLE, SEED, WORDS, "1\nP07=x")


@given(st.dictionaries(st.sampled_from(CODES), st.from_regex(r"[a-z0-9-]{0,20}", fullmatch=True)))
def test_any_words_give_an_order_of_the_same_shares(words):
    final = draw.final(REF, CYCLE, SEED, {**WORDS, **words})

    assert sorted(draw.order(final, CODES)) == list(CODES)


def test_any_share_can_get_any_rank():
    """Property 7: over many seeds each of three shares comes first about a third of the time."""
    firsts = Counter(
        draw.order(draw.final(REF, CYCLE, f"{n:064x}", dict.fromkeys(CODES[:3], "")), CODES[:3])[0]
        for n in range(3_000)
    )

    assert all(900 < firsts[code] < 1_100 for code in CODES[:3]), firsts
