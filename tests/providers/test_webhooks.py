"""Webhooks: what proves where it comes from, what does not, and what never raises."""

from __future__ import annotations

import json

import pytest

from shop.providers.base import same_secret
from shop.providers.values import Authenticity
from shop.providers.wave import signature
from tests.providers.fakes import wired

#: Wave's published example (https://docs.wave.com/webhook), to the byte.
SECRET = "wave_sn_WHS_xz4m6g8rjs9bshxy05xj4khcvjv7j3hcp4fbpvv6met0zdrjvezg"
MOMENT = 1667920421
DIGEST = "53c971695230e9c51b1030d673eee76e70bbcdf8a7c5b8c1d44e0b8b1329647b"
HEADER = f"t={MOMENT},v1={DIGEST}"
BODY = (
    b'{"id": "AE_ijzo7oGgrlM7", "type": "checkout.session.completed", "data": {"id": '
    b'"cos-1b01sghpg100j", "amount": "100", "checkout_status": "complete", "client_reference": '
    b'null, "currency": "XOF", "error_url": "https://example.com/error", "last_payment_error": '
    b'null, "business_name": "Annas Apiaries", "payment_status": "succeeded", "success_url": '
    b'"https://example.com/success", "wave_launch_url": "https://pay.wave.com/c/cos-1b01sghpg100j'
    b'?a=100&c=XOF&m=Annas%20Apiaries", "when_completed": "2022-11-08T15:05:45Z", "when_created": '
    b'"2022-11-08T15:05:32Z", "when_expires": "2022-11-09T15:05:32Z", "transaction_id": '
    b'"TCN4Y4ZC3FM"}}'
)


def heard(header: str | None = HEADER, body: bytes = BODY, now_s: float = MOMENT, secret=SECRET):
    wave, _ = wired("wave", (200, b"{}"), webhook_secret=secret)
    headers = {} if header is None else {"Wave-Signature": header}
    return wave.parse_webhook(headers=headers, body=body, now_s=now_s)


def test_wave_s_own_example_is_accepted():
    notice = heard()

    assert notice.authenticity is Authenticity.SIGNED
    assert notice.event_id == "AE_ijzo7oGgrlM7"
    assert notice.kind == "checkout.session.completed"
    assert notice.provider_ref == "cos-1b01sghpg100j"
    assert not notice.ignorable


@pytest.mark.parametrize(
    "header",
    [
        f"v1={'0' * 64},t={MOMENT},v1={DIGEST}",
        f" t={MOMENT} , v1={DIGEST} ",
        f"t={MOMENT},v1={DIGEST.upper()},v0=ignored",
    ],
    ids=["two signatures", "spaces", "capitals and unknown keys"],
)
def test_headers_that_still_prove_it(header):
    assert heard(header).authenticity is Authenticity.SIGNED


@pytest.mark.parametrize("name", ["wave-signature", "WAVE-SIGNATURE"])
def test_the_header_is_found_whatever_its_capitals(name):
    wave, _ = wired("wave", (200, b"{}"), webhook_secret=SECRET)

    notice = wave.parse_webhook(headers={name: HEADER}, body=BODY, now_s=MOMENT)

    assert notice.authenticity is Authenticity.SIGNED


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        DIGEST,
        f"v1={DIGEST}",
        f"t={MOMENT}",
        f"t={MOMENT},v1={DIGEST[:-1]}",
        f"t={MOMENT},v1={DIGEST[:32]}",
        f"t={MOMENT},v1={'0' * 64}",
        f"t={MOMENT + 1},v1={DIGEST}",
        f"t={MOMENT},t={MOMENT},v1={DIGEST}",
        f"t={MOMENT}.0,v1={DIGEST}",
        f"t={'9' * 5000},v1={DIGEST}",
        f"t=١٦٦٧٩٢٠٤٢١,v1={DIGEST}",
        f"t={MOMENT},v1=é{DIGEST}",
        f"t={MOMENT},v1=\udcff",
        "t=1667920421,v1=" + ",v1=" * 1000,
        signature(SECRET, f"{MOMENT}.", BODY),
    ],
)
def test_headers_that_prove_nothing(header):
    assert heard(header).authenticity is Authenticity.REJECTED


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace(b'"100"', b'"900"'),
        BODY + b"\n",
        BODY.replace(b'": ', b'":'),
        b" " + BODY,
        b"",
        json.dumps(json.loads(BODY), separators=(",", ":")).encode(),
    ],
    ids=["other amount", "newline", "no spaces", "space before", "empty", "re-serialised"],
)
def test_another_body_is_not_covered_by_the_signature(body):
    assert heard(body=body).authenticity is Authenticity.REJECTED


@pytest.mark.parametrize(
    ("late_s", "authenticity"),
    [
        (300, Authenticity.SIGNED),
        (301, Authenticity.REJECTED),
        (-300, Authenticity.SIGNED),
        (-301, Authenticity.REJECTED),
    ],
)
def test_a_message_is_good_for_five_minutes_either_way(late_s, authenticity):
    assert heard(now_s=MOMENT + late_s).authenticity is authenticity


@pytest.mark.parametrize(
    ("secrets", "authenticity"),
    [
        (f"wave_sn_WHS_new, {SECRET}", Authenticity.SIGNED),
        (f"{SECRET},wave_sn_WHS_new", Authenticity.SIGNED),
        ("wave_sn_WHS_new,wave_sn_WHS_newer", Authenticity.REJECTED),
    ],
)
def test_several_secrets_are_tried_while_one_is_replaced(secrets, authenticity):
    assert heard(secret=secrets).authenticity is authenticity


def test_no_secret_at_all_accepts_nothing():
    empty = f"t={MOMENT},v1={signature('', str(MOMENT), BODY)}"

    assert heard(empty, secret=" , ").authenticity is Authenticity.REJECTED


@pytest.mark.parametrize("kind", ["test.test_event", "merchant.payment_received", "b2b.new", ""])
def test_signed_events_about_no_payment_of_ours_are_ignorable(kind):
    body = json.dumps({"id": "EV_1", "type": kind, "data": {"id": "T_46"}}).encode()

    notice = heard(f"t={MOMENT},v1={signature(SECRET, str(MOMENT), body)}", body)

    assert (notice.authenticity, notice.ignorable) == (Authenticity.SIGNED, True)
    assert notice.provider_ref is None


@pytest.mark.parametrize("body", [b"[]", b"\xff", b'{"type":', b"[" * 100_000])
def test_a_signed_body_that_is_no_event_is_rejected_quietly(body):
    notice = heard(f"t={MOMENT},v1={signature(SECRET, str(MOMENT), body)}", body)

    assert notice.authenticity is Authenticity.REJECTED


def test_mtn_signs_nothing_and_only_hints():
    mtn, _ = wired("mtn", (202, b""))
    body = b'{"externalId":"PX7K4M2Q","amount":"1500","currency":"XOF","status":"SUCCESSFUL"}'

    notice = mtn.parse_webhook(headers={}, body=body, now_s=0)

    assert notice.authenticity is Authenticity.UNSIGNED
    assert (notice.reference, notice.kind) == ("PX7K4M2Q", "SUCCESSFUL")


def test_mtn_may_leave_out_our_reference():
    mtn, _ = wired("mtn", (202, b""))

    notice = mtn.parse_webhook(headers={}, body=b'{"status":"FAILED"}', now_s=0)

    assert (notice.authenticity, notice.reference) == (Authenticity.UNSIGNED, None)


def test_orange_echoes_the_token_for_the_caller_to_compare():
    orange, _ = wired("orange", (201, b"{}"))
    body = b'{"status":"SUCCESS","notif_token":"dd497bda3b250e53","txnid":"MP1"}'

    notice = orange.parse_webhook(headers={}, body=body, now_s=0)

    assert notice.authenticity is Authenticity.TOKEN
    assert notice.echoed_token == "dd497bda3b250e53"
    assert same_secret(notice.echoed_token, "dd497bda3b250e53")
    assert not same_secret("dd497bda3b250e5é", "dd497bda3b250e53")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"",
        b"x",
        b'{"notif_token":null}',
        '{"notif_token":"é"}'.encode(),
        b'{"notif_token":""}',
    ],
)
def test_orange_without_its_token_is_rejected(body):
    orange, _ = wired("orange", (201, b"{}"))

    notice = orange.parse_webhook(headers={}, body=body, now_s=0)

    assert notice.authenticity is Authenticity.REJECTED


def test_moov_sends_none_so_every_one_is_rejected():
    moov, _ = wired("moov", (200, b""))

    notice = moov.parse_webhook(headers={}, body=b"<status>0</status>", now_s=0)

    assert notice.authenticity is Authenticity.REJECTED
    assert moov.can.webhook is None
