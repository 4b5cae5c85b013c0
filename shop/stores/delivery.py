"""Where a shop brings and keeps what it sells: its zones, its pick-up points, and their prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shop.db import retrying, transaction
from shop.errors import Conflict, NotFound
from shop.money import Money
from shop.stores import catalogue, search
from shop.stores.models import DeliveryZone, PickupPoint, Store
from shop.stores.service import MOST_ZONES, own_store_locked

MOST_POINTS: Final = 20


@dataclass(frozen=True, slots=True)
class ZoneDraft:
    """What a seller says of a zone."""

    town: str
    quarter: str | None
    """None is the whole town."""
    price: Money
    hours_max: int = 48
    free_from: Money | None = None
    door_limit: Money | None = None


@dataclass(frozen=True, slots=True)
class PointDraft:
    """What a seller says of a pick-up point."""

    name: str
    town: str
    place: str
    hours: str
    price: Money
    ready_hours: int = 24


@retrying
def save_zone(owner_id: int, draft: ZoneDraft) -> None:
    """Say what a delivery costs in a town or in one of its quarters; a known place is changed."""
    with transaction():
        store = own_store_locked(owner_id)
        assert draft.price.currency == store.currency
        zone = _zone_at(store, draft)
        if zone is None:
            if len(store.zones) >= MOST_ZONES:
                raise Conflict("a shop has sixty delivery zones at most")
            zone = DeliveryZone(currency=store.currency, is_on=True)
            store.zones.append(zone)
        zone.town, zone.quarter = draft.town, draft.quarter
        zone.price_amount = draft.price.amount
        zone.hours_min, zone.hours_max = draft.hours_max // 2, draft.hours_max
        zone.free_from_amount = draft.free_from.amount if draft.free_from else None
        zone.door_limit_amount = draft.door_limit.amount if draft.door_limit else None
    catalogue.forget_menus()


def _zone_at(store: Store, draft: ZoneDraft) -> DeliveryZone | None:
    def spoken(town: str, quarter: str | None) -> list[list[str]]:
        return [search.words(town), search.words(quarter or "")]

    wanted = spoken(draft.town, draft.quarter)
    return next((z for z in store.zones if spoken(z.town, z.quarter) == wanted), None)


def zone_of(store: Store, zone_id: int) -> DeliveryZone:
    """Find a shop's zone; `NotFound` for any other shop's."""
    for zone in store.zones:
        if zone.id == zone_id:
            return zone
    raise NotFound("no such zone here")


def point_of(store: Store, point_id: int) -> PickupPoint:
    """Find a shop's pick-up point; `NotFound` for any other shop's."""
    for point in store.points:
        if point.id == point_id:
            return point
    raise NotFound("no such pick-up point here")


def open_points(store: Store) -> list[PickupPoint]:
    """List where a buyer may fetch an order now."""
    return [point for point in store.points if point.is_on]


@retrying
def switch_zone(owner_id: int, zone_id: int, *, is_on: bool) -> None:
    """Stop delivering to one of the seller's zones, or begin again; `NotFound` for others'."""
    with transaction():
        zone_of(own_store_locked(owner_id), zone_id).is_on = is_on
    catalogue.forget_menus()


@retrying
def drop_zone(owner_id: int, zone_id: int) -> None:
    """Forget one of the seller's zones; `NotFound` for anybody else's. Orders made live on."""
    with transaction():
        store = own_store_locked(owner_id)
        store.zones.remove(zone_of(store, zone_id))
    catalogue.forget_menus()


@retrying
def save_point(owner_id: int, draft: PointDraft, point_id: int | None = None) -> None:
    """Add a pick-up point, or change one of the seller's; `NotFound` for anybody else's."""
    with transaction():
        store = own_store_locked(owner_id)
        assert draft.price.currency == store.currency
        if point_id is not None:
            point = point_of(store, point_id)
        elif len(store.points) >= MOST_POINTS:
            raise Conflict("a shop has twenty pick-up points at most")
        else:
            point = PickupPoint(currency=store.currency, is_on=True)
            store.points.append(point)
        point.name, point.town, point.place = draft.name, draft.town, draft.place
        point.hours, point.price_amount = draft.hours, draft.price.amount
        point.ready_hours = draft.ready_hours


@retrying
def switch_point(owner_id: int, point_id: int, *, is_on: bool) -> None:
    """Close one of the seller's pick-up points, or open it again; `NotFound` for others'."""
    with transaction():
        point_of(own_store_locked(owner_id), point_id).is_on = is_on


@retrying
def drop_point(owner_id: int, point_id: int) -> None:
    """Forget one of the seller's pick-up points; `NotFound` for others'. Orders made live on."""
    with transaction():
        store = own_store_locked(owner_id)
        store.points.remove(point_of(store, point_id))
