"""The stop buttons: `flask providers pause|resume`, and `flask providers methods [off|on]`.

They ask nothing back: a stop is wanted at once, moves no money, and is undone by one word.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from shop import clock
from shop.cli.durations import Duration
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.payments import service as payments
from shop.providers import methods
from shop.providers.methods import Method
from shop.switches import board
from shop.switches import service as switches
from shop.switches.models import Kind
from shop.switches.service import Direction

Command = Callable[..., Any]

reason_option = click.option("--reason", required=True, help="Why: kept with the stop.")
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would change; change nothing."
)
as_option = click.option("--as", "by_whom", help="Who does it; by default the system's user.")
for_option = click.option("--for", "how_long", type=Duration(), help="Ends by itself: 30m, 2h, 1d.")


def directions(command: Command) -> Command:
    """Add --collections and --payouts; neither means both."""
    for name, word in (("payouts", Direction.PAY_OUT), ("collections", Direction.COLLECT)):
        command = click.option(f"--{name}", "direction", flag_value=word, help=f"Only {name}.")(
            command
        )
    return command


@click.command("pause")
@click.argument("name")
@directions
@reason_option
@for_option
@as_option
@dry_run_option
@json_option
@with_appcontext
def pause(name: str, direction: str | None, as_json: bool, **how: Any) -> None:
    """Begin nothing new through a provider, in every process at once. What began is verified on."""
    _stop(_targets(name, direction, as_json=as_json), as_json=as_json, **how)


@click.command("resume")
@click.argument("name")
@directions
@dry_run_option
@json_option
@with_appcontext
def resume(name: str, direction: str | None, dry_run: bool, as_json: bool) -> None:
    """Let a provider begin again. Exit 5 when it was not paused."""
    _go(_targets(name, direction, as_json=as_json), dry_run=dry_run, as_json=as_json)


def _targets(name: str, direction: str | None, *, as_json: bool) -> list[str]:
    one = payments.providers().get(name)
    if one is None:
        fail(Exit.NOT_FOUND, "not_found", f"No provider {name} is loaded.", as_json=as_json)
    able = [Direction.COLLECT] if one.can.collect else []
    able += [Direction.PAY_OUT] if one.can.pay_out else []
    wanted = [way for way in able if direction in (None, way)]
    if not wanted:
        fail(Exit.REFUSED, "cannot", f"{name} cannot do that anyway.", as_json=as_json)
    return [f"{name}:{way}" for way in wanted]


def _stop(targets: list[str], *, as_json: bool, dry_run: bool, **how: Any) -> None:
    how_long = how["how_long"]
    until = clock.now() + how_long if how_long else None
    by_whom = how["by_whom"] or getpass.getuser()
    rows = []
    for target in targets:
        was_on = board().paused(target)
        if not dry_run:
            switches.turn_on(
                target, Kind.PAUSED, by_whom=by_whom, reason=how["reason"], until=until
            )
        word = until.isoformat(timespec="seconds") if until else "-"
        rows.append({"target": target, "paused": not dry_run or was_on, "until": word})
    emit(rows, as_json=as_json)
    say("Nothing was changed." if dry_run else "Stopped, in every process.")


def _go(targets: list[str], *, dry_run: bool, as_json: bool) -> None:
    paused = [target for target in targets if board().paused(target)]
    if not paused:
        fail(Exit.CONFLICT, "not_paused", "It is not paused.", as_json=as_json)
    for target in paused:
        if not dry_run:
            switches.turn_off(target, Kind.PAUSED)
    emit([{"target": target, "paused": dry_run} for target in paused], as_json=as_json)
    say("Nothing was changed." if dry_run else "On again, in every process.")


@click.group("methods", cls=AppGroup, invoke_without_command=True)
@click.option("--country", help="Only this country: CI.")
@click.option("--operator", help="Only this operator: mtn.")
@click.option("--provider", help="Only this provider.")
@json_option
@click.pass_context
@with_appcontext
def methods_group(
    context: click.Context,
    country: str | None,
    operator: str | None,
    provider: str | None,
    as_json: bool,
) -> None:
    """List the methods: limits, fee, way of consenting, and whether each is on."""
    if context.invoked_subcommand is not None:
        return
    wanted = [
        row
        for row in methods.rows()
        if (country or row.country).upper() == row.country
        and (operator or row.operator).lower() == row.operator
        and (provider or row.provider) == row.provider
    ]
    emit([_row(method) for method in wanted], as_json=as_json)
    say(f"{len(wanted)} methods.")


def _row(method: Method) -> dict[str, Any]:
    return {
        "method": method.code,
        "label": method.label,
        "from": method.minimum.to_wire(),
        "to": method.maximum.to_wire(),
        "currency": method.currency,
        "fee_bp": method.fee_basis_points,
        "fee_payer": str(method.fee_payer),
        "consent": str(method.consent),
        "checked_on": method.checked_on.isoformat(),
        "state": _method_state(method),
    }


def _method_state(method: Method) -> str:
    if not method.enabled:
        return "not enabled"
    if method.provider not in payments.providers():
        return "not loaded"
    return "on" if switches.may_collect(method.provider, method.code) else "off"


@methods_group.command("off")
@click.argument("code")
@reason_option
@for_option
@as_option
@dry_run_option
@json_option
def off(code: str, as_json: bool, **how: Any) -> None:
    """Offer a method no more, without a deploy; payments made with it go on."""
    _stop([_known(code, as_json=as_json)], as_json=as_json, **how)


@methods_group.command("on")
@click.argument("code")
@dry_run_option
@json_option
def on(code: str, dry_run: bool, as_json: bool) -> None:
    """Offer a method again. Exit 5 when it was not off."""
    _go([_known(code, as_json=as_json)], dry_run=dry_run, as_json=as_json)


def _known(code: str, *, as_json: bool) -> str:
    try:
        return methods.get(code).code
    except KeyError:
        fail(Exit.NOT_FOUND, "not_found", f"No method {code}.", as_json=as_json)
