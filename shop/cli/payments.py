"""`flask payments`: find an attempt, read its story, ask its provider, decide what no provider decides."""

from __future__ import annotations

from datetime import datetime

import click
from flask.cli import AppGroup

from shop import clock, jobs, references, resolution
from shop.approvals import service as approvals
from shop.approvals.service import Subject, Voice
from shop.cli import refund, reversal, timeline
from shop.cli.options import (
    cursor_option,
    dry_run_option,
    limit_option,
    machine_account,
    name_option,
    provider_option,
    reason_option,
    since_option,
)
from shop.cli.output import Exit, emit, emit_document, fail, json_option, say
from shop.errors import Conflict, NotFound, Refusal
from shop.payments import by_hand, reading
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.payments.reading import Search
from shop.payments.states import PaymentStatus
from shop.resolution import Verdict

group = AppGroup("payments", help="Attempts to collect: find, read, ask again, decide, give back.")
group.add_command(refund.command)
group.add_command(reversal.command)


@group.command("list")
@click.option(
    "--status", type=click.Choice([str(s) for s in PaymentStatus]), help="Only this state."
)
@click.option("--country", help="Two letters: CI, SN...")
@provider_option
@since_option
@limit_option
@cursor_option
@json_option
def list_(
    status: str | None,
    country: str | None,
    provider: str | None,
    since: datetime | None,
    limit: int,
    cursor: int | None,
    as_json: bool,
) -> None:
    """List attempts, newest first."""
    wanted = Search(
        status=PaymentStatus(status) if status else None,
        provider=provider,
        country=country.upper() if country else None,
        since=since,
    )
    page = reading.search(wanted, before_id=cursor, limit=limit)
    rows = [_row(payment, as_json=as_json) for payment in page.payments]
    if as_json:
        emit_document({"payments": rows, "cursor": page.next_id})
        return
    emit(rows, as_json=False)
    more = f" Go on with --cursor {page.next_id}." if page.next_id else ""
    say(f"{len(rows)} payments.{more}")


@group.command("stuck")
@click.option("--minutes", default=15, show_default=True, help="Undecided for at least this long.")
@since_option
@json_option
def stuck(minutes: int, since: datetime | None, as_json: bool) -> None:
    """List attempts that are still undecided, oldest first."""
    rows = [
        payment
        for payment in reading.undecided_since(clock.after(-60 * minutes))
        if since is None or payment.created_at >= since
    ]
    emit([_row(payment, as_json=as_json) for payment in rows], as_json=as_json)
    say(f"{len(rows)} undecided for {minutes} minutes or more.")


@group.command("show")
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Tell one attempt's story in order: what was asked, heard, received and booked."""
    payment = _found(reference, as_json=as_json)
    steps = timeline.of_payment(payment)
    if as_json:
        emit_document(
            {"payment": timeline.facts(payment) | {"amount": payment.amount}, "timeline": steps}
        )
        return
    emit([timeline.facts(payment)], as_json=False)
    emit(steps, as_json=False)


@group.command("verify")
@click.argument("reference")
@dry_run_option
@json_option
def verify(reference: str, dry_run: bool, as_json: bool) -> None:
    """Ask the provider now what became of an attempt, settle by its answer, and say what changed."""
    payment = _found(reference, as_json=as_json)
    if not by_hand.may_be_asked(payment):
        fail(Exit.REFUSED, "never_sent", "It was never sent: nobody to ask.", as_json=as_json)
    if dry_run:
        emit([_question(payment, as_json=as_json)], as_json=as_json)
        return
    known, was = timeline.of_payment(payment), payment.status
    asked = jobs.ask_now([payment.id])
    payment = _found(reference, as_json=as_json)
    changed = [step for step in timeline.of_payment(payment) if step not in known]
    if as_json:
        emit_document(
            {"payment": _row(payment, as_json=True), "asked": bool(asked), "changed": changed}
        )
    else:
        emit([_row(payment, as_json=False)], as_json=False)
        emit(changed, as_json=False)
    if not asked:
        fail(Exit.CONFLICT, "being_asked", "Somebody is asking at this moment.", as_json=as_json)
    say("Nothing changed." if not changed else f"{was} -> {payment.status}")


@group.command("resolve")
@click.argument("reference")
@click.option(
    "--succeeded/--failed", "succeeded", required=True, default=None, help="How it ended."
)
@click.option("--transaction", default="", help="The provider's id of money we have no receipt of.")
@name_option
@reason_option
@dry_run_option
@json_option
def resolve(
    reference: str,
    succeeded: bool,
    transaction: str,
    name: str,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Decide an attempt in review. The first person proposes, a second one confirms the same."""
    payment = _found(reference, as_json=as_json)
    verdict = Verdict(succeeded, transaction)
    try:
        voice = Voice(name, machine_account(), reason)
        ended = not dry_run and resolution.resolve(payment.id, verdict, voice)
    except Refusal as error:
        code = Exit.CONFLICT if isinstance(error, Conflict) else Exit.REFUSED
        fail(code, error.code, str(error), as_json=as_json)
    said = [
        {"person": w.person, "decision": w.decision, "reason": w.reason, "at": w.at.isoformat()}
        for w in approvals.words_on(Subject("payment", payment.reference))
    ]
    payment = _found(reference, as_json=as_json)
    if as_json:
        emit_document({"payment": _row(payment, as_json=True), "ended": ended, "said": said})
    else:
        emit(said, as_json=False)
    say(_next_step(verdict, payment, ended=ended, dry_run=dry_run))


def _next_step(verdict: Verdict, payment: Payment, *, ended: bool, dry_run: bool) -> str:
    if dry_run:
        return f"Would record {verdict.words!r}; it ends when two different people said so."
    if ended:
        return f"Two people agreed: {payment.status}."
    return f"Recorded {verdict.words!r}. A second person must say the same."


def _question(payment: Payment, *, as_json: bool) -> dict[str, object]:
    """What `verify` would ask, and whom."""
    return {
        "would_ask": payment.provider,
        "about": references.spaced(payment.reference),
        "by": payment.provider_ref or "our reference",
        "amount": payment.amount if as_json else payment.money.to_wire(),
        "currency": payment.currency,
        "state": payment.status,
    }


def _found(reference: str, *, as_json: bool) -> Payment:
    try:
        return payments.find(reference)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No payment {reference}.", as_json=as_json)


def _row(payment: Payment, *, as_json: bool) -> dict[str, object]:
    """One line; for programs the amount is a whole number of minor units."""
    next_at = payment.next_check_at
    return {
        "reference": references.spaced(payment.reference),
        "state": payment.status,
        "amount": payment.amount if as_json else payment.money.to_wire(),
        "currency": payment.currency,
        "provider": payment.provider,
        "age_s": int((clock.now() - payment.created_at).total_seconds()),
        "checks": payment.checks,
        "next_check": next_at.isoformat(timespec="seconds") if next_at else "-",
    }
