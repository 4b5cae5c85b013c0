"""Opening a shop and selling: two forms, one product per form, and nobody else's things."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts.models import User
from shop.db import session
from shop.stores import service
from shop.stores.models import DeliveryZone, Product, Store
from tests.marketplace import make_order, make_product, make_store, make_user
from tests.orders.paid import pay
from tests.stores.test_photos import encoded

SignIn = Callable[[User], FlaskClient]

SHOP = {
    "name": "Chez  Awa & Filles", "about": "Des pagnes tissés à la main.", "country": "CI",
    "town": "Abidjan", "quarter": "Cocody", "delivery": "1 500",
}  # fmt: skip
PRODUCT = {
    "name": "Pagne tissé", "category": "1", "price": "24 500", "stock": "7",
    "description": "Coton.\nTrois pièces.", "form_key": "key-of-this-very-form",
}  # fmt: skip


def with_photos(*files: bytes, **values: str) -> dict[str, Any]:
    return {**PRODUCT, **values, "photos": [(BytesIO(f), f"{n}.jpg") for n, f in enumerate(files)]}


def products() -> list[Product]:
    session.rollback()
    return list(session.query(Product))


def test_two_forms_put_a_first_product_on_the_shelf(
    app: Flask, client: FlaskClient, sign_in: SignIn
) -> None:
    seller = sign_in(make_user())

    opened = seller.post("/store/open/", data=SHOP)
    published = seller.post("/store/products/new/", data=with_photos(encoded()))

    assert opened.headers["Location"] == "/store/products/new/"
    assert (opened.status_code, published.status_code) == (303, 303)
    page = client.get(published.headers["Location"])
    assert page.status_code == 200
    assert "Pagne tissé" in client.get("/?q=pagnes").get_data(as_text=True)
    assert client.get("/s/chez-awa-filles/").status_code == 200
    (product,) = products()
    assert (product.price.amount, product.stock, len(product.photos)) == (24_500, 7, 1)
    assert [zone.price_amount for zone in product.store.zones] == [1_500]
    assert product.store.commission_bp == 500


def test_the_same_form_twice_makes_one_product_and_one_shop(app: Flask, sign_in: SignIn) -> None:
    seller = sign_in(make_user())
    for _tap in range(2):
        seller.post("/store/open/", data=SHOP)

    first = seller.post("/store/products/new/", data=PRODUCT)
    second = seller.post("/store/products/new/", data=PRODUCT)

    assert first.headers["Location"] == second.headers["Location"]
    assert len(products()) == 1
    assert session.query(Store).count() == 1


def test_a_form_key_of_another_shop_publishes_nothing(app: Flask, sign_in: SignIn) -> None:
    mine, theirs = make_user(), make_user()
    for owner in (mine, theirs):
        make_store(owner=owner)
    sign_in(mine).post("/store/products/new/", data=PRODUCT)

    answer = sign_in(theirs).post("/store/products/new/", data=PRODUCT)

    assert answer.status_code == 409
    assert len(products()) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "ab"), ("price", "12,5"), ("price", "-5"), ("price", "0"), ("price", "12501"), ("price", "abc"),
     ("stock", "-1"), ("stock", "beaucoup"), ("stock", ""), ("category", "999"), ("description", "x" * 2001)],
)  # fmt: skip
def test_a_bad_field_is_explained_and_what_was_typed_is_kept(
    app: Flask, sign_in: SignIn, field: str, value: str
) -> None:
    owner = make_user()
    make_store(owner=owner)

    answer = sign_in(owner).post("/store/products/new/", data={**PRODUCT, field: value})

    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'href="#{field}"' in html
    assert f'id="err-{field}"' in html
    assert "<title>Erreur" in html
    assert 'value="key-of-this-very-form"' in html
    assert products() == []


@pytest.mark.parametrize("price", ["12.500", "12 500", "12,500", "12500", "12\u00a0500"])
def test_a_price_is_read_as_people_write_it(app: Flask, sign_in: SignIn, price: str) -> None:
    owner = make_user()
    make_store(owner=owner)

    sign_in(owner).post("/store/products/new/", data={**PRODUCT, "price": price})

    assert [p.price.amount for p in products()] == [12_500]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [([b"<svg/>"], "pas une photo lisible"), ([encoded()] * 5, "Quatre photos"),
     ([encoded(size=(50, 50))], "trop petite")],
)  # fmt: skip
def test_a_refused_photo_says_why_and_publishes_nothing(
    app: Flask, sign_in: SignIn, files: list[bytes], sentence: str
) -> None:
    owner = make_user()
    make_store(owner=owner)

    answer = sign_in(owner).post("/store/products/new/", data=with_photos(*files))

    assert answer.status_code == 422
    assert sentence in answer.get_data(as_text=True)
    assert products() == []


def foreign_addresses(product: Product, zone: DeliveryZone) -> list[tuple[str, str]]:
    return [
        ("GET", f"/store/products/{product.code}/"),
        ("POST", f"/store/products/{product.code}/"),
        ("POST", f"/store/products/{product.code}/visible/"),
        ("POST", f"/store/delivery/{zone.id}/drop/"),
    ]


def test_another_sellers_things_look_exactly_like_nothing(app: Flask, sign_in: SignIn) -> None:
    me = make_user()
    make_store(owner=me)
    theirs = make_product("À elle")
    zone = session.get_one(Store, theirs.store_id).zones[0]
    absent = Product(code="00000000"), DeliveryZone(id=999_999)
    browser = sign_in(me)

    for (method, path), (_m, nowhere) in zip(
        foreign_addresses(theirs, zone), foreign_addresses(*absent), strict=True
    ):
        foreign, missing = (browser.open(p, method=method, data=PRODUCT) for p in (path, nowhere))

        assert foreign.status_code == missing.status_code == 404, path
        assert foreign.data == missing.data
    session.rollback()
    assert session.get_one(Product, theirs.id).status == "active"
    assert len(session.get_one(Store, theirs.store_id).zones) == 2


def test_every_address_with_an_id_is_in_the_ownership_test(app: Flask) -> None:
    product, zone = Product(code="00000000"), DeliveryZone(id=1)
    tried = {path for _m, path in foreign_addresses(product, zone) if "/products/" in path}
    rules = [
        r for r in app.url_map.iter_rules() if r.endpoint.startswith("seller.") and r.arguments
    ]

    with app.test_request_context():
        built = {app.url_for(r.endpoint, code="00000000", zone_id=1) for r in rules}

    assert {path.split("?")[0] for path in built} == tried


@pytest.mark.parametrize(
    "path", ["/store/", "/store/open/", "/store/products/new/", "/store/delivery/"]
)
def test_a_stranger_is_shown_nothing(app: Flask, client: FlaskClient, path: str) -> None:
    rule = next(r for r in app.url_map.iter_rules() if r.rule == path)

    assert getattr(app.view_functions[rule.endpoint], "access", None) == "signed_in"


def test_stock_moves_by_the_difference_while_sales_go_on(app: Flask, sign_in: SignIn) -> None:
    owner = make_user()
    product = make_product(stock=7, store=make_store(owner=owner))
    with_three_sold = {**PRODUCT, "seen_stock": "10", "stock": "12"}

    answer = sign_in(owner).post(f"/store/products/{product.code}/", data=with_three_sold)

    assert answer.status_code == 303
    assert [p.stock for p in products()] == [9]


def test_stock_never_goes_below_what_was_sold_meanwhile(app: Flask, sign_in: SignIn) -> None:
    owner = make_user()
    product = make_product(stock=2, store=make_store(owner=owner))

    answer = sign_in(owner).post(
        f"/store/products/{product.code}/", data={**PRODUCT, "seen_stock": "10", "stock": "1"}
    )

    assert answer.status_code == 422
    assert "Des ventes ont eu lieu" in answer.get_data(as_text=True)
    assert [p.stock for p in products()] == [2]


def test_photos_are_added_and_removed(app: Flask, sign_in: SignIn) -> None:
    owner = make_user()
    make_store(owner=owner)
    browser = sign_in(owner)
    browser.post("/store/products/new/", data=with_photos(encoded(), encoded()))
    (product,) = products()
    first = product.photos[0].key
    change = {"dropped": first, "seen_stock": "7"}

    browser.post(f"/store/products/{product.code}/", data=with_photos(encoded(), **change))

    keys = [photo.key for photo in products()[0].photos]
    assert len(keys) == 2
    assert first not in keys


def test_a_product_is_hidden_and_shown_again(client: FlaskClient, sign_in: SignIn) -> None:
    owner = make_user()
    product = make_product(store=make_store(owner=owner))
    browser, path = sign_in(owner), f"/p/{product.code}/"

    browser.post(f"/store/products/{product.code}/visible/", data={"visible": "0"})
    hidden = client.get(path).status_code
    browser.post(f"/store/products/{product.code}/visible/", data={"visible": "1"})

    assert (hidden, client.get(path).status_code) == (404, 200)


def test_delivery_prices_are_set_changed_and_dropped(app: Flask, sign_in: SignIn) -> None:
    owner = make_user()
    store = make_store(owner=owner)
    browser = sign_in(owner)

    browser.post(
        "/store/delivery/", data={"town": "Abidjan", "quarter": "Plateau", "price": "1000"}
    )
    browser.post(
        "/store/delivery/", data={"town": "abidjan", "quarter": "PLATEAU", "price": "1 500"}
    )
    session.rollback()
    store = session.get_one(Store, store.id)
    plateau = service.delivery_zone(store, "Abidjan", "Plateau")
    assert plateau is not None
    browser.post(f"/store/delivery/{plateau.id}/drop/")

    assert plateau.price_amount == 1_500
    session.rollback()
    assert len(session.get_one(Store, store.id).zones) == 2


def test_the_back_room_lists_products_and_low_stock(app: Flask, sign_in: SignIn) -> None:
    owner = make_user()
    store = make_store(owner=owner)
    make_product("Presque fini", stock=1, store=store)
    make_product("En quantité", stock=50, store=store)

    html = sign_in(owner).get("/store/").get_data(as_text=True)

    assert html.count('data-test="product-row"') == 2
    assert html.count("Presque fini") == 2
    assert html.count("En quantité") == 1
    assert 'href="/store/orders/"' in html


def test_the_back_room_shows_what_was_sold_and_what_it_brings(app: Flask, sign_in: SignIn) -> None:
    owner = make_user()
    store = make_store(owner=owner, delivery=2_500)
    paid, waiting = (
        make_product("Pagne", price=20_000, store=store),
        make_product("Bol", store=store),
    )
    order = make_order((paid, 1))
    make_order((waiting, 1))
    pay(order)

    html = sign_in(owner).get("/store/").get_data(as_text=True)

    assert html.count('data-test="sale-row"') == 1
    assert 'data-montant="21500"' in html, "20,000 + 2,500 of delivery - 5 % of the article"


def test_forms_without_a_key_of_ours_are_never_taken_for_one_another(
    app: Flask, sign_in: SignIn
) -> None:
    owner = make_user()
    make_store(owner=owner)
    browser = sign_in(owner)

    for key in ("", "", "x" * 500):
        browser.post("/store/products/new/", data={**PRODUCT, "form_key": key})

    assert len(products()) == 3


def test_shops_of_one_name_have_their_own_addresses(client: FlaskClient, sign_in: SignIn) -> None:
    name = "Œuvres & Étoffes de la Grand-Mère d’Attécoubé-Nord 123 abcdefg"[:60]
    for _shop in range(3):
        sign_in(make_user()).post("/store/open/", data={**SHOP, "name": name})

    slugs = [store.slug for store in session.query(Store).order_by(Store.id)]

    assert slugs[0].startswith("oeuvres-etoffes-de-la-grand-mere-d-attecoube")
    assert slugs[1:] == [f"{slugs[0]}-2", f"{slugs[0]}-3"]
    assert [client.get(f"/s/{slug}/").status_code for slug in slugs] == [200] * 3
