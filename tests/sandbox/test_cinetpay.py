"""CinetPay's sandbox, by hand."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
import requests

from shop.money import Money
from shop.sandbox import credentials
from shop.sandbox.cinetpay import FIELDS, x_token
from shop.sandbox.registry import origin
from tests.sandbox.clients import CI

SIGN_IN = {
    "apikey": credentials.CINETPAY["api_key"],
    "site_id": credentials.CINETPAY["site_id"],
}


class CinetPay:
    """A client that speaks CinetPay by hand."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.base = origin("cinetpay")

    def open(self, reference: str = "order-17", **changes: object) -> requests.Response:
        body = SIGN_IN | {
            "transaction_id": reference,
            "amount": 1500,
            "currency": "XOF",
            "description": "Commande 17",
            "notify_url": "https://shop.example/n/tok",
            "return_url": "https://shop.example/r",
            "channels": "ALL",
            "metadata": "order-17",
        }
        return self.http.post(f"{self.base}/v2/payment", json=body | changes)

    def page(self, reference: str = "order-17") -> str:
        return self.open(reference).json()["data"]["payment_url"]

    def check(self, **asked: object) -> requests.Response:
        return self.http.post(f"{self.base}/v2/payment/check", json=SIGN_IN | asked)

    def where(self) -> tuple[str, str]:
        told = self.check(transaction_id="order-17").json()
        return told["code"], told["data"]["status"]

    def login(self, **changes: str) -> dict:
        keys = ("api_key", "transfer_password")
        form = dict(
            zip(("apikey", "password"), (credentials.CINETPAY[k] for k in keys), strict=True)
        )
        return self.http.post(f"{self.base}/v1/auth/login?lang=fr", data=form | changes).json()

    def transfers(self, path: str, line: dict | None = None, **query: str) -> dict:
        url = f"{self.base}/v1/transfer/{path}"
        query = {"lang": "fr", "token": self.login()["data"]["token"]} | query
        if line is None:
            return self.http.get(url, params=query).json()
        return self.http.post(url, params=query, data={"data": json.dumps([line])}).json()

    def introduce(self) -> dict:
        person = {"prefix": "225", "phone": "0701020304", "name": "A", "surname": "B"}
        return self.transfers("contact", person)["data"][0][0]

    def send(self, **changes: str) -> dict:
        line = {
            "prefix": "225",
            "phone": "0701020304",
            "amount": "1000",
            "notify_url": "https://shop.example/n/out",
            "client_transaction_id": "out-1",
        } | changes
        return self.transfers("money/send/contact", line)["data"][0][0]


@pytest.fixture
def cinetpay(http: requests.Session) -> CinetPay:
    return CinetPay(http)


def test_a_payment_is_made_and_its_address_is_pinged(cinetpay: CinetPay, world, shop):
    answer = cinetpay.open()
    world.tick()

    made = answer.json()
    assert (answer.status_code, made["code"], made["message"]) == (201, "201", "CREATED")
    assert made["data"]["payment_url"].endswith(made["data"]["payment_token"])
    [ping] = shop.received
    assert (ping.method, ping.url, ping.body) == ("GET", "https://shop.example/n/tok", b"")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"apikey": "x"}, "609"),
        ({"site_id": "1"}, "613"),
        ({"amount": 1501}, "608"),
        ({"amount": "1500"}, "608"),
        ({"amount": 95}, "641"),
        ({"currency": "GHS"}, "608"),
        ({"description": "N#1"}, "608"),
        ({"notify_url": ""}, "608"),
        ({"return_url": "shop"}, "608"),
    ],
)
def test_what_cinetpay_refuses_has_its_code_and_no_data(cinetpay: CinetPay, changes, code):
    answer = cinetpay.open(**changes)

    assert 400 <= answer.status_code < 500
    assert answer.json()["code"] == code
    assert "data" not in answer.json()


def test_a_transaction_id_is_taken_once(cinetpay: CinetPay):
    cinetpay.open()

    assert cinetpay.open().json()["code"] == "624"


def test_a_form_and_a_caller_without_a_name_are_turned_away(cinetpay: CinetPay):
    url = f"{cinetpay.base}/v2/payment"

    form = cinetpay.http.post(url, data=SIGN_IN)
    nameless = cinetpay.http.post(url, json=SIGN_IN, headers={"User-Agent": ""})

    assert (form.status_code, nameless.status_code) == (403, 403)
    assert nameless.text == "error code: 1010"


def test_a_payment_is_checked_by_either_name(cinetpay: CinetPay):
    token = cinetpay.open().json()["data"]["payment_token"]

    assert cinetpay.check(transaction_id="order-17").json() == cinetpay.check(token=token).json()
    assert cinetpay.check(transaction_id="other").json()["code"] == "723"


def test_a_payment_goes_through_waiting_to_accepted(cinetpay: CinetPay, world, hand):
    cinetpay.open()
    before = cinetpay.where()
    world.pay("cinetpay", "order-17", CI)
    during = cinetpay.where()
    hand.forward(3)
    world.tick()

    data = cinetpay.check(transaction_id="order-17").json()["data"]
    assert (before, during) == (("662", "WAITING_FOR_CUSTOMER"), ("664", "PENDING"))
    assert cinetpay.where() == ("00", "ACCEPTED")
    assert (data["amount"], data["currency"], data["payment_method"]) == ("1500", "XOF", "OM")
    assert f"OM:{data['operator_id']}" == world.book()[0].transaction_id


@pytest.mark.parametrize(
    ("why", "code"),
    [("declined", "627"), ("insufficient_funds", "602"), ("bad_code", "604"), ("other", "600")],
)
def test_a_refusal_has_its_code(cinetpay: CinetPay, world, why, code):
    cinetpay.open()
    [prompt] = world.search("cinetpay", "order-17")

    world.refuse(prompt.id, why)

    assert cinetpay.where() == (code, "REFUSED")


def test_an_unpaid_page_expires(cinetpay: CinetPay, world, hand):
    cinetpay.open()
    hand.forward(1801)
    world.tick()

    assert cinetpay.where() == ("625", "REFUSED")


def test_a_notification_posts_sixteen_fields_in_their_order(cinetpay, world, hand, shop):
    cinetpay.open()
    world.pay("cinetpay", "order-17", CI)
    hand.forward(3)
    world.tick()

    told = shop.received[-1]
    fields = parse_qsl(told.body.decode(), keep_blank_values=True)
    values = [value for _, value in fields]
    assert tuple(name for name, _ in fields) == FIELDS
    assert (values[0], values[1], values[3]) == ("445160", "order-17", "1500")
    assert (values[7], values[8]) == ("0701020304", "225")
    assert values[-1] == "SUCCES"
    token = x_token(credentials.CINETPAY["secret_key"], values)
    assert told.headers["x-token"] == token


def test_the_known_answer_of_x_token():
    values = ["445160", "T-0001", "2026-01-02 03:04:05", "500", "XOF", "sigtoken", "OM"]
    values += ["0707070700", "225", "fr", "V4", "SINGLE", "PAYMENT", "", "Commande 1", "SUCCES"]

    token = x_token("demo-secret-key", values)

    assert token == "7664e3a96577e9bc37ee7105f5f1e6af93596e9cc6c8539e200a1f0ba4e15148"


def test_the_forms_of_2021_can_be_chosen(cinetpay: CinetPay, world, hand, shop):
    world.switches.set("cinetpay.check", "old")
    world.switches.set("cinetpay.notification", "two_fields")
    cinetpay.open()
    world.pay("cinetpay", "order-17", CI)
    hand.forward(3)
    world.tick()

    data = cinetpay.check(transaction_id="order-17").json()["data"]
    assert "status" not in data
    assert "amount" not in data
    assert shop.received[-1].body == b"cpm_trans_id=order-17&cpm_site_id=445160"
    assert "x-token" not in shop.received[-1].headers


def test_the_page_confirms_and_sends_the_browser_back(cinetpay: CinetPay, world, hand):
    url = cinetpay.page()
    page = cinetpay.http.get(url).text

    form = {"choice": "confirm", "phone": "07 01 02 03 04"}
    gone = cinetpay.http.post(url, data=form, allow_redirects=False)
    hand.forward(3)
    world.tick()

    assert "1\u00a0500\u00a0FCFA" in page
    assert gone.headers["Location"].startswith("https://shop.example/r?transaction_id=order-17&")
    assert [moved.payer for moved in world.book()] == [CI]
    assert cinetpay.http.post(url, data=form).status_code == 409


def test_the_page_can_be_cancelled(cinetpay: CinetPay, world):
    url = cinetpay.page()

    wrong = cinetpay.http.post(url, data={"choice": "confirm", "phone": "12"})
    cinetpay.http.post(url, data={"choice": "cancel"}, allow_redirects=False)

    assert wrong.status_code == 422
    assert cinetpay.where() == ("627", "REFUSED")
    assert cinetpay.http.get(f"{cinetpay.base}/payment/other").status_code == 404


def test_a_transfer_goes_to_a_contact_and_is_told_unsigned(cinetpay, world, hand, shop):
    world.payouts.fund("cinetpay", Money(5000, "XOF"))
    stranger = cinetpay.send()
    first, again = cinetpay.introduce(), cinetpay.introduce()

    sent = cinetpay.send()
    during = cinetpay.transfers("check/money", client_transaction_id="out-1")["data"][0]
    hand.forward(3)
    world.tick()
    after = cinetpay.transfers("check/money", transaction_id=sent["transaction_id"])["data"][0]

    assert (stranger["code"], first["code"], again["code"]) == (724, 0, 726)
    assert (sent["code"], sent["treatment_status"]) == (0, "NEW")
    assert (during["treatment_status"], after["treatment_status"]) == ("REC", "VAL")
    told = shop.received[-1]
    assert told.url == "https://shop.example/n/out"
    assert dict(parse_qsl(told.body.decode()))["treatment_status"] == "VAL"
    assert "x-token" not in told.headers
    balance = cinetpay.transfers("check/balance")["data"]
    assert balance["available"] == "4000"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "195"}, 719),
        ({"amount": "1500005"}, 720),
        ({"amount": "1001"}, 715),
        ({"amount": "x"}, 715),
        ({"prefix": "1"}, 715),
        ({"notify_url": ""}, 725),
        ({"amount": "9000"}, 602),
    ],
)
def test_what_a_transfer_refuses_has_its_code(cinetpay: CinetPay, world, changes, code):
    world.payouts.fund("cinetpay", Money(5000, "XOF"))
    cinetpay.introduce()

    assert cinetpay.send(**changes)["code"] == code
    assert world.payouts.search("cinetpay", "out-1") == []


def test_a_reference_sent_twice_moves_twice_here_since_nothing_says_otherwise(cinetpay, world):
    world.payouts.fund("cinetpay", Money(5000, "XOF"))
    cinetpay.introduce()
    cinetpay.send()
    cinetpay.send()

    assert len(world.payouts.search("cinetpay", "out-1")) == 2


def test_a_token_lives_five_minutes(cinetpay: CinetPay, hand):
    token = cinetpay.login()["data"]["token"]
    hand.forward(300)

    assert cinetpay.transfers("check/balance", token=token)["code"] == "705"
    assert cinetpay.transfers("check/balance", token="other")["code"] == "706"
    assert cinetpay.login(password="other")["code"] == "701"
