"""FedaPay, byte for byte."""

from __future__ import annotations

import json

import pytest

from shop.money import Money
from shop.providers.fedapay_words import (
    FIELD_REASONS,
    MODES,
    PAYOUT_STATUSES,
    REASONS,
    REFUNDED,
    STATUSES,
    TRIES,
    signature,
)
from shop.providers.reasons import Reason
from shop.providers.values import Authenticity, ProviderRejected, ProviderUnavailable, Status
from tests.providers.fakes import collection, payout, wired

PAGE = "https://process.fedapay.test/t0k.en"
TRANSACTION = {
    "klass": "v1/transaction",
    "id": 16851,
    "reference": "trx_ZIU_1719787792938",
    "amount": 1500,
    "status": "pending",
    "currency_id": 1,
    "merchant_reference": "PX7K4M2Q",
    "last_error_code": None,
    "amount_transferred": None,
    "payment_token": "t0k.en",
    "payment_url": PAGE,
}
PAYOUT = {
    "klass": "v1/payout", "id": 13, "reference": "1540308110435", "amount": 1500,
    "status": "pending", "currency_id": 1, "merchant_reference": "WX7K4M2Q",
    "last_error_code": None,
}  # fmt: skip
BENIN = {"operator": "mtn"}


def told(**changes: object) -> tuple[int, bytes]:
    return 200, json.dumps({"v1/transaction": {**TRANSACTION, **changes}}).encode()


def sent(**changes: object) -> tuple[int, bytes]:
    return 200, json.dumps({"v1/payout": {**PAYOUT, **changes}}).encode()


def found(*payouts: dict, next_page: int | None = None) -> tuple[int, bytes]:
    meta = {"next_page": next_page}
    return 200, json.dumps({"v1/payouts": list(payouts), "meta": meta}).encode()


def error(status: int, **errors: list[str]) -> tuple[int, bytes]:
    return status, json.dumps({"message": "Validation failed", "errors": errors}).encode()


def known(**changes: object):
    return collection("fedapay", provider_ref="16851", **changes)


def test_collect_makes_a_transaction_and_gives_its_page():
    fedapay, wire = wired("fedapay", told())

    outcome = fedapay.collect(collection("fedapay"))

    [seen] = wire.seen
    assert (seen.method, seen.url) == ("POST", "https://fedapay.test/v1/transactions")
    assert seen.body == (
        b'{"description": "Commande PX7K4M2Q", "amount": 1500, "currency": {"iso": "XOF"},'
        b' "callback_url": "https://shop.example/payments/PX7K4M2Q",'
        b' "merchant_reference": "PX7K4M2Q"}'
    )
    assert seen.headers["Authorization"] == "Bearer sk_live_k3y"
    assert (outcome.status, outcome.page_url) == (Status.PENDING, PAGE)
    assert outcome.provider_ref == "16851"


def test_a_bare_object_with_a_201_is_read_too():
    fedapay, _ = wired("fedapay", (201, json.dumps(TRANSACTION).encode()))

    assert fedapay.collect(collection("fedapay")).page_url == PAGE


def test_a_transaction_without_its_token_asks_for_it():
    token = (200, json.dumps({"token": "t0k.en", "url": PAGE}).encode())
    fedapay, wire = wired("fedapay", told(payment_token=None, payment_url=None), token)

    outcome = fedapay.collect(collection("fedapay"))

    assert wire.seen[1].url == "https://fedapay.test/v1/transactions/16851/token"
    assert outcome.page_url == PAGE


@pytest.mark.parametrize(("where", "mode"), MODES.items())
def test_an_operator_that_can_be_rung_is_rung(where, mode):
    operator, country = where
    amount = Money(1500, "GNF" if country == "GN" else "XOF")
    intent = (200, b'{"v1/payment_intent": {"status": "pending"}, "message": "success"}')
    fedapay, wire = wired("fedapay", told(currency_id=2 if country == "GN" else 1), intent)

    outcome = fedapay.collect(
        collection("fedapay", operator=operator, country=country, amount=amount)
    )

    assert wire.seen[1].url == f"https://fedapay.test/v1/{mode}"
    assert json.loads(wire.seen[1].body)["token"] == "t0k.en"
    assert (outcome.status, outcome.page_url) == (Status.PENDING, None)


def test_a_number_is_sent_local_with_its_country_in_small_letters():
    fedapay, wire = wired("fedapay", told(), (200, b'{"message": "success"}'))

    fedapay.collect(collection("fedapay", **BENIN))

    number = json.loads(wire.seen[1].body)["phone_number"]
    assert number == {"number": "0161020304", "country": "bj"}


def test_in_fedapay_s_own_sandbox_there_is_one_mode():
    fedapay, wire = wired("fedapay", told(), (200, b"{}"), mode="momo_test")

    fedapay.collect(collection("fedapay", **BENIN))

    assert wire.seen[1].url == "https://fedapay.test/v1/momo_test"


def test_an_operator_that_cannot_be_rung_goes_to_the_page():
    fedapay, wire = wired("fedapay", told())

    outcome = fedapay.collect(collection("fedapay", country="CI", operator="wave"))

    assert len(wire.seen) == 1
    assert outcome.page_url == PAGE


def test_a_refused_ring_is_final_since_nobody_else_holds_the_token():
    fedapay, _ = wired("fedapay", told(), error(422, phone_number=["is not valid"]))

    with pytest.raises(ProviderRejected) as refused:
        fedapay.collect(collection("fedapay", **BENIN))

    assert refused.value.reason is Reason.NOT_REGISTERED


def test_a_silent_ring_is_unknown_and_not_repeated():
    fedapay, wire = wired("fedapay", told(), (502, b"<html>"))

    with pytest.raises(ProviderUnavailable):
        fedapay.collect(collection("fedapay", **BENIN))

    assert len(wire.seen) == 2


def test_our_own_earlier_transaction_is_found_instead_of_refused():
    taken = error(422, merchant_reference=["is already taken"])
    fedapay, wire = wired("fedapay", taken, told())

    outcome = fedapay.collect(collection("fedapay"))

    assert wire.seen[1].url == "https://fedapay.test/v1/transactions/merchant/PX7K4M2Q"
    assert (outcome.status, outcome.page_url) == (Status.PENDING, PAGE)


@pytest.mark.parametrize(("field", "reason"), FIELD_REASONS.items())
@pytest.mark.parametrize("shape", ["object", "list", "sentence"])
def test_a_refusal_is_read_by_the_field_it_names(field, reason, shape):
    errors = {"object": {field: ["no"]}, "list": [field], "sentence": f"{field} is wrong"}[shape]
    body = json.dumps({"message": "no", "errors": errors}).encode()
    fedapay, _ = wired("fedapay", (400, body))

    with pytest.raises(ProviderRejected) as refused:
        fedapay.collect(collection("fedapay"))

    assert refused.value.reason is reason


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_is_ours_to_mend(status):
    fedapay, _ = wired("fedapay", (status, b'{"message": "no"}'))

    with pytest.raises(ProviderRejected) as refused:
        fedapay.collect(collection("fedapay"))

    assert refused.value.reason is Reason.MISCONFIGURED


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_every_status_word_is_read(word, status):
    fedapay, _ = wired("fedapay", told(status=word))

    outcome = fedapay.collection_status(known(**BENIN))

    assert outcome.status is status


@pytest.mark.parametrize("word", TRIES)
def test_a_failed_try_on_the_page_can_be_followed_by_a_better_one(word):
    fedapay, _ = wired("fedapay", told(status=word), told(status="approved"))

    assert fedapay.collection_status(known()).status is Status.PENDING
    assert fedapay.collection_status(known()).status is Status.SUCCEEDED


@pytest.mark.parametrize("word", REFUNDED)
def test_what_was_given_back_is_for_a_person_to_judge(word):
    fedapay, _ = wired("fedapay", told(status=word))

    assert fedapay.collection_status(known()).contradiction == "refund"


@pytest.mark.parametrize(
    ("word", "code", "reason"),
    [
        ("declined", None, Reason.DECLINED),
        ("canceled", None, Reason.REFUSED),
        ("expired", None, Reason.TIMEOUT),
        *[("canceled", code, reason) for code, reason in REASONS.items()],
    ],
)
def test_a_failure_says_why(word, code, reason):
    fedapay, _ = wired("fedapay", told(status=word, last_error_code=code))

    assert fedapay.collection_status(known(**BENIN)).reason is reason


@pytest.mark.parametrize("word", ["created", "paid", "APPROVED", ""])
def test_a_word_we_do_not_know_is_unknown(word):
    fedapay, _ = wired("fedapay", told(status=word))

    with pytest.raises(ProviderUnavailable):
        fedapay.collection_status(known())


@pytest.mark.parametrize(
    ("change", "contradiction", "amount"),
    [
        ({"amount": 1400}, None, Money(1400, "XOF")),
        ({"amount": "1500"}, None, Money(1500, "XOF")),
        ({"currency_id": 2}, "currency", Money(1500, "GNF")),
        ({"currency": {"iso": "GNF"}}, "currency", Money(1500, "GNF")),
        ({"merchant_reference": "SOMEONE0"}, "reference", Money(1500, "XOF")),
        ({"merchant_reference": None}, "reference", Money(1500, "XOF")),
        ({"id": 2}, "reference", Money(1500, "XOF")),
    ],
)
def test_a_success_that_differs_is_told_as_it_is(change, contradiction, amount):
    fedapay, _ = wired("fedapay", told(status="approved", **change))

    outcome = fedapay.collection_status(known())

    assert (outcome.status, outcome.amount) == (Status.SUCCEEDED, amount)
    assert outcome.contradiction == contradiction


@pytest.mark.parametrize("change", [{"amount": 15.5}, {"amount": None}, {"currency_id": 9}])
def test_an_unreadable_amount_is_unknown_not_zero(change):
    fedapay, _ = wired("fedapay", told(status="approved", **change))

    with pytest.raises(ProviderUnavailable):
        fedapay.collection_status(known())


@pytest.mark.parametrize(
    ("passed_on", "fee"),
    [(1473, Money(27, "XOF")), (1500, Money(0, "XOF")), (None, None), (1600, None), ("9", None)],
)
def test_the_fee_is_what_was_not_passed_on(passed_on, fee):
    fedapay, _ = wired("fedapay", told(status="approved", amount_transferred=passed_on))

    assert fedapay.collection_status(known()).fee == fee


@pytest.mark.parametrize(
    ("body", "absent"), [(b'{"message": "Not found"}', True), (b"{}", False), (b"", False)]
)
def test_only_fedapay_s_own_word_makes_a_transaction_absent(body, absent):
    fedapay, _ = wired("fedapay", (404, body))

    if absent:
        assert fedapay.collection_status(known()).status is Status.ABSENT
    else:
        with pytest.raises(ProviderUnavailable):
            fedapay.collection_status(known())


def test_a_payout_is_looked_for_made_and_started_by_its_id():
    started = (200, json.dumps({"v1/payouts": [{**PAYOUT, "status": "started"}]}).encode())
    fedapay, wire = wired("fedapay", found(), sent(), started)

    outcome = fedapay.pay_out(payout("fedapay"))

    search, create, start = wire.seen
    assert search.url == "https://fedapay.test/v1/payouts/search?search=WX7K4M2Q&per_page=100"
    assert json.loads(create.body) == {
        "amount": 1500,
        "currency": {"iso": "XOF"},
        "mode": "mtn_open",
        "customer": {
            "firstname": "Client",
            "lastname": "WX7K4M2Q",
            "phone_number": {"number": "0161020304", "country": "bj"},
        },
        "merchant_reference": "WX7K4M2Q",
    }
    assert (start.method, start.url) == ("PUT", "https://fedapay.test/v1/payouts/start")
    number = {"number": "0161020304", "country": "bj"}
    assert json.loads(start.body) == {"payouts": [{"id": 13, "phone_number": number}]}
    assert (outcome.status, outcome.provider_ref) == (Status.PENDING, "13")


def test_a_payout_that_was_made_is_started_and_not_made_again():
    fedapay, wire = wired("fedapay", found(PAYOUT), (200, b"{}"))

    fedapay.pay_out(payout("fedapay"))

    assert [seen.method for seen in wire.seen] == ["GET", "PUT"]


@pytest.mark.parametrize("word", [word for word in PAYOUT_STATUSES if word != "pending"])
def test_a_payout_on_its_way_is_not_started_again(word):
    fedapay, wire = wired("fedapay", found({**PAYOUT, "status": word}))

    assert fedapay.pay_out(payout("fedapay")).status is PAYOUT_STATUSES[word]
    assert len(wire.seen) == 1


def test_a_refused_start_is_final_only_for_a_payout_just_made():
    no = (400, b'{"message": "no"}')
    fresh, _ = wired("fedapay", found(), sent(), no)
    older, _ = wired("fedapay", found(PAYOUT), no)

    with pytest.raises(ProviderRejected):
        fresh.pay_out(payout("fedapay"))
    with pytest.raises(ProviderUnavailable):
        older.pay_out(payout("fedapay"))


@pytest.mark.parametrize("answers", [[(500, b"")], [found(), (500, b"")]])
def test_before_the_start_nothing_can_have_moved(answers):
    fedapay, _ = wired("fedapay", *answers)

    with pytest.raises(ProviderUnavailable) as unavailable:
        fedapay.pay_out(payout("fedapay"))

    assert not unavailable.value.sent


def test_a_search_that_may_have_missed_it_is_unknown():
    twice, _ = wired("fedapay", found(PAYOUT, PAYOUT))
    paged, _ = wired("fedapay", found(next_page=2))

    for fedapay in (twice, paged):
        with pytest.raises(ProviderUnavailable):
            fedapay.payout_status(payout("fedapay"))


@pytest.mark.parametrize(("word", "status"), PAYOUT_STATUSES.items())
def test_every_payout_word_is_read(word, status):
    fedapay, wire = wired("fedapay", sent(status=word))

    outcome = fedapay.payout_status(payout("fedapay", provider_ref="13"))

    assert wire.seen[0].url == "https://fedapay.test/v1/payouts/13"
    assert outcome.status is status


def test_our_own_empty_balance_is_not_the_payee_s():
    fedapay, _ = wired("fedapay", sent(status="failed", last_error_code="INSUFFICIENT_FUND_ERROR"))

    outcome = fedapay.payout_status(payout("fedapay", provider_ref="13"))

    assert outcome.reason is Reason.MISCONFIGURED


def test_an_operator_fedapay_cannot_pay_is_refused_before_calling():
    fedapay, wire = wired("fedapay", found())

    with pytest.raises(ProviderRejected) as refused:
        fedapay.pay_out(payout("fedapay", country="CI", operator="wave"))

    assert refused.value.reason is Reason.WRONG_OPERATOR
    assert wire.seen == []


def test_balances_of_a_currency_are_added_up():
    balances = [
        {"currency_id": 1, "amount": 1500, "mode": "mtn"},
        {"currency_id": 1, "amount": 500, "mode": "moov"},
        {"currency_id": 2, "amount": 9000, "mode": "mtn_open_gn"},
    ]
    fedapay, _ = wired("fedapay", (200, json.dumps({"v1/balances": balances}).encode()))

    assert fedapay.balance("XOF") == Money(2000, "XOF")


# -- webhooks -----------------------------------------------------------------------------------

BODY = (
    b'{"name":"transaction.approved","object":"transaction",'
    b'"entity":{"id":1,"status":"approved","amount":100}}'
)
MOMENT = 1_700_000_000
DIGEST = "c8689038b1ae1d516334e0c75ca5df07b797f1ea081a7f1d502e8d95613b0a6c"
HEADER = f"t={MOMENT},s={DIGEST}"


def heard(
    header: str = HEADER, body: bytes = BODY, now_s: float = MOMENT, secret="wh_sandbox_demo"
):
    fedapay, _ = wired("fedapay", (200, b"{}"), webhook_secret=secret)
    headers = {"x-fedapay-signature": header}
    return fedapay.parse_webhook(headers=headers, body=body, now_s=now_s)


def test_the_known_answer_of_the_signature():
    assert signature("wh_sandbox_demo", str(MOMENT), BODY) == DIGEST
    assert heard().authenticity is Authenticity.SIGNED


@pytest.mark.parametrize(
    "header",
    [f"s={'0' * 64},s={DIGEST},t={MOMENT}", f"t={MOMENT}, s={DIGEST}", f"v9=x,{HEADER.upper()}"],
    ids=["another first and t last", "a blank", "capitals"],
)
def test_headers_that_still_prove_it(header):
    accepted = heard(header.replace("T=", "t=").replace("S=", "s=").replace("V9", "v9"))

    assert accepted.authenticity is Authenticity.SIGNED


@pytest.mark.parametrize(
    "header",
    ["", DIGEST, f"s={DIGEST}", f"t={MOMENT}", f"t={MOMENT},v1={DIGEST}", f"t=x,s={DIGEST}",
     f"t={MOMENT + 1},s={DIGEST}", f"t={MOMENT},s={'0' * 64}", f"t={MOMENT},s=é"],
)  # fmt: skip
def test_headers_that_prove_nothing(header):
    assert heard(header).authenticity is Authenticity.REJECTED


@pytest.mark.parametrize(
    "body", [BODY.replace(b"100", b"900"), BODY + b"\n", BODY.replace(b":", b": "), b""]
)
def test_another_body_is_not_covered_by_the_signature(body):
    assert heard(body=body).authenticity is Authenticity.REJECTED


@pytest.mark.parametrize(
    ("late_s", "good"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_a_message_is_good_for_five_minutes_either_way(late_s, good):
    assert (heard(now_s=MOMENT + late_s).authenticity is Authenticity.SIGNED) is good


def test_several_secrets_are_tried_while_one_is_replaced():
    assert heard(secret="wh_new, wh_sandbox_demo").authenticity is Authenticity.SIGNED
    assert heard(secret="wh_new,wh_newer").authenticity is Authenticity.REJECTED
    assert heard(secret=" , ").authenticity is Authenticity.REJECTED


def signed(event: dict) -> object:
    body = json.dumps(event).encode()
    return heard(f"t={MOMENT},s={signature('wh_sandbox_demo', str(MOMENT), body)}", body)


@pytest.mark.parametrize("kind", ["transaction", "payout"])
def test_an_event_names_what_it_is_about(kind):
    entity = {"id": 7, "merchant_reference": "PX7K4M2Q", "updated_at": "2026-11-21T10:00:00.000Z"}

    notice = signed({"name": f"{kind}.sent", "object": kind, "entity": entity})

    assert (notice.reference, notice.provider_ref) == ("PX7K4M2Q", "7")
    assert notice.event_id == f"{kind}.sent:7:2026-11-21T10:00:00.000Z"
    assert not notice.ignorable


def test_an_event_s_own_id_comes_first_and_others_are_ignorable():
    notice = signed({"id": "AXVA3Z99", "name": "customer.updated", "entity": {"id": 7}})

    assert (notice.event_id, notice.ignorable) == ("AXVA3Z99", True)
    assert (notice.reference, notice.provider_ref) == (None, None)
