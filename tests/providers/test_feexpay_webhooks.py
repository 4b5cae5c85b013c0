"""FeexPay's messages: unsigned hints, or the older guide's signature where a secret is set."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.providers.feexpay_words import signature
from shop.providers.values import Authenticity
from tests.providers.fakes import wired

REF = "6a00a986-fcb9-4491-93d5-28693034ef95"
WEBHOOK = json.dumps(
    {
        "reference": REF,
        "order_id": REF,
        "status": "SUCCESSFUL",
        "amount": 250,
        "callback_info": "PX7K4M2Q",
        "type": "Paiement",
        "phoneNumber": "2290190877433",
    }
).encode()
GUIDE = b'{"webhook_id": "wh_12345", "event": "payment.success", "transaction_id": "tx_12345"}'
VECTOR = "ca80a74a6a1d16a51042b6b663c59a6c1ca72883ffd278dfe602e681ddedede3"
SECRET = "demo-feexpay-secret"


def heard(content: bytes, header: str | None = None, secret: str = ""):
    feexpay, _ = wired("feexpay", (200, b"{}"), webhook_secret=secret)
    headers = {} if header is None else {"X-Webhook-Signature": header}
    return feexpay.parse_webhook(headers=headers, body=content, now_s=0)


def test_the_guide_s_signature_known_answer():
    assert signature(SECRET, GUIDE) == VECTOR


def test_an_unsigned_message_is_a_hint():
    notice = heard(WEBHOOK)

    assert notice.authenticity is Authenticity.UNSIGNED
    assert (notice.reference, notice.provider_ref) == ("PX7K4M2Q", REF)
    assert (notice.kind, notice.event_id) == ("SUCCESSFUL", None)


def test_an_unsigned_message_cannot_use_up_an_event_s_id():
    assert heard(GUIDE).event_id is None


@pytest.mark.parametrize("secret", [SECRET, f"new, {SECRET}", f"{SECRET},new"])
@pytest.mark.parametrize("header", [VECTOR, VECTOR.upper()])
def test_a_signed_message_is_taken_under_either_secret(secret, header):
    notice = heard(GUIDE, header, secret)

    assert notice.authenticity is Authenticity.SIGNED
    assert (notice.event_id, notice.kind) == ("wh_12345", "payment.success")
    assert notice.provider_ref == "tx_12345"


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (GUIDE, None),
        (GUIDE, ""),
        (GUIDE, VECTOR[:-1]),
        (GUIDE, "é" + VECTOR),
        (GUIDE, "\udcff"),
        (GUIDE + b" ", VECTOR),
        (GUIDE.replace(b": ", b":"), VECTOR),
        (WEBHOOK, None),
    ],
)
def test_with_a_secret_only_the_signed_bytes_count(content, header):
    assert heard(content, header, SECRET).authenticity is Authenticity.REJECTED


EVENTS = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(), max_size=4)


@given(fields=EVENTS, indent=st.sampled_from([None, 0, 1, 2]), sort=st.booleans())
def test_raw_bytes_verify_whatever_their_spacing_and_order(fields, indent, sort):
    content = json.dumps(
        {**fields, "transaction_id": "tx_12345"},
        indent=indent, sort_keys=sort, separators=(",", ":"), ensure_ascii=False,
    ).encode()  # fmt: skip
    restated = json.dumps(json.loads(content)).encode()

    assert heard(content, signature(SECRET, content), SECRET).authenticity is Authenticity.SIGNED
    over_the_restated = heard(content, signature(SECRET, restated), SECRET)
    assert over_the_restated.authenticity is Authenticity.REJECTED


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"x", b'{"status":"SUCCESSFUL"}'])
def test_a_message_about_nothing_is_rejected(content):
    assert heard(content).authenticity is Authenticity.REJECTED


def test_a_payout_s_message_says_so():
    content = WEBHOOK.replace(b'"Paiement"', b'"Payout"')

    assert heard(content).kind == "payout.SUCCESSFUL"
