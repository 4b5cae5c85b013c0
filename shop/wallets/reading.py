"""Reading a wallet: its balances, and each movement with the evidence behind it. The ledger knows it all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from shop.accounts import service as accounts
from shop.db import session
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.service import StatementLine
from shop.money import EXPONENTS, Money
from shop.payments.models import Payment, Receipt
from shop.payouts import reading as payouts

#: Movements read at once for a download.
CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Purse:
    """One currency of a wallet. What is available and what is on its way are never added together."""

    available: Money
    on_its_way: Money

    @property
    def currency(self) -> str:
        """The currency of both."""
        return self.available.currency


def purses(user_id: int) -> list[Purse]:
    """Give every currency in which we ever owed this user something, the fullest first."""
    owed = ledger.balances(chart.wallet(user_id, currency) for currency in EXPONENTS)
    leaving = payouts.in_flight(accounts.identities(user_id))
    found = [Purse(money, leaving.get(money.currency, Money(0, money.currency))) for money in owed]
    return sorted(found, key=lambda purse: (-purse.available.amount, purse.currency))


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a wallet's statement, and the public reference of what caused it."""

    line: StatementLine
    payment: str | None = None
    """Reference of the payment whose money this is."""
    payout: str | None = None
    """Reference of the payout that took it, or brought it back."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Some movements, newest first, and where the next page begins."""

    movements: Sequence[Movement]
    next_id: int | None


def statement(
    user_id: int, currency: str, *, before_id: int | None = None, limit: int = 20
) -> Statement:
    """List a wallet's movements, each with the balance it left and what caused it."""
    lines = ledger.statement(chart.wallet(user_id, currency), limit=limit + 1, before_id=before_id)
    shown = lines[:limit]
    payments = _payments_of(shown)
    return Statement(
        [_movement(line, payments) for line in shown],
        shown[-1].transfer_id if len(lines) > limit else None,
    )


def whole_statement(user_id: int, currency: str) -> Iterator[Movement]:
    """Give every movement, newest first, in chunks that a small server can hold."""
    before_id: int | None = None
    while True:
        page = statement(user_id, currency, before_id=before_id, limit=CHUNK)
        yield from page.movements
        if page.next_id is None:
            return
        before_id = page.next_id


def _movement(line: StatementLine, payments: Mapping[int, str]) -> Movement:
    kind, _colon, rest = line.key.partition(":")
    subject = rest.partition(":")[0]
    if kind == "receipt":
        return Movement(line, payment=payments.get(int(subject)))
    if kind.startswith("payout-"):
        return Movement(line, payout=subject)
    return Movement(line)


def _payments_of(lines: Collection[StatementLine]) -> dict[int, str]:
    """Say which payment brought each receipt these lines name: {receipt id: payment reference}."""
    ids = {int(line.key.split(":")[1]) for line in lines if line.key.startswith("receipt:")}
    if not ids:
        return {}
    rows = session.execute(
        sa.select(Receipt.id, Payment.reference)
        .join(Payment, Payment.id == Receipt.payment_id)
        .where(Receipt.id.in_(ids))
    )
    return dict(iter(rows))
