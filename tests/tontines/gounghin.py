"""The tontine of TONTINE §7, fixture G, and a small book that follows every line to its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shop.money import Money
from shop.tontines.calendar import rounds
from shop.tontines.lines import CAISSE, Kind, Line, caution, moved, pot, retenue
from shop.tontines.money_in import Due, DueKind
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rotation import Turns
from shop.tontines.rules import (
    Auction,
    Circle,
    Dividend,
    Fine,
    LateStep,
    Order,
    Period,
    Rules,
    When,
)
from shop.tontines.waterfall import Missing, Recipient, Round, Settlement, settle

CODES = tuple(f"P{n:02}" for n in range(1, 13))
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def F(amount: int) -> Money:  # noqa: N802 - reads as the amount on a page
    return Money(amount, "XOF")


def gounghin(**changes) -> Rules:
    """Twelve shares of 10 000 a week, fine 500 per started week with a cap of 2 000."""
    settings = {
        "contribution": F(10_000),
        "shares": 12,
        "when": When(date(2026, 11, 21), Period.WEEKLY, (4,), timezone="Africa/Ouagadougou"),
        "fine": Fine(F(500), cap=F(2_000)),
        "auction": Auction(F(500)),
        "currency": "XOF",
        "min_partial": F(500),
        "relief": F(0),
        "guarantee_contributions": 0,
        "order": Order.FIXED,
    }
    return Rules(**{**settings, **changes})


def auctioned(dividend: Dividend = Dividend.NOW, *, sealed: bool = True) -> Rules:
    return gounghin(
        kind=Circle.AUCTION, order=Order.AUCTION, auction=Auction(F(500), sealed, 3_000, dividend)
    )


G = gounghin()
PARTIAL = (LateStep.PARTIAL,)
FRIDAYS = rounds(G.when, 12)


def turns(order=CODES, holders=None, served=0) -> Turns:
    """The circle with one member per share, after so many rounds."""
    first = dict(zip(order[:served], range(1, served + 1), strict=True))
    return Turns(tuple(order), holders or {code: f"m-{code}" for code in order}, first)


def missing(share: str, amount=10_000, *, guarantee=0, retention=0, **more) -> Missing:
    return Missing(share, F(amount), F(guarantee), F(retention), **more)


def round_(
    index=4, *, collected=120_000, recipient="P04", late=(), own=0, caisse=0, days=1, **more
) -> Round:
    """One round whose grace has just ended, `days` days after it was due."""
    dated = FRIDAYS[index - 1]
    recipients = more.pop("recipients", None) or (Recipient(recipient, F(own)),)
    return Round(
        index=index,
        collected=F(collected),
        recipients=recipients,
        missing=tuple(late),
        caisse=F(caisse),
        grace_until=dated.grace_until,
        now=dated.due_at + timedelta(days=days),
        **more,
    )


def due(share: str, index=1, kind=DueKind.CONTRIBUTION, amount=10_000, paid=0, late=False) -> Due:
    return Due(share, index, kind, F(amount), F(paid), late)


def refused(why: Why):
    """Expect this refusal and no other."""
    return pytest.raises(TontineRefused, match=rf"^{why}\b")


class Book:
    """Every place of the circle and what it holds; a place of the group never goes below zero."""

    def __init__(self, **places: int) -> None:
        self.places = Counter({name.replace("__", ":"): held for name, held in places.items()})

    def post(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.places.update(moved([line]))
            ours = not line.source.startswith(("payer", "wallet", "garant"))
            assert self.places[line.source] >= 0 or not ours, f"{line} overdraws"

    def __getitem__(self, place: str) -> int:
        return self.places[place]

    @property
    def total(self) -> int:
        return sum(self.places.values())


def opened(round_: Round) -> Book:
    """The group's places as a round finds them before it is settled."""
    book = Book()
    book.places[pot(round_.index)] = round_.collected.amount
    book.places[CAISSE] = round_.caisse.amount
    for each in round_.missing:
        book.places[caution(each.share)] = each.guarantee.amount
        book.places[retenue(each.share)] = each.retention.amount
    return book


def settled(round_: Round, rules: Rules = G) -> tuple[Settlement, Book]:
    """Settle a round and follow its lines."""
    book = opened(round_)
    before = book.total
    result = settle(round_, rules)
    book.post(result.lines)
    assert book.total == before
    return result, book


def of_kind(lines: Iterable[Line], kind: Kind) -> list[int]:
    return [line.amount.amount for line in lines if line.kind is kind]


def with_policy(*steps: LateStep, **changes) -> Rules:
    return replace(G, late_policy=steps, **changes)
