"""What a seller narrows the list of sales by: read from the address, so that it can be kept and shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import sqlalchemy as sa

from shop.orders.models import SellerOrder
from shop.orders.states import EDGES, Actor, Escrow, Stage, Tab
from shop.orders.talk_models import Dispute
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus, Purpose
from shop.providers import methods

#: Stages at whose end the buyer's code is taken: what a cashier sees.
TO_HAND_OVER: Final = frozenset(
    stage for stage, edges in EDGES.items() if Actor.SELLER in edges.get(Stage.HANDED_OVER, ())
)
#: Where the money of a paid order may be.
MONEY: Final = (Escrow.HELD, Escrow.RELEASED, Escrow.REFUNDED, Escrow.SPLIT)


@dataclass(frozen=True, slots=True)
class Filters:
    """Everything the list is narrowed by; nothing narrows nothing."""

    tab: Tab | None = None
    query: str = ""
    since: date | None = None
    until: date | None = None
    operator: str = ""
    money: Escrow | None = None
    problem: bool = False
    """Only those about which the buyer reported a problem, settled or not."""
    only_to_hand_over: bool = False
    """Not in the address: who looks decides it."""

    @property
    def address(self) -> dict[str, str]:
        """The filters as an address says them, the empty ones left out."""
        said = {
            "tab": self.tab, "q": self.query, "from": self.since, "to": self.until,
            "op": self.operator, "pay": self.money, "problem": "1" if self.problem else "",
        }  # fmt: skip
        return {name: str(value) for name, value in said.items() if value}

    def with_tab(self, tab: Tab | None) -> dict[str, str]:
        """The address of the same filters under another tab."""
        return replace(self, tab=tab).address

    @property
    def narrows(self) -> bool:
        """Say whether anything but the tab narrows the list."""
        return bool(self.with_tab(None))

    def conditions(self) -> Sequence[sa.ColumnElement[bool]]:
        """Write what has no index of its own; the tab and the words are `sales`' own."""
        found: list[sa.ColumnElement[bool]] = []
        if self.since is not None:
            found.append(SellerOrder.paid_at >= _midnight(self.since))
        if self.until is not None:
            found.append(SellerOrder.paid_at < _midnight(self.until + timedelta(days=1)))
        if self.money is not None:
            found.append(SellerOrder.escrow == self.money)
        if self.operator:
            found.append(_paid_by(self.operator))
        if self.problem:
            found.append(sa.exists().where(Dispute.seller_order_id == SellerOrder.id))
        if self.only_to_hand_over:
            found.append(SellerOrder.stage.in_(sorted(TO_HAND_OVER)))
        return found


def read(args: Mapping[str, str]) -> Filters:
    """Read the filters of an address; anything strange narrows nothing."""
    tab, money = args.get("tab", ""), args.get("pay", "")
    since, until = _day(args.get("from", "")), _day(args.get("to", ""))
    operator = args.get("op", "")
    return Filters(
        tab=Tab(tab) if tab in set(Tab) else None,
        query=args.get("q", "").strip()[:80],
        since=since,
        until=until if until is None or since is None or until >= since else None,
        operator=operator if operator in operators() else "",
        money=Escrow(money) if money in set(MONEY) else None,
        problem=args.get("problem") == "1",
    )


def operators() -> dict[str, str]:
    """Name the operators that buyers may have paid by, with their labels."""
    labels = {row.operator: row.label for row in reversed(methods.rows())}
    return {name: labels[name] for name in sorted(labels)}


def _paid_by(operator: str) -> sa.ColumnElement[bool]:
    codes = [row.code for row in methods.rows() if row.operator == operator]
    return sa.exists().where(
        Payment.purpose == Purpose.ORDER,
        Payment.purpose_id == SellerOrder.order_id,
        Payment.status == PaymentStatus.SUCCEEDED,
        Payment.method.in_(codes),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if date(2020, 1, 1) <= day < date(9000, 1, 1) else None
