"""What is compared: one subject per attempt, whichever way its money goes.

A direction joins by adding its source to `SOURCES`: a function of the window that gives subjects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shop import refunds
from shop.ledger import reading as books
from shop.money import Money
from shop.payments import by_hand, reading
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payments.reading import Search
from shop.payments.states import ENDED
from shop.payouts import reading as payout_reading
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.states import ENDED as PAYOUT_ENDED
from shop.providers.base import Provider
from shop.providers.values import Outcome
from shop.providers.values import Refund as AskedBack
from shop.reconciliation.comparing import Booked, Ours

#: Attempts read at once.
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Window:
    """Which attempts are compared: begun from `since`, before `until` if given, with one provider or all."""

    since: datetime
    until: datetime | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """One attempt: how to ask about it, what we hold of it, and how to let its road look again."""

    provider: str
    kind: str
    reference: str
    ours: Ours
    ask: Callable[[Provider], Outcome]
    look_again: Callable[[], object]
    """Called inside a transaction, where the provider has money that we have not."""


def collected(window: Window) -> Iterator[Subject]:
    """Give every attempt to collect that was sent in the window."""
    search = Search(provider=window.provider, since=window.since, until=window.until)
    before: int | None = None
    while True:
        page = reading.search(search, before_id=before, limit=PAGE)
        asked = [payment for payment in page.payments if by_hand.may_be_asked(payment)]
        receipts = reading.receipts_by_payment([payment.id for payment in asked])
        fees = books.amounts(f"receipt-fee:{r.id}" for found in receipts.values() for r in found)
        for payment in asked:
            yield _payment_subject(payment, receipts.get(payment.id, []), fees)
        before = page.next_id
        if before is None:
            return


def _payment_subject(payment: Payment, receipts: Sequence[Receipt], fees: books.Amounts) -> Subject:
    asked, payment_id = payments.collection_of(payment), payment.id

    def look_again() -> None:
        payments.make_due(payments.locked([payment_id]).values())

    return Subject(
        provider=payment.provider,
        kind="payment",
        reference=payment.reference,
        ours=Ours(
            payment.status,
            payment.state in ENDED,
            [Booked(r.transaction_ref, r.money, fees.get(f"receipt-fee:{r.id}")) for r in receipts],
        ),
        ask=lambda provider: provider.collection_status(asked),
        look_again=look_again,
    )


def sent(window: Window) -> Iterator[Subject]:
    """Give every payout and refund that left, or may have left, in the window."""
    before: int | None = None
    while page := payout_reading.sent_between(
        window.since, window.until, provider=window.provider, before_id=before, limit=PAGE
    ):
        for payout in page:
            yield _payout_subject(payout)
        before = page[-1].id


def _payout_subject(payout: Payout) -> Subject:
    asked, payout_id = refunds.question_of(payout), payout.id

    def ask(provider: Provider) -> Outcome:
        if isinstance(asked, AskedBack):
            return provider.refund_status(asked)
        return provider.payout_status(asked)

    def look_again() -> None:
        payouts.make_due(payouts.locked([payout_id]).values())

    return Subject(
        provider=payout.provider,
        kind="payout",
        reference=payout.reference,
        ours=Ours(payout.status, payout.state in PAYOUT_ENDED, _left(payout)),
        ask=ask,
        look_again=look_again,
    )


def _left(payout: Payout) -> list[Booked]:
    """What our books say has left: one movement, in time or late, or none."""
    fee = Money(payout.fee_amount, payout.currency)
    refs = [ref for ref in (payout.transaction_ref, payout.late_ref) if ref is not None]
    return [Booked(ref, payout.money, fee) for ref in refs]


#: Every direction that is compared.
SOURCES: Final[list[Callable[[Window], Iterator[Subject]]]] = [collected, sent]
