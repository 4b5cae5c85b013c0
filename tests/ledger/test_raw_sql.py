"""Whoever reaches the database with raw SQL still cannot change the books, on either database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop.db import session
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.money import Money
from tests.databases import connect
from tests.ledger.books import fund, post, rules, seal

#: Attacks in one statement. Wallet 1 holds 5,000 from transfers 1 (3,000) and 2 (2,000).
ATTACKS = {
    "update an amount": "UPDATE transfer SET amount = 9000 WHERE id = 1",
    "update a key": "UPDATE transfer SET key = 'free' WHERE id = 1",
    "turn a transfer round": "UPDATE transfer SET debit_id = credit_id, credit_id = debit_id",
    "delete a transfer": "DELETE FROM transfer WHERE id = 1",
    "delete everything": "DELETE FROM transfer",
    "post a key twice": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT key, event, debit_id, credit_id, amount, currency, created_at FROM transfer"
    ),
    "post nothing": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'k', event, debit_id, credit_id, 0, currency, created_at FROM transfer WHERE id = 1"
    ),
    "post a negative amount": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'k', event, debit_id, credit_id, -5, currency, created_at FROM transfer WHERE id = 1"
    ),
    "post to oneself": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'k', event, credit_id, credit_id, 5, currency, created_at FROM transfer WHERE id = 1"
    ),
    "post in another currency": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'k', event, debit_id, credit_id, 5, 'XAF', created_at FROM transfer WHERE id = 1"
    ),
    "post between currencies": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'k', event, debit_id, (SELECT id FROM ledger_account WHERE currency = 'XAF' LIMIT 1),"
        " 5, currency, created_at FROM transfer WHERE id = 1"
    ),
    "post from nowhere": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'k', event, 999, credit_id, 5, currency, created_at FROM transfer WHERE id = 1"
    ),
    "post below the first row, where no seal looks": (
        "INSERT INTO transfer (id, key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT -1, 'k', event, debit_id, credit_id, 5, currency, created_at FROM transfer WHERE id = 1"
    ),
    "spend more than the wallet holds": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'k', event, credit_id, debit_id, 5001, currency, created_at FROM transfer WHERE id = 1"
    ),
    "raise a balance": "UPDATE ledger_account SET balance = balance + 1 WHERE code = 'wallet:1:XOF'",
    "make a balance negative": "UPDATE ledger_account SET balance = -1 WHERE code = 'wallet:1:XOF'",
    "count an old transfer again": (
        "UPDATE ledger_account SET balance = balance + 3000, last_transfer_id = 1"
        " WHERE code = 'wallet:1:XOF'"
    ),
    "forget the last transfer, to count it again": (
        "UPDATE ledger_account SET last_transfer_id = NULL WHERE code = 'wallet:1:XOF'"
    ),
    "point at another transfer": (
        "UPDATE ledger_account SET last_transfer_id = 1 WHERE code = 'wallet:1:XOF'"
    ),
    "give a float a kept balance": (
        "UPDATE ledger_account SET balance = 5 WHERE code = 'float:wave:XOF'"
    ),
    "free a wallet of its balance": (
        "UPDATE ledger_account SET balance = NULL WHERE code = 'wallet:1:XOF'"
    ),
    "give a wallet to another": (
        "UPDATE ledger_account SET owner = '2', code = 'wallet:2:XOF' WHERE code = 'wallet:1:XOF'"
    ),
    "change an account's kind": "UPDATE ledger_account SET kind = 'pot' WHERE code = 'wallet:1:XOF'",
    "change an account's currency": (
        "UPDATE ledger_account SET currency = 'XAF' WHERE code = 'wallet:1:XOF'"
    ),
    "delete an account": "DELETE FROM ledger_account WHERE code = 'wallet:9:XAF'",
    "open an account with money": (
        "INSERT INTO ledger_account (code, kind, owner, currency, balance)"
        " VALUES ('wallet:7:XOF', 'wallet', '7', 'XOF', 100)"
    ),
    "open an account with a past": (
        "INSERT INTO ledger_account (code, kind, owner, currency, balance, last_transfer_id)"
        " VALUES ('wallet:7:XOF', 'wallet', '7', 'XOF', 0, 1)"
    ),
    "open an unguarded wallet": (
        "INSERT INTO ledger_account (code, kind, owner, currency, balance)"
        " VALUES ('wallet:7:XOF', 'wallet', '7', 'XOF', NULL)"
    ),
    "open an account under a false code": (
        "INSERT INTO ledger_account (code, kind, owner, currency, balance)"
        " VALUES ('wallet:8:XOF', 'wallet', '7', 'XOF', 0)"
    ),
    "alter a block": "UPDATE ledger_block SET root = hash",
    "delete a block": "DELETE FROM ledger_block",
}

ON_SQLITE = {
    "replace a transfer by its id": (
        "INSERT OR REPLACE INTO transfer SELECT id, key, event, debit_id, credit_id, 9, currency,"
        " created_at FROM transfer WHERE id = 1"
    ),
    "replace a transfer by its key": (
        "INSERT OR REPLACE INTO transfer SELECT NULL, key, event, debit_id, credit_id, 9, currency,"
        " created_at FROM transfer WHERE id = 1"
    ),
    "replace a wallet by its id": (
        "INSERT OR REPLACE INTO ledger_account SELECT id, code, kind, owner, currency, 0, NULL"
        " FROM ledger_account WHERE code = 'wallet:1:XOF'"
    ),
    "replace a wallet by its code": (
        "INSERT OR REPLACE INTO ledger_account SELECT NULL, code, kind, owner, currency, 0, NULL"
        " FROM ledger_account WHERE code = 'wallet:9:XAF'"
    ),
    "replace a block by its height": (
        "INSERT OR REPLACE INTO ledger_block SELECT height, first_id, last_id, count, hash, root,"
        " sealed_at FROM ledger_block"
    ),
    "replace a block by its end": (
        "INSERT OR REPLACE INTO ledger_block SELECT 99, first_id, last_id, count, hash, root,"
        " sealed_at FROM ledger_block"
    ),
    "replace a block by its hash": (
        "INSERT OR REPLACE INTO ledger_block SELECT 99, first_id, 99, count, root, hash,"
        " sealed_at FROM ledger_block"
    ),
    "overdraw while ignoring the check": (
        "INSERT OR IGNORE INTO transfer SELECT NULL, 'k', event, credit_id, debit_id, 5001, currency,"
        " created_at FROM transfer WHERE id = 1"
    ),
    "overdraw while replacing": (
        "INSERT OR REPLACE INTO transfer SELECT NULL, 'k', event, credit_id, debit_id, 5001, currency,"
        " created_at FROM transfer WHERE id = 1"
    ),
    "update while ignoring": "UPDATE OR IGNORE ledger_account SET balance = 9999 WHERE balance > 0",
}

ON_POSTGRESQL = {
    "truncate the transfers": "TRUNCATE transfer",
    "truncate the accounts": "TRUNCATE ledger_account CASCADE",
    "truncate the blocks": "TRUNCATE ledger_block",
    "upsert a transfer": (
        "INSERT INTO transfer SELECT * FROM transfer WHERE id = 1"
        " ON CONFLICT (id) DO UPDATE SET amount = 9"
    ),
    "upsert an account": (
        "INSERT INTO ledger_account (code, kind, owner, currency, balance)"
        " VALUES ('wallet:1:XOF', 'wallet', '1', 'XOF', 0)"
        " ON CONFLICT (code) DO UPDATE SET balance = 1000000"
    ),
    "merge into an account": (
        "MERGE INTO ledger_account a USING (SELECT 1) s ON a.code = 'wallet:1:XOF'"
        " WHEN MATCHED THEN UPDATE SET balance = 1000000"
    ),
}


@pytest.fixture
def raw(app, database_url):
    """A stranger's connection to books that hold 5,000 in wallet 1, sealed."""
    fund(1, 3_000)
    fund(1, 2_000)
    post(chart.float_at("mtn", "XAF"), chart.wallet(9, "XAF"), 700)
    seal()
    session.remove()
    engine = connect(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def taken(raw: sa.Connection, attacks: dict[str, str]) -> list[str]:
    """Try every attack; name those that were taken or that changed anything. All fail: one database."""
    successes = []
    before = _everything(raw)
    for name, statement in attacks.items():
        try:
            raw.execute(sa.text(statement))
        except DBAPIError:
            if _everything(raw) == before:
                continue
        successes.append(name)
    return successes


def _everything(raw: sa.Connection) -> list[list[tuple[object, ...]]]:
    tables = ("transfer", "ledger_account", "ledger_block", "ledger_snapshot")
    return [
        [tuple(row) for row in raw.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1"))]
        for table in tables
    ]


def test_raw_sql_cannot(raw):
    assert taken(raw, ATTACKS) == []
    assert ledger.balance(chart.wallet(1, "XOF")) == Money(5_000, "XOF")
    assert audit.check() == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_cannot(raw):
    assert taken(raw, ON_SQLITE) == []


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_postgresql_cannot(raw):
    assert taken(raw, ON_POSTGRESQL) == []


def test_no_guarded_kind_goes_below_zero(raw):
    overdrafts = {}
    for kind in ("wallet", "escrow", "hold", "pot", "guarantee"):
        opening = (
            "INSERT INTO ledger_account (code, kind, owner, currency, balance)"
            f" VALUES ('{kind}:5:XOF', '{kind}', '5', 'XOF', 0)"
        )
        raw.execute(sa.text(opening))
        overdrafts[kind] = (
            "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
            f" SELECT 'k', 'e', (SELECT id FROM ledger_account WHERE code = '{kind}:5:XOF'), debit_id,"
            " 1, currency, created_at FROM transfer WHERE id = 1"
        )

    assert taken(raw, overdrafts) == []


def test_an_honest_raw_transfer_moves_the_balance(raw):
    """The control of all of the above: the same statement with money behind it is taken."""
    raw.execute(
        sa.text(
            "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
            " SELECT 'k', event, credit_id, debit_id, 5000, currency, created_at FROM transfer"
            " WHERE id = 1"
        )
    )

    assert ledger.balance(chart.wallet(1, "XOF")) == Money(0, "XOF")
    assert audit.check() == []


def test_a_false_snapshot_is_named(raw):
    raw.execute(sa.text("UPDATE ledger_snapshot SET balance = balance + 1"))

    assert rules(audit.check()) == {"snapshot"}


def test_a_false_block_is_named(raw):
    seal_of_nothing = (
        "INSERT INTO ledger_block SELECT 2, first_id, last_id + 1, count, 'r', 'h', sealed_at"
        " FROM ledger_block"
    )
    raw.execute(sa.text(seal_of_nothing))

    assert rules(audit.check()) == {"seal_rows"}
