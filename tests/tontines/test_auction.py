"""Turns for sale: TONTINE T19-T24."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from shop.tontines.auction import (
    Award,
    Bid,
    Sale,
    award,
    check_bidder,
    gainers,
    open_seal,
    place,
    seal,
    shared_at_the_end,
)
from shop.tontines.lines import CAISSE, DIVIDEND, moved
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Dividend
from shop.tontines.waterfall import FeeRule, Recipient
from tests.tontines.gounghin import CODES, NOON, F, auctioned, refused, round_, settled, turns

RULES = auctioned()
OPEN = Sale(1, NOON - timedelta(hours=24), NOON + timedelta(hours=24))
DRAWN = tuple(reversed(CODES))


def bids(*discounts: int, rules=RULES) -> Sale:
    sale = OPEN
    for code, discount in zip(CODES, discounts, strict=False):
        sale = place(sale, Bid(code, F(discount), NOON), turns(), rules, up_to_date=True)
    return sale


def sold(discount: int, dividend=Dividend.NOW, winner="P03"):
    """The round paid to a winner who bid this."""
    rules = auctioned(dividend)
    recipient = Recipient(winner, F(0), discount=F(discount))
    return settled(
        round_(1, recipients=(recipient,), dividend_to=gainers(CODES, winner, dividend)), rules
    )


def test_t19_the_highest_discount_wins_and_all_gain_it():
    won = award(bids(12_000, 15_000, 18_000), RULES, drawn=DRAWN)
    result, book = sold(18_000)

    assert won == Award("P03", F(18_000), drawn=False)
    assert result.payouts[0].net == F(102_000)
    assert {book[f"avance:{code}"] for code in CODES} == {1_500}
    assert RULES.contribution - F(1_500) == F(8_500)


def test_t20_what_does_not_divide_goes_to_the_box():
    result, book = sold(17_000)

    assert result.payouts[0].net == F(103_000)
    assert ({book[f"avance:{code}"] for code in CODES}, book[CAISSE]) == ({1_416}, 8)


def test_t21_a_bid_above_the_cap_is_refused_with_the_limit():
    with refused(Why.DISCOUNT_OVER_CAP) as refusal:
        bids(40_000)

    assert refusal.value.facts == {"most": F(36_000)}


def test_t21_a_tie_is_decided_by_the_draw():
    tie = bids(36_000, 36_000)

    assert award(tie, RULES, drawn=DRAWN) == Award("P02", F(36_000), drawn=True)
    assert award(tie, RULES, drawn=CODES) == Award("P01", F(36_000), drawn=True)
    result, book = sold(36_000)
    assert result.payouts[0].net == F(84_000)
    assert book["avance:P01"] == 3_000


def test_t22_without_bids_the_draw_decides_and_nothing_is_discounted():
    assert award(OPEN, RULES, drawn=DRAWN) == Award("P12", F(0), drawn=True)
    result, _book = sold(0)
    assert result.payouts[0].net == F(120_000)


def test_t22_the_last_share_takes_the_whole_pot_without_auction():
    with refused(Why.LAST_SHARE):
        check_bidder(turns(served=11), "P12", up_to_date=True)


THOUSANDS = (18, 16, 14, 12, 10, 9, 7, 5, 3, 2, 0, 0)


def test_t23_discounts_kept_until_the_end_are_shared_equally():
    pool = 0
    for discount, winner in zip(THOUSANDS, CODES, strict=True):
        _result, book = sold(discount * 1_000, Dividend.END, winner)
        pool += book[DIVIDEND]

    assert pool == 96_000
    assert set(moved(shared_at_the_end(F(pool), CODES)).values()) == {-96_000, 8_000}


def test_t23_shared_at_once_the_same_list_leaves_thirty_six_francs():
    nets: Counter[str] = Counter()
    caisse = 0
    for discount, winner in zip(THOUSANDS, CODES, strict=True):
        _result, book = sold(discount * 1_000, Dividend.NOW, winner)
        nets.update({code: book[f"avance:{code}"] for code in CODES})
        nets[winner] += book[f"wallet:{winner}"] - 120_000
        caisse += book[CAISSE]

    assert caisse == 36
    assert nets["P01"] == 7_997 - 18_000 == -10_003
    assert nets["P12"] == 7_997
    assert sum(nets.values()) == -36


def test_the_winner_may_be_left_out_of_his_own_discount():
    _result, book = sold(11_000, Dividend.OTHERS)

    assert book["avance:P03"] == 0
    assert {book[f"avance:{code}"] for code in CODES if code != "P03"} == {1_000}


def test_t24_who_owes_or_was_served_does_not_bid():
    with refused(Why.NOT_UP_TO_DATE):
        check_bidder(turns(), "P01", up_to_date=False)
    with refused(Why.ALREADY_SERVED):
        check_bidder(turns(served=1), "P01", up_to_date=True)


def test_an_open_bid_goes_a_step_further():
    rules = auctioned(sealed=False)
    sale = bids(5_000, rules=rules)

    with refused(Why.DISCOUNT_TOO_SMALL) as refusal:
        place(sale, Bid("P02", F(5_400), NOON), turns(), rules, up_to_date=True)
    assert refusal.value.facts == {"least": F(5_500)}
    assert len(place(sale, Bid("P02", F(5_500), NOON), turns(), rules, up_to_date=True).bids) == 2


def test_a_share_has_one_live_bid():
    sale = place(bids(5_000), Bid("P01", F(2_000), NOON), turns(), RULES, up_to_date=True)

    assert sale.bids == (Bid("P01", F(2_000), NOON),)


@pytest.mark.parametrize("at", [OPEN.opens_at - timedelta(seconds=1), OPEN.closes_at])
def test_bids_have_their_hours(at):
    with refused(Why.BIDS_CLOSED):
        place(OPEN, Bid("P01", F(5_000), at), turns(), RULES, up_to_date=True)


def test_a_sealed_bid_opens_as_it_was_closed():
    nonce = "0f" * 16
    sealed = seal("TT-7Q4M", 1, "P01", F(5_000), nonce)

    open_seal(sealed, "TT-7Q4M", 1, "P01", F(5_000), nonce)
    with refused(Why.BID_NOT_OPENED):
        open_seal(sealed, "TT-7Q4M", 1, "P01", F(5_500), nonce)
    with pytest.raises(TontineRefused):
        seal("TT-7Q4M", 1, "P01", F(5_000), "short")


def test_no_fee_is_taken_from_a_discount():
    recipient = Recipient("P03", F(0), discount=F(18_000))
    fee = FeeRule(100, F(2_000))

    result, _book = settled(round_(1, recipients=(recipient,), dividend_to=CODES, fee=fee), RULES)

    assert (result.payouts[0].fee, result.payouts[0].net) == (F(1_020), F(100_980))


def test_a_discount_larger_than_what_was_collected_takes_only_what_is_there():
    recipient = Recipient("P03", F(0), discount=F(36_000))

    result, book = settled(
        round_(1, collected=20_000, recipients=(recipient,), dividend_to=CODES), RULES
    )

    assert (result.payouts[0].net, book["pot:1"]) == (F(0), 0)
    assert sum(book[f"avance:{code}"] for code in CODES) + book[CAISSE] == 20_000
