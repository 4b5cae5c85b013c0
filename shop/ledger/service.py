"""Posting and reading the books. Posting happens inside the caller's transaction, once per key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop import clock
from shop.db import in_transaction, insert, session
from shop.errors import InsufficientFunds
from shop.ledger.chart import DEBIT_SIDE, Account
from shop.ledger.entries import Entry, Leg
from shop.ledger.models import LedgerAccount, Snapshot, Transfer
from shop.money import Money


class KeyReused(Exception):
    """The same event key came with other accounts or another amount: a bug, never a retry."""


def post(entry: Entry) -> bool:
    """Write an event's transfers; False when they were written before (same keys, same content).

    Raises `InsufficientFunds` when a guarded account would go below zero, and nothing is written.
    """
    return post_all([entry]) == 1


def post_all(entries: Sequence[Entry]) -> int:
    """Write many events at once, by arrays; give the number that were new."""
    assert in_transaction(), "posting happens inside the caller's transaction"
    if not entries:
        return 0
    posted = _posted_keys(entries)
    new = [entry for entry in entries if not _already_posted(entry, posted)]
    legs = [leg for entry in new for leg in entry.legs]
    if not legs:
        return 0
    ids, balances = _open_and_lock({a for leg in legs for a in (leg.debit, leg.credit)})
    _check_funds(legs, balances)
    now = clock.now()
    rows = [_row(entry.event, leg, ids, now) for entry in new for leg in entry.legs]
    session.execute(sa.insert(Transfer), rows)
    return len(new)


def _posted_keys(entries: Sequence[Entry]) -> dict[str, tuple[str, str, int]]:
    keys = [leg.key for entry in entries for leg in entry.legs]
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)
    found = session.execute(
        sa.select(Transfer.key, debit.code, credit.code, Transfer.amount)
        .join(debit, debit.id == Transfer.debit_id)
        .join(credit, credit.id == Transfer.credit_id)
        .where(Transfer.key.in_(keys))
    )
    return {key: (d, c, amount) for key, d, c, amount in found}


def _already_posted(entry: Entry, posted: dict[str, tuple[str, str, int]]) -> bool:
    known = [leg for leg in entry.legs if leg.key in posted]
    for leg in known:
        if posted[leg.key] != (leg.debit.code, leg.credit.code, leg.amount.amount):
            raise KeyReused(leg.key)
    if known and len(known) != len(entry.legs):
        raise KeyReused(f"{entry.event}: part of {entry.legs[0].key} was posted")
    return bool(known)


def _open_and_lock(accounts: Iterable[Account]) -> tuple[dict[str, int], dict[str, int]]:
    """Open accounts on first use, then lock the guarded ones in code order, so nobody deadlocks.

    Gives every account's id, and the locked balances of the guarded ones, by code.
    """
    wanted = {account.code: account for account in accounts}
    found = _ids(wanted)
    missing = [wanted[code] for code in sorted(wanted) if code not in found]
    if missing:
        statement = insert(LedgerAccount).on_conflict_do_nothing(index_elements=["code"])
        session.execute(statement, [_opening(account) for account in missing])
        found = _ids(wanted)
    guarded = [found[code] for code in sorted(wanted) if wanted[code].guarded]
    return found, _locked(guarded) if guarded else {}


def _locked(ids: Sequence[int]) -> dict[str, int]:
    rows = session.execute(
        sa.select(LedgerAccount.code, LedgerAccount.balance)
        .where(LedgerAccount.id.in_(ids))
        .order_by(LedgerAccount.code)
        .with_for_update(key_share=True)
    )
    return {code: int(balance or 0) for code, balance in rows}


def _ids(wanted: Iterable[str]) -> dict[str, int]:
    rows = session.execute(
        sa.select(LedgerAccount.code, LedgerAccount.id).where(LedgerAccount.code.in_(list(wanted)))
    )
    return {row.code: row.id for row in rows}


def _opening(account: Account) -> dict[str, object]:
    return {
        "code": account.code,
        "kind": account.kind,
        "owner": account.owner,
        "currency": account.currency,
        "balance": 0 if account.guarded else None,
    }


def _check_funds(legs: Sequence[Leg], locked: Mapping[str, int]) -> None:
    """Refuse politely what the CHECK would refuse rudely: replay the legs on the locked balances."""
    balances = dict(locked)
    for leg in legs:
        if leg.credit.code in balances:
            balances[leg.credit.code] += leg.amount.amount
        if leg.debit.code in balances:
            balances[leg.debit.code] -= leg.amount.amount
            if balances[leg.debit.code] < 0:
                available = Money(locked[leg.debit.code], leg.debit.currency)
                raise InsufficientFunds(leg.debit.code, available)


def _row(event: str, leg: Leg, ids: dict[str, int], now: datetime) -> dict[str, object]:
    return {
        "key": leg.key,
        "event": event,
        "debit_id": ids[leg.debit.code],
        "credit_id": ids[leg.credit.code],
        "amount": leg.amount.amount,
        "currency": leg.amount.currency,
        "created_at": now,
    }


def first_transfer(key_prefix: str) -> Transfer | None:
    """Give the first transfer whose key begins so: the row that proves an event was posted."""
    return session.scalar(
        sa.select(Transfer)
        .where(Transfer.key.startswith(key_prefix, autoescape=True))
        .order_by(Transfer.id)
        .limit(1)
    )


def amounts_of(keys: Sequence[str]) -> dict[str, int]:
    """Give the amounts of the transfers of these keys; a key that was never posted is left out."""
    rows = session.execute(sa.select(Transfer.key, Transfer.amount).where(Transfer.key.in_(keys)))
    return {key: int(amount) for key, amount in rows}


def balance(account: Account) -> Money:
    """What the account holds, on its natural side: a float's debits, a wallet's credits."""
    row = session.execute(
        sa.select(LedgerAccount.id, LedgerAccount.balance).where(LedgerAccount.code == account.code)
    ).one_or_none()
    if row is None:
        return Money(0, account.currency)
    credits_less_debits = row.balance if row.balance is not None else _summed(row.id)
    sign = -1 if account.kind in DEBIT_SIDE else 1
    return Money(sign * credits_less_debits, account.currency)


def balances(accounts: Iterable[Account]) -> list[Money]:
    """What guarded accounts hold, those that were ever opened, read at once."""
    codes = [account.code for account in accounts if account.guarded]
    rows = session.execute(
        sa.select(LedgerAccount.balance, LedgerAccount.currency).where(
            LedgerAccount.code.in_(codes)
        )
    )
    return [Money(int(balance or 0), currency) for balance, currency in rows]


def holdings(accounts: Iterable[Account]) -> dict[str, Money]:
    """What guarded accounts hold, by code, read at once; one never opened holds nothing."""
    wanted = {account.code: account for account in accounts}
    rows = session.execute(
        sa.select(LedgerAccount.code, LedgerAccount.balance).where(LedgerAccount.code.in_(wanted))
    )
    found = {code: int(balance or 0) for code, balance in rows}
    return {code: Money(found.get(code, 0), wanted[code].currency) for code in wanted}


def _summed(account_id: int) -> int:
    """Credits less debits of a system account: its snapshot and the transfers since."""
    snapshot = session.get(Snapshot, account_id)
    since = snapshot.last_id if snapshot else 0
    moved = sa.case((Transfer.credit_id == account_id, Transfer.amount), else_=-Transfer.amount)
    total = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(moved), 0)).where(
            sa.or_(Transfer.debit_id == account_id, Transfer.credit_id == account_id),
            Transfer.id > since,
        )
    )
    return int(total or 0) + (snapshot.balance if snapshot else 0)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement of an account, with the balance after it (on the account's natural side)."""

    transfer_id: int
    key: str
    event: str
    moved: Money
    balance: Money
    at: datetime


def statement(
    account: Account, *, limit: int = 50, before_id: int | None = None
) -> list[StatementLine]:
    """List an account's movements, newest first, each with the balance it left."""
    account_id = session.scalar(
        sa.select(LedgerAccount.id).where(LedgerAccount.code == account.code)
    )
    if account_id is None:
        return []
    touching = sa.or_(Transfer.debit_id == account_id, Transfer.credit_id == account_id)
    sign = -1 if account.kind in DEBIT_SIDE else 1
    moved = sa.case((Transfer.credit_id == account_id, sign), else_=-sign) * Transfer.amount
    later = (
        sa.select(sa.func.coalesce(sa.func.sum(moved), 0))
        .where(touching, Transfer.id >= before_id)
        .scalar_subquery()
        if before_id
        else sa.literal(0)
    )
    query = sa.select(Transfer, moved.label("moved"), later.label("later")).where(touching)
    if before_id:
        query = query.where(Transfer.id < before_id)
    running = balance(account)
    lines: list[StatementLine] = []
    for transfer, amount, newer in session.execute(query.order_by(Transfer.id.desc()).limit(limit)):
        if not lines:
            running -= Money(int(newer), account.currency)
        change = Money(int(amount), account.currency)
        lines.append(
            StatementLine(
                transfer.id, transfer.key, transfer.event, change, running, transfer.created_at
            )
        )
        running -= change
    return lines
