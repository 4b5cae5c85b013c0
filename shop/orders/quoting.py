"""What one shop's part of a basket costs: its articles, its code, its delivery, and what is paid when.

Read in this order, by every page and by the order itself: a code takes off the articles first; a free
delivery looks at what is then paid for them; what is left for the door is all of that, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shop.money import Money, total
from shop.orders import uses
from shop.orders.models import Way
from shop.orders.refusals import MixedCurrencies, NoDelivery, NoDoor, NoPoint
from shop.orders.uses import Discount
from shop.stores.models import DeliveryZone, PickupPoint, Product, Store
from shop.stores.service import delivery_zone

Lines = Sequence[tuple[Product, int]]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a buyer chooses of one shop: where to fetch, when to pay, with which code."""

    point_id: int | None = None
    """None has it brought."""
    at_door: bool = False
    code: str = ""


AS_USUAL: Final = Choice()


@dataclass(frozen=True, slots=True)
class Road:
    """How the goods reach the buyer, in the words that are frozen with the order."""

    kind: Way
    name: str
    hours: int
    """Within how many hours, as the shop promises."""
    place: str = ""
    open_hours: str = ""


@dataclass(frozen=True, slots=True)
class StoreQuote:
    """What one shop's part of a basket costs today."""

    store: Store
    lines: tuple[tuple[Product, int], ...]
    delivery: Money | None = None
    """None when the place is not known yet, or when the shop does not deliver there."""
    way: Road | None = None
    discount: Discount | None = None
    at_door: bool = False

    @property
    def items(self) -> Money:
        """The articles, without delivery."""
        return articles(self.lines, self.store.currency)

    @property
    def off(self) -> Money:
        """What the shop's code takes off."""
        return self.discount.amount if self.discount else Money(0, self.store.currency)

    @property
    def door(self) -> Money:
        """What is paid at the door: the articles, or nothing."""
        return self.items - self.off if self.at_door else Money(0, self.store.currency)

    @property
    def total(self) -> Money:
        """What is paid now, as far as the delivery is known."""
        now = self.items - self.off - self.door
        return now if self.delivery is None else now + self.delivery


def articles(lines: Lines, currency: str) -> Money:
    """Add up articles at today's prices."""
    return total([product.price * quantity for product, quantity in lines], currency)


def priced(
    store: Store,
    lines: Lines,
    place: tuple[str, str] | None,
    choice: Choice = AS_USUAL,
    buyer: str | None = None,
) -> StoreQuote:
    """Price one shop's part; without a place, only what does not hang on one.

    Raises an `OrderRefused` naming the shop: no delivery there, no such code, not at the door.
    """
    items = articles(lines, store.currency)
    discount = uses.quoted(store, choice.code, items, buyer) if choice.code else None
    paid = items - discount.amount if discount else items
    if choice.point_id is not None:
        point = _open_point(store, choice.point_id)
        if choice.at_door:
            raise NoDoor(store.name)
        return StoreQuote(store, tuple(lines), point.price, _to_point(point), discount)
    if place is None:
        return StoreQuote(store, tuple(lines), None, None, discount)
    zone = delivery_zone(store, *place)
    if zone is None:
        raise NoDelivery(store.name)
    if zone.currency != store.currency:
        raise MixedCurrencies(store.name)
    if choice.at_door and not payable_at_door(zone, lines, paid):
        raise NoDoor(store.name)
    price = zone.price_for(paid)
    return StoreQuote(store, tuple(lines), price, _to_zone(zone), discount, choice.at_door)


def payable_at_door(zone: DeliveryZone, lines: Lines, paid: Money) -> bool:
    """Say whether so much of these articles may be paid at the door of a zone (B9).

    Something must be paid now: an order that costs nothing to place is placed by anybody.
    """
    within = zone.door_limit is not None and paid <= zone.door_limit
    return within and bool(zone.price_for(paid)) and may_wait(lines)


def may_wait(lines: Lines) -> bool:
    """Say whether the seller sells all of these before they are paid."""
    return not any(product.prepaid_only for product, _quantity in lines)


def _open_point(store: Store, point_id: int) -> PickupPoint:
    for point in store.points:
        if point.id == point_id and point.is_on:
            return point
    raise NoPoint(store.name)


def _to_zone(zone: DeliveryZone) -> Road:
    return Road(Way.DELIVERY, zone.place, zone.hours_max)


def _to_point(point: PickupPoint) -> Road:
    return Road(
        Way.PICKUP, point.name, point.ready_hours, f"{point.place}, {point.town}"[:160], point.hours
    )
