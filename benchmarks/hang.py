"""(d') One provider that hangs for 30 seconds: what pages and the other providers notice of it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import psycopg
import requests

from benchmarks import replay
from benchmarks.harness import Comparison, Goal
from benchmarks.server import serving
from benchmarks.verification import CONTROL, Street, street
from shop import queue
from shop.sandbox.registry import PROVIDERS
from shop.supervisor import spawn

PAYMENTS = 240
#: The longest patience of all: its calls really hold on for the thirty seconds.
HANGING = "moov"
WINDOW_S = 8.0
CALM, HANGS = "nobody hangs", "one hangs for 30 s"
ROOT = Path(__file__).parents[1]


def run(rounds: int) -> list[Comparison]:
    """Compare windows of some seconds, with the hanging provider and without, taking turns."""
    pages: dict[str, list[float]] = {CALM: [], HANGS: []}
    rates: dict[str, list[float]] = {CALM: [], HANGS: []}
    with street(count=PAYMENTS) as here, _shop(here) as url, _always_due(here):
        _window(here, url)
        for number in range(min(rounds, 4)):
            for variant in (CALM, HANGS)[:: 1 if number % 2 else -1]:
                base = here.control - CONTROL
                port = base + PROVIDERS[HANGING].port
                replay.tell(here.control, f"hang {port}" if variant == HANGS else "heal")
                time.sleep(2.0)  # until every place of its lane is taken, or free again
                page, rate = _window(here, url)
                pages[variant].append(page)
                rates[variant].append(rate)
                replay.tell(here.control, "heal")
                time.sleep(2.0)
    one = "Pages while a provider hangs: slowest in twenty"
    two = "Checks at the other seven providers while one hangs"
    return [
        Comparison(one, "ms", CALM, pages).judged(Goal(HANGS, CALM, 1.25, at_most=True)),
        Comparison(two, "checks/s", CALM, rates).judged(Goal(HANGS, CALM, 0.9)),
    ]


def _window(here: Street, url: str) -> tuple[float, float]:
    """Load a page again and again for some seconds; give its p95 in ms and the others' rate."""
    before, began, took = _answered(here), time.perf_counter(), []
    with requests.Session() as http:
        while time.perf_counter() - began < WINDOW_S:
            asked = time.perf_counter()
            assert http.get(f"{url}/help/", timeout=20).status_code == 200
            took.append((time.perf_counter() - asked) * 1000)
            time.sleep(0.02)
    rate = (_answered(here) - before) / (time.perf_counter() - began)
    return quantiles(took, n=20)[-1], rate


def _answered(here: Street) -> int:
    counts = replay.tell(here.control, "counts")
    hanging = here.control - CONTROL + PROVIDERS[HANGING].port
    return sum(
        int(count)
        for name, count in counts.items()
        if name.startswith("answered") and name != f"answered {hanging}"
    )


@contextmanager
def _shop(here: Street) -> Iterator[str]:
    """Run the website, a worker and the clock as processes of their own."""
    env = {**os.environ, **here.stage.env, "FLASK_APP": "wsgi", "PYTHONPATH": str(ROOT)}
    flask = [sys.executable, "-m", "flask"]
    with serving(env=dict(here.stage.env), directory=ROOT) as server:
        others = [
            spawn([*flask, name], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for name in ("worker", "clock")
        ]  # fmt: skip
        try:
            _wait_for_work(lambda: _answered(here))
            yield server.url
        finally:
            for process in others:
                process.kill()
                process.wait()


def _wait_for_work(answered: Callable[[], int]) -> None:
    queue.ring("verify_payments")
    deadline = time.monotonic() + 60
    while not answered() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert answered(), "the worker asks nobody"


@contextmanager
def _always_due(here: Street) -> Iterator[None]:
    """Make every payment that nobody holds due again, all the time."""
    stop = threading.Event()

    def again() -> None:
        with psycopg.connect(here.stage.dsn, autocommit=True) as connection:
            while not stop.wait(0.2):
                connection.execute(
                    "UPDATE payment SET next_check_at = now()"
                    " WHERE status = 'pending' AND lease_token IS NULL AND next_check_at > now()"
                )
                with here.stage.app.app_context():
                    queue.ring("verify_payments")

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
