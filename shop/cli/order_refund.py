"""`flask orders refund`: give back a sale, or a part of it, as staff, before or after the release."""

from __future__ import annotations

import hashlib

import click

from shop import queue
from shop.approvals.service import Voice
from shop.cli.escrow_words import confirmed, dry_run_option, found, yes_option
from shop.cli.options import machine_account, name_option, reason_option
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.db import end_read
from shop.errors import Conflict, Refusal
from shop.i18n import amount_text
from shop.money import Money, MoneyError
from shop.orders import refund_rows, refunding
from shop.orders.models import SellerOrder
from shop.orders.policy import Cause, Shares
from shop.orders.refund_models import OrderRefund
from shop.orders.refunding import Wanted
from shop.references import spaced

#: What staff may give as the cause; `staff` is our own money.
CAUSES = (
    Cause.NOT_RECEIVED, Cause.NOT_AS_DESCRIBED, Cause.MISSING, Cause.RETURNED, Cause.GOODWILL,
    Cause.STAFF,
)  # fmt: skip


@click.command("refund")
@click.argument("reference")
@click.option("--amount", "typed", required=True, help="How much, in units of the currency.")
@click.option(
    "--cause", type=click.Choice([str(c) for c in CAUSES]), required=True,
    help="Why, by the policy: it says who bears what.",
)  # fmt: skip
@reason_option
@name_option
@dry_run_option
@yes_option
@json_option
def command(
    reference: str, typed: str, cause: str, reason: str, name: str, dry_run: bool, yes: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Give the buyer back a part of a paid order, or all of it. Much money takes two people.

    Says who bears what first. The same amount, cause and reason again is the same refund.
    """
    part = found(reference, as_json=as_json)
    wanted = _wanted(part, typed, cause, reason, as_json=as_json)
    if refund_rows.found(wanted.form_key) is None:
        shares = _planned(part, wanted, as_json=as_json)
        if not confirmed(part, _plan(part, shares), dry_run=dry_run, yes=yes, as_json=as_json):
            return
    end_read()
    row = _given(part, wanted, Voice(name, machine_account(), reason), as_json=as_json)
    if row is None:
        say("Noted. A second person has to say exactly the same.")
        return
    queue.ring("return_parts")
    emit([_row(part, row)], as_json=as_json)


def _wanted(part: SellerOrder, typed: str, cause: str, reason: str, *, as_json: bool) -> Wanted:
    try:
        amount = Money.typed(typed, part.currency)
    except MoneyError:
        fail(Exit.USAGE, "amount", f"{typed!r} is no amount of {part.currency}.", as_json=as_json)
    # Two people say the same, so the name is not in the key; run again, the command refunds once.
    words = "\n".join(("staff-refund", part.reference, amount.to_wire(), cause, reason.strip()))
    key = hashlib.sha256(words.encode()).hexdigest()
    return Wanted(key, amount, Cause(cause), reason)


def _planned(part: SellerOrder, wanted: Wanted, *, as_json: bool) -> Shares:
    try:
        return refund_rows.planned(part, wanted.amount, wanted.cause)
    except Refusal as refused:
        fail(Exit.CONFLICT, refused.code, f"{refused}.", as_json=as_json)


def _plan(part: SellerOrder, shares: Shares) -> str:
    borne = (
        f"the seller bears {amount_text(shares.seller)}, we bear {amount_text(shares.platform)},"
        f" the operator {amount_text(shares.provider)}"
    )
    return f"Give {amount_text(shares.buyer)} of {spaced(part.reference)} back: {borne}."


def _given(part: SellerOrder, wanted: Wanted, voice: Voice, *, as_json: bool) -> OrderRefund | None:
    try:
        return refunding.by_staff(part.reference, wanted, voice)
    except Refusal as refused:
        code = Exit.CONFLICT if isinstance(refused, Conflict) else Exit.REFUSED
        fail(code, refused.code, f"{refused}.", as_json=as_json)


def _row(part: SellerOrder, row: OrderRefund) -> dict[str, object]:
    return {
        "reference": spaced(part.reference),
        "cause": row.cause,
        "source": row.source,
        "buyer": row.buyer.to_wire(),
        "seller": row.seller_amount,
        "platform": row.platform_amount,
        "provider": row.provider_amount,
        "currency": row.currency,
    }
