"""(e) A phone that waits: "nothing changed", against the least Flask can say and the whole page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from benchmarks import market
from benchmarks.harness import Comparison, Goal, interleave
from benchmarks.load import request, send_all
from benchmarks.server import Server, serving
from benchmarks.stage import Stage, staged
from shop.payments import quick_state

POLLS = 800
LIMIT, PAGE, OURS = "Flask hello", "the whole page", "ours, unchanged (304)"


def run(rounds: int) -> list[Comparison]:
    """Compare answers per second and processor time per answer."""
    with staged() as stage, ExitStack() as servers:
        poll, page, fresh = _questions(stage)
        hello = servers.enter_context(serving("benchmarks.rivals:hello()", env=stage.env))
        ours = servers.enter_context(serving(env=stage.env))
        spent: dict[str, list[float]] = {name: [] for name in (LIMIT, PAGE, OURS)}

        def unchanged() -> float:
            # The version lives a few seconds: a page that is watched keeps it alive.
            send_all(ours.url, [fresh])
            return measured_poll()

        measured_poll = _measure(ours, poll, POLLS, 304, spent[OURS])
        variants: dict[str, Callable[[], float]] = {
            LIMIT: _measure(hello, request("/"), POLLS, 200, spent[LIMIT]),
            PAGE: _measure(ours, page, 120, 200, spent[PAGE]),
            OURS: unchanged,
        }
        for warm in variants.values():
            warm()
        for figures in spent.values():
            figures.clear()
        name = "Status poll: answers per second"
        rates = interleave(name, variants, rounds=rounds, limit=LIMIT, unit="answers/s")
    costs = Comparison("Status poll: processor time per answer", "µs", LIMIT, spent)
    return [
        rates.judged(Goal(OURS, LIMIT, 0.95), Goal(OURS, PAGE, 5.0)),
        costs.judged(Goal(OURS, LIMIT, 1.1, at_most=True)),
    ]


def _questions(stage: Stage) -> tuple[bytes, bytes, bytes]:
    """Write the poll of an unchanged payment, its page, and the poll of somebody who knows nothing."""
    payment = market.begin_payment(market.open_shop(), user_id=2)
    path = f"/payment/{payment.reference}/state?k={quick_state.key_of(payment.reference)}"
    etag = stage.app.test_client().get(path).headers["ETag"]
    interface: Any = stage.app.session_interface
    cookie = interface.get_signing_serializer(stage.app).dumps({"guest": payment.user_id})
    headers = {"Cookie": f"session={cookie}"}
    page = request(f"/payment/{payment.reference}/status/", headers=headers)
    return request(path, headers={"If-None-Match": etag}), page, request(path)


def _measure(
    server: Server, question: bytes, count: int, status: int, spent: list[float]
) -> Callable[[], float]:
    def measure() -> float:
        before = server.cpu_s()
        load = send_all(server.url, [question] * count)
        assert set(load.statuses) == {status}, f"not every answer was {status}: {load.statuses}"
        spent.append((server.cpu_s() - before) / count * 1e6)
        return load.rate

    return measure
