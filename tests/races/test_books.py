"""The books under concurrent hands: no account below zero, no row behind a seal, no lost deadlock."""

from __future__ import annotations

import time as wall
from itertools import count

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop.db import retrying, session, transaction
from shop.errors import InsufficientFunds
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.ledger.models import Block, LedgerAccount, Transfer
from tests.ledger.books import FLOAT, entry, fund, post, seal
from tests.races.together import (
    ROUNDS,
    goes_wrong,
    never_goes_wrong,
    on_postgresql,
    sql,
    together,
    unlocked,
)

pytestmark = on_postgresql

_users = count(100)


class Spending:
    """Three debits of 700 from a wallet of 1,000 at one instant: one is paid, two are told."""

    def __init__(self, app):
        self.app = app

    def __call__(self) -> str | None:
        wallet = fund(next(_users), 1_000)
        spend = [entry(wallet, FLOAT, 700) for _ in range(3)]

        def pay(one):
            with transaction():
                return ledger.post(one)

        results = together(self.app, *[lambda e=e: pay(e) for e in spend])

        told = sum(isinstance(result, InsufficientFunds) for result in results)
        left = ledger.balance(wallet).amount
        return None if (told, left) == (2, 300) else f"{told} told, {left} left: {results}"


def test_a_wallet_is_not_spent_twice(app):
    never_goes_wrong(Spending(app))

    assert audit.check() == []


def test_a_wallet_without_lock_and_check_is_spent_twice(app, monkeypatch):
    unlocked(monkeypatch)
    sql("ALTER TABLE ledger_account DROP CONSTRAINT ck_ledger_account_balance_not_negative")
    goes_wrong(Spending(app))


class Posting:
    """Twice the same event at one instant: written once, whoever wins."""

    def __init__(self, app):
        self.app = app

    def __call__(self) -> str | None:
        user = next(_users)
        wallet, key = chart.wallet(user, "XOF"), f"receipt:{user}"

        together(self.app, *[lambda: post(FLOAT, wallet, 500, key=key)] * 3)

        held = ledger.balance(wallet).amount
        return None if held == 500 else f"the wallet holds {held}"


def test_one_event_is_written_once(app):
    never_goes_wrong(Posting(app))


def test_one_event_without_its_key_is_written_twice(app):
    sql("ALTER TABLE transfer DROP CONSTRAINT uq_transfer_key")
    goes_wrong(Posting(app))


class Sealing:
    """Slow postings while blocks are sealed: no row appears below a seal."""

    def __init__(self, app):
        self.app = app

    def slow(self, seconds: float) -> None:
        with transaction():
            ledger.post(entry(FLOAT, chart.wallet(next(_users), "XOF"), 5))
            wall.sleep(seconds)

    def sealing(self) -> None:
        for _ in range(4):
            wall.sleep(0.003)
            seal()

    def __call__(self) -> str | None:
        slow = [lambda s=s: self.slow(s) for s in (0.02, 0.0, 0.008)]
        together(self.app, *slow, self.sealing)

        while seal():
            pass
        sealed = session.scalar(sa.select(sa.func.sum(Block.count)))
        written = session.scalar(sa.select(sa.func.count(Transfer.id)))
        session.rollback()
        return None if sealed == written else f"{sealed} of {written} are sealed"


def test_no_row_slips_behind_a_seal(app):
    never_goes_wrong(Sealing(app), rounds=max(ROUNDS // 2, 20))

    assert audit.check() == []


def test_rows_slip_behind_a_seal_without_the_books_lock(app):
    sql("ALTER TABLE transfer DISABLE TRIGGER transfer_shares_the_books")
    goes_wrong(Sealing(app))


def crossing(app, wrap) -> list[object]:
    """Two units lock two rows in opposite order: PostgreSQL ends one of them as a deadlock."""
    for name in ("1", "2"):
        fund(int(name), 100)
    ids = list(session.scalars(sa.select(LedgerAccount.id).where(LedgerAccount.kind == "wallet")))

    @wrap
    def unit(order):
        with transaction():
            for account_id in order:
                query = sa.select(LedgerAccount.id).where(LedgerAccount.id == account_id)
                session.execute(query.with_for_update())
                wall.sleep(0.1)
        return "done"

    return together(app, lambda: unit(ids), lambda: unit(ids[::-1]))


def test_a_deadlock_is_tried_again(app):
    assert crossing(app, retrying) == ["done", "done"]


def test_a_deadlock_without_retrying_is_lost(app):
    lost = [result for result in crossing(app, lambda unit: unit) if result != "done"]

    assert len(lost) == 1
    assert isinstance(lost[0], DBAPIError)
    assert lost[0].orig.sqlstate == "40P01"


@pytest.mark.parametrize("accounts", [2, 3])
def test_opposite_postings_do_not_deadlock(app, accounts: int):
    """Accounts are locked in code order, whatever way money flows."""
    users = [next(_users) for _ in range(accounts)]
    wallets = [fund(user, 10_000) for user in users]
    ring = list(zip(wallets, wallets[1:] + wallets[:1], strict=True))

    def go(a, b):
        return [post(a, b, 1) for _ in range(20)]

    results = together(app, *[lambda p=p: go(*p) for p in ring + [(b, a) for a, b in ring]])

    assert all(result == [True] * 20 for result in results), results
    assert audit.check() == []
