"""Shops with released orders, on a street where Orange CI numbers can be paid."""

from __future__ import annotations

from shop.accounts.models import User
from shop.db import session
from shop.ledger import chart
from shop.money import Money
from shop.orders.models import SellerOrder
from shop.orders.states import Stage
from shop.stores.models import Store
from tests.marketplace import make_order, make_product, make_store, make_user
from tests.orders.paid import make_part
from tests.street import Street

#: An MTN number of Côte d'Ivoire where an account is (PAYEES of tests/street.py).
NUMBER = "+2250501020304"


def make_shop(street: Street | None = None, phone: str = NUMBER) -> Store:
    """Save a shop whose owner can be paid, at providers that hold enough."""
    if street is not None:
        for provider in street.app.extensions["providers"]:
            street.world.payouts.fund(provider, Money(10_000_000, "XOF"))
    return make_store(owner=make_user(phone=phone), commission_bp=500, delivery=1_000)


def release(store: Store, price: int = 20_000, stage: Stage = Stage.CONFIRMED) -> SellerOrder:
    """Sell one article of this price and bring it to its end."""
    return make_part(stage, make_order((make_product(price=price, store=store), 1)))


def owner_of(store: Store) -> User:
    return session.get_one(User, store.owner_id)


def wallet(street: Street, store: Store) -> int:
    session.rollback()
    return street.balance(chart.wallet(store.owner_id, "XOF")).amount
