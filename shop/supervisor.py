"""A group of child processes that start in order, talk under their names and stop together.

Standard library only. One child's death stops all; nothing is left behind: every child leads its
own process group, which is signalled as a whole, and on Linux the kernel ends the children should
the supervisor itself be killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

COLOURS = (36, 32, 33, 35, 34, 31)
STOP_WITHIN_S = 9.0
POLL_S = 0.1
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask the kernel to end this new process when the one that started it ends (Linux only)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Stopped(Exception):
    """The group must stop now; the sentence, where there is one, says why."""


@dataclass(frozen=True)
class Service:
    """A process that runs until the end; `ready` says when others may count on it."""

    name: str
    command: Sequence[str | Path]
    ready: Callable[[], bool] | None = None
    ready_at_first_line: bool = False
    within_s: float = 30.0


@dataclass(frozen=True)
class Task:
    """A process that must finish well before what comes next; it is quiet unless it fails."""

    name: str
    command: Sequence[str | Path]


@dataclass
class Child:
    """A started service: its process, and whether it has said anything yet."""

    service: Service
    process: subprocess.Popen[bytes]
    colour: int
    spoke: threading.Event = field(default_factory=threading.Event)

    def is_ready(self) -> bool:
        """Tell whether others may count on it now."""
        if self.service.ready_at_first_line:
            return self.spoke.is_set()
        return self.service.ready is None or self.service.ready()

    def signal(self, number: signal.Signals) -> None:
        """Signal the whole process group, also when its leader has gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


class Group:
    """Starts children in order, copies their lines, stops them in reverse order."""

    def __init__(self, env: Mapping[str, str], directory: Path) -> None:
        self.env = dict(env)
        self.directory = directory
        self.children: list[Child] = []
        self._stopping = threading.Event()
        self._colourful = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def obey_signals(self) -> None:
        """Turn Ctrl-C, SIGTERM and a closed terminal into an orderly stop."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup ./run` stays
            signal.signal(signal.SIGHUP, self._on_signal)

    def start(self, service: Service) -> None:
        """Start one service without waiting for it."""
        self._raise_if_stopping()
        process = self._spawn(service.command, subprocess.PIPE)
        child = Child(service, process, COLOURS[len(self.children) % len(COLOURS)])
        self.children.append(child)
        threading.Thread(target=self._copy_lines, args=(child,), daemon=True).start()

    def run(self, task: Task) -> str:
        """Run one task to its end and return what it printed; raise `Stopped` if it fails."""
        self._raise_if_stopping()
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = self._spawn(task.command, output, errors)
            try:
                while process.poll() is None:
                    self.check()
                    time.sleep(POLL_S / 2)
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            printed, complaints = _text(output), _text(errors)
        if process.returncode:
            for line in (printed + complaints).splitlines():
                self._say(task.name, line, COLOURS[-1])
            raise Stopped(f"{task.name} failed (code {process.returncode}); its lines are above.")
        return printed

    def wait_until_ready(self) -> None:
        """Return once every service is ready; raise `Stopped` when one dies or takes too long."""
        started = time.monotonic()
        for child in self.children:
            while not child.is_ready():
                self.check()
                if time.monotonic() - started > child.service.within_s:
                    name, limit = child.service.name, child.service.within_s
                    raise Stopped(f"{name} was not ready within {limit:.0f} s.")
                time.sleep(POLL_S / 2)
        self.check()

    def wait(self) -> None:
        """Stay until someone asks to stop or a child stops by itself: both raise `Stopped`."""
        while True:
            self.check()
            self._stopping.wait(POLL_S)

    def check(self) -> None:
        """Raise `Stopped` when a child has died or someone asked the group to stop."""
        self._raise_if_stopping()
        for child in self.children:
            if (code := child.process.poll()) is not None:
                time.sleep(POLL_S)  # its last lines explain the death: let them be printed first
                raise Stopped(f"{child.service.name} stopped by itself ({_ending(code)}).")

    def stop(self) -> None:
        """Stop all children, the last started first, within `STOP_WITHIN_S` seconds in all."""
        self._stopping.set()
        deadline = time.monotonic() + STOP_WITHIN_S
        for remaining, child in reversed(list(enumerate(self.children))):
            child.signal(signal.SIGTERM)
            # Those still to come keep a little time each, or a stubborn one would use up all of it.
            patience = max(0.3, deadline - time.monotonic() - 0.3 * remaining)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(patience)
            child.signal(signal.SIGKILL)
            child.process.wait()

    def _spawn(
        self,
        command: Sequence[str | Path],
        output: int | IO[bytes],
        errors: int | IO[bytes] = subprocess.STDOUT,
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # the commands are ours, from the programme
            command,
            env=self.env,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def _copy_lines(self, child: Child) -> None:
        assert child.process.stdout is not None, "services are started with a pipe"
        with child.process.stdout as lines:
            for line in lines:
                child.spoke.set()
                words = line.decode("utf-8", "replace").rstrip()
                self._say(child.service.name, words, child.colour)

    def _say(self, name: str, line: str, colour: int) -> None:
        tag = f"\033[{colour}m{name:9}\033[0m" if self._colourful else f"{name:9}"
        say(f"{tag} {line}")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()

    def _raise_if_stopping(self) -> None:
        if self._stopping.is_set():
            raise _Asked


class _Asked(Stopped):
    """Someone asked the group to stop: the ordinary end."""


def supervise(group: Group, work: Callable[[Group], None]) -> int:
    """Run `work`, then stay; stop everything however it ends and return the exit code."""
    code = 0
    group.obey_signals()
    try:
        work(group)
        group.wait()
    except _Asked:
        say("\nStopping...")
    except Stopped as reason:
        say(f"{reason} Stopping the rest.")
        code = 1
    finally:
        group.stop()
    say("Everything is stopped.")
    return code


def say(line: str) -> None:
    """Print a line now; a closed terminal is no reason to stop reading the children."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"code {code}"


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
