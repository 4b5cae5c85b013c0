"""Paid seller orders with their money in the books, brought to any stage by the people who may."""

from __future__ import annotations

from typing import Final

from shop import clock
from shop.db import session, transaction
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.entries import Entry, Leg
from shop.money import Money
from shop.orders import disputes, fulfilment, handover
from shop.orders import service as orders
from shop.orders.fulfilment import By
from shop.orders.models import Order, SellerOrder
from shop.orders.states import Actor, Stage
from shop.orders.talk import Side
from shop.orders.talk_models import Dispute
from tests.marketplace import make_order
from tests.orders.doors import door_order

#: The shortest honest way to each stage.
WAYS: Final[dict[Stage, tuple[Stage, ...]]] = {
    Stage.TO_ACCEPT: (),
    Stage.ACCEPTED: (Stage.ACCEPTED,),
    Stage.PREPARING: (Stage.ACCEPTED, Stage.PREPARING),
    Stage.READY: (Stage.ACCEPTED, Stage.READY),
    Stage.SENT: (Stage.ACCEPTED, Stage.SENT),
    Stage.ASKED: (Stage.ACCEPTED, Stage.SENT, Stage.ASKED),
    Stage.RECEIVED: (Stage.ACCEPTED, Stage.SENT, Stage.RECEIVED),
    Stage.HANDED_OVER: (Stage.ACCEPTED, Stage.HANDED_OVER),
    Stage.CONFIRMED: (Stage.ACCEPTED, Stage.SENT, Stage.CONFIRMED),
    Stage.REFUSED: (Stage.REFUSED,),
    Stage.CANCELLED: (Stage.ACCEPTED, Stage.CANCELLED),
    Stage.DECIDED: (Stage.ACCEPTED, Stage.DECIDED),
    Stage.GONE_BACK: (Stage.ACCEPTED, Stage.SENT, Stage.GONE_BACK),
}
_BUYERS: Final = frozenset({Stage.RECEIVED, Stage.CONFIRMED, Stage.GONE_BACK})


def pay(order: Order) -> Order:
    """Make an order paid as a settlement does: its escrows funded, its parts open."""
    with transaction():
        order = orders.locked(order.id)
        assert orders.consume_stock(order)
        assert orders.mark_paid(order, clock.now())
        for part in order.seller_orders:
            source = chart.float_at("wave", part.currency)
            target = chart.escrow(part.id, part.currency)
            ledger.post(Entry("paid", (Leg(f"paid:{part.reference}", source, target, part.total),)))
        orders.begin_fulfilment(order.seller_orders, clock.now())
    return order


def make_part(stage: Stage = Stage.TO_ACCEPT, order: Order | None = None) -> SellerOrder:
    """Save one paid seller order and bring it to a stage."""
    if stage is Stage.GONE_BACK:
        order = order or door_order()
    [part] = pay(order or make_order()).seller_orders
    for to in WAYS[stage]:
        take(part, to)
    return again(part)


def take(part: SellerOrder, to: Stage) -> SellerOrder:
    """Take one step as the first person who may."""
    part = again(part)
    if to is Stage.HANDED_OVER:
        return fulfilment.hand_over(part.store.owner_id, part.reference, handover.code_of(part))
    if to is Stage.DECIDED:
        third = Money(part.total_amount // 3, part.currency)
        return fulfilment.decide(part.reference, to, By(Actor.STAFF, words="cassé"), third)
    if to in _BUYERS:
        return fulfilment.buy([part.order.user_id], part.reference, to)
    return fulfilment.sell(part.store.owner_id, part.reference, to, "plus en stock")


def buyer_of(part: SellerOrder) -> Side:
    """Give the buyer as a side of the order."""
    return Side(Actor.BUYER, (part.order.user_id,))


def seller_of(part: SellerOrder) -> Side:
    """Give the seller as a side of the order."""
    return Side(Actor.SELLER, (part.store.owner_id,))


def report(part: SellerOrder, reason: str = "asks_more") -> Dispute:
    """Report a problem as the buyer would."""
    part = again(part)
    complaint = disputes.Complaint(reason, "Il demande 2 000 de plus.")
    return disputes.report(buyer_of(part), part.reference, complaint)


def again(part: SellerOrder) -> SellerOrder:
    """Read a seller order as it is now."""
    session.rollback()
    return session.get_one(SellerOrder, part.id)
