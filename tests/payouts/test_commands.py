"""`flask payouts`: what operators see, and what they may change."""

from __future__ import annotations

import json

import pytest

from shop.db import session
from shop.ledger import chart
from shop.money import Money
from shop.payouts.models import Payout
from shop.providers.values import Outcome, Status
from shop.references import spaced
from tests.payouts.test_road import gone, settle
from tests.street import Street

AMOUNT, HELD = Money(5_000, "XOF"), Money(8_000, "XOF")


@pytest.fixture
def flask(street: Street):
    runner = street.app.test_cli_runner()

    def run(*words: str):
        session.remove()
        return runner.invoke(args=["payouts", *words])

    return run


@pytest.fixture
def sent(street: Street) -> Payout:
    return street.withdraw(street.fund(HELD), AMOUNT)


def test_payouts_are_listed_and_shown(flask, sent):
    reference = sent.reference
    listed = flask("list", "--json", "--status", "pending")
    shown = flask("show", spaced(reference).lower(), "--json")

    assert [row["reference"] for row in json.loads(listed.stdout)] == [spaced(reference)]
    (row,) = json.loads(shown.stdout)
    assert [event["to"] for event in row["events"]] == ["requested", "sending", "pending"]
    assert flask("list", "--json", "--status", "failed").stdout.strip() == "[]"


def test_nothing_found_is_exit_3(flask):
    assert flask("show", "PX7K-4M2Q", "--json").exit_code == 3


def test_verify_asks_now(flask, street, sent):
    street.time.pass_(seconds=20)
    street.world.advance()

    answer = flask("verify", sent.reference, "--json")

    assert json.loads(answer.stdout)[0]["state"] == "succeeded"


def test_cancel_returns_what_was_not_sent(flask, street):
    payout = street.request(street.fund(HELD), AMOUNT)
    words = ("cancel", payout.reference, "--reason", "asked by phone")
    owner = payout.user_id

    planned = flask(*words, "--dry-run", "--json")
    unasked = flask(*words)
    done = flask(*words, "--yes", "--json")
    again = flask(*words, "--yes")

    assert json.loads(planned.stdout)[0]["state"] == "requested"
    assert (planned.exit_code, unasked.exit_code, done.exit_code, again.exit_code) == (0, 4, 0, 5)
    assert json.loads(done.stdout)[0]["state"] == "cancelled"
    assert street.balance(chart.wallet(owner, "XOF")) == HELD


def test_retry_makes_a_new_payout(flask, street, sent):
    reference, number = sent.reference, sent.id
    early = flask("retry", reference, "--reason", "now", "--yes")
    settle(street.payout(session.get_one(Payout, number)), Outcome(Status.FAILED, words="limit"))

    done = flask("retry", reference, "--reason", "limit raised", "--yes", "--json")

    assert (early.exit_code, done.exit_code) == (5, 0)
    (row,) = json.loads(done.stdout)
    assert row["reference"] != spaced(reference)
    assert row["state"] == "requested"


def test_resolve_needs_two_people(flask, street, sent):
    reference = sent.reference
    settle(sent, gone(contradiction="reference"))
    words = ("resolve", reference, "--failed", "--reason", "not in the portal", "--yes", "--json")

    first, same = flask(*words, "--as", "Awa"), flask(*words, "--as", "Awa")
    second = flask(*words, "--as", "Koffi")
    after = flask(*words, "--as", "Koffi")

    assert json.loads(first.stdout)[0]["state"] == "review"
    assert json.loads(second.stdout)[0]["state"] == "failed"
    assert [r.exit_code for r in (first, same, second, after)] == [0, 4, 0, 5]


def test_a_success_by_people_names_the_transaction(flask, sent):
    settle(sent, gone(contradiction="reference"))

    answer = flask("resolve", sent.reference, "--succeeded", "--reason", "seen", "--as", "Awa")

    assert answer.exit_code == 2


def test_the_ledger_check_knows_payouts(flask, street, sent):
    session.remove()
    runner = street.app.test_cli_runner()

    assert runner.invoke(args=["ledger", "check"]).exit_code == 0
