"""(c) 1,000 payments asked about at eight providers: the wall time, against what their limits allow."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import requests
import sqlalchemy as sa
from flask import Flask

from benchmarks import market, replay
from benchmarks.harness import Comparison, Goal, interleave
from benchmarks.stage import Stage, staged
from shop import clock, jobs
from shop.db import session, transaction
from shop.payments import provider_settings
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus
from shop.providers import build_providers
from shop.sandbox.registry import PROVIDERS, mount
from shop.sandbox.world import World
from tests.chaos.town import free_ports

PAYMENTS = 1_000
#: A method of each provider, and numbers of its operator that no sandbox treats specially.
METHODS = {
    "wave-ci": "+22507{:05d}004", "mtn-ci": "+22505{:05d}004", "orange-ci": "+22507{:05d}014",
    "moov-bj": "+2290195{:05d}4", "fedapay-mtn-bj": "+2290197{:05d}4",
    "cinetpay-orange-ci": "+22507{:05d}024", "feexpay-mtn-bj": "+2290196{:05d}4",
    "getmipay-mtn-ci": "+22505{:05d}034",
}  # fmt: skip
LIMIT, OURS = "an ideal caller within their limits", "ours, all still waiting"
#: Who opens the hosted pages.
PAYER = "+2250701020304"
#: Control port of the replayed providers, after theirs.
CONTROL = 20


@dataclass(frozen=True)
class Street:
    """Payments under way at every provider, and the server that answers questions about them."""

    stage: Stage
    control: int
    bound_s: float
    """What an ideal caller needs: each question leaves the moment a place at its provider is free."""


def run(rounds: int) -> list[Comparison]:
    """Compare on both databases; the books are proved after each."""
    return [_on(sqlite, min(rounds, 3)) for sqlite in (False, True)]


def _on(sqlite: bool, rounds: int) -> Comparison:
    with street(sqlite=sqlite) as here:
        _verified(here)  # statements compiled, connections open
        variants: dict[str, Callable[[], float]] = {
            LIMIT: lambda: here.bound_s,
            OURS: lambda: _verified(here),
        }
        database = "SQLite" if sqlite else "PostgreSQL"
        found = interleave(
            f"Verification: 1,000 payments at eight providers, {database}",
            variants, rounds=rounds, limit=LIMIT, unit="s",
        )  # fmt: skip
        counts = replay.tell(here.control, "turn")
        paid_s = _verified(here)
        here.stage.check_books()
    assert not counts["unknown"], "a question that the sandbox was never asked"
    return found.judged(
        Goal(
            OURS,
            LIMIT,
            1.15,
            at_most=True,
            why_missed=(
                "One process asks all eight, 72 at once: what is left is its own processor time, some"
                " two milliseconds for each claim, question and answer together."
            ),
        ),
        notes=[
            f"At the end all 1,000 were paid, and settled with their money: {paid_s:.1f} s, once,"
            f" {paid_s / here.bound_s:.2f}× the ideal. The books were derived again: no difference.",
            f"Answers of 429, which a caller above a provider's limit gets: {counts['429']}.",
        ],
    )


@contextmanager
def street(*, sqlite: bool = False, count: int = PAYMENTS) -> Iterator[Street]:
    """Begin payments at the sandbox, record what it says of them, and put the replay in its place."""
    base = free_ports(CONTROL + 1)
    with staged(sqlite=sqlite, extra={"SANDBOX_PORT": str(base)}) as stage:
        now: dict[str, str] = {}
        later: dict[str, str] = {}
        passed = [timedelta(0)]
        world = World(clock=lambda: clock.now() + passed[0], rng=random.Random(1))
        _begin(stage.app, world, base, count)
        bound_s = _recorded(stage.app, world, base, now)
        for prompt in [world.prompt(number) for number in range(1, count + 1)]:
            waiting = prompt if prompt.phone else world.present(prompt.id, PAYER)
            assert world.accept(waiting.id), "this request was to be paid"
        passed[0] = timedelta(seconds=60)
        world.tick()
        _recorded(stage.app, world, base, later)
        loaded = build_providers(provider_settings(stage.app.config["SETTINGS"]))
        stage.app.extensions["providers"] = loaded
        limits = {base + PROVIDERS[n].port: p.timing.concurrency for n, p in loaded.items()}
        with replay.replaying(now, later, limits, base + CONTROL):
            yield Street(stage, base + CONTROL, bound_s)


def _begin(app: Flask, world: World, base: int, count: int) -> None:
    """Order, pay and submit, with the sandbox in this process."""
    _at_the_sandbox(app, world, base, {})
    product = market.open_shop()
    for number in range(count):
        method = list(METHODS)[number % len(METHODS)]
        market.begin_payment(product, user_id=1, method=method, payer=METHODS[method])
    app.config["LANES"] = "inline"
    while jobs.submit_payments():
        pass
    del app.config["LANES"]
    waiting = sa.select(Payment.status, sa.func.count()).group_by(Payment.status)
    assert dict(session.execute(waiting).all()) == {"pending": count}, "not every request was taken"


def _at_the_sandbox(app: Flask, world: World, base: int, kept: dict[str, str]) -> None:
    """Let every call go to the sandbox in this process, through a recorder."""
    http = requests.Session()
    mount(http, world, base)
    for provider in PROVIDERS.values():
        port = base + provider.port
        origin = f"http://127.0.0.1:{port}"
        http.mount(origin, replay.Recorder(http.get_adapter(origin), port, kept))
    settings = provider_settings(app.config["SETTINGS"])
    app.extensions["providers"] = build_providers(settings, session=http)


def _recorded(app: Flask, world: World, base: int, kept: dict[str, str]) -> float:
    """Ask about every payment once; give the least time in which all of them can be asked again."""
    _at_the_sandbox(app, world, base, kept)
    loaded = app.extensions["providers"]
    places = {name: [0.0] * loaded[name].timing.concurrency for name in PROVIDERS}
    asked = [(p.provider, payments.collection_of(p)) for p in session.scalars(sa.select(Payment))]
    session.rollback()
    for name, collection in asked:
        kept_before = set(kept)
        loaded[name].collection_status(collection)
        questions = [q for q in kept if q not in kept_before and "token" not in q]
        free_at = heapq.heappop(places[name])
        heapq.heappush(places[name], free_at + sum(map(replay.latency_s, questions)))
    return max(max(each) for each in places.values())


def _verified(here: Street) -> float:
    """Make every payment due, and time until each was asked about."""
    with transaction():
        session.execute(
            sa.update(Payment)
            .where(Payment.status == PaymentStatus.PENDING)
            .values(next_check_at=clock.now(), lease_token=None, lease_until=None)
        )
    began = time.perf_counter()
    since = clock.now()
    left = sa.select(sa.func.count()).where(
        Payment.status == PaymentStatus.PENDING,
        sa.or_(Payment.checked_at.is_(None), Payment.checked_at < since),
    )
    while session.scalar(left):
        session.rollback()
        jobs.verify_payments()
        time.sleep(0.02)
    session.rollback()
    return time.perf_counter() - began
