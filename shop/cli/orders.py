"""`flask orders`: what became of an order, and how to end one that nobody else ends."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from shop.cli import order_refund
from shop.cli.escrow_words import (
    acting,
    as_option,
    confirmed,
    decide,
    dry_run_option,
    emit_part,
    found,
    reason_option,
    yes_option,
)
from shop.cli.output import emit, json_option, say
from shop.i18n import amount_text
from shop.orders import fulfilment, reading, whereabouts, wording
from shop.orders.states import Stage
from shop.references import spaced

STAGES = [str(stage) for stage in Stage if stage is not Stage.UNPAID]

group = AppGroup("orders", help="Orders after payment: list, look, cancel.")


@group.command("list")
@click.option("--stage", type=click.Choice(STAGES), help="Only this stage.")
@click.option("--staff", is_flag=True, help="Only those that wait for us.")
@click.option("--limit", default=50, show_default=True, help="Newest so many.")
@json_option
def list_(stage: str | None, staff: bool, limit: int, as_json: bool) -> None:
    """List paid orders, newest first; with --staff those a person must look at, oldest call first."""
    rows = reading.latest(Stage(stage) if stage else None, staff=staff, limit=limit)
    emit_part(rows, as_json=as_json)
    say(f"{len(rows)} orders.")


@group.command("show")
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show one seller order, and where its money is by the books."""
    part = found(reference, as_json=as_json)
    emit_part([part], as_json=as_json)
    where = whereabouts.of(part)
    say(whereabouts.for_buyer(part, where))
    say(whereabouts.for_seller(part, where))


@group.command("timeline")
@click.argument("reference")
@json_option
def timeline(reference: str, as_json: bool) -> None:
    """Tell everything that happened to an order: when, who, what, in whose words."""
    part = found(reference, as_json=as_json)
    events = fulfilment.history(part.id)
    emit(
        [
            {
                "at": e.at.isoformat(timespec="seconds"),
                "actor": e.actor,
                "user": e.user_id or "-",
                "what": e.what,
                "says": str(wording.STEPS[e.what, e.actor]),
                "words": e.words,
            }
            for e in events
        ],
        as_json=as_json,
    )


@group.command("cancel")
@click.argument("reference")
@reason_option
@as_option
@dry_run_option
@yes_option
@json_option
def cancel(
    reference: str, reason: str, name: str | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Cancel an open order and give the buyer everything back. Asks for the reference first."""
    part = found(reference, as_json=as_json)
    amount, words = amount_text(part.held), acting(reason, name)
    plan = f"Cancel {spaced(part.reference)} and refund {amount} to the buyer."
    if confirmed(part, plan, dry_run=dry_run, yes=yes, as_json=as_json):
        decide(part, Stage.CANCELLED, words, as_json=as_json)


group.add_command(order_refund.command)
