"""Each rule of `flask ledger check` notices what it is there for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shop import clock, references
from shop.db import session, transaction
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.ledger.entries import Entry, Leg
from shop.money import Money
from shop.payouts import checks
from shop.payouts.models import Payout, PayoutEvent
from shop.payouts.states import Evidence
from shop.providers.values import Outcome, Status
from tests.payouts.test_road import settle
from tests.street import Street

XOF_5000 = Money(5_000, "XOF")


def moved(source: Account, target: Account, key: str = "") -> None:
    leg = Leg(key or f"test:{references.new()}", source, target, Money(1_000, "XOF"))
    ledger.post(Entry("test", (leg,)))


def hold_is_touched(payout: Payout) -> None:
    moved(chart.hold(payout.reference, "XOF"), chart.wallet(payout.user_id, "XOF"))


def hold_of_nobody(payout: Payout) -> None:
    moved(chart.wallet(payout.user_id, "XOF"), chart.hold("ZZZZZZZZ", "XOF"))


def returned_while_under_way(payout: Payout) -> None:
    ledger.post(entries.payout_failed(payout.reference, payout.user_id, payout.money))


def history_says_otherwise(payout: Payout) -> None:
    session.add(PayoutEvent(payout_id=payout.id, at=clock.now(), source="test", new="review"))


def forgotten(payout: Payout) -> None:
    payout.next_check_at = None


def returned_too_early(payout: Payout) -> None:
    session.add(
        PayoutEvent(
            payout_id=payout.id,
            at=clock.now(),
            source="test",
            evidence=Evidence.ABSENT,
            asked_at=payout.sent_at,
        )
    )


def ended_without_a_word(payout: Payout) -> None:
    payout.status, payout.transaction_ref = "succeeded", "T1"
    payout.settled_at = clock.now()


BROKEN: dict[Callable[[Payout], None], set[str]] = {
    hold_is_touched: {"hold_is_in_flight"},
    hold_of_nobody: {"hold_has_payout"},
    returned_while_under_way: {"hold_is_in_flight", "posted_or_returned"},
    history_says_otherwise: {"payout_history_replays"},
    forgotten: {"underway_is_due"},
    returned_too_early: {"absent_late_enough"},
    ended_without_a_word: {
        "hold_is_in_flight",
        "posted_or_returned",
        "payout_history_replays",
        "end_has_evidence",
    },
}


@pytest.fixture
def payout(street: Street) -> Payout:
    payout = street.withdraw(street.fund(Money(8_000, "XOF")), XOF_5000)
    assert list(checks.check()) == []
    session.rollback()
    return payout


@pytest.mark.parametrize("break_", BROKEN, ids=lambda one: one.__name__)
def test_the_rule_notices(payout: Payout, break_: Callable[[Payout], None]):
    with transaction():
        break_(payout)

    assert {finding.rule for finding in checks.check()} == BROKEN[break_]


def test_late_money_that_is_not_in_the_books_is_noticed(payout: Payout):
    settle(payout, Outcome(Status.FAILED, words="no"))
    with transaction():
        session.get_one(Payout, payout.id).late_ref = "T1"

    assert [finding.rule for finding in checks.check()] == ["late_is_posted"]
