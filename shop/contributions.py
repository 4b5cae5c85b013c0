"""Where a payment meets the circle it is for: the receipt pays dues, or the payer's wallet keeps it."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from shop.db import in_transaction, session
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.ledger.entries import Entry
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition
from shop.providers.values import Outcome
from shop.tontines import contributing, receiving, settling
from shop.tontines.cycle_models import Contribution, Cycle


def locked_all(ids: Collection[int]) -> dict[int, Contribution]:
    """Lock the circles of these contributions, in their order, and read the contributions."""
    query = (
        sa.select(Contribution.id)
        .join(Cycle, Cycle.id == Contribution.cycle_id)
        .where(Contribution.id.in_(ids))
        .order_by(Cycle.tontine_id, Contribution.id)
    )
    return {id_: contributing.locked(id_)[1] for id_ in session.scalars(query).all()}


def mark_paid(row: Contribution, payment: Payment) -> None:
    """Bind a contribution to the attempt that pays it: no other attempt pays it any more."""
    row.payment_id = payment.id
    session.flush()


def post(row: Contribution, receipt: Receipt, payment: Payment, said: Outcome) -> None:
    """Write the books of one receipt: dues by R8 and what is ahead, the method's fee, what is over."""
    assert in_transaction(), "a receipt and its transfers are one change"
    if receipt.disposition == Disposition.APPLIED:
        _apply(row, receipt, payment)
    ledger.post_all([*_rest(receipt, payment), *_provider_fee(receipt, said)])


def _apply(row: Contribution, receipt: Receipt, payment: Payment) -> None:
    at, fresh = contributing.locked(row.id)
    source = chart.float_at(receipt.provider, receipt.currency)
    receiving.arrive(at, fresh, payer=source, key=f"receipt:{receipt.id}:tontine")
    if payment.fee:
        fees = chart.income("method-fees", receipt.currency)
        entry = entries.tontine(
            "receipt", f"receipt:{receipt.id}:fee", [(source, fees, payment.fee)]
        )
        ledger.post(entry)
    settling.settle_what_waited(at)


def pay_from_wallet(row: Contribution, user_id: int) -> None:
    """Pay a contribution whose money people gave to its payer's wallet out of suspense."""
    at, fresh = contributing.locked(row.id)
    wallet = chart.wallet(user_id, fresh.currency)
    receiving.arrive(at, fresh, payer=wallet, key=f"contribution:{fresh.id}")
    settling.settle_what_waited(at)


def _rest(receipt: Receipt, payment: Payment) -> list[Entry]:
    """What did not pay the contribution: all of it where it pays nothing, else what is over."""
    where = (receipt.id, receipt.provider)
    if receipt.disposition == Disposition.SUSPENSE:
        return [entries.suspense_receipt(*where, receipt.money)]
    applied = receipt.disposition == Disposition.APPLIED
    left = receipt.money - payment.money if applied else receipt.money
    return [entries.wallet_receipt(*where, receipt.user_id, left)] if left else []


def _provider_fee(receipt: Receipt, said: Outcome) -> list[Entry]:
    if not said.fee or said.fee.currency != receipt.currency:
        return []
    return [entries.receipt_fee(receipt.id, receipt.provider, said.fee)]
