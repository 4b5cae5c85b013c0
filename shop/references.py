"""Public references: eight characters a person can read on the phone, the last proving the rest.

Crockford's base 32 (no I, L, O, U). The check character makes a weighted sum over the field of 32
elements come to zero, each place having its own weight: every single wrong character and every swap of
two characters is caught, with no sign outside the alphabet.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 8

_VALUES = {c: i for i, c in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}


def _times(a: int, b: int) -> int:
    """Multiply in GF(32), modulo x^5 + x^2 + 1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 32:
            a ^= 0b100101
        b >>= 1
    return product


def _powers(count: int) -> list[int]:
    """Powers of x: distinct for 31 places, and 1 for the last, so the check is a plain sum."""
    weights = [1]
    for _ in range(count - 1):
        weights.append(_times(weights[-1], 2))
    return weights[::-1]


_WEIGHTS = _powers(LENGTH)


def _check(values: list[int]) -> int:
    check = 0
    for value, weight in zip(values, _WEIGHTS, strict=False):
        check ^= _times(value, weight)
    return check


def new(randbelow: Callable[[int], int] = secrets.randbelow) -> str:
    """Draw a reference: 35 random bits and their check character."""
    values = [randbelow(32) for _ in range(LENGTH - 1)]
    return "".join(ALPHABET[v] for v in [*values, _check(values)])


def parse(text: str) -> str | None:
    """Read a reference as people write it (spaces, dashes, small letters, O for 0); None if wrong."""
    cleaned = "".join(c for c in text.upper() if c not in " -\u00a0\u2011\u2013")
    if len(cleaned) != LENGTH or any(c not in _VALUES for c in cleaned):
        return None
    values = [_VALUES[c] for c in cleaned]
    return "".join(ALPHABET[v] for v in values) if _check(values) == 0 else None


def spaced(reference: str) -> str:
    """Write a reference in two groups, as it is read aloud: `PX7K-4M2Q`."""
    return f"{reference[:4]}-{reference[4:]}"
