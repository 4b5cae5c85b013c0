"""Relief, signatures and the share-out of savings: TONTINE T31, T37, T38, T39; and the words."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shop.tontines import officers, refusals, wording
from shop.tontines.lines import moved
from shop.tontines.officers import Bureau, Officer, frozen_until, is_complete, is_silent
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.relief import offered, paid
from shop.tontines.savings import share_out
from tests.tontines.gounghin import NOON, F, refused

BUREAU = Bureau(
    {Officer.PRESIDENT: "aminata", Officer.TREASURER: "salif", Officer.AUDITOR: "rokia"}
)


def sign(bureau, signed, member, *, recipients, now):
    return officers.sign(bureau, signed, member, recipients=recipients, asked_at=now, now=now)


def test_t31_the_relief_fund_gives_what_it_has_and_no_more():
    fund = F(500) * 12 * 6

    death = paid(fund, F(30_000), "P03")
    left = fund - death[0].amount

    assert (fund, left) == (F(36_000), F(6_000))
    assert moved(death) == {"secours": -30_000, "wallet:P03": 30_000}
    assert offered(left, F(25_000)) == F(6_000)
    assert paid(F(0), F(25_000), "P03") == ()


def test_t37_nobody_signs_for_their_own_money():
    mine = {"aminata"}

    with refused(Why.SIGNER_IS_RECIPIENT):
        sign(BUREAU, (), "aminata", recipients=mine, now=NOON)
    with refused(Why.SIGNER_NOT_OFFICER):
        sign(BUREAU, (), "fanta", recipients=mine, now=NOON)
    one = sign(BUREAU, (), "salif", recipients=mine, now=NOON)
    assert not is_complete(BUREAU, one, recipients=mine)
    assert sign(BUREAU, one, "salif", recipients=mine, now=NOON) == one
    assert is_complete(
        BUREAU, sign(BUREAU, one, "rokia", recipients=mine, now=NOON), recipients=mine
    )


def test_one_person_with_two_offices_is_one_signature():
    both = Bureau({Officer.PRESIDENT: "aminata", Officer.TREASURER: "aminata"})

    signed = sign(both, (), "aminata", recipients=(), now=NOON)

    assert not is_complete(both, signed, recipients=())
    third = replace(both, third="fanta")
    assert is_complete(third, sign(third, signed, "fanta", recipients=(), now=NOON), recipients=())


def test_signatures_come_within_a_day():
    def late(by):
        return officers.sign(
            BUREAU, (), "salif", recipients=(), asked_at=NOON, now=NOON + timedelta(hours=24) + by
        )

    assert late(timedelta(0)) == ("salif",)
    with refused(Why.SIGNATURES_EXPIRED):
        late(timedelta(seconds=1))


def test_a_deputy_signs_only_for_an_officer_who_is_silent():
    deputed = replace(BUREAU, deputies={Officer.TREASURER: "fanta"})

    with refused(Why.SIGNER_NOT_OFFICER):
        sign(deputed, (), "fanta", recipients=(), now=NOON)
    assert not is_silent(asked_at=NOON, now=NOON + timedelta(days=6))
    assert is_silent(asked_at=NOON, now=NOON + timedelta(days=7))
    silent = replace(deputed, silent=frozenset({Officer.TREASURER}))
    assert sign(silent, (), "fanta", recipients=(), now=NOON) == ("fanta",)


def test_t38_no_money_leaves_for_three_days_after_a_change_of_officer():
    monday = datetime(2026, 11, 23, 10, tzinfo=UTC)
    changed = replace(BUREAU, changed_at=monday)

    with refused(Why.OFFICERS_JUST_CHANGED):
        sign(changed, (), "salif", recipients=(), now=monday + timedelta(days=1))
    assert frozen_until(changed) == datetime(2026, 11, 26, 10, tzinfo=UTC)
    assert sign(changed, (), "salif", recipients=(), now=monday + timedelta(days=3)) == ("salif",)


def test_t39_savings_are_shared_by_what_was_bought():
    year = share_out(F(600_000 + 54_000 + 6_000), 600)

    assert year.value == F(1_100)
    assert year.of(40, F(12_000)) == F(32_000)
    other = share_out(F(655_000), 600)
    assert (other.value, other.value * 600, other.carried) == (F(1_091), F(654_600), F(400))


PLACES = re.compile(r"%\((\w+)\)s")
ROOM = Path(refusals.__file__).parent


def raised() -> list[tuple[str, set[str], str]]:
    """Every refusal raised in the room, with the facts it gives."""
    found = []
    for path in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "TontineRefused":
                why = node.args[0]
                assert isinstance(why, ast.Attribute)
                facts = {str(each.arg) for each in node.keywords}
                found.append((why.attr, facts, f"{path.name}:{node.lineno}"))
    return found


def test_each_reason_has_its_sentence_and_is_used():
    assert set(wording.SENTENCES) == set(Why)
    assert {why for why, _facts, _place in raised()} == {why.name for why in Why}


def test_each_refusal_gives_the_facts_of_its_sentence(app):
    with app.test_request_context():
        places = {why.name: set(PLACES.findall(str(s))) for why, s in wording.SENTENCES.items()}
    wrong = [place for why, facts, place in raised() if not places[why] <= facts]

    assert wrong == []


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("fr", "Il reste 60\u00a0000\u00a0FCFA à verser."), ("en", "60,000\u00a0FCFA still to pay.")],
)
def test_a_refusal_is_worded_in_both_languages(app, language, sentence):
    refusal = TontineRefused(Why.REMAINDER_DUE, amount=F(60_000))

    with app.test_request_context(f"/?lang={language}"):
        assert wording.sentence(refusal) == sentence
    assert refusal.code == "remainder_due"
