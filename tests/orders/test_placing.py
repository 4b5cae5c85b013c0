"""Baskets become orders whose amounts the server computed, froze and can add up to the franc."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.db import session, transaction
from shop.errors import Conflict
from shop.money import Money
from shop.orders import refusals
from shop.orders import service as orders
from shop.orders.models import Order
from shop.stores.models import Product
from tests.marketplace import CONTACT, make_order, make_product, make_store, make_user, stock_of


def test_one_seller_order_per_store_with_its_own_delivery(app):
    awa, leo = make_store("Awa", delivery=2_500), make_store("Léo", delivery=1_000)

    order = make_order(
        (make_product(price=24_500, store=awa), 1), (make_product(price=3_500, store=leo), 2)
    )

    assert [(p.items_amount, p.delivery_amount) for p in order.seller_orders] == [
        (24_500, 2_500),
        (7_000, 1_000),
    ]
    assert order.total == Money(35_000, "XOF")
    assert orders.seller_shares(order) == [(part.id, part.total) for part in order.seller_orders]


def test_commission_is_rounded_down_and_frozen(app):
    store = make_store(commission_bp=333)
    order = make_order((make_product(price=1_001, store=store), 1))

    with transaction():
        store.commission_bp = 5_000

    assert order.seller_orders[0].commission == Money(33, "XOF")
    assert order.seller_orders[0].net == Money(1_001 + 2_500 - 33, "XOF")


def test_later_prices_do_not_move_an_order(app):
    product = make_product(price=24_500)
    order = make_order((product, 1))

    with transaction():
        product.price_amount = 99_000

    assert orders.find(order.reference).items == Money(24_500, "XOF")


def test_same_form_gives_the_first_order(app):
    user, product = make_user(), make_product()

    first = make_order((product, 1), user=user, form_key="once")
    second = make_order((product, 3), user=user, form_key="once")

    assert second.id == first.id
    assert session.query(Order).count() == 1


def test_a_form_key_of_somebody_else_is_refused(app):
    make_order(form_key="mine")

    with pytest.raises(Conflict):
        make_order(form_key="mine")


def test_placing_takes_no_stock(app):
    product = make_product(stock=7)

    make_order((product, 7))

    assert stock_of(product) == 7


def test_the_same_product_twice_is_one_line(app):
    product = make_product(stock=5)

    order = make_order((product, 2), (product, 3))

    assert [line.quantity for line in order.seller_orders[0].lines] == [5]


@pytest.mark.parametrize("quantity", [0, -1, 100, 10**9, 0.5, True, "1", None])
def test_a_strange_quantity_is_refused(app, quantity):
    product = make_product(stock=10**6)

    with pytest.raises(refusals.BadQuantity):
        make_order((product, quantity))

    assert session.query(Order).count() == 0


def test_more_than_the_shelf_is_refused_by_name(app):
    with pytest.raises(orders.OutOfStock) as refusal:
        make_order((make_product("Karité", stock=2), 3))

    assert refusal.value.product_name == "Karité"


@pytest.mark.parametrize("status", ["hidden", "pending"])
def test_a_product_off_the_shelf_is_refused(app, status):
    product = make_product()
    with transaction():
        product.status = status

    with pytest.raises(refusals.ProductUnavailable):
        make_order((product, 1))


def test_a_closed_shop_sells_nothing(app):
    store = make_store()
    product = make_product(store=store)
    with transaction():
        store.status = "suspended"

    with pytest.raises(refusals.ProductUnavailable):
        make_order((product, 1))


def test_an_unknown_product_is_refused(app):
    with pytest.raises(refusals.ProductUnavailable):
        orders.place(
            user_id=make_user().id, lines=[orders.Line(404, 1)], contact=CONTACT, form_key="x"
        )


def test_two_currencies_are_refused(app):
    francs, cedis = make_product(), make_product(store=make_store(currency="XAF"))

    with pytest.raises(refusals.MixedCurrencies):
        make_order((francs, 1), (cedis, 1))


def test_no_lines_is_refused(app):
    with pytest.raises(refusals.EmptyOrder):
        orders.place(user_id=make_user().id, lines=[], contact=CONTACT, form_key="x")


@pytest.mark.parametrize(
    ("town", "quarter", "price"),
    [("Abidjan", "Cocody", 2_500), ("ABIDJAN ", "cocody", 2_500), ("Abidjan", "Yopougon", 3_500)],
)
def test_delivery_is_the_quarter_else_the_town(app, town, quarter, price):
    [part] = orders.quote([orders.Line(make_product().id, 1)], (town, quarter))

    assert part.delivery == Money(price, "XOF")


def test_a_town_without_delivery_is_refused_by_store(app):
    product = make_product(store=make_store("Léo"))

    with pytest.raises(refusals.NoDelivery) as refusal:
        orders.quote([orders.Line(product.id, 1)], ("Bouaké", "Centre"))

    assert refusal.value.name == "Léo"


BASKETS = st.lists(
    st.tuples(st.integers(0, 11), st.integers(1, 9)),
    min_size=1,
    max_size=8,
    unique_by=lambda b: b[0],
)


def test_a_hundred_baskets_add_up_to_the_franc(app):
    prices = st.lists(st.integers(1, 5_000_000), min_size=12, max_size=12)
    stores = [
        make_store(f"S{i}", commission_bp=bp, delivery=d)
        for i, (bp, d) in enumerate([(0, 0), (333, 1_005), (5_000, 2_500)])
    ]
    products = [make_product(store=stores[i % 3], stock=99) for i in range(12)]
    user = make_user()

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(basket=BASKETS, prices=prices)
    def check(basket, prices):
        with transaction():
            for product, price in zip(products, prices, strict=True):
                session.get_one(Product, product.id).price_amount = price

        order = make_order(*[(products[i], q) for i, q in basket], user=user)

        shares = orders.seller_shares(order)
        lines = [line for part in order.seller_orders for line in part.lines]
        assert sum(m.amount for _id, m in shares) == order.total_amount
        assert sum(line.amount for line in lines) == order.items_amount
        assert order.items_amount == sum(prices[i] * q for i, q in basket)
        assert sum(p.delivery_amount for p in order.seller_orders) == order.delivery_amount
        assert all(0 <= p.commission_amount <= p.items_amount for p in order.seller_orders)

    check()
