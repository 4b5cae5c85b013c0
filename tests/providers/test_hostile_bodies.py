"""Bodies nobody documented: an answer becomes unknown, a webhook is rejected, nothing else."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.providers import PROVIDERS
from shop.providers.breaker import Breakers, Habits
from shop.providers.values import Notice, Outcome, ProviderRejected, ProviderUnavailable
from tests.providers.fakes import collection, wired

WORDS = st.sampled_from(
    [
        "id", "status", "checkout_status", "payment_status", "amount", "currency", "data", "error",
        "code", "reason", "result", "externalId", "payer", "partyId", "pay_token", "notif_token",
        "open", "complete", "succeeded", "SUCCESSFUL", "FAILED", "SUCCESS", "processing", "type",
        "payment_url", "txnid", "XOF", "1500", "", "\ud800", "\x00", "1" * 400,
    ]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6)
)
JSON = VALUES.map(json.dumps).map(str.encode)
TAGS = st.sampled_from(["status", "transid", "referenceid", "description", "a:b", "!--", "é"])
LEAF = st.tuples(TAGS, st.text(max_size=6)).map(lambda leaf: f"<{leaf[0]}>{leaf[1]}</{leaf[0]}>")
XML = st.lists(LEAF, max_size=5).map(
    lambda leaves: f"<Envelope>{''.join(leaves)}</Envelope>".encode("utf-8", "surrogatepass")
)
DEEP = st.integers(1, 20_000).flatmap(
    lambda n: st.sampled_from([b"[" * n, b'{"a":' * n, b"<a>" * n])
)
HUGE_NUMBER = st.just(b'{"amount":' + b"9" * 5000 + b"}")
BODIES = st.binary(max_size=200) | JSON | XML | DEEP | HUGE_NUMBER
STATUSES = st.sampled_from([200, 201, 202, 204, 400, 401, 403, 404, 409, 422, 500, 503])


@pytest.mark.parametrize("name", PROVIDERS)
@settings(max_examples=300, deadline=None)
@given(status=STATUSES, body=BODIES)
def test_hostile_answers_are_outcomes_or_unknown(name, status, body):
    provider, _ = wired(name, (status, body))
    provider._breakers = Breakers(Habits(least_calls=10**6))
    memory = {"pay_token": "p", "notif_token": "n"}

    for asked in (collection(name), collection(name, provider_ref="ref", memory=memory)):
        with contextlib.suppress(ProviderUnavailable):
            assert isinstance(provider.collection_status(asked), Outcome)
    with contextlib.suppress(ProviderUnavailable, ProviderRejected):
        assert isinstance(provider.collect(collection(name)), Outcome)


@pytest.mark.parametrize("name", PROVIDERS)
@settings(max_examples=300, deadline=None)
@given(body=BODIES, header=st.text(max_size=60))
def test_hostile_webhooks_are_notices(name, body, header):
    provider, _ = wired(name, (200, b"{}"))

    headers = dict.fromkeys(("Wave-Signature", "X-FEDAPAY-SIGNATURE", "x-token"), header)
    notice = provider.parse_webhook(headers=headers, body=body, now_s=1e9)

    assert isinstance(notice, Notice)
