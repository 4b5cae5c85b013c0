"""FedaPay's sandbox, by hand."""

from __future__ import annotations

import json

import pytest
import requests

from shop.money import Money
from shop.sandbox import credentials
from shop.sandbox.fedapay import signature
from shop.sandbox.registry import origin
from tests.sandbox.clients import BENIN_MOOV, BENIN_MTN


class FedaPay:
    """A client that speaks FedaPay by hand."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.base = origin("fedapay") + "/v1"
        self.headers = {"Authorization": f"Bearer {credentials.FEDAPAY['secret_key']}"}

    def open(self, reference: str = "order-17", **changes: object) -> requests.Response:
        body = {
            "description": "Commande 17",
            "amount": 1500,
            "currency": {"iso": "XOF"},
            "callback_url": "https://shop.example/r",
            "merchant_reference": reference,
        } | changes
        return self.post("/transactions", body)

    def made(self, reference: str = "order-17") -> dict:
        return self.open(reference).json()["v1/transaction"]

    def ring(self, made: dict, number: object, mode: str = "mtn_open", path: str = ""):
        phone = {"number": number, "country": "bj"}
        body = {"token": made["payment_token"], "phone_number": phone}
        return self.post(f"{path}/{mode}", body)

    def read(self, made: dict) -> dict:
        return self.get(f"/transactions/{made['id']}").json()["v1/transaction"]

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.base + path, headers=self.headers)

    def post(self, path: str, body: object) -> requests.Response:
        return self.http.post(self.base + path, json=body, headers=self.headers)

    def put(self, path: str, body: object) -> requests.Response:
        return self.http.put(self.base + path, json=body, headers=self.headers)


@pytest.fixture
def fedapay(http: requests.Session) -> FedaPay:
    return FedaPay(http)


def test_a_transaction_is_made_in_its_envelope(fedapay: FedaPay):
    answer = fedapay.open()

    made = answer.json()["v1/transaction"]
    assert answer.status_code == 200
    assert (made["klass"], made["status"], made["amount"]) == ("v1/transaction", "pending", 1500)
    assert made["reference"].startswith("trx_")
    assert made["payment_url"].endswith(made["payment_token"])
    assert made["created_at"] == "2026-11-21T10:00:00.000Z"


def test_the_documents_bare_objects_and_the_older_answers_can_be_chosen(fedapay: FedaPay, world):
    world.switches.set("fedapay.objects", "bare")
    world.switches.set("fedapay.payment_url", "asked")

    answer = fedapay.open()
    token = fedapay.post(f"/transactions/{answer.json()['id']}/token", {}).json()

    assert (answer.status_code, answer.json()["klass"]) == (201, "v1/transaction")
    assert "payment_url" not in answer.json()
    assert set(token) == {"token", "url"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "1500"}, "amount"),
        ({"amount": 15.5}, "amount"),
        ({"amount": 0}, "amount"),
        ({"currency": "XOF"}, "currency"),
        ({"currency": {"iso": "CDF"}}, "currency"),
        ({"description": ""}, "description"),
        ({"callback_url": "shop"}, "callback_url"),
    ],
)
def test_what_fedapay_refuses_names_its_field(fedapay: FedaPay, changes, field):
    answer = fedapay.open(**changes)

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_a_reference_is_taken_once_and_found_again(fedapay: FedaPay):
    made = fedapay.made()

    again = fedapay.open()

    assert list(again.json()["errors"]) == ["merchant_reference"]
    found = fedapay.get("/transactions/merchant/order-17").json()["v1/transaction"]
    assert found["id"] == made["id"]


def test_a_wrong_key_opens_nothing(fedapay: FedaPay):
    made = fedapay.made()
    fedapay.headers = {"Authorization": "Bearer sk_live_other"}

    calls = [
        fedapay.open("b"),
        fedapay.get(f"/transactions/{made['id']}"),
        fedapay.get("/balances"),
    ]

    assert [answer.status_code for answer in calls] == [401, 401, 401]


@pytest.mark.parametrize("path", ["", "/transactions"])
@pytest.mark.parametrize(
    "number", ["61020304", "0161020304", "22961020304", "+2290161020304", 61020304]
)
def test_a_ring_shows_on_the_phone_however_the_number_is_written(fedapay, world, number, path):
    made = fedapay.made()

    answer = fedapay.ring(made, number, path=path)

    [prompt] = world.pending_prompts(BENIN_MTN)
    assert answer.json()["v1/payment_intent"]["status"] == "pending"
    assert prompt.amount == Money(1500, "XOF")


def test_a_ring_wants_a_mode_a_number_and_the_token(fedapay: FedaPay, world):
    made = fedapay.made()

    refusals = [
        fedapay.ring(made, "0161020304", mode="wave_ci"),
        fedapay.ring(made, "12"),
        fedapay.ring({"payment_token": "e30.e30.e30"}, "0161020304"),
    ]

    assert [answer.status_code for answer in refusals] == [422, 422, 404]
    assert world.pending_prompts(BENIN_MTN) == []


def test_an_accepted_ring_is_approved_then_transferred_and_told(fedapay, world, hand, shop):
    made = fedapay.made()
    fedapay.ring(made, "0161020304")

    world.pay("fedapay", "order-17")
    world.tick()
    approved = fedapay.read(made)
    hand.forward(3600)
    transferred = fedapay.read(made)

    assert (approved["status"], transferred["status"]) == ("approved", "transferred")
    [told] = shop.received
    event = json.loads(told.body)
    assert (event["name"], event["entity"]["merchant_reference"]) == (
        "transaction.approved",
        "order-17",
    )
    assert told.url == "http://127.0.0.1:5000/webhook/fedapay/"
    at, digest = told.headers["X-FEDAPAY-SIGNATURE"].removeprefix("t=").split(",s=")
    secret = credentials.FEDAPAY["webhook_secret"]
    assert digest == signature(secret, int(at), told.body)


def test_a_try_in_vain_is_told_and_can_be_followed_by_a_better_one(fedapay, world, shop):
    made = fedapay.made()
    fedapay.ring(made, "0161020300")
    world.pay("fedapay", "order-17")
    world.tick()
    canceled = fedapay.read(made)

    fedapay.ring(made, "0161020304")
    world.pay("fedapay", "order-17")
    world.tick()

    assert (canceled["status"], canceled["last_error_code"]) == (
        "canceled",
        "INSUFFICIENT_FUND_ERROR",
    )
    assert fedapay.read(made)["status"] == "approved"
    names = [json.loads(letter.body)["name"] for letter in shop.received]
    assert names == ["transaction.canceled", "transaction.approved"]
    assert len(world.book()) == 1


def test_an_event_is_signed_anew_at_each_of_ten_tries(fedapay, world, hand, shop):
    shop.status = 500
    fedapay.ring(fedapay.made(), "0161020304")
    world.pay("fedapay", "order-17")

    for _ in range(20):
        world.tick()
        hand.forward(121)

    assert len(shop.received) == 10
    assert len({letter.headers["X-FEDAPAY-SIGNATURE"] for letter in shop.received}) == 10


def test_nobody_pays_after_a_day(fedapay: FedaPay, world, hand, shop):
    made = fedapay.made()
    hand.forward(86_401)
    world.tick()

    assert fedapay.read(made)["status"] == "expired"
    assert not world.pay("fedapay", "order-17", BENIN_MTN)
    assert json.loads(shop.received[0].body)["name"] == "transaction.expired"


@pytest.mark.parametrize(("number", "status"), [("64000001", "approved"), ("64000002", "declined")])
def test_the_test_mode_answers_by_the_number(fedapay: FedaPay, world, number, status):
    made = fedapay.made()

    fedapay.ring(made, number, mode="momo_test")
    world.tick()

    assert fedapay.read(made)["status"] == status


def test_the_page_pays_and_sends_the_browser_back(fedapay: FedaPay, world):
    made = fedapay.made()
    page = fedapay.http.get(made["payment_url"]).text

    form = {"choice": "pay", "phone": "0195030405"}
    gone = fedapay.http.post(made["payment_url"], data=form, allow_redirects=False)

    assert "1\u00a0500\u00a0FCFA" in page
    assert gone.headers["Location"] == f"https://shop.example/r?id={made['id']}&status=approved"
    assert [moved.payer for moved in world.book()] == [BENIN_MOOV]
    assert fedapay.http.post(made["payment_url"], data=form).status_code == 409


def test_the_page_keeps_a_payer_without_money_and_lets_one_refuse(fedapay: FedaPay, world):
    made = fedapay.made()
    url = made["payment_url"]

    poor = fedapay.http.post(url, data={"choice": "pay", "phone": "0195030400"})
    wrong = fedapay.http.post(url, data={"choice": "pay", "phone": "12"})
    refused = fedapay.http.post(
        url, data={"choice": "refuse", "phone": "0195030405"}, allow_redirects=False
    )

    assert "Solde insuffisant" in poor.text
    assert wrong.status_code == 422
    assert refused.headers["Location"].endswith("status=declined")
    assert world.book() == []


def test_a_token_somebody_made_up_shows_no_page(fedapay: FedaPay):
    made = fedapay.made()
    head, body, _ = made["payment_token"].split(".")

    for token in (f"{head}.{body}.AAAA", "x.y.z", "x", "e30.e30.e30"):
        assert fedapay.http.get(f"{origin('fedapay')}/{token}").status_code == 404


def payout(fedapay: FedaPay, reference: str = "out-1", number: str = "0161020304") -> dict:
    body = {
        "amount": 1000,
        "currency": {"iso": "XOF"},
        "mode": "mtn_open",
        "customer": {"phone_number": {"number": number, "country": "bj"}},
        "merchant_reference": reference,
    }
    return fedapay.post("/payouts", body).json()


@pytest.mark.parametrize("shape", ["object", "list"])
def test_a_payout_moves_when_it_is_started_and_once(fedapay: FedaPay, world, hand, shop, shape):
    world.payouts.fund("fedapay", Money(5000, "XOF"))
    made = payout(fedapay)["v1/payout"]
    body = [{"id": made["id"]}]
    hand.forward(3600)
    world.tick()
    waiting = fedapay.get(f"/payouts/{made['id']}").json()["v1/payout"]["status"]

    first = fedapay.put("/payouts/start", {"payouts": body} if shape == "object" else body)
    second = fedapay.put("/payouts/start", {"payouts": body})
    hand.forward(3)
    world.tick()

    after = fedapay.get(f"/payouts/{made['id']}").json()["v1/payout"]
    assert (waiting, first.json()["v1/payouts"][0]["status"]) == ("pending", "started")
    assert second.status_code == 400
    assert (after["status"], len(world.payouts.book())) == ("sent", 1)
    assert world.merchant_balance("fedapay", "XOF") == Money(4000, "XOF")
    assert json.loads(shop.received[0].body)["name"] == "payout.sent"


def test_a_payout_without_money_fails_and_a_reference_is_taken_once(fedapay, world, hand):
    made = payout(fedapay)["v1/payout"]
    again = payout(fedapay)
    fedapay.put("/payouts/start", {"payouts": [{"id": made["id"]}]})
    hand.forward(3)
    world.tick()

    after = fedapay.get("/payouts/search?search=out-1").json()["v1/payouts"]
    assert list(again["errors"]) == ["merchant_reference"]
    assert [(p["status"], p["last_error_code"]) for p in after] == [
        ("failed", "INSUFFICIENT_FUND_ERROR")
    ]
    assert world.payouts.book() == []
