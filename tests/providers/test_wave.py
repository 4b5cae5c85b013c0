"""Wave, byte for byte."""

from __future__ import annotations

import json

import pytest

from shop.money import Money
from shop.providers.reasons import Reason
from shop.providers.values import ProviderRejected, ProviderUnavailable, Status
from shop.providers.wave import REASONS, STATUSES, signature
from tests.providers.fakes import collection, wired

SESSION = {
    "id": "cos-18qq25rgr100a",
    "amount": "1500",
    "checkout_status": "open",
    "client_reference": "PX7K4M2Q",
    "currency": "XOF",
    "error_url": "https://shop.example/payments/PX7K4M2Q",
    "last_payment_error": None,
    "business_name": "Annas Apiaries",
    "payment_status": "processing",
    "transaction_id": None,
    "success_url": "https://shop.example/payments/PX7K4M2Q",
    "wave_launch_url": "https://pay.wave.com/c/cos-18qq25rgr100a?a=1500&c=XOF",
    "when_completed": None,
    "when_created": "2026-11-21T10:00:00Z",
    "when_expires": "2026-11-21T10:30:00Z",
}
PAID = {
    "checkout_status": "complete", "payment_status": "succeeded", "transaction_id": "TCN4Y4ZC3FM"
}  # fmt: skip


def session(**changes: object) -> tuple[int, bytes]:
    return 200, json.dumps({**SESSION, **changes}).encode()


def known(**changes: object):
    return collection("wave", provider_ref="cos-18qq25rgr100a", **changes)


def test_collect_sends_the_documented_request_and_nothing_more():
    wave, wire = wired("wave", session())

    outcome = wave.collect(collection("wave"))

    [sent] = wire.seen
    assert (sent.method, sent.url) == ("POST", "https://api.wave.test/v1/checkout/sessions")
    assert sent.body == (
        b'{"amount": "1500", "currency": "XOF",'
        b' "success_url": "https://shop.example/payments/PX7K4M2Q",'
        b' "error_url": "https://shop.example/payments/PX7K4M2Q",'
        b' "client_reference": "PX7K4M2Q", "restrict_payer_mobile": "+2250701020304"}'
    )
    assert dict(sent.headers) == {
        "User-Agent": "cauri/1",
        "Accept-Encoding": "identity",
        "Authorization": "Bearer wave_ci_prod_k3y",
        "Content-Type": "application/json",
        "Content-Length": str(len(sent.body)),
    }
    assert outcome.status is Status.PENDING
    assert outcome.provider_ref == "cos-18qq25rgr100a"
    assert outcome.page_url == SESSION["wave_launch_url"]
    assert outcome.expires_at == "2026-11-21T10:30:00Z"


def test_a_paid_session_tells_amount_and_transaction():
    wave, wire = wired("wave", session(**PAID))

    outcome = wave.collection_status(known())

    assert wire.seen[0].url == "https://api.wave.test/v1/checkout/sessions/cos-18qq25rgr100a"
    assert outcome.status is Status.SUCCEEDED
    assert outcome.amount == Money(1500, "XOF")
    assert outcome.transaction_ref == "TCN4Y4ZC3FM"
    assert outcome.contradiction is None


@pytest.mark.parametrize(("words", "status"), STATUSES.items())
def test_every_pair_of_status_words_is_read(words, status):
    wave, _ = wired("wave", session(checkout_status=words[0], payment_status=words[1]))

    assert wave.collection_status(known()).status is status


@pytest.mark.parametrize(
    "words", [("open", "succeeded"), ("expired", "succeeded"), ("open", "paid"), (None, None)]
)
def test_a_pair_wave_does_not_document_is_unknown(words):
    wave, _ = wired("wave", session(checkout_status=words[0], payment_status=words[1]))

    with pytest.raises(ProviderUnavailable, match="unknown status"):
        wave.collection_status(known())


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
def test_every_documented_code_becomes_a_reason_in_both_envelopes(code, reason):
    for body in ({"code": code, "message": "m"}, {"error": {"code": code, "message": "m"}}):
        wave, _ = wired("wave", (400, json.dumps(body).encode()))

        with pytest.raises(ProviderRejected) as refused:
            wave.collect(collection("wave"))

        assert (refused.value.reason, refused.value.code) == (reason, code)


@pytest.mark.parametrize(("code", "reason"), list(REASONS.items())[:7])
def test_a_failed_session_says_why(code, reason):
    ended = {"checkout_status": "expired", "payment_status": "cancelled"}
    wave, _ = wired("wave", session(**ended, last_payment_error={"code": code, "message": "m"}))

    assert wave.collection_status(known()).reason is reason


def test_a_failed_try_leaves_the_session_payable():
    error = {"code": "insufficient-funds", "message": "m"}
    wave, _ = wired("wave", session(last_payment_error=error))

    assert wave.collection_status(known()).status is Status.PENDING


def test_expiry_without_a_try_is_a_timeout():
    wave, _ = wired("wave", session(checkout_status="expired", payment_status="cancelled"))

    assert wave.collection_status(known()).reason is Reason.TIMEOUT


@pytest.mark.parametrize(
    ("change", "contradiction", "amount"),
    [
        ({"amount": "1400"}, None, Money(1400, "XOF")),
        ({"currency": "XAF"}, "currency", Money(1500, "XAF")),
        ({"client_reference": "SOMEONE0"}, "reference", Money(1500, "XOF")),
        ({"client_reference": None}, "reference", Money(1500, "XOF")),
        ({"id": "cos-another"}, "reference", Money(1500, "XOF")),
    ],
)
def test_a_success_that_differs_is_told_as_it_is(change, contradiction, amount):
    wave, _ = wired("wave", session(**{**PAID, **change}))

    outcome = wave.collection_status(known())

    assert outcome.status is Status.SUCCEEDED
    assert (outcome.contradiction, outcome.amount) == (contradiction, amount)


@pytest.mark.parametrize("amount", ["1500.50", "1e3", "-1500", None, 15.5, True, "", "1 500"])
def test_an_unreadable_amount_is_unknown_not_zero(amount):
    wave, _ = wired("wave", session(**PAID, amount=amount))

    with pytest.raises(ProviderUnavailable):
        wave.collection_status(known())


def found(*sessions: dict) -> tuple[int, bytes]:
    return 200, json.dumps({"result": list(sessions)}).encode()


def test_a_lost_answer_is_found_by_our_reference():
    wave, wire = wired("wave", found({**SESSION, **PAID}))

    outcome = wave.collection_status(collection("wave"))

    assert wire.seen[0].url == (
        "https://api.wave.test/v1/checkout/sessions/search?client_reference=PX7K4M2Q"
    )
    assert outcome.status is Status.SUCCEEDED
    assert outcome.provider_ref == "cos-18qq25rgr100a"


def test_no_session_for_our_reference_is_absent():
    wave, _ = wired("wave", found())

    assert wave.collection_status(collection("wave")).status is Status.ABSENT


def test_two_sessions_for_one_reference_are_not_guessed_between():
    wave, _ = wired("wave", found(SESSION, {**SESSION, **PAID}))

    with pytest.raises(ProviderUnavailable, match="2 results"):
        wave.collection_status(collection("wave"))


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        (b'{"code":"checkout-session-not-found","message":"m"}', True),
        (b'{"code":"not-found","message":"m"}', False),
        (b"", False),
    ],
)
def test_only_wave_s_own_word_makes_a_session_absent(body, absent):
    wave, _ = wired("wave", (404, body))

    if absent:
        assert wave.collection_status(known()).status is Status.ABSENT
    else:
        with pytest.raises(ProviderUnavailable):
            wave.collection_status(known())


def test_a_refusal_on_a_status_call_never_fails_the_payment():
    wave, _ = wired("wave", (401, b'{"code":"api-key-revoked","message":"m"}'))

    with pytest.raises(ProviderUnavailable):
        wave.collection_status(known())


def test_an_http_return_address_is_refused_before_calling():
    wave, wire = wired("wave", session())

    with pytest.raises(ProviderRejected) as refused:
        wave.collect(collection("wave", return_url="http://shop.example/payments/1"))

    assert refused.value.reason is Reason.MISCONFIGURED
    assert wire.seen == []


KEY = "wave_sn_AKS_" + "0" * 52


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        ("", "c99a0ac8a4fb4322e81b45c74cc216be43afc7324ad6476a162e7d1d51919f65"),
        (
            '{"amount":"1000","currency":"XOF"}',
            "88f2fbcb275538c603897ecff8ba346b5d6e6c23c4f434f62be2d1b344cf3dd4",
        ),
        (
            '{"name":"Aïssatou Ndiaye"}',
            "03739901ae69f851213108e28a8cba972da94887112e87872439e5e68cbbe2e5",
        ),
    ],
)
def test_request_signature_known_answers(body, digest):
    assert signature(KEY, "1700000000", body.encode()) == digest


def test_a_signing_key_signs_the_very_bytes_that_are_sent():
    wave, wire = wired("wave", session(), signing_secret=KEY)

    wave.collect(collection("wave"))

    [sent] = wire.seen
    moment, digest = sent.headers["Wave-Signature"].removeprefix("t=").split(",v1=")
    assert digest == signature(KEY, moment, sent.body)
