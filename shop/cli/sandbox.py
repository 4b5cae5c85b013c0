"""`flask sandbox`: the simulated providers and the phones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import requests
from flask.cli import AppGroup

from shop.cli.output import Exit, fail, json_option, say
from shop.sandbox import registry, server
from shop.sandbox.sending import Event, How

#: Longer than the sandbox waits for the shop.
_TIMEOUT_S: Final = 10.0


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


#: What a newcomer does to see a payout and a refund.
_MONEY_OUT: Final = """
See money go out, in a minute:
 1. Pay an order with MTN, tap "Changer de moyen de paiement" and pay it with MTN again;
    accept both requests on the phone. One paid the order, the other is in the wallet.
 2. Sign in with that number (the code is on the phone), open Portefeuille, Retirer de l'argent.
    The phone shows it under "Argent reçu".
 3. Give the rest back: flask payments list, then
    flask payments refund REFERENCE --amount 1000 --reason essai --as you"""


@sandbox.command("info", with_appcontext=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def info(as_json: bool) -> None:
    """Tell the addresses and the demo credentials."""
    told = registry.info(_port())
    if as_json:
        click.echo(json.dumps(told))
        return
    click.echo(json.dumps(told, indent=2))
    say(_MONEY_OUT)


@sandbox.command("send", with_appcontext=False)
@click.argument("provider", type=click.Choice(list(registry.PROVIDERS)))
@click.argument("event", type=click.Choice([event.value for event in Event]))
@click.option("--reference", help="Our reference. Without it: the provider's newest request.")
@click.option("--forge", "how", flag_value=How.FORGE.value, help="With a wrong proof, or none.")
@click.option("--replay", "how", flag_value=How.REPLAY.value, help="The same bytes once more.")
@click.option(
    "--wrong-amount", "how", flag_value=How.WRONG_AMOUNT.value, help="A tenth less, well signed."
)
@click.option("--dry-run", is_flag=True, help="Show the message and send nothing.")
@json_option
def send(
    provider: str, event: str, reference: str | None, how: str | None, dry_run: bool, as_json: bool
) -> None:
    """Let a simulated provider send a webhook to the shop now, true or not."""
    asked = {"provider": provider, "event": event, "reference": reference, "dry_run": dry_run}
    sent = _told("/api/send", asked | {"how": how or How.GENUINE.value}, as_json=as_json)
    if as_json:
        click.echo(json.dumps(sent, ensure_ascii=False))
    else:
        headers = [f"{name}: {value}" for name, value in sent["headers"].items()]
        click.echo("\n".join([f"{sent['method']} {sent['url']}", *headers, "", sent["body"]]))
    if dry_run:
        say("Nothing was sent.")
    elif sent["answered"]:
        say(f"The shop answered {sent['answered']}.")
    else:
        fail(Exit.ERROR, "no_answer", f"Nobody answered at {sent['url']}.", as_json=as_json)


def _told(path: str, body: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    """Ask the running sandbox; its refusals become exit codes."""
    url = f"http://127.0.0.1:{_port()}{path}"
    try:
        answer = requests.post(url, json=body, timeout=_TIMEOUT_S)
        told: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError):
        sentence = f"No sandbox answers at {url}: start it with flask sandbox."
        fail(Exit.ERROR, "no_sandbox", sentence, as_json=as_json)
    if not answer.ok:
        missing = answer.status_code == 404
        code, word = (Exit.NOT_FOUND, "not_found") if missing else (Exit.REFUSED, "refused")
        fail(code, word, str(told.get("error")), as_json=as_json)
    return told
