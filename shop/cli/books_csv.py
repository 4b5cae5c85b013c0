"""The books as a spreadsheet: a balance that adds up, and the journal behind it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime

from shop.ledger import syscohada
from shop.ledger.chart import Account
from shop.money import Money


def balance(since: datetime, until: datetime, *, numbers: bool) -> Iterator[str]:
    """Give opening balance, movements and closing balance, account by account, then the totals."""
    yield _row(["account", "label", "currency", *_SIDES])
    lines = syscohada.balance(since, until) if numbers else syscohada.plain_balance(since, until)
    for line in lines:
        yield _row([line.heading.number, line.heading.label, line.currency, *_amounts(line)])
    for currency in sorted({line.currency for line in lines}):
        total = syscohada.totals(lines, currency)
        yield _row(["", "Total", currency, *_amounts(total)])


_SIDES = (
    "opening_debit", "opening_credit", "debits", "credits", "closing_debit", "closing_credit",
)  # fmt: skip


def _amounts(line: syscohada.BalanceLine) -> list[str]:
    sides = (line.opening_debit, line.opening_credit, line.debits, line.credits)
    return [money.to_wire() for money in (*sides, line.closing_debit, line.closing_credit)]


def journal(since: datetime, until: datetime, *, numbers: bool) -> Iterator[str]:
    """Give both sides of every transfer, in the order of the books."""
    yield _row(
        ["date", "piece", "event", "account", "label", "auxiliary", "debit", "credit", "currency"]
    )
    for line in syscohada.journal(since, until):
        yield _row(
            [
                *(line.at.isoformat(timespec="seconds"), line.piece, line.event),
                *_named(line.account, numbers=numbers),
                *(line.account.owner, _side(line.debit), _side(line.credit), line.account.currency),
            ]
        )


def _named(account: Account, *, numbers: bool) -> tuple[str, str]:
    heading = syscohada.heading(account)
    return (heading.number, heading.label) if numbers else (account.code, str(account.kind))


def _side(money: Money) -> str:
    return money.to_wire() if money else ""


def _row(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";", lineterminator="").writerow(cells)
    return buffer.getvalue()
