"""The supervisor of `./run`: one death stops all, a stop is orderly, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.tooling.group_of_fakes", str(tmp_path), *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
    for pid in pids(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def pids(directory: Path) -> list[int]:
    return [int(file.read_text()) for file in directory.glob("*.pid")]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def all_gone(directory: Path, within_s: float = 5) -> bool:
    deadline = time.monotonic() + within_s
    while any(is_alive(pid) for pid in pids(directory)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return bool(pids(directory))


def read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if words in line:
            return lines
    pytest.fail(f"{words!r} was never printed, only {lines}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_all_in_reverse_order(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("redis=steady", "web=steady", "clock=steady")
    read_until(process, "all ready")

    process.send_signal(number)

    assert process.wait(10) == 0
    stopped = (tmp_path / "log").read_text().splitlines()
    assert stopped == ["clock stopped", "web stopped", "redis stopped"]
    assert all_gone(tmp_path)


def test_death_of_one_stops_all_and_is_told(start: Start, tmp_path: Path) -> None:
    process = start("redis=steady", "web=dies", "clock=steady")

    output, _ = process.communicate(timeout=15)

    assert process.returncode == 1
    assert "web stopped by itself (code 7). Stopping the rest." in output.splitlines()
    assert (tmp_path / "log").read_text().splitlines() == ["clock stopped", "redis stopped"]
    assert all_gone(tmp_path)


def test_lines_carry_the_name_of_who_wrote_them(start: Start) -> None:
    process = start("redis=steady", "web=steady")

    lines = read_until(process, "all ready")

    assert "redis     redis is up" in lines
    assert "web       web is up" in lines


def test_stubborn_child_is_killed_in_time(start: Start, tmp_path: Path) -> None:
    process = start("redis=steady", "web=stubborn", "clock=steady")
    read_until(process, "all ready")
    begun = time.monotonic()

    process.send_signal(signal.SIGINT)

    assert process.wait(12) == 0
    assert time.monotonic() - begun < 10
    assert (tmp_path / "log").read_text().splitlines() == ["clock stopped", "redis stopped"]
    assert all_gone(tmp_path)


def test_grandchildren_are_not_left_behind(start: Start, tmp_path: Path) -> None:
    process = start("web=parent")
    read_until(process, "all ready")

    process.send_signal(signal.SIGTERM)

    assert process.wait(10) == 0
    assert len(pids(tmp_path)) == 2
    assert all_gone(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel offers this")
def test_killed_supervisor_takes_its_children_along(start: Start, tmp_path: Path) -> None:
    process = start("redis=steady", "web=steady")
    read_until(process, "all ready")

    process.kill()

    assert all_gone(tmp_path)


def test_failed_task_shows_its_lines_and_stops_all(start: Start, tmp_path: Path) -> None:
    process = start("redis=steady", "task=print('no such table'); raise SystemExit(3)")

    output, _ = process.communicate(timeout=15)

    assert process.returncode == 1
    assert "task      no such table" in output.splitlines()
    assert "task failed (code 3); its lines are above. Stopping the rest." in output.splitlines()
    assert all_gone(tmp_path)


def test_signal_during_a_task_stops_it_too(start: Start, tmp_path: Path) -> None:
    pid_file = tmp_path / "task.pid"
    slow = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    process = start("redis=steady", f"task={slow}")
    deadline = time.monotonic() + 10
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)

    assert process.wait(10) == 0
    assert all_gone(tmp_path)
