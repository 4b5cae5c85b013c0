"""What settling would do, without doing it: the provider is asked once, the books are put back.

Asking moves no money anywhere. The answer then goes down the one road inside a transaction that is rolled
back, and what it would have changed is the difference of two trial balances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shop import clock
from shop.db import end_read, session, transaction
from shop.ledger import audit
from shop.ledger import reading as books
from shop.ledger.reading import Change
from shop.payments import by_hand
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.providers.base import Provider
from shop.providers.values import Collection, Outcome, ProviderRejected, ProviderUnavailable
from shop.settlement import Answer, settle_inside


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What one answer would change."""

    reference: str
    said: str
    """The provider's answer, in one line."""
    before: str
    after: str
    """The attempt's state before and after."""
    changes: Sequence[Change]
    """Every ledger account that would hold something else, in minor units."""


class _RolledBack(Exception):
    """Ends the rehearsal's transaction; it carries what was seen in it."""

    def __init__(self, seen: Rehearsal) -> None:
        super().__init__("a rehearsal commits nothing")
        self.seen = seen


def rehearse(payment_id: int) -> Rehearsal:
    """Ask the provider about an attempt, and say what settling by its answer would change."""
    payment = session.get_one(Payment, payment_id)
    provider, asked = payments.provider_of(payment), payments.collection_of(payment)
    end_read()
    asked_at = clock.now()
    said = _ask(provider, asked)
    try:
        _play(payment_id, said, asked_at)
    except _RolledBack as over:
        return over.seen
    raise AssertionError("a rehearsal ends by rolling back")


def _ask(provider: Provider, asked: Collection) -> Outcome | ProviderRejected | ProviderUnavailable:
    try:
        return provider.collection_status(asked)
    except (ProviderRejected, ProviderUnavailable) as error:
        return error


def _play(
    payment_id: int, said: Outcome | ProviderRejected | ProviderUnavailable, asked_at: datetime
) -> None:
    with transaction():
        payment = payments.locked([payment_id])[payment_id]
        before, books_before = payment.status, audit.trial_balance()
        claim = by_hand.claim_alone(payment)
        settle_inside([Answer(claim, said, asked_at, submitted=False)])
        session.flush()
        changed = books.changes(books_before, audit.trial_balance())
        raise _RolledBack(
            Rehearsal(payment.reference, _worded(said), before, payment.status, changed)
        )


def _worded(said: Outcome | ProviderRejected | ProviderUnavailable) -> str:
    if not isinstance(said, Outcome):
        return f"{type(said).__name__}: {said}"
    money = f"{said.amount.to_wire()} {said.amount.currency}" if said.amount else ""
    transaction_ref = f"transaction {said.transaction_ref}" if said.transaction_ref else ""
    return " ".join(part for part in (said.status, money, transaction_ref, said.words) if part)
