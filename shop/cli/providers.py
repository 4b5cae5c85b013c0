"""`flask providers`: who can do what, how they do, and the stop buttons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
from flask.cli import AppGroup

from shop import clock, phone
from shop.alerts import service as alerts
from shop.alerts.readings import announcements
from shop.cli.durations import Duration
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.cli.provider_switches import methods_group, pause, resume
from shop.health import service as health
from shop.money import Money
from shop.payments import offering, outcomes
from shop.payments import service as payments
from shop.payments.offering import Need, Option
from shop.payments.states import Purpose
from shop.phone import CURRENCIES
from shop.providers import methods
from shop.providers.base import Provider
from shop.switches import Board, board
from shop.switches.service import Direction

group = AppGroup("providers", help="Mobile-money providers: look, measure, stop, resume.")
group.add_command(pause)
group.add_command(resume)
group.add_command(methods_group)


@group.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the loaded providers, and what of each is on."""
    now = board()
    rows = [
        {
            "provider": name,
            "label": one.label,
            "countries": " ".join(one.countries),
            "methods": sum(row.provider == name for row in methods.all_methods()),
            "collections": _state(now, one, Direction.COLLECT),
            "payouts": _state(now, one, Direction.PAY_OUT),
            "webhooks": _webhooks(now, one),
        }
        for name, one in payments.providers().items()
    ]
    emit(rows, as_json=as_json)
    say(f"{len(rows)} providers.")


def _state(now: Board, provider: Provider, direction: Direction) -> str:
    able = provider.can.collect if direction is Direction.COLLECT else provider.can.pay_out
    if not able:
        return "none"
    if now.stopped(provider.name, direction):
        return "paused"
    return "resting" if now.resting(provider.name, direction) else "on"


def _webhooks(now: Board, provider: Provider) -> str:
    if provider.can.webhook is None:
        return "none"
    return "silent" if now.silent(provider.name) else str(provider.can.webhook)


@group.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show what one provider can do, its rhythm, and why it is stopped, if it is."""
    one = payments.providers().get(name)
    if one is None:
        fail(Exit.NOT_FOUND, "not_found", f"No provider {name} is loaded.", as_json=as_json)
    now = board()
    facts: dict[str, Any] = {
        "provider": name,
        "label": one.label,
        "docs": one.docs_url,
        "countries": " ".join(one.countries),
        "collections": _state(now, one, Direction.COLLECT),
        "payouts": _state(now, one, Direction.PAY_OUT),
        "webhooks": _webhooks(now, one),
        "refund": one.can.refund,
        "balance": one.can.balance,
        "hosted_page": one.can.hosted_page,
        "deduplicates": one.can.deduplicates,
        "concurrency": one.timing.concurrency,
        "polls_s": " ".join(str(seconds) for seconds in one.timing.polls_s),
    }
    stops = [
        {"target": target, "switch": str(kind), "reason": reason}
        for (target, kind), reason in now.on.items()
        if target.partition(":")[0] == name
    ]
    if as_json:
        emit([{**facts, "stops": stops}], as_json=True)
        return
    emit([{"fact": key, "value": value} for key, value in facts.items()], as_json=False)
    emit(stops, as_json=False)


@group.command("health")
@click.option("--provider", "name", help="Only this one.")
@click.option(
    "--since", "age", type=Duration(), default="1h", show_default=True, help="30m, 2h, 7d."
)
@json_option
def show_health(name: str | None, age: timedelta, as_json: bool) -> None:
    """Show calls, errors, latency, outcomes and open alerts. Exit 6 while an alert is open."""
    if name is not None and name not in payments.providers():
        fail(Exit.NOT_FOUND, "not_found", f"No provider {name} is loaded.", as_json=as_json)
    since = clock.now() - age
    health.flush(now=True)
    calls = [_calls_row(one) for one in health.calls_since(since, name)]
    ended = [
        _ending_row(one)
        for one in outcomes.endings_since(since)
        if name in (None, methods.get(one.method).provider)
    ]
    going_on = [
        {
            "alert": alert.id, "kind": alert.kind, "subject": alert.subject,
            "since": alert.opened_at.isoformat(timespec="seconds"), "told": alert.told,
        }
        for alert in alerts.open_alerts()
        if name is None or _concerns(alert.subject, name)
    ]  # fmt: skip
    announced = [_announced_row(one) for one in payments.providers() if name in (None, one)]
    tables = {"calls": calls, "outcomes": ended, "webhooks": announced, "alerts": going_on}
    if as_json:
        emit([tables], as_json=True)
    else:
        for rows in tables.values():
            emit(rows, as_json=False)
    if going_on:
        fail(Exit.DIFFERENCES, "alerts", f"{len(going_on)} alerts are open.")
    say("No alert is open.")


def _concerns(subject: str, provider: str) -> bool:
    """Say whether an alert is about this provider: its name, its operation, or one of its methods."""
    if subject.partition(":")[0] == provider:
        return True
    return any(row.code == subject and row.provider == provider for row in methods.rows())


def _calls_row(one: health.Calls) -> dict[str, Any]:
    errors = " ".join(f"{kind}:{count}" for kind, count in one.errors.items()) or "-"
    return {
        "provider": one.provider, "operation": one.operation, "calls": one.calls,
        "failed": one.failed, "mean_ms": one.mean_ms, "longest_ms": one.longest_ms,
        "errors": errors,
    }  # fmt: skip


def _ending_row(one: outcomes.Ending) -> dict[str, Any]:
    counted = one.succeeded + one.failed
    return {
        "method": one.method, "succeeded": one.succeeded, "failed": one.failed,
        "payers_own": one.payers_own,
        "success_percent": 100 * one.succeeded // counted if counted else None,
        "median_s": one.median_s,
    }  # fmt: skip


def _announced_row(name: str) -> dict[str, Any]:
    announced, verified = announcements(name)
    return {"provider": name, "announced": announced, "verified": verified}


@group.command("guess")
@click.argument("number")
@click.option("--country", default="CI", show_default=True, help="Where the number is from.")
@click.option("--amount", default=5_000, show_default=True, help="In minor units.")
@click.option("--key", default="", help="A form's key: show the choice that this form gives.")
@json_option
def guess(number: str, country: str, amount: int, key: str, as_json: bool) -> None:
    """Say whose number it is, and through whom each operator would be paid, with the reasons."""
    try:
        payer = phone.parse(number, country.upper())
    except phone.PhoneError as error:
        fail(Exit.USAGE, "bad_number", f"Not a number: {error}.", as_json=as_json)
    need = Need(
        purpose=Purpose.ORDER,
        purpose_id=0,
        owed=Money(amount, CURRENCIES[payer.country]),
        country=payer.country,
        form_key=key,
    )
    rows = [row for option in offering.options(need, payer) for row in _reasons(option)]
    emit(rows, as_json=as_json)
    say(f"{payer.country}, operator {payer.operator or 'unknown'}.")


def _reasons(option: Option) -> list[dict[str, Any]]:
    known = {one.method: one for one in option.choice.facts}
    return [
        {
            "operator": option.operator + ("*" if option.suggested else ""),
            "place": place,
            "method": code,
            "chosen": code == option.choice.chosen,
            "success_bp": known[code].rate_bp,
            "of": known[code].ended,
            "cost": known[code].cost,
            "obstacle": known[code].obstacle or "-",
        }
        for place, code in enumerate(option.choice.ranking, start=1)
    ]
