"""Orange Web Payment, as its getting-started guide says."""

from __future__ import annotations

import json
import re

import pytest

from tests.sandbox.clients import CI, Orange


def confirm(orange: Orange, world, made, code: str | None = None):
    code = world.handsets.code(CI) if code is None else code
    form = {"choice": "confirm", "msisdn": "07 01 02 03 04", "otp": code}
    return orange.http.post(made["payment_url"], data=form)


def test_the_token_wants_an_accept_header_and_lasts_as_text(orange: Orange):
    assert orange.token(accept="*/*").status_code == 406
    assert orange.token().json()["expires_in"] == "3600"


def test_expired_and_unknown_tokens_are_told_apart(orange: Orange, hand):
    hand.forward(3601)
    expired = orange.ask()
    orange.headers = {"Authorization": "Bearer never"}
    unknown = orange.ask()
    orange.headers = {}

    assert (expired.status_code, expired.json()["code"]) == (401, 42)
    assert unknown.json()["code"] == 41
    assert orange.ask().json()["code"] == 40


def test_creation_is_201_with_three_secrets_and_escaped_slashes(orange: Orange):
    answer = orange.ask()

    made = answer.json()
    assert answer.status_code == 201
    assert (made["status"], made["message"]) == (201, "OK")
    assert re.fullmatch("[0-9a-f]{64}", made["pay_token"])
    assert re.fullmatch("[0-9a-f]{32}", made["notif_token"])
    assert "payment\\/pay_token\\/" + made["pay_token"] in answer.text


def test_dev_counts_in_its_own_unit(orange: Orange):
    assert orange.ask(env="dev", currency="OUV").status_code == 201
    assert orange.ask("other", env="dev", currency="XOF").json()["code"] == 1203


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"merchant_key": "ffffffff"}, 403, 1202),
        ({"currency": "OUV"}, 403, 1203),
        ({"env": "mars"}, 403, 50),
        ({"notif_url": None}, 400, 23),
        ({"amount": "1200"}, 400, 24),
        ({"amount": 12.5}, 400, 24),
        ({"reference": "Bijoux d'été"}, 400, 24),
        ({"order_id": "x" * 31}, 400, 24),
        ({"return_url": "https://shop.example/" + "x" * 120}, 400, 24),
        ({"lang": "de"}, 400, 24),
    ],
)
def test_what_orange_refuses_has_its_code(orange: Orange, changes, status, code):
    answer = orange.ask(**changes)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_order_id_is_used_once_for_ever(orange: Orange, world):
    made = orange.ask().json()
    confirm(orange, world, made, code="wrong")

    assert orange.ask().json()["code"] == 1204


def test_confirmation_goes_through_pending_to_success(orange: Orange, world, hand, shop):
    made = orange.ask().json()
    before = orange.status(made)

    confirm(orange, world, made)
    during = orange.status(made).json()["status"]
    hand.forward(3)
    world.tick()

    after = orange.status(made).json()
    assert (before.status_code, before.json()["status"]) == (201, "INITIATED")
    assert (during, after["status"]) == ("PENDING", "SUCCESS")
    assert re.fullmatch(r"MP261121\.1000\.A[0-9]{5}", after["txnid"])
    [told] = shop.received
    assert json.loads(told.body) == {
        "status": "SUCCESS",
        "notif_token": made["notif_token"],
        "txnid": after["txnid"],
    }
    assert told.url == "https://shop.example/n/tok"


def test_a_wrong_code_fails_for_good_and_is_told(orange: Orange, world, shop):
    made = orange.ask().json()

    confirm(orange, world, made, code="000000x")
    world.tick()

    assert orange.status(made).json()["status"] == "FAILED"
    assert json.loads(shop.received[0].body)["status"] == "FAILED"
    assert world.book() == []


def test_a_code_works_once(orange: Orange, world):
    code = world.handsets.code(CI)

    assert world.handsets.use_code(CI, code)
    assert not world.handsets.use_code(CI, code)


def test_cancelling_and_walking_away_stay_initiated_in_silence(orange: Orange, world, hand, shop):
    made = orange.ask().json()

    gone = orange.http.post(made["payment_url"], data={"choice": "cancel"}, allow_redirects=False)
    hand.forward(90_000)
    world.tick()
    orange.sign_in()

    assert gone.headers["Location"] == "https://shop.example/c"
    assert orange.status(made).json()["status"] == "INITIATED"
    assert shop.received == []


def test_only_a_late_confirmation_finds_it_expired(orange: Orange, world, hand, shop):
    made = orange.ask().json()
    hand.forward(601)
    world.tick()
    before = orange.status(made).json()["status"]

    confirm(orange, world, made)
    world.tick()

    assert (before, orange.status(made).json()["status"]) == ("INITIATED", "EXPIRED")
    assert shop.received == []
    assert world.book() == []


def test_a_status_must_repeat_what_was_created(orange: Orange):
    made = orange.ask().json()

    assert orange.status(made, amount=1300).status_code == 400
    assert orange.status({"pay_token": "0" * 64}).json()["code"] == 60
