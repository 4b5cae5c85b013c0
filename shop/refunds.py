"""Giving a receipt back: by the provider that collected it, else by a payout, else to the wallet.

One request, one refund; the refunds of a receipt never come to more than the receipt (P10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock, payout_notices
from shop.accounts import service as accounts
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.leases import providers
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.money import Money
from shop.notices import service as notices
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition
from shop.payouts import service as payouts
from shop.payouts.models import Payout, Refund
from shop.payouts.service import Claim, Intent
from shop.payouts.states import PayoutPurpose, Route
from shop.providers import methods
from shop.providers.methods import Method
from shop.providers.values import Payout as AskedFor
from shop.providers.values import Refund as AskedBack


class AboveReceipt(Conflict):
    """More than was received cannot be given back; `left` is what still can."""

    code = "above_receipt"

    def __init__(self, code: str, left: Money) -> None:
        super().__init__(f"receipt {code}: {left} can still be given back")
        self.left = left


def refund_receipt(
    receipt_id: int, amount: Money, *, source: Account, form_key: str, reason: str
) -> Refund:
    """Give a receipt, or a part of it, back to whoever paid it. The caller rings afterwards.

    `source` holds the money now. The refund goes back by the provider's own refund, else by a payout
    to the payer's number (`refund.payout_id`), else at once to the payer's wallet. The same form key
    gives the first refund again. Raises `AboveReceipt`, `InsufficientFunds`, or `NotFound`.
    """
    try:
        return _refund(receipt_id, amount, source, form_key, reason)
    except IntegrityError:
        # Two taps at the same instant: the unique key let one through, and both see it.
        if found(form_key) is None:
            raise
        return _refund(receipt_id, amount, source, form_key, reason)


@retrying
def _refund(receipt_id: int, amount: Money, source: Account, form_key: str, reason: str) -> Refund:
    with transaction():
        return give_back(receipt_id, amount, source=source, form_key=form_key, reason=reason)


def give_back(
    receipt_id: int, amount: Money, *, source: Account, form_key: str, reason: str
) -> Refund:
    """Do what `refund_receipt` promises inside the caller's transaction, with what else it decides."""
    assert in_transaction(), "a refund is written with the money it moves"
    receipt = _locked(receipt_id)
    first = found(form_key)
    if first is not None:
        if (first.receipt_id, first.money) != (receipt_id, amount):
            raise Conflict(f"this form gave back something else of receipt {receipt.code}")
        return first
    _refuse_above(receipt, amount)
    payment = session.get_one(Payment, receipt.payment_id)
    payout = _paid_back(receipt, payment, amount, source, form_key)
    refund = Refund(
        form_key=form_key,
        receipt_id=receipt.id,
        user_id=accounts.owner_id(receipt.user_id),
        source=source.code,
        currency=amount.currency,
        amount=amount.amount,
        reason=reason[:200],
        payout_id=payout.id if payout else None,
        created_at=clock.now(),
    )
    session.add(refund)
    session.flush()
    if payout is None:
        _to_wallet(refund, payment, source)
    return refund


def _locked(receipt_id: int) -> Receipt:
    """Lock the receipt: its refunds are added up under this lock."""
    receipt = session.scalar(sa.select(Receipt).where(Receipt.id == receipt_id).with_for_update())
    if receipt is None:
        raise NotFound("receipt")
    return receipt


def _refuse_above(receipt: Receipt, amount: Money) -> None:
    left = receipt.money - given_back(receipt)
    if amount.currency != receipt.currency or amount > left:
        raise AboveReceipt(receipt.code, left)


def given_back(receipt: Receipt) -> Money:
    """Add up what of a receipt was given back so far, arrived or on its way."""
    return _sum(receipt, sa.true())


def given_back_as(receipt: Receipt, form_keys: Sequence[str]) -> Money:
    """Add up what these requests gave back of a receipt, arrived or on its way."""
    return _sum(receipt, Refund.form_key.in_(form_keys))


def _sum(receipt: Receipt, wanted: sa.ColumnElement[bool]) -> Money:
    total = sa.func.coalesce(sa.func.sum(Refund.amount), 0)
    given = session.scalar(sa.select(total).where(Refund.receipt_id == receipt.id, wanted))
    return Money(int(given or 0), receipt.currency)


def left_in_wallet(receipt: Receipt) -> Money:
    """Say how much of a receipt paid for nothing and was not given back: the payer's own money.

    Whether the wallet still holds it, only `refund_receipt` can tell: it may have been withdrawn.
    """
    if receipt.disposition == Disposition.SUSPENSE:
        return Money(0, receipt.currency)
    kept = receipt.money - Money(receipt.applied_amount, receipt.currency)
    return max(kept - given_back(receipt), Money(0, receipt.currency))


def wallet_of(receipt: Receipt) -> Account:
    """Name the wallet of whoever answers for the payer now."""
    return chart.wallet(accounts.owner_id(receipt.user_id), receipt.currency)


def found(form_key: str) -> Refund | None:
    """Find the refund that a request already made."""
    return session.scalar(sa.select(Refund).where(Refund.form_key == form_key))


def _paid_back(
    receipt: Receipt, payment: Payment, amount: Money, source: Account, form_key: str
) -> Payout | None:
    """Request the payout that carries a refund; None where nobody can carry it."""
    road = road_of(receipt, payment, amount)
    if road is None:
        return None
    route, method = road
    return payouts.request(
        Intent(
            purpose=PayoutPurpose.REFUND,
            purpose_id=receipt.id,
            user_id=accounts.owner_id(receipt.user_id),
            route=route,
            method=method,
            payee_phone=payment.payer_phone,
            amount=amount,
            source=source,
            form_key=hashlib.sha256(f"refund:{form_key}".encode()).hexdigest(),
            language=payment.language,
        )
    )


def road_of(receipt: Receipt, payment: Payment, amount: Money) -> tuple[Route, Method] | None:
    """Choose how the money goes back: as it came, by the same provider, by another, or not at all."""
    asked, provider = methods.get(payment.method), providers().get(receipt.provider)
    same_money = amount.currency == payment.currency
    whole = amount == receipt.money
    can = provider is not None and same_money and payouts.may_refund(provider)
    if provider and can and (whole or provider.can.partial_refund):
        return Route.REFUND, asked
    rows = payouts.payout_methods(payment.country, asked.operator, amount.currency)
    taking = [row for row in rows if row.refusal(amount) is None]
    taking.sort(key=lambda row: row.provider != receipt.provider)
    return (Route.TRANSFER, taking[0]) if taking else None


def _to_wallet(refund: Refund, payment: Payment, source: Account) -> None:
    """Put a refund that nobody can carry into the payer's wallet, unless that is where it is."""
    wallet = chart.wallet(refund.user_id, refund.currency)
    if source != wallet:
        ledger.post(entries.refund_to_wallet(refund.id, source, refund.user_id, refund.money))
    notices.put_all([payout_notices.refund_kept(refund, payment)])


def question_of(payout: Payout) -> AskedFor | AskedBack:
    """Say what is asked of the provider: money for a phone, or a collection given back."""
    if Route(payout.route) is Route.TRANSFER:
        return payouts.asked_for(payout)
    receipt = session.get_one(Receipt, payout.purpose_id)
    payment = session.get_one(Payment, receipt.payment_id)
    return AskedBack(
        reference=payout.reference,
        amount=payout.money,
        collection=payments.collection_of(payment),
        transaction_ref=receipt.transaction_ref,
        provider_ref=payout.provider_ref,
        memory=dict(payout.memory),
    )


def claim_sends(provider: str, limit: int) -> list[Claim]:
    """Lease payouts that are due to be sent, each with what is asked of the provider."""
    return payouts.claim_sends(provider, limit, question_of)


def claim_checks(provider: str, limit: int) -> list[Claim]:
    """Lease payouts that are due to be asked about, each with the question."""
    return payouts.claim_checks(provider, limit, question_of)
