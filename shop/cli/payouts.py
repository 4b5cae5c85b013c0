"""`flask payouts`: where money that left, or should have, is; and what people may do about it."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup

from shop import clock, jobs, payout_decisions, queue, references
from shop.cli.confirming import is_only_planned, yes_option
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.db import transaction
from shop.errors import Conflict, NotFound, Refusal
from shop.payouts import reading
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.states import PayoutStatus

group = AppGroup("payouts", help="Money sent to phones: look, ask again, decide.")

dry_option = click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
reason_option = click.option("--reason", required=True, help="Why, kept with the payout.")
as_option = click.option("--as", "name", help="Your name, kept with the payout.")


@group.command("list")
@click.option("--status", type=click.Choice([str(s) for s in PayoutStatus]), multiple=True)
@click.option("--provider", default="")
@click.option("--limit", default=50, show_default=True)
@json_option
def list_(status: tuple[str, ...], provider: str, limit: int, as_json: bool) -> None:
    """List payouts, newest first."""
    statuses = [PayoutStatus(word) for word in status]
    rows = reading.listed(statuses=statuses, provider=provider, limit=limit)
    emit([_row(payout) for payout in rows], as_json=as_json)
    say(f"{len(rows)} payouts.")


@group.command("show")
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show a payout and the evidence behind it."""
    payout = _found(reference, as_json=as_json)
    events: list[dict[str, Any]] = [
        {
            "at": e.at.isoformat(),
            "source": e.source,
            "from": e.old,
            "to": e.new,
            "evidence": e.evidence,
            "words": e.words,
        }
        for e in reading.events_of(payout.id)
    ]
    if as_json:
        emit([{**_row(payout), "events": events}], as_json=True)
        return
    emit([_row(payout)], as_json=False)
    emit(events, as_json=False)


@group.command("verify")
@click.argument("reference")
@json_option
def verify(reference: str, as_json: bool) -> None:
    """Ask the provider now what became of a payout, and settle by its answer."""
    payout = _found(reference, as_json=as_json)
    with transaction():
        payouts.make_due(payouts.locked([payout.id]).values())
    jobs.verify_payouts()
    emit([_row(_found(reference, as_json=as_json))], as_json=as_json)


@group.command("retry")
@click.argument("reference")
@reason_option
@as_option
@dry_option
@yes_option
@json_option
def retry(
    reference: str, reason: str, name: str | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Send what came back to the wallet once more, as a new payout; the old one stays failed."""
    payout = _found(reference, as_json=as_json)
    if payout.state is not PayoutStatus.FAILED or payout.late_ref is not None:
        fail(Exit.CONFLICT, "not_retryable", f"It is {payout.status}, not failed.", as_json=as_json)
    plan = f"{_text(payout)} would leave the wallet again, as a new payout."
    if is_only_planned(
        payout.reference, _row(payout), plan, dry_run=dry_run, yes=yes, as_json=as_json
    ):
        return
    with _refusals(as_json=as_json):
        again = payout_decisions.retry_payout(payout.id, _who(name), reason)
    queue.ring("send_payouts")
    emit([_row(again)], as_json=as_json)


@group.command("cancel")
@click.argument("reference")
@reason_option
@as_option
@dry_option
@yes_option
@json_option
def cancel(
    reference: str, reason: str, name: str | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Give up a payout that was never sent: its money returns to the wallet."""
    payout = _found(reference, as_json=as_json)
    if payout.state not in (PayoutStatus.REQUESTED, PayoutStatus.HELD):
        fail(Exit.CONFLICT, "not_cancellable", f"It is {payout.status}: too late.", as_json=as_json)
    plan = f"{_text(payout)} would return to the wallet."
    if is_only_planned(
        payout.reference, _row(payout), plan, dry_run=dry_run, yes=yes, as_json=as_json
    ):
        return
    with _refusals(as_json=as_json):
        payout_decisions.cancel_payout(payout.id, _who(name), reason)
    emit([_row(_found(reference, as_json=as_json))], as_json=as_json)


@group.command("release")
@click.argument("reference")
@as_option
@json_option
def release(reference: str, name: str | None, as_json: bool) -> None:
    """Let a held payout go."""
    payout = _found(reference, as_json=as_json)
    with _refusals(as_json=as_json):
        payout_decisions.release_payout(payout.id, _who(name))
    queue.ring("send_payouts")
    emit([_row(_found(reference, as_json=as_json))], as_json=as_json)


@group.command("resolve")
@click.argument("reference")
@click.option("--succeeded", "to", flag_value="succeeded", help="The money left.")
@click.option("--failed", "to", flag_value="failed", help="It surely did not, and never will.")
@click.option("--transaction", help="The provider's id of the money that left, from its portal.")
@reason_option
@click.option("--as", "name", required=True, help="Your name: two different people decide.")
@dry_option
@yes_option
@json_option
def resolve(
    reference: str, to: str | None, transaction: str | None, reason: str, name: str,
    dry_run: bool, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """End a payout in review. The first person proposes; another one, saying the same, confirms."""
    if to is None or (to == "succeeded") != bool(transaction):
        raise click.UsageError("--succeeded --transaction ID, or --failed")
    payout = _found(reference, as_json=as_json)
    plan = f"{_text(payout)} would be recorded as {to}, once two people say so."
    if is_only_planned(
        payout.reference, _row(payout), plan, dry_run=dry_run, yes=yes, as_json=as_json
    ):
        return
    with _refusals(as_json=as_json):
        payout_decisions.resolve_payout(payout.id, PayoutStatus(to), name, reason, transaction)
    payout = _found(reference, as_json=as_json)
    emit([_row(payout)], as_json=as_json)
    if payout.state is PayoutStatus.REVIEW:
        say("Proposed. Another person confirms with the same command under their own name.")


@contextmanager
def _refusals(*, as_json: bool) -> Iterator[None]:
    """Turn a refusal into its exit code and a sentence."""
    try:
        yield
    except Refusal as error:
        code = Exit.CONFLICT if isinstance(error, Conflict) else Exit.REFUSED
        fail(code, error.code, f"{error}.", as_json=as_json)


def _who(name: str | None) -> str:
    return name or getpass.getuser()


def _text(payout: Payout) -> str:
    return f"{payout.money.to_wire()} {payout.currency}"


def _found(reference: str, *, as_json: bool) -> Payout:
    try:
        return payouts.find(reference)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No payout {reference}.", as_json=as_json)


def _row(payout: Payout) -> dict[str, object]:
    next_at = payout.next_check_at
    return {
        "reference": references.spaced(payout.reference),
        "state": payout.status,
        "amount": payout.money.to_wire(),
        "currency": payout.currency,
        "provider": payout.provider,
        "purpose": payout.purpose,
        "reason": payout.reason or "-",
        "age_s": int((clock.now() - payout.created_at).total_seconds()),
        "next_check": next_at.isoformat(timespec="seconds") if next_at else "-",
    }
