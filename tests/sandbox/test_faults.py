"""Each fault does what its name says, and no more."""

from __future__ import annotations

import json

import pytest
import requests

from shop.sandbox.credentials import WAVE
from shop.sandbox.faults import FaultKind, FaultRefused
from shop.sandbox.registry import PROVIDERS, create_apps
from shop.sandbox.wave import signature
from tests.sandbox.clients import CI, Moov, Mtn, Orange, Wave

WEBHOOK = "http://127.0.0.1:5000/webhook/mtn/x/"


def test_silence_takes_nothing_in(wave: Wave, world):
    world.faults.add("wave", "silence", calls=1)

    with pytest.raises(requests.ReadTimeout):
        wave.open()

    assert world.search("wave", "order-17") == []
    assert wave.open().status_code == 200, "it was for one call"


def test_a_lost_answer_was_accepted(wave: Wave, world):
    world.faults.add("wave", "lost_answer", calls=1)

    with pytest.raises(requests.ConnectionError):
        wave.open()

    assert len(wave.get("/search", client_reference="order-17").json()["result"]) == 1


@pytest.mark.parametrize("kind", ["truncated", "slow_drip"])
def test_broken_answers_come_after_the_work(mtn: Mtn, world, kind):
    ref, _ = mtn.ask()
    world.faults.add("mtn", kind, calls=1)

    with pytest.raises(requests.RequestException):
        mtn.status(ref)

    assert mtn.status(ref).json()["status"] == "PENDING"


@pytest.mark.parametrize(("kind", "status"), [("http_500", 500), ("http_429", 429), ("html", 200)])
@pytest.mark.parametrize("accepted", [False, True])
def test_error_answers_come_before_the_work_unless_asked(wave, world, kind, status, accepted):
    world.faults.add("wave", kind, calls=1, accepted=accepted)

    answer = wave.open()

    assert answer.status_code == status
    assert len(world.search("wave", "order-17")) == accepted
    assert ("Retry-After" in answer.headers) == (status == 429)
    assert answer.text.startswith("<!DOCTYPE html>") == (kind == "html")


def test_every_provider_words_its_own_500(wave, mtn, orange, moov_client, world):
    for provider in PROVIDERS:
        world.faults.add(provider, "http_500")

    answers = [wave.open(), mtn.ask()[1], orange.ask(), moov_client.push()]

    assert [a.status_code for a in answers] == [500] * 4
    assert world.pending_prompts() == []


def test_a_fault_strikes_only_its_reference_and_operation(wave: Wave, world):
    world.faults.add("wave", "http_500", reference="b")
    world.faults.add("wave", "http_500", on="read")

    created = [wave.open(reference).status_code for reference in ("a", "b")]

    assert created == [200, 500]
    assert wave.get("/search", client_reference="a").status_code == 500


def test_tokens_fail_only_when_asked_to(mtn: Mtn, orange: Orange, world):
    world.faults.add("mtn", "http_500")
    world.faults.add("orange", "http_500", on="token")

    assert mtn.token().status_code == 200
    assert orange.token().status_code == 500


def test_a_late_success_comes_after_the_provider_had_given_up(mtn: Mtn, world, hand, shop):
    world.faults.add("mtn", "late_success", reference="order-1")
    ref, _ = mtn.ask(callback=WEBHOOK)

    assert world.pay("mtn", "order-1")
    assert not world.pay("mtn", "order-1")
    seen = [mtn.status(ref).json()["status"]]
    for seconds in (301, 60):
        hand.forward(seconds)
        world.tick()
        seen.append(mtn.status(ref).json()["status"])

    assert seen == ["PENDING", "FAILED", "SUCCESSFUL"]
    assert [json.loads(d.body)["status"] for d in shop.received] == ["FAILED", "SUCCESSFUL"]
    assert len(world.book()) == 1


def test_a_late_success_revives_an_expired_wave_session(wave: Wave, world, hand):
    world.faults.add("wave", "late_success", calls=1)
    session = wave.open().json()
    world.pay("wave", "order-17", CI)

    wave.post(f"/{session['id']}/expire")
    closed = wave.get(f"/{session['id']}").json()["payment_status"]
    hand.forward(1861)
    world.tick()

    assert closed == "cancelled"
    assert wave.get(f"/{session['id']}").json()["payment_status"] == "succeeded"


def test_a_wrong_amount_is_what_really_moved(wave: Wave, world):
    world.faults.add("wave", "wrong_amount", calls=1)
    world.faults.add("wave", "wrong_amount", calls=1, amount=7)
    for reference in ("a", "b"):
        wave.open(reference)
        world.pay("wave", reference, CI)

    told = [wave.get("/search", client_reference=r).json()["result"][0] for r in ("a", "b")]

    assert [s["amount"] for s in told] == ["900", "7"]
    assert [m.amount.amount for m in world.book()] == [900, 7]
    assert world.merchant_balance("wave", "XOF").amount == 907


def test_a_wrong_currency_is_told(mtn: Mtn, world):
    world.faults.add("mtn", "wrong_currency")
    ref, _ = mtn.ask()
    world.pay("mtn", "order-1")

    assert mtn.status(ref).json()["currency"] == "XAF"
    assert world.book()[0].currency == "XAF"


def test_duplicates_are_three_times_the_same_event(wave: Wave, world, hand, shop):
    world.faults.add("wave", "duplicate_webhooks", calls=1)
    wave.open()
    world.pay("wave", "order-17", CI)
    for _ in range(3):
        world.tick()
        hand.forward(3)

    assert len(shop.received) == 3
    assert len({json.loads(d.body)["id"] for d in shop.received}) == 1


def test_no_webhook_means_none(mtn: Mtn, world, shop):
    world.faults.add("mtn", "no_webhook")
    mtn.ask(callback=WEBHOOK)
    world.pay("mtn", "order-1")
    world.tick()

    assert shop.received == []
    assert len(world.book()) == 1


def test_a_forged_wave_event_has_a_signature_that_is_wrong(wave: Wave, world, hand, shop):
    world.faults.add("wave", "forged_webhook", calls=1)
    session = wave.open().json()
    hand.forward(1)
    world.tick()
    world.pay("wave", "order-17", CI)
    world.tick()

    forged, true = shop.received
    assert (forged.forged, true.forged) == (True, False)
    assert json.loads(forged.body)["data"]["payment_status"] == "succeeded"
    at, given = (part.split("=")[1] for part in forged.headers["Wave-Signature"].split(","))
    assert given != signature(WAVE["webhook_secret"], int(at), forged.body)
    assert json.loads(forged.body)["data"]["id"] == session["id"]


def test_forged_notices_of_mtn_and_orange_lie_about_an_unpaid_request(
    mtn, orange, world, hand, shop
):
    world.faults.add("mtn", "forged_webhook", calls=1)
    world.faults.add("orange", "forged_webhook", calls=1)
    ref, _ = mtn.ask(callback=WEBHOOK)
    made = orange.ask().json()
    hand.forward(1)
    world.tick()

    lies = {d.provider: json.loads(d.body) for d in shop.received}
    assert lies["mtn"]["status"] == "SUCCESSFUL"
    assert lies["orange"]["status"] == "SUCCESS"
    assert lies["orange"]["notif_token"] != made["notif_token"]
    assert mtn.status(ref).json()["status"] == "PENDING"
    assert orange.status(made).json()["status"] == "INITIATED"
    assert world.book() == []


def test_a_late_orange_payment_stays_pending_meanwhile(orange: Orange, world, hand):
    world.faults.add("orange", "late_success", calls=1)
    made = orange.ask().json()
    world.pay("orange", "CMD-17-1", CI)

    hand.forward(620)
    world.tick()
    before = orange.status(made).json()["status"]
    hand.forward(60)
    world.tick()

    assert (before, orange.status(made).json()["status"]) == ("PENDING", "SUCCESS")


@pytest.mark.parametrize(
    ("provider", "kind", "more"),
    [
        ("visa", "silence", {}),
        ("wave", "rain", {}),
        ("wave", "silence", {"calls": 0}),
        ("wave", "silence", {"on": "payday"}),
        ("wave", "silence", {"seconds": -1}),
        ("moov", "forged_webhook", {}),
        ("orange", "wrong_amount", {}),
    ],
)
def test_impossible_faults_are_refused(world, provider, kind, more):
    with pytest.raises(FaultRefused):
        world.faults.add(provider, kind, **more)

    assert world.faults.active() == []


def test_faults_count_down_and_can_be_lifted(world):
    create_apps(world)
    world.faults.add("wave", "silence", calls=2)
    kept = world.faults.add("mtn", "html")

    world.faults.take_one("wave", FaultKind.SILENCE)
    left = [fault.calls for fault in world.faults.active()]
    world.faults.take_one("wave", FaultKind.SILENCE)

    assert left == [1, None]
    assert world.faults.active() == [kept]
    assert world.faults.remove(kept.id)
    assert not world.faults.remove(kept.id)
    assert world.faults.clear() == 0


def test_moov_answers_a_lost_push_by_its_reference(moov_client: Moov, world):
    world.faults.add("moov", "lost_answer", calls=1)
    with pytest.raises(requests.ConnectionError):
        moov_client.push()

    assert "<status>100</status>" in moov_client.status().text
