"""Simulated Wave: payouts, refunds, balance and ledger, and what the real one refuses."""

from __future__ import annotations

import pytest
import requests

from shop.money import Money
from shop.sandbox.registry import origin
from tests.sandbox.clients import CI, HandClock, Wave

BASE = origin("wave") + "/v1"


class Payer(Wave):
    """A client that pays out by hand."""

    def payout(self, key: str | None = "k-1", **changes: object) -> requests.Response:
        body = {
            "currency": "XOF",
            "receive_amount": "5000",
            "mobile": CI,
            "client_reference": "payout-88",
            "payment_reason": "Ventes semaine 47",
        } | changes
        sent = {name: value for name, value in body.items() if value is not None}
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return self.http.post(f"{BASE}/payout", json=sent, headers=headers)

    def read(self, path: str, **params: str) -> requests.Response:
        return self.http.get(BASE + path, headers=self.headers, params=params)

    def balance(self) -> str:
        return self.read("/balance").json()["amount"]

    def paid(self, world, reference: str = "order-17") -> str:
        session = self.open(reference, restrict_payer_mobile=CI).json()["id"]
        assert world.pay("wave", reference, CI)
        return session


@pytest.fixture
def payer(http, world) -> Payer:
    world.payouts.fund("wave", Money(20_000, "XOF"))
    return Payer(http)


def test_a_payout_is_answered_with_its_end_and_its_fee(payer, world):
    before = world.phone(CI).balance

    told = payer.payout().json()

    assert told == {
        "id": told["id"], "currency": "XOF", "receive_amount": "5000", "fee": "50",
        "mobile": CI, "name": None, "national_id": None, "client_reference": "payout-88",
        "payment_reason": "Ventes semaine 47", "status": "succeeded", "payout_error": None,
        "timestamp": "2026-11-21T10:00:00Z",
    }  # fmt: skip
    assert told["id"].startswith("pt-")
    assert len(told["id"]) <= 20
    assert world.phone(CI).balance - before == Money(5000, "XOF")
    assert payer.balance() == "14950"
    assert payer.read(f"/payout/{told['id']}").json() == told
    assert payer.read("/payouts/search", client_reference="payout-88").json() == {"result": [told]}


def test_a_key_is_carried_out_once_and_never_for_other_bytes(payer, world):
    first = payer.payout()
    again = payer.payout()
    other = payer.payout(receive_amount="6000")

    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-mismatch")
    assert len(world.payouts.book("wave")) == 1
    assert payer.payout("k-2").status_code == 200  # another key, the same bytes: twice
    assert len(world.payouts.book("wave")) == 2


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"key": None}, 400, "request-validation-error"),
        ({"receive_amount": 5000}, 400, "request-validation-error"),
        ({"receive_amount": "5000.00"}, 400, "request-validation-error"),
        ({"receive_amount": None}, 400, "request-validation-error"),
        ({"amount": "5000"}, 400, "request-validation-error"),
        ({"mobile": "2250701020304"}, 400, "request-validation-error"),
        ({"payment_reason": "x" * 41}, 400, "request-validation-error"),
        ({"metadata": "x"}, 400, "request-validation-error"),
        ({"currency": "XAF"}, 400, "currency-mismatch"),
        ({"mobile": "+237670123456"}, 400, "country-mismatch"),
        ({"mobile": CI[:-2] + "99"}, 422, "recipient-account-inactive"),
        ({"receive_amount": "19900"}, 422, "insufficient-funds"),
    ],
)
def test_what_wave_refuses_moves_nothing(payer, world, changes, status, code):
    answer = payer.payout(**changes)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.payouts.book("wave") == []


def test_without_its_key_nothing_is_told(payer):
    payer.headers = {"Authorization": "Bearer wrong"}

    for path in ("/balance", "/transactions", "/payouts/search", "/payout/pt-1"):
        assert payer.read(path).json()["code"] == "no-matching-api-key"
    assert payer.payout().status_code == 401


def test_a_payout_may_take_its_time(payer, world, hand: HandClock):
    world.switches.set("wave.payout", "processing")
    made = payer.payout().json()
    hand.forward(3)
    world.tick()

    assert made["status"] == "processing"
    assert payer.read(f"/payout/{made['id']}").json()["status"] == "succeeded"
    assert payer.read("/payout/pt-nobody").status_code == 404
    assert payer.read("/payouts/search", client_reference="nobody").json() == {"result": []}


def test_a_refund_is_empty_and_happens_once(payer, world):
    before = world.phone(CI).balance
    ref = payer.paid(world)

    first, again = payer.post(f"/{ref}/refund"), payer.post(f"/{ref}/refund")

    assert [(a.status_code, a.content) for a in (first, again)] == [(200, b""), (200, b"")]
    assert [r.amount for r in world.refunds.book("wave")] == [Money(1000, "XOF")]
    assert world.phone(CI).balance == before
    session = payer.get(f"/{ref}").json()
    assert (session["checkout_status"], session["payment_status"]) == ("complete", "succeeded")


def test_a_refund_is_refused_when_unpaid_unknown_with_a_body_or_without_money(payer, world):
    unpaid = payer.open("order-18").json()["id"]
    ref = payer.paid(world)
    body = payer.http.post(f"{payer.base}/{ref}/refund", json={}, headers=payer.headers)
    world.payouts.fund("wave", -world.merchant_balance("wave", "XOF"))

    assert payer.post(f"/{unpaid}/refund").json()["code"] == "checkout-refund-failed"
    assert payer.post("/cos-nobody/refund").json()["code"] == "checkout-session-not-found"
    assert body.status_code == 400
    assert payer.post(f"/{ref}/refund").json()["code"] == "checkout-refund-failed"
    assert world.refunds.book("wave") == []
    world.payouts.fund("wave", Money(1000, "XOF"))
    assert payer.post(f"/{ref}/refund").status_code == 200


def test_the_ledger_tells_a_day_page_by_page(payer, world, hand: HandClock):
    ref = payer.paid(world)
    hand.forward(1)
    payer.payout()
    hand.forward(1)
    payer.post(f"/{ref}/refund")

    day = payer.read("/transactions", date="2026-11-21").json()
    first = payer.read("/transactions", first="2").json()
    rest = payer.read("/transactions", after=first["page_info"]["end_cursor"]).json()

    kinds = [row["transaction_type"] for row in day["items"]]
    assert kinds == ["api_checkout", "api_payout", "api_checkout_refund"]
    assert [row["amount"] for row in day["items"]] == ["1000", "-5000", "-1000"]
    assert day["items"][2]["checkout_api_session_id"] == ref
    assert day["page_info"]["has_next_page"] is False
    assert first["page_info"]["has_next_page"] is True
    assert first["items"] + rest["items"] == day["items"]
    assert payer.read("/transactions", date="2026-11-20").json()["items"] == []
    assert payer.read("/transactions", date="yesterday").status_code == 400
