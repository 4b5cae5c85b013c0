"""Payouts: requested once, leased to one sender, asked about until their end.

Functions that read or write inside the caller's transaction assert that one is open. None of them calls
a provider, and only `payout_settlement` decides what an answer means.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from flask import current_app

from shop import clock, leases, references, switches
from shop.db import in_transaction, session
from shop.errors import Conflict, NotFound
from shop.leases import Lease, provider_of, providers
from shop.ledger import entries
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.money import Money
from shop.payouts.models import Payout, PayoutEvent
from shop.payouts.states import (
    EDGES,
    OPEN,
    UNSENT,
    Evidence,
    PayoutPurpose,
    PayoutStatus,
    Route,
)
from shop.providers import methods
from shop.providers.base import Provider
from shop.providers.methods import Method
from shop.providers.values import Outcome
from shop.providers.values import Payout as AskedFor
from shop.providers.values import Refund as AskedBack
from shop.switches.service import Direction


class NotCancellable(Conflict):
    """The provider was asked already: only its answer can end this payout."""

    code = "not_cancellable"


class NotRetryable(Conflict):
    """Only a failed payout is requested anew; anything else still runs, or has arrived."""

    code = "not_retryable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Everything a new payout needs, decided by its caller and frozen with the row."""

    purpose: PayoutPurpose
    user_id: int
    method: Method
    payee_phone: str
    amount: Money
    source: Account
    """Where the money is now: the user's wallet, an escrow."""
    form_key: str
    purpose_id: int | None = None
    route: Route = Route.TRANSFER
    language: str = "fr"


def request(intent: Intent) -> Payout:
    """Set the money apart and write the payout, due at once, in the caller's transaction.

    The same form key gives the first payout again. Raises `InsufficientFunds` when the source does not
    hold the amount, `AmountRefused` when the method does not take it; nothing is then written.
    """
    assert in_transaction(), "a payout is written with the money it sets apart"
    first = by_form_key(intent.form_key)
    if first is not None:
        return _same(first, intent)
    refused = intent.method.refusal(intent.amount) if intent.route is Route.TRANSFER else None
    if refused is not None:
        raise refused
    reference = leases.unused_reference(Payout)
    # The money first: a caller who survives `InsufficientFunds` must not commit a payout of nothing.
    ledger.post(entries.payout_requested(reference, intent.source, intent.amount))
    payout = _written(intent, reference)
    note(payout, "user", new=PayoutStatus.REQUESTED)
    return payout


def _same(first: Payout, intent: Intent) -> Payout:
    asked = (intent.user_id, intent.amount, intent.payee_phone)
    if (first.user_id, first.money, first.payee_phone) != asked:
        raise Conflict(f"this form made payout {first.reference}")
    return first


def _written(intent: Intent, reference: str) -> Payout:
    method, now = intent.method, clock.now()
    payout = Payout(
        reference=reference,
        form_key=intent.form_key,
        purpose=intent.purpose,
        purpose_id=intent.purpose_id,
        user_id=intent.user_id,
        route=intent.route,
        method=method.code,
        provider=method.provider,
        country=method.country,
        payee_phone=intent.payee_phone,
        source=intent.source.code,
        currency=intent.amount.currency,
        amount=intent.amount.amount,
        language=intent.language,
        memory={},
        status=PayoutStatus.REQUESTED,
        callback_token=secrets.token_urlsafe(24),
        created_at=now,
        next_check_at=now,
        checks=0,
        fee_amount=0,
    )
    session.add(payout)
    session.flush()
    return payout


def by_form_key(form_key: str) -> Payout | None:
    """Find the payout that a form already made: the second tap shows the first result."""
    return session.scalar(sa.select(Payout).where(Payout.form_key == form_key))


def find(reference: str) -> Payout:
    """Find a payout by its reference, as people may write it. Raises `NotFound`."""
    cleaned = references.parse(reference)
    payout = session.scalar(sa.select(Payout).where(Payout.reference == cleaned))
    if payout is None:
        raise NotFound("payout")
    return payout


def locked(ids: Iterable[int]) -> dict[int, Payout]:
    """Lock payouts in id order and read them as they are now."""
    return leases.locked(Payout, ids)


def note(
    payout: Payout,
    source: str,
    *,
    old: PayoutStatus | None = None,
    new: PayoutStatus | None = None,
    evidence: Evidence | None = None,
    asked_at: datetime | None = None,
    words: str = "",
) -> None:
    """Add one line of evidence behind a payout."""
    session.add(
        PayoutEvent(
            payout_id=payout.id,
            at=clock.now(),
            source=source[:60],
            old=old,
            new=new,
            evidence=evidence,
            asked_at=asked_at,
            words=words[:200],
        )
    )


def move(
    payout: Payout,
    to: PayoutStatus,
    source: str,
    words: str = "",
    *,
    evidence: Evidence | None = None,
    asked_at: datetime | None = None,
) -> None:
    """Take one edge of the state machine.

    Raises `AssertionError` for an edge that does not exist: the caller looked first.
    """
    assert in_transaction(), "a status changes inside the caller's transaction"
    was = payout.state
    assert to in EDGES[was], f"payout {payout.reference}: {was} does not become {to}"
    payout.status = to
    note(payout, source, old=was, new=to, evidence=evidence, asked_at=asked_at, words=words)
    if not EDGES[to]:
        payout.settled_at = clock.now()
        payout.next_check_at = None


def hold(payout: Payout, source: str, reason: str, until: datetime | None = None) -> None:
    """Let a requested payout wait: until a moment, or for a person when none is given."""
    payout.reason, payout.held_until = reason, until
    move(payout, PayoutStatus.HELD, source, reason)
    payout.next_check_at = until


def release(payout: Payout, source: str) -> None:
    """Let a held payout go: it is sent next."""
    payout.reason, payout.held_until = None, None
    move(payout, PayoutStatus.REQUESTED, source)
    payout.next_check_at = clock.now()


def release_due(limit: int) -> int:
    """Let go what was held until now, in the caller's transaction; give how many."""
    assert in_transaction(), "holds end inside the caller's transaction"
    due = session.scalars(
        sa.select(Payout)
        .where(Payout.status == PayoutStatus.HELD, Payout.next_check_at <= clock.now())
        .order_by(Payout.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for payout in due:
        release(payout, "clock")
    return len(due)


def cancel(payout: Payout, source: str, words: str = "") -> None:
    """Give up a payout that was never sent; the caller returns its money in the same transaction.

    Raises `NotCancellable` once the provider may have heard of it.
    """
    if PayoutStatus.CANCELLED not in EDGES[payout.state]:
        raise NotCancellable(f"payout {payout.reference} is {payout.status}")
    move(payout, PayoutStatus.CANCELLED, source, words)


#: The calls of each route: what could not be asked about afterwards is not sent either.
_CALLS: Final = {
    Route.TRANSFER: ("pay_out", "payout_status"),
    Route.REFUND: ("refund", "refund_status"),
}


def may_pay_out(provider: Provider) -> bool:
    """Say whether money may leave through this provider now; otherwise payouts wait as requested."""
    return provider.can.pay_out and _is_open(provider, Route.TRANSFER)


def may_refund(provider: Provider) -> bool:
    """Say whether a collection may be given back through this provider now."""
    return provider.gives_back() and _is_open(provider, Route.REFUND)


def _is_open(provider: Provider, route: Route) -> bool:
    """Say whether nobody stopped money from leaving here, and no call it needs rests."""
    stopped = not switches.may_pay_out(provider.name)
    return not stopped and not any(map(provider.is_resting, _CALLS[route]))


def payout_methods(country: str, operator: str, currency: str) -> tuple[Method, ...]:
    """Name the ways to send money to a number of this operator now: the table's order, the broken last.

    Rows that pages do not offer to buyers count too: whom we collect by does not bind how we send.
    """
    loaded, now = providers(), switches.board()
    found = [
        row
        for row in methods.rows()
        if (row.country, row.operator, row.currency) == (country, operator, currency)
        and row.provider in loaded
        and loaded[row.provider].pays_out_to(operator, country)
        and may_pay_out(loaded[row.provider])
    ]
    # A worker's breaker is seen here by its switch: this process calls nobody.
    return tuple(sorted(found, key=lambda row: now.resting(row.provider, Direction.PAY_OUT)))


def asked_for(payout: Payout) -> AskedFor:
    """Say what is asked of the provider, as it must hear it again, word for word."""
    settings = current_app.config["SETTINGS"]
    return AskedFor(
        reference=payout.reference,
        amount=payout.money,
        payee=payout.payee_phone,
        country=payout.country,
        operator=methods.get(payout.method).operator,
        description=f"{settings.site_name} {references.spaced(payout.reference)}",
        webhook_url=f"{settings.public_url}/webhook/{payout.provider}/{payout.callback_token}/",
        provider_ref=payout.provider_ref,
        memory=dict(payout.memory),
    )


@dataclass(frozen=True, slots=True)
class Claim(Lease):
    """A leased payout: who holds it, until when, and what to ask."""

    payout_id: int
    question: AskedFor | AskedBack


Question = Callable[[Payout], AskedFor | AskedBack]


def claim_sends(provider: str, limit: int, question: Question) -> list[Claim]:
    """Lease due payouts that were never sent: `sending` is committed before any byte leaves (W2)."""
    one, claims = providers()[provider], []
    routes = open_routes(one)
    if any(one.is_on_trial(call) for route in routes for call in _CALLS[route]):
        limit = 1  # what the breaker would refuse would come back to the wallet for nothing
    for payout in leases.due(Payout, provider, _UNSENT, limit, Payout.route.in_(routes)):
        move(payout, PayoutStatus.SENDING, "submit")
        payout.sent_at = clock.now()
        claims.append(lease(payout, question))
    return claims


def open_routes(provider: Provider) -> list[Route]:
    """Name the calls by which money may leave through this provider now."""
    may = {Route.TRANSFER: may_pay_out(provider), Route.REFUND: may_refund(provider)}
    return [route for route, open_ in may.items() if open_]


def claim_checks(provider: str, limit: int, question: Question) -> list[Claim]:
    """Lease due payouts to ask about; one whose sender fell silent becomes `unknown` first (D6)."""
    claims = []
    for payout in leases.due(Payout, provider, _ASKED, limit):
        if payout.state is PayoutStatus.SENDING:
            move(payout, PayoutStatus.UNKNOWN, "clock", "the sender fell silent")
        claims.append(lease(payout, question))
    return claims


_UNSENT: Final = (PayoutStatus.REQUESTED,)
#: Everything that was sent once may be asked about, ended or not.
_ASKED: Final = tuple(status for status in PayoutStatus if status not in UNSENT)


def due_providers(*, submitted: bool) -> list[str]:
    """Name the providers with something due to send, or to ask about: a look, without a lock."""
    return leases.due_providers(Payout, _UNSENT if submitted else _ASKED)


def lease(payout: Payout, question: Question) -> Claim:
    """Give a locked payout to its caller alone for a while."""
    held = leases.lease(payout)
    return Claim(
        held.provider, held.reference, held.token, held.lease_until, payout.id, question(payout)
    )


def schedule(
    payout: Payout, *, heard_at: datetime | None, retry_after_s: float | None = None
) -> None:
    """Say when to ask next: quickly at first, then slowly, for as long as money may still leave.

    `heard_at` is when the question left that was answered now; None when it was not answered.
    """
    payout.checks += 1
    payout.checked_at = clock.now()
    wait_s = _wait_s(payout, heard_at)
    if wait_s is None:
        payout.next_check_at = None
        return
    payout.next_check_at = clock.after(max(leases.jittered(wait_s), retry_after_s or 0.0))


def _wait_s(payout: Payout, heard_at: datetime | None) -> float | None:
    assert payout.sent_at is not None, "what is asked about was sent"
    if payout.state in OPEN:
        return leases.open_wait_s(payout, payout.sent_at)
    if not can_be_found(payout) or payout.late_ref is not None:
        return None
    if payout.state is PayoutStatus.FAILED:
        assert payout.settled_at is not None, "what failed has ended"
        return leases.late_watch_s(payout.settled_at, heard_at)
    if payout.state is PayoutStatus.REVIEW:
        # People decide, but an exact answer may still spare them the trouble.
        asked_for_s = (clock.now() - payout.sent_at).total_seconds()
        return 86_400.0 if asked_for_s < leases.LAST_ASK_S else None
    return None


def remember(payout: Payout, outcome: Outcome) -> None:
    """Keep what the provider told us about itself, while the payout runs."""
    if EDGES[payout.state]:
        leases.remember(payout, outcome)


def is_overdue(payout: Payout) -> bool:
    """Say whether an undecided payout is older than its provider's finality: a person then looks too."""
    if payout.state not in OPEN:
        return False
    assert payout.sent_at is not None, "what is open was sent"
    finality_s = min(provider_of(payout).timing.finality_s, leases.LAST_ASK_S)
    return clock.now() >= payout.sent_at + timedelta(seconds=finality_s)


def can_be_found(payout: Payout) -> bool:
    """Say whether the provider could tell, now or later, which payout we mean."""
    can = provider_of(payout).can
    found_by_ours = can.refund if Route(payout.route) is Route.REFUND else can.payout_lookup
    return payout.provider_ref is not None or found_by_ours


def make_due(payouts: Iterable[Payout]) -> int:
    """Ask about these now, unless somebody is asking or just asked; give how many."""
    return leases.make_due(payout for payout in payouts if payout.state not in UNSENT)


def named_by_webhook(
    provider: str, *, path_token: str | None, reference: str | None, provider_ref: str | None
) -> Sequence[Payout]:
    """Find and lock the payouts a message is about, by anything it rightly names."""
    return leases.named(
        Payout,
        provider,
        (Payout.callback_token, path_token),
        (Payout.reference, reference),
        (Payout.provider_ref, provider_ref),
    )


def known_transactions(refs: Collection[str]) -> dict[tuple[str, str], int]:
    """Say which payout each of these (provider, transaction ref) already carried out."""
    known = {}
    for column in (Payout.transaction_ref, Payout.late_ref):
        rows = session.execute(
            sa.select(Payout.provider, column, Payout.id).where(column.in_(refs))
        )
        known.update({(provider, ref): number for provider, ref, number in rows if ref})
    return known
