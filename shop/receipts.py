"""What a receipt says, and what the books write for it: decided by its note, from a table."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final, assert_never

from shop import clock, references
from shop.ledger import entries
from shop.ledger.entries import Entry
from shop.money import Money
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition, Note
from shop.providers.values import Outcome

#: What each seller order's escrow receives.
Shares = Sequence[tuple[int, Money]]

DISPOSITIONS: Final = {
    Note.EXACT: Disposition.APPLIED,
    Note.OVER: Disposition.APPLIED,
    Note.LATE: Disposition.APPLIED,
    Note.SHORT: Disposition.WALLET,
    Note.DOUBLE: Disposition.WALLET,
    Note.NOT_WANTED: Disposition.WALLET,
    Note.WRONG_CURRENCY: Disposition.WALLET,
    Note.CONTRADICTION: Disposition.SUSPENSE,
}


def write(payment: Payment, said: Outcome, note: Note, owner_id: int) -> Receipt:
    """Make the receipt of money that arrived; saved and posted together by whoever settles."""
    amount, disposition = said.amount or payment.money, DISPOSITIONS[note]
    return Receipt(
        provider=payment.provider,
        transaction_ref=said.transaction_ref,
        payment_id=payment.id,
        user_id=owner_id,
        code="".join(secrets.choice(references.ALPHABET) for _ in range(10)),
        currency=amount.currency,
        amount=amount.amount,
        applied_amount=payment.amount if disposition is Disposition.APPLIED else 0,
        disposition=disposition,
        note=note,
        received_at=clock.now(),
    )


def posted(receipt: Receipt, payment: Payment, shares: Shares, said: Outcome) -> list[Entry]:
    """Say what the books write for an order's receipt; `shares` is what of it this money pays."""
    provider, amount, posted = receipt.provider, receipt.money, []
    match Disposition(receipt.disposition):
        case Disposition.APPLIED:
            posted.append(entries.order_receipt(receipt.id, provider, shares, payment.fee))
            surplus = amount - payment.money
            if surplus:
                posted.append(
                    entries.wallet_receipt(receipt.id, provider, receipt.user_id, surplus)
                )
        case Disposition.WALLET:
            posted.append(entries.wallet_receipt(receipt.id, provider, receipt.user_id, amount))
        case Disposition.SUSPENSE:
            posted.append(entries.suspense_receipt(receipt.id, provider, amount))
        case _ as never:
            assert_never(never)
    if said.fee and said.fee.currency == amount.currency:
        posted.append(entries.receipt_fee(receipt.id, provider, said.fee))
    return posted
