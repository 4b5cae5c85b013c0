"""Whose turn it is, and what may change it: TONTINE T04, T06, T15, T27-T30."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shop.tontines import changes, rotation
from shop.tontines.changes import Account, Swap
from shop.tontines.exposure import check_two_pots, two_pots
from shop.tontines.lines import CAISSE, moved
from shop.tontines.refusals import Why
from shop.tontines.rotation import Exchanged, Replaced, Served, Share, Withdrawn, replay, whose_turn
from tests.tontines.gounghin import CODES, NOON, Book, F, G, gounghin, refused, turns

AWA = {code: "awa" if code in ("P02", "P06", "P10") else f"m-{code}" for code in CODES}
UP_TO_DATE = dict.fromkeys((f"m-{code}" for code in CODES), True)


def test_t04_three_shares_of_one_member_stand_two_ranks_apart():
    assert rotation.spacing(12, 3) == 2
    assert rotation.too_close(CODES, AWA) == ()
    rotation.check_lock(CODES, AWA)


def test_t04_ranks_two_and_three_are_refused():
    order = ["P01", "P02", "P06", *(c for c in CODES if c not in ("P01", "P02", "P06"))]

    with refused(Why.TURNS_TOO_CLOSE) as refusal:
        rotation.check_lock(order, AWA)

    assert refusal.value.facts == {"rank": 3, "gap": 2}


def test_a_drawn_order_is_repaired_by_exchange_with_the_next_that_fits():
    order = ["P02", "P06", "P10", *(c for c in CODES if c not in ("P02", "P06", "P10"))]

    mended, flagged = rotation.repaired(order, AWA)

    assert mended == ("P02", "P01", "P10", "P03", "P06", *CODES[3:5], *CODES[6:9], *CODES[10:])
    assert rotation.too_close(mended, AWA) == flagged == ()


def test_what_cannot_be_repaired_is_flagged_and_kept():
    order = CODES[:8]
    holders = {code: "awa" if code in ("P07", "P08") else f"m-{code}" for code in order}

    assert rotation.spacing(8, 2) == 2
    assert rotation.repaired(order, holders) == (order, (8,))


def test_nobody_holds_more_than_the_rules_allow():
    rotation.check_holdings(AWA, most=3, concentration_bp=3_000)

    with refused(Why.TOO_MANY_SHARES):
        rotation.check_holdings(AWA, most=2, concentration_bp=3_000)
    with refused(Why.TOO_MANY_SHARES):
        rotation.check_holdings(AWA, most=3, concentration_bp=2_000)


def test_one_share_each_is_never_too_many():
    rotation.check_holdings({"P01": "a", "P02": "b"}, most=3, concentration_bp=3_000)


SHARES = [Share("P03", "c", NOON), Share("P01", "a", NOON), Share("P02", "b", NOON - timedelta(1))]


def test_orders_are_what_they_say():
    assert rotation.fixed(SHARES, ["P03", "P01", "P02"]) == ("P03", "P01", "P02")
    assert rotation.seniority(SHARES) == ("P02", "P01", "P03")
    assert rotation.by_need(SHARES, {"P03": 5, "P01": 1}) == ("P03", "P01", "P02")
    assert rotation.negotiated(SHARES, [("P02", "P03")]) == ("P03", "P01", "P02")


@pytest.mark.parametrize("typed", [["P01", "P02"], ["P01", "P01", "P02"], ["P01", "P02", "P04"]])
def test_a_typed_order_names_each_share_once(typed):
    with refused(Why.NOT_THE_SAME_SHARES):
        rotation.fixed(SHARES, typed)


def test_t06_two_pots_in_one_round_need_everybody():
    others = {f"m-{code}" for code in CODES if AWA[code] != "awa"}

    with refused(Why.TWO_POTS_ONE_ROUND):
        check_two_pots(accepted_by=others - {"m-P01"}, others=others)
    check_two_pots(accepted_by=others, others=others)

    preview = two_pots(G, turns(holders=AWA), "awa", after_round=2)
    assert preview.paid_in == F(60_000)
    assert preview.received == F(240_000)
    assert preview.exposure == F(200_000)


def test_one_member_does_not_receive_both_pots_of_a_round():
    circle = turns(("P02", "P06", "P01", "P10"), AWA)

    assert whose_turn(circle, recipients=2).shares == ("P02", "P01")
    assert whose_turn(circle, recipients=2, together=True).shares == ("P02", "P06")


def test_the_last_shares_of_one_member_are_served_together():
    circle = turns(("P01", "P02", "P06"), AWA, served=1)

    assert whose_turn(circle, recipients=2).shares == ("P02", "P06")


def test_a_deferred_turn_does_not_go_to_who_receives_already():
    circle = turns(("P02", "P01", "P06", "P03"), AWA)

    turn = whose_turn(circle, recipients=2, eligible=lambda code: code != "P01")

    assert turn == rotation.Turn(("P02", "P03"), (Exchanged("P01", "P03"),))


def test_t15_a_turn_in_arrears_is_exchanged_never_lost():
    circle = turns(served=4)

    turn = whose_turn(circle, eligible=lambda code: code != "P05")
    after = rotation.apply(circle, turn.deferred[0])

    assert turn == rotation.Turn(("P06",), (Exchanged("P05", "P06"),))
    assert after.rank("P06") == 5
    assert after.rank("P05") == 6
    assert sorted(after.order) == sorted(CODES)
    assert after.order_hash != circle.order_hash


def test_t15_a_share_whose_debt_is_set_off_does_not_replace_another():
    circle = turns(served=4)

    turn = whose_turn(
        circle, eligible=lambda code: code != "P05", up_to_date=lambda code: code == "P08"
    )

    assert turn.shares == ("P08",)


def test_when_nobody_is_up_to_date_the_turn_is_kept():
    assert whose_turn(turns(served=4), eligible=lambda _code: False).shares == ("P05",)


def asked(one="P04", other="P09", by="m-P04", at=NOON):
    return Swap(one, other, by, at)


def swap(circle, wish, *, now=NOON, payout=NOON + timedelta(days=3), up_to_date=UP_TO_DATE):
    return changes.swap(circle, wish, now=now, next_payout_at=payout, up_to_date=up_to_date)


def test_t27_both_confirm_and_the_order_changes():
    circle = turns(served=2)

    after = rotation.apply(circle, swap(circle, asked()))

    assert (after.rank("P09"), after.rank("P04")) == (4, 9)
    assert after.order_hash != circle.order_hash


def test_t27_other_swaps_are_refused():
    with refused(Why.ALREADY_SERVED):
        swap(turns(served=4), asked())
    with refused(Why.TOO_NEAR_A_PAYOUT):
        swap(turns(), asked(), payout=NOON + timedelta(hours=10))
    with refused(Why.SWAP_EXPIRED):
        swap(turns(), asked(), now=NOON + timedelta(hours=48))
    with refused(Why.NOT_YOUR_SHARE):
        swap(turns(), asked(by="m-P01"))
    with refused(Why.NOT_UP_TO_DATE):
        swap(turns(), asked(), up_to_date={**UP_TO_DATE, "m-P09": False})


def test_a_swap_needs_two_people_and_a_day_before_the_payout():
    day, second = timedelta(hours=24), timedelta(seconds=1)

    assert swap(turns(), asked(), payout=NOON + day)
    with refused(Why.TOO_NEAR_A_PAYOUT):
        swap(turns(), asked(), payout=NOON + day - second)
    with refused(Why.NOT_YOUR_SHARE):
        swap(turns(holders=AWA), asked("P02", "P06", by="awa"), up_to_date={"awa": True})


def account(paid_in, *, advance=0, guarantee=0, fines=0) -> Account:
    return Account(F(paid_in), F(advance), F(guarantee), F(fines))


ORDER_P07_RANK_8 = ("P01", "P02", "P03", "P04", "P05", "P06", "P08", "P07", *CODES[8:])


def test_t28_leaving_unserved_costs_the_group_nothing():
    circle = turns(ORDER_P07_RANK_8, served=4)

    leaving = changes.withdraw(circle, "P07", account(40_000), G)

    assert [each.share for each in leaving.catch_ups] == ["P01", "P02", "P03", "P04"]
    assert (leaving.refund, leaving.exit_fee) == (F(38_000), F(2_000))
    assert moved(leaving.at_the_end("pot:12")) == {
        "pot:12": -40_000,
        "wallet:P07": 38_000,
        CAISSE: 2_000,
    }


def test_t28_the_whole_cycle_adds_up():
    circle = turns(ORDER_P07_RANK_8)
    paid, received = Book(), Book()
    for index in range(1, 12):
        if index == 5:
            leaving = changes.withdraw(circle, "P07", account(40_000), G)
            circle = rotation.apply(circle, leaving.event)
        paid.places.update(dict.fromkeys(circle.order, 10000))
        (code,) = whose_turn(circle).shares
        received.places.update({code: 10_000 * len(circle.order)})
        circle = rotation.apply(circle, Served(index, (code,)))
    paid.places.update({each.share: each.amount.amount for each in leaving.catch_ups})
    out = received.total + leaving.refund.amount + leaving.exit_fee.amount

    assert circle.unserved == ()
    assert paid.total == out == 1_290_000
    assert {code: paid[code] for code in circle.order} == {
        code: received[code] for code in circle.order
    }
    assert (paid["P01"], paid["P05"], received["P05"]) == (120_000, 110_000, 110_000)


def test_two_leavers_still_leave_everybody_even():
    circle = turns()
    paid, received, leavings = Book(), Book(), []
    for index in range(1, 11):
        for leaver, before in (("P09", 5), ("P12", 8)):
            if index == before:
                leaving = changes.withdraw(circle, leaver, account(paid[leaver]), G)
                circle = rotation.apply(circle, leaving.event)
                leavings.append(leaving)
        paid.places.update(dict.fromkeys(circle.order, 10000))
        (code,) = whose_turn(circle).shares
        received.places.update({code: 10_000 * len(circle.order)})
        circle = rotation.apply(circle, Served(index, (code,)))
    for leaving in leavings:
        paid.places.update({each.share: each.amount.amount for each in leaving.catch_ups})

    assert {paid[code] - received[code] for code in circle.order} == {0}


def test_t29_a_replacement_buys_the_place_and_owes_the_rest():
    circle = turns(ORDER_P07_RANK_8, served=4)

    taken = changes.take_over(circle, "P07", "fanta", paid_in=F(40_000), rules=G)
    after = rotation.apply(circle, taken.event)

    assert moved(taken.lines) == {"wallet:fanta": -40_000, "wallet:P07": 40_000}
    assert (after.holders["P07"], after.rank("P07")) == ("fanta", 8)
    assert taken.still_to_pay == F(80_000), "rounds 5 to 12"


def test_t30_a_served_member_stays_until_the_rest_is_paid_or_taken_over():
    circle = turns(served=6)

    with refused(Why.REMAINDER_DUE) as refusal:
        changes.withdraw(circle, "P02", account(60_000), G)
    assert refusal.value.facts == {"amount": F(60_000)}

    with refused(Why.GUARANTOR_NEEDED):
        changes.take_over(circle, "P02", "fanta", paid_in=F(60_000), rules=G)
    taken = changes.take_over(circle, "P02", "fanta", paid_in=F(60_000), rules=G, guaranteed=True)
    assert (taken.lines, taken.still_to_pay) == ((), F(60_000))


def test_leaving_needs_an_account_in_order_but_exclusion_does_not():
    circle = turns(served=4)

    with refused(Why.NOT_UP_TO_DATE):
        changes.withdraw(circle, "P07", account(30_000), G)
    with refused(Why.ANSWER_TIME_RUNNING):
        changes.exclude(
            circle, "P07", account(30_000), G, told_at=NOON, now=NOON + timedelta(days=6)
        )
    leaving = changes.exclude(
        circle, "P07", account(30_000, fines=1_000), G, told_at=NOON, now=NOON + timedelta(days=7)
    )

    # 40 000 of catch-ups: fee 1 500, fine 1 000, and 10 000 for the recipient who waited.
    assert (leaving.exit_fee, leaving.fines, leaving.refund) == (F(1_500), F(1_000), F(27_500))
    assert leaving.to_rounds == F(10_000)


def test_fines_take_no_more_than_what_comes_back():
    account_ = account(10_000, fines=30_000)

    leaving = changes.withdraw(turns(served=1), "P07", account_, G)

    assert (leaving.exit_fee, leaving.fines, leaving.refund) == (F(500), F(9_500), F(0))


def test_after_a_death_what_was_paid_comes_back_whole():
    leaving = changes.settle_after_death(
        turns(served=4), "P07", account(40_000, advance=5_000, guarantee=10_000), G
    )

    assert (leaving.refund, leaving.exit_fee) == (F(40_000), F(0))
    assert moved(leaving.at_once)["wallet:P07"] == 15_000
    assert changes.paused_until(NOON) == NOON + timedelta(days=30)


def test_with_two_recipients_a_round_one_leaves_by_replacement():
    with refused(Why.EXIT_NEEDS_REPLACEMENT):
        changes.withdraw(turns(), "P07", account(0), gounghin(recipients_per_round=2))


def test_history_is_replayed_to_the_same_circle():
    events = [
        Served(1, ("P01",)),
        Exchanged("P02", "P03"),
        Served(2, ("P03",)),
        Withdrawn("P07"),
        Replaced("P08", "fanta"),
    ]

    circle = replay(CODES, AWA, events)

    assert circle.served == {"P01": 1, "P03": 2}
    assert circle.unserved[:2] == ("P02", "P04")
    assert circle.withdrawn == {"P07"}
    assert circle == replay(CODES, AWA, events)


def test_nobody_is_served_twice():
    with refused(Why.ALREADY_SERVED):
        replay(CODES, AWA, [Served(1, ("P01",)), Served(2, ("P01",))])
    with refused(Why.SHARE_GONE):
        replay(CODES, AWA, [Withdrawn("P01"), Served(2, ("P01",))])
