"""Whose orders a browser may see: its user's, its guest's, and those a private link opened here."""

from __future__ import annotations

from typing import Final

from flask import session as cookie

from shop import references
from shop.accounts.session import current_payer
from shop.errors import NotFound
from shop.orders import service
from shop.orders.models import Order, SellerOrder

#: A cookie is small: the oldest link is forgotten first.
MOST_LINKS: Final = 20


def of_browser(text: str) -> Order:
    """Give the order of a reference if this browser may see it; else `NotFound`, the same for all."""
    reference = references.parse(text) or ""
    payer = current_payer()
    order = service.find(reference)
    if order.reference in cookie.get("orders", ()):
        return order
    if payer is None or order.user_id != payer.id:
        raise NotFound("no such order")
    return order


def remember(order: Order) -> None:
    """Let this browser see one order from now on, and nothing else of its owner's."""
    others = [kept for kept in cookie.get("orders", []) if kept != order.reference]
    cookie["orders"] = [*others, order.reference][-MOST_LINKS:]


def is_mine(order: Order) -> bool:
    """Say whether the order is this browser's own user's; a private link alone is not enough."""
    payer = current_payer()
    return payer is not None and payer.id == order.user_id


def own_part(reference: str, part: str) -> SellerOrder:
    """Give a part of the payer's own order; a private link alone opens no money."""
    order = of_browser(reference)
    wanted = references.parse(part)
    found = next((each for each in order.seller_orders if each.reference == wanted), None)
    if found is None or not is_mine(order):
        raise NotFound("no such part")
    return found
