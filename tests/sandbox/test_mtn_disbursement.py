"""Simulated MTN Disbursements: transfers, refunds, its purse, and what the real one refuses."""

from __future__ import annotations

import pytest
import requests

from shop.money import Money
from shop.sandbox import credentials
from shop.sandbox.mtn_disbursement import TEST_NUMBERS, TEST_REFUNDS
from tests.sandbox.clients import BENIN_MTN, HandClock, Mtn, Shop

PREFIX = "46733123"
CALLBACK = "http://127.0.0.1:5000/webhook/mtn/t/"


class Sender(Mtn):
    """A client of the Disbursements product, with that product's keys."""

    def __init__(self, http: requests.Session) -> None:
        super().__init__(http)
        self.key = {"Ocp-Apim-Subscription-Key": credentials.MTN["disbursement_subscription_key"]}

    def token(self, **more: object) -> requests.Response:
        keys = credentials.MTN
        basic = (keys["disbursement_api_user"], keys["disbursement_api_key"])
        url = f"{self.base}/disbursement/token/"
        return self.http.post(url, headers=self.key, **({"auth": basic} | more))

    def post(
        self, path: str, body: dict[str, object], *, ref: str | None = None,
        environment: str = "mtnbenin", callback: str | None = None,
    ) -> tuple[str, requests.Response]:  # fmt: skip
        self.last += 1
        ref = ref or f"6a2d4c0e-9f39-4a6b-8d4e-{self.last:012d}"
        headers = self.headers(environment) | {"X-Reference-Id": ref}
        if callback:
            headers["X-Callback-Url"] = callback
        url = f"{self.base}/disbursement/{path}"
        return ref, self.http.post(url, json=body, headers=headers)

    def transfer(
        self, number: str = BENIN_MTN, *, ref: str | None = None, environment: str = "mtnbenin",
        callback: str | None = None, **changes: object,
    ) -> tuple[str, requests.Response]:  # fmt: skip
        body = {
            "amount": "1500",
            "currency": "EUR" if environment == "sandbox" else "XOF",
            "externalId": "payout-88",
            "payee": {"partyIdType": "MSISDN", "partyId": number.lstrip("+")},
            "payerMessage": "Ventes",
            "payeeNote": "Ventes",
        } | changes
        sent = {name: value for name, value in body.items() if value is not None}
        return self.post("v1_0/transfer", sent, ref=ref, environment=environment, callback=callback)

    def refund(
        self, wanted: str, amount: str = "1500", **how: str
    ) -> tuple[str, requests.Response]:
        body = {
            "amount": amount, "currency": "XOF", "externalId": "refund-17",
            "payerMessage": "Remb", "payeeNote": "Remb", "referenceIdToRefund": wanted,
        }  # fmt: skip
        return self.post(f"{how.pop('version', 'v1_0')}/refund", body, **how)

    def told(self, kind: str, ref: str, environment: str = "mtnbenin") -> dict[str, object]:
        url = f"{self.base}/disbursement/v1_0/{kind}/{ref}"
        return self.http.get(url, headers=self.headers(environment)).json()


@pytest.fixture
def sender(http, world) -> Sender:
    for currency in ("XOF", "EUR"):
        world.payouts.fund("mtn", Money(500_000, currency))
    return Sender(http)


def later(hand: HandClock, world, seconds: float = 3) -> None:
    hand.forward(seconds)
    world.tick()


def test_a_transfer_is_heard_then_sent_and_called_back(sender, world, hand, shop: Shop):
    before = world.phone(BENIN_MTN).balance
    ref, answer = sender.transfer(callback=CALLBACK)
    pending = sender.told("transfer", ref)
    later(hand, world)

    done = sender.told("transfer", ref)

    assert (answer.status_code, answer.content) == (202, b"")
    assert (pending["status"], "financialTransactionId" in pending) == ("PENDING", False)
    assert done == {
        "amount": "1500", "currency": "XOF",
        "financialTransactionId": done["financialTransactionId"], "externalId": "payout-88",
        "payee": {"partyIdType": "MSISDN", "partyId": BENIN_MTN[1:]},
        "payerMessage": "Ventes", "payeeNote": "Ventes", "status": "SUCCESSFUL",
    }  # fmt: skip
    assert world.phone(BENIN_MTN).balance - before == Money(1500, "XOF")
    [call] = shop.received
    assert (call.method, call.url) == ("POST", CALLBACK)
    assert b'"payee":' in call.body
    assert b'"status":"SUCCESSFUL"' in call.body


def test_each_product_s_key_user_and_token_open_no_other(sender, mtn, http):
    _, right = sender.transfer()
    wrong_key = sender.http.post(
        f"{sender.base}/disbursement/token/", headers=mtn.key,
        auth=(credentials.MTN["disbursement_api_user"], credentials.MTN["disbursement_api_key"]),
    )  # fmt: skip
    wrong_user = sender.token(auth=(credentials.MTN["api_user"], credentials.MTN["api_key"]))
    stolen = sender.headers() | {"X-Reference-Id": "6a2d4c0e-9f39-4a6b-8d4e-00000000ffff"}
    collection = mtn.headers()["Authorization"]
    wrong_token = http.post(
        f"{sender.base}/disbursement/v1_0/transfer",
        json={},
        headers=stolen | {"Authorization": collection},
    )

    assert right.status_code == 202
    assert wrong_key.status_code == 401
    assert "subscription key" in wrong_key.json()["message"]
    assert (wrong_user.status_code, wrong_token.status_code) == (401, 401)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"ref": "not-a-uuid"}, 400),
        ({"ref": "6a2d4c0e-9f39-1a6b-8d4e-000000000001"}, 400),
        ({"amount": 1500}, 400),
        ({"payee": None}, 400),
        ({"payee": {"partyIdType": "MSISDN", "partyId": "+22961020304"}}, 400),
        ({"payerMessage": "l'été"}, 400),
        ({"payeeNote": "x" * 161}, 400),
        ({"currency": "EUR"}, 500),
        ({"environment": "mtnnowhere"}, 500),
        ({"callback": "https://elsewhere.example/cb"}, 500),
    ],
)
def test_what_mtn_refuses_creates_nothing(sender, world, changes, status):
    _, answer = sender.transfer(**changes)

    assert answer.status_code == status
    assert world.payouts.latest(9) == []


def test_an_id_is_taken_once_for_all_kinds(sender, mtn, world):
    ref, _ = sender.transfer()
    _, again = sender.transfer(ref=ref)
    _, refund = sender.refund("5", ref=ref)
    _, collection = mtn.ask(ref=ref)
    magic, _ = sender.refund("5")
    _, over_magic = sender.transfer(ref=magic)

    for answer in (again, refund, collection, over_magic):
        assert (answer.status_code, answer.json()["code"]) == (409, "RESOURCE_ALREADY_EXIST")
    assert len(world.payouts.latest(9)) == 1


@pytest.mark.parametrize(("last", "why"), TEST_NUMBERS.items())
def test_documented_numbers_of_a_transfer_fail_as_documented(sender, world, hand, last, why):
    ref, answer = sender.transfer(PREFIX + last, environment="sandbox")
    later(hand, world)
    told = sender.told("transfer", ref, "sandbox")

    assert answer.status_code == 202
    assert (told["status"], told["reason"]) == ("FAILED", why)
    assert world.payouts.book("mtn") == []
    world.switches.set("mtn.failures", "at_once")
    _, refused = sender.transfer(PREFIX + last, environment="sandbox")
    assert (refused.status_code, refused.json()["code"]) == (500, why)


def test_documented_numbers_wait_for_ever_delay_or_succeed(sender, world, hand):
    refs = [sender.transfer(PREFIX + n, environment="sandbox")[0] for n in ("453", "454", "480")]
    later(hand, world)
    soon = [sender.told("transfer", ref, "sandbox")["status"] for ref in refs]
    later(hand, world, 86_400)

    late = [sender.told("transfer", ref, "sandbox")["status"] for ref in refs]

    assert soon == ["PENDING", "PENDING", "SUCCESSFUL"]
    assert late == ["PENDING", "SUCCESSFUL", "SUCCESSFUL"]


@pytest.mark.parametrize(
    ("number", "amount", "why"),
    [(BENIN_MTN[:-2] + "99", "1500", "PAYEE_NOT_FOUND"), (BENIN_MTN, "600000", "NOT_ENOUGH_FUNDS")],
)
def test_nobody_there_or_nothing_held_fails_later(sender, world, hand, number, amount, why):
    ref, _ = sender.transfer(number, amount=amount)
    later(hand, world)

    told = sender.told("transfer", ref)

    assert (told["status"], told["reason"]) == ("FAILED", why)
    assert world.payouts.book("mtn") == []


@pytest.mark.parametrize("version", ["v1_0", "v2_0"])
def test_a_refund_gives_parts_back_up_to_what_was_paid(sender, mtn, world, hand, version):
    paid, _ = mtn.ask()
    assert world.pay("mtn", "order-1")
    before = world.phone(BENIN_MTN).balance
    refs = [sender.refund(paid, amount, version=version)[0] for amount in ("1000", "500", "1")]
    later(hand, world)

    told = [sender.told("refund", ref) for ref in refs]

    assert [one["status"] for one in told] == ["SUCCESSFUL", "SUCCESSFUL", "FAILED"]
    assert told[2]["reason"] == "NOT_ALLOWED"
    assert "payee" not in told[0]
    assert told[0]["financialTransactionId"]
    assert world.phone(BENIN_MTN).balance - before == Money(1500, "XOF")
    assert [r.amount.amount for r in world.refunds.book("mtn")] == [1000, 500]


def test_what_was_not_paid_or_is_unknown_is_not_given_back(sender, mtn, world, hand):
    unpaid, _ = mtn.ask()
    refs = [sender.refund(w)[0] for w in (unpaid, "6a2d4c0e-9f39-4a6b-8d4e-0000000000aa")]
    _, malformed = sender.refund("order-17")
    later(hand, world)

    told = [sender.told("refund", ref)["reason"] for ref in refs]

    assert told == ["NOT_ALLOWED", "RESOURCE_NOT_FOUND"]
    assert malformed.status_code == 400
    assert world.refunds.book("mtn") == []


@pytest.mark.parametrize(("wanted", "why"), TEST_REFUNDS.items())
def test_documented_values_of_a_refund_do_what_they_say(sender, world, hand, wanted, why):
    ref, answer = sender.refund(wanted)
    soon = sender.told("refund", ref)["status"]
    later(hand, world, 31)
    late = sender.told("refund", ref)

    assert answer.status_code == 202
    if why:
        assert (late["status"], late["reason"]) == ("FAILED", why)
    else:
        assert soon == "PENDING"
        assert late["status"] == ("SUCCESSFUL" if wanted == "6" else "PENDING")
    assert world.refunds.book("mtn") == []


def test_the_purse_of_a_currency_is_told_by_one_environment(sender):
    def purse(environment: str) -> dict[str, str]:
        url = f"{sender.base}/disbursement/v1_0/account/balance"
        return sender.http.get(url, headers=sender.headers(environment)).json()

    assert purse("mtnivorycoast") == {"availableBalance": "500000", "currency": "XOF"}
    assert purse("mtnbenin") == {"availableBalance": "0", "currency": "XOF"}
    assert purse("sandbox") == {"availableBalance": "5000", "currency": "EUR"}
