"""Ceilings: the limit less one and the limit itself pass, one more does not; rows are dated."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from shop.money import Money
from shop.phone import COUNTRIES, CURRENCIES
from shop.wallets import limits
from shop.wallets.limits import Bound, Ceilings, Moved
from shop.wallets.models import Identity
from tests.wallets.owners import francs

DAY = date(2026, 11, 21)
NARROW = Ceilings(francs(1_000), francs(2_000), francs(5_000))


@pytest.mark.parametrize(
    ("moved", "left", "bound"),
    [
        (Moved(francs(0), francs(0)), 1_000, Bound.OPERATION),
        (Moved(francs(1_500), francs(1_500)), 500, Bound.DAILY),
        (Moved(francs(0), francs(4_800)), 200, Bound.MONTHLY),
        (Moved(francs(2_500), francs(6_000)), 0, Bound.MONTHLY),
    ],
)
def test_the_limit_passes_and_one_more_does_not(moved: Moved, left: int, bound: Bound):
    if left > 1:
        assert limits.exceeded(francs(left - 1), NARROW, moved) is None
    if left:
        assert limits.exceeded(francs(left), NARROW, moved) is None

    found = limits.exceeded(francs(left + 1), NARROW, moved)

    assert found is not None
    assert (found.bound, found.left) == (bound, francs(left))


def test_every_country_and_level_has_a_row_with_its_source():
    for country in COUNTRIES:
        for level in Identity:
            row = limits.of(country, level, DAY)
            assert row.held.currency == CURRENCIES[country]
            assert row.top_up.operation <= row.held
            assert row.source.endswith(".")


def test_who_is_better_known_may_more():
    for country in COUNTRIES:
        basic, known = (limits.of(country, level, DAY) for level in Identity)
        assert basic.held < known.held
        assert basic.top_up.monthly < known.top_up.monthly
        assert basic.withdrawal.monthly < known.withdrawal.monthly


def test_a_later_row_counts_from_its_day_on(monkeypatch: pytest.MonkeyPatch):
    old = limits.of("CI", Identity.BASIC, DAY)
    new = replace(old, since=date(2027, 1, 1), held=Money(1, "XOF"))
    monkeypatch.setattr(limits, "_limits", lambda: (new, old))

    assert limits.of("CI", Identity.BASIC, date(2026, 12, 31)) is old
    assert limits.of("CI", Identity.BASIC, date(2027, 1, 1)) is new


def test_live_wallets_are_closed_everywhere_and_the_sandbox_is_open():
    for country in COUNTRIES:
        assert not limits.top_up_rule(country, DAY, live=True).open
        assert limits.top_up_rule(country, DAY, live=False).open
