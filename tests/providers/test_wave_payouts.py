"""Wave's payouts, refunds and balance, byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shop import clock
from shop.money import Money
from shop.providers.reasons import Reason
from shop.providers.values import ProviderRejected, ProviderUnavailable, Refund, Status
from shop.providers.wave_words import (
    KEY_TAKEN,
    PAYOUT_REASONS,
    PAYOUT_STATUSES,
    REFUND_REASONS,
    signature,
)
from tests.providers.fakes import collection, payout, wired
from tests.providers.test_wave import KEY, PAID, found, session

PAYOUT = {
    "id": "pt-185b5e4b8100c", "currency": "XOF", "receive_amount": "1500", "fee": "15",
    "mobile": "+2250701020304", "name": None, "national_id": None,
    "client_reference": "WX7K4M2Q", "payment_reason": "Retrait WX7K4M2Q",
    "status": "succeeded", "payout_error": None, "timestamp": "2026-11-21T10:00:03Z",
}  # fmt: skip
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def monday():
    with clock.turned_by(lambda: NOW, lambda: 1_000.0):
        yield


def told(**changes: object) -> tuple[int, bytes]:
    return 200, json.dumps({**PAYOUT, **changes}).encode()


def refused(http: int, code: str) -> tuple[int, bytes]:
    return http, json.dumps({"code": code, "message": "m"}).encode()


def paid_session(**changes: object) -> tuple[int, bytes]:
    return session(**PAID, when_completed="2026-11-21T10:05:00Z", **changes)


def refund(**changes: object) -> Refund:
    values: dict[str, object] = {
        "reference": "RX7K4M2Q",
        "amount": Money(1500, "XOF"),
        "collection": collection("wave", provider_ref="cos-18qq25rgr100a"),
        "transaction_ref": "TCN4Y4ZC3FM",
    }
    return Refund(**{**values, **changes})


def ledger(*rows: dict, more: bool = False, cursor: str | None = None) -> tuple[int, bytes]:
    page = {"start_cursor": None, "end_cursor": cursor, "has_next_page": more}
    return 200, json.dumps({"page_info": page, "date": "x", "items": list(rows)}).encode()


ROW = {
    "timestamp": "2026-11-22T15:05:45Z", "transaction_id": "T_V3TFOUE7VU",
    "transaction_type": "api_checkout_refund", "amount": "-1500", "fee": "0", "currency": "XOF",
    "is_reversal": False, "client_reference": "PX7K4M2Q",
    "checkout_api_session_id": "cos-18qq25rgr100a",
}  # fmt: skip


def test_pay_out_sends_the_documented_request_and_nothing_more():
    wave, wire = wired("wave", told())

    outcome = wave.pay_out(payout("wave"))

    [sent] = wire.seen
    assert (sent.method, sent.url) == ("POST", "https://api.wave.test/v1/payout")
    assert sent.body == (
        b'{"currency": "XOF", "receive_amount": "1500", "mobile": "+2250701020304",'
        b' "client_reference": "WX7K4M2Q", "payment_reason": "Retrait WX7K4M2Q"}'
    )
    key = sent.headers["Idempotency-Key"]
    assert UUID(key).version == 4
    assert dict(sent.headers) == {
        "User-Agent": "cauri/1",
        "Accept-Encoding": "identity",
        "Authorization": "Bearer wave_ci_prod_k3y",
        "Idempotency-Key": key,
        "Content-Type": "application/json",
        "Content-Length": str(len(sent.body)),
    }
    assert outcome.status is Status.SUCCEEDED
    assert (outcome.amount, outcome.fee) == (Money(1500, "XOF"), Money(15, "XOF"))
    assert outcome.provider_ref == outcome.transaction_ref == "pt-185b5e4b8100c"
    assert outcome.contradiction is None


def test_asking_again_sends_the_same_bytes_under_the_same_key():
    wave, wire = wired("wave", told())
    for _ in range(2):
        wave.pay_out(payout("wave"))
    wave.pay_out(payout("wave", reference="WX7K4M2R"))

    first, again, other = wire.seen
    assert (first.body, dict(first.headers)) == (again.body, dict(again.headers))
    assert other.headers["Idempotency-Key"] != first.headers["Idempotency-Key"]


def test_what_the_payee_reads_is_short_and_plain():
    wave, wire = wired("wave", told())

    wave.pay_out(payout("wave", description="L'été à Abidjan <b> " + "x" * 60))

    assert json.loads(wire.seen[0].body)["payment_reason"] == "L ete a Abidjan b " + "x" * 22


def test_a_signing_key_signs_the_payout_s_bytes_and_the_empty_refund():
    wave, wire = wired("wave", paid_session(), (200, b""), signing_secret=KEY)

    wave.refund(refund())

    for sent in wire.seen:
        moment, digest = sent.headers["Wave-Signature"].removeprefix("t=").split(",v1=")
        assert digest == signature(KEY, moment, sent.body or b"")


@pytest.mark.parametrize(("word", "status"), PAYOUT_STATUSES.items())
def test_every_status_word_of_a_payout_is_read(word, status):
    wave, wire = wired("wave", told(status=word))

    outcome = wave.payout_status(payout("wave", provider_ref="pt-185b5e4b8100c"))

    assert wire.seen[0].url == "https://api.wave.test/v1/payout/pt-185b5e4b8100c"
    assert (outcome.status, bool(outcome.reason)) == (status, status is Status.FAILED)


@pytest.mark.parametrize("word", ["paid", "SUCCEEDED", "", None])
def test_a_status_word_wave_does_not_document_is_unknown(word):
    wave, _ = wired("wave", told(status=word))

    with pytest.raises(ProviderUnavailable, match="unknown status"):
        wave.payout_status(payout("wave", provider_ref="pt-185b5e4b8100c"))


@pytest.mark.parametrize(("code", "reason"), PAYOUT_REASONS.items())
def test_every_documented_code_becomes_a_reason_refused_or_failed(code, reason):
    wave, _ = wired("wave", refused(422, code))
    error = {"error_code": code, "error_message": "m"}
    late, _ = wired("wave", told(status="failed", payout_error=error))

    if code != KEY_TAKEN:
        with pytest.raises(ProviderRejected) as rejected:
            wave.pay_out(payout("wave"))
        assert rejected.value.reason is reason
    assert late.pay_out(payout("wave")).reason is reason


@pytest.mark.parametrize("code", [KEY_TAKEN, "something-new", ""])
def test_a_refusal_that_may_hide_a_payout_is_unknown(code):
    wave, _ = wired("wave", refused(409, code))

    with pytest.raises(ProviderUnavailable) as unknown:
        wave.pay_out(payout("wave"))
    assert unknown.value.sent


@pytest.mark.parametrize(
    ("change", "contradiction"),
    [
        ({"client_reference": "SOMEONE0"}, "reference"),
        ({"currency": "XAF"}, "currency"),
        ({"receive_amount": "1400"}, None),
    ],
)
def test_a_payout_that_differs_is_told_as_it_is(change, contradiction):
    wave, _ = wired("wave", told(**change))

    outcome = wave.pay_out(payout("wave"))

    assert outcome.contradiction == contradiction
    assert outcome.amount.amount == int(change.get("receive_amount", 1500))


def test_a_lost_payout_is_found_by_our_reference():
    wave, wire = wired("wave", found(PAYOUT))

    outcome = wave.payout_status(payout("wave"))

    assert wire.seen[0].url == "https://api.wave.test/v1/payouts/search?client_reference=WX7K4M2Q"
    assert (outcome.status, outcome.provider_ref) == (Status.SUCCEEDED, "pt-185b5e4b8100c")


def test_no_payout_is_absent_and_two_are_not_guessed_between():
    none, _ = wired("wave", found())
    two, _ = wired("wave", found(PAYOUT, PAYOUT))

    assert none.payout_status(payout("wave")).status is Status.ABSENT
    with pytest.raises(ProviderUnavailable, match="2 results"):
        two.payout_status(payout("wave"))


def test_refund_reads_the_session_then_sends_nothing_in_its_body():
    wave, wire = wired("wave", paid_session(), (200, b""))

    outcome = wave.refund(refund())

    read, sent = wire.seen
    path = "https://api.wave.test/v1/checkout/sessions/cos-18qq25rgr100a"
    assert (read.method, read.url) == ("GET", path)
    assert (sent.method, sent.url) == ("POST", f"{path}/refund")
    assert not sent.body
    assert "Content-Type" not in sent.headers
    assert (outcome.status, outcome.memory) == (Status.PENDING, {"asked": "yes"})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (session(**PAID, amount="1400"), Reason.AMOUNT),
        (session(), Reason.REFUSED),
        (session(**PAID, client_reference="SOMEONE0"), Reason.REFUSED),
        ((404, b'{"code":"checkout-session-not-found"}'), Reason.MISCONFIGURED),
    ],
)
def test_a_session_that_does_not_hold_what_is_to_go_back_is_refused_before_asking(reply, reason):
    wave, wire = wired("wave", reply)

    with pytest.raises(ProviderRejected) as rejected:
        wave.refund(refund())

    assert rejected.value.reason is reason
    assert [sent.method for sent in wire.seen] == ["GET"]


@pytest.mark.parametrize("http", [400, 409, 422])
@pytest.mark.parametrize(("code", "reason"), REFUND_REASONS.items())
def test_the_code_of_a_refused_refund_decides_whatever_its_http_status(http, code, reason):
    wave, _ = wired("wave", paid_session(), refused(http, code))

    with pytest.raises(ProviderRejected) as rejected:
        wave.refund(refund())

    assert rejected.value.reason is reason


def test_an_unknown_refusal_of_a_refund_is_unknown():
    wave, _ = wired("wave", paid_session(), refused(409, "something-new"))

    with pytest.raises(ProviderUnavailable):
        wave.refund(refund())


def test_the_proof_of_a_refund_is_its_row_in_the_ledger():
    wave, wire = wired("wave", paid_session(), ledger(), ledger(ROW))

    outcome = wave.refund_status(refund())

    assert [sent.url.partition("/v1/")[2] for sent in wire.seen] == [
        "checkout/sessions/cos-18qq25rgr100a",
        "transactions?date=2026-11-23",
        "transactions?date=2026-11-22",
    ]
    assert (outcome.status, outcome.transaction_ref) == (Status.SUCCEEDED, "T_V3TFOUE7VU")


@pytest.mark.parametrize(
    ("change", "is_ours"),
    [
        ({"checkout_api_session_id": None}, True),
        ({"checkout_api_session_id": "cos-another"}, False),
        ({"checkout_api_session_id": None, "client_reference": "SOMEONE0"}, False),
        ({"transaction_type": "api_checkout"}, False),
        ({"transaction_type": "api_payout"}, False),
    ],
)
def test_only_this_session_s_refund_counts(change, is_ours):
    wave, _ = wired("wave", paid_session(), ledger({**ROW, **change}))

    expected = Status.SUCCEEDED if is_ours else Status.ABSENT
    assert wave.refund_status(refund()).status is expected


def test_the_ledger_is_read_page_after_page():
    first = ledger({**ROW, "checkout_api_session_id": "cos-1"}, more=True, cursor="T_1")
    wave, wire = wired("wave", paid_session(), first, ledger(ROW))

    assert wave.refund_status(refund()).status is Status.SUCCEEDED
    assert wire.seen[2].url.endswith("transactions?date=2026-11-23&after=T_1")


@pytest.mark.parametrize(
    "broken",
    [
        ledger(more=True),
        (200, b"{}"),
        (200, b'{"items": 5}'),
        (403, b'{"code":"unauthorized-wallet"}'),
    ],
)
def test_a_ledger_that_cannot_be_read_proves_nothing(broken):
    wave, _ = wired("wave", paid_session(), broken)

    with pytest.raises(ProviderUnavailable):
        wave.refund_status(refund())


def test_an_accepted_refund_waits_for_its_row_and_an_unknown_one_is_absent():
    known, _ = wired("wave", paid_session(), ledger())
    unknown, _ = wired("wave", paid_session(), ledger())

    assert known.refund_status(refund(memory={"asked": "yes"})).status is Status.PENDING
    assert unknown.refund_status(refund()).status is Status.ABSENT


def test_an_old_payment_s_ledger_is_not_read_whole_and_nothing_is_concluded():
    old = session(**PAID, when_completed="2026-08-01T10:05:00Z")
    wave, wire = wired("wave", old, ledger())

    with pytest.raises(ProviderUnavailable, match="too long ago"):
        wave.refund_status(refund())
    assert len(wire.seen) == 11


def test_the_balance_is_the_wallet_s():
    wave, wire = wired("wave", (200, b'{"amount":"10245","currency":"XOF"}'))

    assert wave.balance("XOF") == Money(10245, "XOF")
    assert (wire.seen[0].method, wire.seen[0].url) == ("GET", "https://api.wave.test/v1/balance")
    with pytest.raises(ProviderUnavailable, match="a wallet in XOF"):
        wave.balance("XAF")
