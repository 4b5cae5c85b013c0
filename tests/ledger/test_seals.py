"""Seals: a changed byte anywhere in a sealed transfer is named, and snapshots never drift."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from shop import clock
from shop.db import db, session, transaction
from shop.ledger import audit, chart
from shop.ledger.audit import merkle_root
from shop.ledger.models import Block, Leaf, Snapshot, Transfer
from tests.ledger.books import FLOAT, fund, post, rules, seal


@pytest.fixture
def unlocked(app):
    """Four sealed transfers in two blocks, on a database whose triggers an intruder has dropped."""
    for n in range(2):
        fund(1, 1_000 + n)
    seal()
    for n in range(2):
        fund(2, 2_000 + n)
    seal()
    with db.engine.begin() as connection:
        for trigger in _triggers(connection):
            connection.execute(sa.text(trigger))
    return db.engine


def _triggers(connection: sa.Connection) -> list[str]:
    if connection.dialect.name == "sqlite":
        names = connection.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        return [f"DROP TRIGGER {name}" for name in names]
    tables = ("transfer", "ledger_block", "ledger_account", "ledger_leaf")
    return [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]


def test_untouched_books_are_whole(unlocked):
    """The control: dropping triggers alone changes nothing."""
    assert audit.check() == []


CHANGES = {
    "amount": "amount + 1",
    "key": "key || '.'",
    "event": "'tesu'",
    "debit_id": "CASE WHEN credit_id = 2 THEN 3 ELSE 2 END",
    "credit_id": "5 - credit_id",
    "currency": "'XAF'",
    "id": "id + 1000",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_named(unlocked, column: str):
    named = []
    for transfer_id in (1, 2, 3, 4):
        change = f"UPDATE transfer SET {column} = {CHANGES[column]} WHERE id = {transfer_id}"
        session.rollback()
        session.execute(sa.text(change))
        named += [finding.detail for finding in audit.check() if finding.rule == "seal_rows"]
    session.rollback()

    assert named == [f"transfer {number} was altered" for number in (1, 2, 3, 4)]


def test_a_changed_moment_is_named(unlocked):
    with transaction():
        moment = session.get_one(Transfer, 3).created_at
        session.execute(
            sa.update(Transfer)
            .where(Transfer.id == 3)
            .values(created_at=moment + timedelta(microseconds=1))
        )

    assert rules(audit.check()) == {"seal_rows"}


def test_a_sign_moved_from_one_column_to_the_next_is_named(app):
    """Seen in review: facts joined by a sign that may stand in them can be shifted unnoticed."""
    numbers = {"id": 1, "debit_id": 1, "credit_id": 2, "amount": 5, "currency": "XOF"}
    facts = {**numbers, "event": "b|c", "created_at": clock.now()}
    one = Transfer(key="a", **facts)
    other = Transfer(key="a|b", **{**facts, "event": "c"})

    assert audit.row_hash(one) != audit.row_hash(other)


def test_a_deleted_row_is_named(unlocked):
    with unlocked.begin() as connection:
        connection.execute(sa.text("DELETE FROM transfer WHERE id = 1"))

    assert "transfer 1 was altered" in {finding.detail for finding in audit.check()}


def test_a_changed_hash_is_named(unlocked):
    with unlocked.begin() as connection:
        connection.execute(sa.text("UPDATE ledger_leaf SET hash = 'f' WHERE transfer_id = 3"))

    assert "transfer 3 was altered" in {finding.detail for finding in audit.check()}


def test_without_hashes_the_run_is_named(unlocked):
    """Blocks from before hashes were kept: the seal still tells, only less exactly."""
    with unlocked.begin() as connection:
        connection.execute(sa.text("DELETE FROM ledger_leaf"))
    assert audit.check() == []
    session.rollback()

    with unlocked.begin() as connection:
        connection.execute(sa.text("UPDATE transfer SET amount = amount + 1 WHERE id = 2"))

    assert "transfers 1..2 were altered" in {finding.detail for finding in audit.check()}


@pytest.mark.parametrize("column", ["root", "hash"])
def test_a_changed_block_is_named(unlocked, column: str):
    with unlocked.begin() as connection:
        connection.execute(sa.text(f"UPDATE ledger_block SET {column} = 'f' WHERE height = 1"))

    assert rules(audit.check()) & {"seal_rows", "seal_chain"}


def test_a_block_resealed_by_an_intruder_breaks_the_chain(unlocked):
    """The careful intruder changes a row, its hash, its block's root and hash: the next block tells."""
    with transaction():
        session.execute(sa.update(Transfer).where(Transfer.id == 1).values(key="forged"))
        rows = session.scalars(sa.select(Transfer).where(Transfer.id <= 2).order_by(Transfer.id))
        hashes = [audit.row_hash(row) for row in rows]
        session.execute(sa.update(Leaf).where(Leaf.transfer_id == 1).values(hash=hashes[0]))
        root = merkle_root(hashes)
        sealed = audit.chained(audit.GENESIS, root, 1, 2)
        session.execute(sa.update(Block).where(Block.height == 1).values(root=root, hash=sealed))

    assert audit.Finding("seal_chain", "block 2 was altered") in audit.check()


def test_sealing_nothing_makes_no_block(app):
    fund(1, 5)
    assert seal() == 1

    assert seal() == 0


def test_snapshots_follow_the_seals(app):
    for n in range(1, 5):
        fund(n, n * 100)
        seal()
    post(chart.wallet(4, "XOF"), FLOAT, 30)

    kept = session.scalars(sa.select(Snapshot)).one()

    assert (kept.balance, kept.last_id) == (-1_000, 4)
    assert audit.trial_totals() == {"XOF": 0}
    assert audit.check() == []


@given(
    st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, max_size=12),
    st.data(),
)
def test_a_root_depends_on_every_leaf_and_its_place(leaves, data):
    place = data.draw(st.integers(0, len(leaves) - 1))
    changed = list(leaves)
    changed[place] = "z" + changed[place][1:]

    assert merkle_root(changed) != merkle_root(leaves)
    assert merkle_root([*leaves, "z" * 64]) != merkle_root(leaves)
