"""A small market to test in: an application on its own database, and rows made in one line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, g
from flask.testing import FlaskClient

import config
from shop import clock, create_app, references
from shop.accounts.models import User
from shop.db import close, session, transaction
from shop.notices.models import Notice
from shop.orders import service as orders
from shop.orders.models import Order
from shop.stores.models import DeliveryZone, Product, Store
from shop.wallets.models import WithdrawalNumber
from tests.databases import blank_database

__all__ = ["app", "blank_database", "client", "time"]

_numbers = count(1)


class Browser(FlaskClient):
    """A client whose requests share nothing: the test's own context would carry `g` from one to the next."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Forget what the last request left in `g`."""
        for name in list(g):
            g.pop(name)
        return super().open(*args, **kwargs)


class Clock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def pass_(self, **how_long: float) -> None:
        self.at += timedelta(**how_long)


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """An application on a database of its own: SQLite, or what `database` asks for."""
    environment = {"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "EXPLORE_PERCENT": "0"}
    app = create_app(config.from_environment(environment))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, SCHEMA_READY=True)
    app.test_client_class = Browser
    with app.app_context():
        yield app
        close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def time() -> Iterator[Clock]:
    turning = Clock()
    with clock.turned_by(turning.now, lambda: turning.at.timestamp()):
        yield turning


def new_phone() -> str:
    return f"+22507{next(_numbers):08d}"


def make_user(name: str = "Awa", *, proven: bool = True, phone: str | None = None) -> User:
    """Save a user."""
    now = clock.now()
    user = User(
        phone=phone or new_phone(),
        country="CI",
        name=name,
        created_at=now,
        verified_at=now if proven else None,
    )
    with transaction():
        session.add(user)
    return user


def know_number(user_id: int, phone: str, country: str = "CI") -> None:
    """Let withdrawals go to a number, as if its code had been typed two days ago."""
    known = sa.select(WithdrawalNumber.id).filter_by(user_id=user_id, phone=phone)
    with transaction():
        if session.scalar(known) is None:
            session.add(
                WithdrawalNumber(
                    user_id=user_id,
                    phone=phone,
                    country=country,
                    proven_at=clock.after(-172_800),
                    usable_from=clock.after(-86_400),
                )
            )


def make_store(
    name: str = "Boutique Awa", *, owner: User | None = None, currency: str = "XOF",
    commission_bp: int = 500, delivery: int = 2_500,
) -> Store:  # fmt: skip
    """Save a store that delivers in Abidjan: Cocody at its own price, the rest for 1,000 more."""
    owner_id = (owner or make_user()).id
    store = Store(
        owner_id=owner_id,
        name=name,
        slug=f"boutique-{next(_numbers)}",
        country="CI",
        currency=currency,
        town="Abidjan",
        quarter="Cocody",
        commission_bp=commission_bp,
        created_at=clock.now(),
    )
    for quarter, price in (("Cocody", delivery), (None, delivery + 1_000)):
        store.zones.append(
            DeliveryZone(town="Abidjan", quarter=quarter, price_amount=price, currency=currency)
        )
    with transaction():
        session.add(store)
    return store


def make_product(
    name: str = "Pagne tissé", *, price: int = 24_500, stock: int = 7, store: Store | None = None
) -> Product:
    """Save a product on the shelf."""
    store = store or make_store()
    product = Product(
        code=references.new(),
        store_id=store.id,
        category_id=1,
        name=name,
        price_amount=price,
        currency=store.currency,
        stock=stock,
        created_at=clock.now(),
    )
    with transaction():
        session.add(product)
    return product


CONTACT = orders.Contact("Awa Koné", "+2250701020304", "Abidjan", "Cocody", "face à la pharmacie")


def make_order(
    *baskets: tuple[Product, int], user: User | None = None, form_key: str | None = None
) -> Order:
    """Place an order of so many of each product."""
    chosen = baskets or ((make_product(), 1),)
    lines = [orders.Line(product.id, quantity) for product, quantity in chosen]
    return orders.place(
        user_id=(user or make_user()).id,
        lines=lines,
        contact=CONTACT,
        form_key=form_key or references.new(),
    )


def stock_of(product: Product) -> int:
    session.rollback()
    return session.get_one(Product, product.id).stock


def last_code(phone: str) -> str:
    """Read the latest code on its way to a phone, as its owner would."""
    session.rollback()
    query = sa.select(Notice.text).where(Notice.phone == phone).order_by(Notice.id.desc())
    return session.scalars(query.limit(1)).one()[:6]


def sign_in(client: FlaskClient, phone: str, *, borrowed: bool = False, next: str = "/") -> None:
    """Sign in by code as a person would, giving name and PIN when asked."""
    data = {"country": "CI", "phone": phone, "next": next}
    client.post("/login/", data=data | ({"borrowed": "y"} if borrowed else {}))
    answer = client.post("/login/code/", data={"code": last_code(phone)})
    if answer.location == "/login/new/":
        client.post("/login/new/", data={"name": "Awa Koné", "pin": "83627", "again": "83627"})
