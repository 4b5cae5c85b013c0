"""A bar per day, as numbers that a template draws: pure geometry, no colour and no word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: The drawing's own units; the page scales it.
WIDTH: Final = 640
HEIGHT: Final = 160


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle, standing on the bottom line."""

    x: float
    y: float
    width: float
    height: float


def bars(values: Sequence[int]) -> list[Bar]:
    """Draw values as bars; the highest fills the height, nothing has none, anything has at least 2."""
    if not values:
        return []
    most, step = max(max(values), 1), WIDTH / len(values)
    heights = [max(2, value * HEIGHT // most) if value > 0 else 0 for value in values]
    return [
        Bar(round(n * step + step * 0.1, 1), HEIGHT - height, round(step * 0.8, 1), height)
        for n, height in enumerate(heights)
    ]
