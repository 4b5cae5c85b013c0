"""One attempt's story in words: events, webhooks, receipts and transfers, in the order they happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shop import phone, references
from shop.ledger import reading as ledger
from shop.payments import reading
from shop.payments.models import Payment, PaymentEvent, Receipt
from shop.webhooks import reading as inbox
from shop.webhooks.models import WebhookEvent

#: When, then causes before what they caused, then what and its words.
Step = tuple[datetime, tuple[int, int], str, str]


def facts(payment: Payment) -> dict[str, object]:
    """What an attempt is: what was asked, of whom, and by which names others know it."""
    return {
        "reference": references.spaced(payment.reference),
        "state": payment.status,
        "reason": payment.reason or "-",
        "amount": payment.money.to_wire(),
        "currency": payment.currency,
        "method": payment.method,
        "payer": phone.masked(payment.payer_phone),
        "provider_ref": payment.provider_ref or "-",
    }


def of_payment(payment: Payment) -> list[dict[str, str]]:
    """Tell everything that happened to an attempt, oldest first."""
    steps = [*_events(payment), *_webhooks(payment), *_receipts(payment)]
    return [
        {"at": at.isoformat(timespec="seconds"), "what": what, "words": words}
        for at, _order, what, words in sorted(steps)
    ]


def _events(payment: Payment) -> Iterator[Step]:
    for event in reading.events_of(payment.id):
        yield event.at, (1, event.id), event.source, _said(event)


def _said(event: PaymentEvent) -> str:
    moved = f"{event.old or 'nothing'} -> {event.new}" if event.new else ""
    return ": ".join(part for part in (moved, event.words) if part)


def _webhooks(payment: Payment) -> Iterator[Step]:
    for event in inbox.naming(
        payment.provider,
        path_token=payment.callback_token,
        reference=payment.reference,
        provider_ref=payment.provider_ref,
        echo_hash=payment.echo_hash,
    ):
        yield event.received_at, (0, event.id), "webhook", _heard(event)


def _heard(event: WebhookEvent) -> str:
    return f"#{event.id} {event.kind or 'message'}, {event.authenticity}, {event.status}"


def _receipts(payment: Payment) -> Iterator[Step]:
    for receipt in reading.receipts_of(payment.id):
        yield receipt.received_at, (2, receipt.id), "receipt", _received(receipt)
        keys = (f"receipt:{receipt.id}:", f"receipt-fee:{receipt.id}", f"suspense:{receipt.id}:")
        for move in ledger.moves(keys):
            words = f"{move.amount.to_wire()} {move.amount.currency} {move.debit} -> {move.credit}"
            yield move.at, (3, move.id), "transfer", words


def _received(receipt: Receipt) -> str:
    money = f"{receipt.money.to_wire()} {receipt.currency}"
    return f"{money}, transaction {receipt.transaction_ref}: {receipt.disposition}, {receipt.note}"
