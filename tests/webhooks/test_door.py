"""The providers' door: raw bytes in, one row, an answer; nothing else happens there."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
import sqlalchemy as sa

from shop import jobs
from shop.db import session
from shop.providers.wave import Wave
from shop.webhooks.models import EventStatus, WebhookEvent
from shop.webhooks.service import MAX_BYTES
from tests.marketplace import make_order
from tests.street import Street

MTN = b'{"externalId":"PX7K4M2Q","status":"SUCCESSFUL","amount":"5","currency":"XOF"}'


def events() -> list[WebhookEvent]:
    session.rollback()
    return list(session.scalars(sa.select(WebhookEvent).order_by(WebhookEvent.id)))


def signed(street: Street, body: bytes, secret: str | None = None) -> dict[str, str]:
    at = str(int(street.time.now().timestamp()))
    key = secret or Wave.sandbox_settings["webhook_secret"]
    mark = hmac.new(key.encode(), at.encode() + body, hashlib.sha256).hexdigest()
    return {"Wave-Signature": f"t={at},v1={mark}", "Content-Type": "application/json"}


def wave_event(number: int = 1) -> bytes:
    data = {"id": "cos-unknown", "client_reference": "PX7K4M2Q", "payment_status": "succeeded"}
    return json.dumps(
        {"id": f"EV_{number}", "type": "checkout.session.completed", "data": data}
    ).encode()


@pytest.mark.parametrize("path", ["/webhook/mtn/", "/webhook/mtn/abc/", "/payment/webhook/mtn/"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_message_is_stored_as_it_came(street: Street, path: str, method: str):
    answer = street.app.test_client().open(path, method=method, data=MTN)

    assert answer.status_code == 200
    assert [(e.provider, e.body, e.status) for e in events()] == [("mtn", MTN, EventStatus.QUEUED)]


def test_the_same_message_is_one_row(street: Street):
    client = street.app.test_client()
    for _again in range(3):
        assert client.post("/webhook/mtn/", data=MTN).status_code == 200

    assert len(events()) == 1


def test_a_signed_event_is_known_by_its_id(street: Street):
    client = street.app.test_client()
    body = wave_event()
    client.post("/webhook/wave/", data=body, headers=signed(street, body))
    street.time.pass_(seconds=9)
    client.post("/webhook/wave/", data=body, headers=signed(street, body))

    assert [e.dedupe_key for e in events()] == ["EV_1"]


def test_an_unsigned_id_silences_nothing(street: Street):
    """A forger who guesses an event's id must not keep the real one out."""
    client = street.app.test_client()
    body = wave_event()
    refused = client.post("/webhook/wave/", data=body, headers=signed(street, body, "wrong"))
    kept = client.post("/webhook/wave/", data=body, headers=signed(street, body))

    assert (refused.status_code, kept.status_code) == (401, 200)
    rejected, stored = events()
    assert (rejected.status, rejected.body) == (EventStatus.REJECTED, None)
    assert (stored.status, stored.body) == (EventStatus.QUEUED, body)


def test_what_is_too_large_or_nobodys_is_refused(street: Street):
    client = street.app.test_client()

    assert client.post("/webhook/mtn/", data=b"x" * (MAX_BYTES + 1)).status_code == 413
    assert client.post("/webhook/nobody/", data=b"{}").status_code == 404
    assert client.post(f"/webhook/mtn/{'x' * 44}/", data=b"{}").status_code == 404
    assert events() == []


LONG = json.dumps({"externalId": "X" * 500, "status": "Y" * 500}).encode()


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b'{"externalId":{}}', b"<html>", LONG])
def test_nonsense_is_thanked_for_and_moves_nothing(street: Street, body: bytes):
    answer = street.app.test_client().post("/webhook/mtn/", data=body)

    assert answer.status_code in (200, 401)
    street.pass_(90)
    assert all(e.status != EventStatus.QUEUED for e in events())
    assert street.findings() == []


def test_a_ping_is_answered_and_changes_nothing(street: Street):
    client = street.app.test_client()

    assert client.get("/webhook/orange/").status_code == 200
    assert client.get("/webhook/nobody/").status_code == 404
    assert events() == []


def test_a_message_makes_its_payment_due_at_once(street: Street):
    payment = street.sent(make_order(), "mtn-ci")
    street.time.pass_(seconds=6)
    jobs.run("verify_payments")
    asked = street.again(payment).checks
    street.time.pass_(seconds=6)
    body = json.dumps({"externalId": payment.reference, "status": "PENDING"}).encode()

    street.app.test_client().post("/webhook/mtn/", data=body)
    jobs.run("process_webhooks")

    assert street.again(payment).checks == asked + 1
    assert [e.status for e in events()] == [EventStatus.DONE]
