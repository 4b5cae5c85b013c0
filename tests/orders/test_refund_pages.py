"""The seller's refund page: what, why, who bears which franc, then yes; once, and on one's own orders."""

from __future__ import annotations

import re

import pytest

from shop.ledger import chart
from shop.ledger import service as ledger
from shop.orders.models import SellerOrder
from shop.orders.states import Stage
from tests.marketplace import make_order, make_product, make_store, make_user, new_phone, sign_in
from tests.orders.paid import again, make_part, report


@pytest.fixture
def sold(app, time, client) -> SellerOrder:
    """Sign the seller of a paid 10,000 + 2,000 at 5 % in."""
    phone = new_phone()
    store = make_store(owner=make_user(phone=phone), commission_bp=500, delivery=2_000)
    part = make_part(Stage.CONFIRMED, make_order((make_product(price=10_000, store=store), 1)))
    sign_in(client, phone)
    return again(part)


def wallet(user_id: int) -> int:
    return ledger.balance(chart.wallet(user_id, "XOF")).amount


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def form(page: str, **changed: str) -> dict[str, str]:
    said = {"amount": "3 000", "cause": "missing", "words": "un pagne manque"}
    return {"form_key": hidden(page, "form_key")} | said | changed


def plain(page: str) -> str:
    return page.replace("\u202f", " ").replace("\xa0", " ").replace("&nbsp;", " ")


def test_the_seller_sees_who_bears_what_before_saying_yes(sold, client):
    address = f"/store/orders/{sold.reference}/refund/"
    assert address in client.get(f"/store/orders/{sold.reference}/").text
    asked = client.get(address).text

    shown = client.post(address, data=form(asked))

    assert shown.status_code == 200
    assert 'data-test="bearers"' in shown.text
    assert "2 850" in plain(shown.text)
    assert wallet(sold.order.user_id) == 0, "nothing moves before the yes"

    sure = form(asked, sure=hidden(shown.text, "sure"))
    answers = [client.post(address, data=sure).status_code for _tap in range(2)]

    assert answers == [303, 303]
    assert wallet(sold.order.user_id) == 3_000
    page = plain(client.get(f"/store/orders/{sold.reference}/").text)
    assert "Le vendeur rend de l’argent" in page
    assert "un pagne manque" in page


def test_a_yes_to_another_amount_is_no_yes(sold, client):
    address = f"/store/orders/{sold.reference}/refund/"
    asked = client.get(address).text

    answer = client.post(address, data=form(asked, amount="9 000", sure="3000"))

    assert 'data-test="bearers"' in answer.text
    assert wallet(sold.order.user_id) == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": "12 001"}, "Au plus"),
        ({"amount": "beaucoup"}, "en chiffres"),
        ({"amount": "0"}, "Au plus"),
        ({"cause": "staff"}, "Choisissez"),
        ({"words": " "}, "Dites pourquoi"),
        ({"form_key": "x"}, "Rechargez"),
    ],
    ids=["above", "letters", "nothing", "cause", "words", "key"],
)
def test_what_is_wrong_is_said_on_the_page(sold, client, changed, said):
    address = f"/store/orders/{sold.reference}/refund/"
    asked = client.get(address).text

    answer = client.post(address, data=form(asked, **changed))

    assert answer.status_code == 422
    assert said in answer.text
    assert wallet(sold.order.user_id) == 0


def test_while_a_problem_is_open_the_page_says_so(app, time, client):
    phone = new_phone()
    store = make_store(owner=make_user(phone=phone))
    part = make_part(Stage.SENT, make_order((make_product(store=store), 1)))
    report(part)
    sign_in(client, phone)

    page = client.get(f"/store/orders/{again(part).reference}/refund/").text

    assert "Un problème est signalé" in page
    assert "<form" not in page.split("<main")[1].split("</main")[0]


def test_the_page_speaks_english(sold, client):
    client.set_cookie("lang", "en")
    page = client.get(f"/store/orders/{sold.reference}/refund/?lang=en").text

    assert "See who pays what" in page
