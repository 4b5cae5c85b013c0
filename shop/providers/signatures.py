"""Signed webhook headers of the `t=<seconds>,v1=<hex>` family: dated, several secrets, no surprises."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable

#: A message older or younger than this is not answered for.
TOLERANCE_S = 300


def dated(given: str, scheme: str, now_s: float, expected: Iterable[Callable[[str], str]]) -> bool:
    """Say whether one `scheme=` item of the header is right, at a moment near now.

    `expected` are one function per secret in use: from the moment as written to its hex digest.
    """
    items = [item.strip().partition("=") for item in given.split(",")]
    moments = [value for key, _, value in items if key == "t"]
    digests = [value for key, _, value in items if key == scheme]
    if len(moments) != 1 or not (moments[0].isascii() and moments[0].isdigit()):
        return False
    if len(moments[0]) > 12 or abs(now_s - int(moments[0])) > TOLERANCE_S:
        return False
    right = [sign(moments[0]) for sign in expected]
    matches = [same_digest(digest, one) for one in right for digest in digests]
    return any(matches)


def same_digest(given: str, expected: str) -> bool:
    """Compare two hex digests in constant time.

    On bytes, because comparing a hostile non-ASCII str in constant time raises TypeError.
    """
    return hmac.compare_digest(given.lower().encode("utf-8", "replace"), expected.encode())
