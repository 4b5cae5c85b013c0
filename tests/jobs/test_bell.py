"""Redis is a doorbell: it rings once per burst, and losing it at any instant loses nothing (D1, J3)."""

from __future__ import annotations

import json
import pickle
import socket
import threading
import time as wall
import zlib
from contextlib import suppress

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from shop import clock, jobs, queue, sweeper
from shop.db import session, transaction
from shop.payments import service as payments
from tests.marketplace import make_order, make_user, new_phone, sign_in


@pytest.fixture
def redis(redis_url: str):
    """An empty Redis, then an empty Valkey."""
    connection = Redis.from_url(redis_url)
    connection.flushall()
    yield connection
    connection.close()


def point_at(app, url: str) -> None:
    """Let the application ring at this address."""
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = type(settings)(
        **{**{name: getattr(settings, name) for name in settings.__slots__}, "redis_url": url}
    )


@pytest.fixture
def rung(street, redis, redis_url: str):
    """A street whose bell hangs on a real server; gives the queue behind it."""
    point_at(street.app, redis_url)
    return Queue(queue.QUEUE, connection=redis, serializer=JSONSerializer)


def work(rung: Queue) -> None:
    """Let an RQ worker do all that was rung for."""
    SimpleWorker([rung], connection=rung.connection, serializer=JSONSerializer).work(burst=True)


def test_a_burst_rings_once(rung):
    for _ in range(50):
        assert queue.ring("submit_payments") is True

    assert len(rung) == 1


def test_each_kind_of_work_has_its_own_bell(rung):
    queue.ring("submit_payments")
    queue.ring("verify_payments")

    assert len(rung) == 2


def test_a_drain_clears_the_bell_before_it_looks(street, rung, monkeypatch):
    """A ring during the drain must be a new ring: its row may have been written after the look."""
    heard_during = []

    def drain() -> int:
        queue.ring("submit_payments")
        heard_during.append(len(rung))
        return 0

    monkeypatch.setitem(jobs.JOBS, "submit_payments", drain)
    queue.ring("submit_payments")
    rung.empty()

    jobs.run("submit_payments")

    assert heard_during == [1]


def test_a_payload_carries_a_name_and_nothing_else(rung, redis):
    queue.ring("verify_payments")
    job_id = rung.job_ids[0]

    data = redis.hget(f"rq:job:{job_id}", "data")

    assert json.loads(zlib.decompress(data) if data[:1] == b"x" else data) == [
        "shop.jobs.run",
        None,
        ["verify_payments"],
        {},
    ]


class Bomb:
    """What a stranger with access to Redis would put there."""

    went_off = False

    def __reduce__(self):
        return (setattr, (Bomb, "went_off", True))


def test_a_pickled_payload_is_refused(rung, redis):
    """F31: the worker reads JSON; a pickle is a failure, never a call."""
    queue.ring("verify_payments")
    job_id = rung.job_ids[0]
    redis.hset(f"rq:job:{job_id}", "data", pickle.dumps(Bomb()))

    with suppress(Exception):
        work(rung)

    assert Bomb.went_off is False


def test_a_payment_goes_its_whole_way_through_a_worker(street, rung):
    order = make_order()
    payment = street.start(order, "wave-ci")
    queue.ring("submit_payments")
    work(rung)
    assert street.again(payment).status == "pending"

    street.time.pass_(seconds=6)  # a provider is asked at most every five seconds
    assert street.approve(payment)
    street.world.tick()  # the webhook comes to our door, and rings
    work(rung)

    assert street.again(payment).status == "succeeded"
    assert order.status == "paid"
    assert street.findings() == []


#: Instants at which everything in Redis is lost.
INSTANTS = ["after the form", "after sending", "after the webhook", "at each of them"]


@pytest.mark.parametrize("instant", INSTANTS)
def test_losing_all_of_redis_changes_nothing(street, rung, redis, instant: str):
    """J3: the clock finds the same rows within two looks."""

    def maybe_flush(now: str) -> None:
        if instant in (now, "at each of them"):
            redis.flushall()

    order = make_order()
    payment = street.start(order, "wave-ci")
    queue.ring("submit_payments")
    maybe_flush("after the form")
    two_looks(street, rung, lambda: street.again(payment).status == "pending")
    maybe_flush("after sending")
    assert street.approve(payment)
    street.world.tick()
    maybe_flush("after the webhook")
    two_looks(street, rung, lambda: street.again(payment).status == "succeeded")

    assert street.findings() == []


def two_looks(street, rung: Queue, reached) -> None:
    """Let worker and clock take turns, at most twice, a clock's patience apart."""
    for _ in range(2):
        work(rung)
        street.time.pass_(seconds=sweeper.PATIENCE.total_seconds() + 1)
        sweeper.sweep()
        work(rung)
        if reached():
            return
    pytest.fail("two looks of the clock did not find the work")


@pytest.fixture
def hung_redis():
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []
        stop = threading.Event()

        def accept() -> None:
            server.settimeout(0.05)
            while not stop.is_set():
                with suppress(TimeoutError):
                    held.append(server.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        stop.set()
        thread.join()
        for connection in held:
            connection.close()


@pytest.fixture
def dead_redis():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"redis://127.0.0.1:{port}/0"


@pytest.mark.parametrize("broken", ["hung_redis", "dead_redis"])
def test_without_redis_a_page_takes_a_moment_and_loses_nothing(street, client, request, broken):
    """F7: the form answers soon, and the clock does the work."""
    point_at(street.app, request.getfixturevalue(broken))
    phone = new_phone()
    user = make_user(phone=phone)
    sign_in(client, phone)
    order = make_order(user=user)
    form = {"form_key": "k" * 20, "country": "CI", "phone": "0701020304", "method": "mtn-ci"}
    started = wall.monotonic()

    answer = client.post(f"/order/{order.reference}/payment/", data=form)

    assert answer.status_code == 303
    assert wall.monotonic() - started < 5.0, "redis-py alone would wait for a minute"
    sweeper.sweep()
    session.rollback()
    assert payments.live_of("order", order.id).status == "pending"


def test_a_worker_killed_in_the_middle_is_made_good(street):
    """F2: its rows are leased; once the lease has run out, somebody asks what became of them."""

    class Killed(BaseException):
        """The process is gone: nothing may catch this."""

    order = make_order()
    payment = street.start(order, "wave-ci")
    wave = street.app.extensions["providers"]["wave"]

    def die(_collection):
        raise Killed

    wave.collect, kept = die, wave.collect
    with pytest.raises(Killed):
        jobs.run("submit_payments")
    wave.collect = kept
    assert street.again(payment).status == "sending"
    jobs.run("submit_payments")
    jobs.run("verify_payments")
    assert street.again(payment).status == "sending"  # leased: nobody asks twice

    street.time.pass_(seconds=wave.timing.lease_s + 1)
    sweeper.sweep()

    assert street.again(payment).status == "unknown"
    street.pass_(300)
    assert street.again(payment).status == "failed"  # it never reached the provider
    assert street.findings() == []


def test_an_expired_lease_says_nothing(street):
    """J4: a sleeper that wakes after its lease changes no row."""
    payment = street.start(make_order(), "wave-ci")
    with transaction():
        late = payments.claim_submissions("wave", 1)[0]
    street.time.pass_(seconds=200)
    sweeper.sweep()
    answer = jobs._ask_one(payments.providers()["wave"], late, jobs._submit, submitted=True)

    assert answer is None, "too little of the lease is left to ask at all"
    assert street.world.search("wave", payment.reference) == []
    assert clock.now() > late.lease_until
