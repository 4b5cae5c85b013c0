"""Reading payouts for people: a user's history, the evidence behind one, what staff look for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from shop.db import session
from shop.money import Money
from shop.payouts.models import Payout, PayoutEvent, Refund
from shop.payouts.states import IN_FLIGHT, UNSENT, PayoutStatus


def listed(
    *,
    statuses: Collection[PayoutStatus] = (),
    provider: str = "",
    owners: Collection[int] = (),
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[Payout]:
    """List payouts, newest first, by state, provider and whose money it is."""
    query = sa.select(Payout)
    if statuses:
        query = query.where(Payout.status.in_(statuses))
    if provider:
        query = query.where(Payout.provider == provider)
    if owners:
        query = query.where(Payout.user_id.in_(owners))
    if before_id is not None:
        query = query.where(Payout.id < before_id)
    return session.scalars(query.order_by(Payout.id.desc()).limit(limit)).all()


def sent_between(
    since: datetime,
    until: datetime | None = None,
    *,
    provider: str | None = None,
    before_id: int | None = None,
    limit: int = 200,
) -> Sequence[Payout]:
    """List payouts begun from `since`, before `until`, that a provider was ever asked for, newest first."""
    query = sa.select(Payout).where(Payout.created_at >= since, Payout.status.not_in(UNSENT))
    if until is not None:
        query = query.where(Payout.created_at < until)
    if provider is not None:
        query = query.where(Payout.provider == provider)
    if before_id is not None:
        query = query.where(Payout.id < before_id)
    return session.scalars(query.order_by(Payout.id.desc()).limit(limit)).all()


def in_flight(owners: Collection[int]) -> dict[str, Money]:
    """Say what is set apart for people's payouts that have not ended, in each currency (W3)."""
    rows = session.execute(
        sa.select(Payout.currency, sa.func.sum(Payout.amount))
        .where(Payout.user_id.in_(owners), Payout.status.in_(IN_FLIGHT))
        .group_by(Payout.currency)
    )
    return {currency: Money(int(amount), currency) for currency, amount in rows}


def events_of(payout_id: int) -> Sequence[PayoutEvent]:
    """The evidence behind a payout, oldest first."""
    return session.scalars(
        sa.select(PayoutEvent).where(PayoutEvent.payout_id == payout_id).order_by(PayoutEvent.id)
    ).all()


def refunds_of(receipt_id: int) -> Sequence[Refund]:
    """What of a receipt was given back, oldest first."""
    return [refund for refund, _payout in refunds_with_payouts([receipt_id])]


def refunds_with_payouts(receipt_ids: Collection[int]) -> list[tuple[Refund, Payout | None]]:
    """What of these receipts was given back, oldest first, each with the payout that carries it."""
    if not receipt_ids:
        return []
    query = (
        sa.select(Refund, Payout)
        .outerjoin(Payout, Payout.id == Refund.payout_id)
        .where(Refund.receipt_id.in_(receipt_ids))
        .order_by(Refund.id)
    )
    return [(refund, payout) for refund, payout in session.execute(query)]
