"""From the cart to one order and its payment page, as a guest, as a member, and as a nuisance."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from shop.accounts.models import User
from shop.db import session, transaction
from shop.orders.models import Order
from shop.stores.models import Product
from tests.checkout.test_cart import amounts, put
from tests.marketplace import make_order, make_product, make_store, new_phone, sign_in

PHONE = "+2250701020304"
ADDRESS = {
    "country": "CI", "town": "Abidjan", "quarter": "Cocody",
    "landmark": "en face de la pharmacie du Plateau",
}  # fmt: skip
GUEST = ADDRESS | {"name": "Awa Koné", "phone": "07 01 02 03 04"}


def hidden(client) -> dict[str, str]:
    page = client.get("/checkout/").text
    found = re.findall(r'<input id="(form_key|seen)"[^>]*value="([^"]*)"', page)
    return dict(found)


def submit(client, **fields):
    return client.post("/checkout/", data=GUEST | hidden(client) | fields)


def all_orders() -> list[Order]:
    session.rollback()
    return list(session.scalars(sa.select(Order).order_by(Order.id)))


def test_a_guest_orders_with_a_number_only(client):
    put(client, make_product(price=24_500), "2")

    answer = submit(client)

    [order] = all_orders()
    assert answer.status_code == 303
    assert answer.location == f"/order/{order.reference}/payment/"
    assert (order.items_amount, order.delivery_amount, order.total_amount) == (
        49_000,
        2_500,
        51_500,
    )
    assert (order.contact_name, order.contact_phone) == ("Awa Koné", PHONE)
    guest = session.get_one(User, order.user_id)
    assert (guest.name, guest.phone, guest.verified_at) == ("Awa Koné", PHONE, None)
    assert "Votre panier est vide" in client.get("/cart/").text
    assert client.get(f"/order/{order.reference}/").status_code == 200


def test_nothing_asks_for_a_postcode(client):
    put(client, make_product())

    assert not re.search(r"postal|postcode|zip", client.get("/checkout/").text, re.IGNORECASE)


def test_the_same_form_sent_twice_is_one_order_and_one_guest(app, client):
    put(client, make_product())
    data = GUEST | hidden(client)
    before = client.get_cookie("session").value

    first = client.post("/checkout/", data=data)
    second = client.post("/checkout/", data=data)
    other_tab = app.test_client()
    other_tab.set_cookie("session", before)
    third = other_tab.post("/checkout/", data=data)

    assert {a.location for a in (first, second, third)} == {first.location}
    assert len(all_orders()) == 1
    assert session.query(User).filter_by(verified_at=None).count() == 1
    assert other_tab.get(first.location.removesuffix("payment/")).status_code == 200


def test_another_number_does_not_get_the_order_of_a_form(app, client):
    put(client, make_product())
    data = GUEST | hidden(client)
    client.post("/checkout/", data=data)
    stranger = app.test_client()
    put(stranger, make_product())

    answer = stranger.post(
        "/checkout/",
        data=data | {"phone": "07 99 99 99 99", "seen": hidden(stranger)["seen"]},
    )

    assert answer.status_code == 409
    assert len(all_orders()) == 1


def test_a_guest_who_orders_again_is_the_same_guest(client):
    for _order in range(2):
        put(client, make_product())
        submit(client)

    first, second = all_orders()
    assert first.user_id == second.user_id


def test_a_member_is_not_asked_who_they_are(client, time):
    sign_in(client, PHONE)
    put(client, make_product())

    page = client.get("/checkout/").text
    submit(client, name="Eve", phone="07 99 99 99 99", user_id="999")

    [order] = all_orders()
    assert 'name="phone"' not in page
    assert (order.contact_name, order.contact_phone) == ("Awa Koné", PHONE)


def test_the_last_address_is_offered_again(client):
    put(client, make_product())
    submit(client)
    put(client, make_product())

    page = client.get("/checkout/")

    assert GUEST["landmark"] in page.text
    assert amounts(page, "delivery") == [2_500]


def test_somebody_else_may_receive(client):
    put(client, make_product())

    assert submit(client, other_phone="05 01 02 03 04").status_code == 422
    assert submit(client, other_name="Paul").status_code == 422
    submit(client, other_name="Paul", other_phone="05 01 02 03 04")

    [order] = all_orders()
    assert (order.contact_name, order.contact_phone) == ("Paul", "+2250501020304")
    assert session.get_one(User, order.user_id).phone == PHONE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("phone", "12"), ("phone", "٠٧٠١٠٢٠٣٠٤"), ("country", "FR"), ("town", "Paris"),
        ("quarter", ""), ("landmark", "ici"), ("landmark", "x" * 161), ("form_key", "short"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(client, field, value):
    put(client, make_product())

    page = submit(client, **{field: value})

    assert page.status_code == 422
    assert "<title>Erreur :" in page.text
    assert f'href="#{field}"' in page.text
    assert field == "landmark" or GUEST["landmark"] in page.text
    assert all_orders() == []


def test_a_place_without_delivery_is_said_beside_the_quarter(client):
    store = make_store("Léo")
    with transaction():
        store.zones[:] = [zone for zone in store.zones if zone.quarter]
    put(client, make_product(store=store))

    page = submit(client, quarter="Yopougon")

    assert page.status_code == 422
    assert 'id="err-quarter"' in page.text
    assert "Léo" in page.text
    assert session.query(User).filter_by(phone=PHONE).count() == 0


def test_a_price_that_moved_is_told_before_ordering(client):
    product = make_product(price=24_500)
    put(client, product)
    data = GUEST | hidden(client)
    with transaction():
        session.get_one(Product, product.id).price_amount = 30_000

    page = client.post("/checkout/", data=data)
    assert page.status_code == 422
    assert amounts(page, "total") == [32_500]
    assert all_orders() == []
    submit(client)

    assert [order.items_amount for order in all_orders()] == [30_000]


def test_stock_that_went_is_told_before_ordering(client):
    product = make_product(stock=5)
    put(client, product, "3")
    data = GUEST | hidden(client)
    with transaction():
        session.get_one(Product, product.id).stock = 1

    assert client.post("/checkout/", data=data).location == "/cart/"
    assert all_orders() == []


def test_no_column_of_an_order_can_be_posted(client):
    put(client, make_product(price=24_500))
    columns = {column.name: "1" for column in Order.__table__.columns}
    ours = {"form_key", "country", "town", "quarter", "landmark"}

    submit(client, **{name: value for name, value in columns.items() if name not in ours})

    [order] = all_orders()
    assert order.total_amount == 27_000
    assert order.status == "awaiting_payment"
    assert order.access_token != "1"


def test_totals_on_the_page_equal_their_lines(client):
    for price, store in ((24_500, make_store("Awa")), (3_505, make_store("Léo", delivery=1_000))):
        put(client, make_product(price=price, store=store), "3")
    submit(client)

    [order] = all_orders()
    page = client.get(f"/order/{order.reference}/")
    lines = [
        int(a)
        for a in re.findall(r'<li data-test="(?:line|delivery)">.*?data-montant="(\d+)"', page.text)
    ]

    assert sum(lines) == sum(amounts(page, "subtotal")) == amounts(page, "total")[0]
    assert amounts(page, "total") == [order.total_amount]


def test_anothers_order_page_is_a_page_that_does_not_exist(app, client):
    order = make_order()
    sign_in(client, new_phone())

    for browser in (client, app.test_client()):
        others = browser.get(f"/order/{order.reference}/")
        nobodys = browser.get("/order/00000000/")
        assert (others.status_code, nobodys.status_code) == (404, 404)
        assert others.text.replace(order.reference, "") == nobodys.text.replace("00000000", "")


def test_the_link_of_a_message_opens_one_order_only(client):
    mine = make_order()
    other = make_order(user=session.get_one(User, mine.user_id))

    answer = client.get(f"/o/{mine.access_token}/")

    assert answer.location == f"/order/{mine.reference}/"
    assert client.get(answer.location).status_code == 200
    assert client.get(f"/order/{other.reference}/").status_code == 404
    assert mine.reference not in client.get("/orders/").text
    assert client.get(f"/o/{mine.access_token[:-1]}/").status_code == 404


def test_a_guest_who_proves_the_number_finds_their_orders(app, client, time):
    put(client, make_product())
    submit(client)
    [order] = all_orders()
    phone = app.test_client()

    sign_in(phone, PHONE, next="/orders/")

    assert f"/order/{order.reference}/" in phone.get("/orders/").text
    assert client.get(f"/order/{order.reference}/").status_code == 200
    assert f"/order/{order.reference}/" not in client.get("/orders/").text


def test_logging_out_hides_the_orders(client, time):
    put(client, make_product())
    submit(client)
    [order] = all_orders()
    sign_in(client, PHONE)

    client.post("/logout/")

    assert client.get(f"/order/{order.reference}/").status_code == 404
