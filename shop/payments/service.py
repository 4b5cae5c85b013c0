"""Attempts to collect: made once, leased to one sender, asked about until their end.

Functions that read or write inside the caller's transaction assert that one is open. Those that speak
to a provider assert that none is (through `providers.base.call`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from flask import current_app

from shop import clock, leases, references
from shop.db import in_transaction, session
from shop.errors import NotFound
from shop.leases import CHECK_EVERY_S, Lease, provider_of, providers
from shop.leases import late_watch_s as _late_watch_s
from shop.money import Money
from shop.payments.choosing import Choice, asked_as_data
from shop.payments.models import Payment, PaymentChoice, PaymentEvent, Receipt
from shop.payments.states import EDGES, LIVE, OPEN, PaymentStatus, Purpose
from shop.providers import methods
from shop.providers.methods import Method
from shop.providers.values import Collection as AskedFor
from shop.providers.values import Outcome
from shop.switches.service import is_silent

__all__ = ["CHECK_EVERY_S", "provider_of", "providers"]

#: A stranger who knows a number may not make its phone ring all day.
ASKED_LATELY_S: Final = 900.0
MOST_PER_PHONE: Final = 8
#: Without webhooks we ask this many times as often, never more than every few seconds.
SILENCE_SPEED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Everything a new attempt needs, decided by the page and frozen with the row."""

    purpose: Purpose
    purpose_id: int
    user_id: int
    method: Method
    payer_phone: str
    owed: Money
    form_key: str
    language: str = "fr"
    otp: str | None = None
    from_wallet: Money | None = None
    """What the payer's wallet pays beside it; `owed` is the rest."""
    choice: Choice | None = None
    """How the page came to this method, kept as evidence; None where somebody named it."""


def create(intent: Intent) -> Payment:
    """Write a new attempt, due at once. The caller rings when its transaction has ended."""
    assert in_transaction(), "an attempt is written inside the caller's transaction"
    method, now = intent.method, clock.now()
    asked = method.total(intent.owed)
    payment = Payment(
        reference=leases.unused_reference(Payment),
        form_key=intent.form_key,
        purpose=intent.purpose,
        purpose_id=intent.purpose_id,
        user_id=intent.user_id,
        method=method.code,
        provider=method.provider,
        country=method.country,
        payer_phone=intent.payer_phone,
        currency=asked.currency,
        amount=asked.amount,
        fee_amount=(asked - intent.owed).amount,
        language=intent.language,
        otp=intent.otp,
        memory={},
        status=PaymentStatus.CREATED,
        callback_token=secrets.token_urlsafe(24),
        created_at=now,
        expires_at=now + timedelta(seconds=method.session_s),
        next_check_at=now,
        checks=0,
    )
    session.add(payment)
    session.flush()
    note(payment, "buyer", new=PaymentStatus.CREATED)
    if intent.choice is not None:
        _keep_choice(payment, intent.choice)
    return payment


def _keep_choice(payment: Payment, choice: Choice) -> None:
    session.add(
        PaymentChoice(
            payment_id=payment.id,
            made_at=choice.at,
            asked=asked_as_data(choice),
            ranking=list(choice.ranking),
            chosen=payment.method,
            explored=choice.explored,
        )
    )


def by_form_key(form_key: str) -> Payment | None:
    """Find the attempt that a form already made: the second tap shows the first result."""
    return session.scalar(sa.select(Payment).where(Payment.form_key == form_key))


def find(reference: str) -> Payment:
    """Find an attempt by its reference, as people may write it. Raises `NotFound`.

    Whether this browser may see it is the page's question: see `views.own_payment`.
    """
    cleaned = references.parse(reference)
    payment = session.scalar(sa.select(Payment).where(Payment.reference == cleaned))
    if payment is None:
        raise NotFound("payment")
    return payment


def locked(ids: Iterable[int]) -> dict[int, Payment]:
    """Lock attempts in id order and read them as they are now."""
    return leases.locked(Payment, ids)


def note(
    payment: Payment,
    source: str,
    *,
    old: PaymentStatus | None = None,
    new: PaymentStatus | None = None,
    words: str = "",
) -> None:
    """Add one line of evidence behind a payment."""
    session.add(
        PaymentEvent(
            payment_id=payment.id,
            at=clock.now(),
            source=source,
            old=old,
            new=new,
            words=words[:200],
        )
    )


def move(payment: Payment, to: PaymentStatus, source: str, words: str = "") -> bool:
    """Take one edge of the state machine; False when the attempt is there already.

    Raises `AssertionError` for an edge that does not exist: the caller looked first.
    """
    assert in_transaction(), "a status changes inside the caller's transaction"
    was = payment.state
    if was is to:
        return False
    assert to in EDGES[was], f"payment {payment.reference}: {was} does not become {to}"
    payment.status = to
    note(payment, source, old=was, new=to, words=words)
    if not EDGES[to]:
        payment.settled_at = clock.now()
        payment.otp = None
    return True


def asked_lately(phone: str) -> int:
    """Count the requests made to one phone in the last quarter of an hour, whoever made them."""
    since = clock.after(-ASKED_LATELY_S)
    query = sa.select(sa.func.count(Payment.id)).where(
        Payment.payer_phone == phone, Payment.created_at > since
    )
    return session.scalar(query) or 0


def live_of(purpose: Purpose, purpose_id: int) -> Payment | None:
    """The attempt that may now take money for this purpose, if there is one (P7)."""
    return session.scalar(
        sa.select(Payment).where(
            Payment.purpose == purpose,
            Payment.purpose_id == purpose_id,
            Payment.status.in_(LIVE),
            Payment.superseded_at.is_(None),
        )
    )


def any_live(purpose: Purpose, purpose_ids: Collection[int]) -> set[int]:
    """Say for which of these any attempt, superseded ones too, may still bring money."""
    rows = session.scalars(
        sa.select(Payment.purpose_id).where(
            Payment.purpose == purpose,
            Payment.purpose_id.in_(purpose_ids),
            Payment.status.in_(LIVE),
        )
    )
    return set(rows)


def known_transactions(refs: Collection[str]) -> set[tuple[str, str]]:
    """Say which of these transactions have a receipt: (provider, transaction ref)."""
    rows = session.execute(
        sa.select(Receipt.provider, Receipt.transaction_ref).where(
            Receipt.transaction_ref.in_(refs)
        )
    )
    return {(provider, ref) for provider, ref in rows}


def all_of(purpose: Purpose, purpose_id: int) -> Sequence[Payment]:
    """Every attempt for a purpose, oldest first."""
    return session.scalars(
        sa.select(Payment)
        .where(Payment.purpose == purpose, Payment.purpose_id == purpose_id)
        .order_by(Payment.id)
    ).all()


def give_up(payment: Payment) -> None:
    """Let the buyer choose another method: an attempt never sent is cancelled, another is outlived."""
    assert in_transaction(), "giving up happens inside the caller's transaction"
    if payment.state is PaymentStatus.CREATED:
        payment.next_check_at = None
        move(payment, PaymentStatus.CANCELLED, "buyer")
    elif payment.state in LIVE and payment.superseded_at is None:
        payment.superseded_at = clock.now()
        note(payment, "buyer", words="another method was chosen; still watched")


def collection_of(payment: Payment) -> AskedFor:
    """Say what was asked, as the provider must hear it again, word for word."""
    settings = current_app.config["SETTINGS"]
    site = settings.public_url
    return AskedFor(
        reference=payment.reference,
        amount=payment.money,
        payer=payment.payer_phone,
        country=payment.country,
        operator=methods.get(payment.method).operator,
        description=f"{settings.site_name} {references.spaced(payment.reference)}",
        return_url=f"{site}/payment/{payment.reference}/status/",
        webhook_url=f"{site}/webhook/{payment.provider}/{payment.callback_token}/",
        language=payment.language,
        otp=payment.otp,
        provider_ref=payment.provider_ref,
        memory=dict(payment.memory),
    )


@dataclass(frozen=True, slots=True)
class Claim(Lease):
    """A leased attempt: who holds it, until when, and what to ask."""

    payment_id: int
    collection: AskedFor


def claim_submissions(provider: str, limit: int) -> list[Claim]:
    """Lease due attempts that were never sent: `sending` is committed before any byte leaves (W2)."""
    claims = []
    for payment in leases.due(Payment, provider, [PaymentStatus.CREATED], limit):
        move(payment, PaymentStatus.SENDING, "submit")
        payment.sent_at = clock.now()
        claims.append(_lease(payment))
    return claims


def claim_checks(provider: str, limit: int) -> list[Claim]:
    """Lease due attempts to ask about; one whose sender fell silent becomes `unknown` first (D6)."""
    claims = []
    for payment in leases.due(Payment, provider, _ASKED, limit):
        if payment.state is PaymentStatus.SENDING:
            move(payment, PaymentStatus.UNKNOWN, "clock", "the sender fell silent")
        claims.append(_lease(payment))
    return claims


#: Everything that was sent once may be asked about, ended or not.
_ASKED: Final = tuple(status for status in PaymentStatus if status is not PaymentStatus.CREATED)


def due_providers(*, submitted: bool) -> list[str]:
    """Name the providers with something due to send, or to ask about: a look, without a lock."""
    statuses = (PaymentStatus.CREATED,) if submitted else _ASKED
    return leases.due_providers(Payment, statuses)


def _lease(payment: Payment) -> Claim:
    held = leases.lease(payment)
    return Claim(
        held.provider,
        held.reference,
        held.token,
        held.lease_until,
        payment.id,
        collection_of(payment),
    )


def remember(payment: Payment, outcome: Outcome) -> None:
    """Keep what the provider told us about itself; its id for the payment is set once (P9)."""
    leases.remember(payment, outcome)
    if outcome.page_url:
        payment.page_url = outcome.page_url
    if outcome.echo_token:
        payment.echo_hash = hash_echo(outcome.echo_token)


def hash_echo(token: str) -> str:
    """Hash the secret a webhook will echo, so that a stolen database cannot forge one."""
    return hashlib.sha256(token.encode()).hexdigest()


def free(payment: Payment) -> None:
    """Give the lease back."""
    leases.free(payment)
    payment.otp = None


def schedule(
    payment: Payment, *, heard_at: datetime | None, retry_after_s: float | None = None
) -> None:
    """Say when to ask next: quickly at first, then slowly, for as long as money may still come.

    `heard_at` is when the question left that was answered now; None when it was not answered.
    """
    payment.checks += 1
    payment.checked_at = clock.now()
    wait_s = _wait_s(payment, heard_at)
    if wait_s is None:
        payment.next_check_at = None
        return
    payment.next_check_at = clock.after(
        max(min(leases.jittered(wait_s), _to_expiry_s(payment)), retry_after_s or 0.0)
    )


def _wait_s(payment: Payment, heard_at: datetime | None) -> float | None:
    if payment.state in OPEN:
        wait_s = leases.open_wait_s(payment, payment.created_at)
        if wait_s is not None and is_silent(payment.provider):
            return max(wait_s / SILENCE_SPEED, CHECK_EVERY_S)
        return wait_s
    if payment.state is PaymentStatus.FAILED and payment.settled_at is not None:
        return _late_watch_s(payment.settled_at, heard_at)
    return None


def _to_expiry_s(payment: Payment) -> float:
    """Never sleep through the moment the request expires: the provider then has its final word."""
    left_s = (payment.expires_at - clock.now()).total_seconds()
    return left_s + CHECK_EVERY_S if left_s > 0 else float("inf")


def announced(payments: Iterable[Payment]) -> None:
    """Note that a webhook named these: its first word counts, for the detector of silence."""
    assert in_transaction(), "announcements are kept with the message that made them"
    for payment in payments:
        payment.announced_at = payment.announced_at or clock.now()


def make_due(payments: Iterable[Payment]) -> int:
    """Ask about these now, unless somebody is asking or just asked; give how many."""
    unsent = (PaymentStatus.CREATED, PaymentStatus.CANCELLED)
    return leases.make_due(payment for payment in payments if payment.state not in unsent)


def named_by_webhook(
    provider: str,
    *,
    path_token: str | None,
    reference: str | None,
    provider_ref: str | None,
    echo_hash: str | None,
) -> Sequence[Payment]:
    """Find and lock the attempts a message is about, by anything it rightly names."""
    return leases.named(
        Payment,
        provider,
        (Payment.callback_token, path_token),
        (Payment.reference, reference),
        (Payment.provider_ref, provider_ref),
        (Payment.echo_hash, echo_hash),
    )
