"""Where a payment's outcome meets what the payment was for.

One road in: the first answer, a webhook, a poll, a command, "check now" all end in `settle_payments`,
safe to call any number of times by anyone. A status, its money and its order change in one transaction,
or not at all.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from sqlalchemy.exc import IntegrityError

from shop import choices, clock, leases, payment_notices, purposes, receipts, switches
from shop.accounts import service as accounts
from shop.db import in_transaction, retrying, session, transaction
from shop.ledger import service as ledger
from shop.notices import service as notices
from shop.notices.service import Message
from shop.orders.models import Order
from shop.payments import quick_state
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payments.refusals import AttemptUnderWay, MethodStopped, NotPayable, TooManyAttempts
from shop.payments.service import Claim, Intent
from shop.payments.states import EDGES, ENDED, OPEN, Disposition, Note, PaymentStatus
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, ProviderRejected, ProviderUnavailable, Status
from shop.purposes import Thing, Things
from shop.signals import payment_settled, tell

__all__ = [
    "Answer",
    "AttemptUnderWay",
    "MethodStopped",
    "NotPayable",
    "TooManyAttempts",
    "check_now",
    "claim_paid",
    "give_up",
    "settle_inside",
    "settle_payments",
    "start_payment",
]

logger = logging.getLogger(__name__)

#: What came of asking about one leased payment.
Answer: TypeAlias = leases.Answer[Claim]


def start_payment(intent: Intent) -> Payment:
    """Begin one attempt: its row, its stock, and nothing outside. The caller rings afterwards.

    The same form key gives the first attempt again (B4). Raises `NotPayable`, `AttemptUnderWay`,
    `MethodStopped`, `TooManyAttempts`, `OutOfStock`, `AmountRefused`, `TopUpClosed`, `AboveCeiling` or
    `InsufficientFunds` (of the wallet's part) before anything is written.
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
        thing = purposes.locked_one(intent.purpose, intent.purpose_id)
        again = payments.by_form_key(intent.form_key)
        if again is not None:
            if again.user_id != intent.user_id:
                raise NotPayable("this form was somebody else's")
            return again
        if thing.user_id != intent.user_id or not purposes.is_payable(thing):
            raise NotPayable(f"{intent.purpose} {thing.reference} is {thing.status}")
        if not switches.may_collect(intent.method.provider, intent.method.code):
            raise MethodStopped(f"{intent.method.code} is stopped")
        live = payments.live_of(intent.purpose, intent.purpose_id)
        if live is not None:
            raise AttemptUnderWay(live.reference)
        if payments.asked_lately(intent.payer_phone) >= payments.MOST_PER_PHONE:
            raise TooManyAttempts(f"{thing.reference}: this phone was asked often enough")
        return purposes.begin(thing, intent)


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
        things = purposes.locked([payment_id])
        payment = payments.locked([payment_id])[payment_id]
        payments.give_up(payment)
        purposes.void_part(things, payment)
        purposes.let_go([things.of(payment)])
        return payment


def settle_payments(answers: Sequence[Answer]) -> int:
    """Record what providers said, each with its money, once; give how many attempts ended now.

    A batch that fails is replayed one by one, so that a poisoned row parks alone.
    """
    return leases.settle_in_batches(answers, lambda batch: len(_settle(batch)), _settle_alone)


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
        tell(payment_settled, reference)
    return ended


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Money that arrived: its receipt, what it was for, and the provider's own account of it."""

    receipt: Receipt
    payment: Payment
    thing: Thing
    said: Outcome


@dataclass(slots=True)
class _Batch:
    """What a batch of answers reads at once before deciding, and writes at once afterwards.

    The number of statements is then the same for one answer and for fifty.
    """

    things: Things
    payments: dict[int, Payment]
    owners: dict[int, int]
    known: set[tuple[str, str]]
    """Transactions that have a receipt."""
    arrived: list[_Arrival] = field(default_factory=list)
    released: list[Thing] = field(default_factory=list)
    """What no attempt may pay for any more: articles go back on the shelf."""
    messages: list[Message] = field(default_factory=list)


@retrying
def _settle_in_transaction(answers: Sequence[Answer]) -> list[str]:
    with transaction():
        return settle_inside(answers)


def settle_inside(answers: Sequence[Answer]) -> list[str]:
    """Change attempts, orders and books by these answers; give the references that ended now.

    For a rehearsal whose transaction is rolled back; everybody else calls `settle_payments`.
    """
    assert in_transaction(), "all of it happens together or not at all"
    batch, ended = _locked(answers), []
    for answer in answers:
        payment = batch.payments[answer.claim.payment_id]
        before = payment.state
        _apply(batch, answer, payment, batch.things.of(payment))
        if payment.state in ENDED:
            purposes.void_part(batch.things, payment)
        if payment.settled_at is not None and payment.state is not before:
            ended.append(payment.reference)
    _write(batch)
    return ended


def _locked(answers: Sequence[Answer]) -> _Batch:
    """Lock what is paid for, then attempts, then holds (RELIABILITY §5.4); read what deciding needs."""
    ids = [answer.claim.payment_id for answer in answers]
    refs = [a.said.transaction_ref or "" for a in answers if isinstance(a.said, Outcome)]
    things = purposes.locked(ids)
    rows = payments.locked(ids)
    return _Batch(
        things=things,
        payments=rows,
        owners=accounts.owner_ids({payment.user_id for payment in rows.values()}),
        known=payments.known_transactions(refs),
    )


def _write(batch: _Batch) -> None:
    """Write receipts, books, shelves and messages: each kind at once."""
    session.add_all(arrival.receipt for arrival in batch.arrived)
    session.flush()
    ledger.post_all(
        [
            entry
            for a in batch.arrived
            if isinstance(a.thing, Order)
            for entry in receipts.posted(
                a.receipt, a.payment, batch.things.shares(a.payment), a.said
            )
        ]
    )
    choices.offer(a.receipt for a in batch.arrived if isinstance(a.thing, Order))
    for a in batch.arrived:
        purposes.fill(a.thing, a.receipt, a.payment, a.said)
    purposes.let_go(batch.released)
    paid = [
        (arrival.payment, arrival.thing)
        for arrival in batch.arrived
        if arrival.receipt.disposition == Disposition.APPLIED
    ]
    notices.put_all([*batch.messages, *purposes.serve(paid)])


def _apply(batch: _Batch, answer: Answer, payment: Payment, thing: Thing) -> None:
    """Change one attempt by one answer."""
    if payment.lease_token != answer.claim.token:
        # Somebody else holds the attempt now and will hear the same answer (J4).
        logger.info("payment %s: an expired lease said nothing", payment.reference)
        return
    payments.free(payment)
    said = answer.said
    if isinstance(said, ProviderRejected):
        words = f"{said.code} {said.message}"
        _refuse(batch, payment, thing, answer.source, said.reason, words)
    elif isinstance(said, ProviderUnavailable):
        _stay_unknown(batch, payment, thing, answer, said)
    else:
        _follow(batch, answer, payment, thing, said)
    retry_after_s = said.retry_after_s if isinstance(said, ProviderUnavailable) else None
    payments.schedule(payment, heard_at=answer.heard_at, retry_after_s=retry_after_s)
    if payment.next_check_at is None and payment.state in OPEN:
        # Nobody could tell for a week: a person asks the operator; the articles stay held (V1).
        payments.move(payment, PaymentStatus.REVIEW, "clock", "undecided for too long")


def _follow(batch: _Batch, answer: Answer, payment: Payment, thing: Thing, said: Outcome) -> None:
    if said.contradiction and said.status is not Status.SUCCEEDED:
        logger.error(
            "payment %s: the answer contradicts its %s", payment.reference, said.contradiction
        )
        return
    payments.remember(payment, said)
    match said.status:
        case Status.PENDING:
            if said.untouched and _too_old(payment, answer.asked_at):
                _refuse(batch, payment, thing, answer.source, Reason.TIMEOUT, said.words)
            elif payment.state in (PaymentStatus.SENDING, PaymentStatus.UNKNOWN):
                payments.move(payment, PaymentStatus.PENDING, answer.source, said.words)
        case Status.SUCCEEDED:
            _receive(batch, payment, thing, answer.source, said)
        case Status.FAILED:
            reason = said.reason or Reason.REFUSED
            _refuse(batch, payment, thing, answer.source, reason, said.words)
        case Status.ABSENT:
            _miss(batch, payment, thing, answer, said)
        case _:
            assert_never(said.status)


def _too_old(payment: Payment, asked_at: datetime) -> bool:
    """Say whether a page nobody had confirmed when we asked was dead by then.

    It lives from its sending, not from the tap; and an answer that slept on its way proves nothing
    about the moment it is read.
    """
    limit_s = payments.provider_of(payment).timing.void_after_s
    assert payment.sent_at is not None, "an attempt that was never sent is not asked about"
    return limit_s is not None and asked_at > payment.sent_at + timedelta(seconds=limit_s)


def _refuse(
    batch: _Batch, payment: Payment, thing: Thing, source: str, reason: Reason, words: str
) -> None:
    """End a live attempt as failed; an ended one keeps its end."""
    if PaymentStatus.FAILED not in EDGES[payment.state]:
        return
    payment.reason = reason
    payments.move(payment, PaymentStatus.FAILED, source, words)
    batch.released.append(thing)
    batch.messages.extend(payment_notices.not_completed(payment, thing))


def _stay_unknown(
    batch: _Batch, payment: Payment, thing: Thing, answer: Answer, said: ProviderUnavailable
) -> None:
    """Silence is not failure (D6), unless nothing ever left us."""
    if not answer.submitted:
        return
    if not said.sent:
        _refuse(batch, payment, thing, answer.source, Reason.OPERATOR_DOWN, str(said))
    elif payment.state is PaymentStatus.SENDING:
        payments.move(payment, PaymentStatus.UNKNOWN, answer.source, str(said))


def _miss(batch: _Batch, payment: Payment, thing: Thing, answer: Answer, said: Outcome) -> None:
    """Act on an absence, once it was observed so late that the request can no longer be on its way."""
    early = answer.asked_at < leases.surely_visible_at(payment)
    if early or payment.state is PaymentStatus.PENDING:
        # Too early to mean anything; and what was accepted once is not absent, whatever is said now.
        return
    words = said.words or "absent"
    _refuse(batch, payment, thing, answer.source, Reason.OPERATOR_DOWN, words)


def _receive(batch: _Batch, payment: Payment, thing: Thing, source: str, said: Outcome) -> None:
    """Record that money arrived, decide whose it is, and end the attempt if it was still open."""
    assert said.transaction_ref, "a success names its transaction"
    transaction_key = (payment.provider, said.transaction_ref)
    if transaction_key in batch.known:
        return
    batch.known.add(transaction_key)
    note = _judge(batch, payment, thing, said)
    receipt = receipts.write(payment, said, note, batch.owners[payment.user_id])
    batch.arrived.append(_Arrival(receipt, payment, thing, said))
    _end_with_money(payment, source, note, said.words)
    if receipt.disposition == Disposition.APPLIED:
        purposes.mark_paid(batch.things, payment, receipt.received_at)
    else:
        batch.released.append(thing)
        batch.messages.extend(payment_notices.kept(payment, receipt, thing))


def _judge(batch: _Batch, payment: Payment, thing: Thing, said: Outcome) -> Note:
    """Say what this money is, compared with what was asked (P4 to P8). Takes the stock if it pays."""
    amount = said.amount or payment.money
    if amount.currency != payment.currency:
        return Note.WRONG_CURRENCY
    if said.contradiction:
        return Note.CONTRADICTION
    if amount < payment.money:
        return Note.SHORT
    refused = purposes.take(batch.things, payment)
    if refused is not None:
        return refused
    if amount > payment.money:
        return Note.OVER
    return Note.EXACT if payment.state not in ENDED else Note.LATE


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
