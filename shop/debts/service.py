"""Owing and repaying: a debt is written with the event that makes it, and repaid oldest first.

The franc itself moves in the books, in the same transaction: `debt:user` is what we advanced. Nothing here
opens a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from shop import clock
from shop.db import in_transaction, session
from shop.debts.models import OPEN, Debt, DebtRepayment, Source
from shop.errors import InsufficientFunds
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.money import Money, total

#: How much of a seller's payout may go to debts, in basis points, each rate from its day on.
CAPS: Final[Sequence[tuple[date, int]]] = ((date(2026, 1, 1), 5_000),)
#: Debts and repayments shown at once, at most.
SHOWN: Final = 100


def cap_bp(on: date) -> int:
    """Say what share of a payout may be kept for debts on a day, in basis points."""
    valid = [rate for since, rate in CAPS if since <= on]
    return valid[-1] if valid else CAPS[0][1]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why somebody owes us: the event, once, and the order or payout it is about."""

    key: str
    source: Source
    reference: str


def incur(user_id: int, amount: Money, cause: Cause) -> Debt:
    """Write down what a user owes; the caller posts the transfer that debits `debt:user`.

    The same key gives the first debt again.
    """
    assert in_transaction(), "a debt is written with the money it explains"
    first = session.scalar(sa.select(Debt).where(Debt.key == cause.key))
    if first is not None:
        return first
    debt = Debt(
        key=cause.key,
        user_id=user_id,
        currency=amount.currency,
        amount=amount.amount,
        source=cause.source,
        reference=cause.reference,
        at=clock.now(),
    )
    session.add(debt)
    session.flush()
    return debt


def collect(
    user_id: int, currency: str, most: Money | None = None, only: Source | None = None
) -> list[DebtRepayment]:
    """Take from the wallet what is there for the open debts, oldest first, `most` at most.

    `only` leaves the debts of other sources alone.
    """
    assert in_transaction(), "what leaves the wallet is written as repaid in the same transaction"
    made: list[DebtRepayment] = []
    for debt in _locked(user_id, currency):
        if only is not None and debt.source != only:
            continue
        left = debt.left if most is None else min(debt.left, most - _sum(made, currency))
        repayment = _repay(debt, left) if left else None
        if repayment is None:
            break
        made.append(repayment)
    return made


def _sum(made: Sequence[DebtRepayment], currency: str) -> Money:
    return total([Money(one.amount, currency) for one in made], currency)


def _locked(user_id: int, currency: str) -> Sequence[Debt]:
    """Lock a user's open debts, oldest first: two who collect do it one after the other."""
    query = (
        sa.select(Debt)
        .where(Debt.user_id == user_id, Debt.currency == currency, sa.text(OPEN))
        .order_by(Debt.id)
        .with_for_update()
    )
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _repay(debt: Debt, wanted: Money) -> DebtRepayment | None:
    """Move what the wallet has of this much; None when it has nothing."""
    there = ledger.balance(chart.wallet(debt.user_id, debt.currency))
    amount = min(wanted, there)
    while amount:
        try:
            return _written(debt, amount)
        except InsufficientFunds as short:
            # Somebody spent meanwhile. This was read under the wallet's lock, which is ours now.
            amount = short.available
    return None


def _written(debt: Debt, amount: Money) -> DebtRepayment:
    number = debt.repaid_amount
    # The key says how far the debt was repaid before: the same step cannot be posted twice.
    key = f"debt-repaid:{debt.id}:{number}"
    ledger.post(entries.debt_collected(key, debt.user_id, amount))
    repayment = DebtRepayment(debt_id=debt.id, amount=amount.amount, at=clock.now())
    session.add(repayment)
    session.flush()
    debt.repaid_amount = number + amount.amount
    session.flush()
    return repayment


def owed(user_id: int, currency: str) -> Money:
    """Say what a user still owes in all."""
    amount = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Debt.amount - Debt.repaid_amount), 0)).where(
            Debt.user_id == user_id, Debt.currency == currency, sa.text(OPEN)
        )
    )
    return Money(int(amount or 0), currency)


def open_of(user_id: int, currency: str) -> Sequence[Debt]:
    """List what a user still owes, oldest first: what is repaid next is on top."""
    query = sa.select(Debt).where(Debt.user_id == user_id, Debt.currency == currency, sa.text(OPEN))
    return session.scalars(query.order_by(Debt.id).limit(SHOWN)).all()


def unstated(user_id: int, currency: str) -> Sequence[DebtRepayment]:
    """List the repayments that no living statement shows yet, oldest first."""
    query = (
        sa.select(DebtRepayment)
        .join(DebtRepayment.debt)
        .options(contains_eager(DebtRepayment.debt))
        .where(
            Debt.user_id == user_id,
            Debt.currency == currency,
            DebtRepayment.payout_id.is_(None),
        )
        .order_by(DebtRepayment.id)
        .limit(SHOWN)
    )
    return session.scalars(query).all()
