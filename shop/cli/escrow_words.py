"""What the commands about orders and their money share: options, questions, rows, exit codes."""

from __future__ import annotations

import getpass
from collections.abc import Sequence

import click

from shop import references
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.errors import NotFound
from shop.money import Money
from shop.orders import fulfilment, reading
from shop.orders.fulfilment import By
from shop.orders.models import SellerOrder
from shop.orders.refusals import NotThatStep
from shop.orders.states import Actor, Stage

__all__ = ["acting", "as_option", "confirmed", "decide", "dry_run_option", "emit_part", "found",
           "json_option", "reason_option", "yes_option"]  # fmt: skip

reason_option = click.option("--reason", required=True, help="Why; both sides read it.")
as_option = click.option("--as", "name", help="Who decides, when it is not who types.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def found(reference: str, *, as_json: bool) -> SellerOrder:
    """Find a paid seller order by its reference, or stop with exit code 3."""
    try:
        return reading.paid(references.parse(reference) or "")
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No paid order {reference}.", as_json=as_json)


def acting(reason: str, name: str | None) -> By:
    """Make staff's signature: the reason, and who gave it."""
    if not reason.strip():
        fail(Exit.USAGE, "needs_reason", "--reason says why, in words.")
    return By(Actor.STAFF, words=f"{reason.strip()} ({name or getpass.getuser()})")


def confirmed(part: SellerOrder, plan: str, *, dry_run: bool, yes: bool, as_json: bool) -> bool:
    """Say the plan and ask for the reference; False after a dry run. Never assumes a yes."""
    say(plan)
    if dry_run:
        return False
    if yes:
        return True
    asked = f"Type {references.spaced(part.reference)} to confirm"
    try:
        typed = click.prompt(asked, default="", show_default=False, err=True)
    except click.Abort:  # nobody there to answer: a yes is never assumed
        typed = ""
    if references.parse(typed) != part.reference:
        fail(Exit.REFUSED, "not_confirmed", "Not confirmed: nothing was changed.", as_json=as_json)
    return True


def decide(
    part: SellerOrder, to: Stage, by: By, back: Money | None = None, *, as_json: bool
) -> None:
    """Take staff's step and show what it made, or stop with exit code 5 when it is too late."""
    try:
        fulfilment.decide(part.reference, to, by, back)
    except NotThatStep:
        now = reading.paid(part.reference)
        fail(
            Exit.CONFLICT,
            "not_that_step",
            f"{references.spaced(now.reference)} is {now.stage}, its money {now.escrow}.",
            as_json=as_json,
        )
    emit_part([reading.paid(part.reference)], as_json=as_json)


def emit_part(parts: Sequence[SellerOrder], *, as_json: bool) -> None:
    """Print seller orders as rows; amounts in minor units."""
    emit([_row(part) for part in parts], as_json=as_json)


def _row(part: SellerOrder) -> dict[str, object]:
    return {
        "reference": references.spaced(part.reference),
        "stage": part.stage,
        "escrow": part.escrow,
        "total": part.total_amount,
        "seller": part.released_amount,
        "kept": part.kept_amount,
        "buyer": part.refunded_amount,
        "currency": part.currency,
        "due": part.due_at.isoformat(timespec="seconds") if part.due_at else "-",
        "staff": "yes" if part.staff_since else "-",
        "store": part.store.name,
    }
