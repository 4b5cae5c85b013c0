"""`flask sandbox`: the simulated providers and the phones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask.cli import AppGroup

from shop.sandbox import registry, server


def _port() -> int:
    text = os.environ.get("SANDBOX_PORT") or str(registry.DEFAULT_PORT)
    if not text.isdigit() or not 1 <= int(text) <= 65_000:
        raise click.ClickException(f"SANDBOX_PORT is a port number, not {text!r}")
    return int(text)


def _shop_url() -> str:
    url = os.environ.get("PUBLIC_URL") or "http://127.0.0.1:5000"
    if urlsplit(url).scheme not in ("http", "https"):
        raise click.ClickException(f"PUBLIC_URL is a web address, not {url!r}")
    return url


@click.group("sandbox", cls=AppGroup, invoke_without_command=True)
@click.pass_context
def sandbox(context: click.Context) -> None:
    """Simulated providers and phones: no real money. Serves when given no command."""
    if context.invoked_subcommand is None:
        context.invoke(serve)


@sandbox.command("serve", with_appcontext=False)
def serve() -> None:
    """Serve the phones and every simulated provider, until stopped."""
    port = _port()
    store = Path(os.environ.get("DATA_DIR") or "data") / "sandbox.sqlite3"

    def ready() -> None:
        click.echo(f"Phones: http://127.0.0.1:{port}/")
        for name in registry.PROVIDERS:
            click.echo(f"{name}: {registry.origin(name, port)}")

    try:
        server.serve(port=port, store=str(store), shop_url=_shop_url(), ready=ready)
    except server.PortBusy as error:
        raise click.ClickException(str(error)) from error


@sandbox.command("info", with_appcontext=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def info(as_json: bool) -> None:
    """Tell the addresses and the demo credentials."""
    told = registry.info(_port())
    if as_json:
        click.echo(json.dumps(told))
        return
    click.echo(json.dumps(told, indent=2))
