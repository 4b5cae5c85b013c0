"""When a guest proves their number, what they bought becomes theirs."""

from __future__ import annotations

from shop.accounts import service as accounts
from shop.db import retrying, transaction
from shop.orders import service as orders


@retrying
def claim_guest_orders(user_id: int) -> int:
    """Give a user all orders guests made with their proven number, together or not at all; count them."""
    with transaction():
        guests = accounts.merge_guests(accounts.by_id(user_id))
        return orders.change_owner(guests, user_id)
