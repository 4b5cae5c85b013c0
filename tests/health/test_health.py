"""What calls came to is counted in memory, written in batches, and shown to every process."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from shop import health as health_room
from shop import jobs
from shop.db import session
from shop.health import service as health
from shop.health.models import ProviderMinute
from shop.providers.values import Observed
from shop.switches import service as switches
from shop.switches.models import Kind
from shop.switches.service import Direction
from tests.databases import both_databases
from tests.marketplace import make_order
from tests.street import Street

pytestmark = both_databases


def seen(result: str = "answered", ms: int = 100, rests_s: float | None = None) -> Observed:
    return Observed("wave", "collect", result, ms, rests_s)


def rows() -> list[tuple[str, int, int, int]]:
    session.rollback()
    query = sa.select(ProviderMinute).order_by(ProviderMinute.minute, ProviderMinute.result)
    return [(r.result, r.calls, r.total_ms, r.longest_ms) for r in session.scalars(query)]


def test_calls_of_a_minute_add_up_over_writes_and_processes(street: Street):
    here = health_room.watch(street.app, [])
    here.note(seen(ms=100))
    here.note(seen(ms=300))
    assert health.flush(now=True) == 1
    there = health_room.watch(street.app, [])
    there.note(seen(ms=50))
    there.note(seen("http_502", ms=20))

    health.flush(now=True)

    assert rows() == [("answered", 3, 450, 300), ("http_502", 1, 20, 20)]


def test_nothing_is_written_at_every_call(street: Street):
    here = health_room.watch(street.app, [])
    here.note(seen())
    assert health.flush() == 1
    here.note(seen())

    assert health.flush() == 0
    street.time.pass_(seconds=5)
    assert health.flush() == 1


def test_a_payment_leaves_its_calls_behind(street: Street):
    payment = street.sent(make_order(), "mtn-ci")
    street.approve(payment)
    street.pass_(60)
    health.flush(now=True)

    found = {
        (c.operation, c.failed) for c in health.calls_since(street.time.now() - timedelta(hours=1))
    }

    assert {("token", 0), ("collect", 0), ("collection_status", 0)} <= found


def test_a_breaker_in_a_worker_is_seen_by_every_page_until_it_closes(street: Street):
    street.world.faults.add("wave", "http_500")
    for _ in range(20):
        street.sent(make_order(), "wave-ci")
        session.rollback()

    with street.app.test_request_context():
        assert switches.board().resting("wave", Direction.COLLECT)
    assert not switches.board().resting("mtn", Direction.COLLECT)
    street.world.faults.clear()
    street.time.pass_(seconds=31)
    assert not switches.board().resting("wave", Direction.COLLECT)  # probes may come
    for _ in range(2):
        street.sent(make_order(), "wave-ci")
    assert [row.target for row in switches.on_now([Kind.RESTING])] == []


def test_verification_goes_on_at_a_low_rate_while_a_breaker_is_open(street: Street):
    paid = [street.sent(make_order(), "wave-ci") for _ in range(25)]
    street.world.faults.add("wave", "http_500")
    street.pass_(60)
    assert [row.target for row in switches.on_now([Kind.RESTING])] == ["wave:collection_status"]
    health.flush(now=True)
    before = asked(street)

    street.pass_(120)
    health.flush(now=True)

    # Two probes each half minute, where twenty-five attempts wanted to be asked about.
    assert 0 < asked(street) - before <= 2 * (120 // 30 + 1)
    assert {street.again(one).status for one in paid} == {"pending"}
    street.world.faults.clear()
    for one in paid:
        street.approve(one)
    street.pass_(600)
    assert {street.again(one).status for one in paid} == {"succeeded"}


def asked(street: Street) -> int:
    day = street.time.now() - timedelta(days=1)
    return sum(c.calls for c in health.calls_since(day) if c.operation == "collection_status")


def test_a_database_that_refuses_loses_no_count(street: Street, monkeypatch: pytest.MonkeyPatch):
    here = health_room.watch(street.app, [])
    here.note(seen(rests_s=30))

    def refuse(_batch: object) -> int:
        raise sa.exc.OperationalError("insert", {}, Exception("away"))

    with monkeypatch.context() as patch:
        patch.setattr(health, "_write", refuse)
        assert health.flush(now=True) == 0

    assert health.flush(now=True) == 2
    assert rows() == [("answered", 1, 100, 100)]


def test_old_figures_are_forgotten(street: Street):
    here = health_room.watch(street.app, [])
    here.note(seen())
    health.flush(now=True)
    street.time.pass_(days=36)

    jobs.run("watch_providers")

    assert rows() == []
