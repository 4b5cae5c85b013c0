"""Orders to be paid at the door, fetched, or reduced by a code: made as a buyer and a seller would."""

from __future__ import annotations

from datetime import timedelta

from shop import clock, references
from shop.accounts.models import User
from shop.db import session
from shop.money import Money
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.quoting import Choice
from shop.stores import delivery, discounts
from shop.stores.models import Product, Store
from tests.marketplace import CONTACT, make_product, make_store, make_user


def door_shop(*, limit: int = 50_000, owner: User | None = None, commission_bp: int = 500) -> Store:
    """Save a shop that is paid at the door in Cocody, up to so much."""
    shop = make_store(owner=owner, commission_bp=commission_bp)
    zone = delivery.ZoneDraft(
        "Abidjan", "Cocody", Money(2_500, "XOF"), door_limit=Money(limit, "XOF")
    )
    delivery.save_zone(shop.owner_id, zone)
    return again(shop)


def point_of(shop: Store, price: int = 0) -> int:
    """Open a pick-up point and give its id."""
    draft = delivery.PointDraft(
        "Salon Adjoua",
        "Abidjan",
        "face à la pharmacie du Plateau",
        "9 h à 18 h",
        Money(price, "XOF"),
    )
    delivery.save_point(shop.owner_id, draft)
    return again(shop).points[-1].id


def make_code(
    shop: Store, code: str = "AWA10", *, percent: int | None = 10, off: int = 0, least: int = 0,
    uses: int = 50, each: int = 1,
) -> int:  # fmt: skip
    """Make a discount code that is good for a month."""
    today = clock.now().date()
    draft = discounts.CodeDraft(
        code=code, percent=percent, off=Money(off, "XOF") if off else None,
        least=Money(least, "XOF"), starts_on=today, ends_on=today + timedelta(days=30),
        most_uses=uses, most_per_buyer=each,
    )  # fmt: skip
    return discounts.create(shop.owner_id, draft)


def order_with(
    product: Product, choice: Choice, *, quantity: int = 1, buyer: User | None = None
) -> Order:
    """Place an order of one shop with a choice of its own."""
    return orders.place(
        user_id=(buyer or make_user()).id,
        lines=[orders.Line(product.id, quantity)],
        contact=CONTACT,
        form_key=references.new(),
        choices={product.store_id: choice},
    )


def door_order(*, price: int = 24_500, stock: int = 7, buyer: User | None = None) -> Order:
    """Place an order whose articles are paid at the door."""
    product = make_product(price=price, stock=stock, store=door_shop())
    return order_with(product, Choice(at_door=True), buyer=buyer)


def again(shop: Store) -> Store:
    session.rollback()
    session.expire_all()
    return session.get_one(Store, shop.id)
