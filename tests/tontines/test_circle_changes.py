"""Turns given, exchanged, sold and left on a real database: TONTINE T19 to T31, T37, T38."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from shop.db import session
from shop.errors import NotFound
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.tontines import (
    bidding,
    book,
    bureau,
    changes,
    checks,
    creation,
    desk,
    drawing,
    easing,
    leaving,
    locking,
    membership,
    signing,
    swapping,
)
from shop.tontines.auction import seal
from shop.tontines.models import Accepted, Office
from shop.tontines.refusals import Why
from shop.tontines.rules import Dividend, Order
from shop.tontines.states import CycleStatus, RoundStatus, SwapStatus
from tests.marketplace import Clock, make_user
from tests.tontines.circles import F, Group, enrolled, locked
from tests.tontines.gounghin import PARTIAL, auctioned, gounghin, refused, with_policy


def whole(group: Group) -> list[audit.Finding]:
    session.rollback()
    return [*audit.check(), *checks.check()]


# -- officers ---------------------------------------------------------------------------------------


def test_t37_a_recipient_does_not_sign(app: Flask, time: Clock):
    group = locked(time)
    group.at(group.round(1).opens_at)
    group.pay_all()
    group.settle(1)
    order = group.turn(1).order_id
    president, treasurer, auditor = group.people[:3]

    with refused(Why.SIGNER_IS_RECIPIENT):
        signing.sign(order, president.id)
    with refused(Why.SIGNER_NOT_OFFICER):
        signing.sign(order, group.people[5].id)
    assert [signing.sign(order, treasurer.id) for _ in range(3)] == [False, False, False]
    assert group.wallet("P01") == 0
    assert signing.sign(order, auditor.id)

    assert group.wallet("P01") == 120_000
    assert whole(group) == []


def test_t38_a_changed_bureau_moves_no_money_for_three_days(app: Flask, time: Clock):
    group = locked(time)
    group.at(group.round(1).opens_at)
    group.pay_all()
    group.settle(1)
    member = desk.member(group.tontine_id, group.people[4].id)
    session.rollback()
    bureau.appoint(group.tontine_id, group.people[0].id, Office.TREASURER, member.id)

    with refused(Why.OFFICERS_JUST_CHANGED):
        signing.sign(group.turn(1).order_id, group.people[2].id)
    # The request of that day has expired by then, and was made again by the clock.
    group.at(time.at + timedelta(hours=73))
    for officer in (group.people[2], group.people[4]):
        signing.sign(group.turn(1).order_id, officer.id)

    assert group.wallet("P01") == 120_000
    assert len(book.lines(group.tontine_id, what="not_signed")) == 1


# -- order ------------------------------------------------------------------------------------------


def drawn(time: Clock) -> Group:
    time.at = time.at.replace(hour=8)
    return enrolled(time, gounghin(order=Order.RANDOM))


def test_t25_a_draw_is_committed_worded_shown_and_conform(app: Flask, time: Clock):
    group = drawn(time)
    president = group.people[0]
    row = drawing.commit(group.tontine_id, president.id, beacon_kind="LOTO du samedi")
    assert drawing.commit(group.tontine_id, president.id).id == row.id
    for code, word in (("P01", "mangue"), ("P02", "soleil"), ("P01", "bissap")):
        drawing.add_word(group.tontine_id, group.user(code).id, code, word)
    with pytest.raises(NotFound):
        drawing.add_word(group.tontine_id, group.user("P01").id, "P02", "vol")
    with refused(Why.NOT_NOW):
        drawing.reveal(group.tontine_id, president.id, beacon="07-19-23")
    time.pass_(hours=49)

    shown = drawing.reveal(group.tontine_id, president.id, beacon="LOTO-2026-11-28:07-19-23")

    assert drawing.verify(shown).conform
    assert drawing.words_of(shown)["P01"] == "bissap"
    locking.lock(group.tontine_id, president.id)
    ranks = sorted(group.holdings, key=lambda code: group.share(code).position)
    assert "\n".join(ranks) == shown.order_text
    assert book.broken_at(group.tontine_id) is None


def test_t26_a_seed_kept_too_long_makes_the_draw_void(app: Flask, time: Clock):
    group = drawn(time)
    president = group.people[0]
    first = drawing.commit(group.tontine_id, president.id)
    with refused(Why.BAD_WORD):
        drawing.add_word(group.tontine_id, president.id, "P01", "x\nP06=y")
    time.pass_(hours=48 + 25)

    with refused(Why.BAD_SEED):
        drawing.reveal(group.tontine_id, president.id)
    with refused(Why.DRAW_NOT_SHOWN):
        locking.lock(group.tontine_id, president.id)

    assert drawing.commit(group.tontine_id, president.id).commitment != first.commitment


def test_t27_two_members_exchange_turns(app: Flask, time: Clock):
    group = locked(time)
    group.play(1)
    before, balances = group.cycle.order_hash, audit.trial_balance()
    ids = (group.tontine_id, group.user("P04").id)
    swap = swapping.ask(*ids, "P04", "P09")
    with pytest.raises(NotFound):
        swapping.accept(swap.id, group.user("P05").id)

    done = swapping.accept(swap.id, group.user("P09").id)

    assert (done.status, group.cycle.order_hash != before) == (SwapStatus.DONE, True)
    assert (group.share("P04").position, group.share("P09").position) == (9, 4)
    assert audit.trial_balance() == balances
    with refused(Why.ALREADY_SERVED):
        swapping.ask(*ids, "P04", "P01")
    with refused(Why.NOT_YOUR_SHARE):
        swapping.ask(*ids, "P05", "P06")


def test_t27_not_on_the_eve_of_a_payout_and_not_after_two_days(app: Flask, time: Clock):
    group = locked(time)
    group.play(1)
    user, other = group.user("P04"), group.user("P09")
    swap = swapping.ask(group.tontine_id, user.id, "P04", "P09")
    time.pass_(hours=49)
    with refused(Why.SWAP_EXPIRED):
        swapping.accept(swap.id, other.id)
    assert swapping.expire() == 1
    group.pay_all()
    group.at(group.round(2).due_at - timedelta(hours=10))

    with refused(Why.TOO_NEAR_A_PAYOUT):
        swapping.ask(group.tontine_id, user.id, "P04", "P09")


# -- leaving ----------------------------------------------------------------------------------------


def test_t28_a_share_leaves_and_nobody_loses_a_franc(app: Flask, time: Clock):
    group = locked(time, with_policy(*PARTIAL))
    for index in (1, 2, 3, 4):
        group.play(index)

    exit_ = leaving.withdraw(group.tontine_id, group.user("P07").id, "P07")
    assert (exit_.refund, exit_.exit_fee) == (38_000, 2_000)
    for index in range(5, 12):
        group.play(index, but=("P07",))
        assert group.turn(index).net == 110_000
    group.at(group.round(12).due_at)
    for code in ("P01", "P02", "P03", "P04"):
        group.pay(code)
    group.at(group.round(12).grace_until)

    assert (group.wallet("P07"), group.caisse) == (38_000, 2_000)
    assert {group.wallet(c) for c in ("P01", "P02", "P03", "P04")} == {120_000}
    assert {group.wallet(c) for c in group.holdings if c > "P04" and c != "P07"} == {110_000}
    assert (group.cycle.status, group.round(12).status) == (CycleStatus.CLOSED, RoundStatus.CLOSED)
    assert whole(group) == []


def test_what_a_leaver_paid_for_the_open_round_comes_home_at_once(app: Flask, time: Clock):
    group = locked(time, with_policy(*PARTIAL))
    group.play(1)
    group.pay("P07", 15_000)
    assert (group.pot(2), group.avance("P07")) == (10_000, 5_000)

    leaving.withdraw(group.tontine_id, group.user("P07").id, "P07")

    assert (group.pot(2), group.avance("P07"), group.wallet("P07")) == (0, 0, 15_000)
    assert whole(group) == []


def test_t29_a_replacement_pays_the_leaver_and_takes_the_rank(app: Flask, time: Clock):
    group = locked(time)
    for index in (1, 2, 3, 4):
        group.play(index)
    newcomer = make_user("Nouvelle")
    leaver = group.user("P08")
    sha = desk.latest_rules(group.tontine_id).sha256
    session.rollback()
    with refused(Why.NOT_ALLOWED):
        leaving.take_over(group.tontine_id, newcomer.id, "P08")
    leaving.offer(group.tontine_id, leaver.id, "P08", newcomer.id)
    group.fund(newcomer, 40_000)
    leaving.accept_rules(group.tontine_id, newcomer.id, sha, method=Accepted.PIN)

    still = leaving.take_over(group.tontine_id, newcomer.id, "P08")

    assert still == F(80_000)
    assert ledger.balance(chart.wallet(newcomer.id, "XOF")) == F(0)
    assert (group.wallet("P08"), group.share("P08").position) == (40_000, 8)
    group.people.append(newcomer)
    group.holdings["P08"] = len(group.people) - 1
    for index in range(5, 13):
        group.play(index)
    assert group.wallet("P08") == 120_000
    assert whole(group) == []


def test_t30_who_was_served_pays_the_remainder_first(app: Flask, time: Clock):
    group = locked(time)
    for index in range(1, 7):
        group.play(index)

    with refused(Why.REMAINDER_DUE) as told:
        leaving.withdraw(group.tontine_id, group.user("P01").id, "P01")

    assert told.value.facts["amount"] == F(60_000)


def test_exclusion_waits_seven_days_and_settles_like_an_exit(app: Flask, time: Clock):
    group = locked(time, with_policy(*PARTIAL))
    for index in (1, 2):
        group.play(index)
    president = group.people[0].id
    member = desk.member(group.tontine_id, group.user("P09").id).id
    session.rollback()
    with refused(Why.ANSWER_TIME_RUNNING):
        leaving.exclude(group.tontine_id, president, member)
    leaving.announce_exclusion(group.tontine_id, president, member, "absences")
    time.pass_(days=3)
    with refused(Why.ANSWER_TIME_RUNNING):
        leaving.exclude(group.tontine_id, president, member)
    time.at += changes.MAY_ANSWER_FOR

    (row,) = leaving.exclude(group.tontine_id, president, member)

    assert (row.refund, row.exit_fee, row.reason) == (19_000, 1_000, "excluded")
    assert whole(group) == []


# -- relief and auctions ----------------------------------------------------------------------------


def test_t31_the_relief_fund_pays_what_it_has_and_no_pot(app: Flask, time: Clock):
    group = locked(time, with_policy(*PARTIAL, relief=F(500)))
    for index in range(1, 7):
        group.at(group.round(index).opens_at)
        for code in group.holdings:
            group.pay(code, 10_500)
        group.settle(index)
        group.sign(index)
    fund = chart.relief(group.tontine_id, "XOF")
    assert ledger.balance(fund) == F(36_000)
    session.rollback()

    for amount, offered in ((30_000, 30_000), (25_000, 6_000)):
        claim, offer = easing.claim_relief(
            group.tontine_id, group.user("P10").id, "death", F(amount)
        )
        assert offer == F(offered)
        (order,) = bureau.to_sign(group.tontine_id)
        session.rollback()
        for officer in group.people[1:3]:
            signing.sign(order.id, officer.id)
        assert claim.id

    assert ledger.balance(fund) == F(0)
    assert group.wallet("P10") == 36_000
    assert whole(group) == []


def test_t19_the_highest_discount_is_served_and_all_gain(app: Flask, time: Clock):
    group = locked(time, auctioned(sealed=False))
    group.at(group.round(1).opens_at)
    group.pay_all()
    sale = bidding.of_round(group.round(1).id)
    session.rollback()
    for code, discount in (("P03", 12_000), ("P07", 15_000), ("P05", 18_000)):
        bidding.bid(sale.id, group.user(code).id, code, discount=F(discount))
    with refused(Why.DISCOUNT_OVER_CAP):
        bidding.bid(sale.id, group.user("P02").id, "P02", discount=F(40_000))
    group.settle(1)
    group.sign(1)

    assert group.wallet("P05") == 102_000
    # The second round opened meanwhile: what each share gained has paid a part of it.
    assert group.pot(2) == 12 * 1_500
    assert whole(group) == []


def test_t20_sealed_bids_are_shown_after_the_close(app: Flask, time: Clock):
    group = locked(time, auctioned(Dividend.END))
    group.at(group.round(1).opens_at)
    group.pay_all()
    sale = bidding.of_round(group.round(1).id)
    ref = desk.find(_ref(group)).public_ref
    session.rollback()
    nonce = "ab" * 16
    for code, discount in (("P03", 12_000), ("P05", 17_000), ("P06", 20_000)):
        sealed = seal(ref, 1, code, F(discount), nonce)
        bidding.bid(sale.id, group.user(code).id, code, sealed_hash=sealed)
    group.at(group.round(1).due_at + timedelta(minutes=1))
    bidding.show(sale.id, group.user("P03").id, "P03", F(12_000), nonce)
    with refused(Why.BID_NOT_OPENED):
        bidding.show(sale.id, group.user("P05").id, "P05", F(16_000), nonce)
    bidding.show(sale.id, group.user("P05").id, "P05", F(17_000), nonce)
    # P06 never shows what it had sealed: it bid nothing.
    group.at(group.round(1).due_at + timedelta(hours=30))
    group.sign(1)

    assert group.wallet("P05") == 103_000
    assert ledger.balance(chart.dividend(group.cycle.id, "XOF")) == F(17_000)
    assert whole(group) == []


def _ref(group: Group) -> str:
    from shop.tontines.models import Tontine

    return session.get_one(Tontine, group.tontine_id).reference


def test_t22_without_a_bid_the_turn_is_drawn(app: Flask, time: Clock):
    group = locked(time, auctioned(sealed=False))

    group.play(1)

    assert group.turn(1).net == 120_000
    (event,) = book.lines(group.tontine_id, what="auction_won")
    assert book.facts_of(event)["drawn"] is True
    assert whole(group) == []


def test_people_come_in_by_link_by_number_and_by_asking(app: Flask, time: Clock):
    founder, guest = make_user("Fondatrice"), make_user("Invitée")
    tontine = creation.create(
        founder.id, "Kossam", gounghin(), country="CI", join_policy="request", form_key="one"
    )
    again = creation.create(
        founder.id, "Kossam", gounghin(), country="CI", join_policy="request", form_key="one"
    )
    assert again.id == tontine.id
    creation.open_to_members(tontine.id, founder.id)
    _row, token = membership.invite(tontine.id, founder.id, phone=guest.phone)
    with refused(Why.INVITE_CLOSED):
        membership.come_in(token, make_user("Curieux").id)
    assert membership.come_in(token, guest.id).id == membership.come_in(token, guest.id).id

    asking = make_user("Candidat")
    request = membership.ask(tontine.id, asking.id, "Je vends au marché.")
    with refused(Why.NOT_ALLOWED):
        membership.decide(request.id, guest.id, yes=True)
    membership.decide(request.id, founder.id, yes=True)

    assert desk.member(tontine.id, asking.id).status == "active"
    assert book.broken_at(tontine.id) is None
