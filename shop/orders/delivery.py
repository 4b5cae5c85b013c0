"""What a delivery costs: the quarter's own price, else the price of the whole town."""

from __future__ import annotations

import unicodedata

from shop.stores.models import DeliveryZone, Store


def folded(text: str) -> str:
    """Write a place without accents, capitals or doubled spaces, to compare what people type."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())


def zone_for(store: Store, town: str, quarter: str) -> DeliveryZone | None:
    """Choose the zone of a place; None when the shop does not deliver there."""
    here = [z for z in store.zones if folded(z.town) == folded(town)]
    named = [z for z in here if z.quarter is not None and folded(z.quarter) == folded(quarter)]
    return next(iter([*named, *(z for z in here if z.quarter is None)]), None)
