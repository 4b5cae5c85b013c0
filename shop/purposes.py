"""What a payment can be for, and what its money does there: one line per purpose in each answer.

`settlement` decides what money is; this page knows where it goes. The next purpose is a table, a line in
each `match`, and a file of its own for what it posts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, assert_never

import sqlalchemy as sa

from shop import clock, contributions, payment_notices, top_ups, wallet_parts
from shop.db import in_transaction, session
from shop.money import Money
from shop.notices.service import Message
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.service import Articles
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payments.service import Intent
from shop.payments.states import Note, Purpose
from shop.providers.values import Outcome
from shop.tontines import contributing
from shop.tontines.cycle_models import Contribution
from shop.wallets import ceilings
from shop.wallets import service as wallets
from shop.wallets.models import PartStatus, TopUp, WalletPart

#: What is paid for: it has a reference, a user, a status and a total.
Thing: TypeAlias = Order | TopUp | Contribution


@dataclass(frozen=True, slots=True)
class Things:
    """What some attempts are for, locked and read at once."""

    orders: dict[int, Order]
    articles: dict[int, Articles]
    top_ups: dict[int, TopUp]
    contributions: dict[int, Contribution]
    parts: dict[int, WalletPart]
    """What wallets pay beside these attempts, by payment."""

    def of(self, payment: Payment) -> Thing:
        """Give what an attempt is for."""
        match payment.purpose_as_enum:
            case Purpose.ORDER:
                return self.orders[payment.purpose_id]
            case Purpose.TOP_UP:
                return self.top_ups[payment.purpose_id]
            case Purpose.CONTRIBUTION:
                return self.contributions[payment.purpose_id]
            case _ as never:
                assert_never(never)

    def shares(self, payment: Payment) -> Sequence[tuple[int, Money]]:
        """Say what of its order an attempt pays: all of it, less what a wallet pays beside it."""
        shares = orders.seller_shares(self.orders[payment.purpose_id])
        part = self.parts.get(payment.id)
        return shares if part is None else wallet_parts.divided(shares, part.money)[1]


def of(payment: Payment) -> Thing:
    """Give what an attempt is for, without a lock: for pages."""
    match payment.purpose_as_enum:
        case Purpose.ORDER:
            return orders.by_id(payment.purpose_id)
        case Purpose.TOP_UP:
            return wallets.top_up(payment.purpose_id)
        case Purpose.CONTRIBUTION:
            return session.get_one(Contribution, payment.purpose_id)
        case _ as never:
            assert_never(never)


def locked(payment_ids: Collection[int]) -> Things:
    """Lock what these attempts are for, each kind in id order: before the attempts themselves."""
    # A part is born with its attempt: whether there is one cannot change while we wait for locks.
    query = (
        sa.select(Payment.purpose, Payment.purpose_id, WalletPart.id)
        .outerjoin(WalletPart, WalletPart.payment_id == Payment.id)
        .where(Payment.id.in_(payment_ids))
    )
    wanted: dict[Purpose, set[int]] = {purpose: set() for purpose in Purpose}
    beside = False
    for purpose, purpose_id, part_id in session.execute(query):
        wanted[Purpose(purpose)].add(purpose_id)
        beside = beside or part_id is not None
    found = orders.locked_all(wanted[Purpose.ORDER]) if wanted[Purpose.ORDER] else {}
    return Things(
        orders=found,
        articles=orders.articles_of(found) if found else {},
        contributions=(
            contributions.locked_all(wanted[Purpose.CONTRIBUTION])
            if wanted[Purpose.CONTRIBUTION]
            else {}
        ),
        top_ups=wallets.locked_top_ups(wanted[Purpose.TOP_UP]) if wanted[Purpose.TOP_UP] else {},
        parts=wallet_parts.of_payments(list(payment_ids)) if beside else {},
    )


def locked_one(purpose: Purpose, purpose_id: int) -> Thing:
    """Lock the one thing a new attempt is for. Raises `NotFound`."""
    match purpose:
        case Purpose.ORDER:
            return orders.locked(purpose_id)
        case Purpose.TOP_UP:
            return wallets.locked_top_up(purpose_id)
        case Purpose.CONTRIBUTION:
            return contributing.locked(purpose_id)[1]
        case _ as never:
            assert_never(never)


def is_payable(thing: Thing) -> bool:
    """Say whether a new attempt for it may begin."""
    if isinstance(thing, Contribution):
        return contributing.is_payable(thing)
    return orders.is_payable(thing) if isinstance(thing, Order) else wallets.is_payable(thing)


def begin(thing: Thing, intent: Intent) -> Payment:
    """Write a new attempt, with the stock it holds, under the ceilings, beside the wallet's part."""
    assert in_transaction(), "an attempt is written with what it sets apart"
    beside = intent.from_wallet or Money(0, intent.owed.currency)
    assert thing.total == intent.owed + beside, "the page showed another total"
    if isinstance(thing, TopUp):
        ceilings.refuse_top_up(thing.user, thing.total)
    if not isinstance(thing, Order):
        return payments.create(intent)
    orders.hold_stock(thing)
    payment = payments.create(intent)
    if beside:
        wallet_parts.hold(thing, thing.user_id, beside, payment=payment)
    return payment


def take(things: Things, payment: Payment) -> Note | None:
    """Take what exact money is to pay; else say why it cannot be paid any more."""
    thing = things.of(payment)
    if not is_payable(thing):
        return Note.DOUBLE if thing.paid_at else Note.NOT_WANTED
    if not isinstance(thing, Order):
        return None
    part = things.parts.get(payment.id)
    if part is not None and part.status != PartStatus.HELD:
        return Note.NOT_WANTED  # the wallet's part went back: this alone does not pay the order
    return None if orders.consume_stock(thing, things.articles[thing.id]) else Note.NOT_WANTED


def mark_paid(things: Things, payment: Payment, at: datetime) -> None:
    """Make it paid, and post what a wallet pays beside the attempt."""
    thing = things.of(payment)
    if isinstance(thing, TopUp):
        wallets.mark_paid(thing, at)
        return
    if isinstance(thing, Contribution):
        contributions.mark_paid(thing, payment)
        return
    orders.mark_paid(thing, at)
    part = things.parts.get(payment.id)
    if part is not None:
        shares = orders.seller_shares(thing)
        wallet_parts.post(part, wallet_parts.divided(shares, part.money)[0])


def fill(thing: Thing, receipt: Receipt, payment: Payment, said: Outcome) -> None:
    """Post the money of one thing; orders' money is posted many receipts at once."""
    if isinstance(thing, TopUp):
        top_ups.post(receipt, payment, said)
    elif isinstance(thing, Contribution):
        contributions.post(thing, receipt, payment, said)


def finish(thing: Thing, receipt: Receipt) -> None:
    """Pay a contribution from the wallet that the money of a suspense went to."""
    if isinstance(thing, Contribution):
        contributions.pay_from_wallet(thing, receipt.user_id)


def serve(paid: Sequence[tuple[Payment, Thing]]) -> Iterator[Message]:
    """Begin what a paid thing begins, and say who is told."""
    bought = [(payment, thing) for payment, thing in paid if isinstance(thing, Order)]
    opened = [part for _payment, order in bought for part in order.seller_orders]
    orders.begin_fulfilment(opened, clock.now())
    yield from payment_notices.paid(bought)
    for payment, thing in paid:
        if isinstance(thing, TopUp):
            yield payment_notices.topped_up(payment, thing)


def void_part(things: Things, payment: Payment) -> None:
    """Give back what a wallet held beside an attempt that will not pay any more."""
    part = things.parts.get(payment.id)
    if part is not None:
        wallet_parts.void(part)


def let_go(things: Sequence[Thing]) -> None:
    """Put articles back on the shelf once no attempt can pay for them any more (B3)."""
    released = [thing for thing in things if isinstance(thing, Order)]
    if not released:
        return
    session.flush()
    wanted = payments.any_live(Purpose.ORDER, [order.id for order in released])
    orders.return_stock(*(order for order in released if order.id not in wanted))
