"""Money that came and paid for nothing: the payer says in one tap where it goes, or the clock sends it back.

It is in the payer's wallet from the first instant, so nothing is at stake while nobody chooses. After a
day it goes back to the phone it came from: that is where somebody who never looks would look for it (F4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock, refunds
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import InsufficientFunds, NotFound
from shop.payments.choice_models import Chosen, ReceiptChoice
from shop.payments.models import Receipt
from shop.payments.states import Disposition

#: How long the payer has.
LASTS: Final = timedelta(hours=24)


def offer(receipts: Iterable[Receipt]) -> None:
    """Let payers choose about what of these receipts is in their wallets; in their transaction."""
    assert in_transaction(), "a choice is offered with the money it is about"
    now = clock.now()
    rows = [
        {"receipt_id": one.id, "due_at": now + LASTS, "wake_at": now + LASTS, "by_clock": False}
        for one in receipts
        # New receipts: nothing of them was given back yet, so nothing has to be read.
        if one.disposition != Disposition.SUSPENSE and one.applied_amount < one.amount
    ]
    if rows:
        session.execute(sa.insert(ReceiptChoice), rows)


def open_of(receipt_ids: Sequence[int]) -> dict[int, ReceiptChoice]:
    """Give the choices of these receipts that nobody made yet."""
    query = sa.select(ReceiptChoice).where(
        ReceiptChoice.receipt_id.in_(receipt_ids), ReceiptChoice.chosen.is_(None)
    )
    return {choice.receipt_id: choice for choice in session.scalars(query)}


@retrying
def choose(payment_id: int, code: str, wanted: Chosen) -> bool:
    """Do with a receipt of this payment what its payer wants; False when it was decided before.

    Raises `NotFound` for a receipt of another payment, or one there is nothing to choose about.
    """
    with transaction():
        receipt_id = session.scalar(
            sa.select(Receipt.id).where(Receipt.payment_id == payment_id, Receipt.code == code)
        )
        choice = _locked(receipt_id)
        if choice is None:
            raise NotFound("no such choice")
        return _decide(choice, wanted, by_clock=False)


def due(limit: int) -> Sequence[int]:
    """List the receipts whose payer did not choose in time, oldest first."""
    query = sa.select(ReceiptChoice.receipt_id).where(ReceiptChoice.wake_at <= clock.now())
    return session.scalars(query.order_by(ReceiptChoice.wake_at).limit(limit)).all()


@retrying
def wake(receipt_id: int) -> None:
    """Send one receipt back, for a payer who did not choose in time."""
    with transaction():
        choice = _locked(receipt_id)
        if choice is not None and choice.wake_at is not None and choice.wake_at <= clock.now():
            _decide(choice, Chosen.REFUND, by_clock=True)


@retrying
def postpone(receipt_id: int, seconds: float) -> None:
    """Look again later at a receipt that could not be sent back."""
    with transaction():
        choice = _locked(receipt_id)
        if choice is not None and choice.wake_at is not None:
            choice.wake_at = clock.after(seconds)


def _locked(receipt_id: int | None) -> ReceiptChoice | None:
    query = sa.select(ReceiptChoice).where(ReceiptChoice.receipt_id == receipt_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def _decide(choice: ReceiptChoice, wanted: Chosen, *, by_clock: bool) -> bool:
    if choice.chosen is not None:
        return False
    choice.chosen, choice.by_clock = wanted, by_clock
    choice.chosen_at, choice.wake_at = clock.now(), None
    session.flush()
    if wanted is Chosen.REFUND:
        _send_back(session.get_one(Receipt, choice.receipt_id))
    return True


def _send_back(receipt: Receipt) -> None:
    left = refunds.left_in_wallet(receipt)
    if not left:
        return
    try:
        refunds.give_back(
            receipt.id,
            left,
            source=refunds.wallet_of(receipt),
            form_key=f"choice:{receipt.code}",
            reason=f"paid for nothing: {receipt.note}",
        )
    except InsufficientFunds:
        return  # the payer was faster, and has used it
