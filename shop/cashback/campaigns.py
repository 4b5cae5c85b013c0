"""The campaigns of `campaigns.toml`: which sale earns how much, for how long."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

from shop.money import Money


@dataclass(frozen=True, slots=True)
class Campaign:
    """One row of the file."""

    name: str
    live: bool
    since: date
    until: date
    basis_points: int
    most: Money
    valid: timedelta

    def earned(self, items: Money) -> Money:
        """Say what a sale of these articles earns: rounded down, up to the most."""
        return min(items.share(self.basis_points), self.most)


def running(currency: str, day: date, *, live: bool) -> Campaign | None:
    """Give the campaign of a currency on a day; None where none runs."""
    for one in _table():
        if (one.most.currency, one.live) == (currency, live) and one.since <= day < one.until:
            return one
    return None


@cache
def _table() -> tuple[Campaign, ...]:
    text = resources.files(__package__).joinpath("campaigns.toml").read_text(encoding="utf-8")
    modes = {"live": True, "sandbox": False}
    rows = tuple(
        Campaign(
            name=row["name"],
            live=modes[row["mode"]],
            since=row["since"],
            until=row["until"],
            basis_points=row["basis_points"],
            most=Money(row["most"] * 10 ** Money(0, row["currency"]).exponent, row["currency"]),
            valid=timedelta(days=row["valid_days"]),
        )
        for row in tomllib.loads(text)["campaign"]
    )
    for row in rows:
        assert row.since < row.until, f"{row.name}: a campaign begins before it ends"
        assert 0 < row.basis_points <= 10_000, f"{row.name}: at most what was paid"
        assert Money(0, row.most.currency) < row.most, f"{row.name}: something can be earned"
        assert row.valid > timedelta(0), f"{row.name}: there is time to spend it"
    return rows
