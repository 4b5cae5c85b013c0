"""One alert per episode, told once to staff; silence is noticed, answered by asking more, and ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from shop import jobs
from shop.alerts import service as alerts
from shop.alerts import wording
from shop.alerts.models import Alert, AlertKind
from shop.alerts.rules import Reading
from shop.db import session, transaction
from shop.notices.gsm7 import PART, plain
from shop.notices.models import Notice
from shop.payments import service as payments
from shop.providers.reasons import Reason
from shop.switches import service as switches
from shop.switches.models import Kind
from tests.databases import both_databases
from tests.marketplace import make_order, make_product, make_user
from tests.payments.test_offering import record
from tests.street import Street

pytestmark = both_databases


@pytest.fixture
def staff(street: Street):
    people = [make_user(name) for name in ("Fatou", "Issa", "Léa")]
    with transaction():
        for person, role in zip(people, ("admin", "finance", "support"), strict=True):
            session.merge(person).role = role


def open_ones() -> list[tuple[str, str]]:
    session.rollback()
    return [(alert.kind, alert.subject) for alert in alerts.open_alerts()]


def told() -> list[str]:
    session.rollback()
    query = sa.select(Notice.text).where(Notice.kind == "staff_alert").order_by(Notice.id)
    return list(session.scalars(query))


def test_a_falling_success_rate_is_told_once_and_ends(street: Street, staff):
    record(street, "mtn-ci", *[None] * 17, *[Reason.OPERATOR_DOWN] * 3)

    assert jobs.run("watch_providers") == 1
    assert jobs.run("watch_providers") == 0

    assert open_ones() == [("success", "mtn-ci")]
    assert len(told()) == 2  # admin and finance; support cannot act on it
    assert "mtn-ci : 17 paiements aboutis sur 20, moins de 95 %." in told()[0]
    street.time.pass_(hours=25)
    assert jobs.run("watch_providers") == 1
    assert open_ones() == []
    assert len(told()) == 2


def test_nineteen_failures_are_not_yet_a_rate(street: Street, staff):
    record(street, "mtn-ci", *[Reason.OPERATOR_DOWN] * 19)

    assert jobs.run("watch_providers") == 0


def test_the_payers_own_refusals_alarm_nobody(street: Street, staff):
    record(street, "mtn-ci", *[Reason.DECLINED] * 25)

    assert jobs.run("watch_providers") == 0


def test_a_breaker_that_opens_again_is_one_episode(street: Street, staff):
    """Half open for a moment between two rests: the provider did not come back."""
    for _again in range(4):
        until = street.time.now() + timedelta(seconds=30)
        switches.turn_on("wave:collect", Kind.RESTING, by_whom="breaker", reason="x", until=until)
        jobs.run("watch_providers")
        street.time.pass_(seconds=60)
        jobs.run("watch_providers")

    assert open_ones() == [("breaker", "wave:collect")]
    assert len(told()) == 2
    street.time.pass_(minutes=5)
    jobs.run("watch_providers")
    assert open_ones() == []


def paid_without_a_word(street: Street, count: int, *, silent: bool = True) -> None:
    street.world.faults.clear()
    if silent:
        street.world.faults.add("wave", "no_webhook")
    product = make_product(stock=count)
    for _ in range(count):
        payment = street.sent(make_order((product, 1)), "wave-ci")
        assert street.approve(payment)
        street.pass_(40)
        assert street.again(payment).status == "succeeded"
    street.time.pass_(seconds=120)


def test_silence_speeds_up_polling_raises_one_alert_and_ends(street: Street, staff):
    paid_without_a_word(street, 20)
    jobs.run("watch_providers")
    jobs.run("watch_providers")

    assert open_ones() == [("silence", "wave")]
    assert len(told()) == 2
    assert switches.board().silent("wave")
    assert waits(street) == [5, 5, 7.5, 15, 30]

    paid_without_a_word(street, 16, silent=False)
    jobs.run("watch_providers")

    assert open_ones() == []
    assert not switches.board().silent("wave")
    street.time.pass_(seconds=31)
    assert waits(street) == [5, 15, 30, 60, 120]


def waits(street: Street) -> list[float]:
    """Say how long an attempt waits before each of its first questions."""
    payment = street.sent(make_order(), "wave-ci")
    found = []
    for checks in range(1, 6):
        payment.checks = checks
        found.append(payments._wait_s(payment, None))
    session.rollback()
    return found


def test_an_attempt_nobody_knows_the_end_of_is_told_after_a_quarter_of_an_hour(
    street: Street, staff
):
    street.world.faults.add("mtn", "silence")
    payment = street.sent(make_order(), "mtn-ci")
    street.time.pass_(minutes=14)
    assert jobs.run("watch_providers") == 0
    street.time.pass_(minutes=2)

    jobs.run("watch_providers")

    assert open_ones() == [("stuck", "mtn")]
    assert street.again(payment).status == "unknown"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", AlertKind)
def test_what_staff_read_fits_one_message(street: Street, kind: AlertKind, language: str):
    facts = {
        "successes": 100, "ended": 100, "percent": 95, "announced": 20, "verified": 20,
        "attempts": 99_999,
    }  # fmt: skip
    reading = Reading(kind, "cinetpay-africell-cd", wrong=True, right=False, facts=facts)

    text = plain(wording.sentence(reading, language=language))

    assert "cinetpay-africell-cd" in text
    assert len(text) <= PART


def test_what_opened_an_episode_is_never_rewritten(street: Street):
    record(street, "mtn-ci", *[Reason.OPERATOR_DOWN] * 20)
    jobs.run("watch_providers")
    (alert,) = session.scalars(sa.select(Alert)).all()
    assert alert.facts == {"successes": 0, "ended": 20, "percent": 95}

    with pytest.raises(sa.exc.DBAPIError), transaction():
        session.execute(sa.text("DELETE FROM alert"))
