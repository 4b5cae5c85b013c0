"""CinetPay, byte for byte."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from shop.money import Money
from shop.providers.cinetpay_words import (
    CLOSED,
    CODES,
    REQUEST_REASONS,
    RETRY_LATER,
    SIGNED_FIELDS,
    TRANSFER_REASONS,
    TRANSFER_STATUSES,
    WAITING,
    read_form,
    x_token,
)
from shop.providers.reasons import Reason
from shop.providers.values import Authenticity, ProviderRejected, ProviderUnavailable, Status
from tests.providers.fakes import collection, payout, wired

PAGE = "https://checkout.cinetpay.test/payment/7a"
CREATED = (
    201,
    json.dumps(
        {
            "code": "201", "message": "CREATED", "description": "Transaction created with success",
            "data": {"payment_token": "7a", "payment_url": PAGE}, "api_response_id": "1.2",
        }
    ).encode(),
)  # fmt: skip
FAILURES = {code: reason for code, (status, reason) in CODES.items() if status is Status.FAILED}


def refused(code: str, http: int = 400) -> tuple[int, bytes]:
    body = {"code": code, "message": "m", "description": "d", "api_response_id": "1.2"}
    return http, json.dumps(body).encode()


def checked(code: str = "00", word: str | None = "ACCEPTED", **changes: object):
    data = {
        "amount": "1500", "currency": "XOF", "status": word, "payment_method": "OM",
        "metadata": "PX7K4M2Q", "operator_id": "MP220915.1234.A00001",
    }  # fmt: skip
    return 200, json.dumps({"code": code, "message": "m", "data": data | changes}).encode()


def known(**changes: object):
    return collection("cinetpay", provider_ref="7a", **changes)


def status(*answer: tuple[int, bytes]):
    cinetpay, _ = wired("cinetpay", *answer)
    return cinetpay.collection_status(known())


def test_collect_sends_the_documented_request():
    cinetpay, wire = wired("cinetpay", CREATED)

    outcome = cinetpay.collect(collection("cinetpay"))

    [seen] = wire.seen
    assert (seen.method, seen.url) == ("POST", "https://checkout.cinetpay.test/v2/payment")
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["User-Agent"]
    assert json.loads(seen.body) == {
        "apikey": "ap1k3y",
        "site_id": "445160",
        "transaction_id": "PX7K4M2Q",
        "amount": 1500,
        "currency": "XOF",
        "description": "Commande PX7K4M2Q",
        "notify_url": "https://shop.example/webhook/cinetpay/t0ken/",
        "return_url": "https://shop.example/payments/PX7K4M2Q",
        "channels": "MOBILE_MONEY,WALLET",
        "lang": "fr",
        "metadata": "PX7K4M2Q",
        "customer_name": "Client",
        "customer_surname": "PX7K4M2Q",
        "customer_phone_number": "+2250701020304",
    }
    assert (outcome.status, outcome.page_url) == (Status.PENDING, PAGE)
    assert outcome.provider_ref == "7a"


def test_signs_the_documents_forbid_are_taken_out_of_the_description():
    cinetpay, wire = wired("cinetpay", CREATED)

    cinetpay.collect(collection("cinetpay", description="Thé & café #1 / $_été"))

    assert json.loads(wire.seen[0].body)["description"] == "The cafe 1 ete"


@pytest.mark.parametrize(
    ("country", "amount"),
    [("CI", Money(1501, "XOF")), ("CD", Money(150_100, "CDF")), ("CD", Money(150_050, "CDF"))],
)
def test_an_amount_off_the_step_is_refused_before_calling(country, amount):
    cinetpay, wire = wired("cinetpay", CREATED)

    with pytest.raises(ProviderRejected) as rejected:
        cinetpay.collect(collection("cinetpay", country=country, amount=amount))

    assert rejected.value.reason is Reason.AMOUNT
    assert wire.seen == []


@pytest.mark.parametrize(("code", "reason"), [*REQUEST_REASONS.items(), *FAILURES.items()])
@pytest.mark.parametrize("http", [200, 400])
def test_every_documented_code_becomes_a_reason(code, reason, http):
    cinetpay, _ = wired("cinetpay", refused(code, http))

    with pytest.raises(ProviderRejected) as rejected:
        cinetpay.collect(collection("cinetpay"))

    assert (rejected.value.reason, rejected.value.code) == (reason, code)


@pytest.mark.parametrize(
    "answer",
    [
        *(refused(code) for code in sorted(RETRY_LATER)),
        refused("00", 200),
        refused("999", 200),
        refused("", 400),
        (403, b"error code: 1010"),
        (429, b'{"code":"429","message":"TOO_MANY_REQUEST"}'),
        (201, b'{"code":"201","data":{"payment_token":"7a"}}'),
        (201, b'{"code":"201","data":[]}'),
    ],
)
def test_what_decides_nothing_is_unknown(answer):
    cinetpay, _ = wired("cinetpay", answer)

    with pytest.raises(ProviderUnavailable):
        cinetpay.collect(collection("cinetpay"))


def test_a_check_pays_only_with_code_and_status_together():
    cinetpay, wire = wired("cinetpay", checked())

    outcome = cinetpay.collection_status(known())

    [seen] = wire.seen
    assert seen.url == "https://checkout.cinetpay.test/v2/payment/check"
    asked = {"apikey": "ap1k3y", "site_id": "445160", "transaction_id": "PX7K4M2Q"}
    assert json.loads(seen.body) == asked
    assert (outcome.status, outcome.amount) == (Status.SUCCEEDED, Money(1500, "XOF"))
    assert outcome.transaction_ref == "OM:MP220915.1234.A00001"


@pytest.mark.parametrize(
    "answer",
    [
        checked("00", "REFUSED"),
        checked("00", "PENDING"),
        checked("00", None),
        checked("600", "ACCEPTED"),
        checked("600", None),
        checked("662", "ACCEPTED"),
        checked("662", "REFUSED"),
        checked("603", "REFUSED"),
        checked("SUCCES", "ACCEPTED"),
        (200, b'{"code":"00","message":"SUCCES","data":{"operator_id":"MP1"}}'),
        (200, b'{"code":"600","message":"PAYMENT_FAILED","data":null}'),
        (200, b'{"code":"00","message":"SUCCES"}'),
        (404, b"{}"),
    ],
)
def test_a_check_that_contradicts_itself_is_unknown(answer):
    with pytest.raises(ProviderUnavailable):
        status(answer)


@pytest.mark.parametrize(("code", "meaning"), CODES.items())
def test_every_documented_code_of_a_check_is_read(code, meaning):
    words = {Status.SUCCEEDED: "ACCEPTED", Status.PENDING: "PENDING", Status.FAILED: "REFUSED"}

    outcome = status(checked(code, words[meaning[0]]))

    assert (outcome.status, outcome.reason) == meaning


@pytest.mark.parametrize("word", WAITING)
@pytest.mark.parametrize("code", FAILURES)
def test_a_failed_try_while_the_page_is_open_is_pending(code, word):
    outcome = status(checked(code, word))

    assert (outcome.status, outcome.reason) == (Status.PENDING, None)


@pytest.mark.parametrize("code", CLOSED)
def test_expired_and_cancelled_end_a_payment_by_themselves(code):
    assert status(refused(code, 200)).status is Status.FAILED


def test_an_unknown_transaction_is_absent():
    assert status(refused("723", 404)).status is Status.ABSENT


@pytest.mark.parametrize(
    ("change", "contradiction", "amount"),
    [
        ({"amount": "1400"}, None, Money(1400, "XOF")),
        ({"amount": 1500}, None, Money(1500, "XOF")),
        ({"currency": "XAF"}, "currency", Money(1500, "XAF")),
        ({"metadata": "SOMEONE0"}, "reference", Money(1500, "XOF")),
        ({"metadata": None}, None, Money(1500, "XOF")),
    ],
)
def test_a_success_that_differs_is_told_as_it_is(change, contradiction, amount):
    outcome = status(checked(**change))

    assert (outcome.status, outcome.amount) == (Status.SUCCEEDED, amount)
    assert outcome.contradiction == contradiction


@pytest.mark.parametrize("amount", [None, "", "15.5", "-1500", 15.5])
def test_an_unreadable_amount_is_unknown_not_zero(amount):
    with pytest.raises(ProviderUnavailable):
        status(checked(amount=amount))


@pytest.mark.parametrize("missing", ["operator_id", "payment_method"])
def test_a_success_without_the_operator_s_number_is_named_by_ours(missing):
    assert status(checked(**{missing: None})).transaction_ref == "PX7K4M2Q"


# -- transfers ------------------------------------------------------------------------------------

LOGIN = (200, b'{"code":0,"message":"OPERATION_SUCCES","data":{"token":"t0k"}}')
NONE = refused("723", 200)
CONTACT = (200, b'{"code":0,"data":[[{"code":726,"status":"ERROR_PHONE_ALREADY_MY_CONTACT"}]]}')
SENT = (
    200,
    b'{"code":0,"data":[[{"transaction_id":"EA1","client_transaction_id":"WX7K4M2Q",'
    b'"treatment_status":"NEW","code":0,"status":"success"}]]}',
)


def transfer(word: str, **changes: object) -> tuple[int, bytes]:
    line = {
        "transaction_id": "EA1", "client_transaction_id": "WX7K4M2Q", "amount": "1500",
        "sending_status": "CONFIRM", "treatment_status": word,
    }  # fmt: skip
    return 200, json.dumps({"code": 0, "data": [line | changes]}).encode()


def payer(*answers: tuple[int, bytes], **settings: str):
    settings = {"transfer_password": "p4ss", "transfer_url": "https://client.cinetpay.test"} | (
        settings
    )
    return wired("cinetpay", *answers, **settings)


def test_a_transfer_signs_in_looks_introduces_and_sends():
    cinetpay, wire = payer(LOGIN, NONE, CONTACT, SENT)

    outcome = cinetpay.pay_out(payout("cinetpay", operator="orange"))

    login, look, contact, send = wire.seen
    assert login.url == "https://client.cinetpay.test/v1/auth/login?lang=fr"
    assert login.body == b"apikey=ap1k3y&password=p4ss"
    assert look.url == (
        "https://client.cinetpay.test/v1/transfer/check/money"
        "?token=t0k&lang=fr&client_transaction_id=WX7K4M2Q"
    )
    assert urlsplit(contact.url).path == "/v1/transfer/contact"
    assert urlsplit(send.url).path == "/v1/transfer/money/send/contact"
    assert json.loads(parse_qs(send.body.decode())["data"][0]) == [
        {
            "prefix": "225",
            "phone": "0701020304",
            "amount": "1500",
            "notify_url": "https://shop.example/webhook/cinetpay/t0ken/",
            "client_transaction_id": "WX7K4M2Q",
            "payment_method": "OMCI",
        }
    ]
    assert (outcome.status, outcome.provider_ref) == (Status.PENDING, "EA1")


def test_a_reference_sent_before_is_never_sent_again():
    cinetpay, wire = payer(LOGIN, transfer("VAL"))

    assert cinetpay.pay_out(payout("cinetpay")).status is Status.SUCCEEDED
    assert len(wire.seen) == 2


@pytest.mark.parametrize("answers", [[(500, b"")], [LOGIN, (500, b"")], [LOGIN, NONE, (500, b"")]])
def test_before_the_sending_nothing_can_have_moved(answers):
    cinetpay, _ = payer(*answers)

    with pytest.raises(ProviderUnavailable) as unavailable:
        cinetpay.pay_out(payout("cinetpay"))

    assert not unavailable.value.sent


def test_a_silent_sending_is_unknown():
    cinetpay, _ = payer(LOGIN, NONE, CONTACT, (500, b""))

    with pytest.raises(ProviderUnavailable) as unavailable:
        cinetpay.pay_out(payout("cinetpay"))

    assert unavailable.value.sent


@pytest.mark.parametrize("code", ["705", "706"])
def test_an_ended_token_is_renewed_once(code):
    cinetpay, wire = payer(LOGIN, refused(code, 200), LOGIN, transfer("VAL"))

    assert cinetpay.payout_status(payout("cinetpay")).status is Status.SUCCEEDED
    assert len(wire.seen) == 4


def test_a_token_refused_twice_is_not_tried_a_third_time():
    cinetpay, wire = payer(LOGIN, refused("706", 200), LOGIN, refused("706", 200))

    with pytest.raises(ProviderUnavailable):
        cinetpay.payout_status(payout("cinetpay"))

    assert len(wire.seen) == 4


@pytest.mark.parametrize(("code", "reason"), TRANSFER_REASONS.items())
@pytest.mark.parametrize("where", ["line", "whole"])
def test_every_documented_refusal_of_a_transfer_is_read(code, reason, where):
    line = (200, json.dumps({"code": 0, "data": [[{"code": int(code)}]]}).encode())
    cinetpay, _ = payer(LOGIN, NONE, CONTACT, line if where == "line" else refused(code))

    with pytest.raises(ProviderRejected) as rejected:
        cinetpay.pay_out(payout("cinetpay"))

    assert (rejected.value.reason, rejected.value.code) == (reason, code)


def test_an_operation_error_decides_nothing():
    cinetpay, _ = payer(LOGIN, NONE, CONTACT, refused("-1", 200))

    with pytest.raises(ProviderUnavailable):
        cinetpay.pay_out(payout("cinetpay"))


@pytest.mark.parametrize(("word", "meaning"), TRANSFER_STATUSES.items())
def test_every_treatment_is_read(word, meaning):
    cinetpay, _ = payer(LOGIN, transfer(word))

    assert cinetpay.payout_status(payout("cinetpay")).status is meaning


@pytest.mark.parametrize(
    "answer", [transfer("DONE"), (200, b'{"code":0,"data":[]}'), refused("701", 200)]
)
def test_a_treatment_nobody_documented_is_unknown(answer):
    cinetpay, _ = payer(LOGIN, answer)

    with pytest.raises(ProviderUnavailable):
        cinetpay.payout_status(payout("cinetpay"))


def test_another_reference_in_the_answer_is_a_contradiction():
    cinetpay, _ = payer(LOGIN, transfer("VAL", client_transaction_id="SOMEONE0"))

    assert cinetpay.payout_status(payout("cinetpay")).contradiction == "reference"


def test_without_a_transfer_password_nothing_is_called():
    cinetpay, wire = payer(LOGIN, transfer_password="")

    with pytest.raises(ProviderRejected) as rejected:
        cinetpay.pay_out(payout("cinetpay"))

    assert rejected.value.reason is Reason.MISCONFIGURED
    assert wire.seen == []


def test_the_balance_is_what_can_still_be_sent():
    held = b'{"code":0,"data":{"amount":"9000","inUsing":"1000","available":"8000"}}'
    cinetpay, _ = payer(LOGIN, (200, held))

    assert cinetpay.balance("XOF") == Money(8000, "XOF")


# -- notifications --------------------------------------------------------------------------------

VALUES = (
    "445160", "T-0001", "2026-01-02 03:04:05", "500", "XOF", "sigtoken", "OM", "0707070700", "225",
    "fr", "V4", "SINGLE", "PAYMENT", "", "Commande 1", "SUCCES",
)  # fmt: skip
FORM = dict(zip(SIGNED_FIELDS, VALUES, strict=True))
DIGEST = "7664e3a96577e9bc37ee7105f5f1e6af93596e9cc6c8539e200a1f0ba4e15148"


def heard(form: dict[str, str] | bytes = FORM, token: str | None = DIGEST, **settings: str):
    cinetpay, _ = wired("cinetpay", CREATED, **settings)
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    headers = {} if token is None else {"X-Token": token}
    return cinetpay.parse_webhook(headers=headers, body=body, now_s=0)


def test_the_known_answer_of_x_token():
    assert x_token("demo-secret-key", FORM) == DIGEST

    notice = heard()

    assert (notice.authenticity, notice.reference) == (Authenticity.SIGNED, "T-0001")
    assert notice.kind == "SUCCES"


def test_letters_are_signed_as_they_read_not_as_they_travel():
    form = FORM | {"cpm_designation": "Thé à la menthe"}

    assert heard(form, x_token("demo-secret-key", form)).authenticity is Authenticity.SIGNED


def test_fields_that_are_missing_count_as_empty_and_their_order_does_not():
    form = {name: value for name, value in reversed(FORM.items()) if value}

    assert heard(form).authenticity is Authenticity.SIGNED


@pytest.mark.parametrize("field", [name for name in SIGNED_FIELDS if FORM[name]])
def test_every_field_is_covered(field):
    assert heard(FORM | {field: FORM[field] + "0"}).authenticity is Authenticity.REJECTED


@pytest.mark.parametrize("token", [DIGEST[:-1], "0" * 64, "é", "x", " "])
def test_a_wrong_token_is_refused(token):
    assert heard(token=token).authenticity is Authenticity.REJECTED


def test_two_keys_are_good_while_one_is_replaced():
    assert heard(secret_key="new-key,demo-secret-key").authenticity is Authenticity.SIGNED
    assert heard(secret_key="new-key").authenticity is Authenticity.REJECTED
    assert heard(secret_key=" , ").authenticity is Authenticity.REJECTED


def test_the_old_form_of_two_fields_is_a_hint_and_no_more():
    notice = heard({"cpm_trans_id": "PX7K4M2Q", "cpm_site_id": "445160"}, token=None)

    assert (notice.authenticity, notice.reference) == (Authenticity.UNSIGNED, "PX7K4M2Q")


def test_another_cut_of_the_same_text_carries_the_same_token_and_decides_nothing():
    cut = FORM | {"cpm_trans_id": "T-00012026", "cpm_trans_date": "-01-02 03:04:05"}

    notice = heard(cut)

    # That is why only the check call pays: it would find no such transaction.
    assert (notice.authenticity, notice.reference) == (Authenticity.SIGNED, "T-00012026")


@pytest.mark.parametrize(
    "form",
    [
        FORM | {"cpm_site_id": "1"},
        {"cpm_site_id": "445160"},
        b"",
        b"\xff",
        b"cpm_trans_id=%FF&cpm_site_id=445160",
        b"cpm_trans_id=A&cpm_trans_id=B&cpm_site_id=445160",
        b"cpm_trans_id=%00&cpm_site_id=445160",
        b"client_transaction_id=A&transaction_id=%00",
        b"&".join(b"f%d=1" % n for n in range(100)),
    ],
)
def test_a_form_that_is_not_about_us_is_rejected(form):
    assert heard(form, token=None).authenticity is Authenticity.REJECTED


def test_a_transfer_notice_is_never_signed_and_only_a_hint():
    form = {"transaction_id": "EA1", "client_transaction_id": "WX7K4M2Q", "treatment_status": "VAL"}

    notice = heard(form, token=None)

    assert (notice.authenticity, notice.reference) == (Authenticity.UNSIGNED, "WX7K4M2Q")
    assert (notice.kind, notice.provider_ref) == ("payout.VAL", "EA1")


def test_a_form_keeps_its_empty_fields():
    assert read_form(b"a=&b=1") == {"a": "", "b": "1"}
