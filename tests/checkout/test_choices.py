"""A code in the cart, a point instead of an address, and the door instead of now: by forms only."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from shop import clock
from shop.db import session
from shop.orders.models import Order
from shop.stores.discount_models import DiscountCode
from shop.stores.models import Store
from tests.checkout.test_cart import put
from tests.checkout.test_checkout import all_orders, hidden, submit
from tests.marketplace import make_product, make_store, make_user, new_phone, sign_in
from tests.orders.doors import door_shop, make_code, point_of


def use(client, code: str):
    return client.post("/cart/code/", data={"code": code})


def test_a_code_in_the_cart_is_a_line_of_the_order(client):
    product = make_product(price=10_000)
    make_code(product.store, percent=10)
    put(client, product)

    assert use(client, "awa-10").status_code == 303
    assert "1\u00a0000" in client.get("/cart/").text
    submit(client)

    [order] = all_orders()
    assert (order.discount_amount, order.total_amount) == (1_000, 11_500)
    assert "Réduction" in client.get(f"/order/{order.reference}/payment/").text


def test_a_code_can_be_dropped_again(client):
    product = make_product()
    make_code(product.store)
    put(client, product)
    use(client, "AWA10")

    client.post("/cart/code/drop/", data={"code": "AWA10"})
    submit(client)

    assert all_orders()[0].discount_amount == 0


def test_a_wrong_code_is_said_beside_its_field(client):
    product = make_product(price=1_000)
    make_code(product.store, least=5_000)
    put(client, product)

    wrong, small = use(client, "NOPE"), use(client, "AWA10")

    assert (wrong.status_code, small.status_code) == (422, 422)
    assert "Aucun vendeur de ce panier" in wrong.text
    assert "5\u00a0000" in small.text
    assert client.get("/cart/code/").status_code == 303, "people reload their errors"


def test_what_is_fetched_needs_no_address(client):
    product = make_product(price=10_000)
    point = point_of(product.store)
    put(client, product)
    nowhere = {"quarter": "", "landmark": "", f"way-{product.store_id}": f"point-{point}"}

    assert submit(client, **nowhere).status_code == 303

    [order] = all_orders()
    [part] = order.seller_orders
    assert (part.way, part.way_name, order.total_amount) == ("pickup", "Salon Adjoua", 10_000)
    assert submit(client, quarter="", landmark="").status_code in (303, 422)


def test_the_door_is_offered_where_the_seller_said_so(client):
    shop = door_shop(limit=20_000)
    put(client, make_product(price=10_000, store=shop))
    page = client.get("/checkout/").text
    assert f'name="pay-{shop.id}"' in page

    elsewhere = submit(client, quarter="Treichville", **{f"pay-{shop.id}": "door"})
    assert elsewhere.status_code == 422
    assert "payé à la porte" in elsewhere.text
    assert submit(client, **{f"pay-{shop.id}": "door"}).status_code == 303

    [order] = all_orders()
    assert (order.total_amount, order.door_amount) == (2_500, 10_000)


def test_a_seller_makes_pauses_and_reads_a_code(client):
    phone = new_phone()
    shop = make_store(owner=make_user(phone=phone))
    sign_in(client, phone)
    today = clock.now().date()
    form = {
        "code": "rentree 10", "percent": "10", "off": "", "least": "0", "starts_on": today,
        "ends_on": today + timedelta(days=9), "most_uses": "5", "most_per_buyer": "1",
    }  # fmt: skip

    assert client.post("/store/codes/", data=form).status_code == 303
    twice = client.post("/store/codes/", data=form)
    both = client.post("/store/codes/", data=form | {"code": "AUTRE", "off": "500"})

    assert (twice.status_code, both.status_code) == (422, 422)
    assert "déjà un code de ce nom" in twice.text
    code = session.scalars(sa.select(DiscountCode)).one()
    assert (code.store_id, code.code) == (shop.id, "RENTREE10")
    client.post(f"/store/codes/{code.id}/", data={"paused": "1"})
    assert "En pause" in client.get(f"/store/codes/{code.id}/").text


def test_a_seller_adds_closes_and_forgets_a_point(client):
    phone = new_phone()
    shop = make_store(owner=make_user(phone=phone))
    sign_in(client, phone)
    form = {
        "name": "Salon Adjoua", "town": "Abidjan", "place": "face à la mosquée de Treichville",
        "hours": "9 h à 18 h", "price": "200", "ready": "24",
    }  # fmt: skip

    assert client.post("/store/delivery/points/", data=form).status_code == 303
    session.rollback()
    [point] = session.get_one(Store, shop.id).points
    client.post(f"/store/delivery/points/{point.id}/", data=form | {"price": "0"})
    client.post(f"/store/delivery/points/{point.id}/off/")
    session.expire_all()
    assert (point.price_amount, point.is_on) == (0, False)
    assert client.post(f"/store/delivery/points/{point.id}/open/").status_code == 404

    client.post(f"/store/delivery/points/{point.id}/drop/")
    session.expire_all()
    assert session.get_one(Store, shop.id).points == []


def test_a_stopped_zone_is_not_delivered_to(client):
    phone = new_phone()
    shop = make_store(owner=make_user(phone=phone))
    put(client, make_product(store=shop))
    sign_in(client, phone)
    for zone in shop.zones:
        client.post(f"/store/delivery/{zone.id}/off/")

    answer = client.post("/checkout/", data=hidden(client) | {"town": "Abidjan"})

    assert answer.status_code == 422
    assert session.scalars(sa.select(Order)).all() == []
