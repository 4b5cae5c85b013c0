"""A round settled, on time or not: TONTINE T01-T03, T07-T11, T14, T36, T42."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.tontines.eligibility import Standing, at_payout
from shop.tontines.exposure import exposure
from shop.tontines.fines import days_late, fine
from shop.tontines.late_money import (
    late_money,
    owing,
)
from shop.tontines.lines import CAISSE, Kind, Line, caution, pot
from shop.tontines.money_in import DueKind, confirm_cash
from shop.tontines.money_in import pot as counted
from shop.tontines.receive import Settled, receive
from shop.tontines.rules import LateStep
from shop.tontines.waterfall import FeeRule, Recipient, settle
from tests.tontines.gounghin import (
    CODES,
    FRIDAYS,
    PARTIAL,
    Book,
    F,
    G,
    due,
    gounghin,
    missing,
    of_kind,
    round_,
    settled,
    with_policy,
)


def test_t01_everybody_pays_and_the_recipient_gets_the_whole_pot():
    result, book = settled(round_(1, recipient="P01"))

    (payout,) = result.payouts
    assert G.expected == payout.gross == payout.net == F(120_000)
    assert book[pot(1)] == 0
    assert book["wallet:P01"] == 120_000
    assert result.reliquats == ()


def test_t01_after_twelve_rounds_each_paid_and_received_the_same():
    received = {}
    for index, code in enumerate(CODES, start=1):
        received[code] = settle(round_(index, recipient=code), G).payouts[0].net

    assert set(received.values()) == {F(120_000)}
    assert exposure(G, paid=F(120_000), served=True) == F(0)


def test_t02_a_recipient_who_does_not_pay_receives_eleven_contributions():
    rules = gounghin(recipient_pays=False)

    result, _book = settled(round_(1, collected=110_000), rules)

    assert rules.pot == result.payouts[0].net == F(110_000)
    assert rules.contribution * rules.payments_per_share == F(110_000)
    assert result.reliquats == ()


def test_t03_the_fee_is_a_line_of_its_own():
    fee = FeeRule(100, F(2_000))

    result, book = settled(round_(fee=fee))

    assert (result.payouts[0].fee, result.payouts[0].net) == (F(1_200), F(118_800))
    assert (book[pot(4)], book["wallet:P04"], book["platform:frais"]) == (0, 118_800, 1_200)


def test_the_fee_stops_at_its_cap():
    assert FeeRule(100, F(2_000)).of(F(500_000)) == F(2_000)


def pay(amount: int, result, fined, book: Book):
    """P09 pays what it owes for round 4, late, and its fine."""
    dues = [due("P09", 4, late=True), due("P09", 4, DueKind.PENALTY, fined.amount)]
    settled_rounds = {4: Settled("P04", owing(result))}
    paid = receive(F(amount), dues, G, share="P09", settled=settled_rounds)
    book.post(paid.lines)
    assert book["payer"] == -amount
    return paid


def test_t07_what_is_missing_is_owed_to_the_same_recipient():
    result, book = settled(round_(collected=110_000, late=[missing("P09")]), with_policy(*PARTIAL))
    paid_at = FRIDAYS[3].due_at + timedelta(days=2)
    fined = fine(G.fine, unpaid=F(10_000), days_late=days_late(FRIDAYS[3], paid_at))

    paid = pay(10_500, result, fined, book)

    assert result.payouts[0].net == F(110_000)
    assert result.reliquats == (("P04", F(10_000)),)
    assert [(line.kind, line.amount) for line in paid.lines] == [
        (Kind.RELIQUAT, F(10_000)),
        (Kind.PENALTY, F(500)),
    ]
    assert (book["wallet:P04"], book[CAISSE]) == (120_000, 500)
    assert paid.settled[4].owing.is_even


def test_t08_the_guarantee_covers_at_once_and_is_rebuilt_later():
    result, book = settled(round_(collected=110_000, late=[missing("P09", guarantee=10_000)]))

    assert result.lines == (
        Line(Kind.COVER, "caution:P09", "pot:4", F(10_000), "P09"),
        Line(Kind.PAYOUT, "pot:4", "wallet:P04", F(120_000), "P04"),
    )
    assert book[caution("P09")] == 0

    paid = pay(10_500, result, F(500), book)

    assert (book[caution("P09")], book[CAISSE], book["wallet:P04"]) == (10_000, 500, 120_000)
    assert paid.settled[4].owing.is_even


def test_t09_the_box_gives_at_most_its_half_and_nobody_pays_twice():
    late = [missing("P09", guarantee=4_000)]
    result, book = settled(round_(collected=110_000, late=late, caisse=20_000))

    assert [(cover.place, cover.amount) for cover in result.covers] == [
        ("caution:P09", F(4_000)),
        ("caisse", F(6_000)),
    ]
    assert (book["wallet:P04"], book[CAISSE]) == (120_000, 14_000)
    assert {line.share for line in result.lines} == {"P09", "P04"}, "nobody else is debited"

    pay(10_500, result, F(500), book)

    assert (book[caution("P09")], book[CAISSE], book["payer"]) == (4_000, 20_500, -10_500)


def test_t10_two_late_shares_are_covered_alike_and_repay_the_round():
    late = [missing("P09"), missing("P11")]
    result, book = settled(round_(collected=100_000, late=late, caisse=8_000))

    assert of_kind(result.lines, Kind.COVER) == [2_000, 2_000]
    assert result.payouts[0].net == F(104_000)
    assert result.reliquats == (("P04", F(16_000)),)
    assert book[CAISSE] == 4_000

    first, owed = late_money(owing(result), F(10_000), source="payer", payer="P09")
    book.post(first)
    assert [(line.target, line.amount) for line in first] == [("wallet:P04", F(10_000))]

    second, owed = late_money(owed, F(10_000), source="payer", payer="P11")
    book.post(second)
    assert [line.amount for line in second if line.target == "wallet:P04"] == [F(6_000)]
    assert (book["wallet:P04"], book[CAISSE], owed.is_even) == (120_000, 8_000, True)


WAITING = with_policy(LateStep.WAIT, LateStep.PARTIAL)


def test_t11_a_pot_waits_three_days_and_moves_nothing_meanwhile():
    result = settle(round_(collected=110_000, late=[missing("P09")], days=2), WAITING)

    assert result.lines == ()
    assert result.payouts == ()
    assert (result.hold_until - FRIDAYS[3].grace_until).days == 3


def test_t11_money_of_the_second_day_makes_one_payout():
    result, _book = settled(round_(collected=120_000, days=2), WAITING)

    assert of_kind(result.lines, Kind.PAYOUT) == [120_000]
    assert FRIDAYS[4].due_at == FRIDAYS[3].due_at.replace(day=25), "the next date is unchanged"


def test_t11_without_it_the_pot_is_paid_as_it_is():
    result, _book = settled(round_(collected=110_000, late=[missing("P09")], days=4), WAITING)

    assert result.payouts[0].net == F(110_000)
    assert result.reliquats == (("P04", F(10_000)),)


def test_a_covered_hole_makes_nobody_wait():
    rules = with_policy(LateStep.COVER_CAUTION, LateStep.WAIT, LateStep.PARTIAL)

    result, _book = settled(
        round_(collected=110_000, late=[missing("P09", guarantee=10_000)]), rules
    )

    assert result.payouts[0].net == F(120_000)


def test_t14_what_the_recipient_owes_is_set_off():
    own_fine = Line(Kind.PENALTY, pot(5), CAISSE, F(1_000), "P05")
    recipient = Recipient("P05", F(10_000), (own_fine,))

    result, book = settled(round_(5, collected=110_000, recipients=(recipient,)))

    (payout,) = result.payouts
    assert (payout.gross, payout.set_off, payout.net) == (F(120_000), F(11_000), F(109_000))
    assert (payout.own_paid, payout.reliquat) == (F(10_000), F(0))
    assert (book["wallet:P05"], book[CAISSE], book[pot(5)]) == (109_000, 1_000, 0)


def test_t14_an_older_debt_is_set_off_to_the_recipient_who_waits_for_it():
    third, _book = settled(round_(3, collected=110_000, recipient="P03", late=[missing("P05")]))
    debts, _after = late_money(owing(third), F(10_000), source=pot(5), payer="P05")

    result, book = settled(round_(5, recipients=(Recipient("P05", F(0), debts),)))

    assert (result.payouts[0].set_off, result.payouts[0].net) == (F(10_000), F(110_000))
    assert (book["wallet:P03"], book["wallet:P05"]) == (10_000, 110_000)


def test_t14_t15_up_to_one_contribution_and_fines_is_set_off_more_is_deferred():
    one = [due("P05", 5), due("P05", 4, DueKind.PENALTY, 1_000)]

    assert at_payout([due("P05", 5, paid=10_000)], G) is Standing.UP_TO_DATE
    assert at_payout(one, G) is Standing.SET_OFF
    assert at_payout([*one, due("P05", 4, late=True, paid=9_999)], G) is Standing.DEFERRED
    assert at_payout([*one, due("P05", 4, late=True)], G) is Standing.DEFERRED


def test_t36_cash_counts_once_both_sides_say_so():
    dues = [due(code, paid=10_000) for code in CODES[:9]]
    cash = replace(due("P10"), promised=F(10_000))

    before, after = counted([*dues, cash], "XOF"), counted([*dues, confirm_cash(cash)], "XOF")

    assert (before.collected, before.to_confirm) == (F(90_000), F(10_000))
    assert (after.collected, after.to_confirm) == (F(100_000), F(0))


def test_t42_money_after_the_end_still_finds_who_waits_for_it():
    result, book = settled(
        round_(12, collected=110_000, recipient="P12", late=[missing("P09")], caisse=6_000)
    )

    lines, after = late_money(owing(result), F(10_000), source="payer", payer="P09")
    book.post(lines)

    assert (book["wallet:P12"], book[CAISSE], after.is_even) == (120_000, 6_000, True)


def test_money_nobody_waits_for_is_kept_ahead_for_its_payer():
    result, _book = settled(round_())

    lines, _after = late_money(owing(result), F(300), source="payer", payer="P09")

    assert lines == (Line(Kind.ADVANCE, "payer", "avance:P09", F(300), "P09"),)


def test_covers_are_repaid_guarantor_first_then_the_box_then_the_guarantee():
    policy = (
        LateStep.COVER_CAUTION,
        LateStep.COVER_CAISSE,
        LateStep.COVER_GARANT,
        LateStep.PARTIAL,
    )
    late = missing("P09", guarantee=1_000, guarantors=(("oumar", F(3_000)),))
    result, _book = settled(
        round_(collected=110_000, late=[late], caisse=4_000), with_policy(*policy)
    )

    lines, _after = late_money(owing(result), F(9_500), source="payer", payer="P09")

    assert [(line.target, line.amount) for line in lines] == [
        ("wallet:P04", F(4_000)),
        ("garant:oumar", F(3_000)),
        ("caisse", F(2_000)),
        ("caution:P09", F(500)),
    ]


def test_a_guarantor_who_did_not_agree_in_advance_is_only_asked():
    late = missing("P09", to_ask=(("oumar", F(6_000)),))
    rules = with_policy(LateStep.COVER_GARANT, LateStep.PARTIAL)

    result, _book = settled(round_(collected=110_000, late=[late]), rules)

    assert result.asked == (("oumar", F(6_000)),)
    assert result.covers == ()


@pytest.mark.parametrize("collected", [0, 3, 10_000, 115_000])
def test_two_recipients_share_what_is_there(collected):
    rules = gounghin(recipients_per_round=2, recipient_pays=True)
    pair = (Recipient("P01", F(10_000)), Recipient("P02", F(0)))

    result, book = settled(round_(1, collected=collected, recipients=pair), rules)

    assert book[pot(1)] == 0
    assert book["wallet:P01"] + book["wallet:P02"] == collected
    assert all(each.net.amount >= 0 for each in result.payouts)
