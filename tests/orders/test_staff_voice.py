"""Staff writing in a conversation: under a name of its own, told to both, said once."""

from __future__ import annotations

import sqlalchemy as sa

from shop.accounts.models import User
from shop.db import session
from shop.notices.models import Notice
from shop.orders.states import Stage
from shop.orders.talk_models import OrderMessage
from tests.cli.shell import flask
from tests.marketplace import make_order, make_user, new_phone, sign_in
from tests.orders.paid import make_part


def test_both_sides_read_who_wrote_and_are_told(app, time):
    phone = new_phone()
    part = make_part(Stage.SENT, make_order(user=make_user("Moussa", phone=phone)))
    said = flask(
        app, "orders", "say", part.reference, "--text", "Nous appelons le livreur.", "--as", "Fatou"
    )

    assert said.code == 0
    seller_phone = session.get_one(User, part.store.owner_id).phone
    pages = {
        phone: f"/order/{part.order.reference}/{part.reference}/messages/",
        seller_phone: f"/store/orders/{part.reference}/messages/",
    }
    for number, address in pages.items():
        browser = app.test_client()
        sign_in(browser, number)
        page = browser.get(address).text
        assert "Fatou, équipe Cauri" in page
        assert "Nous appelons le livreur." in page
        told = session.scalars(sa.select(Notice.text).where(Notice.phone == number)).all()
        assert any("Nouveau message" in text for text in told)


def test_the_same_key_says_it_once(app, time):
    part = make_part(Stage.SENT)
    words = ("orders", "say", part.reference, "--text", "Bonjour", "--as", "Fatou", "--once", "k1")

    assert [flask(app, *words).code, flask(app, *words).code] == [0, 0]
    assert session.query(OrderMessage).count() == 1


def test_what_cannot_be_said_says_why(app, time):
    part = make_part(Stage.SENT)
    base = ("orders", "say")

    assert flask(app, *base, part.reference, "--text", " ", "--as", "Fatou").code == 2
    assert flask(app, *base, part.reference, "--text", "Bonjour", "--as", " ").code == 2
    assert flask(app, *base, "00000000", "--text", "Bonjour", "--as", "Fatou").code == 3
    assert session.query(OrderMessage).count() == 0
