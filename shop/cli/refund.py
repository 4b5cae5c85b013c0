"""`flask payments refund`: give money that paid for nothing back to whoever sent it."""

from __future__ import annotations

import hashlib

import click

from shop import queue, references, refunds
from shop.cli.confirming import is_only_planned, yes_option
from shop.cli.options import dry_run_option, machine_account, name_option, reason_option
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.db import end_read, session
from shop.errors import Conflict, InsufficientFunds, NotFound, Refusal
from shop.money import Money, MoneyError
from shop.payments import reading
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payouts.models import Payout, Refund


@click.command("refund")
@click.argument("reference")
@click.option("--amount", "typed", default="", help="A part, in units of the currency; else all.")
@reason_option
@name_option
@dry_run_option
@yes_option
@json_option
def command(
    reference: str, typed: str, reason: str, name: str, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Give back what a payment brought and no order used: it leaves the payer's wallet.

    By the provider's own refund where there is one, else by a payout to the payer, else it stays in
    the wallet and the payer is told. The same words again are the same refund (exit 5).
    """
    payment = _found(reference, as_json=as_json)
    receipt = _receipt(payment, as_json=as_json)
    form_key = _key(receipt, typed, name, reason)
    first = refunds.found(form_key)
    if first is not None:
        emit([_row(payment, first)], as_json=as_json)
        fail(Exit.CONFLICT, "already_asked", "Asked before: this is that refund.", as_json=as_json)
    amount = _amount(receipt, typed, as_json=as_json)
    facts, plan = _planned(payment, receipt, amount)
    end_read()
    if is_only_planned(payment.reference, facts, plan, dry_run=dry_run, yes=yes, as_json=as_json):
        return
    made = _given_back(
        receipt, amount, form_key, f"{reason} ({name}, {machine_account()})", as_json
    )
    queue.ring("send_payouts")
    emit([_row(payment, made)], as_json=as_json)
    if made.payout_id is None:
        say("Nobody can carry it: it is in the payer's wallet, and the payer was told.")


def _receipt(payment: Payment, *, as_json: bool) -> Receipt:
    """Pick what can be given back of a payment: the first receipt with something left in the wallet."""
    receipts = reading.receipts_of(payment.id)
    if not receipts:
        fail(Exit.REFUSED, "nothing_received", "No money came through it.", as_json=as_json)
    return next((one for one in receipts if refunds.left_in_wallet(one)), receipts[0])


def _amount(receipt: Receipt, typed: str, *, as_json: bool) -> Money:
    left = refunds.left_in_wallet(receipt)
    if not left:
        used = receipt.applied_amount == receipt.amount
        word, sentence = _NOTHING_LEFT[used]
        fail(Exit.CONFLICT, word, sentence, as_json=as_json)
    try:
        amount = Money.typed(typed, receipt.currency) if typed else left
    except MoneyError:
        fail(
            Exit.USAGE, "amount", f"{typed!r} is no amount of {receipt.currency}.", as_json=as_json
        )
    if amount > left:
        fail(Exit.REFUSED, "above_receipt", f"{left} can still be given back.", as_json=as_json)
    return amount


_NOTHING_LEFT = {
    True: ("in_order", "The money pays its order, and is given back with the order."),
    False: ("already_given_back", "All of it was given back already."),
}


def _planned(payment: Payment, receipt: Receipt, amount: Money) -> tuple[dict[str, object], str]:
    """Say by which road it would go."""
    road = refunds.road_of(receipt, payment, amount)
    facts = _facts(
        payment, amount, road[0] if road else "wallet", road[1].provider if road else "-"
    )
    way = f"by {road[1].provider} ({road[0]})" if road else "nowhere: nobody can carry it"
    return facts, f"{amount} would go from the payer's wallet to the payer's phone, {way}."


def _given_back(
    receipt: Receipt, amount: Money, form_key: str, reason: str, as_json: bool
) -> Refund:
    source = refunds.wallet_of(receipt)
    try:
        made = refunds.refund_receipt(
            receipt.id, amount, source=source, form_key=form_key, reason=reason
        )
    except InsufficientFunds as short:
        sentence = f"The payer's wallet holds {short.available}: the rest was used."
        fail(Exit.REFUSED, short.code, sentence, as_json=as_json)
    except Refusal as refused:
        code = Exit.CONFLICT if isinstance(refused, Conflict) else Exit.REFUSED
        fail(code, refused.code, f"{refused}.", as_json=as_json)
    return made


def _key(receipt: Receipt, typed: str, name: str, reason: str) -> str:
    """Make one key of the same words: run again after a cut line, the command refunds once."""
    words = "\n".join((receipt.code, typed, name, reason))
    return hashlib.sha256(f"cli-refund\n{words}".encode()).hexdigest()


def _row(payment: Payment, refund: Refund) -> dict[str, object]:
    if refund.payout_id is None:
        return _facts(payment, refund.money, "wallet", "-")
    payout = session.get_one(Payout, refund.payout_id)
    return _facts(payment, refund.money, payout.route, payout.provider) | {
        "payout": references.spaced(payout.reference),
        "state": payout.status,
    }


def _facts(payment: Payment, amount: Money, route: str, provider: str) -> dict[str, object]:
    return {
        "payment": references.spaced(payment.reference),
        "amount": amount.to_wire(),
        "currency": amount.currency,
        "by": str(route),
        "provider": provider,
        "payout": "-",
        "state": "-",
    }


def _found(reference: str, *, as_json: bool) -> Payment:
    try:
        return payments.find(reference)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No payment {reference}.", as_json=as_json)
