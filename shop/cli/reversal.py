"""`flask payments reversed`: book that an operator took back what it had confirmed. Two people."""

from __future__ import annotations

import click

from shop import references, reversals
from shop.approvals import service as approvals
from shop.approvals.service import Subject, Voice
from shop.cli.options import dry_run_option, machine_account, name_option, reason_option
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.errors import Conflict, NotFound, Refusal
from shop.payments import service as payments


@click.command("reversed")
@click.argument("reference")
@name_option
@reason_option
@dry_run_option
@json_option
def command(reference: str, name: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Book a reversal read on the operator's portal. One person proposes, a second confirms the same.

    Sellers who were paid owe it by the policy; what is held is frozen; everybody is told.
    """
    try:
        payment = payments.find(reference)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No payment {reference}.", as_json=as_json)
    name_of, payment_id = payment.reference, payment.id
    try:
        voice = Voice(name, machine_account(), reason)
        done = not dry_run and reversals.reverse(payment_id, voice)
    except Refusal as refused:
        code = Exit.CONFLICT if isinstance(refused, Conflict) else Exit.REFUSED
        fail(code, refused.code, str(refused), as_json=as_json)
    words = approvals.words_on(Subject("payment", name_of))
    emit(
        [{"person": w.person, "decision": w.decision, "reason": w.reason} for w in words],
        as_json=as_json,
    )
    if dry_run:
        say("Would record it; it is booked when two different people said so.")
    elif done:
        say(f"Booked: the operator took {references.spaced(name_of)} back.")
    else:
        say("Recorded. A second person must say the same.")
