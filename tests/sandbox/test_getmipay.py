"""GetMiPay in the guide's words and in its own, spoken by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace

import pytest
import requests

from shop import clock
from shop.money import Money
from shop.providers import PROVIDERS
from shop.providers.values import Authenticity, Collection, Payout, Status
from shop.sandbox.credentials import GETMIPAY
from shop.sandbox.getmipay import signature
from shop.sandbox.getmipay_public import sdk_signature
from shop.sandbox.registry import origin

BURKINA = "+22670123456"
CAMEROON = "+237670123456"
CALLBACK = "http://127.0.0.1:5000/webhook/getmipay/t0k3n/"


def sign(fields: dict) -> str:
    """Do as the guide's own service does."""
    canonical = json.dumps(fields, sort_keys=True)
    return hmac.new(GETMIPAY["secret_key"].encode(), canonical.encode(), hashlib.sha256).hexdigest()


class GetMiPay:
    """A client that speaks GetMiPay by hand, in both dialects."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.base = origin("getmipay")
        self.headers = {"Authorization": f"Bearer {GETMIPAY['api_key']}"}

    def ask(self, noun: str = "payments", **changes: object) -> requests.Response:
        fields = {
            "api_key": GETMIPAY["api_key"], "amount": 5000.0, "currency": "XOF",
            "phone_number": BURKINA, "method": "wave", "reference": "DEPOSIT-1-1700000000.0",
            "callback_url": CALLBACK, "return_url": "https://shop.example/r",
            "description": "Dépôt",
        } | changes  # fmt: skip
        body = fields if "signature" in changes else fields | {"signature": sign(fields)}
        url = f"{self.base}/v1/{noun}/initiate"
        return self.http.post(url, json=body, headers=self.headers)

    def status(self, ref: str, noun: str = "payments") -> requests.Response:
        return self.http.get(f"{self.base}/v1/{noun}/{ref}", headers=self.headers)

    def sign_in(self, prefix: str = "/api/v1") -> None:
        keys = {
            "public_apikey": GETMIPAY["api_key"], "private_secretkey": GETMIPAY["secret_key"],
        }  # fmt: skip
        told = self.http.post(f"{self.base}{prefix}/action/auth", json=keys).json()
        self.headers = {"Authorization": f"Bearer {told['data']['token']}"}

    def payin(self, service: str = "1", **more: str) -> requests.Response:
        body = {
            "amount": 1500, "currency": "XAF" if service in "12" else "XOF", "wallet": CAMEROON[1:],
            "customer_name": "A", "description": "Commande order-17", "callback_url": CALLBACK,
        }  # fmt: skip
        headers = {"operation": "2", "service": service, **self.headers, **more}
        return self.http.post(f"{self.base}/api/v1/payments/payin", json=body, headers=headers)


@pytest.fixture
def getmipay(http: requests.Session) -> GetMiPay:
    return GetMiPay(http)


def settle(world, hand, seconds: float = 3) -> None:
    hand.forward(seconds)
    world.tick()


def test_the_guide_s_own_request_is_taken_floats_and_all(getmipay, world, hand):
    begun = getmipay.ask().json()
    world.pay("getmipay", "DEPOSIT-1-1700000000.0")
    settle(world, hand)
    told = getmipay.status(begun["transaction_id"]).json()

    assert begun.keys() == {"success", "transaction_id", "payment_url"}
    assert (told["status"], told["amount"], told["currency"]) == ("success", 5000, "XOF")
    assert [m.amount for m in world.book("getmipay")] == [Money(5000, "XOF")]


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"signature": "0" * 64}, 401, "signature"),
        ({"signature": None}, 401, "signature"),
        ({"api_key": "other"}, 401, "API key"),
        ({"amount": 5000.5}, 400, "amount"),
        ({"amount": "5000"}, 400, "amount"),
        ({"amount": 0}, 400, "amount"),
        ({"amount": True}, 400, "amount"),
        ({"currency": "USD"}, 400, "currency"),
        ({"method": "paypal"}, 400, "method"),
        ({"phone_number": "70123456"}, 400, "phone_number"),
        ({"callback_url": "javascript:1"}, 400, "callback_url"),
        ({"reference": ""}, 400, "reference"),
    ],
)
@pytest.mark.parametrize("noun", ["payments", "payouts"])
def test_what_is_wrong_is_refused(getmipay, world, noun, changes, status, told):
    answer = getmipay.ask(noun, **changes)

    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert told in answer.json()["message"]
    assert world.pending_prompts() == []


def test_a_client_that_keeps_its_key_to_the_header_is_right_too(getmipay):
    fields = {
        "amount": 1500, "currency": "XOF", "phone_number": BURKINA, "method": "wave",
        "reference": "r", "callback_url": CALLBACK,
    }  # fmt: skip
    url = f"{getmipay.base}/v1/payments/initiate"

    answer = getmipay.http.post(
        url, json=fields | {"signature": sign(fields)}, headers=getmipay.headers
    )

    assert answer.status_code == 200


def test_the_page_takes_a_number_and_goes_back(getmipay, http, world, hand):
    begun = getmipay.ask().json()

    paid = http.post(
        begun["payment_url"], data={"phone": "70123456", "choice": "pay"}, allow_redirects=False
    )
    settle(world, hand)

    assert (paid.status_code, paid.headers["Location"]) == (303, "https://shop.example/r")
    assert getmipay.status(begun["transaction_id"]).json()["status"] == "success"
    assert "GetMiPay" in http.get(begun["payment_url"]).text


@pytest.mark.parametrize("order", ["sorted", "as_written"])
@pytest.mark.parametrize(("header", "prefix"), [("plain", ""), ("sha256", "sha256=")])
def test_webhooks_are_signed_over_their_sorted_form(
    getmipay, world, hand, shop, order, header, prefix
):
    world.switches.set("getmipay.order", order)
    world.switches.set("getmipay.header", header)
    begun = getmipay.ask().json()
    world.pay("getmipay", "DEPOSIT-1-1700000000.0")
    settle(world, hand)

    [sent] = shop.received
    told = json.loads(sent.body)
    canonical = json.dumps(told, sort_keys=True).encode()
    assert sent.url == CALLBACK
    assert told == {
        "event": "payment.completed", "transaction_id": begun["transaction_id"],
        "status": "success", "amount": 5000,
    }  # fmt: skip
    assert (sent.body == canonical) == (order == "sorted")
    digest = signature(GETMIPAY["webhook_secret"], canonical)
    assert sent.headers["X-GetMiPay-Signature"] == prefix + digest


def test_a_payout_fails_for_a_number_without_an_account(getmipay, world, hand, shop):
    world.payouts.fund("getmipay", Money(10_000, "XOF"))
    good = getmipay.ask("payouts", reference="WITHDRAWAL-1").json()["transaction_id"]
    bad = getmipay.ask("payouts", reference="WITHDRAWAL-2", phone_number="+22670123499")
    settle(world, hand)

    assert getmipay.status(good, "payouts").json()["status"] == "success"
    told = getmipay.status(bad.json()["transaction_id"], "payouts").json()
    assert (told["status"], told["error_code"]) == ("failed", "ACCOUNT_NOT_FOUND")
    assert [json.loads(d.body)["event"] for d in shop.received] == [
        "payout.completed", "payout.failed",
    ]  # fmt: skip
    assert world.merchant_balance("getmipay", "XOF") == Money(5000, "XOF")


def test_unknown_ids_are_not_found(getmipay):
    for noun in ("payments", "payouts"):
        assert getmipay.status("TXN0", noun).status_code == 404


def test_the_sdk_s_signature_known_answer():
    body = b'{"amount": 1000, "currency": "XAF"}'

    given = sdk_signature("gmp_demo_key", "POST", "/payments/payin", "1700000000", body)

    assert given == "c87162ca77fef0eed4ef3ffd8409f267d36f1bb772b935d6cb0d12a45bb57267"


@pytest.mark.parametrize("prefix", ["", "/v1", "/api", "/api/v1"])
def test_a_token_opens_the_public_dialect_for_a_day(getmipay, hand, prefix):
    getmipay.sign_in(prefix)
    young = getmipay.payin().status_code
    hand.forward(86_401)

    assert (young, getmipay.payin().status_code) == (200, 401)


def test_older_clients_send_their_key_alone_or_sign_with_it(getmipay, world):
    body = json.dumps(
        {"amount": 1500, "currency": "XAF", "wallet": CAMEROON[1:], "description": "d order-17"}
    ).encode()
    moment = str(int(world.now().timestamp()))
    digest = sdk_signature(GETMIPAY["api_key"], "POST", "/payments/payin", moment, body)
    keyed = {"X-API-KEY": GETMIPAY["api_key"], "operation": "2", "service": "1"}
    signed = keyed | {"x-timestamp": moment, "x-signature": digest}
    url = f"{getmipay.base}/v1/payments/payin"

    answers = [
        getmipay.http.post(url, data=body, headers=headers).status_code
        for headers in (
            keyed,
            signed,
            signed | {"x-signature": "0" * 64},
            signed | {"x-timestamp": str(int(moment) - 301)},
            signed | {"x-timestamp": "now"},
            keyed | {"X-API-KEY": "other"},
        )
    ]

    assert answers == [200, 200, 401, 401, 401, 401]


def test_the_public_reply_has_both_ids_and_a_fee(getmipay):
    getmipay.sign_in()

    data = getmipay.payin().json()["data"]

    assert data["transaction_reference"].startswith("MPAYIN_")
    assert data["soleaspay_reference"].startswith("MLS")
    assert (data["amount"], data["fee_amount"], data["net_amount"]) == (1500, 45, 1455)
    assert (data["service_name"], data["payment_url"]) == ("MTN Cameroon", None)


@pytest.mark.parametrize(
    ("service", "more", "status"),
    [
        ("9", {}, 422),
        ("5", {}, 422),
        ("5", {"otp": "123456789"}, 422),
        ("1", {"operation": "4"}, 422),
        ("5", {"otp": "123456"}, 200),
    ],
)
def test_services_and_codes_are_checked(getmipay, service, more, status):
    getmipay.sign_in()

    assert getmipay.payin(service, **more).status_code == status


def test_the_catalogue_and_the_balance_are_told(getmipay, world):
    world.payouts.fund("getmipay", Money(7000, "XOF"))
    getmipay.sign_in()
    told = [
        getmipay.http.get(f"{getmipay.base}/api/v1{path}", headers=getmipay.headers).json()["data"]
        for path in ("/balance", "/services")
    ]

    assert (told[0]["balance"], told[0]["currency"]) == (7000, "XOF")
    assert [service["id"] for service in told[1]["all_services"]] == [1, 2, 3, 4, 5]


@pytest.fixture
def public(http, hand):
    """The shop's own client, speaking the public dialect to the simulator."""
    factory = PROVIDERS["getmipay"]
    with clock.turned_by(hand, lambda: hand().timestamp()):
        yield factory(
            base_url=origin("getmipay") + "/api/v1", **GETMIPAY, dialect="public", session=http
        )


def asked(otp: str | None = None) -> Collection:
    burkina = otp is not None
    return Collection(
        reference="PX7K4M2Q",
        amount=Money(1500, "XOF" if burkina else "XAF"),
        payer=BURKINA if burkina else CAMEROON,
        country="BF" if burkina else "CM",
        operator="orange" if burkina else "mtn",
        description="Commande PX7K-4M2Q",
        return_url="https://shop.example/r",
        webhook_url=CALLBACK,
        otp=otp,
    )


def known(request, outcome):
    """Store what a shop stores."""
    return replace(request, provider_ref=outcome.provider_ref, memory=dict(outcome.memory))


@pytest.mark.parametrize("signed", ["body", "timestamp_body"])
@pytest.mark.parametrize("reply", ["enveloped", "flat"])
def test_our_client_collects_in_the_public_dialect(public, world, hand, shop, signed, reply):
    world.switches.set("getmipay.signed", signed)
    world.switches.set("getmipay.reply", reply)
    first = public.collect(asked())
    request = known(asked(), first)
    before = public.collection_status(request).status
    world.pay("getmipay", "PX7K4M2Q")
    settle(world, hand)
    paid = public.collection_status(request)
    [sent] = shop.received
    notice = public.parse_webhook(
        headers=sent.headers, body=sent.body, now_s=hand().timestamp() + 299
    )

    assert (first.page_url, before) == (None, Status.PENDING)
    assert (paid.status, paid.amount) == (Status.SUCCEEDED, Money(1500, "XAF"))
    assert (notice.authenticity, notice.provider_ref) == (Authenticity.SIGNED, first.provider_ref)


@pytest.mark.parametrize("right", [True, False])
def test_a_code_made_beforehand_pays_alone(public, world, hand, right):
    code = world.handsets.code(BURKINA) if right else "1"
    request = known(asked(code), public.collect(asked(code)))
    settle(world, hand)

    status = public.collection_status(request).status

    assert status is (Status.SUCCEEDED if right else Status.FAILED)
    assert len(world.book("getmipay")) == right


def test_our_client_pays_out_in_the_public_dialect(public, world, hand):
    world.payouts.fund("getmipay", Money(9000, "XOF"))
    payout = Payout(
        reference="WX7K4M2Q",
        amount=Money(1500, "XOF"),
        payee=BURKINA,
        country="BF",
        operator="orange",
        description="Retrait WX7K-4M2Q",
        webhook_url=CALLBACK,
    )
    request = known(payout, public.pay_out(payout))
    before = public.payout_status(request).status
    settle(world, hand)

    assert (before, public.payout_status(request).status) == (Status.PENDING, Status.SUCCEEDED)
    assert [p.amount for p in world.payouts.book("getmipay")] == [Money(1500, "XOF")]
