"""FeexPay V2, byte for byte."""

from __future__ import annotations

import json

import pytest

from shop.money import Money
from shop.phone import CURRENCIES
from shop.providers import methods
from shop.providers.feexpay import NETWORKS, OTP_BEFORE, PAGES, PAYOUTS
from shop.providers.feexpay_words import REASONS, REFUSALS, STATUSES
from shop.providers.methods import Consent
from shop.providers.reasons import Reason
from shop.providers.values import Payout, ProviderRejected, ProviderUnavailable, Status
from tests.providers.fakes import collection, wired

REF = "6a00a986-fcb9-4491-93d5-28693034ef95"
ACCEPTED = {
    "reference": REF, "message": "Accepted", "status": "PENDING", "amount": 1500,
    "description": "", "callback_info": "PX7K4M2Q", "phoneNumber": "2290161020304",
}  # fmt: skip
STATUS = {
    "reference": REF, "amount": 1500, "phoneNumber": "2290161020304", "status": "SUCCESSFUL",
    "callback_info": "PX7K4M2Q", "responsecode": "SUCCESSFUL", "responsemsg": "SUCCESSFUL",
    "transref": REF, "serviceref": REF, "comment": "", "reason": "", "description": "",
    "date": "2026-06-10T08:36:35.020Z", "operator_id": "12243963624",
}  # fmt: skip


def body(http: int = 200, **fields: object) -> tuple[int, bytes]:
    return http, json.dumps(fields).encode()


def told(**changes: object) -> tuple[int, bytes]:
    return body(**{**STATUS, **changes})


def history(*rows: dict[str, object]) -> tuple[int, bytes]:
    return body(data=list(rows))


def known(**changes: object):
    return collection("feexpay", provider_ref=REF, **changes)


def payout(**changes: object) -> Payout:
    values = {
        "reference": "WX7K4M2Q",
        "amount": Money(1500, "XOF"),
        "payee": "+2290161020304",
        "country": "BJ",
        "description": "Retrait WX7K-4M2Q de l'été",
        "webhook_url": "https://shop.example/webhook/feexpay/t0ken/",
        "operator": "mtn",
    }
    return Payout(**{**values, **changes})


def test_collect_sends_the_known_fields_and_nothing_more():
    feexpay, wire = wired("feexpay", body(**ACCEPTED))

    outcome = feexpay.collect(collection("feexpay", description="Cauri PX7K-4M2Q, l'été"))

    [sent] = wire.seen
    assert (sent.method, sent.url) == (
        "POST",
        "https://feexpay.test/api/transactions/public/requesttopay/mtn",
    )
    assert sent.headers["Authorization"] == "Bearer fp_k3y"
    assert json.loads(sent.body) == {
        "phoneNumber": "2290161020304",
        "amount": 1500,
        "shop": "67ad2f5c9e1b4a0012ab34cd",
        "description": "Cauri PX7K 4M2Q l ete",
        "callback_info": "PX7K4M2Q",
    }
    assert (outcome.status, outcome.provider_ref, outcome.page_url) == (Status.PENDING, REF, None)


NUMBERS = {"BJ": "+2290161020304", "TG": "+22890112233", "CI": "+2250501020304",
           "SN": "+221771234567", "BF": "+22670123456", "ML": "+22376123456",
           "CG": "+242066123456"}  # fmt: skip


@pytest.mark.parametrize(("place", "network"), NETWORKS.items())
def test_every_network_has_its_path_its_row_and_what_its_consent_needs(place, network):
    operator, country = place
    feexpay, wire = wired("feexpay", body(**ACCEPTED))
    row = methods.get(f"feexpay-{operator}-{country.lower()}")

    feexpay.collect(
        collection(
            "feexpay",
            operator=operator,
            country=country,
            payer=NUMBERS[country],
            amount=Money(1500, CURRENCIES[country]),
            otp="123456",
        )
    )

    sent = json.loads(wire.seen[0].body)
    assert wire.seen[0].url.endswith(f"/requesttopay/{network}")
    assert ("otp" in sent) == (network in OTP_BEFORE) == (row.consent is Consent.OTP_BEFORE)
    opens = row.consent in (Consent.APP, Consent.REDIRECT)
    assert ("return_url" in sent) == ("cancel_url" in sent) == (network in PAGES) == opens


def test_at_least_the_sixteen_wallets_the_guide_promises_have_rows():
    rows = [m for m in methods.rows() if m.provider == "feexpay"]

    assert len(rows) == len(NETWORKS) >= 16
    assert {(m.operator, m.country) for m in rows} == set(NETWORKS)
    assert {(m.minimum.amount, m.maximum.amount) for m in rows} == {(100, 2_000_000)}
    assert all(m.cooldown_s >= 30 for m in rows)


def test_without_the_code_made_beforehand_nothing_is_sent():
    feexpay, wire = wired("feexpay", body(**ACCEPTED))

    with pytest.raises(ProviderRejected) as refused:
        feexpay.collect(collection("feexpay", operator="orange", country="BF", payer=NUMBERS["BF"]))

    assert refused.value.reason is Reason.BAD_CODE
    assert wire.seen == []


@pytest.mark.parametrize(
    "changes",
    [
        {"operator": "mtn", "country": "SN", "payer": "+221771234567"},  # the guide's own mistake
        {"operator": "", "payer": "+22373999999", "country": "BJ"},
        {"amount": Money(1500, "XAF")},
        {"country": "GN", "operator": "mtn"},
    ],
)
def test_what_no_network_serves_is_refused_before_calling(changes):
    feexpay, wire = wired("feexpay", body(**ACCEPTED))

    with pytest.raises(ProviderRejected) as refused:
        feexpay.collect(collection("feexpay", **changes))

    assert refused.value.reason is Reason.MISCONFIGURED
    assert wire.seen == []


@pytest.mark.parametrize("word", STATUSES)
def test_no_first_answer_settles_anything(word):
    # Moov Benin says its last word at once, in lists.
    moov = {"response_operator": {"description": ["Balance is insufficient"], "status": ["10"]}}
    feexpay, _ = wired("feexpay", body(**{**ACCEPTED, "status": word}, **moov))

    outcome = feexpay.collect(collection("feexpay", operator="moov"))

    assert (outcome.status, outcome.amount) == (Status.PENDING, None)
    assert "Balance is insufficient" in outcome.words


@pytest.mark.parametrize("ref", [None, "", "short", "x" * 81, "a b c d e f", "été-1234567", 7])
def test_an_answer_without_a_usable_reference_is_unknown(ref):
    feexpay, _ = wired("feexpay", body(**{**ACCEPTED, "reference": ref}))

    with pytest.raises(ProviderUnavailable, match="without a reference"):
        feexpay.collect(collection("feexpay"))


def test_celtiis_s_references_are_references():
    ref = "AG_20251202_701033309a4e1387a99b"
    feexpay, _ = wired("feexpay", body(**{**ACCEPTED, "reference": ref}))

    assert feexpay.collect(collection("feexpay")).provider_ref == ref


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_status_is_read_bare_or_wrapped(word, status, wrapped):
    answer = {**STATUS, "status": word}
    feexpay, wire = wired("feexpay", body(**({"data": answer} if wrapped else answer)))

    outcome = feexpay.collection_status(known())

    assert wire.seen[0].url == f"https://feexpay.test/api/transactions/public/single/status/{REF}"
    assert wire.seen[0].headers["Authorization"] == "Bearer fp_k3y"
    assert outcome.status is status


@pytest.mark.parametrize("word", ["successful", "PAID", "", None, "CANCELLED"])
def test_an_unlisted_status_is_unknown(word):
    feexpay, _ = wired("feexpay", told(status=word))

    with pytest.raises(ProviderUnavailable, match="unknown status"):
        feexpay.collection_status(known())


@pytest.mark.parametrize("amount", [1500, "1500"])
def test_a_success_tells_amount_transaction_and_payer(amount):
    feexpay, _ = wired("feexpay", told(amount=amount))

    outcome = feexpay.collection_status(known())

    assert (outcome.amount, outcome.transaction_ref) == (Money(1500, "XOF"), REF)
    assert outcome.payer == "+2290161020304"
    assert outcome.contradiction is None


@pytest.mark.parametrize("amount", [None, "", 1500.5, "1 500", -1, True])
def test_a_success_without_a_readable_amount_waits(amount):
    feexpay, _ = wired("feexpay", told(amount=amount))

    with pytest.raises(ProviderUnavailable):
        feexpay.collection_status(known())


@pytest.mark.parametrize(
    ("change", "contradiction"),
    [
        ({"amount": 1400}, None),
        ({"callback_info": None}, None),
        ({"callback_info": "SOMEONE0"}, "reference"),
        ({"reference": "another-reference"}, "reference"),
        ({"reference": None}, "reference"),
    ],
)
def test_a_success_that_differs_is_told_as_it_is(change, contradiction):
    feexpay, _ = wired("feexpay", told(**change))

    assert feexpay.collection_status(known()).contradiction == contradiction


@pytest.mark.parametrize(("word", "reason"), REASONS.items())
def test_every_word_of_failure_and_refusal_becomes_a_reason(word, reason):
    failed, _ = wired("feexpay", told(status="FAILED", reason=word))
    by_code, _ = wired("feexpay", body(400, code=word, message="m"))
    by_message, _ = wired("feexpay", body(400, message=word.title()))

    assert failed.collection_status(known()).reason is reason
    for feexpay in (by_code, by_message):
        with pytest.raises(ProviderRejected) as refused:
            feexpay.collect(collection("feexpay"))
        assert refused.value.reason is reason


@pytest.mark.parametrize(("status", "reason"), REFUSALS.items())
def test_an_unlisted_refusal_is_read_by_its_class(status, reason):
    feexpay, _ = wired("feexpay", body(status, message="mtn_ci channel not configured"))

    with pytest.raises(ProviderRejected) as refused:
        feexpay.collect(collection("feexpay"))

    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (409, {"message": "Conflict"}),
        (402, {"message": "?"}),
        (400, {"code": "DUPLICATE"}),
        (400, {"message": "Duplicate"}),
        (500, {"code": "UNAUTHORIZED"}),
        (502, {}),
    ],
)
def test_what_may_be_about_our_own_earlier_sending_refuses_nothing(status, fields):
    feexpay, _ = wired("feexpay", body(status, **fields))

    with pytest.raises(ProviderUnavailable):
        feexpay.collect(collection("feexpay"))


@pytest.mark.parametrize(
    ("status", "message", "absent"),
    [
        (404, "Resource not found", True),
        (404, "Shop not found", False),
        (404, "", False),
        (401, "Resource not found", False),
    ],
)
def test_only_feexpay_s_own_words_make_a_payment_absent(status, message, absent):
    feexpay, _ = wired("feexpay", body(status, message=message))

    if absent:
        assert feexpay.collection_status(known()).status is Status.ABSENT
    else:
        with pytest.raises(ProviderUnavailable):
            feexpay.collection_status(known())


def test_a_lost_answer_is_found_in_the_history_by_our_reference():
    others = [{**STATUS, "reference": "other-ref", "callback_info": info} for info in (None, "x")]
    feexpay, wire = wired("feexpay", history(*others, STATUS), told())

    outcome = feexpay.collection_status(collection("feexpay"))

    searched, read = wire.seen
    assert searched.url == "https://feexpay.test/api/transactions/history"
    assert json.loads(searched.body).keys() == {
        "start_date", "end_date", "shop", "type", "status", "reseau",
    }  # fmt: skip
    assert read.url.endswith(f"/single/status/{REF}")
    assert (outcome.status, outcome.provider_ref) == (Status.SUCCEEDED, REF)


def test_what_the_history_does_not_know_is_absent():
    feexpay, _ = wired("feexpay", history())

    assert feexpay.collection_status(collection("feexpay")).status is Status.ABSENT


@pytest.mark.parametrize(
    "answer",
    [
        body(data=[{"reference": REF, "status": "PENDING"}]),
        body(data=[STATUS, {**STATUS, "reference": "another-reference"}]),
        body(data={"PX7K4M2Q": STATUS}),
        body(data=["x"]),
        body(404, message="Resource not found"),
        body(),
    ],
    ids=["no callback_info", "two", "no list", "no rows", "404", "no data"],
)
def test_a_history_that_cannot_be_trusted_proves_no_absence(answer):
    feexpay, _ = wired("feexpay", answer)

    with pytest.raises(ProviderUnavailable):
        feexpay.collection_status(collection("feexpay"))


@pytest.mark.parametrize(("place", "path"), PAYOUTS.items())
def test_a_payout_reads_the_history_and_takes_its_network_s_path(place, path):
    operator, country = place
    answer = body(reference=REF, status="PENDING", message="Payout request accepted")
    feexpay, wire = wired("feexpay", history(), answer)
    amount = Money(1500, CURRENCIES[country])

    outcome = feexpay.pay_out(
        payout(operator=operator, country=country, payee=NUMBERS[country], amount=amount)
    )

    _, sent = wire.seen
    assert sent.url == f"https://feexpay.test/api/payouts/public/{path[0]}"
    assert json.loads(sent.body) == {
        "shop": "67ad2f5c9e1b4a0012ab34cd",
        "amount": 1500,
        "phoneNumber": NUMBERS[country][1:],
        "motif": "Retrait WX7K 4M2Q de l ete",
        "callback_info": "WX7K4M2Q",
        **({"network": path[1]} if path[1] else {}),
    }
    assert (outcome.status, outcome.provider_ref) == (Status.PENDING, REF)


def test_a_payout_that_left_already_is_not_sent_again():
    feexpay, wire = wired("feexpay", history({**STATUS, "callback_info": "WX7K4M2Q"}))

    outcome = feexpay.pay_out(payout())

    assert (outcome.status, outcome.provider_ref) == (Status.PENDING, REF)
    assert len(wire.seen) == 1


@pytest.mark.parametrize("answer", [(502, b""), body(401, message="x"), TimeoutError()])
def test_while_the_history_is_silent_no_payout_leaves(answer):
    feexpay, wire = wired("feexpay", answer)

    with pytest.raises(ProviderUnavailable) as unknown:
        feexpay.pay_out(payout())

    assert unknown.value.sent is False
    assert [sent.url.rpartition("/")[2] for sent in wire.seen] == ["history"]


def test_an_address_feexpay_does_not_know_is_our_own_fault():
    answer = body(403, code="IP_NOT_ALLOWED", message="IP address not allowed")
    feexpay, _ = wired("feexpay", history(), answer)

    with pytest.raises(ProviderRejected) as refused:
        feexpay.pay_out(payout())

    assert (refused.value.reason, refused.value.code) == (Reason.MISCONFIGURED, "IP_NOT_ALLOWED")


def test_nobody_is_paid_where_a_code_of_theirs_is_needed():
    feexpay, wire = wired("feexpay", history())

    with pytest.raises(ProviderRejected):
        feexpay.pay_out(payout(operator="orange", country="BF", payee=NUMBERS["BF"]))

    assert wire.seen == []


def test_a_payout_unknown_on_its_own_path_is_asked_for_on_the_other():
    mine = {**STATUS, "callback_info": "WX7K4M2Q"}
    missing = body(404, message="Resource not found")
    feexpay, wire = wired("feexpay", missing, body(**mine))

    outcome = feexpay.payout_status(payout(provider_ref=REF))

    assert [sent.url for sent in wire.seen] == [
        f"https://feexpay.test/api/payouts/status/public/{REF}",
        f"https://feexpay.test/api/transactions/public/single/status/{REF}",
    ]
    assert outcome.status is Status.SUCCEEDED


def test_our_own_lack_of_money_is_not_told_as_the_payee_s():
    words = "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED"
    feexpay, _ = wired("feexpay", told(status="FAILED", reason=words, callback_info="WX7K4M2Q"))

    assert feexpay.payout_status(payout(provider_ref=REF)).reason is Reason.MISCONFIGURED
