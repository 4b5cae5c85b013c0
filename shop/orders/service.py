"""Orders: placed by the buyer, paid once, seen by their owner only.

What another room may call is named here; baskets become orders in `placing`, stock moves in `stock`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import selectinload

from shop.db import in_transaction, session
from shop.errors import NotFound
from shop.money import Money
from shop.orders.fulfilment import begin as begin_fulfilment
from shop.orders.models import Order, OrderStatus, SellerOrder
from shop.orders.placing import Contact, Line, StoreQuote, place, quote
from shop.orders.refusals import OutOfStock
from shop.orders.stock import Articles, articles_of, consume_stock, hold_stock, return_stock
from shop.orders.whereabouts import part_refund_key, refund_key

__all__ = [
    "Articles",
    "Contact",
    "Line",
    "OutOfStock",
    "StoreQuote",
    "articles_of",
    "begin_fulfilment",
    "by_access_token",
    "by_form_key",
    "by_id",
    "cancel",
    "change_owner",
    "consume_stock",
    "find",
    "hold_stock",
    "is_payable",
    "locked",
    "locked_all",
    "mark_paid",
    "of_user",
    "part_refund_key",
    "place",
    "quote",
    "refund_key",
    "return_stock",
    "seller_shares",
    "visible_to",
]


def find(reference: str) -> Order:
    """Give the order of a reference, whoever owns it: for us, not for pages. Raises `NotFound`."""
    return _one(Order.reference == reference)


def visible_to(user_id: int | None, reference: str) -> Order:
    """Give a user's own order; another's looks exactly like none. Raises `NotFound`."""
    return _one(Order.reference == reference, Order.user_id == user_id)


def by_form_key(form_key: str) -> Order | None:
    """Give the order a form placed; None when it placed none."""
    return session.scalar(sa.select(Order).where(Order.form_key == form_key))


def by_id(order_id: int) -> Order:
    """Give the order of an id, for what belongs to it. Raises `NotFound`."""
    return _one(Order.id == order_id)


def by_access_token(token: str) -> Order:
    """Give the order that the link in a message opens. Raises `NotFound`."""
    return _one(Order.access_token == token)


def _one(*conditions: sa.ColumnElement[bool]) -> Order:
    order = session.scalar(sa.select(Order).where(*conditions))
    if order is None:
        raise NotFound("no such order")
    return order


def of_user(user_id: int, limit: int = 50) -> list[Order]:
    """List a buyer's latest orders, newest first."""
    query = sa.select(Order).where(Order.user_id == user_id)
    query = query.options(selectinload(Order.seller_orders))
    newest = query.order_by(Order.created_at.desc(), Order.id.desc()).limit(limit)
    return list(session.scalars(newest))


def locked(order_id: int) -> Order:
    """Lock an order until the end of the caller's transaction, and read it as it is now."""
    found = locked_all([order_id])
    if order_id not in found:
        raise NotFound("no such order")
    return found[order_id]


def locked_all(order_ids: Collection[int]) -> dict[int, Order]:
    """Lock orders in id order, and read them and their seller orders as they are now."""
    assert in_transaction(), "a lock lasts as long as the caller's transaction"
    query = sa.select(Order).where(Order.id.in_(order_ids)).order_by(Order.id).with_for_update()
    query = query.options(selectinload(Order.seller_orders))
    found = session.scalars(query.execution_options(populate_existing=True))
    return {order.id: order for order in found}


def is_payable(order: Order) -> bool:
    """Say whether a new attempt to pay this order may begin."""
    return order.status == OrderStatus.AWAITING_PAYMENT


def seller_shares(order: Order) -> list[tuple[int, Money]]:
    """Say what each seller order's escrow receives; together exactly the order's total."""
    return [(part.id, part.total) for part in order.seller_orders]


def mark_paid(order: Order, at: datetime) -> bool:
    """Make the order and its seller orders paid; False when it is paid already or was cancelled.

    Its seller orders are opened by `begin_fulfilment`, many orders' at once.
    """
    return _move(order, OrderStatus.PAID, at)


def cancel(order: Order) -> bool:
    """Give up an unpaid order; False when it is too late.

    Stock is left to the attempt's end: while an attempt is undecided its articles stay held.
    """
    return _move(order, OrderStatus.CANCELLED, None)


def _move(order: Order, status: OrderStatus, paid_at: datetime | None) -> bool:
    assert in_transaction(), "orders change inside the caller's transaction"
    if order.status != OrderStatus.AWAITING_PAYMENT:
        return False
    parts: list[Order | SellerOrder] = [order, *order.seller_orders]
    for part in parts:
        part.status, part.paid_at = status, paid_at
    return True


def change_owner(from_ids: Sequence[int], user_id: int) -> int:
    """Move every order of some guests to the user who claimed them; count them."""
    assert in_transaction(), "orders move with their owners"
    moved = session.execute(
        sa.update(Order).where(Order.user_id.in_(from_ids)).values(user_id=user_id)
    )
    return cast(CursorResult[Any], moved).rowcount
