"""MTN MoMo, byte for byte."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from shop.money import Money
from shop.providers.mtn_words import ENVIRONMENTS, REASONS, REFUSALS, STATUSES
from shop.providers.reasons import Reason
from shop.providers.values import ProviderRejected, ProviderUnavailable, Status
from tests.providers.fakes import SETTINGS, collection, wired

PAID = {
    "amount": "1500", "currency": "XOF", "financialTransactionId": "1927264368",
    "externalId": "PX7K4M2Q", "payer": {"partyIdType": "MSISDN", "partyId": "2250501020304"},
    "payerMessage": "m", "payeeNote": "m", "status": "SUCCESSFUL",
}  # fmt: skip


def status(**changes: object) -> tuple[int, bytes]:
    return 200, json.dumps({**PAID, **changes}).encode()


def error(http: int, code: str) -> tuple[int, bytes]:
    return http, json.dumps({"code": code, "message": "m"}).encode()


def test_collect_sends_the_documented_request():
    mtn, wire = wired("mtn", (202, b""))

    outcome = mtn.collect(collection("mtn", description="L'été à Abidjan <b>"))

    [sent] = wire.seen
    assert (sent.method, sent.url) == ("POST", "https://mtn.test/collection/v1_0/requesttopay")
    assert sent.body == (
        b'{"amount": "1500", "currency": "XOF", "externalId": "PX7K4M2Q",'
        b' "payer": {"partyIdType": "MSISDN", "partyId": "2250501020304"},'
        b' "payerMessage": "L ete a Abidjan b", "payeeNote": "L ete a Abidjan b"}'
    )
    assert sent.headers["Authorization"] == "Bearer T0K"
    assert sent.headers["Ocp-Apim-Subscription-Key"] == SETTINGS["mtn"]["subscription_key"]
    assert sent.headers["X-Target-Environment"] == "mtnivorycoast"
    assert sent.headers["X-Callback-Url"] == "https://shop.example/webhook/mtn/t0ken/"
    assert sent.headers["X-Reference-Id"] == outcome.provider_ref
    assert outcome.status is Status.PENDING


def test_the_request_id_is_a_v4_uuid_worked_out_from_the_reference():
    mtn, _ = wired("mtn", (202, b""))
    again, _ = wired("mtn", (202, b""))
    other_merchant, _ = wired("mtn", (202, b""), api_user="another")

    request_id = mtn.request_id("PX7K4M2Q")

    assert UUID(request_id).version == 4
    assert request_id == again.request_id("PX7K4M2Q")
    assert request_id != mtn.request_id("PX7K4M2R")
    assert request_id != other_merchant.request_id("PX7K4M2Q")


def test_an_empty_callback_header_is_left_out():
    mtn, wire = wired("mtn", (202, b""))

    mtn.collect(collection("mtn", webhook_url=""))

    assert "X-Callback-Url" not in wire.seen[0].headers


@pytest.mark.parametrize(("country", "target"), ENVIRONMENTS.items())
def test_each_country_has_its_target_environment(country, target):
    mtn, wire = wired("mtn", (202, b""))

    mtn.collect(collection("mtn", country=country))

    assert wire.seen[0].headers["X-Target-Environment"] == target


def test_a_country_without_mtn_is_refused_before_calling():
    mtn, wire = wired("mtn", (202, b""))

    with pytest.raises(ProviderRejected):
        mtn.collect(collection("mtn", country="SN"))

    assert (wire.seen, wire.tokens_fetched) == ([], 0)


def test_the_sandbox_speaks_euros_and_we_read_francs_back():
    mtn, wire = wired("mtn", (202, b""), status(currency="EUR"), environment="sandbox")

    mtn.collect(collection("mtn"))
    outcome = mtn.collection_status(collection("mtn"))

    assert json.loads(wire.seen[0].body)["currency"] == "EUR"
    assert wire.seen[0].headers["X-Target-Environment"] == "sandbox"
    assert (outcome.amount, outcome.contradiction) == (Money(1500, "XOF"), None)


@pytest.mark.parametrize("reply", [error(409, "RESOURCE_ALREADY_EXIST"), (409, b"")])
def test_our_own_repeated_request_counts_as_accepted(reply):
    mtn, _ = wired("mtn", reply)

    assert mtn.collect(collection("mtn")).status is Status.PENDING


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_named_500_refuses_with_authority(code):
    mtn, _ = wired("mtn", error(500, code))

    with pytest.raises(ProviderRejected) as refused:
        mtn.collect(collection("mtn"))

    assert refused.value.reason is REASONS[code]


@pytest.mark.parametrize("code", ["INTERNAL_PROCESSING_ERROR", "SERVICE_UNAVAILABLE", "", "NEW"])
def test_a_500_that_only_says_broken_is_unknown(code):
    mtn, _ = wired("mtn", error(500, code))

    with pytest.raises(ProviderUnavailable):
        mtn.collect(collection("mtn"))


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_named_500_on_a_status_call_never_fails_the_payment(code):
    mtn, _ = wired("mtn", error(500, code))

    with pytest.raises(ProviderUnavailable):
        mtn.collection_status(collection("mtn"))


@pytest.mark.parametrize("http", [400, 401, 403])
def test_a_request_mtn_does_not_take_is_our_fault(http):
    mtn, _ = wired("mtn", (http, b""))

    with pytest.raises(ProviderRejected) as refused:
        mtn.collect(collection("mtn"))

    assert refused.value.reason is Reason.MISCONFIGURED


def test_a_paid_request_tells_amount_payer_and_transaction():
    mtn, wire = wired("mtn", status())

    outcome = mtn.collection_status(collection("mtn"))

    request_id = mtn.request_id("PX7K4M2Q")
    assert wire.seen[0].url == f"https://mtn.test/collection/v1_0/requesttopay/{request_id}"
    assert outcome.status is Status.SUCCEEDED
    assert outcome.amount == Money(1500, "XOF")
    assert outcome.transaction_ref == "1927264368"
    assert outcome.payer == "+2250501020304"
    assert outcome.contradiction is None


@pytest.mark.parametrize(("word", "meaning"), STATUSES.items())
def test_every_status_word_is_read(word, meaning):
    mtn, _ = wired("mtn", status(status=word))

    assert mtn.collection_status(collection("mtn")).status is meaning


def test_an_unknown_status_word_is_reported_not_guessed():
    mtn, _ = wired("mtn", status(status="SETTLED"))

    with pytest.raises(ProviderUnavailable, match="SETTLED"):
        mtn.collection_status(collection("mtn"))


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
def test_every_failure_reason_is_read_as_text_and_as_object(code, reason):
    for why in (code, {"code": code, "message": "m"}):
        mtn, _ = wired("mtn", status(status="FAILED", reason=why))

        outcome = mtn.collection_status(collection("mtn"))

        assert (outcome.status, outcome.reason) == (Status.FAILED, reason)


@pytest.mark.parametrize(
    ("change", "contradiction", "amount"),
    [
        ({"amount": 1400}, None, Money(1400, "XOF")),
        ({"amount": "1500.00"}, None, Money(1500, "XOF")),
        ({"currency": "XAF"}, "currency", Money(1500, "XAF")),
        ({"externalId": "SOMEONE0"}, "reference", Money(1500, "XOF")),
    ],
)
def test_a_success_that_differs_is_told_as_it_is(change, contradiction, amount):
    mtn, _ = wired("mtn", status(**change))

    outcome = mtn.collection_status(collection("mtn"))

    assert outcome.status is Status.SUCCEEDED
    assert (outcome.contradiction, outcome.amount) == (contradiction, amount)


@pytest.mark.parametrize(
    ("wire_amount", "amount"), [(b"1500.00", 1500), (b"9007199254740993.0", 9007199254740993)]
)
def test_a_decimal_number_is_read_as_written_not_as_a_float(wire_amount, amount):
    body = json.dumps(PAID).encode().replace(b'"1500"', wire_amount)
    mtn, _ = wired("mtn", (200, body))

    assert mtn.collection_status(collection("mtn")).amount == Money(amount, "XOF")


def test_only_mtn_s_own_word_makes_a_request_absent():
    mtn, _ = wired("mtn", error(404, "RESOURCE_NOT_FOUND"), (404, b""))

    assert mtn.collection_status(collection("mtn")).status is Status.ABSENT
    with pytest.raises(ProviderUnavailable):
        mtn.collection_status(collection("mtn"))
