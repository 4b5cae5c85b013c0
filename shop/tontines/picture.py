"""A circle as it is drawn: one disc per share around the pot, by rank; a bar where discs would not fit."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: Above so many shares a bar is drawn instead.
MOST_DISCS: Final = 60
#: Above so many, discs are too small for their numbers.
NUMBERED: Final = 24
CENTRE: Final = 160
RADIUS: Final = 120


class Place(StrEnum):
    """How a share stands: served (filled), its turn now (a square), still to come (empty)."""

    SERVED = "servi"
    TURN = "tour"
    TO_COME = "avenir"


@dataclass(frozen=True, slots=True)
class Disc:
    """One share in the drawing."""

    rank: int
    place: Place
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything the drawing needs."""

    discs: tuple[Disc, ...]
    size: int
    numbered: bool


def draw(places: Iterable[Place]) -> Picture | None:
    """Place the shares of a circle by rank, the first at the top; None when a bar is better."""
    known = list(places)
    n = len(known)
    if not 0 < n <= MOST_DISCS:
        return None
    discs = []
    for i, place in enumerate(known):
        angle = 2 * math.pi * i / n - math.pi / 2
        x, y = (round(CENTRE + RADIUS * f(angle)) for f in (math.cos, math.sin))
        discs.append(Disc(i + 1, place, x, y))
    return Picture(tuple(discs), _size(n), n <= NUMBERED)


def _size(n: int) -> int:
    for most, size in ((12, 22), (18, 16), (NUMBERED, 12)):
        if n <= most:
            return size
    return 5
