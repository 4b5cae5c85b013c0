"""Where a payment's outcome meets what the payment was for.

One road in: the first answer, a webhook, a poll, a command, "check now" all end in `settle_payments`,
safe to call any number of times by anyone. A status, its money and its order change in one transaction,
or not at all.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock, payment_notices, references
from shop.accounts import service as accounts
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import Conflict, Refusal
from shop.ledger import entries
from shop.ledger import service as ledger
from shop.ledger.entries import Entry
from shop.money import Money
from shop.orders import service as orders
from shop.orders.models import Order
from shop.payments import quick_state
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payments.service import Claim, Intent
from shop.payments.states import EDGES, ENDED, OPEN, Disposition, Note, PaymentStatus, Purpose
from shop.providers.base import Outcome, ProviderRejected, ProviderUnavailable, Status
from shop.providers.reasons import Reason
from shop.signals import payment_settled

logger = logging.getLogger(__name__)

#: Payments settled in one transaction; a batch that fails is replayed one by one.
BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking a provider about one leased attempt."""

    claim: Claim
    said: Outcome | ProviderRejected | ProviderUnavailable
    asked_at: datetime
    """When the question left: an absence counts only if it was observed late enough (W5)."""
    submitted: bool
    """True for the first request, False for a question about its fate."""

    @property
    def source(self) -> str:
        """The word of the event rows."""
        return "submit" if self.submitted else "verify"


class AttemptUnderWay(Conflict):
    """Another attempt may still take the money; the buyer watches it or gives it up first."""

    code = "attempt_under_way"

    def __init__(self, reference: str) -> None:
        super().__init__(f"payment {reference} is under way")
        self.reference = reference


class NotPayable(Conflict):
    """The order is paid, cancelled, or somebody else's."""

    code = "not_payable"


class TooManyAttempts(Refusal):
    """One phone was asked so often that another request would only be a nuisance to its owner."""

    code = "too_many_attempts"
    http_status = 429


def start_payment(intent: Intent) -> Payment:
    """Begin one attempt: its row, its stock, and nothing outside. The caller rings afterwards.

    The same form key gives the first attempt again (B4). Raises `NotPayable`, `AttemptUnderWay`,
    `TooManyAttempts`, `OutOfStock`, or `AmountRefused` before anything is written.
    """
    refused = intent.method.refusal(intent.method.total(intent.owed))
    if refused is not None:
        raise refused
    try:
        return _start(intent)
    except IntegrityError:
        # Two taps at the same instant: the unique key let one through, and both see it.
        first = payments.by_form_key(intent.form_key)
        if first is not None and first.user_id == intent.user_id:
            return first
        raise


@retrying
def _start(intent: Intent) -> Payment:
    with transaction():
        order = orders.locked(intent.purpose_id)
        again = payments.by_form_key(intent.form_key)
        if again is not None:
            if again.user_id != intent.user_id:
                raise NotPayable("this form was somebody else's")
            return again
        if order.user_id != intent.user_id or not orders.is_payable(order):
            raise NotPayable(f"order {order.reference} is {order.status}")
        live = payments.live_of(intent.purpose, intent.purpose_id)
        if live is not None:
            raise AttemptUnderWay(live.reference)
        if payments.asked_lately(intent.payer_phone) >= payments.MOST_PER_PHONE:
            raise TooManyAttempts(f"order {order.reference}: this phone was asked often enough")
        assert order.total == intent.owed, "the page showed another total than the order's"
        orders.hold_stock(order)
        return payments.create(intent)


@retrying
def check_now(payment_id: int) -> Payment:
    """Make the buyer's question due at once, at most every few seconds; the caller rings (F12)."""
    with transaction():
        payment = payments.locked([payment_id])[payment_id]
        payments.make_due([payment])
        return payment


@retrying
def claim_paid(payment_id: int, typed: str) -> Payment:
    """Keep the operator's reference the buyer read in the SMS: a hint to look, never a proof."""
    with transaction():
        payment = payments.locked([payment_id])[payment_id]
        payment.payer_claim = typed
        payments.note(payment, "buyer", words=f"says it is paid, reference {typed}")
        payments.make_due([payment])
        return payment


@retrying
def give_up(payment_id: int) -> Payment:
    """Let the buyer leave an attempt for another method; what it may still bring is kept (U09)."""
    with transaction():
        purpose_id = session.scalars(
            sa.select(Payment.purpose_id).where(Payment.id == payment_id)
        ).one()
        order = orders.locked(purpose_id)
        payment = payments.locked([payment_id])[payment_id]
        payments.give_up(payment)
        _release_stock(payment, order)
        return payment


def settle_payments(answers: Sequence[Answer]) -> int:
    """Record what providers said, each with its money, once; give how many attempts ended now.

    A batch that fails is replayed one by one, so that a poisoned row parks alone.
    """
    ended = 0
    for start in range(0, len(answers), BATCH):
        batch = answers[start : start + BATCH]
        try:
            ended += len(_settle(batch))
        except Exception:
            logger.exception("a batch of %d answers failed; replaying one by one", len(batch))
            for answer in batch:
                ended += _settle_alone(answer)
    return ended


def _settle_alone(answer: Answer) -> int:
    try:
        return len(_settle([answer]))
    except Exception:
        logger.exception("payment %s is parked", answer.claim.reference)
        with transaction():
            payment = payments.locked([answer.claim.payment_id])[answer.claim.payment_id]
            payments.free(payment)
            payment.next_check_at = clock.after(600)
        return 0


def _settle(answers: Sequence[Answer]) -> list[str]:
    ended = _settle_in_transaction(answers)
    quick_state.forget(answer.claim.reference for answer in answers)
    for reference in ended:
        payment_settled.send(reference)
    return ended


@retrying
def _settle_in_transaction(answers: Sequence[Answer]) -> list[str]:
    """Lock orders, then attempts, then accounts (RELIABILITY §5.4); change all of it together."""
    ids = [answer.claim.payment_id for answer in answers]
    with transaction():
        purposes = session.execute(
            sa.select(Payment.purpose_id).where(Payment.id.in_(ids)).distinct()
        ).scalars()
        locked_orders = {order_id: orders.locked(order_id) for order_id in sorted(purposes)}
        rows = payments.locked(ids)
        ended, posted = [], []
        for answer in answers:
            payment = rows[answer.claim.payment_id]
            before = payment.state
            posted.extend(_apply(answer, payment, locked_orders[payment.purpose_id]))
            if payment.settled_at is not None and payment.state is not before:
                ended.append(payment.reference)
        session.flush()
        ledger.post_all(posted)
        return ended


def _apply(answer: Answer, payment: Payment, order: Order) -> list[Entry]:
    """Change one attempt by one answer; give what is to be posted for it."""
    if payment.lease_token != answer.claim.token:
        # Somebody else holds the attempt now and will hear the same answer (J4).
        logger.info("payment %s: an expired lease said nothing", payment.reference)
        return []
    payments.free(payment)
    posted: list[Entry] = []
    said = answer.said
    if isinstance(said, ProviderRejected):
        _refuse(payment, order, answer.source, said.reason, f"{said.code} {said.message}")
    elif isinstance(said, ProviderUnavailable):
        _stay_unknown(payment, order, answer, said)
    else:
        posted = _follow(answer, payment, order, said)
    retry_after_s = said.retry_after_s if isinstance(said, ProviderUnavailable) else None
    payments.schedule(payment, retry_after_s)
    if payment.next_check_at is None and payment.state in OPEN:
        # Nobody could tell for a week: a person asks the operator; the articles stay held (V1).
        payments.move(payment, PaymentStatus.REVIEW, "clock", "undecided for too long")
    return posted


def _follow(answer: Answer, payment: Payment, order: Order, said: Outcome) -> list[Entry]:
    if said.contradiction and said.status is not Status.SUCCEEDED:
        logger.error(
            "payment %s: the answer contradicts its %s", payment.reference, said.contradiction
        )
        return []
    payments.remember(payment, said)
    match said.status:
        case Status.PENDING:
            if said.untouched and _too_old(payment, answer.asked_at):
                _refuse(payment, order, answer.source, Reason.TIMEOUT, said.words)
            elif payment.state in (PaymentStatus.SENDING, PaymentStatus.UNKNOWN):
                payments.move(payment, PaymentStatus.PENDING, answer.source, said.words)
        case Status.SUCCEEDED:
            return _receive(payment, order, answer.source, said)
        case Status.FAILED:
            _refuse(payment, order, answer.source, said.reason or Reason.REFUSED, said.words)
        case Status.ABSENT:
            _miss(payment, order, answer, said)
        case _:
            assert_never(said.status)
    return []


def _too_old(payment: Payment, asked_at: datetime) -> bool:
    """Say whether a page nobody confirmed was dead when it was asked about.

    It lives from its sending, not from the tap; and "untouched" is only true of the moment it was
    said: a worker that slept on that answer must not judge by the present clock.
    """
    limit_s = payments.provider_of(payment).timing.void_after_s
    assert payment.sent_at is not None, "an attempt that was never sent is not asked about"
    return limit_s is not None and asked_at > payment.sent_at + timedelta(seconds=limit_s)


def _refuse(payment: Payment, order: Order, source: str, reason: Reason, words: str) -> None:
    """End a live attempt as failed; an ended one keeps its end."""
    if PaymentStatus.FAILED not in EDGES[payment.state]:
        return
    payment.reason = reason
    payments.move(payment, PaymentStatus.FAILED, source, words)
    _release_stock(payment, order)
    payment_notices.not_completed(payment, order)


def _stay_unknown(
    payment: Payment, order: Order, answer: Answer, said: ProviderUnavailable
) -> None:
    """Silence is not failure (D6), unless nothing ever left us."""
    if not answer.submitted:
        return
    if not said.sent:
        _refuse(payment, order, answer.source, Reason.OPERATOR_DOWN, str(said))
    elif payment.state is PaymentStatus.SENDING:
        payments.move(payment, PaymentStatus.UNKNOWN, answer.source, str(said))


def _miss(payment: Payment, order: Order, answer: Answer, said: Outcome) -> None:
    """Act on an absence, once it was observed so late that the request can no longer be on its way."""
    timing = payments.provider_of(payment).timing
    assert payment.sent_at is not None, "an attempt that was never sent is not asked about"
    visible_at = payment.sent_at + timedelta(
        seconds=timing.lease_s + timing.total_s + timing.visibility_lag_s
    )
    if answer.asked_at < visible_at or payment.state is PaymentStatus.PENDING:
        # Too early to mean anything; and what was accepted once is not absent, whatever is said now.
        return
    _refuse(payment, order, answer.source, Reason.OPERATOR_DOWN, said.words or "absent")


def _receive(payment: Payment, order: Order, source: str, said: Outcome) -> list[Entry]:
    """Record that money arrived, decide whose it is, and end the attempt if it was still open."""
    assert said.transaction_ref, "a success names its transaction"
    known = session.scalar(
        sa.select(Receipt).where(
            Receipt.provider == payment.provider, Receipt.transaction_ref == said.transaction_ref
        )
    )
    if known is not None:
        return []
    amount = said.amount or payment.money
    note = _judge(payment, order, amount, said)
    receipt = _write_receipt(payment, said.transaction_ref, amount, note)
    _end_with_money(payment, source, note, said.words)
    posted = _entries(receipt, payment, order, amount, said)
    if receipt.disposition == Disposition.APPLIED:
        orders.mark_paid(order, receipt.received_at)
        payment_notices.paid(payment, order)
    else:
        _release_stock(payment, order)
        payment_notices.kept(payment, receipt, order)
    return posted


def _judge(payment: Payment, order: Order, amount: Money, said: Outcome) -> Note:
    """Say what this money is, compared with what was asked (P4 to P8). Takes the stock if it pays."""
    if amount.currency != payment.currency:
        return Note.WRONG_CURRENCY
    if said.contradiction:
        return Note.CONTRADICTION
    if amount < payment.money:
        return Note.SHORT
    if not orders.is_payable(order):
        return Note.DOUBLE if order.paid_at else Note.NOT_WANTED
    if not orders.consume_stock(order):
        return Note.NOT_WANTED
    if amount > payment.money:
        return Note.OVER
    return Note.EXACT if payment.state not in ENDED else Note.LATE


_DISPOSITIONS: Final = {
    Note.EXACT: Disposition.APPLIED,
    Note.OVER: Disposition.APPLIED,
    Note.LATE: Disposition.APPLIED,
    Note.SHORT: Disposition.WALLET,
    Note.DOUBLE: Disposition.WALLET,
    Note.NOT_WANTED: Disposition.WALLET,
    Note.WRONG_CURRENCY: Disposition.WALLET,
    Note.CONTRADICTION: Disposition.SUSPENSE,
}


def _write_receipt(payment: Payment, transaction_ref: str, amount: Money, note: Note) -> Receipt:
    assert in_transaction(), "a receipt and its posting are written together"
    disposition = _DISPOSITIONS[note]
    receipt = Receipt(
        provider=payment.provider,
        transaction_ref=transaction_ref,
        payment_id=payment.id,
        user_id=accounts.owner_id(payment.user_id),
        code="".join(secrets.choice(references.ALPHABET) for _ in range(10)),
        currency=amount.currency,
        amount=amount.amount,
        applied_amount=payment.amount if disposition is Disposition.APPLIED else 0,
        disposition=disposition,
        note=note,
        received_at=clock.now(),
    )
    session.add(receipt)
    session.flush()
    return receipt


def _end_with_money(payment: Payment, source: str, note: Note, words: str) -> None:
    """End an open attempt as its money deserves; an ended one keeps its end (P2)."""
    if payment.state in ENDED:
        payments.note(payment, source, words=f"money arrived afterwards: {words}")
    elif note is Note.CONTRADICTION:
        if payment.state is not PaymentStatus.REVIEW:
            payments.move(payment, PaymentStatus.REVIEW, source, f"{note}: {words}")
    elif note in (Note.SHORT, Note.WRONG_CURRENCY):
        payment.reason = note
        payments.move(payment, PaymentStatus.FAILED, source, f"{note}: {words}")
    else:
        payments.move(payment, PaymentStatus.SUCCEEDED, source, words)


def _entries(
    receipt: Receipt, payment: Payment, order: Order, amount: Money, said: Outcome
) -> list[Entry]:
    """Say what the books write for a receipt."""
    provider, posted = payment.provider, []
    match Disposition(receipt.disposition):
        case Disposition.APPLIED:
            shares = orders.seller_shares(order)
            posted.append(entries.order_receipt(receipt.id, provider, shares, payment.fee))
            surplus = amount - payment.money
            if surplus:
                posted.append(
                    entries.wallet_receipt(receipt.id, provider, payment.user_id, surplus)
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


def _release_stock(payment: Payment, order: Order) -> None:
    """Put the articles back on the shelf once no attempt can pay for them any more (B3)."""
    session.flush()
    if not payments.any_live(Purpose(payment.purpose), payment.purpose_id):
        orders.return_stock(order)
