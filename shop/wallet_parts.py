"""What a wallet pays of an order: held while the rest is collected, then posted or given back, once.

The part lives and dies with the attempt it was held for: paid with it, void when it ends without money or
when the buyer leaves it. What the attempt brings afterwards is surprising money like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from shop import clock, leases, payment_notices
from shop.accounts import service as accounts
from shop.cashback import service as cashback
from shop.db import in_transaction, retrying, session, transaction
from shop.ledger import chart, wallet_entries
from shop.ledger import reading as books
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.ledger.wallet_entries import Amounts
from shop.money import Money
from shop.notices import service as notices
from shop.orders import service as orders
from shop.orders.models import Order
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.payments.refusals import AttemptUnderWay, NotPayable
from shop.payments.states import Purpose
from shop.payouts.models import Payout
from shop.wallets import ceilings
from shop.wallets.models import PartStatus, WalletPart


@dataclass(frozen=True, slots=True)
class Spendable:
    """What a buyer could pay an order with from the wallet."""

    available: Money
    cashback: Money

    @property
    def total(self) -> Money:
        """Both: each pays orders, only the first can be withdrawn."""
        return self.available + self.cashback


def spendable(user_id: int, currency: str) -> Spendable:
    """Say what somebody's wallet could pay now."""
    grants = cashback.living(accounts.identities(user_id), currency)
    owed = sum((money for _row, money in grants), Money(0, currency))
    return Spendable(ledger.balance(chart.wallet(user_id, currency)), owed)


@retrying
def pay(order_id: int, user_id: int) -> WalletPart:
    """Pay a whole order from the buyer's wallet, at once. Two taps are one payment.

    Raises `NotPayable`, `AttemptUnderWay`, `OutOfStock` or `InsufficientFunds`; nothing moved then.
    """
    with transaction():
        order = orders.locked(order_id)
        first = living_of(order.id)
        if first is not None and first.status == PartStatus.POSTED:
            return first
        refuse_unpayable(order, user_id)
        orders.hold_stock(order)
        part = hold(order, user_id, order.total, payment=None)
        session.flush()
        took = orders.consume_stock(order)
        assert took, "what was just taken off the shelf is there"
        orders.mark_paid(order, clock.now())
        post(part, orders.seller_shares(order))
        orders.begin_fulfilment(order.seller_orders, clock.now())
        notices.put_all(list(payment_notices.paid_from_wallet(order, part.money)))
        return part


def refuse_unpayable(order: Order, user_id: int) -> None:
    """Refuse an order that is not this user's to pay now, or that a phone is being asked for."""
    if order.user_id != user_id or not orders.is_payable(order):
        raise NotPayable(f"order {order.reference} is {order.status}")
    live = payments.live_of(Purpose.ORDER, order.id)
    if live is not None:
        raise AttemptUnderWay(live.reference)


def hold(order: Order, user_id: int, amount: Money, *, payment: Payment | None) -> WalletPart:
    """Set the wallet's part of an order apart, cashback first; inside the caller's transaction.

    Raises `InsufficientFunds` when wallet and cashback together do not hold it.
    """
    assert in_transaction(), "a part is held with the attempt for the rest"
    ceilings.lock([user_id])  # what cashback holds is read before it is posted
    grants = cashback.taken_from(accounts.identities(user_id), amount)
    of_grants = sum((money for _account, money in grants), Money(0, amount.currency))
    rest = amount - of_grants
    wallet = [(chart.wallet(user_id, amount.currency), rest)] if rest else []
    part = WalletPart(
        reference=_unused_reference(),
        order_id=order.id,
        user_id=user_id,
        payment_id=payment.id if payment is not None else None,
        currency=amount.currency,
        amount=amount.amount,
        cashback_amount=of_grants.amount,
        status=PartStatus.HELD,
        created_at=clock.now(),
    )
    # The money first: whoever survives `InsufficientFunds` must not commit a part of nothing.
    ledger.post(wallet_entries.wallet_held(part.reference, [*grants, *wallet]))
    session.add(part)
    session.flush()
    return part


def _unused_reference() -> str:
    """A hold has one owner: neither a payout nor another part has this name."""
    while True:
        reference = leases.unused_reference(Payout)
        known = sa.select(WalletPart.id).where(WalletPart.reference == reference)
        if session.scalar(known) is None:
            return reference


def living_of(order_id: int) -> WalletPart | None:
    """Give the part that is held for an order, or that paid it."""
    query = sa.select(WalletPart).where(
        WalletPart.order_id == order_id, WalletPart.status != PartStatus.VOIDED
    )
    return session.scalar(query)


def of_payments(payment_ids: Sequence[int]) -> dict[int, WalletPart]:
    """Give the parts of these attempts: {payment id: part}."""
    rows = session.scalars(
        sa.select(WalletPart)
        .where(WalletPart.payment_id.in_(payment_ids))
        .execution_options(populate_existing=True)
    )
    return {row.payment_id: row for row in rows if row.payment_id is not None}


Shares = Sequence[tuple[int, Money]]


def divided(shares: Shares, part: Money) -> tuple[Shares, Shares]:
    """Say what of the sellers' shares a wallet pays, and what is left for the phone, to the franc."""
    of_wallet, of_phone = [], []
    for seller_order_id, share in shares:
        mine = min(share, part)
        part -= mine
        if mine:
            of_wallet.append((seller_order_id, mine))
        if share - mine:
            of_phone.append((seller_order_id, share - mine))
    assert not part, "a part is never more than the order"
    return of_wallet, of_phone


def post(part: WalletPart, shares: Shares) -> None:
    """The order is paid: give the sellers' escrows what was set apart."""
    targets = [(chart.escrow(number, money.currency), money) for number, money in shares]
    ledger.post(wallet_entries.wallet_posted(part.reference, targets))
    _end(part, PartStatus.POSTED)


def void(part: WalletPart) -> bool:
    """The rest will not come this way: put back what was set apart; False when it ended before."""
    assert in_transaction(), "a part ends with its attempt"
    if part.status != PartStatus.HELD:
        return False
    sources: Amounts = [
        (Account.from_code(move.debit), move.amount)
        for move in books.moves([f"wallet-held:{part.reference}:"])
    ]
    ledger.post(wallet_entries.wallet_voided(part.reference, sources))
    cashback.revive([account for account, _money in sources])
    _end(part, PartStatus.VOIDED)
    return True


def _end(part: WalletPart, status: PartStatus) -> None:
    part.status, part.ended_at = status, clock.now()
    session.flush()
