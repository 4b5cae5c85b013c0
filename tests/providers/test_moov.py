"""Moov Benin, byte for byte."""

from __future__ import annotations

import pytest

from shop.errors import ConfigurationError
from shop.money import Money
from shop.providers.moov import Moov, make_token
from shop.providers.moov_words import REASONS, STATUSES, TRANSFER_REASONS
from shop.providers.reasons import Reason
from shop.providers.values import (
    ProviderRejected,
    ProviderUnavailable,
    Status,
    UnsupportedOperation,
)
from tests.providers.fakes import collection, payout, wired

TOKEN = "/IKSHTfIlaa2HmjM5yKKws/mnmwb0Hmo4s6BUfUbjLE="


def soap(leaves: str, wrapper: str = "result", verb: str = "PushWithPending") -> tuple[int, bytes]:
    return 200, (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<ns2:{verb}Response xmlns:ns2="http://api.merchant.tlc.com/"><{wrapper}>{leaves}'
        f"</{wrapper}></ns2:{verb}Response></soap:Body></soap:Envelope>"
    ).encode()


def said(status: object, description: str = "words", **more: str) -> tuple[int, bytes]:
    extra = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return soap(f"<description>{description}</description>{extra}<status>{status}</status>")


def test_token_known_answers():
    assert make_token("username", "password") == "hnTyz1stTsRO8PxwCssFHwwUakVCzRFeJ4Ms/F9cem0="
    assert make_token("demo-merchant", "demo-secret") == TOKEN


def test_credentials_or_a_ready_token_are_needed():
    with pytest.raises(ConfigurationError, match="MOOV_USERNAME"):
        Moov(base_url="https://moov.test", username="only")
    Moov(base_url="https://moov.test", token="given")


def test_collect_sends_the_documented_envelope():
    moov, wire = wired("moov", said(100, "pending"))

    outcome = moov.collect(collection("moov", description="Thé & <café>"))

    [sent] = wire.seen
    assert sent.url == "https://moov.test/com.tlc.merchant.api/UssdPush"
    assert (
        sent.body
        == (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
            ' xmlns:api="http://api.merchant.tlc.com/"><soapenv:Header/><soapenv:Body>'
            f"<api:PushWithPending><token>{TOKEN}</token><msisdn>+2290195030405</msisdn>"
            "<message>The cafe</message><amount>1500</amount>"
            "<externaldata1>PX7K4M2Q</externaldata1><externaldata2></externaldata2><fee>0</fee>"
            "</api:PushWithPending></soapenv:Body></soapenv:Envelope>"
        ).encode()
    )
    assert sent.headers["Content-Type"] == "text/xml; charset=UTF-8"
    assert sent.headers["SOAPAction"] == '""'
    assert outcome.status is Status.PENDING


def test_values_are_escaped():
    moov, wire = wired("moov", said(94))

    moov.collection_status(collection("moov", reference="<&>"))

    assert b"<transid>&lt;&amp;&gt;</transid>" in wire.seen[0].body


def test_a_push_that_waited_for_the_pin_is_paid_at_once():
    moov, _ = wired("moov", said(0, "SUCCESS", referenceid="12345678", transid="PX7K4M2Q"))

    outcome = moov.collect(collection("moov"))

    assert outcome.status is Status.SUCCEEDED
    assert outcome.transaction_ref == "12345678"
    assert outcome.contradiction is None


def test_another_reference_in_the_answer_is_a_contradiction():
    moov, _ = wired("moov", said(0, "SUCCESS", referenceid="12345678", transid="SOMEONE0"))

    assert moov.collection_status(collection("moov")).contradiction == "reference"


def test_the_push_may_take_ninety_seconds_and_a_status_call_fifteen():
    moov, wire = wired("moov", said(100, "pending"))

    moov.collect(collection("moov"))
    push_s = wire.options["timeout"][1]
    moov.collection_status(collection("moov"))

    assert 89 < push_s <= 90
    assert wire.options["timeout"][1] <= 15


@pytest.mark.parametrize(("code", "meaning"), STATUSES.items())
def test_every_status_code_is_read_on_a_status_call(code, meaning):
    moov, wire = wired("moov", said(code))

    outcome = moov.collection_status(collection("moov"))

    assert b"<api:getTransactionStatus><token>" in wire.seen[0].body
    assert b"</token><request><transid>PX7K4M2Q</transid></request>" in wire.seen[0].body
    assert outcome.status is meaning
    assert outcome.reason is (REASONS[code] if meaning is Status.FAILED else None)


@pytest.mark.parametrize("code", ["1", "2", "4", "6", "8", "11", "20", "91", "98", "99", "-1", ""])
def test_codes_about_something_else_leave_the_payment_waiting(code):
    moov, _ = wired("moov", said(code))

    with pytest.raises(ProviderUnavailable):
        moov.collection_status(collection("moov"))


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
def test_every_refusal_of_a_push_has_its_reason(code, reason):
    moov, _ = wired("moov", said(code))

    with pytest.raises(ProviderRejected) as refused:
        moov.collect(collection("moov"))

    assert (refused.value.reason, refused.value.code) == (reason, code)


@pytest.mark.parametrize("code", ["94", "99", "-1", "77", ""])
def test_a_push_answered_without_a_verdict_is_unknown(code):
    moov, _ = wired("moov", said(code))

    with pytest.raises(ProviderUnavailable):
        moov.collect(collection("moov"))


def test_code_95_that_says_pending_is_pending():
    moov, _ = wired("moov", said(95, "Transaction is PENDING"))

    assert moov.collect(collection("moov")).status is Status.PENDING
    assert moov.collection_status(collection("moov")).status is Status.PENDING


@pytest.mark.parametrize("wrapper", ["result", "return", "response"])
def test_leaves_are_found_whatever_wraps_them(wrapper):
    body = "<description>SUCCESS</description><referenceid>9</referenceid><status>0</status>"
    moov, _ = wired("moov", soap(body, wrapper, "getTransactionStatus"))

    assert moov.collection_status(collection("moov")).transaction_ref == "9"


@pytest.mark.parametrize(
    "dress",
    [
        lambda text: b'<?xml version="1.0" encoding="utf-16"?>' + text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: ('<?xml version="1.0" encoding="utf-16"?>' + text).encode("utf-16"),
    ],
)
def test_a_utf_16_prolog_is_tolerated_over_any_bytes(dress):
    text = said(100, "pending")[1].decode()
    moov, _ = wired("moov", (200, dress(text)))

    assert moov.collection_status(collection("moov")).status is Status.PENDING


FAULT = (
    500,
    b'<soap:Envelope xmlns:soap="x"><soap:Body><soap:Fault><faultcode>soap:Server</faultcode>'
    b"<faultstring>For input string</faultstring></soap:Fault></soap:Body></soap:Envelope>",
)
BOMB = (
    200,
    b'<!DOCTYPE e [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Envelope><status>&b;</status></Envelope>',
)
DTD = (200, b"<!DOCTYPE e><Envelope><status>0</status></Envelope>")
TWO_WORDS = soap("<status>0</status><status>100</status>")
HTML = (200, b"<html><body><status>0</status></body></html>")


@pytest.mark.parametrize("reply", [FAULT, BOMB, DTD, TWO_WORDS, HTML, (200, b"")])
def test_faults_bombs_and_other_people_s_pages_are_unknown(reply):
    moov, _ = wired("moov", reply)

    with pytest.raises(ProviderUnavailable):
        moov.collect(collection("moov"))
    with pytest.raises(ProviderUnavailable):
        moov.collection_status(collection("moov"))


def transferred(**changes: object) -> tuple[int, bytes]:
    """The documented answer of transferFlooz, where the names are inverted."""
    leaves = {
        "transactionid": "WX7K4M2Q", "status": "0", "message": "ok",
        "referenceid": "920190616000000", "senderkeycost": "", "senderbonus": "",
        "senderbalancebefore": "16819", "senderbalanceafter": "15319", **changes,
    }  # fmt: skip
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in leaves.items())
    return 200, (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        '<ns2:transferFloozResponse xmlns:ns2="http://api.merchant.tlc.com/"><return>'
        f"{inside}</return></ns2:transferFloozResponse></soap:Body></soap:Envelope>"
    ).encode()


def test_pay_out_sends_the_documented_envelope():
    moov, wire = wired("moov", transferred())

    outcome = moov.pay_out(payout("moov"))

    [sent] = wire.seen
    assert sent.body == (
        b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv='
        b'"http://schemas.xmlsoap.org/soap/envelope/" xmlns:api="http://api.merchant.tlc.com/">'
        b"<soapenv:Header/><soapenv:Body><api:transferFlooz>"
        b"<token>/IKSHTfIlaa2HmjM5yKKws/mnmwb0Hmo4s6BUfUbjLE=</token><request>"
        b"<destination>+2290195030405</destination><amount>1500</amount>"
        b"<referenceid>WX7K4M2Q</referenceid><walletid>0</walletid>"
        b"<extendeddata></extendeddata></request></api:transferFlooz></soapenv:Body>"
        b"</soapenv:Envelope>"
    )
    assert outcome.status is Status.SUCCEEDED
    assert outcome.provider_ref == outcome.transaction_ref == "920190616000000"
    assert (outcome.amount, outcome.contradiction) == (None, None)


def test_a_transfer_that_echoes_another_reference_is_a_contradiction():
    moov, _ = wired("moov", transferred(transactionid="SOMEONE0"))

    assert moov.pay_out(payout("moov")).contradiction == "reference"


@pytest.mark.parametrize(("code", "reason"), TRANSFER_REASONS.items())
def test_every_code_that_refuses_a_transfer_says_why(code, reason):
    moov, _ = wired("moov", transferred(status=code))

    with pytest.raises(ProviderRejected) as refused:
        moov.pay_out(payout("moov"))

    assert refused.value.reason is reason
    assert refused.value.reason is not Reason.INSUFFICIENT_FUNDS


@pytest.mark.parametrize("code", ["92", "94", "95", "99", "-1", "100", "777", ""])
def test_a_code_that_may_hide_a_transfer_is_unknown(code):
    moov, _ = wired("moov", transferred(status=code))

    with pytest.raises(ProviderUnavailable) as unknown:
        moov.pay_out(payout("moov"))
    assert unknown.value.sent


def test_of_a_lost_transfer_only_a_yes_is_believed():
    def standing(status: str, transid: str) -> tuple[int, bytes]:
        return transferred(status=status, transid=transid, transactionid="x", referenceid="9201")

    known, wire = wired("moov", standing("0", "WX7K4M2Q"))

    outcome = known.payout_status(payout("moov"))

    assert (outcome.status, outcome.transaction_ref) == (Status.SUCCEEDED, "9201")
    assert b"<request><transid>WX7K4M2Q</transid></request>" in wire.seen[0].body
    for status, transid in (("94", "WX7K4M2Q"), ("10", "WX7K4M2Q"), ("0", "SOMEONE0")):
        moov, _ = wired("moov", standing(status, transid))
        with pytest.raises(ProviderUnavailable):
            moov.payout_status(payout("moov"))


def test_the_balance_is_that_of_the_merchant_s_own_number():
    told = transferred(balance="16819")
    moov, wire = wired("moov", told, merchant_number="+2290195000001")

    assert moov.balance("XOF") == Money(16_819, "XOF")
    assert b"<api:getBalance>" in wire.seen[0].body
    assert b"<request><msisdn>+2290195000001</msisdn></request>" in wire.seen[0].body
    with pytest.raises(ProviderUnavailable):
        moov.balance("XAF")


def test_without_its_number_the_balance_cannot_be_asked():
    moov, wire = wired("moov", transferred())

    with pytest.raises(UnsupportedOperation, match="MOOV_MERCHANT_NUMBER"):
        moov.balance("XOF")
    assert wire.seen == []
