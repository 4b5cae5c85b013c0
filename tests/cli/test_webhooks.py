"""`flask webhooks`: read, replayed without effect until told so, and signatures explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from shop.db import session
from shop.ledger import audit
from shop.notices.models import Notice
from shop.payments.models import Payment, PaymentEvent, Receipt
from shop.providers.wave import Wave, signature
from shop.webhooks.models import WebhookEvent
from tests.cli.shell import Said, flask
from tests.databases import both_databases
from tests.marketplace import make_order
from tests.street import Street

pytestmark = both_databases

BODY = b'{"id":"EV_1","type":"checkout.session.completed","data":{"client_reference":"PX7K4M2Q"}}'

MTN = b'{"externalId":"PX7K4M2Q","status":"SUCCESSFUL","amount":"5","currency":"XOF"}'


def unheard(street: Street) -> tuple[Payment, int]:
    """A paid attempt whose message lies in the inbox and was not looked at yet."""
    payment = street.sent(make_order())
    assert street.approve(payment)
    street.world.tick()
    session.rollback()
    [number] = session.scalars(sa.select(WebhookEvent.id)).all()
    return payment, number


def everything() -> dict[str, object]:
    """What a dry run must leave as it was."""
    session.rollback()
    counts = {
        model.__name__: session.scalar(sa.select(sa.func.count(model.id)))
        for model in (Receipt, PaymentEvent, Notice, WebhookEvent)
    }
    leases = session.execute(sa.select(Payment.status, Payment.lease_token, Payment.checks)).all()
    return counts | {"trial": audit.trial_balance(), "payments": list(map(tuple, leases))}


def test_messages_are_listed_and_shown(street: Street):
    payment, number = unheard(street)

    listed = flask(street.app, "webhooks", "list", "--provider", "wave", "--json").json["webhooks"]
    shown = flask(street.app, "webhooks", "show", str(number), "--json").json

    assert [(row["number"], row["state"]) for row in listed] == [(number, "queued")]
    assert [ref.replace("-", "") for ref in shown["payments"]] == [payment.reference]
    assert json.loads(shown["body"])["type"] == "checkout.session.completed"
    assert (
        flask(street.app, "webhooks", "list", "--status", "dead", "--json").json["webhooks"] == []
    )
    assert flask(street.app, "webhooks", "show", "999").code == 3


def test_replay_shows_the_difference_and_changes_nothing(street: Street):
    payment, number = unheard(street)
    before = everything()

    said = flask(street.app, "webhooks", "replay", str(number), "--json")

    [told] = said.json["rehearsed"]
    assert (said.code, told["before"], told["after"]) == (6, "pending", "succeeded")
    moved = {row["account"].split(":")[0]: row["difference"] for row in told["ledger"]}
    assert moved == {"float": payment.amount, "escrow": payment.amount}
    assert everything() == before


def test_replay_asks_the_provider_once(street: Street, monkeypatch):
    _payment, number = unheard(street)
    wave = street.app.extensions["providers"]["wave"]
    ask, asked = wave.collection_status, []
    monkeypatch.setattr(wave, "collection_status", lambda c: asked.append(c) or ask(c))

    flask(street.app, "webhooks", "replay", str(number))

    assert len(asked) == 1


def test_replay_applied_settles_once(street: Street):
    payment, number = unheard(street)

    first = flask(street.app, "webhooks", "replay", str(number), "--apply")
    second = flask(street.app, "webhooks", "replay", str(number))

    assert first.code == 0
    assert street.again(payment).status == "succeeded"
    assert (second.code, "Nothing would change" in second.err) == (0, True)
    assert street.findings() == []


def test_a_silent_provider_changes_nothing(street: Street):
    _payment, number = unheard(street)
    street.world.faults.add("wave", "silence")

    said = flask(street.app, "webhooks", "replay", str(number), "--json")

    assert "ProviderUnavailable" in said.json["rehearsed"][0]["provider_says"]
    assert said.json["rehearsed"][0]["ledger"] == []


def test_what_was_not_genuine_is_not_replayed(street: Street):
    client = street.app.test_client()
    client.post("/webhook/wave/", data=BODY, headers={"Wave-Signature": "t=1,v1=00"})
    client.post("/webhook/mtn/", data=MTN)

    assert flask(street.app, "webhooks", "replay", "1").code == 4
    assert flask(street.app, "webhooks", "replay", "2").code == 3


def checked(street: Street, folder: Path, body: bytes, given: str | None, *words: str) -> Said:
    file = folder / "body"
    file.write_bytes(body)
    headers = ["--header", f"Wave-Signature: {given}"] if given is not None else []
    return flask(
        street.app, *("webhooks", "verify-signature", "--provider", "wave"),
        *(*headers, "--body-file", str(file), "--json", *words),
    )  # fmt: skip


def mark(street: Street, body: bytes, age_s: int = 0, secret: str | None = None) -> str:
    at = str(int(street.time.now().timestamp()) - age_s)
    key = secret or Wave.sandbox_settings["webhook_secret"]
    return f"t={at},v1={signature(key, at, body)}"


def test_a_good_signature_passes(street: Street, tmp_path: Path):
    said = checked(street, tmp_path, BODY, mark(street, BODY))

    assert said.code == 0
    assert [row["passed"] for row in said.json] == ["yes", "yes"]


def test_an_old_one_passes_at_its_own_time(street: Street, tmp_path: Path):
    old = mark(street, BODY, age_s=7_200)

    said = checked(street, tmp_path, BODY, old)
    then = checked(street, tmp_path, BODY, old, "--at", "2h")

    assert (said.code, then.code) == (4, 0)
    assert [(row["check"], row["passed"]) for row in said.json][1:] == [
        ("signature", "yes"), ("date", "no"), ("verdict", "no"),
    ]  # fmt: skip
    assert "7200 s old" in said.json[2]["words"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (BODY + b"\n", "without its final line break"),
        (json.dumps(json.loads(BODY)).encode(), "written again compactly"),
    ],
)
def test_changed_bytes_are_told_from_a_wrong_secret(
    street: Street, tmp_path: Path, sent: bytes, words: str
):
    said = checked(street, tmp_path, sent, mark(street, BODY))

    assert said.code == 4
    assert words in next(row["words"] for row in said.json if row["check"] == "bytes")


def test_a_wrong_secret_and_a_missing_header_are_named(street: Street, tmp_path: Path):
    forged = checked(street, tmp_path, BODY, mark(street, BODY, secret="guessed"))
    bare = checked(street, tmp_path, BODY, None)

    assert "another secret" in forged.json[1]["words"]
    assert [(row["check"], row["passed"]) for row in bare.json] == [
        ("header Wave-Signature", "no"), ("verdict", "no"),
    ]  # fmt: skip


def test_what_is_not_signed_says_so(street: Street, tmp_path: Path):
    file = tmp_path / "body"
    file.write_bytes(MTN)

    said = flask(
        street.app, "webhooks", "verify-signature", "--provider", "mtn", "--body-file", str(file)
    )

    assert said.code == 0
    assert "proves nothing" in said.out
    file.write_bytes(b"<html>")
    said = flask(
        street.app, "webhooks", "verify-signature", "--provider", "mtn", "--body-file", str(file)
    )
    assert (said.code, "not what MTN" in said.out) == (4, True)
