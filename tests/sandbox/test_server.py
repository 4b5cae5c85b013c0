"""The sandbox as a program: real sockets, real silence, a real stop."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from shop.sandbox.credentials import WAVE
from shop.sandbox.server import PortBusy, Server, deliver
from shop.sandbox.values import Delivery
from shop.sandbox.world import World
from tests.sandbox.clients import CI

HEADERS = {"Authorization": f"Bearer {WAVE['api_key']}"}


def free_base() -> int:
    """Find a base port whose next eight are free as well."""
    for _ in range(50):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            base = int(probe.getsockname()[1])
        try:
            for port in range(base, base + 9):
                with socket.socket() as each:
                    each.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise AssertionError("no nine free ports in a row")


class Hook(BaseHTTPRequestHandler):
    """The shop's webhook door."""

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.server.bodies.append(self.rfile.read(size))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.bodies = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def base(hook: HTTPServer) -> Iterator[int]:
    port = free_base()
    url = f"http://127.0.0.1:{hook.server_port}"
    world = World(rng=random.Random(1), deliver=deliver, shop_url=url)
    server = Server(world, port=port)
    server.start()
    yield port
    server.stop()


def open_session(base: int, *, timeout: float = 5, stream: bool = False) -> requests.Response:
    body = {
        "amount": "1000",
        "currency": "XOF",
        "success_url": "https://shop.example/ok",
        "error_url": "https://shop.example/ko",
        "client_reference": "order-17",
    }
    url = f"http://127.0.0.1:{base + 1}/v1/checkout/sessions"
    return requests.post(url, json=body, headers=HEADERS, timeout=timeout, stream=stream)


def plant(base: int, **fault: object) -> None:
    requests.post(f"http://127.0.0.1:{base}/api/faults", json=fault, timeout=5).raise_for_status()


def found(base: int) -> int:
    url = f"http://127.0.0.1:{base + 1}/v1/checkout/sessions/search?client_reference=order-17"
    return len(requests.get(url, headers=HEADERS, timeout=5).json()["result"])


def test_a_payment_crosses_real_sockets_and_the_webhook_arrives(base, hook):
    session = open_session(base).json()
    accept = f"http://127.0.0.1:{base}/api/prompts/1/accept"

    requests.post(accept, json={"phone": CI}, timeout=5).raise_for_status()
    end = time.monotonic() + 5
    while not hook.bodies and time.monotonic() < end:
        time.sleep(0.05)

    assert json.loads(hook.bodies[0])["data"]["id"] == session["id"]
    assert requests.get(session["wave_launch_url"], timeout=5).status_code == 200


def test_silence_hangs_and_takes_nothing_in(base):
    plant(base, provider="wave", kind="silence", calls=1, seconds=1)

    with pytest.raises(requests.ReadTimeout):
        open_session(base, timeout=0.3)

    assert found(base) == 0


def test_a_lost_answer_cuts_the_line_after_the_work(base):
    plant(base, provider="wave", kind="lost_answer", calls=1)

    with pytest.raises(requests.ConnectionError):
        open_session(base)

    assert found(base) == 1


@pytest.mark.parametrize("kind", ["truncated", "slow_drip"])
def test_answers_break_off_on_the_wire(base, kind):
    plant(base, provider="wave", kind=kind, calls=1, seconds=3)

    with pytest.raises(requests.RequestException):
        # A read limit alone never ends a drip: the whole answer is given a deadline too.
        drip(base)

    assert found(base) == 1


def drip(base: int) -> None:
    """Create a session, reading for one second at most."""
    answer = open_session(base, stream=True)
    end = time.monotonic() + 1
    for _ in answer.iter_content(1):
        if time.monotonic() > end:
            answer.close()
            raise requests.ReadTimeout("too slow")


def test_a_busy_port_is_named_and_none_is_kept(base):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        probe.listen()
        busy = int(probe.getsockname()[1])
        with pytest.raises(PortBusy, match=f"port {busy} is in use"):
            Server(World(rng=random.Random(1)), port=busy)


def test_nobody_listening_is_status_0():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    delivery = Delivery(1, "wave", "order-17", "POST", url, {}, b"{}", 1, False)

    assert deliver(delivery) == 0


def test_the_program_serves_until_told_to_stop(tmp_path):
    base = free_base()
    program = "from shop.cli.sandbox import sandbox; sandbox([], standalone_mode=True)"
    environment = {"SANDBOX_PORT": str(base), "DATA_DIR": str(tmp_path), "PATH": ""}
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None

    with process:
        first = process.stdout.readline()
        answer = requests.get(f"http://127.0.0.1:{base}/api/info", timeout=5)
        process.send_signal(signal.SIGTERM)
        code = process.wait(10)

    assert first == f"Phones: http://127.0.0.1:{base}/\n"
    assert answer.json()["providers"]["mtn"]["origin"] == f"http://127.0.0.1:{base + 2}"
    assert code == 0
    assert (tmp_path / "sandbox.sqlite3").exists()
