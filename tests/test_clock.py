"""One clock: it can be turned, it follows the database, and it comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shop import clock

THEN = datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC)


def fail_in_a_turned_clock() -> None:
    with clock.turned_by(lambda: THEN, lambda: 5.0):
        assert clock.now() == THEN
        assert clock.monotonic() == 5.0
        raise ValueError("on purpose")


def test_a_turned_clock_comes_back_even_after_a_failure():
    with pytest.raises(ValueError, match="on purpose"):
        fail_in_a_turned_clock()

    assert clock.now() != THEN
    assert clock.now().tzinfo is UTC


def test_it_follows_the_database():
    with clock.turned_by(lambda: THEN, lambda: 0.0):
        clock.follow(THEN + timedelta(hours=1))

        assert clock.now() == THEN + timedelta(hours=1)
        assert clock.after(60) == THEN + timedelta(hours=1, seconds=60)

    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_turns_nest():
    with clock.turned_by(lambda: THEN, lambda: 0.0):
        with clock.turned_by(lambda: THEN + timedelta(days=1), lambda: 1.0):
            assert clock.now().month == 3
        assert clock.now() == THEN
