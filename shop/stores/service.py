"""What shops sell and where they deliver: what buyers read, and what a seller may change of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop import clock, references
from shop.accounts.models import User
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.money import Money
from shop.phone import CURRENCIES
from shop.stores import approval, catalogue, search, slugs
from shop.stores.models import Category, DeliveryZone, Product, ProductPhoto, Store
from shop.stores.photos import Photo

T = TypeVar("T")

MOST_PHOTOS: Final = 4
MOST_ZONES: Final = 60


class TooManyPhotos(Conflict):
    """A product shows four photos at most."""

    code = "too_many_photos"
    http_status = 422


class StockMoved(Conflict):
    """Sales since the page was opened leave less stock than the change would take away."""

    code = "stock_moved"


@dataclass(frozen=True, slots=True)
class Town:
    """A town somebody delivers to, and the quarters that have a price of their own."""

    name: str
    quarters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoreDraft:
    """What a person says when opening a shop."""

    name: str
    about: str
    country: str
    town: str
    quarter: str
    delivery: Money


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """What a seller says of a product."""

    name: str
    category_id: int
    price: Money
    stock: int
    description: str
    prepaid_only: bool = False
    """True for what is never paid at the door."""


# What everyone may read


def product_by_code(code: str) -> Product:
    """Find a product that is for sale, with its shop, zones and photos; else `NotFound`."""
    statement = (
        sa.select(Product)
        .join(Product.store)
        .where(Product.code == _code(code), Product.status == "active", Store.status == "open")
        .options(
            joinedload(Product.store).selectinload(Store.zones),
            joinedload(Product.category),
            selectinload(Product.photos),
        )
    )
    return _found(session.scalar(statement))


def store_by_slug(slug: str) -> Store:
    """Find an open shop by its address; else `NotFound`."""
    if not slugs.is_slug(slug):
        raise NotFound("not an address of ours")
    statement = sa.select(Store).where(Store.slug == slug, Store.status == "open")
    return _found(session.scalar(statement))


def zones_of(store: Store, *, closed_too: bool = False) -> list[DeliveryZone]:
    """List where a shop delivers: its own town first, whole towns before their quarters."""
    home = search.words(store.town)
    return sorted(
        (zone for zone in store.zones if zone.is_on or closed_too),
        key=lambda z: (
            search.words(z.town) != home,
            z.town,
            z.quarter is not None,
            z.quarter or "",
        ),
    )


def delivery_zone(store: Store, town: str, quarter: str) -> DeliveryZone | None:
    """Find the most specific zone of a place; None when the shop does not deliver there."""
    here = search.words(town)
    in_town = [z for z in store.zones if z.is_on and search.words(z.town) == here]
    asked = search.words(quarter)
    exact = [z for z in in_town if z.quarter and search.words(z.quarter) == asked]
    whole = [z for z in in_town if not z.quarter]
    return next(iter([*exact, *whole]), None)


def delivery_price(store: Store, town: str, quarter: str) -> Money | None:
    """Say what a delivery costs there; None when the shop does not deliver there."""
    zone = delivery_zone(store, town, quarter)
    return zone.price if zone else None


def towns() -> list[Town]:
    """List the towns open shops deliver to, with their quarters, in the order of menus."""
    rows = session.execute(
        sa.select(DeliveryZone.town, DeliveryZone.quarter)
        .join(Store, Store.id == DeliveryZone.store_id)
        .where(Store.status == "open", DeliveryZone.is_on)
        .distinct()
    )
    quarters: dict[str, set[str]] = {}
    for town, quarter in rows:
        quarters.setdefault(town, set()).update([quarter] if quarter else [])
    return [Town(name, tuple(sorted(found))) for name, found in sorted(quarters.items())]


def owner_of(store: Store) -> User:
    """Give the person behind a shop, for the facts a store card may state."""
    return _found(session.get(User, store.owner_id))


def categories() -> list[Category]:
    """List the shelves, in order."""
    return list(session.scalars(sa.select(Category).order_by(Category.position, Category.id)))


# What a seller may read and change: always their own, anything else does not exist


def store_of(owner_id: int) -> Store | None:
    """Find a person's shop; None when they have not opened one."""
    return session.scalar(sa.select(Store).where(Store.owner_id == owner_id).order_by(Store.id))


def own_products(owner_id: int) -> list[Product]:
    """List everything a seller has, hidden things included, newest first."""
    statement = (
        sa.select(Product)
        .join(Product.store)
        .where(Store.owner_id == owner_id)
        .options(selectinload(Product.photos))
        .order_by(Product.created_at.desc(), Product.id.desc())
    )
    return list(session.scalars(statement))


def own_product(owner_id: int, code: str) -> Product:
    """Find one of the seller's products; somebody else's is `NotFound`, as if it were not there."""
    statement = (
        sa.select(Product)
        .join(Product.store)
        .where(Product.code == _code(code), Store.owner_id == owner_id)
        .options(joinedload(Product.store), selectinload(Product.photos))
    )
    if in_transaction():
        statement = statement.with_for_update(of=Product)
    return _found(session.scalar(statement))


def published(form_key: str) -> bool:
    """Say whether this form has made its product already."""
    return session.scalar(sa.select(Product.id).where(Product.form_key == form_key)) is not None


@retrying
def open_store(owner_id: int, draft: StoreDraft, *, commission_bp: int) -> str:
    """Open a person's shop and give its slug; a second call gives the shop they already have."""
    with transaction():
        owner = _found(session.get(User, owner_id, with_for_update=True))
        if store := store_of(owner.id):
            return store.slug
        currency = CURRENCIES[draft.country]
        assert draft.delivery.currency == currency
        store = Store(
            owner_id=owner.id, name=draft.name, slug=_free_slug(draft.name), about=draft.about,
            country=draft.country, currency=currency, town=draft.town, quarter=draft.quarter,
            commission_bp=commission_bp, status="open", created_at=clock.now(),
        )  # fmt: skip
        store.zones = [_zone(draft.town, None, draft.delivery)]
        session.add(store)
    catalogue.forget_menus()
    return store.slug


@retrying
def publish(
    owner_id: int, draft: ProductDraft, photos: Sequence[Photo], *, form_key: str, watched: int
) -> str:
    """Put a product on the shelf and give its code; the same form sent twice makes one product.

    Of a new shop, the first `watched` products wait for staff instead.
    """
    if len(photos) > MOST_PHOTOS:
        raise TooManyPhotos(f"{len(photos)} photos")
    with transaction():
        store = own_store_locked(owner_id)
        known = session.scalar(sa.select(Product).where(Product.form_key == form_key))
        if known:
            return _same_store(known, store).code
        assert draft.price.currency == store.currency
        product = Product(
            code=_free_code(), store_id=store.id, stock=draft.stock, currency=store.currency,
            status=approval.first_status(store, watched=watched), form_key=form_key,
            created_at=clock.now(),
        )  # fmt: skip
        _describe(product, draft, store)
        product.photos = _rows(photos)
        session.add(product)
    return product.code


@retrying
def edit_product(
    owner_id: int,
    code: str,
    draft: ProductDraft,
    *,
    seen_stock: int,
    photos: Sequence[Photo] = (),
    dropped: Sequence[str] = (),
) -> None:
    """Change a product. Stock moves by the difference with what the seller saw, as sales go on."""
    with transaction():
        product = own_product(owner_id, code)
        if product.stock + draft.stock - seen_stock < 0:
            raise StockMoved(f"{product.code} holds {product.stock}, page showed {seen_stock}")
        product.stock += draft.stock - seen_stock
        kept = [photo for photo in product.photos if photo.key not in dropped]
        if len(kept) + len(photos) > MOST_PHOTOS:
            raise TooManyPhotos(f"{len(kept) + len(photos)} photos")
        _describe(product, draft, product.store)
        product.photos = kept + _rows(photos, len(kept))
        if product.status == "refused":
            product.status = "pending"  # it is another now: staff looks again


@retrying
def show_product(owner_id: int, code: str, *, visible: bool) -> None:
    """Put one of the seller's products on the shelf, or take it off; orders already made live on."""
    with transaction():
        product = own_product(owner_id, code)
        if product.status not in approval.PASSED:
            raise approval.StillWaiting(f"{product.code} is {product.status}")
        product.status = "active" if visible else "hidden"


@retrying
def add_category(slug: str, name_fr: str, name_en: str, position: int) -> int:
    """Add a shelf, or find it: gives its id."""
    with transaction():
        category = session.scalar(sa.select(Category).where(Category.slug == slug))
        if category is None:
            category = Category(slug=slug, name_fr=name_fr, name_en=name_en, position=position)
            session.add(category)
            session.flush()
        category_id = category.id
    catalogue.forget_menus()
    return category_id


# Helpers


def _found(value: T | None) -> T:
    if value is None:
        raise NotFound("no such row, or not yours")
    return value


def _code(text: str) -> str:
    return references.parse(text) or ""


def own_store_locked(owner_id: int) -> Store:
    """Lock the seller's shop until the end of the caller's transaction. Raises `NotFound`."""
    assert in_transaction(), "the lock lasts as long as the caller's transaction"
    statement = sa.select(Store).where(Store.owner_id == owner_id).order_by(Store.id)
    return _found(session.scalar(statement.with_for_update().limit(1)))


def _same_store(product: Product, store: Store) -> Product:
    if product.store_id != store.id:
        raise Conflict("the form key belongs to another shop")
    return product


def _describe(product: Product, draft: ProductDraft, store: Store) -> None:
    category = _found(session.get(Category, draft.category_id))
    product.name, product.description = draft.name, draft.description
    product.prepaid_only = draft.prepaid_only
    product.price_amount, product.category_id = draft.price.amount, category.id
    product.search_text = search.stored(
        draft.name, draft.description, store.name, category.name_fr, category.name_en
    )


def _rows(photos: Sequence[Photo], start: int = 0) -> list[ProductPhoto]:
    return [
        ProductPhoto(key=photo.key, width=photo.width, height=photo.height, position=position)
        for position, photo in enumerate(photos, start)
    ]


def _zone(town: str, quarter: str | None, price: Money) -> DeliveryZone:
    return DeliveryZone(
        town=town, quarter=quarter, price_amount=price.amount, currency=price.currency
    )


def _free_slug(name: str) -> str:
    wanted = slugs.slug(name)
    taken = set(session.scalars(sa.select(Store.slug).where(Store.slug.like(f"{wanted}%"))))
    return next(s for s in slugs.candidates(wanted) if s not in taken)


def _free_code() -> str:
    while True:
        code = references.new()
        if not session.scalar(sa.select(Product.id).where(Product.code == code)):
            return code
