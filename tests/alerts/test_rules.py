"""The thresholds at their edges: a small sample opens nothing, and nothing flutters in between."""

from __future__ import annotations

import pytest

from shop.alerts import rules


@pytest.mark.parametrize(
    ("successes", "ended", "wrong", "right"),
    [
        (0, 19, False, False),  # the sample is too small to be wrong, and to be right again
        (19, 19, False, False),
        (18, 20, True, False),  # 90 %
        (19, 20, False, False),  # exactly 95 % is not below it
        (94, 100, True, False),
        (95, 100, False, False),
        (97, 100, False, False),  # exactly 97 % is not above it
        (98, 100, False, True),
        (20, 20, False, True),
        (0, 0, False, True),
    ],
)
def test_success(successes: int, ended: int, wrong: bool, right: bool):
    reading = rules.success("mtn-ci", successes=successes, ended=ended, percent=95)

    assert (reading.wrong, reading.right) == (wrong, right)


@pytest.mark.parametrize(
    ("announced", "verified", "wrong", "right"),
    [
        (0, 19, False, False),
        (9, 20, True, False),
        (10, 20, False, False),
        (14, 20, False, False),
        (15, 20, False, True),
        (0, 0, False, True),
    ],
)
def test_silence(announced: int, verified: int, wrong: bool, right: bool):
    reading = rules.silence("wave", announced=announced, verified=verified)

    assert (reading.wrong, reading.right) == (wrong, right)
