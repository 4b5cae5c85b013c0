"""What a buyer may choose of each shop at checkout, and what they chose: fetch it, or pay at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shop.checkout.cart import Cart
from shop.orders import quoting
from shop.orders.quoting import Choice, StoreQuote
from shop.stores.delivery import open_points
from shop.stores.models import DeliveryZone, PickupPoint, Store
from shop.stores.service import zones_of


@dataclass(frozen=True, slots=True)
class Offer:
    """The ways one shop has for its part of a cart, and the one that is chosen."""

    store: Store
    points: list[PickupPoint]
    delivers: bool
    door_zones: list[DeliveryZone]
    """Where these articles may be paid at the door; none where none may."""
    chosen: Choice

    @property
    def asks(self) -> bool:
        """Say whether there is anything to choose."""
        return bool(self.points or self.door_zones)


def offers(shown: Cart, chosen: Mapping[int, Choice]) -> list[Offer]:
    """Say what may be chosen, shop by shop, in the cart's order."""
    return [_offer(part, chosen[part.store.id]) for part, _rows in shown.groups]


def _offer(part: StoreQuote, chosen: Choice) -> Offer:
    zones = zones_of(part.store)
    paid = part.items - part.off
    door = [zone for zone in zones if quoting.payable_at_door(zone, part.lines, paid)]
    return Offer(part.store, open_points(part.store), bool(zones), door, chosen)


def asked(form: Mapping[str, str], shown: Cart, codes: Mapping[int, str]) -> dict[int, Choice]:
    """Read what was chosen; what makes no sense is as usual, and what cannot be is refused later."""
    return {
        part.store.id: _choice(form, part.store, codes.get(part.store.id, ""))
        for part, _rows in shown.groups
    }


def _choice(form: Mapping[str, str], store: Store, code: str) -> Choice:
    points = open_points(store)
    way = form.get(f"way-{store.id}", "")
    ids = {f"point-{point.id}": point.id for point in points}
    if not zones_of(store) and points:
        way = way if way in ids else f"point-{points[0].id}"
    at_door = form.get(f"pay-{store.id}") == "door" and way not in ids
    return Choice(ids.get(way), at_door, code)


def all_fetched(chosen: Mapping[int, Choice]) -> bool:
    """Say whether nothing is brought, so that no address is needed."""
    return bool(chosen) and all(choice.point_id is not None for choice in chosen.values())
