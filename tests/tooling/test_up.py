"""`python -m shop up` from start to Ctrl-C, on a stand-in shop in a folder with a space."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shop import __main__ as up
from tests.tooling.test_supervisor import all_gone, read_until

HERE = Path(__file__).resolve().parent
SHOP = HERE.parents[1] / "shop"

Start = Callable[..., "subprocess.Popen[str]"]


def free_ports() -> tuple[int, int]:
    """Return a free port, and the first of ten free ones in a row, away from those in use."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        if port < 65000 and not any(up.why_not("127.0.0.1", port + n) for n in range(10)):
            return port + 9, port


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "un dossier"
    (folder / "shop").mkdir(parents=True)
    for name in ("__main__.py", "supervisor.py"):
        shutil.copy(SHOP / name, folder / "shop" / name)
    (folder / "shop" / "__init__.py").touch()
    shutil.copy(HERE / "stand_in_wsgi.py", folder / "wsgi.py")
    return folder


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    port, sandbox_port = free_ports()
    started: list[subprocess.Popen[str]] = []
    ours = ("DATA_DIR", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL", "HOST", "PYTHONPATH")
    clean = {name: value for name, value in os.environ.items() if name not in ours}

    def begin(*words: str, **settings: str) -> subprocess.Popen[str]:
        ports = {"PORT": str(port), "SANDBOX_PORT": str(sandbox_port)}
        process = subprocess.Popen(
            [sys.executable, "-m", "shop", "up", *words],
            cwd=project,
            env={**clean, **ports, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
    assert not list((project / "data").glob("*.pid")) or all_gone(project / "data")


def test_up_serves_the_site_and_stops_cleanly(start: Start, project: Path) -> None:
    process = start()
    lines = read_until(process, "Ready in")
    site = next(line.split()[1] for line in lines if line.startswith("  Cauri "))
    with urllib.request.urlopen(site) as answer:
        pong, key, public_url = answer.read().decode().split()
    begun = time.monotonic()

    process.send_signal(signal.SIGINT)
    code = process.wait(12)

    assert code == 0
    assert time.monotonic() - begun < 10
    assert (pong, public_url + "/") == ("True", site)
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert "  Awa (seller) 07 00 00 00 01" in lines
    assert (project / "data" / "steps").read_text() == "upgrade\nseed\n"
    assert all_gone(project / "data")


def test_no_demo_adds_nobody(start: Start, project: Path) -> None:
    process = start("--no-demo")

    lines = read_until(process, "Ready in")

    assert not any("Awa" in line for line in lines)
    assert (project / "data" / "steps").read_text() == "upgrade\n"


def test_killed_web_server_stops_the_rest(start: Start, project: Path) -> None:
    process = start()
    read_until(process, "Ready in")
    os.kill(int((project / "data" / "clock.pid").read_text()), signal.SIGKILL)

    output, _ = process.communicate(timeout=12)

    assert process.returncode == 1
    assert "clock stopped by itself (killed by SIGKILL). Stopping the rest." in output
    assert all_gone(project / "data")


def test_failed_migration_is_shown_and_stops_all(start: Start) -> None:
    process = start(BAD_MIGRATION="1")

    output, _ = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "database  Error: relation orders is missing" in output.splitlines()
    assert "database failed (code 1)" in output


@pytest.mark.parametrize("offset", [0, 4])
def test_busy_sandbox_port_is_one_sentence(start: Start, offset: int) -> None:
    _, first = free_ports()
    with socket.create_server(("127.0.0.1", first + offset)):
        process = start(SANDBOX_PORT=str(first))
        output, _ = process.communicate(timeout=10)

    assert process.returncode == 1
    assert len(output.splitlines()) == 1
    assert f"Port {first + offset} of the sandbox is already in use" in output
    assert "SANDBOX_PORT=" in output


def test_busy_port_is_one_sentence(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(PORT=str(port))
        output, _ = process.communicate(timeout=10)

    assert process.returncode == 1
    assert output == f"Port {port} is already in use; choose another, for example PORT=5050.\n"


def test_two_may_not_share_a_data_folder(start: Start, project: Path) -> None:
    read_until(start(), "Ready in")

    second = start()
    output, _ = second.communicate(timeout=10)

    assert second.returncode == 1
    assert output.startswith(f"Another ./run is using {project / 'data'}")


@pytest.mark.parametrize("text", ["abc", "0", "70000", "-1"])
def test_port_that_is_none_is_named(text: str) -> None:
    with pytest.raises(up.CannotStart, match="PORT must be a port number"):
        up.port_number({"PORT": text}, "PORT", 5000)


def test_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = up.secret_key(tmp_path)

    assert up.secret_key(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600


def test_long_folder_still_gets_a_short_socket(tmp_path: Path) -> None:
    path = up.socket_path(tmp_path / ("d" * 100))

    assert len(str(path)) < up.LONGEST_SOCKET_PATH
    path.parent.rmdir()
