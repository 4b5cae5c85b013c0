"""Whoever reaches the database with raw SQL still releases no escrow and takes no step, on either one."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop.db import session
from shop.ledger import audit
from shop.orders import checks
from shop.orders.states import Stage
from tests.databases import connect
from tests.orders.paid import make_part

EVENT = "INSERT INTO seller_order_event (seller_order_id, at, actor, old, new, what, words) "
LEAVE = (
    "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
    " SELECT 'free', 'free', credit_id, debit_id, amount, currency, created_at FROM transfer"
    " WHERE key LIKE 'paid:%' ORDER BY id DESC LIMIT 1"
)
ENDED = (
    "closed_at = due_at, released_amount = total_amount - commission_amount,"
    " kept_amount = commission_amount"
)

#: Attacks on order 1 (handed over) and order 2 (sent, its escrow held).
ATTACKS = {
    "jump to paid": f"UPDATE seller_order SET stage = 'confirmed', escrow = 'released', {ENDED} WHERE id = 2",
    "release without a step": f"UPDATE seller_order SET escrow = 'released', {ENDED} WHERE id = 2",
    "take a stage without a step": "UPDATE seller_order SET stage = 'asked' WHERE id = 2",
    "reopen": "UPDATE seller_order SET stage = 'sent', escrow = 'held' WHERE id = 1",
    "refund what was released": (
        "UPDATE seller_order SET stage = 'cancelled', escrow = 'refunded', released_amount = 0,"
        " kept_amount = 0, refunded_amount = total_amount WHERE id = 1"
    ),
    "share more than was held": "UPDATE seller_order SET released_amount = released_amount + 1 WHERE id = 1",
    "share before the end": "UPDATE seller_order SET refunded_amount = 1 WHERE id = 2",
    "a negative part": (
        "UPDATE seller_order SET refunded_amount = -1, released_amount = released_amount + 1 WHERE id = 1"
    ),
    "take money out of escrow": LEAVE,
    "change the price": "UPDATE seller_order SET total_amount = 1, items_amount = 1 WHERE id = 2",
    "change the commission": "UPDATE seller_order SET commission_amount = 0 WHERE id = 2",
    "give the sale to another shop": "UPDATE seller_order SET store_id = 1 WHERE id = 2",
    "promise later": "UPDATE seller_order SET promised_hours = 9999 WHERE id = 2",
    "unpay": "UPDATE seller_order SET status = 'cancelled', paid_at = NULL WHERE id = 2",
    "take tries back": "UPDATE seller_order SET code_tries = 2 WHERE id = 2",
    "try a sixth time": "UPDATE seller_order SET code_tries = 6 WHERE id = 2",
    "delete an order": "DELETE FROM seller_order WHERE id = 2",
    "change history": "UPDATE seller_order_event SET actor = 'buyer'",
    "delete history": "DELETE FROM seller_order_event",
    "confirm as the seller": (
        EVENT
        + "SELECT 2, at, 'seller', 'sent', 'confirmed', 'x', '' FROM seller_order_event WHERE id = 1"
    ),
    "confirm from another stage": (
        EVENT
        + "SELECT 2, at, 'buyer', 'ready', 'confirmed', 'x', '' FROM seller_order_event WHERE id = 1"
    ),
    "half a step": (
        EVENT
        + "SELECT 2, at, 'buyer', NULL, 'confirmed', 'x', '' FROM seller_order_event WHERE id = 1"
    ),
    "begin paid": (
        "INSERT INTO seller_order (reference, order_id, store_id, currency, items_amount, delivery_amount,"
        " total_amount, commission_bp, commission_amount, status, created_at, stage, escrow)"
        " SELECT 'ZZZZZZZZ', order_id, 1, currency, items_amount, delivery_amount, total_amount,"
        " commission_bp, commission_amount, 'paid', created_at, 'sent', 'held' FROM seller_order"
        " WHERE id = 2"
    ),
}
ON_SQLITE = {
    "replace an event": (
        "INSERT OR REPLACE INTO seller_order_event SELECT id, seller_order_id, at, 'buyer', user_id, old,"
        " new, what, words FROM seller_order_event WHERE id = 1"
    ),
    "replace an order": "INSERT OR REPLACE INTO seller_order SELECT * FROM seller_order WHERE id = 2",
}


@pytest.fixture
def raw(app, time, database_url):
    """A stranger's connection to one order that ended and one on its way."""
    ended, sent = make_part(Stage.HANDED_OVER), make_part(Stage.SENT)
    assert (ended.id, sent.id) == (1, 2)
    session.execute(sa.text("UPDATE seller_order SET code_tries = 3 WHERE id = 2"))
    session.commit()
    session.remove()
    engine = connect(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _everything(raw: sa.Connection) -> list[list[tuple[object, ...]]]:
    tables = ("seller_order", "seller_order_event", "transfer", "ledger_account")
    return [
        [tuple(row) for row in raw.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1"))]
        for table in tables
    ]


def taken(raw: sa.Connection, attacks: dict[str, str]) -> list[str]:
    """Try every attack; name those that were taken or changed anything."""
    before, successes = _everything(raw), []
    for name, statement in attacks.items():
        try:
            raw.execute(sa.text(statement))
        except DBAPIError:
            if _everything(raw) == before:
                continue
        successes.append(name)
    return successes


def test_raw_sql_cannot(raw):
    assert taken(raw, ATTACKS) == []
    assert [*audit.check(), *checks.check()] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_cannot(raw):
    assert taken(raw, ON_SQLITE) == []


def test_a_step_without_its_money_is_refused(raw):
    """The step is written, as the buyer may; the escrow still does not close while it is full."""
    raw.execute(
        sa.text(
            EVENT
            + "SELECT 2, at, 'buyer', 'sent', 'confirmed', 'x', '' FROM seller_order_event WHERE id = 1"
        )
    )

    with pytest.raises(DBAPIError):
        raw.execute(sa.text(ATTACKS["jump to paid"]))

    assert {f.rule for f in checks.check()} == {"steps_replay"}, "and the books' check names it"


def test_the_whole_step_is_taken(raw):
    """The control: step, money and row together, in this order, pass every trigger."""
    raw.execute(
        sa.text(
            EVENT
            + "SELECT 2, at, 'buyer', 'sent', 'confirmed', 'x', '' FROM seller_order_event WHERE id = 1"
        )
    )
    raw.execute(sa.text(LEAVE))
    raw.execute(sa.text(ATTACKS["jump to paid"]))

    # Money that went elsewhere than the row says is named afterwards.
    assert {finding.rule for finding in checks.check()} == {"escrow_shared_once"}
