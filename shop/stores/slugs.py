"""Addresses of shops: small letters, digits and dashes, unique by a number at the end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import count

LONGEST = 50


def slug(name: str) -> str:
    """Write a name as an address: `Chez Awa & Filles` is `chez-awa-filles`."""
    spread = unicodedata.normalize("NFKD", name.casefold().replace("œ", "oe").replace("æ", "ae"))
    bare = "".join(c for c in spread if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")[:LONGEST].strip("-") or "boutique"


def is_slug(text: str) -> bool:
    """Say whether a text could be an address that we made."""
    return re.fullmatch(r"[a-z0-9-]{1,60}", text) is not None


def candidates(wanted: str) -> Iterator[str]:
    """Give the address wanted, then the same with 2, 3, 4... at its end."""
    yield wanted
    for number in count(2):
        yield f"{wanted}-{number}"
