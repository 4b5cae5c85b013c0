"""Rules read back from their text: once per text, for every round would read them again."""

from __future__ import annotations

from functools import lru_cache

from shop.tontines import limits
from shop.tontines.rules import Rules


@lru_cache(maxsize=256)
def rules_of(text: str) -> Rules:
    """Read accepted rules; raises `TontineRefused` for a text nobody could have accepted."""
    return limits.read(text)
