"""Stop buttons: felt at once by everybody, ended by time or by hand, and kept as history."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask, g
from sqlalchemy.exc import DBAPIError

from shop.db import session, transaction
from shop.switches import board, may_collect, may_pay_out
from shop.switches import service as switches
from shop.switches.models import Kind, Switch
from tests.databases import both_databases
from tests.marketplace import Clock

pytestmark = both_databases


def pause(target: str, **more: object) -> bool:
    return switches.turn_on(target, Kind.PAUSED, by_whom="awa", reason="panne", **more)


def rows() -> list[Switch]:
    session.rollback()
    return list(session.scalars(sa.select(Switch).order_by(Switch.id)))


def test_each_direction_has_its_own_button(app: Flask):
    assert pause("wave:pay_out")

    assert not may_pay_out("wave")
    assert may_collect("wave", "wave-ci")
    assert may_pay_out("mtn")


def test_a_method_alone_can_be_off(app: Flask):
    pause("feexpay-mtn-bj")

    assert not may_collect("feexpay", "feexpay-mtn-bj")
    assert may_collect("feexpay", "feexpay-moov-bj")


def test_pausing_twice_is_one_stop_with_the_later_word(app: Flask, time: Clock):
    assert pause("wave:collect")

    assert not pause("wave:collect", until=time.now() + timedelta(hours=2))

    (row,) = rows()
    assert row.until == time.now() + timedelta(hours=2)


def test_a_stop_with_an_end_ends_by_itself(app: Flask, time: Clock):
    pause("wave:collect", until=time.now() + timedelta(minutes=10))

    time.pass_(minutes=9, seconds=59)
    assert not may_collect("wave", "wave-ci")
    time.pass_(seconds=1)
    assert may_collect("wave", "wave-ci")


def test_a_stop_after_one_that_ran_out_is_a_new_one(app: Flask, time: Clock):
    pause("wave:collect", until=time.now() + timedelta(minutes=10))
    time.pass_(hours=1)

    assert pause("wave:collect")

    first, second = rows()
    assert first.ended_at == first.until
    assert second.ended_at is None
    assert second.since == time.now()


def test_resuming_says_whether_there_was_a_stop(app: Flask):
    pause("wave:collect")

    assert switches.turn_off("wave:collect", Kind.PAUSED)
    assert not switches.turn_off("wave:collect", Kind.PAUSED)
    assert may_collect("wave", "wave-ci")
    assert len(rows()) == 1


def test_a_breaker_and_a_person_do_not_end_each_others_stop(app: Flask):
    pause("wave:collect")
    switches.turn_on("wave:collect", Kind.RESTING, by_whom="breaker", reason="down")

    switches.turn_off("wave:collect", Kind.RESTING)

    assert not may_collect("wave", "wave-ci")
    assert [row.kind for row in switches.on_now()] == ["paused"]


def test_one_statement_per_request_however_many_ask(app: Flask):
    with app.test_request_context():
        first = board()
        assert board() is first
    g.pop("switches")  # the test's own context lends its `g` to requests; a server's does not
    with app.test_request_context():
        assert board() is not first


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM switch",
        "UPDATE switch SET target = 'mtn:collect'",
        "UPDATE switch SET since = '2020-01-01'",
        "INSERT INTO switch (target, kind, since, by_whom, reason)"
        " SELECT target, kind, since, by_whom, reason FROM switch",
        "INSERT INTO switch (target, kind, since, by_whom, reason)"
        " VALUES ('a', 'paused', '2026-01-01', 'awa', '')",
    ],
)
def test_raw_sql_rewrites_no_history(app: Flask, change: str):
    pause("wave:collect")

    with pytest.raises(DBAPIError), transaction():
        session.execute(sa.text(change))
