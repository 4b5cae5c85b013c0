"""Transactions: one at a time, whole or not at all, and run again when the database asks for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from shop import boundary
from shop.accounts.models import User
from shop.db import end_read, follow_database_clock, in_transaction, retrying, session, transaction
from tests.databases import both_databases
from tests.marketplace import make_user, new_phone

pytestmark = both_databases


def users() -> int:
    session.rollback()
    return session.scalar(sa.select(sa.func.count(User.id)))


def a_user() -> User:
    now = datetime.now(UTC)
    return User(phone=new_phone(), country="CI", name="Awa", created_at=now, verified_at=now)


def test_a_transaction_does_not_nest(app):
    with transaction(), pytest.raises(AssertionError, match="nest"), transaction():
        pass
    assert not in_transaction()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_ends_it_with_nothing_written(app, error):
    def fail() -> None:
        with transaction():
            session.add(a_user())
            session.flush()
            raise error

    with pytest.raises(error):
        fail()

    assert not boundary.in_transaction()
    assert users() == 0


def test_changes_made_before_it_are_a_bug(app):
    session.add(a_user())

    with pytest.raises(AssertionError, match="outside"), transaction():
        pass
    session.rollback()


def test_reading_ends_only_outside(app):
    with transaction(), pytest.raises(AssertionError):
        end_read()


class Asked(Exception):
    """What a driver raises; PostgreSQL's code is in `sqlstate`."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def failing(times: int, sqlstate: str):
    """A unit that writes one user, then fails so many times."""
    runs = []

    @retrying
    def unit() -> str:
        runs.append(1)
        with transaction():
            session.add(a_user())
            session.flush()
            if len(runs) <= times:
                raise OperationalError("x", {}, Asked(sqlstate))
        return "done"

    return unit, runs


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_unit_runs_again_when_asked_to(app, sqlstate: str, times: int):
    unit, runs = failing(times, sqlstate)

    assert unit() == "done"

    assert len(runs) == times + 1
    assert users() == 1


@pytest.mark.parametrize(("times", "sqlstate", "tries"), [(4, "40001", 4), (1, "23505", 1)])
def test_a_unit_does_not_run_for_ever_nor_for_anything(app, times, sqlstate, tries):
    unit, runs = failing(times, sqlstate)

    with pytest.raises(OperationalError):
        unit()

    assert len(runs) == tries
    assert users() == 0


def test_moments_come_back_in_utc(app):
    user = make_user()
    abroad = datetime(2026, 11, 21, 14, 0, tzinfo=timezone(timedelta(hours=3)))
    with transaction():
        session.get_one(User, user.id).verified_at = abroad

    session.expire_all()
    kept = session.get_one(User, user.id).verified_at

    assert kept == abroad
    assert kept.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(app):
    user = make_user()

    def write() -> None:
        with transaction():
            session.get_one(User, user.id).verified_at = datetime(2026, 11, 21)

    with pytest.raises((AssertionError, sa.exc.StatementError)):
        write()


def test_following_the_database_leaves_no_transaction_open(app, time):
    follow_database_clock()

    assert not session().in_transaction()
