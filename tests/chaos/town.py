"""The whole shop as processes of this machine: PostgreSQL, Valkey, sandbox, web, worker and clock."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import requests
from redis import Redis

from shop import clock
from shop.money import Money
from shop.sandbox.registry import PROVIDERS
from shop.sandbox.world import World
from shop.supervisor import spawn
from tests.databases import fill
from tests.servers import EmbeddedPostgres, RedisServer

ROOT = Path(__file__).resolve().parent.parent.parent
FLASK = [sys.executable, "-m", "flask"]
#: What each provider holds of ours before anybody pays.
PURSE = 1_000_000


def free_ports(count: int) -> int:
    """Find so many free ports in a row; give the first."""
    for base in range(21_000, 32_000, 50):
        with suppress(OSError):
            for port in range(base, base + count):
                socket.create_server(("127.0.0.1", port)).close()
            return base
    raise RuntimeError("no free ports")


class Town:
    """Starts everything, kills what it is told to, starts it again, and leaves nothing behind."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="chaos")
        self.postgres, self.valkey = EmbeddedPostgres(), RedisServer("valkey")
        base = free_ports(10)
        self.site, self.phones = f"http://127.0.0.1:{base + 9}", f"http://127.0.0.1:{base}"
        self.environment = {
            **os.environ,
            "DATABASE_URL": self.postgres.create("cauri_chaos").replace("+psycopg", ""),
            "REDIS_URL": self.valkey.url,
            "SANDBOX_PORT": str(base),
            "PORT": str(base + 9),
            "PUBLIC_URL": self.site,
            "DATA_DIR": self.folder.name,
            "FLASK_APP": "wsgi",
            "PYTHONPATH": str(ROOT),
        }
        fill(self.environment["DATABASE_URL"], Path(self.folder.name))
        self._fill_purses()
        gunicorn = [sys.executable, "-m", "gunicorn", "--workers", "2", "--threads", "4"]
        self.commands = {
            "sandbox": [*FLASK, "sandbox", "serve"],
            "web": [*gunicorn, "--bind", f"127.0.0.1:{base + 9}", "wsgi:app"],
            "worker": [*FLASK, "worker"],
            "clock": [*FLASK, "clock"],
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in self.commands:
            self.start(name)
        self._wait_for(f"{self.phones}/api/info")
        self._wait_for(f"{self.site}/help/")

    def _fill_purses(self) -> None:
        """Let every simulated provider hold money to send, in the book the sandbox will open."""
        world = World(
            store=str(Path(self.folder.name) / "sandbox.sqlite3"),
            clock=clock.now,
            rng=random.Random(0),
        )
        for name in PROVIDERS:
            world.payouts.fund(name, Money(PURSE, "XOF"))
        world.close()

    def start(self, name: str) -> None:
        """Start a process in a group of its own."""
        with (Path(self.folder.name) / f"{name}.log").open("ab") as log:
            self.processes[name] = spawn(
                self.commands[name], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """End a process and its children as a power cut would, and start it again."""
        self._signal(name, signal.SIGKILL)
        self.processes[name].wait()
        self.start(name)

    def freeze(self, name: str, seconds: float) -> None:
        """Stop a process in the middle of whatever it does, and let it go on later."""
        self._signal(name, signal.SIGSTOP)
        time.sleep(seconds)
        self._signal(name, signal.SIGCONT)

    def forget(self) -> None:
        """Lose everything in Valkey."""
        with Redis.from_url(self.valkey.url) as redis:
            redis.flushall()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of the operators' commands."""
        return subprocess.run(
            [*FLASK, *words], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )

    def log(self, name: str) -> str:
        """Give what a process said."""
        return (Path(self.folder.name) / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        """End everything and remove every file."""
        for name in self.processes:
            self._signal(name, signal.SIGKILL)
            self.processes[name].wait()
        self.valkey.stop()
        self.postgres.stop()
        self.folder.cleanup()

    def _signal(self, name: str, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, number)

    def _wait_for(self, url: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(requests.RequestException):
                if requests.get(url, timeout=2).status_code < 500:
                    return
            time.sleep(0.2)
        raise RuntimeError(f"{url} did not answer:\n{self.log('web')[-2000:]}")
