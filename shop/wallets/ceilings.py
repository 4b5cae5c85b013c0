"""What a person may still put into the wallet, or take out: the dated limits, less what moved already."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from flask import current_app

from shop import clock
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.db import in_transaction, session
from shop.errors import Refusal
from shop.ledger import chart
from shop.ledger import reading as books
from shop.ledger import service as ledger
from shop.money import Money
from shop.payments.models import Payment
from shop.payments.states import LIVE, Purpose
from shop.payouts.models import Payout
from shop.payouts.states import PayoutPurpose, PayoutStatus
from shop.wallets import limits
from shop.wallets.limits import Bound, Exceeded, Limits, Moved
from shop.wallets.models import Identity, IdentityCheck

#: Transfers into a wallet that count against the ceilings of top-ups.
LOADS: Final = ("top_up_receipt", "unblocked")
#: Withdrawals whose money is there again count no more.
RETURNED: Final = (PayoutStatus.FAILED, PayoutStatus.CANCELLED)


class TopUpClosed(Refusal):
    """Wallets of this country may not be topped up: see `limits.toml`."""

    code = "top_up_closed"
    http_status = 403


class AboveCeiling(Refusal):
    """A legal ceiling stands in the way; `exceeded` says which, and what is still possible."""

    code = "above_ceiling"

    def __init__(self, exceeded: Exceeded) -> None:
        super().__init__(f"{exceeded.bound} ceiling {exceeded.ceiling}, {exceeded.left} left")
        self.exceeded = exceeded


def top_up_open(country: str) -> bool:
    """Say whether wallets of a country may be topped up today."""
    live = current_app.config["SETTINGS"].live
    return limits.top_up_rule(country, clock.now().date(), live=live).open


def level_of(user_id: int) -> Identity:
    """Say how well we know somebody: the latest decision, else only the number is proven."""
    query = sa.select(IdentityCheck.level).where(IdentityCheck.user_id == user_id)
    found = session.scalar(query.order_by(IdentityCheck.id.desc()).limit(1))
    return Identity(found) if found else Identity.BASIC


def limits_of(user: User) -> Limits:
    """Give the limits that count for somebody today."""
    return limits.of(user.country, level_of(user.id), clock.now().date())


def lock(user_ids: Collection[int]) -> None:
    """Lock people, in id order: what they move under a ceiling moves one after another (W6)."""
    assert in_transaction(), "a lock lasts as long as the caller's transaction"
    query = sa.select(User.id).where(User.id.in_(user_ids)).order_by(User.id)
    session.execute(query.with_for_update(key_share=True)).all()


def refuse_top_up(user: User, amount: Money) -> None:
    """Refuse a top-up that is closed here, or that would pass a ceiling with those under way."""
    rules = limits_of(user)
    if amount.currency != rules.held.currency or not top_up_open(user.country):
        raise TopUpClosed(f"top-ups are closed in {user.country}")
    found = _top_up_exceeds(user, amount, rules)
    if found is not None:
        raise AboveCeiling(found)


def _top_up_exceeds(user: User, amount: Money, rules: Limits) -> Exceeded | None:
    coming = _coming(user.id, amount.currency)
    loaded = loaded_by(user.id, amount.currency)
    moved = Moved(loaded.today + coming, loaded.this_month + coming)
    found = limits.exceeded(amount, rules.top_up, moved)
    room = max(rules.held - held_by(user.id, amount.currency) - coming, Money(0, amount.currency))
    if amount <= room or (found is not None and found.left <= room):
        return found
    return Exceeded(Bound.HELD, rules.held, room)


def refuse_withdrawal(user: User, amount: Money) -> None:
    """Refuse a withdrawal that would pass a ceiling; the money stays where it is."""
    rules = limits_of(user)
    if amount.currency != rules.held.currency:
        return  # money of another country's currency may always leave
    found = limits.exceeded(amount, rules.withdrawal, withdrawn_by(user.id, amount.currency))
    if found is not None:
        raise AboveCeiling(found)


def creditable(user: User, arrived: Money) -> Money:
    """Say how much of a top-up that arrived, or of blocked money, the wallet may take now."""
    rules = limits_of(user)
    if arrived.currency != rules.held.currency:
        return arrived
    loaded = loaded_by(user.id, arrived.currency)
    room = min(
        rules.top_up.daily - loaded.today,
        rules.top_up.monthly - loaded.this_month,
        rules.held - ledger.balance(chart.wallet(user.id, arrived.currency)),
        rules.top_up.operation,
        arrived,
    )
    return max(room, Money(0, arrived.currency))


def held_by(user_id: int, currency: str) -> Money:
    """Add up what a wallet holds against its ceiling: available, and blocked."""
    places = (chart.wallet(user_id, currency), chart.blocked(user_id, currency))
    return sum((ledger.balance(place) for place in places), Money(0, currency))


def loaded_by(user_id: int, currency: str) -> Moved:
    """Say what top-ups brought into a wallet today and this month."""
    wallet = chart.wallet(user_id, currency)
    today, month = _begun()
    return Moved(books.credited(wallet, LOADS, today), books.credited(wallet, LOADS, month))


def withdrawn_by(user_id: int, currency: str) -> Moved:
    """Say what was withdrawn today and this month, or is on its way."""
    today, month = _begun()
    return Moved(_withdrawn(user_id, currency, today), _withdrawn(user_id, currency, month))


def _withdrawn(user_id: int, currency: str, since: datetime) -> Money:
    total = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Payout.amount), 0)).where(
            Payout.user_id.in_(accounts.identities(user_id)),
            Payout.purpose == PayoutPurpose.WITHDRAWAL,
            Payout.currency == currency,
            Payout.status.not_in(RETURNED),
            Payout.created_at >= since,
        )
    )
    return Money(int(total or 0), currency)


def _coming(user_id: int, currency: str) -> Money:
    """Add up the top-ups that phones are being asked for."""
    total = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Payment.amount - Payment.fee_amount), 0)).where(
            Payment.user_id == user_id,
            Payment.purpose == Purpose.TOP_UP,
            Payment.currency == currency,
            Payment.status.in_(LIVE),
        )
    )
    return Money(int(total or 0), currency)


def _begun() -> tuple[datetime, datetime]:
    """Give the first moment of this day and of this month."""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today, today.replace(day=1)
