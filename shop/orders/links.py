"""Paying for somebody else: the link a buyer makes for an unpaid order, and whom it lets pay.

Whoever has the link sees to whom and how much, and pays through the ordinary attempt. It dies by
itself: an order that is paid can be paid by nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.orders import service
from shop.orders.link_models import PayLink
from shop.orders.models import Order


class NothingToPay(Conflict):
    """The order is paid or cancelled: there is nothing to ask anybody for."""

    code = "nothing_to_pay"


def of_order(order_id: int) -> PayLink | None:
    """Give the living link of an order; None when its buyer made none, or took it back."""
    query = sa.select(PayLink).where(PayLink.order_id == order_id, PayLink.revoked_at.is_(None))
    return session.scalar(query)


def by_token(token: str) -> PayLink:
    """Give the living link of an address. Raises `NotFound`, also for one that was taken back."""
    query = sa.select(PayLink).where(PayLink.token == token, PayLink.revoked_at.is_(None))
    link = session.scalar(query)
    if link is None:
        raise NotFound("no such link")
    return link


def allows(order: Order, link_id: int | None) -> bool:
    """Say whether a link lets somebody else pay this locked order now."""
    assert in_transaction(), "asked under the order's lock, which taking it back needs too"
    link = of_order(order.id)
    return link is not None and link.id == link_id


@retrying
def make(user_ids: Collection[int], order_id: int) -> PayLink:
    """Make the link of one's own unpaid order, or give back the one it has.

    Raises `NotFound` for another's order, `NothingToPay` once it is paid or cancelled.
    """
    with transaction():
        order = _own(user_ids, order_id)
        if not service.is_payable(order):
            raise NothingToPay(f"order {order.reference} is {order.status}")
        link = of_order(order.id)
        if link is None:
            link = PayLink(
                order_id=order.id, token=secrets.token_urlsafe(32), created_at=clock.now()
            )
            session.add(link)
        return link


@retrying
def revoke(user_ids: Collection[int], order_id: int) -> None:
    """Take the link back: from now on it opens nothing. An attempt begun through it goes on."""
    with transaction():
        link = of_order(_own(user_ids, order_id).id)
        if link is not None:
            link.revoked_at = clock.now()


def _own(user_ids: Collection[int], order_id: int) -> Order:
    order = service.locked(order_id)
    if order.user_id not in user_ids:
        raise NotFound("no such order")
    return order
