"""`flask disputes`: what two people do not agree on, and what staff decides, with a written reason."""

from __future__ import annotations

import getpass

import click
from flask.cli import AppGroup

from shop.approvals.service import Voice
from shop.cli.escrow_words import (
    acting,
    as_option,
    confirmed,
    dry_run_option,
    found,
    reason_option,
    yes_option,
)
from shop.cli.output import Exit, emit, emit_document, fail, json_option, say
from shop.errors import NotFound
from shop.i18n import amount_text
from shop.money import Money
from shop.orders import disputes, talk
from shop.orders.models import SellerOrder
from shop.orders.refusals import NotThatStep
from shop.orders.talk_models import Dispute
from shop.references import spaced

group = AppGroup("disputes", help="Problems that buyers reported: list, show, decide.")


@group.command("list")
@click.option("--limit", default=50, show_default=True, help="Oldest so many.")
@json_option
def list_(limit: int, as_json: bool) -> None:
    """List what is not settled yet, oldest first."""
    emit([_row(dispute) for dispute in disputes.unsettled(limit)], as_json=as_json)


@group.command("show")
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show one dispute: what was reported, proposed and kept as evidence."""
    part = found(reference, as_json=as_json)
    dispute = _dispute_of(part, as_json=as_json)
    events = [
        {"at": e.at.isoformat(timespec="seconds"), "who": e.actor, "what": e.what, "words": e.words}
        for e in disputes.history(dispute)
    ]
    evidence = [
        {
            "at": m.at.isoformat(timespec="seconds"),
            "who": m.actor,
            "what": "message",
            "words": m.text,
        }
        for m in talk.pinned(part)
    ]
    if as_json:
        emit_document(_row(dispute) | {"events": events, "evidence": evidence})
        return
    emit([_row(dispute)], as_json=False)
    say(dispute.words)
    emit([*events, *evidence], as_json=False)


@group.command("decide")
@click.argument("reference")
@click.option(
    "--amount", required=True, help="What the buyer gets back, in minor units; 0 for nothing."
)
@reason_option
@as_option
@dry_run_option
@yes_option
@json_option
def decide(
    reference: str,
    amount: str,
    reason: str,
    name: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Decide who gets what. Two days to contest; much money takes a second person's same word."""
    part = found(reference, as_json=as_json)
    back = _back(part, amount, as_json=as_json)
    acting(reason, name)  # an empty reason stops here
    plan = f"Give {amount_text(back)} of {amount_text(part.total)} back to the buyer."
    if not confirmed(part, plan, dry_run=dry_run, yes=yes, as_json=as_json):
        return
    account = getpass.getuser()
    try:
        done = disputes.decide(part.reference, back, Voice(name or account, account, reason))
    except NotFound:
        fail(
            Exit.NOT_FOUND,
            "not_found",
            f"No dispute about {spaced(part.reference)}.",
            as_json=as_json,
        )
    except NotThatStep:
        fail(Exit.CONFLICT, "not_that_step", "There is nothing to decide now.", as_json=as_json)
    if not done:
        say("Noted. A second person has to say the same amount.")
    emit([_row(_dispute_of(part, as_json=as_json))], as_json=as_json)


def _dispute_of(part: SellerOrder, *, as_json: bool) -> Dispute:
    dispute = disputes.of_part(part)
    if dispute is None:
        fail(
            Exit.NOT_FOUND,
            "not_found",
            f"No dispute about {spaced(part.reference)}.",
            as_json=as_json,
        )
    return dispute


def _back(part: SellerOrder, amount: str, *, as_json: bool) -> Money:
    if not (amount.isascii() and amount.isdigit() and len(amount) < 18):
        fail(
            Exit.USAGE, "bad_amount", "--amount is a whole number of minor units.", as_json=as_json
        )
    if int(amount) > part.held.amount:
        fail(Exit.USAGE, "bad_amount", f"--amount is {part.held.amount} at most.", as_json=as_json)
    return Money(int(amount), part.currency)


def _row(dispute: Dispute) -> dict[str, object]:
    part = dispute.part
    return {
        "reference": spaced(part.reference),
        "status": dispute.status,
        "reason": dispute.reason,
        "since": dispute.opened_at.isoformat(timespec="seconds"),
        "total": part.total_amount,
        "back": "-" if dispute.back_amount is None else dispute.back_amount,
        "currency": dispute.currency,
        "next": dispute.wake_at.isoformat(timespec="seconds") if dispute.wake_at else "-",
        "staff": "yes" if part.staff_since else "-",
        "store": part.store.name,
    }
