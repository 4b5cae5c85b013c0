"""On PostgreSQL, with everybody pressing at once: one order per form, never more sold than there was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from flask import Flask

import config
from shop import create_app, references
from shop.accounts import codes
from shop.accounts.models import SignInCode
from shop.accounts.refusals import TooSoon
from shop.checkout import service as checkout
from shop.db import db, session, transaction
from shop.orders import service as orders
from shop.orders.models import Order, StockHold
from shop.phone import Phone
from shop.stores.models import Category
from tests.marketplace import CONTACT, make_order, make_product, make_store, make_user, stock_of

AT_ONCE = 12


@pytest.fixture
def big(postgres_server, tmp_path) -> Iterator[Flask]:
    """The application on PostgreSQL."""
    name = f"orders_{references.new().lower()}"
    environment = {"DATA_DIR": str(tmp_path), "DATABASE_URL": postgres_server.create(name)}
    app = create_app(config.from_environment(environment))
    with app.app_context():
        flask_migrate.upgrade(directory=str(Path(__file__).parents[2] / "migrations"))
        with transaction():
            session.add(Category(slug="tissus", name_fr="Tissus", name_en="Fabrics"))
        yield app
        session.remove()
        db.engine.dispose()
    postgres_server.drop(name)


def all_at_once(app: Flask, act: Callable[[int], Any], count: int = AT_ONCE) -> list[Any]:
    """Run the same act in many threads that start together; give results and refusals."""
    start = Barrier(count)

    def run(number: int) -> Any:
        with app.app_context():
            start.wait(10)
            try:
                return act(number)
            except (orders.OutOfStock, TooSoon) as refusal:
                return type(refusal)
            finally:
                session.remove()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_one_form_pressed_twelve_times_is_one_order(big):
    product, user = make_product(stock=99), make_user()
    product_id, user_id = product.id, user.id

    def press(_number: int) -> str:
        return orders.place(
            user_id=user_id,
            lines=[orders.Line(product_id, 1)],
            contact=CONTACT,
            form_key="one-form",
        ).reference

    assert len(set(all_at_once(big, press))) == 1
    assert session.query(Order).count() == 1


def test_a_guests_form_pressed_twelve_times_is_one_order(big):
    product_id = make_product(stock=99).id
    phone = Phone("+2250701020304", "CI", None)

    def press(_number: int) -> str:
        wish = checkout.Wish([orders.Line(product_id, 1)], CONTACT, "a-guests-form-key", "fr")
        return checkout.order(checkout.Guest("Awa", phone), wish).reference

    assert len(set(all_at_once(big, press))) == 1
    assert session.query(Order).count() == 1


def test_the_last_five_are_held_by_five(big):
    product = make_product(stock=5)
    ids = [make_order((product, 1)).id for _ in range(AT_ONCE)]

    def hold(number: int) -> None:
        with transaction():
            orders.hold_stock(orders.locked(ids[number]))

    results = all_at_once(big, hold)

    assert results.count(orders.OutOfStock) == AT_ONCE - 5
    assert stock_of(product) == 0
    assert session.query(StockHold).count() == 5


def test_baskets_in_opposite_orders_do_not_block_each_other(big):
    store = make_store()
    first, second = (make_product(store=store, stock=99) for _ in range(2))
    ids = []
    for number in range(AT_ONCE):
        pair = [(first, 1), (second, 1)]
        ids.append(make_order(*(pair if number % 2 else pair[::-1])).id)

    def hold(number: int) -> None:
        with transaction():
            orders.hold_stock(orders.locked(ids[number]))

    assert all_at_once(big, hold) == [None] * AT_ONCE
    assert (stock_of(first), stock_of(second)) == (99 - AT_ONCE, 99 - AT_ONCE)


def test_an_end_told_by_many_returns_once(big):
    product = make_product(stock=7)
    order_id = make_order((product, 3)).id
    with transaction():
        orders.hold_stock(orders.locked(order_id))

    def end(number: int) -> bool:
        with transaction():
            order = orders.locked(order_id)
            return orders.return_stock(order)

    assert all_at_once(big, end).count(True) == 1
    assert stock_of(product) == 7


def test_success_and_expiry_at_once_end_as_sold_or_shelved(big):
    product = make_product(stock=3)
    order_id = make_order((product, 3)).id
    with transaction():
        orders.hold_stock(orders.locked(order_id))

    def end(number: int) -> bool:
        with transaction():
            order = orders.locked(order_id)
            return orders.consume_stock(order) if number % 2 else orders.return_stock(order)

    all_at_once(big, end)

    # A success always comes, before or after the expiry: what was put back is taken again.
    state = session.scalars(sa.select(StockHold.state)).one()
    assert (stock_of(product), state) == (0, "consumed")


def test_codes_asked_at_once_are_one_code(big):
    def ask(_number: int) -> None:
        codes.send("+2250701020304", asker="192.0.2.1", language="fr")

    results = all_at_once(big, ask)

    assert results.count(None) == 1
    assert session.query(SignInCode).count() == 1
