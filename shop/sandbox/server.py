"""The sandbox as a program: every provider on its own port, the phones, time and the post."""

from __future__ import annotations

import logging
import random
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import requests
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from shop.sandbox import phones
from shop.sandbox.registry import DEFAULT_PORT, PROVIDERS, create_apps
from shop.sandbox.values import Delivery
from shop.sandbox.world import World

logger = logging.getLogger(__name__)

#: Wave gives a receiver five seconds; the others say nothing better.
WEBHOOK_TIMEOUT_S: Final = 5.0
_TICK_S: Final = 0.2


class PortBusy(Exception):
    """Another program holds one of our ports."""


class _Quiet(WSGIRequestHandler):
    """Serves without a line per request: addresses here hold tokens."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def deliver(delivery: Delivery) -> int:
    """Send one webhook over HTTP; 0 when nobody answered in time."""
    try:
        answer = requests.request(
            delivery.method,
            delivery.url,
            data=delivery.body,
            headers=delivery.headers,
            timeout=WEBHOOK_TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        logger.info("webhook of %s for %s: %s", delivery.provider, delivery.reference, type(error))
        return 0
    return answer.status_code


class Server:
    """All the ports, and the two threads that move time and the post."""

    def __init__(self, world: World, *, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> None:
        """Take the ports. Raises `PortBusy` and takes none when one of them is held."""
        self._world = world
        self._stopping = threading.Event()
        apps = {0: phones.create_app(world, port)}
        for name, app in create_apps(world).items():
            apps[PROVIDERS[name][0]] = app
        held = _hold(host, [port + offset for offset in apps])
        self._servers = [
            _server(host, sock, app) for sock, app in zip(held, apps.values(), strict=True)
        ]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to serve; returns at once."""
        for server in self._servers:
            self._spawn(partial(server.serve_forever, poll_interval=0.1))
        # The post has its own thread: a slow shop must not hold up the phones.
        self._spawn(lambda: self._repeat(self._world.advance))
        self._spawn(lambda: self._repeat(self._world.send_webhooks))

    def stop(self) -> None:
        """Stop serving and put the book away."""
        self._stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(WEBHOOK_TIMEOUT_S + 1)
        self._world.close()

    def _spawn(self, target: Callable[[], Any]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._stopping.wait(_TICK_S):
            try:
                step()
            except Exception:
                logger.exception("the sandbox stumbled")


def _hold(host: str, ports: list[int]) -> list[socket.socket]:
    held: list[socket.socket] = []
    for port in ports:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.append(sock)
        try:
            sock.bind((host, port))
        except OSError as error:
            for taken in held:
                taken.close()
            raise PortBusy(
                f"port {port} is in use: stop the other program, or set SANDBOX_PORT"
            ) from error
        sock.listen(128)
    return held


def _server(host: str, sock: socket.socket, app: Flask) -> BaseWSGIServer:
    port = sock.getsockname()[1]
    server = make_server(host, port, app, threaded=True, request_handler=_Quiet, fd=sock.fileno())
    # The server works on its own copy of the descriptor.
    sock.close()
    return server


def serve(
    host: str = "127.0.0.1", port: int = DEFAULT_PORT, store: str = ":memory:",
    shop_url: str = "http://127.0.0.1:5000", ready: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """Run the sandbox until SIGTERM or SIGINT. Raises `PortBusy`."""
    if store != ":memory:":
        Path(store).parent.mkdir(parents=True, exist_ok=True)
    world = World(
        store=store,
        rng=random.SystemRandom(),
        deliver=deliver,
        shop_url=shop_url,
        phones_url=f"http://{host}:{port}",
    )
    server = Server(world, host=host, port=port)
    asked_to_stop = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        asked_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.start()
    if ready is not None:
        ready()
    asked_to_stop.wait()
    server.stop()
