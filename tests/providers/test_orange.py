"""Orange Money WebPay, byte for byte."""

from __future__ import annotations

import json

import pytest

from shop.money import Money
from shop.providers.orange import REASONS, STATUS_REASONS, STATUSES
from shop.providers.reasons import Reason
from shop.providers.values import ProviderRejected, ProviderUnavailable, Status
from tests.providers.fakes import collection, wired

PAY_TOKEN = "f5720dd906203c62033ffe64ed75614785878b0ab2231d9c582b2908fca0ab9a"
NOTIF_TOKEN = "dd497bda3b250e536186fc0663f32f40"
PAGE = "https://webpayment-qualif.orange-money.com/payment/pay_token/" + PAY_TOKEN
CREATED = (
    201,
    json.dumps(
        {
            "status": 201, "message": "OK", "pay_token": PAY_TOKEN, "payment_url": PAGE,
            "notif_token": NOTIF_TOKEN,
        }
    ).encode(),
)  # fmt: skip


def status(**changes: object) -> tuple[int, bytes]:
    said = {"status": "SUCCESS", "order_id": "PX7K4M2Q", "txnid": "MP150709.1341.A00073"}
    return 201, json.dumps({**said, **changes}).encode()


def error(http: int, code: int) -> tuple[int, bytes]:
    return http, json.dumps({"code": code, "message": "m", "description": "d"}).encode()


def known(**changes: object):
    return collection("orange", memory={"pay_token": PAY_TOKEN}, **changes)


def test_collect_sends_the_documented_request():
    orange, wire = wired("orange", CREATED)

    outcome = orange.collect(collection("orange"))

    [sent] = wire.seen
    assert sent.url == "https://api.orange.test/orange-money-webpay/ci/v1/webpayment"
    assert sent.body == (
        b'{"merchant_key": "a1b2c3d4", "currency": "XOF", "order_id": "PX7K4M2Q", "amount": 1500,'
        b' "return_url": "https://shop.example/payments/PX7K4M2Q",'
        b' "cancel_url": "https://shop.example/payments/PX7K4M2Q",'
        b' "notif_url": "https://shop.example/webhook/orange/t0ken/", "lang": "fr",'
        b' "reference": "Commande PX7K4M2Q"}'
    )
    assert sent.headers["Authorization"] == "Bearer T0K"
    assert sent.headers["Accept"] == "application/json"
    assert outcome.status is Status.PENDING
    assert outcome.page_url == PAGE
    assert outcome.memory == {"pay_token": PAY_TOKEN}
    assert outcome.echo_token == NOTIF_TOKEN


def test_the_dev_endpoint_speaks_its_own_unit():
    orange, wire = wired("orange", CREATED, environment="dev")

    orange.collect(collection("orange"))

    assert wire.seen[0].url == "https://api.orange.test/orange-money-webpay/dev/v1/webpayment"
    assert json.loads(wire.seen[0].body)["currency"] == "OUV"


def test_centimes_become_whole_units_or_are_refused():
    orange, wire = wired("orange", CREATED)

    orange.collect(collection("orange", country="CD", amount=Money(150_000, "CDF")))

    assert json.loads(wire.seen[0].body)["amount"] == 1500
    with pytest.raises(ProviderRejected) as refused:
        orange.collect(collection("orange", country="CD", amount=Money(150_001, "CDF")))
    assert refused.value.reason is Reason.AMOUNT


@pytest.mark.parametrize("missing", ["pay_token", "notif_token", "payment_url"])
def test_a_page_without_its_tokens_is_unknown(missing):
    body = json.loads(CREATED[1])
    del body[missing]
    orange, _ = wired("orange", (201, json.dumps(body).encode()))

    with pytest.raises(ProviderUnavailable):
        orange.collect(collection("orange"))


def test_status_is_asked_from_memory_alone():
    orange, wire = wired("orange", status())

    outcome = orange.collection_status(known())

    [sent] = wire.seen
    assert sent.url == "https://api.orange.test/orange-money-webpay/ci/v1/transactionstatus"
    assert json.loads(sent.body) == {
        "order_id": "PX7K4M2Q", "amount": 1500, "pay_token": PAY_TOKEN
    }  # fmt: skip
    assert outcome.status is Status.SUCCEEDED
    assert outcome.transaction_ref == "MP150709.1341.A00073"
    assert outcome.amount is None


def test_without_a_pay_token_nobody_can_pay_and_nothing_is_asked():
    orange, wire = wired("orange", status())

    assert orange.collection_status(collection("orange")).status is Status.ABSENT
    assert wire.seen == []


@pytest.mark.parametrize(("word", "meaning"), STATUSES.items())
def test_every_status_word_is_read(word, meaning):
    orange, _ = wired("orange", status(status=word))

    outcome = orange.collection_status(known())

    assert (outcome.status, outcome.reason) == (meaning, STATUS_REASONS.get(word))


@pytest.mark.parametrize("word", STATUSES)
def test_only_an_unconfirmed_page_is_untouched(word):
    orange, _ = wired("orange", status(status=word))

    assert orange.collection_status(known()).untouched is (word == "INITIATED")


def test_an_unknown_status_word_is_reported_not_guessed():
    orange, _ = wired("orange", status(status="REFUNDED"))

    with pytest.raises(ProviderUnavailable, match="REFUNDED"):
        orange.collection_status(known())


def test_another_order_in_the_answer_is_a_contradiction():
    orange, _ = wired("orange", status(order_id="SOMEONE0"))

    assert orange.collection_status(known()).contradiction == "reference"


@pytest.mark.parametrize("txnid", [None, ""])
def test_a_success_without_txnid_keeps_a_unique_transaction_ref(txnid):
    orange, _ = wired("orange", status(txnid=txnid))

    assert orange.collection_status(known()).transaction_ref == "PX7K4M2Q"


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
def test_every_documented_code_becomes_a_reason(code, reason):
    orange, _ = wired("orange", error(403, int(code)))

    with pytest.raises(ProviderRejected) as refused:
        orange.collect(collection("orange"))

    assert (refused.value.reason, refused.value.code) == (reason, code)


@pytest.mark.parametrize(("http", "code"), [(403, 53), (500, 1), (503, 5)])
def test_a_busy_or_broken_orange_is_unknown(http, code):
    orange, _ = wired("orange", error(http, code))

    with pytest.raises(ProviderUnavailable):
        orange.collect(collection("orange"))


@pytest.mark.parametrize("code", REASONS)
def test_a_refused_status_call_never_fails_the_payment(code):
    orange, _ = wired("orange", error(403, int(code)))

    with pytest.raises(ProviderUnavailable):
        orange.collection_status(known())


def test_an_expired_bearer_is_renewed_once_and_the_call_repeated():
    orange, wire = wired("orange", error(401, 42), CREATED)

    assert orange.collect(collection("orange")).status is Status.PENDING
    assert (len(wire.seen), wire.tokens_fetched) == (2, 2)


def test_a_bearer_refused_twice_is_not_tried_a_third_time():
    orange, wire = wired("orange", error(401, 41))

    with pytest.raises(ProviderRejected):
        orange.collect(collection("orange"))

    assert (len(wire.seen), wire.tokens_fetched) == (2, 2)
