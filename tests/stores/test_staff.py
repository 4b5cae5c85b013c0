"""Who works in a shop: one table of roles and pages, walked against every address of the back room."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop.accounts.models import User
from shop.db import session, transaction
from shop.orders import fulfilment, handover
from shop.orders.states import Stage
from shop.orders.talk_models import OrderMessage
from shop.phone import parse
from shop.stores import members
from shop.stores.access import Role
from shop.stores.member_models import StoreMember
from tests.marketplace import (
    make_order,
    make_product,
    make_store,
    make_user,
    new_phone,
    sign_in,
)
from tests.orders.doors import make_code, point_of
from tests.orders.paid import again, make_part

ALL = {Role.OWNER, Role.SELLER, Role.CASHIER}
BACK_ROOM = {Role.OWNER, Role.SELLER}
OWNER = {Role.OWNER}
#: Who may call which page of a shop. A page of a shop that is not here fails the test.
ROLES = {
    "earnings.cancel": OWNER,
    "earnings.figure": BACK_ROOM,
    "earnings.number": OWNER,
    "earnings.number_code": OWNER,
    "earnings.pay_now": OWNER,
    "earnings.payout": BACK_ROOM,
    "earnings.payouts": BACK_ROOM,
    "earnings.terms": OWNER,
    "reputation.answer": BACK_ROOM,
    "reputation.own": BACK_ROOM,
    "seller.edit_product": BACK_ROOM,
    "seller.home": ALL,
    "seller.new_product": BACK_ROOM,
    "seller.show_product": BACK_ROOM,
    "seller_codes.pause": BACK_ROOM,
    "seller_codes.show": BACK_ROOM,
    "seller_codes.show_code": BACK_ROOM,
    "seller_delivery.act_point": BACK_ROOM,
    "seller_delivery.act_zone": BACK_ROOM,
    "seller_delivery.edit_point": BACK_ROOM,
    "seller_delivery.new_point": BACK_ROOM,
    "seller_delivery.show": BACK_ROOM,
    "seller_orders.ask_bill": ALL,
    "seller_orders.change_many": BACK_ROOM,
    "seller_orders.sales_file": BACK_ROOM,
    "seller_orders.show_sale": ALL,
    "seller_orders.show_sales": ALL,
    "seller_orders.slip": ALL,
    "seller_orders.take_step": ALL,
    "seller_refunds.ask": BACK_ROOM,
    "seller_refunds.give": BACK_ROOM,
    "seller_talk.act_seller": BACK_ROOM,
    "seller_talk.photo_seller": BACK_ROOM,
    "seller_talk.pin_seller": BACK_ROOM,
    "seller_talk.say_seller": BACK_ROOM,
    "seller_talk.show_seller": BACK_ROOM,
    "staff.remove": OWNER,
    "staff.show": OWNER,
}
#: A person's own, before they have any place in a shop.
NOBODYS = {"seller.open_store", "staff.accept", "staff.invitations", "staff.sit"}


class Shop:
    """A shop with its three people, and an order on its way."""

    def __init__(self) -> None:
        owner = make_user("Awa")
        self.store = make_store(owner=owner)
        self.product = make_product(store=self.store, stock=99)
        self.part = make_part(Stage.SENT, make_order((self.product, 1)))
        self.phones = {Role.OWNER: owner.phone}
        self.phones |= {role: join(self, role) for role in (Role.SELLER, Role.CASHIER)}


def join(shop: Shop, role: Role) -> str:
    """Invite a new number and let its owner accept; give the number."""
    phone = new_phone()
    members.invite(shop.store.id, parse(phone, "CI"), role, language="fr")
    [invitation] = members.invitations_of(phone)
    members.accept(make_user(phone=phone), invitation.id)
    return phone


@pytest.fixture
def shop(app) -> Shop:
    return Shop()


def shop_rules(app):
    return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/store")]


def test_every_page_of_a_shop_has_its_roles(app):
    marked = {
        rule.endpoint: set(getattr(app.view_functions[rule.endpoint], "roles", ()))
        for rule in shop_rules(app)
    }

    assert {name for name, roles in marked.items() if not roles} == NOBODYS
    assert {name: roles for name, roles in marked.items() if roles} == ROLES


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_its_pages_and_no_other(app, shop: Shop, role: Role):
    """K4: what a role may not, does not exist for it."""
    client = app.test_client()
    sign_in(client, shop.phones[role])
    values = {
        "reference": shop.part.reference, "code": shop.product.code, "step": "hand-over",
        "zone_id": shop.store.zones[0].id, "message": 1, "name": "held", "member_id": 0,
        "review_id": 0, "point_id": point_of(shop.store), "code_id": make_code(shop.store),
    }  # fmt: skip
    wrong = []
    for rule in shop_rules(app):
        if rule.endpoint in NOBODYS or rule.endpoint in ("earnings.payout", "earnings.cancel"):
            continue
        values["act"] = "on" if rule.endpoint.startswith("seller_delivery.") else "propose"
        with app.test_request_context():
            _domain, url = rule.build({name: values[name] for name in rule.arguments})
        for method in sorted(rule.methods & {"GET", "POST"}):
            answer = client.open(url, method=method)
            hidden = answer.status_code == 404
            missing = rule.endpoint in (
                "staff.remove", "reputation.answer", "seller_talk.pin_seller",
                "seller_talk.photo_seller", "seller_talk.act_seller",
            )  # fmt: skip
            if role in ROLES[rule.endpoint] and hidden and not missing:
                wrong.append((rule.endpoint, method, "is hidden"))
            if role not in ROLES[rule.endpoint] and not hidden:
                wrong.append((rule.endpoint, method, f"answers {answer.status_code}"))

    assert wrong == []


def test_a_cashier_hands_over_and_does_nothing_else(app, shop: Shop, client):
    sign_in(client, shop.phones[Role.CASHIER])
    address = f"/store/orders/{shop.part.reference}/"
    listed, page = client.get("/store/orders/").text, client.get(address).text

    assert shop.part.reference in listed
    for word in ("Commission", "Pour vous", "orders.csv", "Où est mon argent"):
        assert word not in listed + page
    for step in ("cancel", "refuse", "delivered", "accept", "send"):
        answer = client.post(f"{address}{step}/", data={"words": "raison"})
        assert answer.status_code == 404, step
    assert client.get("/store/").location == "/store/orders/"
    assert (
        client.post(f"{address}hand-over/", data={"code": handover.code_of(shop.part)}).status_code
        == 303
    )
    assert again(shop.part).stage == Stage.HANDED_OVER
    assert client.get(address).status_code == 200


def test_a_cashier_sees_only_what_is_to_be_handed_over(app, shop: Shop, client):
    new = make_part(Stage.TO_ACCEPT, make_order((shop.product, 1)))
    over = make_part(Stage.CANCELLED, make_order((shop.product, 1)))
    sign_in(client, shop.phones[Role.CASHIER])

    page = client.get("/store/orders/?tab=refused&pay=refunded").text

    assert shop.part.reference in page
    assert new.reference not in page
    assert over.reference not in page
    assert client.get(f"/store/orders/{over.reference}/").status_code == 404


def test_history_and_messages_say_who_it_was(app, shop: Shop, client):
    phone = shop.phones[Role.SELLER]
    sign_in(client, phone)
    new = make_part(Stage.TO_ACCEPT, make_order((shop.product, 1)))
    user_id = session.query(StoreMember).filter_by(phone=phone).one().user_id

    client.post(f"/store/orders/{new.reference}/accept/")
    client.post(
        f"/store/orders/{new.reference}/messages/", data={"text": "Bonjour", "form_key": "k" * 16}
    )

    assert fulfilment.history(new.id)[-1].user_id == user_id
    message = session.query(OrderMessage).one()
    assert (message.actor, message.user_id) == ("seller", user_id)


def test_an_invitation_opens_to_its_number_only(app, shop: Shop):
    phone = new_phone()
    members.invite(shop.store.id, parse(phone, "CI"), Role.SELLER, language="fr")
    [invitation] = members.invitations_of(phone)
    stranger, invited = app.test_client(), app.test_client()
    sign_in(stranger, new_phone())
    sign_in(invited, phone)

    assert stranger.post(f"/store/join/{invitation.id}/").status_code == 404
    assert "Boutique Awa" in invited.get("/store/join/").text
    assert invited.get("/store/orders/").location == "/store/open/"
    assert invited.post(f"/store/join/{invitation.id}/").status_code == 303
    assert invited.post(f"/store/join/{invitation.id}/").status_code == 303, "twice is once"
    assert invited.get("/store/orders/").status_code == 200


def test_whoever_is_removed_finds_nothing_at_the_next_tap(app, shop: Shop, client):
    sign_in(client, shop.phones[Role.SELLER])
    assert client.get("/store/orders/").status_code == 200
    member = next(m for m in members.of_store(shop.store.id) if m.role == Role.SELLER)

    owner = app.test_client()
    sign_in(owner, shop.phones[Role.OWNER])
    assert owner.post(f"/store/staff/{member.id}/remove/").status_code == 303

    assert client.get(f"/store/orders/{shop.part.reference}/").status_code == 404
    assert client.post(f"/store/join/{member.id}/").status_code == 404, "nor comes back alone"


def test_one_shops_owner_removes_nobody_from_another(app, shop: Shop, client):
    other = make_user()
    make_store(owner=other)
    sign_in(client, other.phone)
    member = members.of_store(shop.store.id)[0]

    assert client.post(f"/store/staff/{member.id}/remove/").status_code == 404
    assert session.get_one(StoreMember, member.id).removed_at is None


def test_somebody_with_two_shops_chooses_where_to_work(app, shop: Shop, client):
    phone = shop.phones[Role.CASHIER]
    user = session.query(StoreMember).filter_by(phone=phone).one().user_id
    own = make_store(owner=session.get_one(User, user), name="Chez Koffi")
    sign_in(client, phone)

    assert "Chez Koffi" in client.get("/store/").text
    assert client.post(f"/store/sit/{shop.store.slug}/").status_code == 303
    assert client.get("/store/").location == "/store/orders/"
    assert client.post("/store/sit/no-such-shop/").status_code == 404
    assert own.slug in client.get("/store/join/").text


def test_the_owner_cannot_invite_himself(app, shop: Shop, client):
    sign_in(client, shop.phones[Role.OWNER])
    data = {"country": "CI", "number": shop.phones[Role.OWNER], "role": "cashier"}

    answer = client.post("/store/staff/", data=data)

    assert answer.status_code == 422
    assert "votre propre numéro" in answer.text


def test_an_unproven_number_gets_no_place_even_by_sql(app, shop: Shop):
    phone = new_phone()
    members.invite(shop.store.id, parse(phone, "CI"), Role.SELLER, language="fr")
    [invitation] = members.invitations_of(phone)
    guest = make_user(phone=phone, proven=False)

    with pytest.raises(sa.exc.IntegrityError, match="proved"), transaction():
        session.execute(
            sa.update(StoreMember)
            .where(StoreMember.id == invitation.id)
            .values(user_id=guest.id, joined_at=invitation.invited_at)
        )


def test_a_seller_reads_payouts_and_sees_no_button_of_the_owner(app, shop: Shop):
    pages = {}
    for role in (Role.OWNER, Role.SELLER):
        browser = app.test_client()
        sign_in(browser, shop.phones[role])
        pages[role] = browser.get("/store/payouts/").text.partition("<main")[2]

    assert "/store/payouts/settings/" in pages[Role.OWNER]
    assert "/store/payouts/settings/" not in pages[Role.SELLER]
    assert "<form" not in pages[Role.SELLER]
