"""Rows to measure with: a shop, its shelf, and payments under way."""

from __future__ import annotations

import secrets

from shop import clock, references, settlement
from shop.accounts.models import User
from shop.db import session, transaction
from shop.orders import service as orders
from shop.payments.models import Payment
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.providers import methods
from shop.stores.models import Category, DeliveryZone, Product, Store

CONTACT = orders.Contact("Awa Koné", "+2250701020304", "Abidjan", "Cocody", "la pharmacie")


def open_shop() -> Product:
    """Save a seller (user 1), a guest (user 2), a shop, and a product of which there is plenty."""
    now = clock.now()
    with transaction():
        seller = User(phone="+2250700000001", country="CI", name="Awa", created_at=now)
        seller.verified_at = now
        shelf = Category(slug="tissus", name_fr="Tissus", name_en="Fabrics")
        session.add_all([seller, shelf])
        session.flush()
        session.add(User(phone="+2250700000002", country="CI", name="Koffi", created_at=now))
        store = Store(
            owner_id=seller.id, name="Boutique Awa", slug="awa", country="CI", currency="XOF",
            town="Abidjan", quarter="Cocody", commission_bp=500, created_at=now,
        )  # fmt: skip
        store.zones.append(DeliveryZone(town="Abidjan", price_amount=1_000, currency="XOF"))
        session.add(store)
        session.flush()
        product = Product(
            code=references.new(), store_id=store.id, category_id=shelf.id, name="Pagne",
            price_amount=12_500, currency="XOF", stock=10**6, created_at=now,
        )  # fmt: skip
        session.add(product)
    return product


def begin_payment(
    product: Product, *, user_id: int, method: str = "wave-ci", payer: str = "+22507{:05d}004"
) -> Payment:
    """Order one of a product and begin to pay it from a phone of its own."""
    order = orders.place(
        user_id=user_id,
        lines=[orders.Line(product.id, 1)],
        contact=CONTACT,
        form_key=secrets.token_hex(8),
    )
    return settlement.start_payment(
        Intent(
            purpose=Purpose.ORDER,
            purpose_id=order.id,
            user_id=user_id,
            method=methods.get(method),
            payer_phone=payer.format(secrets.randbelow(10**5)),
            owed=order.total,
            form_key=secrets.token_hex(8),
        )
    )
