"""What runs behind the pages. Each job is a drain: look at what is due of this kind, until none is left.

A job may run zero, one or fifty times, at once with itself, and be killed anywhere: rows are leased,
and every change goes through `settlement`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from flask import current_app

from shop import clock, lanes, queue
from shop.boundary import in_transaction
from shop.db import end_read, transaction
from shop.ledger import audit
from shop.notices import service as notices
from shop.payments import service as payments
from shop.payments.service import Claim
from shop.providers.base import Outcome, Provider, ProviderRejected, ProviderUnavailable
from shop.settlement import Answer, settle_payments
from shop.webhooks import service as webhooks
from shop.webhooks.models import EventStatus, WebhookEvent

logger = logging.getLogger(__name__)

#: Messages looked at in one transaction.
WEBHOOK_BATCH: Final = 100
#: Rounds of one drain before it lets another kind have its turn.
ROUNDS: Final = 20


class Ask(Protocol):
    """A question to a provider about one lease."""

    __name__: str

    def __call__(self, provider: Provider, claim: Claim, /) -> Outcome: ...


def run(name: str) -> int:
    """Run one drain by name, in its own application context; give how many rows it handled."""
    with current_app.app_context():
        queue.silence(name)
        return JOBS[name]()


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
    claim_due: Callable[[str, int], list[Claim]], ask: Ask, *, submitted: bool
) -> int:
    loaded = payments.providers()
    # Nobody queues for a write lock, once per provider, only to find nothing due.
    names = [name for name in payments.due_providers(submitted=submitted) if name in loaded]
    end_read()

    def lane(name: str) -> int:
        return _ask_and_settle(loaded[name], claim_due, ask, submitted=submitted)

    return lanes.drive(ask.__name__, names, lane)


def _ask_and_settle(
    provider: Provider,
    claim_due: Callable[[str, int], list[Claim]],
    ask: Ask,
    *,
    submitted: bool,
) -> int:
    """Call the provider for what is due, with no transaction open anywhere (J5); settle as it answers."""
    assert not in_transaction(), "nobody holds a transaction while providers think"
    at_once, handled = provider.timing.concurrency, 0

    def claim(most: int) -> list[Claim]:
        with transaction():
            return claim_due(provider.name, most)

    def one(claim: Claim) -> Answer | None:
        return _ask_one(provider, claim, ask, submitted=submitted)

    # Only questions wait claimed: a first request whose lease ran out here would stay unknown for long.
    ahead = 0 if submitted else 2 * at_once
    for answers in lanes.flow(claim, one, at_once, ahead=ahead):
        settle_payments([answer for answer in answers if answer is not None])
        handled += len(answers)
    return handled


def _ask_one(provider: Provider, claim: Claim, ask: Ask, *, submitted: bool) -> Answer | None:
    """Ask one provider about one lease; None when too little of the lease is left to begin."""
    asked_at = clock.now()
    left_s = (claim.lease_until - asked_at).total_seconds()
    if left_s < provider.timing.total_s:
        # A sleeper that wakes late must not send: the sweeper may already have judged this attempt.
        logger.warning("payment %s: the lease is too short to ask", claim.reference)
        return None
    said: Outcome | ProviderRejected | ProviderUnavailable
    try:
        said = ask(provider, claim)
    except (ProviderRejected, ProviderUnavailable) as error:
        said = error
    except Exception as error:
        logger.exception("payment %s: the adapter failed", claim.reference)
        said = ProviderUnavailable(f"{provider.name}: {type(error).__name__}")
    return Answer(claim, said, asked_at, submitted)


def process_webhooks() -> int:
    """Make the payments that messages name due at once, then verify them."""
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
    return handled


def _look_at(events: Iterable[WebhookEvent]) -> None:
    for event in events:
        named = payments.named_by_webhook(
            event.provider,
            path_token=event.path_token,
            reference=event.reference,
            provider_ref=event.provider_ref,
            echo_hash=event.echo_hash,
        )
        if named:
            payments.make_due(named)
            webhooks.finish(event, EventStatus.DONE)
        elif (clock.now() - event.received_at).total_seconds() < 60:
            # It may have overtaken our own reply: the attempt's provider id is not stored yet (E6).
            webhooks.retry_later(event, "names no attempt of ours yet")
        else:
            webhooks.finish(event, EventStatus.IGNORED)


def send_notices() -> int:
    """Send the messages that wait in the outbox."""
    return notices.send_due(50)


def seal_books() -> int:
    """Seal the transfers since the last block."""
    with transaction():
        block = audit.seal()
        return block.count if block else 0


JOBS: Final[dict[str, Callable[[], int]]] = {
    "submit_payments": submit_payments,
    "process_webhooks": process_webhooks,
    "verify_payments": verify_payments,
    "send_notices": send_notices,
    "seal_books": seal_books,
}
