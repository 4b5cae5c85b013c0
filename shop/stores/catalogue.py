"""The shelves: what is for sale, newest first, a page at a time.

One Core statement brings a page of cards with shop and first photo. Pages follow each other by key
(created_at, id): no COUNT, no OFFSET, so the last page costs what the first does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from flask import current_app

from shop import clock
from shop.db import read_alone, session
from shop.money import Money
from shop.stores import search
from shop.stores.models import Category, DeliveryZone, Product, ProductPhoto, Store

PAGE: Final = 24
_MENUS_FOR_S: Final = 30
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Card:
    """What a list shows of a product."""

    code: str
    name: str
    price: Money
    stock: int
    photo: str | None
    store: str
    town: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of cards, and the cursor of the next one if there is one."""

    cards: list[Card]
    next: str | None


@dataclass(frozen=True, slots=True)
class Menus:
    """What a visitor can narrow the shelves by."""

    categories: list[tuple[str, str, str]]
    """Slug, French name, English name."""
    towns: list[str]


def shelf(
    *,
    query: str = "",
    category: str = "",
    town: str = "",
    store_id: int | None = None,
    after: str = "",
) -> Shelf:
    """Give a page of what is for sale. An unreadable cursor gives the first page."""
    statement = _cards().where(*_narrowed(query, category, town, store_id))
    if cursor := _read_cursor(after):
        statement = statement.where(sa.tuple_(Product.created_at, Product.id) < sa.tuple_(*cursor))
    rows = read_alone(statement.limit(PAGE + 1))
    shown = rows[:PAGE]
    return Shelf([_card(row) for row in shown], _cursor(shown[-1]) if len(rows) > PAGE else None)


@cache
def _cards() -> Any:
    # Built once: every page begins with the same question.
    first_photo = (
        sa.select(ProductPhoto.key)
        .where(ProductPhoto.product_id == Product.id)
        .order_by(ProductPhoto.position, ProductPhoto.id)
        .limit(1)
        .scalar_subquery()
    )
    return (
        sa.select(
            Product.id, Product.code, Product.name, Product.price_amount, Product.currency,
            Product.stock, Product.created_at, Store.name, Store.town, first_photo,
        )
        .join(Store, Store.id == Product.store_id)
        .where(Product.status == sa.literal_column("'active'"), Store.status == "open")
        .order_by(Product.created_at.desc(), Product.id.desc())
    )  # fmt: skip


def _narrowed(
    query: str, category: str, town: str, store_id: int | None
) -> list[sa.ColumnElement[bool]]:
    narrowed: list[sa.ColumnElement[bool]] = [
        Product.search_text.like(pattern) for pattern in search.patterns(query)
    ]
    if category:
        of_slug = sa.select(Category.id).where(Category.slug == category).scalar_subquery()
        narrowed.append(Product.category_id == of_slug)
    if town:
        delivered = sa.exists().where(
            DeliveryZone.store_id == Product.store_id, DeliveryZone.town == town, DeliveryZone.is_on
        )
        narrowed.append(delivered)
    if store_id is not None:
        narrowed.append(Product.store_id == store_id)
    return narrowed


def _card(row: Any) -> Card:
    _id, code, name, price, currency, stock, _created, store, town, photo = row
    return Card(code, name, Money(price, currency), stock, photo, store, town)


def _cursor(row: Any) -> str:
    return f"{(row.created_at - _EPOCH) // timedelta(microseconds=1):x}-{row.id:x}"


def _read_cursor(text: str) -> tuple[sa.BindParameter[datetime], int] | None:
    moment, _dash, number = text.partition("-")
    try:
        created_at = _EPOCH + timedelta(microseconds=int(moment, 16))
        product_id = int(number, 16)
    except (ValueError, OverflowError):
        return None
    if not 0 <= product_id < 2**63:
        return None
    return sa.literal(created_at, Product.created_at.type), product_id


def menus() -> Menus:
    """Give the categories and the towns delivered to, remembered half a minute per process."""
    known = current_app.extensions.get("stores.menus")
    if known and known[0] > clock.monotonic():
        menus: Menus = known[1]
        return menus
    menus = _menus()
    current_app.extensions["stores.menus"] = (clock.monotonic() + _MENUS_FOR_S, menus)
    return menus


def forget_menus() -> None:
    """Read the menus again at the next page: a shop or a category has changed."""
    current_app.extensions.pop("stores.menus", None)


def _menus() -> Menus:
    """Read both menus in one statement."""
    nothing = sa.literal("")
    shelves = sa.select(Category.position, Category.slug, Category.name_fr, Category.name_en)
    towns = (
        sa.select(sa.literal(-1), DeliveryZone.town, nothing, nothing)
        .join(Store, Store.id == DeliveryZone.store_id)
        .where(Store.status == "open", DeliveryZone.is_on)
        .distinct()
    )
    rows: Sequence[Any] = session.execute(shelves.union_all(towns)).all()
    ordered = sorted((row for row in rows if row[0] >= 0), key=lambda row: (row[0], row[1]))
    return Menus(
        categories=[(slug, fr, en) for _position, slug, fr, en in ordered],
        towns=sorted(town for position, town, _fr, _en in rows if position < 0),
    )
