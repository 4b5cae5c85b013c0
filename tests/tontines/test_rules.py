"""What members accept: one text, one hash, and plans that nobody may be asked to accept."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.tontines import canonical, limits
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import (
    Auction,
    Circle,
    Dividend,
    Fine,
    LateStep,
    Order,
    Period,
    Promise,
    Rules,
    Visibility,
    When,
)
from tests.tontines.gounghin import F, G, auctioned, gounghin, refused


def reasons(rules: Rules) -> set[Why]:
    return {problem.why for problem in limits.problems(rules)}


def test_rules_are_read_back_as_they_were_written():
    for rules in (G, auctioned(), replace(G, version=7, retention_bp=1_000)):
        assert limits.read(rules.to_json()) == rules


def test_the_text_and_its_hash_do_not_depend_on_this_machine():
    text = G.to_json()

    assert text.startswith('{"auction":{"cap_bp":3000,"dividend":"dividend_now","min_step":500,')
    assert '"contribution":10000,"cover_floor_bp":2000,"currency":"XOF"' in text
    assert '"due_time":"20:00"' in text
    assert '"starts_on":"2026-11-21"' in text
    assert G.sha256 == gounghin().sha256
    assert len(G.sha256) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"contribution": F(10_005)},
        {"version": 2},
        {"shares": 11},
        {"recipient_pays": False},
        {"late_policy": (LateStep.PARTIAL,)},
        {"wait_days": 4},
        {"share_label": "main"},
    ],
)
def test_any_change_changes_the_hash(change):
    assert replace(G, **change).sha256 != G.sha256


def edited(**changes) -> str:
    data = {**json.loads(G.to_json()), **changes}
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"currency":"XOF"}',
        "[" * 5_000,
        G.to_json() + " ",
        json.dumps(json.loads(G.to_json())),
        G.to_json().replace('"format":1', '"format":1,"format":1'),
        edited(bonus=5),
        edited(contribution=10_000.0),
        edited(contribution="10000"),
        edited(recipient_pays=1),
        edited(shares=True),
        edited(kind="pyramide"),
        edited(late_policy="partial"),
        edited(currency="USD"),
        edited(when={}),
    ],
)
def test_any_other_text_is_refused(text):
    with refused(Why.RULES_UNREADABLE):
        limits.read(text)


def test_a_text_that_reads_but_breaks_a_limit_is_refused_too():
    with refused(Why.SHARES_OUT_OF_RANGE):
        limits.read(edited(shares=251))


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text):
    with pytest.raises(TontineRefused):
        limits.read(text)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, Why.RULES_UNREADABLE),
        ({"kind": Circle.SAVINGS}, Why.KIND_OFF),
        ({"shares": 251}, Why.SHARES_OUT_OF_RANGE),
        ({"recipients_per_round": 5}, Why.ROUNDS_NOT_WHOLE),
        ({"recipients_per_round": 0}, Why.ROUNDS_NOT_WHOLE),
        ({"recipients_per_round": 12}, Why.ROUNDS_NOT_WHOLE),
        ({"contribution": F(495), "fine": Fine(F(0))}, Why.AMOUNT_OUT_OF_RANGE),
        ({"contribution": F(500_005)}, Why.AMOUNT_OUT_OF_RANGE),
        ({"contribution": F(10_001)}, Why.AMOUNT_OUT_OF_RANGE),
        ({"currency": "XAF"}, Why.CURRENCIES_MIXED),
        ({"retention_bp": 2_001}, Why.SETTING_OUT_OF_RANGE),
        ({"fine": Fine(F(500), cap=F(2_005))}, Why.SETTING_OUT_OF_RANGE),
        ({"fine": Fine(F(500))}, Why.SETTING_OUT_OF_RANGE),
        ({"fine": Fine(F(-500), cap=F(500))}, Why.SETTING_OUT_OF_RANGE),
        ({"auction": Auction(F(500), cap_bp=4_001)}, Why.SETTING_OUT_OF_RANGE),
        ({"auction": Auction(F(500), dividend=Dividend.LOTS)}, Why.LOANS_OFF),
        ({"order": Order.AUCTION}, Why.SETTING_OUT_OF_RANGE),
        ({"when": replace(G.when, days=())}, Why.CALENDAR_INCOMPLETE),
        ({"fine": Fine(F(500), unpaid_bp=500, cap=F(500))}, Why.SETTING_OUT_OF_RANGE),
        ({"when": replace(G.when, days=(4, 4))}, Why.CALENDAR_INCOMPLETE),
        ({"when": replace(G.when, days=(7,))}, Why.CALENDAR_INCOMPLETE),
        (
            {"when": replace(G.when, period=Period.TWICE_A_WEEK, days=(4, 4))},
            Why.CALENDAR_INCOMPLETE,
        ),
        ({"when": replace(G.when, timezone="Africa/Nowhere")}, Why.SETTING_OUT_OF_RANGE),
        ({"when": replace(G.when, timezone="../../etc/passwd")}, Why.SETTING_OUT_OF_RANGE),
        ({"when": replace(G.when, starts_on=date(9999, 12, 31))}, Why.SETTING_OUT_OF_RANGE),
        ({"share_label": "part\n"}, Why.SETTING_OUT_OF_RANGE),
        ({"share_label": "\ud800"}, Why.SETTING_OUT_OF_RANGE),
        ({"share_label": "m" * 21}, Why.SETTING_OUT_OF_RANGE),
        ({"late_policy": ()}, Why.LATE_POLICY_INCOMPLETE),
        ({"late_policy": (LateStep.WAIT,)}, Why.LATE_POLICY_INCOMPLETE),
        ({"late_policy": (LateStep.PARTIAL, LateStep.PARTIAL)}, Why.LATE_POLICY_INCOMPLETE),
        ({"visibility": Visibility.PUBLIC}, Why.STRANGERS_NEED_A_DRAW),
    ],
)
def test_each_limit_has_its_reason(change, why):
    assert reasons(G) == set()
    assert reasons(replace(G, **change)) == {why}


def test_strangers_may_meet_when_the_draw_decides():
    assert reasons(replace(G, visibility=Visibility.PUBLIC, order=Order.RANDOM)) == set()


def test_a_relief_fund_alone_has_no_pot():
    alone = {"kind": Circle.SOLIDARITY, "relief": F(500)}

    assert reasons(gounghin(**alone, contribution=F(0))) == set()
    assert Why.AMOUNT_OUT_OF_RANGE in reasons(gounghin(**alone))
    assert Why.AMOUNT_OUT_OF_RANGE in reasons(gounghin(kind=Circle.SOLIDARITY, contribution=F(0)))


def test_a_promise_of_more_than_the_pot_is_refused_with_both_amounts():
    promise = Promise(received_by_rank=(F(120_000),) * 5 + (F(150_000),) + (F(120_000),) * 6)

    with refused(Why.FLOWS_DO_NOT_MATCH) as refusal:
        limits.accepted(gounghin(promise=promise))

    assert refusal.value.facts == {"rank": 6, "paid": F(120_000), "received": F(150_000)}


def test_a_promise_that_is_exactly_the_pot_is_accepted():
    assert reasons(gounghin(promise=Promise(received_by_rank=(F(120_000),) * 12))) == set()


@pytest.mark.parametrize(
    "promise",
    [
        Promise(members_to_bring=2),
        Promise(bonus_per_member_brought=F(5_000)),
        Promise(entry_fee=F(20_000)),
        Promise(received_by_rank=(F(120_000),) * 13),
        Promise(received_by_rank=(F(120_000),) * 3),
    ],
)
def test_a_plan_that_lives_on_newcomers_is_refused(promise):
    assert reasons(gounghin(promise=promise)) == {Why.DEPENDS_ON_RECRUITING}


def test_every_field_is_in_the_text():
    data = json.loads(G.to_json())

    assert set(data) == {field.name for field in fields(Rules)}
    assert set(data["when"]) == {field.name for field in fields(When)}


def test_what_has_no_one_text_is_not_written():
    with pytest.raises(AssertionError):
        canonical.write(replace(G, share_label=1.5))
