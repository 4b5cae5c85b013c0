"""The cart believes nobody: prices come from the shelf, and quantities are 1 to 99 or nothing."""

from __future__ import annotations

import re

import pytest

from shop.checkout import cart
from shop.db import session, transaction
from shop.orders.models import OrderLine
from shop.orders.refusals import BadQuantity
from shop.stores.models import Product
from tests.marketplace import make_product, make_store, new_phone, sign_in

STRANGE = [
    "-1", "0", "0.5", "1e9", "NaN", "٣", "+5", "", " 1", "1 ", "01", "100", "1000000000", "1,5", "１",
    "0x1", "inf", "1\n", "null", "2²",
]  # fmt: skip


def amounts(page, mark):
    found = re.findall(rf'data-test="{mark}">(?:<[^>]*)?[^<]*?data-montant="(-?\d+)"', page.text)
    return [int(amount) for amount in found]


def put(client, product, quantity="1"):
    return client.post("/cart/add/", data={"product": product.code, "quantity": quantity})


def rows(client):
    text = client.get("/cart/").text
    return re.findall(r'name="quantity" value="(\d+)"', text)


@pytest.mark.parametrize("text", STRANGE)
def test_a_strange_quantity_never_enters_the_cart(client, text):
    product = make_product(stock=10**6)

    assert put(client, product, text).status_code == 422
    assert rows(client) == []


@pytest.mark.parametrize("text", STRANGE)
def test_a_strange_quantity_changes_nothing(client, text):
    product = make_product()
    put(client, product, "2")

    page = client.post("/cart/set/", data={"product": product.code, "quantity": text})

    assert page.status_code == 422
    assert "<title>Erreur :" in page.text
    assert f'href="#q-{product.code}"' in page.text
    assert rows(client) == ["2"]


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("9", 9), ("10", 10), ("99", 99)])
def test_a_plain_quantity_is_read(text, number):
    assert cart.quantity(text) == number


@pytest.mark.parametrize(
    "body",
    [
        "product={code}&quantity=1&quantity=99",
        "product={code}&product={code}&quantity=1",
        "product={code}",
    ],
)
def test_parameters_come_once(client, body):
    product = make_product()

    answer = client.post(
        "/cart/add/",
        data=body.format(code=product.code),
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 422
    assert rows(client) == []


def test_prices_and_ids_sent_along_are_ignored(client):
    product = make_product(price=24_500)

    client.post(
        "/cart/add/",
        data={
            "product": product.code,
            "quantity": "2",
            "price": "1",
            "price_amount": "1",
            "total": "1",
        },
    )

    assert amounts(client.get("/cart/"), "total") == [49_000]


def test_adding_twice_adds_up_to_ninety_nine(client):
    product = make_product(stock=200)

    put(client, product, "60")
    assert put(client, product, "40").status_code == 422
    put(client, product, "39")

    assert rows(client) == ["99"]


def test_buttons_and_number_change_a_quantity(client):
    product = make_product()
    put(client, product, "2")

    for step, left in (("more", "3"), ("less", "2"), ("less", "1")):
        client.post("/cart/set/", data={"product": product.code, "quantity": "7", "step": step})
        assert rows(client) == [left]
    assert (
        client.post("/cart/set/", data={"product": product.code, "step": "less"}).status_code == 422
    )
    client.post("/cart/set/", data={"product": product.code, "quantity": "7", "step": "typed"})

    assert rows(client) == ["7"]


def test_removing_is_harmless_twice(client):
    product = make_product()
    put(client, product)

    for _tap in range(2):
        assert client.post("/cart/remove/", data={"product": product.code}).status_code == 303

    assert "Votre panier est vide" in client.get("/cart/").text


@pytest.mark.parametrize("code", ["ZZZZZZZZ", "", "'", "../etc"])
def test_what_does_not_exist_is_not_found(client, code):
    for path in ("/cart/add/", "/cart/set/"):
        answer = client.post(path, data={"product": code, "quantity": "1"})
        assert answer.status_code == 404


def test_hidden_articles_cannot_be_added(client):
    product = make_product()
    with transaction():
        product.status = "hidden"

    assert put(client, product).status_code == 404


def test_the_thirty_first_article_is_refused(client):
    store = make_store()
    products = [make_product(f"P{i}", store=store) for i in range(31)]

    answers = [put(client, product).status_code for product in products]

    assert answers == [303] * 30 + [422]
    assert len(rows(client)) == 30
    assert len(client.get_cookie("session").value) < 3_500


def test_the_word_cart_counts_on_every_page(client):
    put(client, make_product(), "3")

    assert '<span class="panier">3</span>' in client.get("/help/").text


def test_several_sellers_pay_once(client):
    put(client, make_product(price=24_500, store=make_store("Awa")))
    put(client, make_product(price=3_500, store=make_store("Léo")), "2")

    page = client.get("/cart/")

    assert "un seul paiement" in page.text
    assert amounts(page, "items") == [31_500]
    assert amounts(page, "total") == [31_500]


def test_a_changed_price_is_told(client):
    product = make_product(price=24_500)
    put(client, product)
    with transaction():
        session.get_one(Product, product.id).price_amount = 26_000

    page = client.get("/cart/")

    assert 'data-test="price-changed"' in page.text
    assert amounts(page, "total") == [26_000]


@pytest.mark.parametrize(
    ("stock", "status", "mark"),
    [(2, "active", "short"), (0, "active", "gone"), (9, "hidden", "gone")],
)
def test_what_the_shelf_lost_is_told_and_blocks_ordering(client, stock, status, mark):
    product = make_product(stock=7)
    put(client, product, "3")
    with transaction():
        lost = session.get_one(Product, product.id)
        lost.stock, lost.status = stock, status

    page = client.get("/cart/")

    assert f'data-test="{mark}"' in page.text
    assert 'href="/checkout/"' not in page.text
    assert client.get("/checkout/").location == "/cart/"


def test_two_currencies_are_told(client):
    put(client, make_product())
    put(client, make_product(store=make_store(currency="XAF")))

    page = client.get("/cart/")

    assert page.status_code == 200
    assert amounts(page, "total") == []
    assert client.get("/checkout/").location == "/cart/"


def test_signing_in_keeps_the_cart_and_so_does_signing_out(client, time):
    put(client, make_product(), "3")

    sign_in(client, new_phone())
    assert rows(client) == ["3"]
    client.post("/logout/")

    assert rows(client) == ["3"]


def test_a_borrowed_phone_forgets_the_cart_when_left(client, time):
    put(client, make_product(), "3")
    sign_in(client, new_phone(), borrowed=True)

    client.post("/logout/")

    assert rows(client) == []


@pytest.mark.parametrize("path", ["/cart/add/", "/cart/set/", "/cart/remove/", "/checkout/"])
def test_every_form_needs_its_token(app, client, path):
    app.config["WTF_CSRF_ENABLED"] = True

    answer = client.post(path, data={"product": make_product().code, "quantity": "1"})

    assert answer.status_code == 400
    assert session.query(OrderLine).count() == 0


def test_the_service_agrees_with_the_page(app):
    with app.test_request_context(), pytest.raises(BadQuantity):
        cart.change("ZZZZZZZZ", 0)
