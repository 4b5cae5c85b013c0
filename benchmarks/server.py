"""The real web server on a free port, and the processor time its whole process group has used."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from shop.supervisor import spawn

START_WITHIN_S = 30.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running gunicorn."""

    url: str
    group: int

    def cpu_s(self) -> float:
        """Return the seconds of processor time used so far: steady where wall time is not."""
        return cpu_s(self.group)


@contextmanager
def serving(
    app: str = "wsgi:app",
    *,
    env: Mapping[str, str] | None = None,
    workers: int = 2,
    threads: int = 8,
    directory: Path | None = None,
) -> Iterator[Server]:
    """Serve `app` as `./run` does, until the block ends."""
    port = _free_port()
    shape = ["-k", "gthread", "-w", str(workers), "--threads", str(threads)]
    quiet = ["--no-control-socket", "--log-level", "warning"]
    with tempfile.TemporaryFile() as log:
        process = spawn(
            [sys.executable, "-m", "gunicorn", *shape, *quiet, "-b", f"127.0.0.1:{port}", app],
            cwd=directory,
            env={**os.environ, **(env or {})},
            stdout=log,
            stderr=log,
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", process.pid)
            _wait_until_it_answers(server.url, process)
            yield server
        except NotServing as error:
            log.seek(0)
            raise NotServing(f"{error}\n{log.read().decode(errors='replace')}") from None
        finally:
            _stop(process)


class NotServing(Exception):
    """The server did not come up; its own words follow."""


def cpu_s(group: int) -> float:
    """Add up the processor time of every process of a group, with that of its ended children."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The command's name, in brackets, may hold spaces: count the fields after it.
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if int(fields[2]) == group:
            total += sum(int(field) for field in fields[11:15])  # own and waited-for children's
    return total / TICKS_PER_S


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    # A connection proves little: gunicorn listens before it has loaded the application.
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotServing(f"the server stopped while starting (code {process.returncode})")
        try:
            requests.get(url, timeout=2, allow_redirects=False)
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return
    raise NotServing("the server was not ready in time")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
