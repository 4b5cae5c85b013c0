"""The books as an OHADA accountant reads them: account numbers, opening and closing balances, a journal.

Numbers are of the revised SYSCOHADA (1 January 2018); the last digits are subdivisions of this house, which
the plan leaves to it. Which account a national authority wants for money held for others is to be
confirmed by an accountant of the country.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.db import session
from shop.ledger.chart import Account, Kind
from shop.ledger.models import LedgerAccount, Transfer
from shop.money import Money


@dataclass(frozen=True, slots=True)
class Heading:
    """One account of the plan."""

    number: str
    label: str


#: 552: electronic money on telephones. 473: operations for the account of others. 471: sundry debtors and
#: creditors. 4198: credit notes to be granted. 165: deposits received.
KINDS: Final = {
    Kind.FLOAT: Heading("5521", "Monnaie électronique - téléphone portable"),
    Kind.ESCROW: Heading("4731", "Fonds gardés pour des commandes"),
    Kind.POT: Heading("4732", "Cagnottes de tontines"),
    Kind.HOLD: Heading("4733", "Fonds réservés, en route"),
    Kind.WALLET: Heading("47121", "Portefeuilles des utilisateurs"),
    Kind.BLOCKED: Heading("47122", "Portefeuilles, montants bloqués"),
    Kind.SUSPENSE: Heading("47123", "Encaissements à identifier"),
    Kind.GUARANTEE: Heading("1652", "Cautionnements reçus"),
    Kind.DEBT: Heading("47111", "Débiteurs divers, utilisateurs"),
    Kind.CASHBACK: Heading("4198", "Avoirs à accorder, cashback"),
    Kind.INCOME: Heading("7078", "Autres produits accessoires"),
    Kind.EXPENSE: Heading("6588", "Autres charges diverses"),
}
#: Where the owner of an account says more than its kind.
OWNERS: Final = {
    (Kind.INCOME, "commission"): Heading("7072", "Commissions et courtages"),
    (Kind.EXPENSE, "provider-fees"): Heading("6318", "Autres frais bancaires, opérateurs"),
    (Kind.EXPENSE, "cashback"): Heading("6278", "Publicité, cashback accordé"),
}


def heading(account: Account) -> Heading:
    """Give the account of the plan for one of ours."""
    return OWNERS.get((account.kind, account.owner)) or KINDS[account.kind]


@dataclass(frozen=True, slots=True)
class Line:
    """One side of one transfer in the journal."""

    at: datetime
    piece: str
    """The key of the transfer: the business event that caused it."""
    event: str
    account: Account
    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """One account of the plan over a period; debits less credits where a sign is needed."""

    heading: Heading
    currency: str
    opening: Money
    debits: Money
    credits: Money

    @property
    def closing(self) -> Money:
        """Debits less credits at the end."""
        return self.opening + self.debits - self.credits


def journal(since: datetime, until: datetime) -> Iterator[Line]:
    """Give both sides of every transfer of a period, `until` excluded, in the order of the books."""
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)
    rows = session.execute(
        sa.select(
            Transfer.created_at, Transfer.key, Transfer.event, Transfer.amount, Transfer.currency,
            debit.code.label("debit"), credit.code.label("credit"),
        )
        .join(debit, debit.id == Transfer.debit_id)
        .join(credit, credit.id == Transfer.credit_id)
        .where(Transfer.created_at >= since, Transfer.created_at < until)
        .order_by(Transfer.id)
        .execution_options(yield_per=1_000)
    )  # fmt: skip
    for row in rows:
        amount, nothing = Money(row.amount, row.currency), Money(0, row.currency)
        said = (row.created_at, row.key, row.event)
        yield Line(*said, Account.from_code(row.debit), amount, nothing)
        yield Line(*said, Account.from_code(row.credit), nothing, amount)


def balance(since: datetime, until: datetime) -> list[BalanceLine]:
    """Give opening balance, movements and closing balance of every account of the plan, by currency."""
    before = _sums(Transfer.created_at < since)
    during = _sums(Transfer.created_at >= since, Transfer.created_at < until)
    lines = []
    for place in sorted(before.keys() | during.keys(), key=lambda each: (each[1], each[0].number)):
        currency = place[1]
        opened, moved = before.get(place, (0, 0)), during.get(place, (0, 0))
        opening = Money(opened[0] - opened[1], currency)
        lines.append(
            BalanceLine(place[0], currency, opening, *(Money(side, currency) for side in moved))
        )
    return lines


def _sums(*conditions: sa.ColumnElement[bool]) -> dict[tuple[Heading, str], tuple[int, int]]:
    """Add up debits and credits by account of the plan and currency."""
    sums: dict[tuple[Heading, str], tuple[int, int]] = {}
    for side, column in enumerate((Transfer.debit_id, Transfer.credit_id)):
        rows = session.execute(
            sa.select(LedgerAccount.code, sa.func.sum(Transfer.amount))
            .join(LedgerAccount, LedgerAccount.id == column)
            .where(*conditions)
            .group_by(LedgerAccount.code)
        )
        for code, total in rows:
            account = Account.from_code(code)
            place = (heading(account), account.currency)
            kept = list(sums.get(place, (0, 0)))
            kept[side] += int(total)
            sums[place] = (kept[0], kept[1])
    return sums


def totals(lines: Sequence[BalanceLine], currency: str) -> BalanceLine:
    """Add up the accounts of one currency: opening and closing are zero, both sides are the journal's."""
    mine, nothing = [line for line in lines if line.currency == currency], Money(0, currency)
    return BalanceLine(
        Heading("", "Total"),
        currency,
        sum((line.opening for line in mine), nothing),
        sum((line.debits for line in mine), nothing),
        sum((line.credits for line in mine), nothing),
    )
