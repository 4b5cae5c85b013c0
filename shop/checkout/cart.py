"""The cart: product codes and quantities in the signed cookie, and what they cost today.

The cookie also remembers the price each article was chosen at, only to say that it changed: what is
paid is always read from the shelf.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
from flask import session as cookie
from sqlalchemy.orm import joinedload, selectinload

from shop import references
from shop.db import session
from shop.errors import NotFound
from shop.money import Money, total
from shop.orders import quoting
from shop.orders.quoting import AS_USUAL, Choice
from shop.orders.refusals import (
    BadQuantity,
    CodeGone,
    MixedCurrencies,
    NoDelivery,
    NoDoor,
    NoPoint,
    NoSuchCode,
    OrderRefused,
)
from shop.orders.service import Line, StoreQuote
from shop.stores.models import Product, Store

MAX_QUANTITY: Final = 99
MAX_LINES: Final = 30

_QUANTITY: Final = re.compile(r"[1-9][0-9]?")


class CartFull(OrderRefused):
    """A cart holds thirty different articles."""

    code = "cart_full"


@dataclass(frozen=True, slots=True)
class Item:
    """So many of a product, at the price it was chosen at."""

    code: str
    quantity: int
    seen: int


@dataclass(frozen=True, slots=True)
class Row:
    """An item beside its product as it is today; without one when it is no longer for sale."""

    item: Item
    product: Product | None

    @property
    def gone(self) -> bool:
        """Say whether the article can no longer be bought."""
        return self.product is None or self.product.stock == 0

    @property
    def short(self) -> bool:
        """Say whether fewer are left than were chosen."""
        return self.product is not None and 0 < self.product.stock < self.item.quantity

    @property
    def before(self) -> Money | None:
        """The price it was chosen at, when it is another today."""
        if self.product is None or self.item.seen == self.product.price_amount:
            return None
        return Money(self.item.seen, self.product.currency)

    @property
    def amount(self) -> Money:
        """What the line costs; only while the article is for sale."""
        assert self.product is not None, "an article that is gone has no price"
        return self.product.price * self.item.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    """What a page shows: rows by shop, what is in the way, and totals as far as they are known."""

    groups: tuple[tuple[StoreQuote, tuple[Row, ...]], ...]
    gone: tuple[Row, ...]

    @property
    def rows(self) -> list[Row]:
        """Every row that is still for sale."""
        return [row for _part, rows in self.groups for row in rows]

    @property
    def lines(self) -> list[Line]:
        """What `orders.place` is asked for."""
        return [Line(r.product.id, r.item.quantity) for r in self.rows if r.product]

    @property
    def mixed(self) -> bool:
        """Say whether the cart holds two currencies, which no single payment can."""
        return len({part.store.currency for part, _rows in self.groups}) > 1

    @property
    def ready(self) -> bool:
        """Say whether it may be ordered as it stands."""
        blocked = self.gone or self.mixed or any(row.short for row in self.rows)
        return bool(self.groups) and not blocked

    @property
    def items(self) -> Money:
        """All articles together."""
        assert not self.mixed, "two currencies do not add up"
        return total([part.items for part, _rows in self.groups], self._currency)

    @property
    def delivery(self) -> Money | None:
        """All deliveries together; None until every shop's is known."""
        known = [part.delivery for part, _rows in self.groups if part.delivery is not None]
        return total(known, self._currency) if len(known) == len(self.groups) else None

    @property
    def off(self) -> Money:
        """All discounts together."""
        return total([part.off for part, _rows in self.groups], self._currency)

    @property
    def door(self) -> Money:
        """What would be paid at the door."""
        return total([part.door for part, _rows in self.groups], self._currency)

    @property
    def total(self) -> Money:
        """What would be paid now, as far as deliveries are known."""
        now = self.items - self.off - self.door
        return now if self.delivery is None else now + self.delivery

    @property
    def _currency(self) -> str:
        return self.groups[0][0].store.currency


def quantity(text: str) -> int:
    """Read a quantity: 1 to 99, in plain digits and nothing else. Raises `BadQuantity` (B1)."""
    if not _QUANTITY.fullmatch(text):
        raise BadQuantity
    return int(text)


def items() -> list[Item]:
    """Read the cookie's cart."""
    return [Item(*entry) for entry in cookie.get("cart", [])]


def count() -> int:
    """Count articles, for the number beside the word Cart."""
    return sum(item.quantity for item in items())


def add(code: str, how_many: int) -> None:
    """Put so many more of a product in the cart. Raises `NotFound`, `BadQuantity` or `CartFull`."""
    product = _for_sale([references.parse(code) or ""]).get(references.parse(code) or "")
    if product is None:
        raise NotFound("no such product")
    held = {item.code: item for item in items()}
    before = held[product.code].quantity if product.code in held else 0
    if before + how_many > MAX_QUANTITY:
        raise BadQuantity(product.name)
    if product.code not in held and len(held) >= MAX_LINES:
        raise CartFull
    held[product.code] = Item(product.code, before + how_many, product.price_amount)
    _keep(list(held.values()))


def change(code: str, how_many: int) -> None:
    """Set how many of an article the cart holds; an article it does not hold is `NotFound`."""
    if not 1 <= how_many <= MAX_QUANTITY:
        raise BadQuantity
    held = _held(code)
    _keep([Item(i.code, how_many, i.seen) if i.code == held.code else i for i in items()])


def remove(code: str) -> None:
    """Take an article out; when it is out already, nothing happens."""
    _keep([item for item in items() if item.code != code])


def clear() -> None:
    """Empty the cart, and forget its discount codes."""
    cookie.pop("cart", None)
    cookie.pop("codes", None)


def quantity_of(code: str) -> int:
    """Say how many of an article the cart holds. Raises `NotFound`."""
    return _held(code).quantity


def _held(code: str) -> Item:
    for item in items():
        if item.code == code:
            return item
    raise NotFound("not in the cart")


def _keep(kept: Sequence[Item]) -> None:
    cookie["cart"] = [[item.code, item.quantity, item.seen] for item in kept]
    cookie.permanent = cookie.get("_user_id") is None or cookie.permanent


def view(place: tuple[str, str] | None = None, choices: Mapping[int, Choice] | None = None) -> Cart:
    """Price the cart from today's shelf; with a (town, quarter), deliveries too.

    What was chosen of each shop counts as far as it can be; the order itself says what cannot.
    """
    chosen = items()
    products = _for_sale([item.code for item in chosen])
    rows = [Row(item, products.get(item.code)) for item in chosen]
    groups: dict[int, list[Row]] = {}
    for row in rows:
        if row.product is not None and not row.gone:
            groups.setdefault(row.product.store_id, []).append(row)
    wishes = choices or {}
    return Cart(
        tuple(
            (_quote(group, place, wishes.get(store_id, AS_USUAL)), tuple(group))
            for store_id, group in groups.items()
        ),
        tuple(row for row in rows if row.gone),
    )


def _quote(rows: Sequence[Row], place: tuple[str, str] | None, choice: Choice) -> StoreQuote:
    lines = tuple((row.product, row.item.quantity) for row in rows if row.product)
    store = lines[0][0].store
    if choice.code and not _works(choice.code, store, lines):
        choice = replace(choice, code="")
    try:
        return quoting.priced(store, lines, place, choice)
    except (MixedCurrencies, NoDelivery, NoDoor, NoPoint):
        return quoting.priced(store, lines, None, Choice(code=choice.code))


def _works(code: str, store: Store, lines: quoting.Lines) -> bool:
    try:
        quoting.priced(store, lines, None, Choice(code=code))
    except (CodeGone, NoSuchCode):
        return False
    return True


def _for_sale(codes: Sequence[str]) -> dict[str, Product]:
    query = (
        sa.select(Product)
        .join(Product.store)
        .where(Product.code.in_(codes), Product.status == "active", Store.status == "open")
        .options(
            joinedload(Product.store).selectinload(Store.zones),
            joinedload(Product.store).selectinload(Store.points),
            selectinload(Product.photos),
        )
    )
    return {product.code: product for product in session.scalars(query)}
