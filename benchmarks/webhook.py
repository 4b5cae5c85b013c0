"""(a) A provider's message: signed, unique, stored, answered; against one bare INSERT and COMMIT."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from benchmarks.harness import Comparison, Goal, interleave
from benchmarks.load import request, send_all
from benchmarks.rivals import TABLES
from benchmarks.server import Server, serving
from benchmarks.stage import Stage, staged
from shop.sandbox.credentials import WAVE
from shop.sandbox.wave import signature

EVENTS = 500
WHY = (
    "One statement already: what is left is the table (three indexes, fourteen columns, a check), the"
    " SQLAlchemy Core call (about twice the bare driver's processor time) and the request hooks of a"
    " whole application. The bare driver in this one route is the next step."
)
LIMIT, NAIVE, OURS = "bare INSERT", "ORM and a job each", "ours"

_numbers = itertools.count(1)


def run(rounds: int) -> list[Comparison]:
    """Compare rates, and processor time per event, which a noisy machine disturbs less."""
    with staged() as stage, ExitStack() as servers:
        with stage.connect() as connection:
            connection.execute(TABLES)
        apps = {
            LIMIT: "benchmarks.rivals:bare_insert()",
            NAIVE: "benchmarks.rivals:naive_webhook()",
            OURS: "wsgi:app",
        }
        running = {
            name: servers.enter_context(serving(app, env=stage.env)) for name, app in apps.items()
        }
        spent: dict[str, list[float]] = {name: [] for name in apps}
        for server in running.values():
            send_all(server.url, _events(64))
        variants = {name: _measure(server, spent[name]) for name, server in running.items()}
        rates = interleave(
            "Webhook: received per second", variants, rounds=rounds, limit=LIMIT, unit="events/s"
        )
        _check(stage, rounds)
    costs = Comparison("Webhook: processor time per event", "µs", LIMIT, spent)
    return [
        rates.judged(
            Goal(
                OURS,
                LIMIT,
                0.70,
                why_missed=WHY,
            ),
            Goal(OURS, NAIVE, 4.0, why_missed=WHY),
        ),
        costs.judged(Goal(OURS, LIMIT, 1.6, at_most=True, why_missed=WHY)),
    ]


def _measure(server: Server, spent: list[float]) -> Callable[[], float]:
    def measure() -> float:
        events, before = _events(EVENTS), server.cpu_s()
        load = send_all(server.url, events)
        assert set(load.statuses) == {200}, f"not every event was taken: {load.statuses}"
        spent.append((server.cpu_s() - before) / EVENTS * 1e6)
        return load.rate

    return measure


def _events(count: int) -> Sequence[bytes]:
    return [event(number, at=int(time.time())) for number in itertools.islice(_numbers, count)]


def event(number: int, *, at: int) -> bytes:
    """Write a Wave event nobody sent before, signed at that second."""
    session = {
        "id": f"cos-{number:012d}", "amount": "12500", "checkout_status": "complete",
        "client_reference": f"{number:08d}", "currency": "XOF", "payment_status": "succeeded",
        "transaction_id": f"T_{number:010d}", "business_name": "Cauri", "last_payment_error": None,
        "when_created": "2026-11-21T14:00:00Z", "when_completed": "2026-11-21T14:01:00Z",
        "when_expires": "2026-11-21T14:30:00Z", "wave_launch_url": "https://pay.wave.com/c/cos-1",
        "error_url": "https://cauri.example/e", "success_url": "https://cauri.example/s",
    }  # fmt: skip
    event_id = f"AE_{number:012d}"
    message = {"id": event_id, "type": "checkout.session.completed", "data": session}
    body = json.dumps(message).encode()
    signed = f"t={at},v1={signature(WAVE['webhook_secret'], at, body)}"
    headers = {
        "Content-Type": "application/json", "Wave-Signature": signed, "X-Event": event_id,
    }  # fmt: skip
    return request("/webhook/wave/", headers=headers, body=body)


def _check(stage: Stage, rounds: int) -> None:
    """Every event answered with 200 is on disk, once."""
    for table in ("bare_event", "naive_event", "webhook_event"):
        assert stage.count(table) == 64 + rounds * EVENTS, f"{table} lost or doubled an event"
