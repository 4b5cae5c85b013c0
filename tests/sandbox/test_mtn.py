"""MTN, as its portal says; where two of its pages disagree, both ways."""

from __future__ import annotations

import json

import pytest

from shop.sandbox.mtn import TEST_NUMBERS
from tests.sandbox.clients import BENIN_MTN, Mtn

CALLBACK = "http://127.0.0.1:5000/webhook/mtn/abc/"


def test_a_token_lasts_an_hour_and_wants_no_body(mtn: Mtn, world, hand):
    token = mtn.token().json()
    headers = mtn.headers()
    url = f"{mtn.base}/collection/v1_0/account/balance"

    assert (token["token_type"], token["expires_in"]) == ("access_token", 3600)
    assert mtn.token(json={}).status_code == 400
    assert mtn.token(auth=("nobody", "nothing")).status_code == 401
    assert mtn.http.get(url, headers=headers).json() == {
        "availableBalance": "0",
        "currency": "XOF",
    }
    hand.forward(3601)
    assert mtn.http.get(url, headers=headers).status_code == 401


def test_a_wrong_subscription_key_meets_the_gateway(mtn: Mtn):
    mtn.key = {"Ocp-Apim-Subscription-Key": "nope"}

    answer = mtn.token()

    assert answer.status_code == 401
    assert answer.json()["statusCode"] == 401


def test_provisioning_makes_a_user_whose_key_opens_the_door(mtn: Mtn):
    user = "c72025f5-5cd1-4630-99e4-8ba4722fad56"
    users = f"{mtn.base}/v1_0/apiuser"
    made = {"json": {"providerCallbackHost": "shop.example"}}

    first = mtn.http.post(users, headers=mtn.key | {"X-Reference-Id": user}, **made)
    again = mtn.http.post(users, headers=mtn.key | {"X-Reference-Id": user}, **made)
    key = mtn.http.post(f"{users}/{user}/apikey", headers=mtn.key)

    assert (first.status_code, first.content, again.status_code) == (201, b"", 409)
    assert key.status_code == 201
    assert mtn.token(auth=(user, key.json()["apiKey"])).status_code == 200
    assert mtn.http.get(f"{users}/{user}", headers=mtn.key).json() == {
        "targetEnvironment": "sandbox",
        "providerCallbackHost": "shop.example",
    }
    not_4 = mtn.key | {"X-Reference-Id": "c72025f5-5cd1-1630-99e4-8ba4722fad56"}
    assert mtn.http.post(users, headers=not_4, **made).status_code == 400


def test_a_request_is_received_empty_and_its_reference_never_taken_twice(mtn: Mtn, world):
    ref, first = mtn.ask()
    _, again = mtn.ask(ref=ref)

    assert (first.status_code, first.content) == (202, b"")
    assert (again.status_code, again.json()["code"]) == (409, "RESOURCE_ALREADY_EXIST")
    assert mtn.status(ref).json() == {
        "amount": "1500",
        "currency": "XOF",
        "externalId": "order-1",
        "payer": {"partyIdType": "MSISDN", "partyId": "2290161020304"},
        "payerMessage": "Commande 17",
        "payeeNote": "Commande 17",
        "status": "PENDING",
    }
    assert len(world.pending_prompts(BENIN_MTN)) == 1


def test_success_names_the_transaction_and_calls_back_the_same_body(mtn: Mtn, world, shop):
    ref, _ = mtn.ask(callback=CALLBACK)

    world.pay("mtn", "order-1")
    world.tick()

    status = mtn.status(ref)
    [called] = shop.received
    assert status.json()["status"] == "SUCCESSFUL"
    assert status.json()["financialTransactionId"] == world.book()[0].transaction_id
    assert (called.method, called.url, called.body) == ("POST", CALLBACK, status.content)
    assert set(called.headers) == {"Content-Type"}


def test_the_callback_verb_can_be_the_other_page_s(mtn: Mtn, world, shop):
    world.switches.set("mtn.callback", "PUT")
    mtn.ask(callback=CALLBACK)

    world.decline("mtn", "order-1")
    world.tick()

    assert shop.received[0].method == "PUT"
    assert json.loads(shop.received[0].body)["reason"] == "APPROVAL_REJECTED"


def test_a_refused_callback_is_never_repeated(mtn: Mtn, world, shop, hand):
    shop.status = 500
    mtn.ask(callback=CALLBACK)
    world.pay("mtn", "order-1")
    world.tick()

    hand.forward(86_400)
    world.tick()

    assert len(shop.received) == 1


def test_no_answer_in_five_minutes_is_expired(mtn: Mtn, world, hand):
    ref, _ = mtn.ask()

    hand.forward(301)
    world.tick()

    assert mtn.status(ref).json()["status"] == "FAILED"
    assert mtn.status(ref).json()["reason"] == "EXPIRED"


def test_the_reason_can_be_the_schema_s_object(mtn: Mtn, world):
    world.switches.set("mtn.reason", "object")
    ref, _ = mtn.ask(number="+2290161020300")

    world.pay("mtn", "order-1")

    assert mtn.status(ref).json()["reason"]["code"] == "NOT_ENOUGH_FUNDS"


@pytest.mark.parametrize(("last", "reason"), sorted(TEST_NUMBERS.items()))
def test_documented_numbers_give_their_documented_outcome(mtn: Mtn, world, hand, last, reason):
    ref, sent = mtn.ask(f"46733123{last}", currency="EUR", environment="sandbox")
    hand.forward(600)
    world.tick()

    status = mtn.status(ref, "sandbox").json()

    assert sent.status_code == 202
    assert (status["status"], status.get("reason")) == ("FAILED" if reason else "PENDING", reason)
    assert world.book() == []


def test_the_delayed_number_succeeds_after_half_a_minute(mtn: Mtn, world, hand):
    ref, _ = mtn.ask("46733123454", currency="EUR", environment="sandbox")
    world.tick()
    before = mtn.status(ref, "sandbox").json()["status"]

    hand.forward(31)
    world.tick()

    assert (before, mtn.status(ref, "sandbox").json()["status"]) == ("PENDING", "SUCCESSFUL")


def test_any_other_test_number_succeeds(mtn: Mtn, world):
    ref, _ = mtn.ask("46733123499", currency="EUR", environment="sandbox")
    world.tick()

    assert mtn.status(ref, "sandbox").json()["status"] == "SUCCESSFUL"


def test_failures_can_come_at_once_as_named_500(mtn: Mtn, world):
    world.switches.set("mtn.failures", "at_once")

    _, sent = mtn.ask("46733123455", currency="EUR", environment="sandbox")

    assert (sent.status_code, sent.json()["code"]) == (500, "PAYER_NOT_FOUND")


@pytest.mark.parametrize(
    "changes",
    [
        {"payerMessage": "l'achat"},
        {"payeeNote": "x" * 161},
        {"amount": 1500},
        {"amount": "0"},
        {"payer": {"partyIdType": "MSISDN", "partyId": "+2290161020304"}},
        {"ref": "not-a-uuid"},
        {"ref": "5f2d4c0e-9f39-1a6b-8d4e-0f3f5c6f8f21"},
    ],
)
def test_what_mtn_finds_malformed_is_a_400_without_a_word(mtn: Mtn, world, changes):
    _, sent = mtn.ask(**changes)

    assert (sent.status_code, sent.content) == (400, b"")
    assert world.pending_prompts() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "EUR"}, "INVALID_CURRENCY"),
        ({"environment": "sandbox"}, "INVALID_CURRENCY"),
        ({"environment": "mtnmars"}, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        ({"callback": "https://elsewhere.example/x"}, "INVALID_CALLBACK_URL_HOST"),
    ],
)
def test_configuration_errors_are_named_500(mtn: Mtn, world, changes, code):
    _, sent = mtn.ask(**changes)

    assert (sent.status_code, sent.json()["code"]) == (500, code)
    assert world.pending_prompts() == []


def test_an_unknown_reference_is_404(mtn: Mtn):
    answer = mtn.status("5f2d4c0e-9f39-4a6b-8d4e-ffffffffffff")

    assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
