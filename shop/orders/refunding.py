"""One door for every refund of a seller order, whole or in part, before or after the seller was paid.

While the money is held it comes out of the escrow: a part leaves the rest held, all of it closes the order.
Afterwards we advance it: the buyer is whole at once, what the seller bears becomes the seller's debt, and
the wallet repays it as far as it can in the same transaction (H6). Who bears what is `policy.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop.accounts import service as accounts
from shop.approvals import service as approvals
from shop.approvals.service import Subject, Voice
from shop.db import retrying, transaction
from shop.debts import service as debts
from shop.debts.models import Source as Owed
from shop.errors import Conflict
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.money import Money
from shop.notices import service as notices
from shop.orders import escrow, fulfilment, refund_rows, telling
from shop.orders.dispute_states import needs_two
from shop.orders.fulfilment import By
from shop.orders.models import SellerOrder
from shop.orders.policy import OF_SELLER, AboveSale, Bearer, Cause, Shares
from shop.orders.refund_models import OrderRefund, Source
from shop.orders.refund_rows import Why
from shop.orders.refusals import BadReason, Disputed, NeedsReason, NotThatStep
from shop.orders.states import Actor, Escrow, Stage
from shop.stores.models import Store

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks to give back: how much, why, and the key of the one request."""

    form_key: str
    amount: Money
    cause: Cause
    words: str


def by_seller(owner_id: int, reference: str, wanted: Wanted) -> OrderRefund:
    """Give something back as the seller; the same form key gives the first refund again.

    Raises `NotFound` for another's order, `AboveSale` with what can still go back, `Disputed`,
    `BadReason`, `NeedsReason`, `NotThatStep` for an order that was never paid.
    """
    if wanted.cause not in OF_SELLER:
        raise BadReason(wanted.cause)
    mine = Store.owner_id == owner_id
    return _once(wanted, lambda: _give(mine, reference, wanted, owner_id))


def by_staff(reference: str, wanted: Wanted, voice: Voice) -> OrderRefund | None:
    """Give something back as staff; None while a second person has to say exactly the same.

    With the cause `staff` it is our own money, once the seller was paid. Raises like `by_seller`.
    """
    return _once(wanted, lambda: _decide(reference, wanted, voice))


def _once(wanted: Wanted, give: Callable[[], R]) -> R:
    try:
        return give()
    except IntegrityError:
        # Two taps at the same instant: the unique key let one through, and both see it.
        if refund_rows.found(wanted.form_key) is None:
            raise
        return give()


@retrying
def _give(
    mine: sa.ColumnElement[bool], reference: str, wanted: Wanted, user_id: int
) -> OrderRefund:
    if not wanted.words.strip():
        raise NeedsReason
    with transaction():
        part = fulfilment.locked(mine, SellerOrder.reference == reference)
        return give_inside(part, wanted, By(Actor.SELLER, user_id, wanted.words))


@retrying
def _decide(reference: str, wanted: Wanted, voice: Voice) -> OrderRefund | None:
    with transaction():
        part = fulfilment.locked(SellerOrder.reference == reference)
        first = refund_rows.found(wanted.form_key)
        if first is not None:
            return _same(first, part, wanted)
        refund_rows.planned(
            part, wanted.amount, wanted.cause
        )  # refused before anybody's word counts
        # How many went before is in what is said: the same amount again needs two new words.
        said = f"refund {wanted.amount} {wanted.cause} {len(refund_rows.of_part(part))}"
        enough = approvals.approve(Subject("order", part.reference), said, voice)
        if needs_two(wanted.amount) and not enough:
            return None
        words = f"{wanted.words.strip()} ({voice.person.strip()})"
        return give_inside(part, wanted, By(Actor.STAFF, words=words))


def give_inside(part: SellerOrder, wanted: Wanted, by: By) -> OrderRefund:
    """Do what `by_seller` promises inside the caller's transaction, under the lock of the order."""
    first = refund_rows.found(wanted.form_key)
    if first is not None:
        return _same(first, part, wanted)
    if part.disputed_at is not None:
        raise Disputed(f"{part.reference} is disputed")
    why = Why(wanted.form_key, wanted.cause, by.actor, by.user_id, by.words)
    match Escrow(part.escrow):
        case Escrow.NONE:
            raise NotThatStep(f"{part.reference} was never paid")
        case Escrow.HELD:
            return _of_held(part, wanted.amount, why, by)
        case _:
            return _afterwards(part, refund_rows.planned(part, wanted.amount, wanted.cause), why)


def _same(first: OrderRefund, part: SellerOrder, wanted: Wanted) -> OrderRefund:
    if (first.seller_order_id, first.amount) != (part.id, wanted.amount):
        raise Conflict(f"this form gave back something else of {part.reference}")
    return first


def _of_held(part: SellerOrder, amount: Money, why: Why, by: By) -> OrderRefund:
    if amount == part.held:
        to = Stage.CANCELLED
        if part.state is Stage.TO_ACCEPT and by.actor is Actor.SELLER:
            to = Stage.REFUSED
        fulfilment.close(part, to, by, why)
        closing = refund_rows.closing_of(part)
        assert closing is not None, "what closes with a refund wrote it"
        return closing
    if not 0 < amount.amount < part.held.amount:
        raise AboveSale(part.held)
    shares = refund_rows.planned(part, amount, why.cause)
    if shares.from_sale != shares.amount:
        # Our own money is given once the seller has theirs; until then the escrow is shared instead.
        raise NotThatStep(f"{part.reference} is held: share it instead")
    row = escrow.give_part(part, shares, why)
    _tell(part, row, by)
    return row


def _afterwards(part: SellerOrder, shares: Shares, why: Why) -> OrderRefund:
    """Advance a refund of a sale the seller was paid for; what the seller bears is owed, then repaid."""
    if part.escrow == Escrow.REFUNDED:
        raise AboveSale(Money(0, part.currency))
    source = Source.SELLER if shares.from_sale else Source.PLATFORM
    row = refund_rows.write(part, shares, source, why)
    buyer = accounts.owner_id(part.order.user_id)
    post(part, row, shares, chart.wallet(buyer, part.currency))
    refund_rows.revive_cashback(part, row, buyer)
    _tell(part, row, By(why.actor, why.user_id, why.words))
    return row


def post(part: SellerOrder, row: OrderRefund, shares: Shares, target: Account) -> None:
    """Move the money of a refund of a paid sale: from the seller's debt, our commission, and us."""
    currency = part.currency
    seller = accounts.owner_id(part.store.owner_id)
    presents = shares.platform - shares.commission - _fee_of_platform(shares)
    ledger.post(
        entries.order_refunded(
            row.id,
            target,
            [
                ("seller", chart.debt(seller, currency), shares.seller),
                ("commission", chart.income("commission", currency), shares.commission),
                ("fee", chart.income("method-fees", currency), _fee_of_platform(shares)),
                ("present", chart.expense("goodwill", currency), presents),
            ],
        )
    )
    if shares.from_sale:
        part.later_refunded_amount += shares.from_sale.amount
        part.later_commission_amount += shares.commission.amount
    if shares.seller:
        word = Owed.REVERSAL if row.source == Source.REVERSAL else Owed.REFUND
        cause = debts.Cause(f"order-refund:{row.id}", word, part.reference)
        debts.incur(seller, shares.seller, cause)
        debts.collect(seller, currency)


def _fee_of_platform(shares: Shares) -> Money:
    return shares.fee if shares.rule.fee is Bearer.PLATFORM else Money(0, shares.currency)


def _tell(part: SellerOrder, row: OrderRefund, by: By) -> None:
    """Write a line of the history, and tell whoever did not do it."""
    words = f"{row.amount.to_wire()} {by.words}"
    fulfilment.note(part, By(by.actor, by.user_id, words), "part_refunded")
    notices.put_all(list(telling.of_refund(part, row)))
