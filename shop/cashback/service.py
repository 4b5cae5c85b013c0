"""Granting cashback when a sale ends well, spending it, and taking back what nobody spent in time.

How much of a grant is left, only the ledger knows: each has an account of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from flask import current_app

from shop import clock
from shop.cashback import campaigns
from shop.cashback.models import CashbackGrant
from shop.db import in_transaction, retrying, session, transaction
from shop.ledger import chart, wallet_entries
from shop.ledger import reading as books
from shop.ledger import service as ledger
from shop.ledger.chart import Account, Kind
from shop.ledger.wallet_entries import Amounts
from shop.money import Money

#: What comes back after its time can still be spent for so long.
GRACE: Final = timedelta(days=1)


def grant(seller_order_id: int, user_id: int, items: Money) -> None:
    """Owe the buyer of a released sale what the running campaign promises, once."""
    assert in_transaction(), "cashback is granted with the release that earns it"
    now, live = clock.now(), current_app.config["SETTINGS"].live
    campaign = campaigns.running(items.currency, now.date(), live=live)
    earned = campaign.earned(items) if campaign is not None else None
    if campaign is None or not earned:
        return
    row = CashbackGrant(
        seller_order_id=seller_order_id,
        user_id=user_id,
        campaign=campaign.name,
        currency=earned.currency,
        amount=earned.amount,
        created_at=now,
        expires_at=now + campaign.valid,
        wake_at=now + campaign.valid,
    )
    session.add(row)
    session.flush()
    ledger.post(wallet_entries.cashback_granted(row.id, earned))


def living(user_ids: Collection[int], currency: str) -> list[tuple[CashbackGrant, Money]]:
    """List the grants somebody can spend, what is left of each, the first to expire first."""
    query = sa.select(CashbackGrant).where(
        CashbackGrant.user_id.in_(user_ids),
        CashbackGrant.currency == currency,
        CashbackGrant.expires_at > clock.now(),
    )
    rows = session.scalars(query.order_by(CashbackGrant.expires_at, CashbackGrant.id)).all()
    left = [(row, ledger.balance(chart.cashback(row.id, currency))) for row in rows]
    return [(row, money) for row, money in left if money]


def taken_from(user_ids: Collection[int], most: Money) -> Amounts:
    """Choose which grants pay an amount, as far as they go: the first to expire first."""
    taken: list[tuple[Account, Money]] = []
    for row, money in living(user_ids, most.currency):
        part = min(money, most)
        if part:
            taken.append((chart.cashback(row.id, part.currency), part))
            most -= part
    return taken


def give_back(
    order_id: int,
    part_id: int,
    part_ids: Sequence[int],
    user_id: int,
    to_buyer: Money,
    refund_id: int,
) -> None:
    """Turn what came back from a sale into cashback again, as far as cashback had paid the order.

    The money is in the buyer's wallet already, in the same transaction: nobody withdraws it between.
    """
    assert in_transaction(), "what cashback paid comes back with the refund"
    returned, left = [], to_buyer
    for account, money in _spent_on(order_id, part_ids).items():
        part = min(money, left)
        if part:
            returned.append((account, part))
            left -= part
    if returned:
        ledger.post(wallet_entries.cashback_returned(part_id, refund_id, user_id, returned))
        revive([account for account, _money in returned])


def _spent_on(order_id: int, part_ids: Sequence[int]) -> dict[Account, Money]:
    """Say what each grant paid of an order, less what came back from its parts."""
    # The room of wallets stands above: its row is read by name, as the checks do.
    query = sa.text("SELECT reference FROM wallet_part WHERE order_id = :id AND status = 'posted'")
    references = session.scalars(query, {"id": order_id}).all()
    spent: dict[Account, Money] = {}
    for move in books.moves(f"wallet-held:{reference}:" for reference in references):
        account = Account.from_code(move.debit)
        if account.kind is Kind.CASHBACK:
            spent[account] = spent.get(account, Money(0, account.currency)) + move.amount
    for move in (
        books.moves(f"cashback-returned:{part_id}:" for part_id in part_ids) if spent else ()
    ):
        spent[Account.from_code(move.credit)] -= move.amount
    return spent


def revive(accounts: Collection[Account]) -> None:
    """Let what is back in grants that expired meanwhile be spent for a while."""
    now = clock.now()
    for account in accounts:
        if account.kind is Kind.CASHBACK:
            row = session.get_one(CashbackGrant, int(account.owner))
            if row.expires_at <= now:
                row.expires_at = row.wake_at = now + GRACE


def due(limit: int) -> Sequence[int]:
    """Name the grants whose time is over."""
    query = sa.select(CashbackGrant.id).where(CashbackGrant.wake_at <= clock.now())
    return session.scalars(query.order_by(CashbackGrant.wake_at).limit(limit)).all()


@retrying
def expire(grant_id: int) -> None:
    """Take back what nobody spent in time; it is owed no more."""
    with transaction():
        row = _locked(grant_id)
        if row.wake_at is None or row.wake_at > clock.now():
            return  # somebody was faster, or it may be spent again
        row.wake_at = None
        left = ledger.balance(chart.cashback(row.id, row.currency))
        if left:
            moment = int(row.expires_at.timestamp())
            ledger.post(wallet_entries.cashback_expired(row.id, moment, left))


@retrying
def postpone(grant_id: int, seconds: float) -> None:
    """Look again later at a grant that could not be taken back."""
    with transaction():
        _locked(grant_id).wake_at = clock.after(seconds)


def _locked(grant_id: int) -> CashbackGrant:
    query = sa.select(CashbackGrant).where(CashbackGrant.id == grant_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def currencies(user_ids: Collection[int]) -> set[str]:
    """Name the currencies in which somebody was ever granted cashback."""
    query = sa.select(CashbackGrant.currency).where(CashbackGrant.user_id.in_(user_ids))
    return set(session.scalars(query.distinct()))
