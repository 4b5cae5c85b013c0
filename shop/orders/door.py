"""Paying at the door: the rest of an order, by mobile money or in cash (B9).

Only the delivery was paid at checkout. By mobile money the rest is a bill: an order of its own, without
articles, that the ordinary attempts pay; its money joins the escrow of the seller order it is for, and
from then on that is an order like any other. In cash the seller has all of it at once, proven by the
buyer's code; our commission on it is what the seller owes us, and never a balance.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock, references
from shop.accounts import service as accounts
from shop.db import in_transaction, retrying, session, transaction
from shop.debts import service as debts
from shop.debts.models import Source
from shop.ledger import entries
from shop.ledger import service as ledger
from shop.money import Money
from shop.notices import service as notices
from shop.orders import telling
from shop.orders.models import Order, OrderStatus, SellerOrder
from shop.orders.refusals import DoorUnpaid
from shop.orders.states import Escrow


def is_due(part: SellerOrder) -> bool:
    """Say whether something is to be paid at the door of a seller order now."""
    return bool(part.door) and part.escrow == Escrow.HELD and part.disputed_at is None


def bill(part: SellerOrder, *, tell: bool = False) -> Order:
    """Give the bill for what is due at the door, making it on first use. Raises `DoorUnpaid`.

    With `tell` its buyer gets the link by SMS, once. The caller has checked whose order this is.
    """
    try:
        return _bill(part.id, tell)
    except IntegrityError:  # the other tap was faster
        return _bill(part.id, tell)


@retrying
def _bill(seller_order_id: int, tell: bool) -> Order:
    with transaction():
        part = _locked(seller_order_id)
        if not is_due(part):
            raise DoorUnpaid(f"seller order {part.reference} has nothing due at the door")
        found = bill_of(part) or _made(part)
        if tell:
            notices.put_all(list(telling.of_bill(part, found)))
        return found


def bill_of(part: SellerOrder) -> Order | None:
    """Find the bill of a seller order; None while nobody asked for it."""
    return session.scalar(sa.select(Order).where(Order.door_of == part.id))


def _made(part: SellerOrder) -> Order:
    of = part.order
    found = Order(
        reference=references.new(), user_id=of.user_id, form_key=f"door-of-{part.reference}",
        access_token=secrets.token_urlsafe(16), currency=part.currency,
        items_amount=part.door_amount, delivery_amount=0, total_amount=part.door_amount,
        door_of=part.id, country=of.country, contact_name=of.contact_name,
        contact_phone=of.contact_phone, town=of.town, quarter=of.quarter, landmark=of.landmark,
        language=of.language, created_at=clock.now(),
    )  # fmt: skip
    session.add(found)
    session.flush()
    return found


def part_of(order: Order) -> SellerOrder:
    """Give the seller order that a bill is for; locked inside a transaction, as it is now."""
    assert order.door_of is not None, "a basket is not a bill"
    if in_transaction():
        return _locked(order.door_of)
    return session.get_one(SellerOrder, order.door_of)


def is_payable(order: Order) -> bool:
    """Say whether money for a bill would still be for something."""
    return order.status == OrderStatus.AWAITING_PAYMENT and is_due(part_of(order))


def join(bill: Order) -> None:
    """Let what a paid bill brought be held with the rest of its seller order, as if paid at checkout."""
    assert in_transaction(), "the amounts grow in the transaction that receives the money"
    part = _locked(_billed(bill))
    assert is_due(part), f"seller order {part.reference} is owed nothing at the door"
    session.flush()  # the bill is paid before its part says so
    of, rest = session.get_one(Order, part.order_id), part.door_amount
    part.total_amount, part.door_amount = part.total_amount + rest, 0
    part.commission_amount = part.articles.share(part.commission_bp).amount
    of.total_amount, of.door_amount = of.total_amount + rest, of.door_amount - rest
    session.flush()
    notices.put_all(list(telling.of_paid_bill(part, bill)))


def _billed(bill: Order) -> int:
    assert bill.door_of is not None, "a basket is not a bill"
    return bill.door_of


def book_cash(part: SellerOrder) -> None:
    """Book that the shop has the rest in cash: our commission on it becomes the shop's debt.

    A locked seller order only, on its way to a closing step that pays the shop; the step itself writes
    `cash_amount`, since the database takes neither without the other.
    """
    assert in_transaction(), "cash is booked with the step that proves it"
    owed = cash_commission(part)
    if owed:
        seller = accounts.owner_id(part.store.owner_id)
        ledger.post(entries.commission_owed(part.id, seller, owed))
        cause = debts.Cause(f"cash-commission:{part.id}", Source.COMMISSION, part.reference)
        debts.incur(seller, owed, cause)


def cash_commission(part: SellerOrder) -> Money:
    """Say what the shop owes us for what it takes, or took, in cash."""
    return part.door.share(part.commission_bp)


def paid_bills(order_ids: Collection[int]) -> dict[int, Order]:
    """Find the paid bills of these orders' parts, by seller order."""
    query = (
        sa.select(Order)
        .join(SellerOrder, SellerOrder.id == Order.door_of)
        .where(SellerOrder.order_id.in_(order_ids), Order.status == OrderStatus.PAID)
    )
    return {_billed(found): found for found in session.scalars(query)}


def _locked(seller_order_id: int) -> SellerOrder:
    query = sa.select(SellerOrder).where(SellerOrder.id == seller_order_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()
