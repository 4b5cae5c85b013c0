"""Where a payment meets the wallet it fills: begun under the ceilings, credited, or kept apart above them."""

from __future__ import annotations

import logging

from shop import payment_notices, references
from shop.accounts import service as accounts
from shop.db import in_transaction, retrying, transaction
from shop.ledger import chart, entries, wallet_entries
from shop.ledger import reading as books
from shop.ledger import service as ledger
from shop.ledger.chart import Account, Kind
from shop.ledger.entries import Entry
from shop.money import Money
from shop.notices import service as notices
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition
from shop.providers.values import Outcome
from shop.wallets import ceilings

logger = logging.getLogger(__name__)


def post(receipt: Receipt, payment: Payment, said: Outcome) -> None:
    """Write the books for the money of a top-up, after those before it; its owner is locked.

    All of it is the payer's, whatever was asked: what a ceiling leaves no room for is blocked.
    """
    assert in_transaction(), "a receipt and its transfers are one change"
    ledger.post_all([*_posted(receipt, payment), *_provider_fee(receipt, said)])


def _posted(receipt: Receipt, payment: Payment) -> list[Entry]:
    if receipt.disposition == Disposition.SUSPENSE:
        return [entries.suspense_receipt(receipt.id, receipt.provider, receipt.money)]
    applied = receipt.disposition == Disposition.APPLIED
    fee = payment.fee if applied else Money(0, receipt.currency)
    brought = receipt.money - fee
    credited = ceilings.creditable(accounts.by_id(receipt.user_id), brought)
    blocked = brought - credited
    if blocked:
        logger.warning("payment %s: %s is above a ceiling", payment.reference, blocked)
        notices.put_all([payment_notices.blocked(payment, receipt, blocked)])
    return [
        wallet_entries.top_up_receipt(
            *(receipt.id, receipt.provider, receipt.user_id),
            credited=credited, blocked=blocked, fee=fee,
        )
    ]  # fmt: skip


def _provider_fee(receipt: Receipt, said: Outcome) -> list[Entry]:
    if not said.fee or said.fee.currency != receipt.currency:
        return []
    return [entries.receipt_fee(receipt.id, receipt.provider, said.fee)]


def blocked_wallets(limit: int) -> list[Account]:
    """List the accounts of money above a ceiling, for whoever looks whether there is room now."""
    return books.positive(Kind.BLOCKED, limit)


@retrying
def unblock(account: Account) -> Money:
    """Make blocked money available as far as the ceilings have room for it again; say how much."""
    with transaction():
        user_id = int(account.owner)
        ceilings.lock([user_id])
        room = ceilings.creditable(accounts.by_id(user_id), ledger.balance(account))
        if room:
            assert account == chart.blocked(user_id, room.currency), "blocked money of a user"
            ledger.post(wallet_entries.unblocked(references.new(), user_id, room))
        return room
