"""A stand-in for the shop, with the commands `./run` calls: quick, and it tells what it was given."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import redis
from flask import Flask

app = Flask(__name__)
data = Path(os.environ.get("DATA_DIR", "."))


def stay(name: str) -> None:
    """Leave our process id behind, then stay until stopped."""
    (data / f"{name}.pid").write_text(str(os.getpid()))
    while True:
        time.sleep(60)


@app.get("/")
def page() -> str:
    """Say what the processes were given."""
    client = redis.from_url(os.environ["REDIS_URL"])
    return f"{client.ping()} {os.environ['SECRET_KEY']} {os.environ['PUBLIC_URL']}"


def command(group: str, name: str) -> Callable[[Callable[[], None]], click.Command]:
    """Register `flask <group> <name>`."""
    parent = app.cli.commands.get(group) or click.Group(group)
    app.cli.add_command(parent)
    assert isinstance(parent, click.Group)
    return parent.command(name)


@command("db", "upgrade")
def upgrade() -> None:
    """Make the 'database'; fail when the test asks for it."""
    if os.environ.get("BAD_MIGRATION"):
        raise click.ClickException("relation orders is missing")
    with (data / "steps").open("a") as steps:
        steps.write("upgrade\n")


@command("demo", "seed")
def seed() -> None:
    """Add the 'demo'."""
    with (data / "steps").open("a") as steps:
        steps.write("seed\n")


@command("demo", "circles")
def seed_circles() -> None:
    """Add the circles of the 'demo'; the phones answer by now."""


@command("demo", "orders")
def seed_orders() -> None:
    """Add the orders of the 'demo'; the phones answer by now."""


@command("demo", "sign-ins")
def sign_ins() -> None:
    """Print who can sign in."""
    click.echo("Awa (seller) 07 00 00 00 01")


@command("sandbox", "serve")
def sandbox() -> None:
    """Answer where the phones would be."""
    address = ("127.0.0.1", int(os.environ["SANDBOX_PORT"]))
    with ThreadingHTTPServer(address, SimpleHTTPRequestHandler) as phones:
        threading.Thread(target=phones.serve_forever, daemon=True).start()
        stay("sandbox")


@app.cli.command("worker")
def worker() -> None:
    """Stay."""
    stay("worker")


@app.cli.command("clock")
def clock() -> None:
    """Say that we are ready, and stay."""
    click.echo("the clock is running")
    stay("clock")
