"""A real Chromium: the machine's own, or Debian's unpacked into a cache without root, or why not.

Three traps are handled here. The node inside Playwright needs libatomic, which a bare Debian lacks;
libpulse hides in a folder of its own; and without a fonts.conf the pages come out blank while every
assertion about their text still passes, so a browser test should look at a picture too.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "chromium-browser")
PACKAGES = ("chromium-headless-shell", "chromium-common", "fonts-dejavu-core", "libatomic1")
DPKG_STATUS = Path("/var/lib/dpkg/status")
CACHE = Path(os.environ.get("CAURI_BROWSER_CACHE") or Path.home() / ".cache" / "cauri-browser")

FONTS_CONF = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>{root}/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{cache}/fonts</cachedir>
</fontconfig>
"""


class NoBrowser(Exception):
    """No Chromium can be had here; the sentence says why and how to get one."""


@dataclass(frozen=True)
class Chromium:
    """An executable, and the environment and options it needs."""

    executable: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> list[str]:
        """Command-line options: no sandbox where it cannot work (we only open our own pages)."""
        return ["--no-sandbox"] if os.geteuid() == 0 or self.environment else []

    def trouble(self) -> str | None:
        """Return why it cannot read a page, or None: on Ubuntu a mere stub is on PATH."""
        with tempfile.TemporaryDirectory() as profile:
            page = [
                "--headless",
                f"--user-data-dir={profile}",
                "--dump-dom",
                "data:text/html,works",
            ]
            try:
                answer = subprocess.run(
                    [self.executable, *self.options, *page],
                    env={**os.environ, **self.environment},
                    capture_output=True,
                    timeout=60,
                )
            except (OSError, subprocess.SubprocessError) as error:
                return str(error)
        return None if b"works" in answer.stdout else _last_line(answer.stderr)


def find() -> Chromium:
    """Return a Chromium that runs, fetching one if necessary; raise `NoBrowser` with the reason."""
    if found := installed():
        return found
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise NoBrowser("no Chromium on PATH and no apt-get to fetch one: install Chromium")
    try:
        with _alone_in_cache():
            if not (CACHE / "complete").exists() or unpacked().trouble():
                _unpack_debian()
            chromium = unpacked()
    except subprocess.CalledProcessError as error:
        raise NoBrowser(f"Chromium could not be fetched ({_last_line(error.stderr)})") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise NoBrowser(f"Chromium could not be fetched ({error})") from error
    if why := chromium.trouble():
        raise NoBrowser(f"the Chromium unpacked in {CACHE} does not run ({why})")
    return chromium


def installed() -> Chromium | None:
    """Return the machine's own Chromium if it runs, and Playwright could drive it."""
    if not _has_libatomic():
        return None
    for name in NAMES:
        if path := shutil.which(name):
            chromium = Chromium(path)
            if chromium.trouble() is None:
                return chromium
    return None


def unpacked() -> Chromium:
    """Return the Chromium in the cache, with the libraries and fonts unpacked beside it."""
    root = CACHE / "root"
    # Libraries the machine has already were not fetched: any of these folders may be absent.
    folders = [
        *root.glob("usr/lib/*-linux-gnu"),
        *root.glob("lib/*-linux-gnu"),
        *root.glob("usr/lib/*-linux-gnu/pulseaudio"),
    ]
    environment = {"FONTCONFIG_FILE": str(CACHE / "fonts.conf")}
    if folders:
        environment["LD_LIBRARY_PATH"] = ":".join(map(str, folders))
    return Chromium(str(root / "usr/lib/chromium/chromium-headless-shell"), environment)


def _unpack_debian() -> None:
    """Let apt choose and check the packages, in folders of our own, and unpack them there."""
    state, archives, root = CACHE / "state", CACHE / "archives", CACHE / "root"
    for folder in (state / "lists" / "partial", archives / "partial", root):
        folder.mkdir(parents=True, exist_ok=True)
    places = {
        "Dir::State": state,
        "Dir::State::status": DPKG_STATUS,
        "Dir::Cache": CACHE,
        "Dir::Cache::archives": archives,
        "Dir::Log": CACHE,
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "root",
    }
    apt = [
        "apt-get",
        "-qq",
        *(word for key, value in places.items() for word in ("-o", f"{key}={value}")),
    ]
    _run([*apt, "update"])
    # --reinstall: Chromium looks for its data beside itself, even where the machine has a copy.
    fetch = ["-y", "--no-install-recommends", "--download-only", "--reinstall", "install"]
    _run([*apt, *fetch, *PACKAGES])
    for package in archives.glob("*.deb"):
        _run(["dpkg", "-x", package, root])
        package.unlink()
    (CACHE / "fonts.conf").write_text(FONTS_CONF.format(root=root, cache=CACHE))
    (CACHE / "complete").touch()


def _run(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=300)


def _has_libatomic() -> bool:
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        return False
    return True


@contextmanager
def _alone_in_cache() -> Iterator[None]:
    """Let one test process unpack while the others wait for it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no reason given"
