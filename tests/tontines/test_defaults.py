"""A member who stops paying after his turn, and what was kept for that: TONTINE T16-T18."""

from __future__ import annotations

from dataclasses import replace

from shop.tontines.late_money import (
    Owing,
    joined,
    late_money,
    owing,
    returned_at_the_end,
    share_loss,
)
from shop.tontines.lines import CAISSE, Kind, pot, retenue
from shop.tontines.rules import LateStep
from shop.tontines.waterfall import settle
from tests.tontines.gounghin import (
    CODES,
    PARTIAL,
    Book,
    F,
    G,
    missing,
    round_,
    settled,
    with_policy,
)


def binta(retention: int, guarantee: int, cap: int):
    """Binta's missing contribution, with what still answers for her."""
    return missing(
        "P02",
        guarantee=guarantee,
        retention=retention,
        guarantors=(("oumar", F(cap)),) if cap else (),
    )


def test_t16_retention_is_kept_from_the_pot():
    result, book = settled(round_(2, recipient="P02"), replace(G, retention_bp=1_000))

    assert result.payouts[0].net == F(108_000)
    assert book[retenue("P02")] == 12_000


def test_the_whole_retention_is_kept_from_a_short_pot():
    late, rules = [missing("P09")], with_policy(*PARTIAL, retention_bp=1_000)

    result, book = settled(round_(2, collected=110_000, recipient="P02", late=late), rules)
    lines, _after = late_money(owing(result), F(10_000), source="payer", payer="P09")
    book.post(lines)

    assert result.payouts[0].net == F(98_000)
    assert (book[retenue("P02")], book["wallet:P02"]) == (12_000, 108_000)


def follow_binta(cap: int, caisse: int = 0):
    """Rounds 6 to 12 without her: each round as it was settled, and the book."""
    rules = with_policy(
        LateStep.COVER_CAUTION, LateStep.COVER_RETENUE, LateStep.COVER_GARANT, LateStep.PARTIAL
    )
    book = Book(caution__P02=10_000, retenue__P02=12_000, garant__oumar=cap, caisse=caisse)
    results = []
    for index in range(6, 13):
        late = binta(book["retenue:P02"], book["caution:P02"], book["garant:oumar"])
        book.places[pot(index)] = 110_000
        recipient = CODES[index - 1]
        result = settle(round_(index, collected=110_000, recipient=recipient, late=[late]), rules)
        book.post(result.lines)
        results.append(result)
    return results, book


def nets(results) -> list[int]:
    return [result.payouts[0].net.amount for result in results]


def test_t16_her_securities_then_her_guarantor_fill_every_pot():
    results, book = follow_binta(cap=60_000)

    assert nets(results) == [120_000] * 7
    covers = [each for result in results for each in result.covers]
    guarantor = [each.amount.amount for each in covers if each.source == "guarantor"]
    assert guarantor == [8_000, 10_000, 10_000, 10_000, 10_000]
    assert book["garant:oumar"] == 60_000 - 48_000


def test_t17_without_guarantor_the_loss_is_shared_to_the_franc():
    results, book = follow_binta(cap=0, caisse=100)
    assert nets(results) == [120_000, 120_000, 112_000, 110_000, 110_000, 110_000, 110_000]
    lost = sum(amount.amount for result in results for _share, amount in result.reliquats)

    loss = share_loss(F(lost), [code for code in CODES if code != "P02"])
    owed = joined([owing(result) for result in results])
    # Her own securities were hers to lose: only those who wait are made whole.
    owed = Owing(tuple(claim for claim in owed.claims if claim[0] is Kind.RELIQUAT))
    for source, amount in [
        *((f"payer:{code}", loss.each) for code in loss.shares),
        (CAISSE, loss.from_caisse),
    ]:
        lines, owed = late_money(owed, amount, source=source, payer="P02")
        book.post(lines)

    assert (lost, loss.each, len(loss.shares)) == (48_000, F(4_363), 11)
    assert (loss.from_caisse, book[CAISSE]) == (F(7), 93)
    assert owed.is_even
    assert [book[f"wallet:{code}"] for code in CODES[5:]] == [120_000] * 7


def test_t18_retention_and_guarantee_come_back_at_the_end():
    book = Book(caution__P02=10_000, retenue__P02=12_000, wallet__P02=108_000)

    book.post(returned_at_the_end([("P02", F(10_000), F(12_000), F(0))]))

    assert book["wallet:P02"] == 120_000 + 10_000
    assert book["retenue:P02"] == book["caution:P02"] == 0
