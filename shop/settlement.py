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

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import choices, clock, leases, payment_notices, receipts, switches
from shop.accounts import service as accounts
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import Conflict, Refusal
from shop.ledger import service as ledger
from shop.notices import service as notices
from shop.notices.service import Message
from shop.orders import links
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.service import Articles
from shop.payments import quick_state
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payments.service import Claim, Intent
from shop.payments.states import EDGES, ENDED, OPEN, Disposition, Note, PaymentStatus, Purpose
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, ProviderRejected, ProviderUnavailable, Status
from shop.signals import payment_settled, tell

logger = logging.getLogger(__name__)

#: What came of asking about one leased payment.
Answer: TypeAlias = leases.Answer[Claim]


class AttemptUnderWay(Conflict):
    """Another attempt may still take the money; the buyer watches it or gives it up first."""

    code = "attempt_under_way"

    def __init__(self, reference: str) -> None:
        super().__init__(f"payment {reference} is under way")
        self.reference = reference


class NotPayable(Conflict):
    """The order is paid, cancelled, or somebody else's."""

    code = "not_payable"


class MethodStopped(Conflict):
    """The shop stopped this method, or its provider's collections, since the page was shown."""

    code = "method_stopped"


class TooManyAttempts(Refusal):
    """One phone was asked so often that another request would only be a nuisance to its owner."""

    code = "too_many_attempts"
    http_status = 429


def start_payment(intent: Intent) -> Payment:
    """Begin one attempt: its row, its stock, and nothing outside. The caller rings afterwards.

    The same form key gives the first attempt again (B4). Raises `NotPayable`, `AttemptUnderWay`,
    `MethodStopped`, `TooManyAttempts`, `OutOfStock`, or `AmountRefused` before anything is written.
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
        theirs = order.user_id == intent.user_id or links.allows(order, intent.pay_link_id)
        if not theirs or not orders.is_payable(order):
            raise NotPayable(f"order {order.reference} is {order.status}")
        if not switches.may_collect(intent.method.provider, intent.method.code):
            raise MethodStopped(f"{intent.method.code} is stopped")
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
        _release_stock([order])
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
    order: Order
    said: Outcome


@dataclass(slots=True)
class _Batch:
    """What a batch of answers reads at once before deciding, and writes at once afterwards.

    The number of statements is then the same for one answer and for fifty.
    """

    orders: dict[int, Order]
    payments: dict[int, Payment]
    articles: dict[int, Articles]
    owners: dict[int, int]
    known: set[tuple[str, str]]
    """Transactions that have a receipt."""
    arrived: list[_Arrival] = field(default_factory=list)
    released: list[Order] = field(default_factory=list)
    """Orders whose articles may go back on the shelf."""
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
        _apply(batch, answer, payment, batch.orders[payment.purpose_id])
        if payment.settled_at is not None and payment.state is not before:
            ended.append(payment.reference)
    _write(batch)
    return ended


def tell_paid(payment: Payment, order: Order) -> None:
    """Tell buyer and sellers of an order that people decided is paid."""
    notices.put_all(list(payment_notices.paid([(payment, order)])))


def tell_kept(payment: Payment, receipts_: Sequence[Receipt], order: Order) -> None:
    """Tell the payer that money from suspense is theirs; let the articles go."""
    _release_stock([order])
    notices.put_all([m for r in receipts_ for m in payment_notices.given_back(payment, r, order)])


def _locked(answers: Sequence[Answer]) -> _Batch:
    """Lock orders, then attempts, then holds (RELIABILITY §5.4), and read what deciding needs."""
    ids = [answer.claim.payment_id for answer in answers]
    refs = [a.said.transaction_ref or "" for a in answers if isinstance(a.said, Outcome)]
    purposes = sa.select(Payment.purpose_id).where(Payment.id.in_(ids)).distinct()
    locked_orders = orders.locked_all(session.scalars(purposes).all())
    rows = payments.locked(ids)
    return _Batch(
        orders=locked_orders,
        payments=rows,
        articles=orders.articles_of(locked_orders),
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
            for entry in receipts.posted(a.receipt, a.payment, a.order, a.said)
        ]
    )
    choices.offer(a.receipt for a in batch.arrived)
    _release_stock(batch.released)
    paid = [
        (arrival.payment, arrival.order)
        for arrival in batch.arrived
        if arrival.receipt.disposition == Disposition.APPLIED
    ]
    opened = [part for _payment, order in paid for part in order.seller_orders]
    orders.begin_fulfilment(opened, clock.now())
    notices.put_all([*batch.messages, *payment_notices.paid(paid)])


def _apply(batch: _Batch, answer: Answer, payment: Payment, order: Order) -> None:
    """Change one attempt by one answer."""
    if payment.lease_token != answer.claim.token:
        # Somebody else holds the attempt now and will hear the same answer (J4).
        logger.info("payment %s: an expired lease said nothing", payment.reference)
        return
    payments.free(payment)
    said = answer.said
    if isinstance(said, ProviderRejected):
        words = f"{said.code} {said.message}"
        _refuse(batch, payment, order, answer.source, said.reason, words)
    elif isinstance(said, ProviderUnavailable):
        _stay_unknown(batch, payment, order, answer, said)
    else:
        _follow(batch, answer, payment, order, said)
    retry_after_s = said.retry_after_s if isinstance(said, ProviderUnavailable) else None
    payments.schedule(payment, heard_at=answer.heard_at, retry_after_s=retry_after_s)
    if payment.next_check_at is None and payment.state in OPEN:
        # Nobody could tell for a week: a person asks the operator; the articles stay held (V1).
        payments.move(payment, PaymentStatus.REVIEW, "clock", "undecided for too long")


def _follow(batch: _Batch, answer: Answer, payment: Payment, order: Order, said: Outcome) -> None:
    if said.contradiction and said.status is not Status.SUCCEEDED:
        logger.error(
            "payment %s: the answer contradicts its %s", payment.reference, said.contradiction
        )
        return
    payments.remember(payment, said)
    match said.status:
        case Status.PENDING:
            if said.untouched and _too_old(payment, answer.asked_at):
                _refuse(batch, payment, order, answer.source, Reason.TIMEOUT, said.words)
            elif payment.state in (PaymentStatus.SENDING, PaymentStatus.UNKNOWN):
                payments.move(payment, PaymentStatus.PENDING, answer.source, said.words)
        case Status.SUCCEEDED:
            _receive(batch, payment, order, answer.source, said)
        case Status.FAILED:
            reason = said.reason or Reason.REFUSED
            _refuse(batch, payment, order, answer.source, reason, said.words)
        case Status.ABSENT:
            _miss(batch, payment, order, answer, said)
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
    batch: _Batch, payment: Payment, order: Order, source: str, reason: Reason, words: str
) -> None:
    """End a live attempt as failed; an ended one keeps its end."""
    if PaymentStatus.FAILED not in EDGES[payment.state]:
        return
    payment.reason = reason
    payments.move(payment, PaymentStatus.FAILED, source, words)
    batch.released.append(order)
    batch.messages.extend(payment_notices.not_completed(payment, order))


def _stay_unknown(
    batch: _Batch, payment: Payment, order: Order, answer: Answer, said: ProviderUnavailable
) -> None:
    """Silence is not failure (D6), unless nothing ever left us."""
    if not answer.submitted:
        return
    if not said.sent:
        _refuse(batch, payment, order, answer.source, Reason.OPERATOR_DOWN, str(said))
    elif payment.state is PaymentStatus.SENDING:
        payments.move(payment, PaymentStatus.UNKNOWN, answer.source, str(said))


def _miss(batch: _Batch, payment: Payment, order: Order, answer: Answer, said: Outcome) -> None:
    """Act on an absence, once it was observed so late that the request can no longer be on its way."""
    early = answer.asked_at < leases.surely_visible_at(payment)
    if early or payment.state is PaymentStatus.PENDING:
        # Too early to mean anything; and what was accepted once is not absent, whatever is said now.
        return
    words = said.words or "absent"
    _refuse(batch, payment, order, answer.source, Reason.OPERATOR_DOWN, words)


def _receive(batch: _Batch, payment: Payment, order: Order, source: str, said: Outcome) -> None:
    """Record that money arrived, decide whose it is, and end the attempt if it was still open."""
    assert said.transaction_ref, "a success names its transaction"
    transaction_key = (payment.provider, said.transaction_ref)
    if transaction_key in batch.known:
        return
    batch.known.add(transaction_key)
    note = _judge(payment, order, said, batch.articles[order.id])
    receipt = receipts.write(payment, said, note, batch.owners[payment.user_id])
    batch.arrived.append(_Arrival(receipt, payment, order, said))
    _end_with_money(payment, source, note, said.words)
    if receipt.disposition == Disposition.APPLIED:
        orders.mark_paid(order, receipt.received_at)
    else:
        batch.released.append(order)
        batch.messages.extend(payment_notices.kept(payment, receipt, order))


def _judge(payment: Payment, order: Order, said: Outcome, articles: Articles) -> Note:
    """Say what this money is, compared with what was asked (P4 to P8). Takes the stock if it pays."""
    amount = said.amount or payment.money
    if amount.currency != payment.currency:
        return Note.WRONG_CURRENCY
    if said.contradiction:
        return Note.CONTRADICTION
    if amount < payment.money:
        return Note.SHORT
    if not orders.is_payable(order):
        return Note.DOUBLE if order.paid_at else Note.NOT_WANTED
    if not orders.consume_stock(order, articles):
        return Note.NOT_WANTED
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


def _release_stock(released: Sequence[Order]) -> None:
    """Put articles back on the shelf once no attempt can pay for them any more (B3)."""
    if not released:
        return
    session.flush()
    wanted = payments.any_live(Purpose.ORDER, [order.id for order in released])
    orders.return_stock(*(order for order in released if order.id not in wanted))
