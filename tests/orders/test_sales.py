"""A seller sees their paid orders, all of them, once each, and nobody else's."""

from __future__ import annotations

import re

import pytest

from shop.orders import sales
from tests.marketplace import make_order, make_product, make_store, make_user, new_phone, sign_in
from tests.orders.paid import pay


@pytest.fixture
def shop(app, time):
    owner = make_user("Awa")
    return owner, make_product(price=10_005, stock=99, store=make_store(owner=owner))


def test_only_paid_orders_are_sales(shop):
    owner, product = shop
    paid = pay(make_order((product, 1)))
    make_order((product, 1))

    assert [row.order_id for row in sales.of_seller(owner.id).rows] == [paid.id]


def test_another_seller_sees_nothing_of_a_shared_order(shop, client):
    owner, product = shop
    other = make_product("Secret")
    pay(make_order((product, 1), (other, 1)))

    client_phone = owner.phone
    sign_in(client, client_phone)
    page = client.get("/store/orders/").text

    assert product.name in page
    assert "Secret" not in page


def test_pages_hold_every_sale_once_even_at_one_instant(shop, time):
    owner, product = shop
    paid = []
    for number in range(45):
        paid.append(pay(make_order((product, 1))).id)
        if number % 10 == 0:
            time.pass_(seconds=0.000001)

    seen, after = [], ""
    while True:
        page = sales.of_seller(owner.id, after=after)
        seen += [row.order_id for row in page.rows]
        if page.next is None:
            break
        after = page.next

    assert seen == paid[::-1]


@pytest.mark.parametrize("after", ["x", "1", "-", "1-", "9" * 40, "-1-1", "1-1;", "٣-٣"])
def test_a_strange_page_mark_is_the_first_page(shop, after):
    owner, product = shop
    pay(make_order((product, 1)))

    assert sales.of_seller(owner.id, after=after).next is None


def test_search_is_in_the_address_and_finds_reference_buyer_and_article(shop):
    owner, product = shop
    order = pay(make_order((product, 1)))
    [part] = order.seller_orders

    def found(query):
        return len(sales.of_seller(owner.id, query=query).rows)

    dashed = f"{part.reference[:4]}-{part.reference[4:]}".lower()
    assert [found(q) for q in (part.reference, dashed, order.reference)] == [1, 1, 1]
    assert [found(q) for q in ("koné", "Pagne", "zzz", "%", "_", "\\")] == [1, 1, 0, 0, 0, 0]


def test_the_page_adds_up_and_shows_first_names_only(shop, client):
    owner, product = shop
    pay(make_order((product, 3)))
    sign_in(client, owner.phone)

    page = client.get("/store/orders/").text

    def amount(mark):
        found = re.search(rf'data-test="{mark}"><span[^>]*data-montant="(-?\d+)"', page)
        assert found is not None, mark
        return int(found[1])

    assert amount("items") + amount("delivery") == amount("total") == 32_515
    assert amount("commission") == -(30_015 * 500 // 10_000)
    assert amount("total") + amount("commission") == amount("net")
    assert "Koné" not in page
    assert "0701020304" not in page.replace("\u00a0", "")


def test_nobody_without_an_account_sees_sales(client):
    assert client.get("/store/orders/?q=x").location == "/login/?next=/store/orders/?q%3Dx"


def test_a_person_without_a_shop_is_led_to_open_one(client, time):
    sign_in(client, new_phone())

    page = client.get("/store/orders/")

    assert (page.status_code, page.location) == (303, "/store/open/")
