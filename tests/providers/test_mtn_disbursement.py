"""MTN's transfers, refunds and purses, byte for byte."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from shop.errors import ConfigurationError
from shop.money import Money
from shop.providers.mtn_words import PAYOUT_REASONS, REFUSALS, STATUSES
from shop.providers.reasons import Reason
from shop.providers.values import (
    Authenticity,
    ProviderRejected,
    ProviderUnavailable,
    Refund,
    Status,
)
from tests.providers.fakes import SETTINGS, collection, payout, wired

SENT = {
    "amount": "1500", "currency": "XOF", "financialTransactionId": "1927264369",
    "externalId": "WX7K4M2Q", "payee": {"partyIdType": "MSISDN", "partyId": "2250501020304"},
    "payerMessage": "m", "payeeNote": "m", "status": "SUCCESSFUL",
}  # fmt: skip
KEYLESS = {
    "disbursement_subscription_key": "",
    "disbursement_api_user": "",
    "disbursement_api_key": "",
}


def status(**changes: object) -> tuple[int, bytes]:
    return 200, json.dumps({**SENT, **changes}).encode()


def error(http: int, code: str) -> tuple[int, bytes]:
    return http, json.dumps({"code": code, "message": "m"}).encode()


def refund(**changes: object) -> Refund:
    values: dict[str, object] = {
        "reference": "RX7K4M2Q",
        "amount": Money(500, "XOF"),
        "collection": collection("mtn", provider_ref="5f2d4c0e-9f39-4a6b-8d4e-0f3f5c6f8f21"),
        "transaction_ref": "1927264368",
    }
    return Refund(**{**values, **changes})


def test_pay_out_sends_the_documented_request_with_the_product_s_own_keys():
    mtn, wire = wired("mtn", (202, b""))

    outcome = mtn.pay_out(payout("mtn"))

    [sent] = wire.seen
    assert (sent.method, sent.url) == ("POST", "https://mtn.test/disbursement/v1_0/transfer")
    assert sent.body == (
        b'{"amount": "1500", "currency": "XOF", "externalId": "WX7K4M2Q",'
        b' "payee": {"partyIdType": "MSISDN", "partyId": "2250501020304"},'
        b' "payerMessage": "Retrait WX7K4M2Q", "payeeNote": "Retrait WX7K4M2Q"}'
    )
    assert dict(sent.headers) == {
        "User-Agent": "cauri/1",
        "Accept-Encoding": "identity",
        "Authorization": "Bearer T0K",
        "Ocp-Apim-Subscription-Key": SETTINGS["mtn"]["disbursement_subscription_key"],
        "X-Target-Environment": "mtnivorycoast",
        "X-Reference-Id": outcome.provider_ref,
        "X-Callback-Url": "https://shop.example/webhook/mtn/t0ken/",
        "Content-Type": "application/json",
        "Content-Length": str(len(sent.body)),
    }
    assert outcome.status is Status.PENDING
    assert UUID(outcome.provider_ref).version == 4


def test_a_transfer_a_refund_and_a_collection_never_share_an_id():
    mtn, _ = wired("mtn", (202, b""))

    ids = {
        mtn.collect(collection("mtn", reference="SAME0000")).provider_ref,
        mtn.pay_out(payout("mtn", reference="SAME0000")).provider_ref,
        mtn.refund(refund(reference="SAME0000")).provider_ref,
    }

    assert len(ids) == 3


def test_each_product_fetches_its_own_token():
    mtn, wire = wired("mtn", (202, b""))
    for _ in range(2):
        mtn.collect(collection("mtn"))
        mtn.pay_out(payout("mtn"))

    assert wire.tokens_fetched == 2


def test_a_refund_names_the_collection_and_may_be_a_part():
    mtn, wire = wired("mtn", (202, b""))

    mtn.refund(refund())

    [sent] = wire.seen
    assert (sent.method, sent.url) == ("POST", "https://mtn.test/disbursement/v1_0/refund")
    assert sent.body == (
        b'{"amount": "500", "currency": "XOF", "externalId": "RX7K4M2Q",'
        b' "payerMessage": "Remboursement RX7K4M2Q", "payeeNote": "Remboursement RX7K4M2Q",'
        b' "referenceIdToRefund": "5f2d4c0e-9f39-4a6b-8d4e-0f3f5c6f8f21"}'
    )
    assert "X-Callback-Url" not in sent.headers


def test_a_refund_whose_collection_lost_its_id_works_it_out_again():
    mtn, wire = wired("mtn", (202, b""))

    mtn.refund(refund(collection=collection("mtn")))

    wanted = json.loads(wire.seen[0].body)["referenceIdToRefund"]
    assert wanted == mtn.request_id("PX7K4M2Q")


def test_a_second_sending_of_the_same_id_is_our_own():
    mtn, _ = wired("mtn", error(409, "RESOURCE_ALREADY_EXIST"))

    assert mtn.pay_out(payout("mtn")).status is Status.PENDING
    assert mtn.refund(refund()).status is Status.PENDING


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_named_refusal_is_one_although_it_comes_as_a_500(code):
    mtn, _ = wired("mtn", error(500, code))

    for ask in (lambda: mtn.pay_out(payout("mtn")), lambda: mtn.refund(refund())):
        with pytest.raises(ProviderRejected) as refused:
            ask()
        assert refused.value.reason is PAYOUT_REASONS[code]


def test_a_500_that_names_nothing_is_unknown():
    for reply in (error(500, "INTERNAL_PROCESSING_ERROR"), (500, b""), (503, b"")):
        mtn, _ = wired("mtn", reply)
        with pytest.raises(ProviderUnavailable) as unknown:
            mtn.pay_out(payout("mtn"))
        assert unknown.value.sent


@pytest.mark.parametrize(("word", "ours"), STATUSES.items())
def test_every_status_word_is_read_of_a_transfer_and_of_a_refund(word, ours):
    mtn, wire = wired("mtn", status(status=word))
    back, _ = wired("mtn", status(status=word, externalId="RX7K4M2Q", amount="500"))

    assert mtn.payout_status(payout("mtn", provider_ref="an-id")).status is ours
    assert back.refund_status(refund()).status is ours
    assert wire.seen[0].url == "https://mtn.test/disbursement/v1_0/transfer/an-id"


@pytest.mark.parametrize(("code", "reason"), PAYOUT_REASONS.items())
@pytest.mark.parametrize("shape", ["text", "object"])
def test_every_documented_reason_is_told_of_the_right_side(code, reason, shape):
    told = code if shape == "text" else {"code": code, "message": "m"}
    mtn, _ = wired("mtn", status(status="FAILED", reason=told))

    outcome = mtn.payout_status(payout("mtn"))

    assert outcome.reason is reason
    assert outcome.reason is not Reason.INSUFFICIENT_FUNDS


def test_a_sent_transfer_tells_amount_and_transaction():
    mtn, _ = wired("mtn", status())

    outcome = mtn.payout_status(payout("mtn"))

    assert (outcome.amount, outcome.transaction_ref) == (Money(1500, "XOF"), "1927264369")
    assert (outcome.payer, outcome.contradiction) == (None, None)


@pytest.mark.parametrize(
    ("change", "contradiction"),
    [({"externalId": "SOMEONE0"}, "reference"), ({"currency": "XAF"}, "currency")],
)
def test_a_transfer_that_differs_is_told_as_it_is(change, contradiction):
    mtn, _ = wired("mtn", status(**change))

    assert mtn.payout_status(payout("mtn")).contradiction == contradiction


def test_only_mtn_s_own_word_makes_a_transfer_absent():
    absent, _ = wired("mtn", error(404, "RESOURCE_NOT_FOUND"))
    gone, _ = wired("mtn", (404, b"<html>"))

    assert absent.payout_status(payout("mtn")).status is Status.ABSENT
    with pytest.raises(ProviderUnavailable):
        gone.payout_status(payout("mtn"))


def test_a_shop_without_the_product_refuses_before_calling_and_concludes_nothing():
    mtn, wire = wired("mtn", (202, b""), **KEYLESS)

    for ask in (lambda: mtn.pay_out(payout("mtn")), lambda: mtn.refund(refund())):
        with pytest.raises(ProviderRejected) as refused:
            ask()
        assert refused.value.reason is Reason.MISCONFIGURED
    for ask in (lambda: mtn.payout_status(payout("mtn")), lambda: mtn.refund_status(refund())):
        with pytest.raises(ProviderUnavailable):
            ask()
    assert wire.seen == []


def test_half_a_set_of_keys_stops_the_program():
    with pytest.raises(ConfigurationError, match="MTN_DISBURSEMENT_API_KEY is missing"):
        wired("mtn", (202, b""), disbursement_api_key="")


def test_the_balance_adds_the_disbursement_purses_of_a_currency():
    purse = (200, b'{"availableBalance":"15000","currency":"XOF"}')
    mtn, wire = wired("mtn", purse)

    assert mtn.balance("XOF") == Money(30_000, "XOF")
    urls = {sent.url for sent in wire.seen}
    assert urls == {"https://mtn.test/disbursement/v1_0/account/balance"}
    targets = [sent.headers["X-Target-Environment"] for sent in wire.seen]
    assert targets == ["mtnivorycoast", "mtnbenin"]


def test_without_disbursements_the_collection_purses_are_told():
    mtn, wire = wired("mtn", (200, b'{"availableBalance":"7","currency":"XAF"}'), **KEYLESS)

    assert mtn.balance("XAF") == Money(14, "XAF")
    assert wire.seen[0].url == "https://mtn.test/collection/v1_0/account/balance"


def test_a_purse_in_another_currency_tells_nothing():
    mtn, _ = wired("mtn", (200, b'{"availableBalance":"7","currency":"EUR"}'))

    with pytest.raises(ProviderUnavailable, match="a purse in EUR"):
        mtn.balance("XOF")


def test_a_callback_about_a_transfer_is_a_hint_about_a_payout():
    mtn, _ = wired("mtn", (202, b""))
    body = json.dumps(SENT).encode()

    notice = mtn.parse_webhook(headers={}, body=body, now_s=0)

    assert notice.authenticity is Authenticity.UNSIGNED
    assert (notice.kind, notice.reference) == ("payout.SUCCESSFUL", "WX7K4M2Q")
