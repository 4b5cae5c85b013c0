"""`flask escrow`: what is held, and the decisions only staff may take, each with its reason."""

from __future__ import annotations

import click
from flask.cli import AppGroup

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
from shop.cli.output import Exit, fail, json_option, say
from shop.i18n import amount_text
from shop.money import Money
from shop.orders import reading
from shop.orders.models import SellerOrder
from shop.orders.states import Stage
from shop.references import spaced

group = AppGroup("escrow", help="Money held for orders: list, release, refund.")


@group.command("list")
@click.option("--limit", default=50, show_default=True, help="Oldest so many.")
@json_option
def list_(limit: int, as_json: bool) -> None:
    """List what is held, what is due first on top, and say what it sums to."""
    rows = reading.held(limit)
    emit_part(rows, as_json=as_json)
    for total in reading.held_totals():
        say(f"{total.to_wire()} {total.currency} held in all.")


@group.command("release")
@click.argument("reference")
@reason_option
@as_option
@dry_run_option
@yes_option
@json_option
def release(
    reference: str, reason: str, name: str | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Pay the seller of an open order. Asks for the reference first."""
    part = found(reference, as_json=as_json)
    plan = f"Release {amount_text(part.net)} to {part.store.name}, {amount_text(part.due_commission)} kept."
    if confirmed(part, plan, dry_run=dry_run, yes=yes, as_json=as_json):
        decide(part, Stage.CONFIRMED, acting(reason, name), as_json=as_json)


@group.command("refund")
@click.argument("reference")
@click.option("--amount", help="Only so much, in minor units; the seller has the rest.")
@reason_option
@as_option
@dry_run_option
@yes_option
@json_option
def refund(
    reference: str, amount: str | None, reason: str, name: str | None, dry_run: bool, yes: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Give the buyer of an open order everything back, or a part. Asks for the reference first."""
    part = found(reference, as_json=as_json)
    back = _back(part, amount, as_json=as_json)
    whole = f"{amount_text(part.held)} of {spaced(part.reference)}"
    plan = f"Give {amount_text(back)} of {whole} back to the buyer."
    if not confirmed(part, plan, dry_run=dry_run, yes=yes, as_json=as_json):
        return
    if back == part.held:
        decide(part, Stage.CANCELLED, acting(reason, name), as_json=as_json)
    else:
        decide(part, Stage.DECIDED, acting(reason, name), back, as_json=as_json)


def _back(part: SellerOrder, amount: str | None, *, as_json: bool) -> Money:
    if amount is None:
        return part.held
    if not (amount.isascii() and amount.isdigit() and 0 < int(amount) <= part.held.amount):
        fail(
            Exit.USAGE,
            "bad_amount",
            f"--amount goes from 1 to {part.held.amount}.",
            as_json=as_json,
        )
    return Money(int(amount), part.currency)
