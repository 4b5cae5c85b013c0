"""Rounds on a real database, both of them: TONTINE T01, T07-T11, T13-T15, T36-T38, T42."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from shop.ledger import audit
from shop.tontines import book, settling
from shop.tontines.rules import Fine, LateStep
from shop.tontines.states import CycleStatus, RoundStatus
from tests.marketplace import Clock
from tests.tontines.circles import F, locked
from tests.tontines.gounghin import PARTIAL, G, with_policy


def test_t01_everybody_pays_and_the_pot_reaches_the_wallet(app: Flask, time: Clock):
    group = locked(time)

    group.play(1)

    assert group.pot(1) == 0
    assert group.wallet("P01") == 120_000
    assert group.round(1).status == RoundStatus.CLOSED
    turn = group.turn(1)
    assert (turn.gross, turn.net, turn.reliquat) == (120_000, 120_000, 0)
    assert audit.check() == []


def test_t01_after_twelve_rounds_everybody_is_even(app: Flask, time: Clock):
    group = locked(time)

    for index in range(1, 13):
        group.play(index)

    assert {group.wallet(code) for code in group.holdings} == {120_000}
    assert group.cycle.status == CycleStatus.CLOSED
    assert audit.check() == []


def late_in_round_four(time: Clock, rules=None, *, before=None, but=("P09",)):
    """Rounds 1 to 3 played on time; in round 4 some have not paid when the grace ends."""
    group = locked(time, rules or with_policy(*PARTIAL))
    for index in (1, 2, 3):
        group.play(index)
    if before is not None:
        before(group)
    group.play(4, but=but)
    return group


def test_t07_what_is_there_is_paid_and_late_money_follows(app: Flask, time: Clock):
    group = late_in_round_four(time)

    assert group.wallet("P04") == 110_000
    assert group.round(4).status == RoundStatus.PAID
    time.pass_(days=1)
    # Round 5 is open by then, and comes before the fine (R8).
    group.pay("P09", 20_500)

    assert group.wallet("P04") == 120_000
    assert (group.caisse, group.avance("P09"), group.pot(4)) == (500, 0, 0)
    assert group.round(4).status == RoundStatus.CLOSED
    assert audit.check() == []


def test_t08_the_late_share_s_own_guarantee_fills_the_pot(app: Flask, time: Clock):
    group = late_in_round_four(time, G, before=lambda g: g.fill_caution("P09", 10_000))

    assert (group.wallet("P04"), group.caution("P09")) == (120_000, 0)
    group.pay("P09", 20_500)

    assert (group.caution("P09"), group.caisse) == (10_000, 500)


def test_t09_one_hole_is_charged_once(app: Flask, time: Clock):
    def fill(group):
        group.fill_caution("P09", 4_000)
        group.fill_caisse(20_000)

    group = late_in_round_four(time, G, before=fill)

    assert (group.wallet("P04"), group.caisse, group.caution("P09")) == (120_000, 14_000, 0)
    assert {group.wallet(c) for c in group.holdings if c > "P04"} == {0}
    group.pay("P09", 20_500)

    assert (group.caution("P09"), group.caisse) == (4_000, 20_500)


def test_t10_late_money_goes_to_who_waits_then_to_who_covered(app: Flask, time: Clock):
    group = late_in_round_four(time, G, before=lambda g: g.fill_caisse(8_000), but=("P09", "P11"))

    assert (group.wallet("P04"), group.caisse) == (104_000, 4_000)
    group.pay("P09", 10_000)
    assert (group.wallet("P04"), group.caisse) == (114_000, 4_000)
    group.pay("P11", 10_000)

    assert (group.wallet("P04"), group.caisse) == (120_000, 8_000)
    assert audit.check() == []


def test_t11_the_pot_waits_for_the_late_share(app: Flask, time: Clock):
    rules = with_policy(LateStep.WAIT, LateStep.PARTIAL)
    group = late_in_round_four(time, rules)
    assert (group.wallet("P04"), group.round(4).status) == (0, RoundStatus.DECIDING)

    time.pass_(days=1)
    group.pay("P09")
    group.sign(4)

    assert (group.wallet("P04"), group.round(4).status) == (120_000, RoundStatus.CLOSED)


def test_t11_the_pot_does_not_wait_for_ever(app: Flask, time: Clock):
    group = late_in_round_four(time, with_policy(LateStep.WAIT, LateStep.PARTIAL))

    group.at(group.round(4).grace_until + timedelta(days=3))
    group.sign(4)

    assert (group.wallet("P04"), group.turn(4).reliquat) == (110_000, 10_000)


def test_t13_the_oldest_is_paid_first(app: Flask, time: Clock):
    rules = with_policy(*PARTIAL, fine=Fine(F(1_000), cap=F(2_000)))
    group = locked(time, rules)
    for index in (1, 2):
        group.play(index)
    group.play(3, but=("P09",))
    group.pay("P09", 15_000)

    assert (group.wallet("P03"), group.pot(4)) == (120_000, 5_000)
    group.pay("P09", 6_000)

    assert (group.pot(4), group.caisse, group.avance("P09")) == (10_000, 1_000, 0)


def test_t14_what_the_recipient_owes_is_set_off(app: Flask, time: Clock):
    rules = with_policy(*PARTIAL, fine=Fine(F(1_000), cap=F(1_000)))
    group = locked(time, rules)
    for index in (1, 2, 3):
        group.play(index)
    group.play(4, but=("P05",))
    group.pay("P05", 10_000)
    # The contribution is paid, the fine is not.
    group.play(5, but=("P05",))

    turn = group.turn(5)
    assert (turn.gross, turn.set_off, turn.net) == (120_000, 11_000, 109_000)
    assert (group.wallet("P05"), group.caisse, group.pot(5)) == (109_000, 1_000, 0)
    assert audit.check() == []


def test_t15_too_deep_in_debt_one_waits_but_loses_no_turn(app: Flask, time: Clock):
    group = locked(time, with_policy(*PARTIAL))
    for index in (1, 2):
        group.play(index)
    for index in (3, 4):
        group.play(index, but=("P05",))

    group.play(5, but=("P05",))

    assert group.turn(5).share_id == group.share("P06").id
    assert (group.share("P05").position, group.share("P06").position) == (6, 5)
    (event,) = book.lines(group.tontine_id, what="turns_exchanged")
    assert book.facts_of(event)["why"] == "arrears"
    assert book.broken_at(group.tontine_id) is None


def test_settling_twice_is_settling_once(app: Flask, time: Clock):
    group = late_in_round_four(time, before=lambda g: g.fill_caisse(5_000))
    before = audit.trial_balance()
    lines = len(book.lines(group.tontine_id, limit=500))

    for index in range(1, 6):
        for _ in range(2):
            settling.settle_round(group.round(index).id)

    assert audit.trial_balance() == before
    assert len(book.lines(group.tontine_id, limit=500)) == lines
