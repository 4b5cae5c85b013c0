"""Providers that cost little: the sandbox's own answers, replayed by one loop after a fixed latency.

The sandbox computes and keeps a book, so that under load one would measure it. Here its answers to
our adapters' questions are recorded first; `python -m benchmarks.replay` gives them back byte for byte,
each 50 to 300 ms after its question, and answers 429 above a provider's limit of calls at once.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter

from shop.supervisor import spawn

LEAST_S, MOST_S = 0.050, 0.300
#: How long a provider says nothing that was told to hang.
HANGS_S = 30.0
ROOT = Path(__file__).parents[1]


def key(port: int, method: str, path: str, body: bytes) -> str:
    """Name a question: everything but its headers, which hold tokens."""
    return f"{port} {method} {path} {sha256(body).hexdigest()[:16]}"


def latency_s(question: str) -> float:
    """Give a question's latency, the same every time it is asked."""
    share = int(sha256(question.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return LEAST_S + share * (MOST_S - LEAST_S)


class Recorder(BaseAdapter):
    """Stands before the sandbox's adapter and keeps what it answers."""

    def __init__(self, inner: BaseAdapter, port: int, kept: dict[str, str]) -> None:
        super().__init__()
        self._inner, self._port, self._kept = inner, port, kept

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:  # type: ignore[override]
        """Let one call through and write its answer down."""
        response = self._inner.send(request, **how | {"stream": False})
        body = request.body or b""
        question = key(
            self._port,
            request.method or "",
            request.path_url,
            body if isinstance(body, bytes) else body.encode(),
        )
        head = f"HTTP/1.1 {response.status_code} X\r\n"
        head += f"Content-Type: {response.headers.get('Content-Type', 'text/plain')}\r\n"
        head += f"Content-Length: {len(response.content)}\r\n\r\n"
        self._kept[question] = head + response.content.decode()
        return response

    def close(self) -> None:
        """Nothing to put away."""


@contextmanager
def replaying(
    answers: Mapping[str, str],
    later: Mapping[str, str],
    limits: Mapping[int, int],
    control: int,
) -> Iterator[subprocess.Popen[bytes]]:
    """Serve recorded answers, at most so many at once on each port, until the block ends.

    After the order `turn` those of `later` are given.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        told = {"answers": answers, "later": later, "limits": limits, "control": control}
        json.dump(told, file)
        file.flush()
        process = spawn([sys.executable, "-m", "benchmarks.replay", file.name], cwd=ROOT)
        try:
            _wait(control)
            yield process
        finally:
            process.kill()
            process.wait()


def tell(control: int, words: str) -> dict[str, Any]:
    """Give the server an order (`hang <port>`, `heal`, `turn`) and read its counts."""
    answer = requests.get(f"http://127.0.0.1:{control}/{words.replace(' ', '/')}", timeout=10)
    told: dict[str, Any] = answer.json()
    return told


def _wait(control: int) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            tell(control, "counts")
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the replayed providers did not come up")


class _Line(asyncio.Protocol):
    """One connection to one provider: a question at a time, its answer when it is due."""

    def __init__(self, server: _Server, port: int) -> None:
        self._server, self._port, self._heard = server, port, b""
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        """A caller who left hears nothing, and no longer counts."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._server.busy[self._port] -= 1

    def data_received(self, data: bytes) -> None:
        """Take a whole question, and answer it later."""
        self._heard += data
        head, mark, body = self._heard.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not mark or len(body) < length:
            return
        self._heard = b""
        method, path, _ = head.decode().split(" ", 2)
        self._ask(key(self._port, method, path, body))

    def _ask(self, question: str) -> None:
        server = self._server
        answer = server.answers.get(question)
        if answer is None:
            server.counts["unknown"] += 1
            return self._say("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
        if server.busy[self._port] >= server.limits[self._port]:
            server.counts["429"] += 1
            return self._say("HTTP/1.1 429 X\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
        server.busy[self._port] += 1
        server.counts[f"most {self._port}"] = max(
            server.counts.get(f"most {self._port}", 0), server.busy[self._port]
        )
        hangs = self._port in server.hanging
        wait_s = HANGS_S if hangs else latency_s(question)
        self._waiting = asyncio.get_running_loop().call_later(wait_s, self._due, answer)
        if hangs:
            server.hung.append((self, answer))
        return None

    def heal(self, answer: str) -> None:
        """Answer at once what was left hanging."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._due(answer)

    def _due(self, answer: str) -> None:
        self._waiting = None
        self._server.busy[self._port] -= 1
        self._server.counts[f"answered {self._port}"] = (
            self._server.counts.get(f"answered {self._port}", 0) + 1
        )
        self._say(answer)

    def _say(self, answer: str) -> None:
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(answer.encode())


class _Server:
    """Everything recorded, and what was asked."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.answers: dict[str, str] = told["answers"]
        self.later: dict[str, str] = told["later"]
        self.limits = {int(port): most for port, most in told["limits"].items()}
        self.control: int = told["control"]
        self.busy = dict.fromkeys(self.limits, 0)
        self.hanging: set[int] = set()
        self.hung: list[tuple[_Line, str]] = []
        self.counts: dict[str, int] = {"429": 0, "unknown": 0}

    async def run(self) -> None:
        """Serve until killed."""
        loop = asyncio.get_running_loop()
        for port in self.limits:
            await loop.create_server(lambda port=port: _Line(self, port), "127.0.0.1", port)  # type: ignore[misc]
        server = await asyncio.start_server(self._order, "127.0.0.1", self.control)
        await server.serve_forever()

    async def _order(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode().strip("/").split("/")
        if words[0] == "hang":
            self.hanging.add(int(words[1]))
        elif words[0] == "heal":
            self.hanging.clear()
            for line, answer in self.hung:
                line.heal(answer)
            self.hung.clear()
        elif words[0] == "turn":
            self.answers |= self.later
        body = json.dumps(self.counts).encode()
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()


if __name__ == "__main__":
    asyncio.run(_Server(json.loads(Path(sys.argv[1]).read_text())).run())
