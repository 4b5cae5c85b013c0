"""Wave, as its documentation and its sample bodies say."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from shop.sandbox.credentials import WAVE
from shop.sandbox.wave import signature
from tests.sandbox.clients import CI, Wave

OFFICIAL_SECRET = "wave_sn_WHS_xz4m6g8rjs9bshxy05xj4khcvjv7j3hcp4fbpvv6met0zdrjvezg"
OFFICIAL_BODY = (
    b'{"id": "AE_ijzo7oGgrlM7", "type": "checkout.session.completed", "data": {"id": '
    b'"cos-1b01sghpg100j", "amount": "100", "checkout_status": "complete", "client_reference": '
    b'null, "currency": "XOF", "error_url": "https://example.com/error", "last_payment_error": '
    b'null, "business_name": "Annas Apiaries", "payment_status": "succeeded", "success_url": '
    b'"https://example.com/success", "wave_launch_url": "https://pay.wave.com/c/cos-1b01sghpg100j'
    b'?a=100&c=XOF&m=Annas%20Apiaries", "when_completed": "2022-11-08T15:05:45Z", "when_created": '
    b'"2022-11-08T15:05:32Z", "when_expires": "2022-11-09T15:05:32Z", "transaction_id": '
    b'"TCN4Y4ZC3FM"}}'
)


def test_signer_gives_the_documented_signature():
    given = signature(OFFICIAL_SECRET, 1667920421, OFFICIAL_BODY)

    assert given == "53c971695230e9c51b1030d673eee76e70bbcdf8a7c5b8c1d44e0b8b1329647b"


def test_a_new_session_is_open_and_processing_before_anyone_paid(wave: Wave):
    session = wave.open().json()

    assert session["id"].startswith("cos-")
    assert len(session["id"]) <= 20
    assert (session["checkout_status"], session["payment_status"]) == ("open", "processing")
    assert session["amount"] == "1000"
    assert session["transaction_id"] is None
    assert session["when_created"] == "2026-11-21T10:00:00Z"
    assert session["when_expires"] == "2026-11-21T10:30:00Z"


@pytest.mark.parametrize(
    ("changes", "field", "kind"),
    [
        ({"metadata": {"a": 1}}, "metadata", "value_error.extra"),
        ({"amount": None}, "amount", "value_error.missing"),
        ({"amount": 1000}, "amount", "type_error.str"),
        ({"amount": "1000.00"}, "amount", "value_error"),
        ({"amount": "0100"}, "amount", "value_error"),
        ({"amount": "0"}, "amount", "value_error"),
        ({"currency": "XAF"}, "currency", "value_error"),
        ({"success_url": "http://shop.example/ok"}, "success_url", "value_error"),
        ({"client_reference": "x" * 256}, "client_reference", "value_error"),
        ({"restrict_payer_mobile": "0701020304"}, "restrict_payer_mobile", "value_error"),
    ],
)
def test_what_wave_refuses_is_refused_field_by_field(wave: Wave, world, changes, field, kind):
    answer = wave.open(**changes)

    assert answer.status_code == 400
    assert answer.json()["code"] == "request-validation-error"
    assert [(d["loc"], d["type"]) for d in answer.json()["details"]] == [([field], kind)]
    assert world.pending_prompts() == []


def test_only_a_sandbox_takes_a_loopback_http_address(wave: Wave):
    assert wave.open(success_url="http://127.0.0.1:5000/ok").status_code == 200


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "missing-auth-header"),
        ("Basic abc", "invalid-auth"),
        ("Bearer ", "api-key-not-provided"),
        ("Bearer wave_ci_prod_other", "no-matching-api-key"),
    ],
)
def test_a_wrong_key_is_told_apart(wave: Wave, header, code):
    wave.headers = {"Authorization": header} if header else {}

    answer = wave.open()

    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_the_nested_envelope_can_be_chosen(wave: Wave, world):
    world.switches.set("wave.errors", "nested")

    assert wave.get("/cos-unknown").json()["error"]["code"] == "checkout-session-not-found"


def test_payment_completes_the_session_and_sends_one_signed_event(wave: Wave, world, shop):
    session = wave.open().json()

    assert world.pay("wave", "order-17", CI)
    world.tick()

    paid = wave.get(f"/{session['id']}").json()
    assert (paid["checkout_status"], paid["payment_status"]) == ("complete", "succeeded")
    [event] = shop.received
    assert event.url == "http://127.0.0.1:5000/webhook/wave/"
    said = json.loads(event.body)
    assert said["type"] == "checkout.session.completed"
    assert said["data"] == paid
    assert event.body == json.dumps(said).encode(), "Python's own spacing, as Wave's sample has"
    at, given = (part.split("=")[1] for part in event.headers["Wave-Signature"].split(","))
    key = WAVE["webhook_secret"].encode()
    assert given == hmac.new(key, at.encode() + event.body, hashlib.sha256).hexdigest()


def test_search_lists_every_session_of_a_reference_or_none(wave: Wave):
    first, second = wave.open().json()["id"], wave.open().json()["id"]

    found = wave.get("/search", client_reference="order-17").json()["result"]

    assert [s["id"] for s in found] == [second, first]
    assert wave.get("/search", client_reference="other").json() == {"result": []}


def test_a_session_is_found_by_its_transaction(wave: Wave, world):
    session = wave.open().json()
    world.pay("wave", "order-17", CI)

    found = wave.get("", transaction_id=world.book()[0].transaction_id)

    assert found.json()["id"] == session["id"]
    assert wave.get("", transaction_id="T_none").status_code == 404


def test_expire_closes_once_and_paid_sessions_answer_409(wave: Wave, world):
    open_one, paid_one = wave.open("a").json()["id"], wave.open("b").json()["id"]
    world.pay("wave", "b", CI)

    first, again = wave.post(f"/{open_one}/expire"), wave.post(f"/{open_one}/expire")

    assert (first.status_code, first.content) == (200, b"")
    assert again.status_code == 409
    assert wave.post(f"/{paid_one}/expire").status_code == 409
    assert wave.get(f"/{open_one}").json()["payment_status"] == "cancelled"
    assert not world.pay("wave", "a", CI)


def test_time_alone_expires_a_session_and_nobody_is_told(wave: Wave, world, hand, shop):
    session = wave.open().json()

    hand.forward(1801)
    world.tick()

    late = wave.get(f"/{session['id']}").json()
    assert (late["checkout_status"], late["payment_status"]) == ("expired", "cancelled")
    assert late["when_completed"] is None
    assert shop.received == []


def test_a_failed_try_leaves_the_session_open_for_another(wave: Wave, world, shop):
    session = wave.open().json()

    world.pay("wave", "order-17", "+2250708090100")
    world.tick()

    tried = wave.get(f"/{session['id']}").json()
    assert tried["checkout_status"] == "open"
    assert tried["last_payment_error"]["code"] == "insufficient-funds"
    assert json.loads(shop.received[0].body)["type"] == "checkout.session.payment_failed"
    prompt = world.find("wave", session["id"])
    world.present(prompt.id, CI)
    assert world.accept(prompt.id)
    assert wave.get(f"/{session['id']}").json()["last_payment_error"] is None


def test_only_the_named_mobile_may_pay_a_restricted_session(wave: Wave, world):
    session = wave.open(restrict_payer_mobile=CI).json()
    [prompt] = world.pending_prompts(CI)

    world.present(prompt.id, "+2250502030405")
    world.accept(prompt.id)

    error = wave.get(f"/{session['id']}").json()["last_payment_error"]
    assert error["code"] == "payer-mobile-mismatch"
    assert world.book() == []


def test_the_launch_page_takes_a_number_and_goes_back_to_the_shop(wave: Wave, world, http):
    session = wave.open().json()
    page = session["wave_launch_url"]

    shown = http.get(page)
    bad = http.post(page, data={"choice": "pay", "phone": "12"})
    done = http.post(page, data={"choice": "pay", "phone": "07 01 02 03 04"}, allow_redirects=False)

    assert "1\u00a0000\u00a0FCFA" in shown.text
    assert bad.status_code == 422
    assert (done.status_code, done.headers["Location"]) == (303, "https://shop.example/ok")
    assert [m.payer for m in world.book("wave")] == [CI]
    assert "payé" in http.get(page).text


def test_refusing_on_the_launch_page_moves_nothing(wave: Wave, world, http):
    page = wave.open().json()["wave_launch_url"]

    gone = http.post(page, data={"choice": "refuse", "phone": CI}, allow_redirects=False)

    assert gone.headers["Location"] == "https://shop.example/ko"
    assert world.book() == []
