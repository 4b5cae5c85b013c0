"""The wallet's pages: balances from the ledger, each movement with its evidence, money out once."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from shop import jobs
from shop.accounts import service as accounts
from shop.checkout.claims import claim_guest_orders
from shop.db import session
from shop.ledger import chart
from shop.money import Money
from shop.payouts.models import Payout
from tests.databases import both_databases
from tests.marketplace import make_user, sign_in
from tests.street import Street

#: A number of MTN Benin whose end means nothing special to the sandbox.
PHONE = "+2290197000042"
PIN = "83627"
HELD = Money(8_000, "XOF")


class Member:
    """A signed-in person with money in the wallet."""

    def __init__(self, street: Street, client: FlaskClient) -> None:
        self.street, self.client = street, client
        sign_in(client, PHONE)
        user = accounts.proven(PHONE)
        assert user is not None
        street.fund(HELD, "mtn", user=user)
        self.id = user.id

    def page(self, path: str = "/wallet/") -> str:
        return self.client.get(path).text

    def withdraw(self, **typed: str):
        form = {"form_key": "k" * 20, "amount": "5000", "method": "mtn-bj", "pin": PIN}
        return self.client.post("/wallet/withdraw/", data=form | typed)

    def available(self) -> Money:
        session.rollback()
        return self.street.balance(chart.wallet(self.id, "XOF"))

    def payouts(self) -> list[Payout]:
        session.rollback()
        return list(session.scalars(sa.select(Payout)))


@pytest.fixture
def member(street: Street, client: FlaskClient) -> Member:
    return Member(street, client)


def test_an_empty_wallet_says_what_it_is_for(street: Street, client: FlaskClient):
    sign_in(client, PHONE)

    assert "Votre portefeuille est vide" in client.get("/wallet/").text
    assert client.get("/wallet/withdraw/").status_code == 303


def test_strangers_sign_in_first(client: FlaskClient):
    assert client.get("/wallet/").location.startswith("/login/")


def test_a_withdrawal_goes_from_the_page_to_the_phone(member: Member):
    answer = member.withdraw()

    assert answer.status_code == 303
    place = answer.location
    assert re.fullmatch(r"/payout/[0-9A-Z]{8}/", place)
    assert 'data-state="requested"' in member.page(place)
    assert member.available() == HELD - Money(5_000, "XOF")
    assert 'data-test="wallet-leaving"' in member.page()

    jobs.run("send_payouts")
    member.street.pass_(120)

    assert 'data-state="succeeded"' in member.page(place)
    assert [p.amount for p in member.street.world.payouts.book()] == [Money(5_000, "XOF")]
    page = member.page()
    assert 'data-test="wallet-leaving"' not in page
    assert place in page
    assert member.street.findings() == []


def test_two_taps_are_one_payout(member: Member):
    first, second = member.withdraw(), member.withdraw()

    assert first.location == second.location
    assert len(member.payouts()) == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "8001"}, "Vous pouvez retirer 8\u00a0000\u00a0FCFA au plus."),
        ({"amount": "0"}, "Écrivez un montant en chiffres"),
        ({"amount": "-5"}, "Écrivez un montant en chiffres"),
        ({"amount": "50,5"}, "Écrivez un montant en chiffres"),
        ({"amount": "1"}, "Le plus proche"),
        ({"method": "wave-xx"}, "Choisissez où recevoir"),
        ({"pin": "11111"}, "Ce code PIN n’est pas bon."),
        ({"form_key": ""}, "Rechargez la page"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_moves(member: Member, typed, said: str):
    answer = member.withdraw(**typed)

    assert answer.status_code == 422
    assert said in answer.text
    assert member.payouts() == []
    assert member.available() == HELD
    if "amount" in typed:
        assert f'value="{typed["amount"]}"' in answer.text, "what was typed is kept"


def test_three_wrong_pins_pause_the_right_one_too(member: Member):
    for _ in range(3):
        member.withdraw(pin="11111")

    answer = member.withdraw()

    assert "Réessayez dans 24 heures" in answer.text
    assert member.payouts() == []


def test_a_payout_not_yet_sent_can_be_cancelled(member: Member):
    place = member.withdraw().location

    member.client.post(f"{place}cancel/")

    assert 'data-state="cancelled"' in member.page(place)
    assert member.available() == HELD
    jobs.run("send_payouts")
    assert member.street.world.payouts.book() == []


def test_what_was_sent_is_not_cancelled(member: Member):
    place = member.withdraw().location
    jobs.run("send_payouts")

    assert member.client.post(f"{place}cancel/").status_code == 303

    assert 'data-state="pending"' in member.page(place)
    assert member.available() == HELD - Money(5_000, "XOF")


def test_somebody_else_s_payout_does_not_exist(member: Member, client: FlaskClient):
    place = member.withdraw().location
    other = member.street.app.test_client()
    sign_in(other, "+2290197000043")

    assert other.get(place).status_code == 404
    assert other.post(f"{place}cancel/").status_code == 404


def test_a_refused_payout_says_where_the_money_is(street: Street, client: FlaskClient):
    phone = PHONE[:-2] + "99"
    sign_in(client, phone)
    street.fund(HELD, "mtn", user=accounts.proven(phone))
    form = {"form_key": "k" * 20, "amount": "5000", "method": "mtn-bj", "pin": PIN}
    place = client.post("/wallet/withdraw/", data=form).location

    jobs.run("send_payouts")
    street.pass_(120)

    page = client.get(place).text
    assert 'data-state="failed"' in page
    assert "sont revenus dans votre portefeuille" in page
    assert "Envoi non abouti, argent revenu" in client.get("/wallet/").text
    assert street.findings() == []


def test_the_statement_s_lines_add_up_and_download_as_a_spreadsheet(member: Member):
    for number in range(3):
        member.withdraw(form_key=f"{number}" * 20, amount="200")

    answer = member.client.get("/wallet/statement.csv?currency=XOF")

    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = [line.split(";") for line in answer.text.lstrip("\ufeff").splitlines()[1:]]
    moved = [int(row[-4]) for row in rows]
    assert sum(moved) == member.available().amount == 7_400
    assert [int(row[-3]) for row in rows] == [7_400, 7_600, 7_800, 8_000]


def test_a_long_statement_has_pages(member: Member):
    for number in range(25):
        member.withdraw(form_key=f"{number:020d}", amount="200")

    first = member.page()
    (cursor,) = re.findall(r"avant=(\d+)", first)
    second = member.page(f"/wallet/?currency=XOF&avant={cursor}")

    assert (first.count('data-test="movement"'), second.count('data-test="movement"')) == (20, 6)


def test_the_page_speaks_english(member: Member):
    assert "available" in member.page("/wallet/?lang=en")
    assert "Withdraw" in member.page("/wallet/withdraw/")


@both_databases
def test_what_a_guest_was_owed_comes_along_once(street: Street, client: FlaskClient):
    guest = street.fund(HELD, "mtn", user=make_user(proven=False, phone=PHONE))
    number = guest.id

    sign_in(client, PHONE)
    user = accounts.proven(PHONE)
    assert user is not None
    claim_guest_orders(user.id)

    session.rollback()
    assert street.balance(chart.wallet(user.id, "XOF")) == HELD
    assert street.balance(chart.wallet(number, "XOF")).amount == 0
    assert "Argent reçu avant votre inscription" in client.get("/wallet/").text
    assert street.findings() == []
