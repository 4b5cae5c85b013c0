"""Reading payments for people: a payer's history, the evidence behind one attempt, what staff look for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop.db import session
from shop.payments.models import Payment, PaymentEvent, Receipt
from shop.payments.states import LIVE, PaymentStatus


def undecided_since(moment: datetime) -> Sequence[Payment]:
    """Attempts begun before a moment whose end nobody knows yet, oldest first: for staff."""
    undecided = [*LIVE, PaymentStatus.REVIEW]
    return session.scalars(
        sa.select(Payment)
        .where(Payment.status.in_(undecided), Payment.created_at <= moment)
        .order_by(Payment.id)
        .limit(200)
    ).all()


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a payer's attempts, newest first, and where the next page begins."""

    payments: Sequence[Payment]
    next_id: int | None


def history(
    owners: Collection[int],
    *,
    statuses: Collection[PaymentStatus] = (),
    provider: str = "",
    before_id: int | None = None,
    limit: int = 20,
) -> Page:
    """List a payer's attempts, by state and operator."""
    query = sa.select(Payment).where(Payment.user_id.in_(owners))
    if statuses:
        query = query.where(Payment.status.in_(statuses))
    if provider:
        query = query.where(Payment.provider == provider)
    if before_id is not None:
        query = query.where(Payment.id < before_id)
    rows = session.scalars(query.order_by(Payment.id.desc()).limit(limit + 1)).all()
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


@dataclass(frozen=True, slots=True)
class Search:
    """What staff look for among all attempts; what is not given does not narrow."""

    status: PaymentStatus | None = None
    provider: str | None = None
    country: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Say it in SQL."""
        same = {
            Payment.status: self.status,
            Payment.provider: self.provider,
            Payment.country: self.country,
        }
        said = [column == value for column, value in same.items() if value is not None]
        if self.since is not None:
            said.append(Payment.created_at >= self.since)
        if self.until is not None:
            said.append(Payment.created_at < self.until)
        return said


def search(wanted: Search, *, before_id: int | None = None, limit: int = 50) -> Page:
    """List attempts newest first, whoever made them: for staff."""
    query = sa.select(Payment).where(*wanted.conditions())
    if before_id is not None:
        query = query.where(Payment.id < before_id)
    rows = session.scalars(query.order_by(Payment.id.desc()).limit(limit + 1)).all()
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def by_id(payment_id: int) -> Payment:
    """Read an attempt as it is now. Raises when there is none."""
    return session.get_one(Payment, payment_id, populate_existing=True)


def named_by(
    provider: str,
    *,
    path_token: str | None,
    reference: str | None,
    provider_ref: str | None,
    echo_hash: str | None,
) -> Sequence[Payment]:
    """Find the attempts a message is about, without a lock: to look, not to change."""
    names = (
        (Payment.callback_token, path_token),
        (Payment.reference, reference),
        (Payment.provider_ref, provider_ref),
        (Payment.echo_hash, echo_hash),
    )
    named = [column == value for column, value in names if value]
    return session.scalars(
        sa.select(Payment)
        .where(Payment.provider == provider, sa.or_(sa.false(), *named))
        .order_by(Payment.id)
    ).all()


def receipts_of(payment_id: int) -> Sequence[Receipt]:
    """The money that arrived through an attempt, oldest first."""
    return session.scalars(
        sa.select(Receipt).where(Receipt.payment_id == payment_id).order_by(Receipt.id)
    ).all()


def receipt_by_code(code: str) -> Receipt | None:
    """Find a receipt by what is printed on it; None when no receipt has this code."""
    return session.scalar(sa.select(Receipt).where(Receipt.code == code))


def provider_refs(provider: str, refs: Collection[str]) -> set[str]:
    """Say which of a provider's ids are those of attempts of ours."""
    query = sa.select(Payment.provider_ref).where(
        Payment.provider == provider, Payment.provider_ref.in_(refs)
    )
    return {ref for ref in session.scalars(query) if ref is not None}


def receipts_by_payment(payment_ids: Collection[int]) -> dict[int, list[Receipt]]:
    """The money of many attempts at once; attempts without any are left out."""
    found: dict[int, list[Receipt]] = {}
    rows = session.scalars(
        sa.select(Receipt).where(Receipt.payment_id.in_(payment_ids)).order_by(Receipt.id)
    )
    for receipt in rows:
        found.setdefault(receipt.payment_id, []).append(receipt)
    return found


def events_of(payment_id: int) -> Sequence[PaymentEvent]:
    """The evidence behind an attempt, oldest first."""
    return session.scalars(
        sa.select(PaymentEvent)
        .where(PaymentEvent.payment_id == payment_id)
        .order_by(PaymentEvent.id)
    ).all()
