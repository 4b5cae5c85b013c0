"""A load generator that costs little: one loop over sockets, ready bytes out, answers counted in."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECTIONS = 16
STALLED_S = 20.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What became of a run."""

    seconds: float
    statuses: Counter[int]

    @property
    def rate(self) -> float:
        """Return answers per second."""
        return sum(self.statuses.values()) / self.seconds


def request(
    path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> bytes:
    """Write a request out in full, to be sent as it is."""
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def send_all(url: str, requests: Sequence[bytes], *, connections: int = CONNECTIONS) -> Load:
    """Send every request once, so many at a time, over connections that stay open."""
    address = (urlsplit(url).hostname, urlsplit(url).port)
    left, statuses = iter(requests), Counter[int]()
    began = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for _ in range(min(connections, len(requests))):
            caller = _Caller(socket.create_connection(address), left)
            selector.register(caller.socket, selectors.EVENT_READ, caller)
        while selector.get_map():
            ready = selector.select(STALLED_S)
            assert ready, "the server stopped answering"
            for key, _events in ready:
                if (status := key.data.hear()) is None:
                    continue
                statuses[status] += 1
                if not key.data.ask():
                    selector.unregister(key.fileobj)
                    key.data.socket.close()
    return Load(time.perf_counter() - began, statuses)


class _Caller:
    """One connection: asks, hears the whole answer, asks again."""

    def __init__(self, sock: socket.socket, left: Iterator[bytes]) -> None:
        self.socket = sock
        self._left = left
        self._heard = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ask()

    def ask(self) -> bool:
        """Send the next request; False when there is none."""
        following = next(self._left, None)
        if following is not None:
            self.socket.sendall(following)
        return following is not None

    def hear(self) -> int | None:
        """Read what came; give the status once the answer is whole."""
        came = self.socket.recv(65_536)
        assert came, "the server hung up"
        self._heard += came
        head, mark, body = self._heard.partition(b"\r\n\r\n")
        if not mark:
            return None
        length = _LENGTH.search(head)
        if length and len(body) < int(length[1]) and not head.startswith(b"HTTP/1.1 304"):
            return None
        self._heard = b""
        return int(head[9:12])
