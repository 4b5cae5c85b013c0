"""What runs behind the pages. Each job is a drain: look at what is due of this kind, until none is left.

A job may run zero, one or fifty times, at once with itself, and be killed anywhere: rows are leased,
and every change goes through `settlement`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, TypeVar

from flask import current_app

from shop import choices, clock, lanes, leases, order_refunds, queue, refunds, top_ups
from shop.alerts import service as alerts
from shop.boundary import in_transaction
from shop.cashback import service as cashback
from shop.db import end_read, transaction
from shop.earnings import floats
from shop.earnings import service as earnings
from shop.health import service as health
from shop.leases import Answer, Lease
from shop.ledger import audit
from shop.notices import service as notices
from shop.orders import disputes, fulfilment
from shop.payments import by_hand
from shop.payments import service as payments
from shop.payments.service import Claim
from shop.payout_settlement import settle_payouts
from shop.payouts import service as payouts
from shop.payouts.service import Claim as PayoutClaim
from shop.providers import methods
from shop.providers.base import Provider
from shop.providers.values import (
    Authenticity,
    Outcome,
    Payout,
    ProviderRejected,
    ProviderUnavailable,
)
from shop.settlement import settle_payments
from shop.tontines import reminding, settling, swapping
from shop.webhooks import service as webhooks
from shop.webhooks.models import EventStatus, WebhookEvent

logger = logging.getLogger(__name__)

#: Messages looked at in one transaction.
WEBHOOK_BATCH: Final = 100
#: Seller orders listed at once; each is served in a transaction of its own.
ORDER_BATCH: Final = 50
#: Rounds of one drain before it lets another kind have its turn.
ROUNDS: Final = 20


L = TypeVar("L", bound=Lease)
C = TypeVar("C", bound=Lease, contravariant=True)


class Ask(Protocol[C]):
    """A question to a provider about one lease."""

    __name__: str

    def __call__(self, provider: Provider, claim: C, /) -> Outcome: ...


def run(name: str) -> int:
    """Run one drain by name, in its own application context; give how many rows it handled."""
    with current_app.app_context():
        queue.silence(name)
        handled = JOBS[name]()
        health.flush()
        return handled


def submit_payments() -> int:
    """Ask providers to collect the attempts that were never sent."""
    return _drain_payments(payments.claim_submissions, _submit, submitted=True)


def verify_payments() -> int:
    """Ask providers what became of the attempts that are due."""
    return _drain_payments(payments.claim_checks, _verify, submitted=False)


def _submit(provider: Provider, claim: Claim) -> Outcome:
    return provider.collect(claim.collection)


def _verify(provider: Provider, claim: Claim) -> Outcome:
    return provider.collection_status(claim.collection)


def _drain_payments(
    claim_due: Callable[[str, int], list[Claim]], ask: Ask[Claim], *, submitted: bool
) -> int:
    names = payments.due_providers(submitted=submitted)
    return _drain(names, claim_due, ask, settle_payments, submitted=submitted)


def _drain(
    due: Sequence[str],
    claim_due: Callable[[str, int], list[L]],
    ask: Ask[L],
    settle: Callable[[Sequence[Answer[L]]], int],
    *,
    submitted: bool,
) -> int:
    """Ask every provider with something due, each in its lane, until nothing more is due."""
    loaded = payments.providers()
    # Nobody queues for a write lock, once per provider, only to find nothing due.
    names = [name for name in due if name in loaded]
    end_read()

    def lane(name: str) -> int:
        return _ask_and_settle(loaded[name], claim_due, ask, settle, submitted=submitted)

    return lanes.drive(ask.__name__, names, lane)


def _ask_and_settle(
    provider: Provider,
    claim_due: Callable[[str, int], list[L]],
    ask: Ask[L],
    settle: Callable[[Sequence[Answer[L]]], int],
    *,
    submitted: bool,
) -> int:
    """Call the provider for what is due, with no transaction open anywhere (J5); settle as it answers."""
    assert not in_transaction(), "nobody holds a transaction while providers think"
    at_once, handled = provider.timing.concurrency, 0

    def claim(most: int) -> list[L]:
        with transaction():
            return claim_due(provider.name, most)

    def one(claim: L) -> Answer[L] | None:
        return _ask_one(provider, claim, ask, submitted=submitted)

    # Only questions wait claimed: a first request whose lease ran out here would stay unknown for long.
    ahead = 0 if submitted else 2 * at_once
    for answers in lanes.flow(claim, one, at_once, ahead=ahead):
        settle([answer for answer in answers if answer is not None])
        # Pages read what workers found: a breaker that opened hides its provider within the second.
        health.flush()
        handled += len(answers)
    return handled


def _ask_one(provider: Provider, claim: L, ask: Ask[L], *, submitted: bool) -> Answer[L] | None:
    """Ask one provider about one lease; None when too little of the lease is left to begin."""
    asked_at = clock.now()
    left_s = (claim.lease_until - asked_at).total_seconds()
    if left_s < provider.timing.total_s:
        # A sleeper that wakes late must not send: the sweeper may already have judged this attempt.
        logger.warning("%s: the lease is too short to ask", claim.reference)
        return None
    said: Outcome | ProviderRejected | ProviderUnavailable
    try:
        said = ask(provider, claim)
    except (ProviderRejected, ProviderUnavailable) as error:
        said = error
    except Exception as error:
        logger.exception("%s: the adapter failed", claim.reference)
        said = ProviderUnavailable(f"{provider.name}: {type(error).__name__}")
    return Answer(claim, said, asked_at, submitted)


def send_payouts() -> int:
    """Ask providers to send the money of payouts that were never sent; those that rest are left alone."""
    names = payouts.due_providers(submitted=True)
    return _drain(names, refunds.claim_sends, _send, settle_payouts, submitted=True)


def verify_payouts() -> int:
    """Ask providers what became of the payouts that are due."""
    names = payouts.due_providers(submitted=False)
    return _drain(names, refunds.claim_checks, _trace, settle_payouts, submitted=False)


def _send(provider: Provider, claim: PayoutClaim) -> Outcome:
    if isinstance(claim.question, Payout):
        return provider.pay_out(claim.question)
    return provider.refund(claim.question)


def _trace(provider: Provider, claim: PayoutClaim) -> Outcome:
    if isinstance(claim.question, Payout):
        return provider.payout_status(claim.question)
    return provider.refund_status(claim.question)


def release_holds() -> int:
    """Let go the payouts that were held until now, then send them."""
    with transaction():
        released = payouts.release_due(WEBHOOK_BATCH)
    if released:
        queue.ring("send_payouts")
    return released


def ask_now(payment_ids: Iterable[int]) -> int:
    """Ask about these attempts at once, whatever their turn, and settle; give how many were asked.

    For a person who waits. What somebody else is asking about at this moment is left to them.
    """
    with transaction():
        claims = by_hand.claim_now(payment_ids)
    for claim in claims:
        answer = _ask_one(payments.providers()[claim.provider], claim, _verify, submitted=False)
        settle_payments([answer] if answer else [])
    return len(claims)


def process_webhooks() -> int:
    """Make the payments and payouts that messages name due at once, then verify them."""
    handled = 0
    for _round in range(ROUNDS):
        with transaction():
            events = webhooks.claim(WEBHOOK_BATCH)
            _look_at(events)
            count = len(events)
        handled += count
        if count < WEBHOOK_BATCH:
            break
    if handled:
        verify_payments()
        verify_payouts()
    return handled


def _look_at(events: Iterable[WebhookEvent]) -> None:
    for event in events:
        if _wake(event):
            webhooks.finish(event, EventStatus.DONE)
        elif (clock.now() - event.received_at).total_seconds() < 60:
            # It may have overtaken our own reply: the attempt's provider id is not stored yet (E6).
            webhooks.retry_later(event, "names no attempt of ours yet")
        else:
            webhooks.finish(event, EventStatus.IGNORED)


def _wake(event: WebhookEvent) -> bool:
    """Make due what a message names; say whether it names anything of ours."""
    named = payments.named_by_webhook(
        event.provider,
        path_token=event.path_token,
        reference=event.reference,
        provider_ref=event.provider_ref,
        echo_hash=event.echo_hash,
    )
    sent = payouts.named_by_webhook(
        event.provider,
        path_token=event.path_token,
        reference=event.reference,
        provider_ref=event.provider_ref,
    )
    if event.authenticity == Authenticity.SIGNED:
        leases.adopt([*named, *sent], event.path_token, event.reference, event.provider_ref)
    payments.announced(named)
    payments.make_due(named)
    payouts.make_due(sent)
    return bool(named or sent)


def send_notices() -> int:
    """Send the messages that wait in the outbox."""
    return notices.send_due(50)


def expire_orders() -> int:
    """Do what the clock owes seller orders: remind, refuse for the silent, ask, pay, call staff."""
    return _serve_each(fulfilment.due, fulfilment.wake, fulfilment.postpone)


def wake_disputes() -> int:
    """Execute decisions nobody contested; call staff where the two did not agree in time."""
    return _serve_each(disputes.due, disputes.wake, disputes.postpone)


def return_refunds() -> int:
    """Send refunds on from the buyers' wallets to the phones that paid."""
    return _serve_each(order_refunds.due, order_refunds.send_back, order_refunds.postpone)


def return_receipts() -> int:
    """Send back what paid for nothing and nobody chose about in time."""
    return _serve_each(choices.due, choices.wake, choices.postpone)


def return_parts() -> int:
    """Send refunds of parts on from the buyers' wallets to the phones that paid."""
    return _serve_each(
        order_refunds.due_parts, order_refunds.send_part_back, order_refunds.postpone_part
    )


def _serve_each(
    due: Callable[[int], Sequence[int]],
    serve: Callable[[int], object],
    postpone: Callable[[int, float], None],
) -> int:
    """Serve rows one by one: one that cannot be served must not keep the others waiting."""
    handled = 0
    for _round in range(ROUNDS):
        ids = due(ORDER_BATCH)
        for id_ in ids:
            try:
                serve(id_)
            except Exception:
                logger.exception("%s: %d is put off", serve.__name__, id_)
                postpone(id_, 600)
        handled += len(ids)
        if len(ids) < ORDER_BATCH:
            break
    return handled


def pay_sellers() -> int:
    """Pay the shops whose time has come, each once per period, then send the money."""
    handled = _serve_each(earnings.due, earnings.pay_due, earnings.postpone)
    if handled:
        queue.ring("send_payouts")
    return handled


def settle_rounds() -> int:
    """Open, count and pay the rounds whose moment has come; end the swaps nobody answered."""
    return _serve_each(settling.due, settling.settle_round, settling.postpone) + swapping.expire()


def remind_members() -> int:
    """Remind members of what they are to pay, at the hours and as often as is polite."""
    return reminding.send()


def read_floats() -> int:
    """Ask providers what they hold for us, and keep it for whoever plans; give how many told."""
    loaded = payments.providers()
    names = [name for name, one in loaded.items() if one.can.balance]
    return lanes.drive("balance", names, lambda name: _read_float(loaded[name]))


def _read_float(provider: Provider) -> int:
    told = 0
    for currency in {m.currency for m in methods.rows() if m.provider == provider.name}:
        try:
            floats.record(provider.name, provider.balance(currency))
            told += 1
        except (ProviderRejected, ProviderUnavailable) as error:
            logger.info("%s does not tell its float in %s: %s", provider.name, currency, error)
    return told


def expire_cashback() -> int:
    """Take back the cashback that nobody spent in time."""
    return _serve_each(cashback.due, cashback.expire, cashback.postpone)


def unblock_money() -> int:
    """Make money above a ceiling available where there is room for it again."""
    return sum(bool(top_ups.unblock(account)) for account in top_ups.blocked_wallets(ORDER_BATCH))


def seal_books() -> int:
    """Seal the transfers since the last block."""
    with transaction():
        block = audit.seal()
        return block.count if block else 0


def watch_providers() -> int:
    """Write what was observed, open and close alerts, forget old figures."""
    health.flush(now=True)
    changed = alerts.look()
    health.forget_old()
    return changed


JOBS: Final[dict[str, Callable[[], int]]] = {
    "submit_payments": submit_payments,
    "process_webhooks": process_webhooks,
    "verify_payments": verify_payments,
    "expire_orders": expire_orders,
    "wake_disputes": wake_disputes,
    "return_refunds": return_refunds,
    "return_parts": return_parts,
    "return_receipts": return_receipts,
    "pay_sellers": pay_sellers,
    "settle_rounds": settle_rounds,
    "send_payouts": send_payouts,
    "verify_payouts": verify_payouts,
    "release_holds": release_holds,
    "expire_cashback": expire_cashback,
    "unblock_money": unblock_money,
    "send_notices": send_notices,
    "seal_books": seal_books,
    "watch_providers": watch_providers,
    "read_floats": read_floats,
    "remind_members": remind_members,
}
