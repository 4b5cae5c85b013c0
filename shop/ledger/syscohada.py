"""The books as an OHADA accountant reads them: account numbers, opening and closing balances, a journal.

Numbers are of the revised SYSCOHADA (1 January 2018); the last digits are subdivisions of this house, which
the plan leaves to it. Which account a national authority wants for money held for others is to be
confirmed by an accountant of the country.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.db import session
from shop.ledger.chart import Account, Kind
from shop.ledger.models import LedgerAccount, Transfer
from shop.money import Money, total


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
    Kind.RETENTION: Heading("47321", "Tontines, retenues sur les tours"),
    Kind.ADVANCE: Heading("47322", "Tontines, cotisations payées d’avance"),
    Kind.CAISSE: Heading("47323", "Tontines, caisses"),
    Kind.RELIEF: Heading("47324", "Tontines, caisses de secours"),
    Kind.DIVIDEND: Heading("47325", "Tontines, parts à distribuer"),
    Kind.CASH: Heading("47326", "Tontines, espèces à confirmer"),
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
    """One account over a period; an accountant's balance has no negative figures, but two sides."""

    heading: Heading
    currency: str
    opening_debit: Money
    opening_credit: Money
    debits: Money
    credits: Money
    closing_debit: Money
    closing_credit: Money


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


#: Debits and credits of one place, in minor units.
Sides = tuple[int, int]


def balance(since: datetime, until: datetime) -> list[BalanceLine]:
    """Give opening balance, movements and closing balance of every account of the plan, by currency."""
    return _lines(since, until, heading)


def plain_balance(since: datetime, until: datetime) -> list[BalanceLine]:
    """Give the same for each of our own ledger accounts."""
    return _lines(since, until, lambda account: Heading(account.code, str(account.kind)))


def _lines(
    since: datetime, until: datetime, name: Callable[[Account], Heading]
) -> list[BalanceLine]:
    before = _sums(Transfer.created_at < since)
    during = _sums(Transfer.created_at >= since, Transfer.created_at < until)
    grouped: dict[tuple[str, Heading], list[tuple[Sides, Sides]]] = {}
    for account in before.keys() | during.keys():
        place = (account.currency, name(account))
        figures = (before.get(account, (0, 0)), during.get(account, (0, 0)))
        grouped.setdefault(place, []).append(figures)
    ordered = sorted(grouped, key=lambda place: (place[0], place[1].number))
    return [_line(place[1], place[0], grouped[place]) for place in ordered]


def _line(named: Heading, currency: str, figures: Sequence[tuple[Sides, Sides]]) -> BalanceLine:
    """Add up what is behind one account: each of ours is on one side, and sides are not set off."""
    sums = [0] * 6
    for (debits, credits), moved in figures:
        opening = debits - credits
        closing = opening + moved[0] - moved[1]
        sides = (max(opening, 0), max(-opening, 0), *moved, max(closing, 0), max(-closing, 0))
        sums = [added + side for added, side in zip(sums, sides, strict=True)]
    return BalanceLine(named, currency, *(Money(amount, currency) for amount in sums))


def _sums(*conditions: sa.ColumnElement[bool]) -> dict[Account, Sides]:
    """Add up debits and credits of each ledger account."""
    sums: dict[Account, list[int]] = {}
    for side, column in enumerate((Transfer.debit_id, Transfer.credit_id)):
        rows = session.execute(
            sa.select(LedgerAccount.code, sa.func.sum(Transfer.amount))
            .join(LedgerAccount, LedgerAccount.id == column)
            .where(*conditions)
            .group_by(LedgerAccount.code)
        )
        for code, added in rows:
            sums.setdefault(Account.from_code(code), [0, 0])[side] += int(added)
    return {account: (sides[0], sides[1]) for account, sides in sums.items()}


def totals(lines: Sequence[BalanceLine], currency: str) -> BalanceLine:
    """Add up the accounts of one currency: debits are credits, in the opening, the moves, the closing."""
    mine = [line for line in lines if line.currency == currency]
    figures = [
        total([getattr(line, name) for line in mine], currency)
        for name in BalanceLine.__dataclass_fields__
        if name not in ("heading", "currency")
    ]
    return BalanceLine(Heading("", "Total"), currency, *figures)
