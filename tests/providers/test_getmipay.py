"""GetMiPay in both dialects, byte for byte."""

from __future__ import annotations

import json

import pytest

from shop.errors import ConfigurationError
from shop.money import Money
from shop.providers.getmipay import METHODS, OTP_BEFORE, SERVICES
from shop.providers.getmipay_words import (
    REASONS,
    REFUSALS,
    STATUSES,
    canonical,
    signature,
    sorted_form,
)
from shop.providers.reasons import Reason
from shop.providers.values import (
    Authenticity,
    Payout,
    ProviderRejected,
    ProviderUnavailable,
    Status,
)
from tests.providers.fakes import collection, wired

SECRET = "demo-webhook-secret"
EVENT = (
    b'{"amount": 5000, "event": "payment.completed", "status": "success",'
    b' "transaction_id": "TXN123456"}'
)
VECTOR = "64818317a62e15f9db74cce7ad4bc1c6aea335ce401da82c285c49e5480387c9"
TOKEN = (200, b'{"success":true,"data":{"token":"T0K","token_type":"bearer"}}')


def body(http: int = 200, **fields: object) -> tuple[int, bytes]:
    return http, json.dumps(fields).encode()


def told(**changes: object) -> tuple[int, bytes]:
    values = {
        "success": True, "transaction_id": "TXN1", "reference": "PX7K4M2Q", "status": "success",
        "amount": 1500, "currency": "XOF", "phone_number": "+22670123456",
    }  # fmt: skip
    return body(**{**values, **changes})


def known(**changes: object):
    return collection("getmipay", **{"provider_ref": "TXN1", **changes})


def payout(**changes: object) -> Payout:
    values = {
        "reference": "WX7K4M2Q",
        "amount": Money(1500, "XOF"),
        "payee": "+22670123456",
        "country": "BF",
        "description": "Retrait WX7K-4M2Q",
        "webhook_url": "https://shop.example/webhook/getmipay/p4y/",
        "operator": "orange",
    }
    return Payout(**{**values, **changes})


def public(*replies, **settings: str):
    return wired("getmipay", *replies, dialect="public", **settings)


def test_the_guide_s_request_signature_known_answer():
    fields = {
        "amount": 5000.0, "api_key": "demo", "callback_url": "https://m.example/cb",
        "currency": "XOF", "description": "Dépôt", "method": "wave",
        "phone_number": "+22670000000", "reference": "DEPOSIT-1-1700000000.0",
        "return_url": "https://m.example/rt",
    }  # fmt: skip

    assert signature("demo-secret", canonical(fields)) == (
        "27af78f78e8b283cfcabf9823d2ca6b142a58a356888a355c82df8d5eb3b45cd"
    )


def test_the_guide_s_webhook_signature_known_answer():
    assert signature(SECRET, EVENT) == VECTOR


def test_collect_sends_the_guide_s_fields_sorted_so_that_both_ways_of_checking_agree():
    getmipay, wire = wired(
        "getmipay", body(success=True, transaction_id="TXN1", payment_url="https://pay.test/1")
    )

    outcome = getmipay.collect(collection("getmipay", operator="wave"))

    [sent] = wire.seen
    fields = json.loads(sent.body)
    signed = {name: value for name, value in fields.items() if name != "signature"}
    assert (sent.method, sent.url) == ("POST", "https://getmipay.test/v1/payments/initiate")
    assert sent.headers["Authorization"] == "Bearer demo"
    assert signed == {
        "amount": 1500, "api_key": "demo", "currency": "XOF", "method": "wave",
        "callback_url": "https://shop.example/webhook/getmipay/t0ken/",
        "return_url": "https://shop.example/payments/PX7K4M2Q",
        "phone_number": "+22670123456", "reference": "PX7K4M2Q",
        "description": "Commande PX7K4M2Q",
    }  # fmt: skip
    assert fields["signature"] == signature("demo-secret", canonical(signed))
    assert sent.body == canonical(fields)
    assert (outcome.status, outcome.provider_ref) == (Status.PENDING, "TXN1")
    assert outcome.page_url == "https://pay.test/1"


@pytest.mark.parametrize(("operator", "method"), METHODS.items())
def test_every_wallet_has_its_method(operator, method):
    getmipay, wire = wired("getmipay", body(success=True, transaction_id="TXN1"))

    getmipay.pay_out(payout(operator=operator))

    assert wire.seen[0].url == "https://getmipay.test/v1/payouts/initiate"
    assert json.loads(wire.seen[0].body)["method"] == method
    assert "return_url" not in json.loads(wire.seen[0].body)


def test_a_wallet_it_does_not_serve_is_refused_before_calling():
    getmipay, wire = wired("getmipay", body())

    with pytest.raises(ProviderRejected):
        getmipay.collect(collection("getmipay", operator="celtiis"))

    assert wire.seen == []


@pytest.mark.parametrize("answer", [body(success=True), body(), body(transaction_id="x" * 81)])
def test_an_answer_without_an_id_is_unknown(answer):
    getmipay, _ = wired("getmipay", answer)

    with pytest.raises(ProviderUnavailable, match="without an id"):
        getmipay.collect(collection("getmipay"))


@pytest.mark.parametrize(("status", "reason"), REFUSALS.items())
def test_a_refusal_is_read_by_its_class(status, reason):
    getmipay, _ = wired("getmipay", body(status, success=False, message="non"))

    with pytest.raises(ProviderRejected) as refused:
        getmipay.collect(collection("getmipay"))

    assert refused.value.reason is reason


def test_a_refusal_may_come_as_a_200():
    getmipay, _ = wired("getmipay", body(success=False, message="Solde insuffisant"))

    with pytest.raises(ProviderRejected, match="Solde insuffisant"):
        getmipay.collect(collection("getmipay"))


@pytest.mark.parametrize("status", [402, 409, 418, 500, 503])
def test_other_statuses_refuse_nothing(status):
    getmipay, _ = wired("getmipay", body(status, success=False, message="non"))

    with pytest.raises(ProviderUnavailable):
        getmipay.collect(collection("getmipay"))


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_every_status_is_read_in_both_dialects(word, status):
    guide, wire = wired("getmipay", told(status=word))
    published, _ = public(
        TOKEN,
        body(
            success=True, data={"order_id": "TXN1", "status": word, "amount": 1, "currency": "XOF"}
        ),
    )

    assert guide.collection_status(known()).status is status
    assert wire.seen[0].url == "https://getmipay.test/v1/payments/TXN1"
    assert published.collection_status(known()).status is status


@pytest.mark.parametrize("word", ["timeout", "completed", "SUCCESS", "", None])
def test_an_unlisted_status_is_unknown(word):
    getmipay, _ = wired("getmipay", told(status=word))

    with pytest.raises(ProviderUnavailable):
        getmipay.collection_status(known())


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
def test_every_code_becomes_a_reason(code, reason):
    failed, _ = wired("getmipay", told(status="failed", error_code=code))
    refused, _ = wired("getmipay", body(422, success=False, message="m", error_code=code))

    assert failed.collection_status(known()).reason is reason
    with pytest.raises(ProviderRejected) as refusal:
        refused.collect(collection("getmipay"))
    assert refusal.value.reason is reason


@pytest.mark.parametrize(
    ("change", "contradiction", "amount"),
    [
        ({}, None, Money(1500, "XOF")),
        ({"amount": "1400"}, None, Money(1400, "XOF")),
        ({"currency": "XAF"}, "currency", Money(1500, "XAF")),
        ({"transaction_id": "TXN2"}, "reference", Money(1500, "XOF")),
    ],
)
def test_a_success_is_told_as_it_is(change, contradiction, amount):
    getmipay, _ = wired("getmipay", told(**change))

    outcome = getmipay.collection_status(known())

    assert (outcome.contradiction, outcome.amount) == (contradiction, amount)
    assert (outcome.transaction_ref, outcome.payer) == ("TXN1", "+22670123456")


@pytest.mark.parametrize("amount", [None, 1500.5, "", True, "1e3"])
def test_an_unreadable_amount_is_unknown(amount):
    getmipay, _ = wired("getmipay", told(amount=amount))

    with pytest.raises(ProviderUnavailable):
        getmipay.collection_status(known())


def test_only_its_own_words_make_a_payment_absent():
    absent, _ = wired("getmipay", body(404, success=False, message="Transaction not found"))
    proxy, _ = wired("getmipay", body(404))

    assert absent.collection_status(known()).status is Status.ABSENT
    with pytest.raises(ProviderUnavailable):
        proxy.collection_status(known())


def test_a_lost_id_is_absence_only_where_nobody_was_asked():
    guide, _ = wired("getmipay", body())
    published, wire = public(TOKEN)

    assert guide.collection_status(collection("getmipay")).status is Status.ABSENT
    for provider in (guide, published):
        with pytest.raises(ProviderUnavailable):
            provider.payout_status(payout())
    with pytest.raises(ProviderUnavailable):
        published.collection_status(collection("getmipay"))
    assert wire.seen == []


def test_our_own_lack_of_money_is_not_told_as_the_payee_s():
    getmipay, _ = wired("getmipay", told(status="failed", error_code="INSUFFICIENT_FUNDS"))

    assert getmipay.payout_status(payout(provider_ref="TXN1")).reason is Reason.MISCONFIGURED


@pytest.mark.parametrize(("place", "service"), SERVICES.items())
def test_the_public_dialect_names_operation_and_service_in_headers(place, service):
    operator, country = place
    data = {
        "transaction_reference": "MPAYIN_1", "soleaspay_reference": "MLS1", "status": "pending",
        "payment_url": None,
    }  # fmt: skip
    getmipay, wire = public(TOKEN, body(success=True, data=data))
    asked = collection("getmipay", operator=operator, country=country, otp="123456")

    outcome = getmipay.collect(asked)

    signed_in, sent = wire.seen
    assert signed_in.url == "https://getmipay.test/action/auth"
    assert json.loads(signed_in.body) == {
        "public_apikey": "demo", "private_secretkey": "demo-secret",
    }  # fmt: skip
    assert sent.url == "https://getmipay.test/payments/payin"
    assert sent.headers["Authorization"] == "Bearer T0K"
    assert (sent.headers["operation"], sent.headers["service"]) == ("2", service)
    assert ("otp" in sent.headers) == (service in OTP_BEFORE)
    assert json.loads(sent.body) == {
        "amount": 1500, "currency": "XOF", "wallet": "22670123456", "customer_name": "Client",
        "description": "Commande PX7K4M2Q PX7K4M2Q",
        "callback_url": "https://shop.example/webhook/getmipay/t0ken/",
    }  # fmt: skip
    assert (outcome.provider_ref, outcome.memory) == ("MPAYIN_1", {"pay_id": "MLS1"})
    assert outcome.page_url is None


def test_the_public_dialect_reads_by_both_ids():
    data = {"order_id": "TXN1", "status": "success", "amount": 1500, "currency": "XOF"}
    getmipay, wire = public(TOKEN, body(success=True, data=data))

    outcome = getmipay.collection_status(known(memory={"pay_id": "MLS1"}, operator="orange"))

    assert wire.seen[1].url == "https://getmipay.test/payments/direct-status"
    assert json.loads(wire.seen[1].body) == {
        "order_id": "TXN1", "pay_id": "MLS1", "operation": "2", "service": "5",
    }  # fmt: skip
    assert (outcome.status, outcome.amount) == (Status.SUCCEEDED, Money(1500, "XOF"))


def test_the_public_dialect_reads_by_one_id_when_it_was_given_one():
    data = {"order_id": "TXN1", "status": "success", "amount": 1500, "currency": "XOF"}
    getmipay, wire = public(TOKEN, body(success=True, data=data))

    outcome = getmipay.collection_status(known())

    assert (wire.seen[1].method, wire.seen[1].url) == (
        "GET",
        "https://getmipay.test/payments/TXN1/status",
    )
    assert outcome.status is Status.SUCCEEDED


def test_the_public_dialect_takes_a_flat_answer_too():
    getmipay, wire = public(TOKEN, body(reference="GMP-123456", status="pending"))

    outcome = getmipay.pay_out(payout())

    assert wire.seen[1].headers["operation"] == "4"
    assert (outcome.provider_ref, outcome.memory) == ("GMP-123456", {})


def test_the_public_dialect_refuses_before_calling_without_its_code():
    getmipay, wire = public(TOKEN)

    with pytest.raises(ProviderRejected) as refused:
        getmipay.collect(collection("getmipay", operator="orange"))

    assert refused.value.reason is Reason.BAD_CODE
    assert wire.seen == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"dialect": "both"}, "GETMIPAY_DIALECT"), ({"webhook_form": "x"}, "GETMIPAY_WEBHOOK_FORM")],
)
def test_an_unknown_manner_stops_the_program(settings, words):
    with pytest.raises(ConfigurationError, match=words):
        wired("getmipay", body(), **settings)


def heard(
    content: bytes, header: str | None, *, moment: str = "", now_s: float = 0, **settings: str
):
    getmipay, _ = wired("getmipay", body(), **{"webhook_secret": SECRET, **settings})
    headers = {"X-GetMiPay-Signature": header} if header is not None else {}
    if moment:
        headers["X-GetMiPay-Timestamp"] = moment
    return getmipay.parse_webhook(headers=headers, body=content, now_s=now_s)


@pytest.mark.parametrize("header", [VECTOR, f"sha256={VECTOR}", VECTOR.upper(), f" {VECTOR} "])
@pytest.mark.parametrize("secrets", [SECRET, f"new,{SECRET}", f"{SECRET}, new"])
def test_a_genuine_event_is_taken_under_either_secret(header, secrets):
    notice = heard(EVENT, header, webhook_secret=secrets)

    assert notice.authenticity is Authenticity.SIGNED
    assert notice.event_id == "payment.completed:TXN123456"
    assert (notice.kind, notice.provider_ref) == ("payment.completed", "TXN123456")


@pytest.mark.parametrize(
    "header",
    [None, "", "sha256=", VECTOR[:-1], "0" * 64, f"md5={VECTOR}", f"é{VECTOR}", "\udcff"],
)
def test_what_proves_nothing_is_rejected(header):
    assert heard(EVENT, header).authenticity is Authenticity.REJECTED


AS_WRITTEN = (
    b'{"event":"payment.completed","transaction_id":"TXN123456","status":"success","amount":5000}'
)


def test_the_guide_s_sender_signs_another_order_than_it_sends():
    assert heard(AS_WRITTEN, VECTOR).authenticity is Authenticity.SIGNED
    assert heard(AS_WRITTEN, VECTOR, webhook_form="raw").authenticity is Authenticity.REJECTED


@pytest.mark.parametrize(
    "content",
    [
        AS_WRITTEN.replace(b"5000", b"9000"),
        AS_WRITTEN[:-1] + b',"transaction_id":"TXN999999"}',
        b'{"transaction_id":"TXN999999",' + AS_WRITTEN[1:],
        AS_WRITTEN.replace(b"5000", b"5000.0"),
        b"[" + AS_WRITTEN + b"]",
        b"",
    ],
    ids=["amount", "twice after", "twice before", "float", "list", "empty"],
)
def test_the_sorted_form_never_covers_what_can_be_read_in_two_ways(content):
    assert heard(content, VECTOR).authenticity is Authenticity.REJECTED


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":NaN', b"\xff", b'{"a":1,"a":2}'])
def test_what_has_no_sorted_form_has_none(content):
    assert sorted_form(content) is None


def test_an_event_about_something_else_is_ignorable():
    content = b'{"event": "wallet.low", "amount": 3}'

    notice = heard(content, signature(SECRET, content))

    assert (notice.authenticity, notice.ignorable) == (Authenticity.SIGNED, True)
    assert notice.provider_ref is None


PUBLIC = b'{"order_id":"MPAYIN_1","soleaspay_reference":"MLS1","status":"success","amount":1500}'


@pytest.mark.parametrize(
    ("signed", "moment", "now_s", "authenticity"),
    [
        (PUBLIC, "1700000000", 1_700_000_000, Authenticity.SIGNED),
        (b"1700000000." + PUBLIC, "1700000000", 1_700_000_300, Authenticity.SIGNED),
        (b"1700000000." + PUBLIC, "1700000000", 1_700_000_301, Authenticity.REJECTED),
        (b"1700000000." + PUBLIC, "1700000001", 1_700_000_000, Authenticity.REJECTED),
        (b"1700000000." + PUBLIC, "", 1_700_000_000, Authenticity.REJECTED),
        (b"x." + PUBLIC, "x", 1_700_000_000, Authenticity.REJECTED),
        (PUBLIC + b" ", "1700000000", 1_700_000_000, Authenticity.REJECTED),
    ],
)
def test_the_public_dialect_signs_a_body_or_a_dated_body(signed, moment, now_s, authenticity):
    header = f"sha256={signature(SECRET, signed)}"

    notice = heard(PUBLIC, header, moment=moment, now_s=now_s, dialect="public")

    assert notice.authenticity is authenticity
    if authenticity is Authenticity.SIGNED:
        assert (notice.provider_ref, notice.kind) == ("MPAYIN_1", "success")


def test_the_public_dialect_never_takes_a_sorted_form():
    restated = canonical(json.loads(PUBLIC))

    notice = heard(PUBLIC, signature(SECRET, restated), dialect="public")

    assert notice.authenticity is Authenticity.REJECTED
