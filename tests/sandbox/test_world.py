"""The world itself: one movement per payment, books that balance, the same story for a seed."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from shop.money import Money
from shop.sandbox.handsets import NoSuchPhone
from shop.sandbox.registry import mount
from shop.sandbox.values import Prompt
from shop.sandbox.world import World
from tests.sandbox.clients import (
    BENIN_MOOV,
    BENIN_MTN,
    CI,
    HandClock,
    Moov,
    Mtn,
    Orange,
    Shop,
    Wave,
)


def test_two_accepts_are_one_movement(wave: Wave, world):
    wave.open(restrict_payer_mobile=CI)
    [prompt] = world.pending_prompts(CI)

    assert world.accept(prompt.id)

    assert not world.accept(prompt.id)
    assert len(world.book()) == 1


def test_accepts_from_many_threads_are_one_movement(mtn: Mtn, world):
    mtn.ask()
    [prompt] = world.pending_prompts(BENIN_MTN)
    barrier = threading.Barrier(8)

    def accept(_: int) -> bool:
        barrier.wait()
        return world.accept(prompt.id)

    with ThreadPoolExecutor(8) as pool:
        changed = list(pool.map(accept, range(8)))

    assert changed.count(True) == 1
    assert len(world.book()) == 1


def slowly(look: Callable[..., object]) -> Callable[..., object]:
    """Leave room after a look for another thread to do the same."""

    def looked(*args: object) -> object:
        found = look(*args)
        time.sleep(0.01)
        return found

    return looked


@pytest.mark.parametrize("provider", ["mtn", "orange"])
def test_one_reference_sent_by_many_threads_is_one_request(
    mtn: Mtn, orange: Orange, world, provider, monkeypatch
):
    for look in ("find", "search"):
        monkeypatch.setattr(world, look, slowly(getattr(world, look)))
    barrier = threading.Barrier(6)
    headers = mtn.headers()
    mtn.headers = lambda _environment: dict(headers)

    def ask(_: int) -> int:
        barrier.wait()
        if provider == "orange":
            return orange.ask().status_code
        return mtn.ask(ref="5f2d4c0e-9f39-4a6b-8d4e-0f3f5c6f8f21")[1].status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(ask, range(6)))

    taken, refused = (202, 409) if provider == "mtn" else (201, 403)
    assert statuses == sorted([taken] + [refused] * 5)


def test_a_paid_request_keeps_its_payer(wave: Wave, world):
    wave.open()
    world.pay("wave", "order-17", CI)

    world.present(world.search("wave", "order-17")[0].id, BENIN_MTN)

    assert world.search("wave", "order-17")[0].phone == CI


def test_refused_and_ignored_requests_move_nothing(mtn: Mtn, world):
    mtn.ask()
    mtn.ask()
    second, first = world.pending_prompts(BENIN_MTN)

    assert world.refuse(first.id)
    assert world.ignore(second.id)

    assert world.pending_prompts(BENIN_MTN) == []
    assert not world.accept(first.id)
    assert world.book() == []


def test_what_phones_lose_merchants_gain(wave: Wave, mtn: Mtn, moov_client: Moov, world):
    wave.open("a")
    mtn.ask()
    moov_client.push("c")
    before = {phone.e164: phone.balance for phone in world.handsets.all()}

    world.pay("wave", "a", CI)
    world.pay("mtn", "order-1")
    world.pay("moov", "c")

    lost = Money(0, "XOF")
    for phone in world.handsets.all():
        lost += before.get(phone.e164, Money(1_000_000, "XOF")) - phone.balance
    gained = Money(0, "XOF")
    for provider in ("wave", "mtn", "moov"):
        gained += world.merchant_balance(provider, "XOF")
    booked = Money(0, "XOF")
    for moved in world.book():
        booked += moved.amount
    assert lost == gained == booked == Money(1000 + 1500 + 1500, "XOF")


def test_a_penniless_phone_and_an_unregistered_one_cannot_pay(mtn: Mtn, world):
    poor, _ = mtn.ask("+2290161020300")
    absent, _ = mtn.ask("+2290161020399")

    for prompt in world.pending_prompts():
        world.accept(prompt.id)

    assert mtn.status(poor).json()["reason"] == "NOT_ENOUGH_FUNDS"
    assert mtn.status(absent).json()["reason"] == "PAYER_NOT_FOUND"
    assert world.book() == []


def story(seed: int) -> tuple[list[str], list[bytes], list[str]]:
    """Play some payments with chance and faults; give the log, the webhooks and what moved."""
    hand, shop = HandClock(), Shop()
    world = World(clock=hand, rng=random.Random(seed), deliver=shop)
    with requests.Session() as session:
        mount(session, world)
        wave, mtn, orange = Wave(session), Mtn(session), Orange(session)
        orange.sign_in()
        choice = random.Random(seed)
        world.faults.add("wave", "duplicate_webhooks", calls=1)
        for index in range(12):
            wave.open(f"w{index}")
            mtn.ask(callback="http://127.0.0.1:5000/webhook/mtn/x/")
            orange.ask(f"o{index}")
            world.pay("orange", f"o{index}", CI)
            choice.choice([world.pay, world.decline])("wave", f"w{index}", CI)
            choice.choice([world.pay, world.decline])("mtn", f"order-{index + 1}")
            hand.forward(choice.uniform(0, 4))
            world.tick()
    names = [m.transaction_id for m in world.book()]
    log = world.log()
    world.close()
    return log, [delivery.body for delivery in shop.received], names


def test_one_seed_tells_one_story_and_another_a_different_one():
    assert story(3) == story(3)
    assert story(3) != story(4)


def test_a_webhook_is_signed_anew_and_repeated_until_answered(wave: Wave, world, hand, shop):
    shop.status = 503
    wave.open()
    world.pay("wave", "order-17", CI)
    world.tick()

    hand.forward(5)
    world.tick()
    shop.status = 204
    hand.forward(30)
    world.tick()
    hand.forward(10_000)
    world.tick()

    assert [d.attempt for d in shop.received] == [1, 2, 3]
    assert len({d.headers["Wave-Signature"] for d in shop.received}) == 3
    assert len({d.body for d in shop.received}) == 1


def test_a_book_in_a_file_outlives_the_world(tmp_path, hand):
    store = str(tmp_path / "sandbox.sqlite3")
    for _ in range(2):
        world = World(store=store, clock=hand, rng=random.Random(), deliver=None)
        with requests.Session() as session:
            mount(session, world)
            wave = Wave(session)
            if not world.book():
                wave.open()
                world.pay("wave", "order-17", CI)
            paid = wave.get("/search", client_reference="order-17").json()["result"][0]
        world.close()

    assert paid["payment_status"] == "succeeded"


def test_the_world_says_when_it_next_has_something_to_do(mtn: Mtn, world, hand):
    assert world.next_due() is None

    mtn.ask()

    assert world.next_due() == hand.at.replace(minute=5)


def test_words_are_not_phones(world):
    with pytest.raises(NoSuchPhone):
        world.phone("0701020304")


def test_sms_wait_in_the_inbox_newest_first(world):
    world.send_sms(CI, "un")
    world.send_sms(CI, "deux")

    assert [message.text for message in world.inbox(CI)] == ["deux", "un"]


def test_webhooks_wait_when_nobody_delivers(hand):
    world = World(clock=hand, rng=random.Random(1), deliver=None)
    with requests.Session() as session:
        mount(session, world)
        Wave(session).open()
        world.pay("wave", "order-17", CI)
        world.tick()

    [letter] = world.letters()
    assert (letter.waiting, letter.attempts) == (True, 0)
    assert json.loads(letter.body)["type"] == "checkout.session.completed"
    world.close()


def paid_prompt(world: World) -> Prompt:
    """A request of 1,500 francs, asked and paid."""
    prompt = world.ask(
        "moov", provider_ref="p1", reference="A17", merchant="Cauri", amount=Money(1500, "XOF"),
        valid_s=60, phone=BENIN_MOOV,
    )  # fmt: skip
    assert world.accept(prompt.id)
    return world.prompt(prompt.id)


@pytest.mark.usefixtures("http")
def test_no_more_goes_back_than_was_collected(world):
    prompt = paid_prompt(world)
    made = [
        world.refunds.create(
            prompt, provider_ref=f"r{n}", reference=f"R{n}", amount=Money(amount, "XOF")
        )
        for n, amount in enumerate((1000, 501, 500, 1))
    ]

    ended = [world.refunds.send_now(refund.id) for refund in made]

    assert [one.state for one in ended] == ["succeeded", "failed", "succeeded", "failed"]
    assert [one.reason for one in ended] == [None, "too_much", None, "too_much"]
    assert [one.amount.amount for one in world.refunds.book()] == [1000, 500]
    assert world.merchant_balance("moov", "XOF") == Money(0, "XOF")
    assert [one.id for one in world.refunds.of(prompt)] == [1, 2, 3, 4]


@pytest.mark.usefixtures("http")
def test_what_goes_out_ends_once_and_takes_its_fee(world, hand):
    world.payouts.fund("moov", Money(2_000, "XOF"))
    made = world.payouts.create(
        "moov", provider_ref="o1", reference="W1", amount=Money(1900, "XOF"), phone=BENIN_MOOV,
        details={"fee": 100},
    )  # fmt: skip
    dear = world.payouts.create(
        "moov", provider_ref="o2", reference="W2", amount=Money(1, "XOF"), phone=BENIN_MOOV
    )

    assert world.payouts.start(made.id)
    assert world.next_due() is not None
    assert not world.payouts.start(made.id)
    hand.forward(3)
    world.tick()
    world.tick()

    assert [one.amount.amount for one in world.payouts.book()] == [1900]
    assert world.merchant_balance("moov", "XOF") == Money(0, "XOF")
    assert world.payouts.send_now(dear.id).reason == "insufficient_funds"
    assert world.payouts.send_now(made.id).state == "succeeded"
    assert [one.reference for one in world.payouts.latest(9, "moov")] == ["W2", "W1"]
