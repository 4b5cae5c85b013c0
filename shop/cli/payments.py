"""`flask payments`: where to look when a payment is stuck."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from shop import clock, jobs, references
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.db import transaction
from shop.errors import NotFound
from shop.payments import reading
from shop.payments import service as payments
from shop.payments.models import Payment

group = AppGroup("payments", help="Attempts to collect: look, ask again.")


@group.command("stuck")
@click.option("--minutes", default=15, show_default=True, help="Undecided for at least this long.")
@json_option
def stuck(minutes: int, as_json: bool) -> None:
    """List attempts that are still undecided, oldest first."""
    rows = reading.undecided_since(clock.after(-60 * minutes))
    emit([_row(payment) for payment in rows], as_json=as_json)
    say(f"{len(rows)} undecided for {minutes} minutes or more.")


@group.command("show")
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show an attempt, the evidence behind it, and the money that came."""
    payment = _found(reference, as_json=as_json)
    emit([_row(payment)], as_json=as_json)
    events = [
        {"at": e.at.isoformat(), "source": e.source, "from": e.old, "to": e.new, "words": e.words}
        for e in reading.events_of(payment.id)
    ]
    emit(events, as_json=as_json)
    receipts = [
        {
            "transaction": r.transaction_ref,
            "amount": r.money.to_wire(),
            "currency": r.currency,
            "disposition": r.disposition,
            "note": r.note,
        }
        for r in reading.receipts_of(payment.id)
    ]
    emit(receipts, as_json=as_json)


@group.command("verify")
@click.argument("reference")
@json_option
def verify(reference: str, as_json: bool) -> None:
    """Ask the provider now what became of an attempt, and settle by its answer."""
    payment = _found(reference, as_json=as_json)
    with transaction():
        payments.make_due(payments.locked([payment.id]).values())
    jobs.verify_payments()
    emit([_row(_found(reference, as_json=as_json))], as_json=as_json)


def _found(reference: str, *, as_json: bool) -> Payment:
    try:
        return payments.find(reference)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No payment {reference}.", as_json=as_json)


def _row(payment: Payment) -> dict[str, object]:
    next_at = payment.next_check_at
    return {
        "reference": references.spaced(payment.reference),
        "state": payment.status,
        "amount": payment.money.to_wire(),
        "currency": payment.currency,
        "provider": payment.provider,
        "age_s": int((clock.now() - payment.created_at).total_seconds()),
        "checks": payment.checks,
        "next_check": next_at.isoformat(timespec="seconds") if next_at else "-",
    }
