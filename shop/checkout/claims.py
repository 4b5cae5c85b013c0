"""When a guest proves their number, what they bought becomes theirs, and what we owe them too."""

from __future__ import annotations

from shop.accounts import service as accounts
from shop.db import in_transaction, retrying, transaction
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.money import EXPONENTS
from shop.orders import service as orders


@retrying
def claim_guest_orders(user_id: int) -> int:
    """Give a user all orders guests made with their proven number, together or not at all; count them.

    What is in the guests' wallets, a payment made twice for instance, comes along.
    """
    with transaction():
        guests = accounts.merge_guests(accounts.by_id(user_id))
        for guest_id in guests:
            _claim_wallet(guest_id, user_id)
        return orders.change_owner(guests, user_id)


def _claim_wallet(guest_id: int, user_id: int) -> None:
    assert in_transaction(), "a wallet is claimed with its guest"
    for owed in ledger.balances(chart.wallet(guest_id, currency) for currency in EXPONENTS):
        if owed:
            ledger.post(entries.wallet_claimed(guest_id, user_id, owed))
