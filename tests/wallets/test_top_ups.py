"""Money put into a wallet: by the same engine as an order, under the ceilings, never lost above them."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from shop import jobs, settlement
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.ledger import chart
from shop.payments import reading
from shop.wallets import ceilings, limits
from shop.wallets import service as wallets
from shop.wallets.ceilings import AboveCeiling, TopUpClosed
from shop.wallets.limits import Bound
from shop.wallets.models import Identity
from tests.marketplace import make_user, sign_in
from tests.street import Street
from tests.wallets.owners import attempt, available, francs, top_up

PHONE = "+2250701020388"


@pytest.fixture
def owner(street: Street) -> User:
    return make_user()


def arrived(street: Street, user: User, amount: int, method: str = "wave-ci"):
    payment = top_up(street, user, amount, method)
    street.approve(payment)
    street.pass_(120)
    return street.again(payment)


@pytest.mark.parametrize("method", ["wave-ci", "mtn-ci", "orange-ci", "fedapay-mtn-ci"])
def test_every_kind_of_method_fills_a_wallet_once(street: Street, owner: User, method: str):
    payment = arrived(street, owner, 5_000, method)

    assert payment.status == "succeeded"
    assert available(owner) == 5_000
    street.pass_(600)
    settlement.check_now(payment.id)
    jobs.run("verify_payments")
    assert available(owner) == 5_000
    assert street.findings() == []


def test_from_the_page_to_the_receipt(street: Street, client: FlaskClient):
    sign_in(client, PHONE)

    page = client.get("/wallet/topup/?amount=5000").text
    assert 'value="5000"' in page
    form = {"form_key": "k" * 20, "amount": "5 000"}
    pay = client.post("/wallet/topup/", data=form).location
    assert client.post("/wallet/topup/", data=form).location == pay
    offered = client.get(pay).text
    assert 'id="method-wave-ci"' in offered
    totals = re.search(r'name="totals"[^>]*value="([^"]*)"', offered)[1]
    key = re.search(r'name="form_key"[^>]*value="([^"]*)"', offered)[1]
    begun = client.post(
        pay,
        data={
            "form_key": key, "totals": totals, "country": "CI", "phone": "07 01 02 03 04",
            "method": "wave-ci",
        },
    )  # fmt: skip

    jobs.run("submit_payments")
    payment = reading.history([accounts.proven(PHONE).id]).payments[0]
    assert begun.location == f"/payment/{payment.reference}/status/"
    assert client.get(pay).location == begun.location, "one attempt at a time"
    street.approve(payment)
    street.pass_(60)

    assert 'data-state="succeeded"' in client.get(begun.location).text
    receipt = client.get(f"/receipt/{payment.reference}/").text
    assert "Recharge" in receipt
    assert "Dans votre portefeuille" in receipt
    assert "Recharge" in client.get(f"/receipt/{payment.reference}/?format=txt").text
    wallet = client.get("/wallet/").text
    assert "Recharge" in wallet
    assert begun.location in wallet, "the line opens its evidence"
    assert street.findings() == []


def test_another_s_top_up_does_not_exist(street: Street, client: FlaskClient, owner: User):
    payment = top_up(street, owner, 5_000)
    wanted = wallets.top_up(payment.purpose_id).reference
    sign_in(client, PHONE)

    assert client.get(f"/wallet/topup/{wanted}/payment/").status_code == 404
    assert client.get(f"/payment/{payment.reference}/status/").status_code == 404


def test_a_refused_top_up_can_be_tried_by_another_way(street: Street, owner: User):
    payment = top_up(street, owner, 5_000, "mtn-ci")
    street.refuse(payment)
    street.pass_(120)
    assert street.again(payment).status == "failed"

    second = attempt(street, wallets.top_up(payment.purpose_id), "wave-ci")
    street.approve(second)
    street.pass_(120)

    assert available(owner) == 5_000
    assert street.findings() == []


def test_two_attempts_that_both_arrive_are_both_the_owner_s(street: Street, owner: User):
    first = top_up(street, owner, 5_000, "mtn-ci")
    settlement.give_up(first.id)
    second = attempt(street, wallets.top_up(first.purpose_id), "wave-ci")
    street.approve(first)
    street.approve(second)
    street.pass_(600)

    assert available(owner) == 10_000
    assert street.findings() == []


@pytest.mark.parametrize(("amount", "passes"), [(99_999, True), (100_000, True), (100_001, False)])
def test_the_ceiling_of_one_operation(street: Street, owner: User, amount: int, passes: bool):
    if passes:
        wallets.begin_top_up(owner, francs(amount), "f" * 20)
        return

    with pytest.raises(AboveCeiling) as refused:
        wallets.begin_top_up(owner, francs(amount), "f" * 20)

    assert (refused.value.exceeded.bound, refused.value.exceeded.left) == (
        Bound.OPERATION,
        francs(100_000),
    )


@pytest.mark.parametrize(("amount", "passes"), [(49_999, True), (50_000, True), (50_001, False)])
def test_the_ceiling_of_what_is_held(street: Street, owner: User, amount: int, passes: bool):
    street.fund(francs(150_000), user=owner)

    if passes:
        wallets.begin_top_up(owner, francs(amount), "f" * 20)
        return
    with pytest.raises(AboveCeiling) as refused:
        wallets.begin_top_up(owner, francs(amount), "f" * 20)
    assert refused.value.exceeded.bound is Bound.HELD


@pytest.mark.parametrize(("amount", "passes"), [(29_999, True), (30_000, True), (30_001, False)])
def test_the_ceiling_of_a_day_and_what_is_under_way(street: Street, owner: User, amount, passes):
    arrived(street, owner, 100_000)
    street.withdraw(owner, francs(100_000))
    waiting = top_up(street, owner, 70_000)
    assert waiting.status in ("pending", "unknown")

    if passes:
        wallets.begin_top_up(owner, francs(amount), "f" * 20)
        return
    with pytest.raises(AboveCeiling) as refused:
        wallets.begin_top_up(owner, francs(amount), "f" * 20)
    assert refused.value.exceeded.left == francs(30_000)


def test_money_above_the_ceiling_is_kept_and_comes_free(street: Street, owner: User):
    payment = top_up(street, owner, 80_000)
    street.fund(francs(150_000), user=owner)  # a sale ended meanwhile: there is room for 50,000
    street.approve(payment)
    street.pass_(120)

    assert street.again(payment).status == "succeeded"
    assert available(owner) == 200_000
    assert street.balance(chart.blocked(owner.id, "XOF")) == francs(30_000)
    jobs.run("unblock_money")
    assert available(owner) == 200_000, "no room yet"

    street.withdraw(owner, francs(20_000))
    jobs.run("unblock_money")
    assert available(owner) == 200_000
    assert street.balance(chart.blocked(owner.id, "XOF")) == francs(10_000)

    wallets.set_level(owner.id, Identity.IDENTIFIED, by="Fatou", reason="carte vue")
    jobs.run("unblock_money")
    assert available(owner) == 210_000
    assert street.findings() == []


def test_the_page_says_what_is_blocked(street: Street, client: FlaskClient):
    sign_in(client, PHONE)
    user = accounts.proven(PHONE)
    payment = top_up(street, user, 80_000)
    street.fund(francs(150_000), user=user)
    street.approve(payment)
    street.pass_(120)

    page = client.get("/wallet/").text

    assert re.search(r'data-test="wallet-blocked">.*data-montant="30000"', page)


def test_where_the_law_closes_it_the_transit_wallet_works_alone(
    street: Street, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    sign_in(client, PHONE)
    user = accounts.proven(PHONE)
    street.fund(francs(8_000), user=user)
    rule = limits.top_up_rule("CI", limits.date(2026, 11, 21), live=True)
    monkeypatch.setattr(limits, "top_up_rule", lambda *_a, **_k: rule)

    assert 'data-test="topup-closed"' in client.get("/wallet/topup/").text
    assert 'data-test="topup"' not in client.get("/wallet/").text
    form = {"form_key": "k" * 20, "amount": "5000"}
    assert client.post("/wallet/topup/", data=form).status_code == 403
    with pytest.raises(TopUpClosed):
        ceilings.refuse_top_up(user, francs(5_000))
    assert 'data-test="withdraw"' in client.get("/wallet/").text
    assert available(user) == 8_000
