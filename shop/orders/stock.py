"""Stock that an order takes off the shelf: held, then consumed or returned, each exactly once (B3).

A hold ends with the attempt's final answer, never on a clock. Whoever calls has locked the order, and
products are touched by ascending id, so that two orders of the same articles queue instead of blocking
each other for ever. The shelf itself is the judge: `stock >= quantity` is in the UPDATE, and in a CHECK.
"""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from shop import clock
from shop.db import in_transaction, session
from shop.orders.models import HoldState, Order, OrderLine, SellerOrder, StockHold
from shop.orders.refusals import OutOfStock
from shop.stores.models import Product


def hold_stock(order: Order) -> None:
    """Take the order's articles off the shelf; doing it again while they are held changes nothing.

    Raises `OutOfStock` naming the first article that is gone; nothing at all is then taken.
    """
    _settle_on(order, HoldState.HELD)


def consume_stock(order: Order) -> bool:
    """Make the hold final: the articles are sold. Articles put back meanwhile are taken again.

    False when the shelf is empty; nothing is then changed, and the caller decides about the money.
    """
    try:
        _settle_on(order, HoldState.CONSUMED)
    except OutOfStock:
        return False
    return True


def return_stock(order: Order) -> bool:
    """Put what is still held back on the shelf; say whether there was anything to put back."""
    assert in_transaction(), "stock moves inside the caller's transaction"
    returned = False
    for hold in _holds(order).values():
        if hold.state == HoldState.HELD and _move(hold, HoldState.RETURNED):
            _put_back(hold.product_id, hold.quantity)
            returned = True
    return returned


def _settle_on(order: Order, state: HoldState) -> None:
    """Bring every article of the order to `state` (held or consumed), all of them or none."""
    assert in_transaction(), "stock moves inside the caller's transaction"
    holds = _holds(order)
    with session.begin_nested():
        for product_id, name, quantity in _wanted(order):
            hold = holds.get(product_id)
            if hold is None or hold.state == HoldState.RETURNED:
                _take(product_id, quantity, name)
            if hold is None:
                _open(order, product_id, quantity, state)
            elif hold.state != HoldState.CONSUMED and hold.state != state:
                _move(hold, state)


def _wanted(order: Order) -> list[tuple[int, str, int]]:
    rows = session.execute(
        sa.select(
            OrderLine.product_id, sa.func.min(OrderLine.name), sa.func.sum(OrderLine.quantity)
        )
        .join(SellerOrder, SellerOrder.id == OrderLine.seller_order_id)
        .where(SellerOrder.order_id == order.id)
        .group_by(OrderLine.product_id)
        .order_by(OrderLine.product_id)
    )
    return [(product_id, name, int(quantity)) for product_id, name, quantity in rows]


def _holds(order: Order) -> dict[int, StockHold]:
    query = (
        sa.select(StockHold)
        .where(StockHold.order_id == order.id)
        .order_by(StockHold.product_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {hold.product_id: hold for hold in session.scalars(query)}


def _open(order: Order, product_id: int, quantity: int, state: HoldState) -> None:
    session.add(
        StockHold(
            order_id=order.id,
            product_id=product_id,
            quantity=quantity,
            state=state,
            changed_at=clock.now(),
        )
    )
    session.flush()


def _move(hold: StockHold, state: HoldState) -> bool:
    """Change a hold only from the state that was read; the database says whether it still was."""
    changed = _changed(
        sa.update(StockHold)
        .where(StockHold.id == hold.id, StockHold.state == hold.state)
        .values(state=state, changed_at=clock.now())
    )
    session.expire(hold)
    return changed


def _take(product_id: int, quantity: int, name: str) -> None:
    taken = _changed(
        sa.update(Product)
        .where(Product.id == product_id, Product.stock >= quantity)
        .values(stock=Product.stock - quantity)
    )
    if not taken:
        raise OutOfStock(name)


def _put_back(product_id: int, quantity: int) -> None:
    _changed(
        sa.update(Product).where(Product.id == product_id).values(stock=Product.stock + quantity)
    )


def _changed(statement: sa.Update) -> bool:
    options = {"synchronize_session": "fetch"}
    result = cast(CursorResult[Any], session.execute(statement, execution_options=options))
    return result.rowcount == 1
