"""Everything the dashboard of a shop says about money, read in a few statements, never added together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.accounts import service as accounts
from shop.earnings import charts, figures, service, wording
from shop.earnings.charts import Bar
from shop.earnings.figures import Attempts, Coming, Day, Sales
from shop.earnings.planning import Plan
from shop.earnings.windows import Window
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.stores.models import Store


@dataclass(frozen=True, slots=True)
class Board:
    """The figures of one window and of this moment."""

    window: Window
    sales: Sales
    before: Sales
    held: Money
    available: Money
    next: Plan
    when: str
    calendar: Sequence[Coming]
    attempts: Sequence[Attempts]
    disputed: int
    """Orders of the window about which the buyer reported a problem."""

    @property
    def bars(self) -> list[tuple[Day, Bar]]:
        """The net sales of each day with their bar."""
        days = self.sales.days
        return list(zip(days, charts.bars([day.net.amount for day in days]), strict=True))


def of(store: Store, window: Window) -> Board:
    """Read the dashboard of a shop, in as many statements for a million orders as for none."""
    now, before = figures.sales(store, window, window.before)
    terms = service.terms_of(store)
    owner_id = accounts.owner_id(store.owner_id)
    return Board(
        window=window,
        sales=now,
        before=before,
        held=figures.held(store),
        available=ledger.balance(chart.wallet(owner_id, store.currency)),
        next=service.plan_for(store, terms),
        when=wording.when_next(terms, store.currency),
        calendar=figures.calendar(store),
        attempts=figures.attempts(store, window),
        disputed=figures.disputed(store, window),
    )
