"""From a basket to an order: every price read from our own rows, frozen, added up once."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock, references
from shop.accounts.models import User
from shop.db import retrying, session, transaction
from shop.money import total
from shop.orders import quoting
from shop.orders.models import Order, OrderLine, SellerOrder
from shop.orders.quoting import AS_USUAL, Choice, StoreQuote
from shop.orders.refusals import (
    BadQuantity,
    EmptyOrder,
    FormReused,
    MixedCurrencies,
    OutOfStock,
    ProductUnavailable,
)
from shop.orders.uses import planned
from shop.stores.models import Product, Store

MAX_QUANTITY: Final = 99
MAX_LINES: Final = 30


@dataclass(frozen=True, slots=True)
class Line:
    """So many of a product."""

    product_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Contact:
    """Who receives, and where, as people give addresses: town, quarter, landmark (B10)."""

    name: str
    phone: str
    town: str
    quarter: str
    landmark: str


@retrying
def place(
    *,
    user_id: int,
    lines: Sequence[Line],
    contact: Contact,
    form_key: str,
    language: str = "fr",
    choices: Mapping[int, Choice] | None = None,
) -> Order:
    """Place an order, or give back the one this form already placed. No stock is taken yet.

    `choices` says, shop by shop, what is not as usual: fetched, paid at the door, with a code.

    Raises an `OrderRefused` naming the article or shop in the way; nothing is then written.
    """
    for _attempt in range(3):
        try:
            with transaction():
                buyer = session.get_one(User, user_id).phone
                return _by_form_key(user_id, form_key) or _written(
                    quote(lines, (contact.town, contact.quarter), choices, buyer=buyer),
                    contact,
                    buyer=buyer,
                    user_id=user_id,
                    form_key=form_key,
                    language=language,
                )
        except IntegrityError:  # the other tap was faster, or a reference was drawn twice
            continue
    raise FormReused("no free reference in three draws")


def _by_form_key(user_id: int, form_key: str) -> Order | None:
    order = session.scalar(sa.select(Order).where(Order.form_key == form_key))
    if order is not None and order.user_id != user_id:
        raise FormReused("form key of another user")
    return order


def quote(
    lines: Sequence[Line],
    place: tuple[str, str] | None = None,
    choices: Mapping[int, Choice] | None = None,
    *,
    buyer: str | None = None,
) -> list[StoreQuote]:
    """Price a basket shop by shop; with a (town, quarter), deliveries too.

    With the buyer's number, discount codes that this buyer used up are refused.

    Raises the same refusals as `place`, so that a page may show them before the button is pressed.
    """
    quantities = _added_up(lines)
    products = {
        p.id: p for p in session.scalars(sa.select(Product).where(Product.id.in_(quantities)))
    }
    for product_id, quantity in quantities.items():
        _check(products.get(product_id), quantity)
    if len({p.currency for p in products.values()}) > 1:
        raise MixedCurrencies
    by_store: Mapping[Store, list[tuple[Product, int]]] = defaultdict(list)
    for product_id, quantity in quantities.items():
        by_store[products[product_id].store].append((products[product_id], quantity))
    chosen = choices or {}
    return [
        quoting.priced(store, group, place, chosen.get(store.id, AS_USUAL), buyer)
        for store, group in by_store.items()
    ]


def _added_up(lines: Sequence[Line]) -> dict[int, int]:
    quantities: dict[int, int] = defaultdict(int)
    for line in lines:
        if type(line.quantity) is not int or line.quantity < 1:
            raise BadQuantity
        quantities[line.product_id] += line.quantity
    if not quantities:
        raise EmptyOrder
    if len(quantities) > MAX_LINES or max(quantities.values()) > MAX_QUANTITY:
        raise BadQuantity
    return dict(quantities)


def _check(product: Product | None, quantity: int) -> None:
    if product is None:
        raise ProductUnavailable
    if product.status != "active" or product.store.status != "open":
        raise ProductUnavailable(product.name)
    if quantity > product.stock:
        raise OutOfStock(product.name)


def _written(
    quotes: list[StoreQuote],
    contact: Contact,
    *,
    buyer: str,
    user_id: int,
    form_key: str,
    language: str,
) -> Order:
    currency = quotes[0].store.currency
    order = Order(
        reference=references.new(),
        user_id=user_id,
        form_key=form_key,
        access_token=secrets.token_urlsafe(16),
        currency=currency,
        items_amount=total([q.items for q in quotes], currency).amount,
        delivery_amount=total([q.delivery for q in quotes if q.delivery], currency).amount,
        discount_amount=total([q.off for q in quotes], currency).amount,
        door_amount=total([q.door for q in quotes], currency).amount,
        total_amount=total([q.total for q in quotes], currency).amount,
        country=quotes[0].store.country,
        contact_name=contact.name,
        contact_phone=contact.phone,
        town=contact.town,
        quarter=contact.quarter,
        landmark=contact.landmark,
        language=language,
        created_at=clock.now(),
        seller_orders=[_seller_order(q) for q in quotes],
    )
    session.add(order)
    session.flush()
    for part, quoted in zip(order.seller_orders, quotes, strict=True):
        if quoted.discount is not None:
            session.add(planned(order, part, quoted.discount, buyer))
    session.flush()
    return order


def _seller_order(part: StoreQuote) -> SellerOrder:
    assert part.delivery is not None, "an order knows where it goes"
    assert part.way is not None, "an order knows how it gets there"
    bp = part.store.commission_bp
    # What is paid at the door is not in our hands: no commission on it before it is paid (B9).
    through_us = part.items - part.off - part.door
    return SellerOrder(
        reference=references.new(),
        store_id=part.store.id,
        currency=part.store.currency,
        items_amount=part.items.amount,
        delivery_amount=part.delivery.amount,
        discount_amount=part.off.amount,
        door_amount=part.door.amount,
        total_amount=part.total.amount,
        commission_bp=bp,
        # Rounded down: the seller gains the franc. The shop bears its discount, and we ours.
        commission_amount=through_us.share(bp).amount,
        promised_hours=part.way.hours,
        way=part.way.kind,
        way_name=part.way.name,
        way_place=part.way.place,
        way_hours=part.way.open_hours,
        created_at=clock.now(),
        lines=[_order_line(product, quantity) for product, quantity in part.lines],
    )


def _order_line(product: Product, quantity: int) -> OrderLine:
    return OrderLine(
        product_id=product.id,
        name=product.name,
        unit_amount=product.price_amount,
        quantity=quantity,
        amount=(product.price * quantity).amount,
        currency=product.currency,
    )
