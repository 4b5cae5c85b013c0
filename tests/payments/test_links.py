"""Paying for somebody else: what the link shows, who may pay by it, and whose the money is."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from shop import jobs, settlement
from shop.accounts.models import User
from shop.db import session, transaction
from shop.errors import NotFound
from shop.ledger import chart
from shop.notices.models import Notice
from shop.orders import links
from shop.orders.link_models import PayLink
from shop.orders.states import Stage
from shop.payments import status_views
from shop.payments.models import Payment, Receipt
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.payouts.models import Payout
from shop.providers import methods
from shop.settlement import NotPayable
from tests.databases import both_databases
from tests.marketplace import CONTACT, make_order, make_product, make_user, new_phone, sign_in
from tests.orders.paid import again, take
from tests.street import Street

PAYER = "+2250501020304"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    # The test's clock stands still: a page must not wait on it for an answer.
    monkeypatch.setattr(status_views, "WAIT_FOR_PAGE_S", -1.0)


@pytest.fixture
def order(street: Street):
    return make_order((make_product("Pagne secret"), 1), user=make_user("Awa", phone=new_phone()))


@pytest.fixture
def link(order) -> PayLink:
    return links.make([order.user_id], order.id)


@pytest.fixture
def relative(street: Street):
    """Somebody else's browser, without an account."""
    return street.app.test_client()


def pay(browser, link, method="mtn-ci", phone=PAYER, **more):
    page = browser.get(f"/pay/{link.token}/")
    fields = dict(re.findall(r'name="(form_key|totals|country)"[^>]*value="([^"]*)"', page.text))
    data = fields | {"phone": phone, "method": method} | more
    return browser.post(f"/pay/{link.token}/", data=data)


def attempt() -> Payment:
    session.rollback()
    return session.scalars(sa.select(Payment).order_by(Payment.id.desc()).limit(1)).one()


def texts(phone: str) -> str:
    session.rollback()
    return "\n".join(session.scalars(sa.select(Notice.text).where(Notice.phone == phone)))


def succeed(street: Street, payment: Payment) -> Payment:
    jobs.run("submit_payments")
    assert street.approve(street.again(payment))
    street.pass_(60)
    return street.again(payment)


def test_a_relative_pays_without_an_account_and_the_buyer_is_told(street, order, link, relative):
    answer = pay(relative, link)
    payment = succeed(street, attempt())

    assert answer.location == f"/payment/{payment.reference}/status/"
    assert payment.status == "succeeded"
    assert payment.user_id != order.user_id
    session.refresh(order)
    assert order.status == "paid"
    buyer = session.get_one(User, order.user_id)
    assert "a payé la commande" in texts(buyer.phone)
    assert "Vous avez payé" in texts(PAYER)
    assert street.findings() == []


def test_the_link_shows_seller_and_amount_and_nothing_of_the_buyer(street, order, link, relative):
    pages = relative.get(f"/pay/{link.token}/").text
    pay(relative, link)
    payment = succeed(street, attempt())
    for page in ("status", "receipt"):
        address = f"/payment/{payment.reference}/status/"
        address = address if page == "status" else f"/receipt/{payment.reference}/"
        pages += relative.get(address).text
    pages += relative.get(f"/receipt/{payment.reference}/?format=txt").text

    assert "Boutique Awa" in pages
    assert f'data-montant="{order.total_amount}"' in pages
    hidden = (
        CONTACT.name, CONTACT.name.split()[1], "07 01 02 03 04", CONTACT.phone, CONTACT.landmark,
        "Pagne secret", order.access_token, f"/order/{order.reference}/",
    )  # fmt: skip
    assert [word for word in hidden if word in pages] == []


def test_the_link_opens_no_page_of_the_order(order, link, relative):
    relative.get(f"/pay/{link.token}/")
    pay(relative, link)

    for page in ("", "payment/", "pay-link/"):
        assert relative.get(f"/order/{order.reference}/{page}").status_code == 404
    assert relative.post(f"/order/{order.reference}/pay-link/revoke/").status_code == 404


def test_the_link_dies_at_the_first_success(street, order, link, relative):
    succeed(street, street.sent(order, "wave-ci"))

    page = relative.get(f"/pay/{link.token}/")
    answer = pay(street.app.test_client(), link, form_key="k" * 20, country="CI", totals="")

    assert "déjà payée" in page.text
    assert "<form" not in page.text.partition("<main")[2].partition("</main")[0]
    assert answer.location == f"/pay/{link.token}/"
    assert session.query(Payment).count() == 1
    with pytest.raises(links.NothingToPay):
        links.make([order.user_id], order.id)


def test_a_link_that_was_taken_back_opens_nothing(street, order, link, relative):
    token = link.token
    links.revoke([order.user_id], order.id)

    assert relative.get(f"/pay/{token}/").status_code == 404
    assert relative.post(f"/pay/{token}/").status_code == 404
    again_ = links.make([order.user_id], order.id)
    assert again_.token != token


def test_two_payers_at_once_are_one_attempt(street, order, link, relative):
    pay(relative, link)
    other = street.app.test_client()

    page = other.get(f"/pay/{link.token}/")
    answer = pay(other, link)

    assert "déjà en cours" in page.text
    assert answer.location == f"/pay/{link.token}/"
    assert session.query(Payment).count() == 1


def test_a_second_tap_is_the_same_attempt_even_without_its_cookie(street, order, link):
    first, second = street.app.test_client(), street.app.test_client()
    page = first.get(f"/pay/{link.token}/").text
    fields = dict(re.findall(r'name="(form_key|totals|country)"[^>]*value="([^"]*)"', page))
    data = fields | {"phone": PAYER, "method": "mtn-ci"}

    answers = [browser.post(f"/pay/{link.token}/", data=data) for browser in (first, second)]

    assert answers[0].location == answers[1].location
    assert session.query(Payment).count() == 1
    for browser in (first, second):
        assert browser.get(answers[0].location).status_code == 200


def test_a_late_double_success_is_the_payers_own(street, order, link, relative):
    """B7: the second money goes to whoever paid it, never to the buyer and never to the seller."""
    pay(relative, link)
    theirs = attempt()
    jobs.run("submit_payments")
    settlement.give_up(theirs.id)  # the buyer loses patience and pays by another way
    succeed(street, street.sent(order, "wave-ci"))
    street.approve(street.again(theirs))
    street.pass_(900)

    receipts = {r.user_id: r.disposition for r in session.query(Receipt)}
    assert receipts == {order.user_id: "applied", theirs.user_id: "wallet"}
    assert street.balance(chart.wallet(theirs.user_id, "XOF")).amount == theirs.amount
    assert street.balance(chart.wallet(order.user_id, "XOF")).amount == 0
    assert street.findings() == []


def test_a_refund_goes_back_to_the_phone_that_paid(street, order, link, relative):
    street.world.payouts.fund("mtn", order.total * 10)
    pay(relative, link)
    payment = succeed(street, attempt())
    [part] = order.seller_orders

    take(again(part), Stage.REFUSED)
    street.pass_(600)

    [payout] = session.query(Payout).all()
    assert (payout.payee_phone, payout.user_id) == (payment.payer_phone, payment.user_id)
    assert street.balance(chart.wallet(order.user_id, "XOF")).amount == 0
    assert street.findings() == []


def test_nobody_pays_anothers_order_without_its_link(street, order, link):
    other = make_order()
    wrong = links.make([other.user_id], other.id)
    for link_id in (None, wrong.id, 999_999):
        with pytest.raises(NotPayable):
            settlement.start_payment(
                Intent(
                    purpose=Purpose.ORDER, purpose_id=order.id, user_id=make_user().id,
                    method=methods.get("mtn-ci"), payer_phone=PAYER, owed=order.total,
                    form_key=f"form-{link_id}", pay_link_id=link_id,
                )
            )  # fmt: skip


@both_databases
def test_raw_sql_lets_nobody_else_pay_either(street: Street):
    order = make_order()
    payment = street.start(order)
    link = links.make([order.user_id], order.id)
    links.revoke([order.user_id], order.id)
    row = {
        c.name: getattr(payment, c.name) for c in Payment.__table__.columns if c.name != "id"
    } | {"purpose_id": make_order().id}
    for n, change in enumerate(({"pay_link_id": link.id}, {"user_id": make_user().id})):
        unique = {"reference": f"0000000{n}", "form_key": f"raw-{n}", "callback_token": f"t{n}"}
        with pytest.raises(sa.exc.IntegrityError, match="link"), transaction():
            session.execute(sa.insert(Payment), row | unique | change)
        session.rollback()


def test_a_stranger_makes_no_link(street, order, relative):
    assert relative.post(f"/order/{order.reference}/pay-link/").status_code == 404
    with pytest.raises(NotFound):
        links.make([make_user().id], order.id)
    assert session.query(PayLink).count() == 0


def test_the_buyer_makes_shares_and_takes_back_the_link(street, order, client):
    user = session.get_one(User, order.user_id)
    sign_in(client, user.phone)
    address = f"/order/{order.reference}/pay-link/"
    assert "make-link" in client.get(address).text

    client.post(address)
    page = client.get(address).text
    token = session.query(PayLink).one().token
    assert f"/pay/{token}/" in page
    assert "https://wa.me/?text=" in page
    client.post(address)
    assert session.query(PayLink).count() == 1
    client.post(f"{address}revoke/")

    assert token not in client.get(address).text
