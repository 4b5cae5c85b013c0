"""Raw SQL gives nothing back, forgives no debt and deducts nothing twice, on either database (G4, H6)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop.db import session
from shop.orders.states import Stage
from tests.databases import connect
from tests.orders.paid import again
from tests.orders.test_refunding import refund, sale, spend, whole

ROW = (
    "INSERT INTO order_refund (form_key, seller_order_id, source, cause, actor, words, currency,"
    " price_amount, delivery_amount, commission_amount, fee_amount, undone_amount, seller_amount,"
    " platform_amount, provider_amount, at) SELECT 'raw', 1, {source}, 'missing', 'seller', '',"
    " currency, {price}, 0, 0, 0, 0, {borne}, 0, 0, at FROM order_refund WHERE id = 1"
)

#: Attacks on order 1 (released, its seller owes for it) and order 2 (held, a part went back).
ATTACKS = {
    "give more than the sale": ROW.format(source="'seller'", price=9_000, borne=9_000),
    "give what nobody bears": ROW.format(source="'seller'", price=10, borne=9),
    "give from an escrow that is closed": ROW.format(source="'escrow'", price=10, borne=10),
    "change what was borne": "UPDATE order_refund SET seller_amount = 0, platform_amount = 1 WHERE id = 1",
    "send it on twice": "UPDATE order_refund SET return_at = at WHERE return_at IS NULL",
    "forget a refund": "DELETE FROM order_refund WHERE id = 1",
    "hide it from the figures": "UPDATE seller_order SET later_refunded_amount = 0 WHERE id = 1",
    "hide it from the escrow": "UPDATE seller_order SET refunded_amount = 0 WHERE id = 2",
    "take commission back": "UPDATE seller_order SET early_commission_amount = 500 WHERE id = 2",
    "forgive": "UPDATE debt SET repaid_amount = amount",
    "owe less": "UPDATE debt SET amount = 1",
    "owe somebody else's": "UPDATE debt SET user_id = user_id + 1",
    "forget a debt": "DELETE FROM debt",
    "repay more than is owed": (
        "INSERT INTO debt_repayment (debt_id, amount, at) SELECT id, amount, at FROM debt"
    ),
    "change a repayment": "UPDATE debt_repayment SET amount = amount + 1",
    "forget a repayment": "DELETE FROM debt_repayment",
}


@pytest.fixture
def raw(app, time, database_url):
    """A stranger's connection to a sale that went back after its release, and one in part before."""
    released, held = sale(Stage.CONFIRMED), sale(Stage.SENT)
    assert (released.id, held.id) == (1, 2)
    spend(again(released).store.owner_id, 10_000)
    refund(released, 8_000)
    refund(held, 3_000)
    session.execute(sa.text("UPDATE order_refund SET return_at = NULL"))
    session.commit()
    session.remove()
    engine = connect(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("attack", ATTACKS)
def test_raw_sql_cannot(raw, attack):
    with pytest.raises(DBAPIError):
        raw.execute(sa.text(ATTACKS[attack]))

    raw.rollback()
    assert whole() == []
