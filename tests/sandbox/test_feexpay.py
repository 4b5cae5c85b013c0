"""FeexPay V2 as its integrators describe it, spoken by hand."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
import requests

from shop.money import Money
from shop.sandbox.credentials import FEEXPAY, FEEXPAY_SIGNED
from shop.sandbox.registry import origin

BENIN = "+2290161020304"
REFERENCE_LETTERS = set("0123456789abcdef-")


class FeexPay:
    """A client that speaks FeexPay by hand."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.base = origin("feexpay")
        self.headers = {"Authorization": f"Bearer {FEEXPAY['api_key']}"}

    def ask(self, network: str = "mtn", **changes: object) -> requests.Response:
        body = {
            "phoneNumber": BENIN[1:], "amount": 1500, "shop": FEEXPAY["shop_id"],
            "description": "Commande 17", "callback_info": "order-17",
        } | changes  # fmt: skip
        sent = {name: value for name, value in body.items() if value is not None}
        return self.post(f"/api/transactions/public/requesttopay/{network}", sent)

    def pay_out(self, path: str = "transfer/global", **changes: object) -> requests.Response:
        body = {
            "phoneNumber": BENIN[1:], "amount": 1500, "shop": FEEXPAY["shop_id"],
            "motif": "Retrait 17", "callback_info": "out-17", "network": "MTN",
        } | changes  # fmt: skip
        return self.post(f"/api/payouts/public/{path}", body)

    def status(self, ref: str, kind: str = "transactions/public/single/status") -> dict:
        return self.http.get(f"{self.base}/api/{kind}/{ref}", headers=self.headers).json()

    def post(self, path: str, body: dict) -> requests.Response:
        return self.http.post(self.base + path, json=body, headers=self.headers)


@pytest.fixture
def feexpay(http: requests.Session) -> FeexPay:
    return FeexPay(http)


def settle(world, hand, seconds: float = 3) -> None:
    hand.forward(seconds)
    world.tick()


def test_a_request_is_accepted_then_paid(feexpay, world, hand):
    accepted = feexpay.ask().json()
    waiting = feexpay.status(accepted["reference"])
    world.pay("feexpay", "order-17")
    settle(world, hand)
    paid = feexpay.status(accepted["reference"])

    assert accepted | {"reference": ""} == {
        "reference": "", "message": "Accepted", "status": "PENDING", "amount": 1500,
        "description": "Commande 17", "callback_info": "order-17", "phoneNumber": BENIN[1:],
    }  # fmt: skip
    assert len(accepted["reference"]) == 36
    assert set(accepted["reference"]) <= REFERENCE_LETTERS
    assert [waiting["status"], paid["status"]] == ["PENDING", "SUCCESSFUL"]
    assert (paid["amount"], paid["callback_info"]) == (1500, "order-17")
    assert [m.amount for m in world.book("feexpay")] == [Money(1500, "XOF")]


@pytest.mark.parametrize(
    ("network", "changes", "status", "told"),
    [
        ("mtn", {"phoneNumber": "22961020304"}, 400, "ERR_INVALID_PHONE"),
        ("mtn", {"phoneNumber": BENIN}, 400, "ERR_INVALID_PHONE"),
        ("mtn_ci", {}, 400, "ERR_INVALID_PHONE"),
        ("mtn", {"amount": 99}, 400, "ERR_INVALID_AMOUNT"),
        ("mtn", {"amount": 2_000_001}, 400, "ERR_INVALID_AMOUNT"),
        ("mtn", {"amount": "1500"}, 400, "ERR_INVALID_AMOUNT"),
        ("mtn", {"description": "Commande-17"}, 400, "special characters"),
        ("mtn", {"callback_info": {"order": 17}}, 400, "callback_info"),
        ("mtn", {"shop": "other"}, 404, "Shop not found"),
        ("celtiis", {}, 404, "channel not configured"),
    ],
)
def test_what_feexpay_refuses_is_refused(feexpay, world, network, changes, status, told):
    answer = feexpay.ask(network, **changes)

    assert answer.status_code == status
    assert told in answer.text
    assert world.pending_prompts() == []


@pytest.mark.parametrize("header", [None, "Bearer other", FEEXPAY["api_key"]])
def test_every_call_wants_the_key(feexpay, header):
    ref = feexpay.ask().json()["reference"]
    feexpay.headers = {} if header is None else {"Authorization": header}

    assert feexpay.ask().status_code == 401
    assert feexpay.status(ref)["code"] == "UNAUTHORIZED"
    assert feexpay.pay_out().status_code == 401
    assert feexpay.post("/api/transactions/history", {}).status_code == 401


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+2290161020300", "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED"),
        ("+2290161020399", "PAYER_NOT_FOUND"),
    ],
)
def test_a_failure_says_why(feexpay, world, number, why):
    ref = feexpay.ask(phoneNumber=number[1:]).json()["reference"]
    world.pay("feexpay", "order-17")

    told = feexpay.status(ref)

    assert (told["status"], told["reason"]) == ("FAILED", why)


def test_moov_may_fail_in_the_first_answer_in_lists(feexpay, world):
    world.switches.set("feexpay.moov", "at_once")

    told = feexpay.ask("moov", phoneNumber="2290195030400").json()

    assert told["status"] == "FAILED"
    assert told["response_operator"] == {
        "description": ["Balance is insufficient"], "status": ["10"],
    }  # fmt: skip


def test_celtiis_has_references_of_its_own(feexpay):
    told = feexpay.ask("celtiis_bj", phoneNumber="2290140010203").json()

    assert told["reference"].startswith("AG_20261121_")
    assert "Envelope" in told["normal_response"]


@pytest.mark.parametrize(("right", "status"), [(True, "SUCCESSFUL"), (False, "FAILED")])
def test_orange_burkina_pays_by_the_code_alone(feexpay, world, hand, right, status):
    number = "+22670123456"
    code = world.handsets.code(number) if right else "000000x"
    ref = feexpay.ask("orange_bf", phoneNumber=number[1:], otp=code).json()["reference"]
    settle(world, hand)

    assert feexpay.status(ref)["status"] == status
    assert len(world.book("feexpay")) == right


def test_wave_goes_through_a_page(feexpay, http, world, hand):
    number = "+2250701020304"
    told = feexpay.ask(
        "wave_ci", phoneNumber=number[1:], return_url="https://shop.example/r"
    ).json()
    page = http.get(told["payment_url"])
    bad = http.post(told["payment_url"], data={"phone": "12", "choice": "pay"})
    paid = http.post(
        told["payment_url"], data={"phone": number, "choice": "pay"}, allow_redirects=False
    )
    settle(world, hand)

    assert "FeexPay" in page.text
    assert bad.status_code == 422
    assert (paid.status_code, paid.headers["Location"]) == (303, "https://shop.example/r")
    assert feexpay.status(told["reference"])["status"] == "SUCCESSFUL"
    assert http.get(f"{feexpay.base}/pay/nothing").status_code == 404


def test_payouts_leave_what_feexpay_holds(feexpay, world, hand):
    world.payouts.fund("feexpay", Money(2000, "XOF"))
    ref = feexpay.pay_out().json()["reference"]
    before = feexpay.status(ref, "payouts/status/public")["status"]
    settle(world, hand)
    poor = feexpay.pay_out(callback_info="out-18").json()["reference"]
    settle(world, hand)

    assert [before, feexpay.status(ref, "payouts/status/public")["status"]] == [
        "PENDING", "SUCCESSFUL",
    ]  # fmt: skip
    assert feexpay.status(poor, "payouts/status/public")["status"] == "FAILED"
    assert world.merchant_balance("feexpay", "XOF") == Money(500, "XOF")
    assert [p.reference for p in world.payouts.book("feexpay")] == ["out-17"]


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        ("transfer/global", {"network": "ORANGE"}, 404),
        ("nowhere", {}, 404),
        ("transfer/global", {"motif": "abc"}, 400),
        ("transfer/global", {"motif": "Retrait-17"}, 400),
        ("transfer/global", {"amount": 49}, 400),
        ("togo", {"network": "MOOV TG", "phoneNumber": "22890112233", "amount": 50}, 400),
    ],
)
def test_what_no_payout_may_say_is_refused(feexpay, world, path, changes, status):
    assert feexpay.pay_out(path, **changes).status_code == status
    assert world.payouts.search("feexpay", "out-17") == []


def test_payouts_from_elsewhere_are_refused(feexpay, world):
    world.switches.set("feexpay.payouts", "ip_refused")

    answer = feexpay.pay_out()

    assert (answer.status_code, answer.json()["code"]) == (403, "IP_NOT_ALLOWED")
    assert feexpay.ask().status_code == 200, "collections are not filtered"


def test_the_history_lists_both_by_our_reference(feexpay):
    feexpay.ask()
    feexpay.pay_out()
    days = {"start_date": "2026-11-21", "end_date": "2026-11-21", "shop": FEEXPAY["shop_id"]}

    told = feexpay.post("/api/transactions/history", days).json()["data"]
    later = feexpay.post("/api/transactions/history", days | {"start_date": "2026-11-22"})

    assert [row["callback_info"] for row in told] == ["order-17", "out-17"]
    assert later.json()["data"] == []


@pytest.mark.parametrize(
    ("switch", "value", "field", "told"),
    [
        ("feexpay.amount", "text", "amount", "1500"),
        ("feexpay.amount", "missing", "amount", None),
        ("feexpay.status", "in_data", "data", ...),
    ],
)
def test_answers_vary_as_integrators_met_them(feexpay, world, hand, switch, value, field, told):
    ref = feexpay.ask().json()["reference"]
    world.pay("feexpay", "order-17")
    settle(world, hand)
    world.switches.set(switch, value)

    answer = feexpay.status(ref)

    assert answer["data"]["amount"] == 1500 if told is ... else answer[field] == told


def test_webhooks_are_not_signed_and_come_back_until_heard(feexpay, world, hand, shop):
    shop.status = 503
    feexpay.ask()
    world.pay("feexpay", "order-17")
    settle(world, hand)
    shop.status = 200
    settle(world, hand, 61)
    settle(world, hand, 600)

    first, second = shop.received
    told = json.loads(first.body)
    assert first.url == "http://127.0.0.1:5000/webhook/feexpay/"
    assert first.headers == {"Content-Type": "application/json"}
    assert first.body == second.body
    assert (told["status"], told["type"], told["callback_info"]) == (
        "SUCCESSFUL", "Paiement", "order-17",
    )  # fmt: skip


def test_a_forged_webhook_looks_true_and_is_not(feexpay, world, hand, shop):
    world.faults.add("feexpay", "forged_webhook", calls=1)
    ref = feexpay.ask().json()["reference"]
    settle(world, hand)

    [lie] = shop.received
    assert json.loads(lie.body)["status"] == "SUCCESSFUL"
    assert feexpay.status(ref)["status"] == "PENDING"
    assert world.book("feexpay") == []


def test_the_guide_s_dialect_signs_the_exact_bytes(feexpay, world, hand, shop):
    world.switches.set("feexpay.webhook", "guide")
    feexpay.ask()
    world.pay("feexpay", "order-17")
    settle(world, hand)

    [sent] = shop.received
    told = json.loads(sent.body)
    secret = FEEXPAY_SIGNED["webhook_secret"].encode()
    expected = hmac.new(secret, sent.body, hashlib.sha256).hexdigest()
    assert sent.headers["X-Webhook-Signature"] == expected
    # A receiver that does as the guide says, re-serialising what it parsed, agrees.
    assert json.dumps(told).encode() == sent.body
    assert told["event"] == "payment.success"
    assert told["metadata"] == {"internal_tx_id": "order-17"}
