"""What providers hold for us, as they last said: written by a job, read by plans, never asked by a page."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock
from shop.db import insert, retrying, session, transaction
from shop.earnings.models import ProviderFloat
from shop.money import Money
from shop.payouts.models import Payout
from shop.payouts.states import PayoutStatus

#: An older word of a provider binds nobody: it is tried, and its own answer counts.
FRESH: Final = timedelta(hours=1)


@retrying
def record(provider: str, amount: Money) -> None:
    """Keep what a provider says it holds now, in one currency."""
    row = {
        "provider": provider,
        "currency": amount.currency,
        "amount": amount.amount,
        "read_at": clock.now(),
    }
    told = insert(ProviderFloat).values(row)
    newer = {"amount": told.excluded.amount, "read_at": told.excluded.read_at}
    with transaction():
        session.execute(
            told.on_conflict_do_update(index_elements=["provider", "currency"], set_=newer)
        )


def left(providers: Collection[str], currency: str) -> dict[str, Money]:
    """Say what each provider can still send: what it told, less what was promised to it since.

    Providers that told nothing lately are left out.
    """
    told = session.execute(
        sa.select(ProviderFloat.provider, ProviderFloat.amount, ProviderFloat.read_at).where(
            ProviderFloat.provider.in_(providers),
            ProviderFloat.currency == currency,
            ProviderFloat.read_at > clock.now() - FRESH,
        )
    ).all()
    if not told:
        return {}
    going = _going({row.provider for row in told}, currency, min(row.read_at for row in told))
    return {
        row.provider: Money(max(0, row.amount - going.get(row.provider, 0)), currency)
        for row in told
    }


def _going(providers: Collection[str], currency: str, since: object) -> dict[str, int]:
    """Add up what is on its way, and what left after the oldest word: rather too much than too little."""
    left_since = sa.and_(Payout.settled_at >= since, Payout.status == PayoutStatus.SUCCEEDED)
    rows = session.execute(
        sa.select(Payout.provider, sa.func.sum(Payout.amount + Payout.fee_amount))
        .where(
            Payout.provider.in_(providers),
            Payout.currency == currency,
            sa.or_(Payout.settled_at.is_(None), left_since),
        )
        .group_by(Payout.provider)
    )
    return {provider: int(amount) for provider, amount in rows}
