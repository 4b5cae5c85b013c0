"""Whatever comes in whatever order, stock is taken once, put back once, and never below zero."""

from __future__ import annotations

from itertools import permutations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock
from shop.db import session, transaction
from shop.errors import NotFound
from shop.orders import service as orders
from shop.orders.models import OrderStatus, StockHold
from shop.stores.models import Product
from tests.marketplace import make_order, make_product, make_user, stock_of


def step(name, order):
    with transaction():
        return getattr(orders, name)(orders.locked(order.id))


def states(order):
    session.rollback()
    query = sa.select(StockHold.state).where(StockHold.order_id == order.id)
    return list(session.scalars(query.order_by(StockHold.product_id)))


@pytest.mark.parametrize(
    ("steps", "left", "state"),
    [
        (["hold_stock"], 4, "held"),
        (["hold_stock", "hold_stock"], 4, "held"),
        (["hold_stock", "return_stock"], 7, "returned"),
        (["hold_stock", "return_stock", "return_stock"], 7, "returned"),
        (["hold_stock", "return_stock", "hold_stock"], 4, "held"),
        (["hold_stock", "consume_stock"], 4, "consumed"),
        (["hold_stock", "consume_stock", "return_stock"], 4, "consumed"),
        (["hold_stock", "consume_stock", "hold_stock", "consume_stock"], 4, "consumed"),
        (["hold_stock", "return_stock", "consume_stock"], 4, "consumed"),
        (["consume_stock"], 4, "consumed"),
    ],
)
def test_each_road_ends_where_it_should(app, steps, left, state):
    product = make_product(stock=7)
    order = make_order((product, 3))

    for name in steps:
        step(name, order)

    assert stock_of(product) == left
    assert states(order) == [state]


def test_nothing_held_means_nothing_returned(app):
    product = make_product(stock=7)

    assert step("return_stock", make_order((product, 3))) is False
    assert stock_of(product) == 7


def test_two_buyers_of_the_last_one(app):
    product = make_product("Karité", stock=1)
    first, second = make_order((product, 1)), make_order((product, 1))
    step("hold_stock", first)

    with pytest.raises(orders.OutOfStock) as refusal:
        step("hold_stock", second)

    assert refusal.value.product_name == "Karité"
    assert states(second) == []
    assert stock_of(product) == 0


def test_a_late_success_without_stock_changes_nothing(app):
    plenty, last = make_product(stock=9), make_product(stock=1)
    late, quick = make_order((plenty, 2), (last, 1)), make_order((last, 1))
    step("hold_stock", late)
    step("return_stock", late)
    step("hold_stock", quick)

    assert step("consume_stock", late) is False

    assert stock_of(plenty) == 9
    assert states(late) == ["returned", "returned"]


def test_a_refused_hold_takes_nothing_even_if_the_caller_goes_on(app):
    plenty, last = make_product(stock=9), make_product(stock=1)
    order = make_order((plenty, 2), (last, 1))
    with transaction():
        session.get_one(Product, last.id).stock = 0

    with transaction(), pytest.raises(orders.OutOfStock):
        orders.hold_stock(orders.locked(order.id))

    assert stock_of(plenty) == 9
    assert states(order) == []


@pytest.mark.parametrize(
    "events", list(permutations(["expire", "late success", "second buyer", "cancel"]))
)
def test_all_orderings_end_with_stock_accounted_for(app, events):
    product = make_product(stock=1)
    first, second = make_order((product, 1)), make_order((product, 1))
    step("hold_stock", first)
    sold = 0

    for event in events:
        if event == "expire":
            step("return_stock", first)
        elif event == "cancel":
            step("cancel", first)
        elif event == "late success":
            sold += step("consume_stock", first)
        else:
            try:
                step("hold_stock", second)
                sold += step("consume_stock", second)
            except orders.OutOfStock:
                pass

    held = sum(state == "held" for state in states(first) + states(second))
    assert stock_of(product) + held + sold == 1


def test_the_database_refuses_a_shelf_below_zero(app):
    product = make_product(stock=1)

    with pytest.raises(IntegrityError), transaction():
        session.execute(sa.update(Product).where(Product.id == product.id).values(stock=-1))


def test_an_order_is_paid_once_with_its_parts(app):
    order = make_order()
    at = clock.now()

    with transaction():
        first = orders.mark_paid(orders.locked(order.id), at)
    with transaction():
        second = orders.mark_paid(orders.locked(order.id), clock.after(60))

    order = orders.find(order.reference)
    assert (first, second) == (True, False)
    assert (order.status, order.paid_at) == (OrderStatus.PAID, at)
    assert [part.paid_at for part in order.seller_orders] == [at]
    assert not orders.is_payable(order)


def test_a_paid_order_is_not_cancelled_nor_a_cancelled_one_paid(app):
    paid, cancelled = make_order(), make_order()
    with transaction():
        orders.mark_paid(orders.locked(paid.id), clock.now())
        orders.cancel(orders.locked(cancelled.id))

    with transaction():
        assert orders.cancel(orders.locked(paid.id)) is False
        assert orders.mark_paid(orders.locked(cancelled.id), clock.now()) is False


def test_anothers_order_looks_like_none(app):
    order, stranger = make_order(), make_user()

    with pytest.raises(NotFound) as others:
        orders.visible_to(stranger.id, order.reference)
    with pytest.raises(NotFound) as nobodys:
        orders.visible_to(stranger.id, "ZZZZZZZZ")

    assert str(others.value) == str(nobodys.value)
    assert orders.visible_to(order.user_id, order.reference).id == order.id
    with pytest.raises(NotFound):
        orders.visible_to(None, order.reference)


def test_stock_moves_only_inside_a_transaction(app):
    order = make_order()

    for name in ("hold_stock", "consume_stock", "return_stock", "cancel"):
        with pytest.raises(AssertionError):
            getattr(orders, name)(order)
