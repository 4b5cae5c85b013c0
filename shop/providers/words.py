"""Reading other people's bodies: strict about form, quiet about content."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from uuid import UUID

Data = Mapping[str, object]

#: Seven digits or more may be a phone number; a run of hexadecimal may be a secret.
_PRIVATE = re.compile(r"\+?\d[\d .-]{5,}\d|[0-9A-Fa-f]{24,}")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def parse_json(body: bytes) -> dict[str, object]:
    """Read a JSON object exactly: decimals stay text. Nothing at all reads as no fields."""
    if not body.strip():
        return {}
    try:
        # parse_float=str: 1000.10 must reach Money as written, not as a float.
        value = json.loads(body, parse_float=str, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def text(data: Data, key: str) -> str | None:
    """Give a field as text (a number too); None when it is absent, empty or something else."""
    value = data.get(key)
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) and value else None


def part(data: Data, key: str) -> Data:
    """Give a field that is itself an object; no fields when it is not."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def header(headers: Mapping[str, str], name: str) -> str:
    """Find a header whatever its capitals; empty when it is not there."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def evidence(*words: object) -> str:
    """Join a provider's words for logs and evidence, without numbers of people or secrets."""
    joined = " ".join(str(word) for word in words if word not in (None, ""))
    printable = "".join(c if c.isprintable() else " " for c in joined[:1000])
    return _PRIVATE.sub("…", printable)[:120]


def ascii_words(sentence: str, limit: int) -> str:
    """Reduce a sentence to letters, digits and `.,:-`: what every operator's screen accepts."""
    unaccented = unicodedata.normalize("NFKD", sentence).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^A-Za-z0-9 .,:-]", " ", unaccented).split())[:limit].strip()


def uuid_of(*words: str) -> str:
    """Work out a v4 UUID from words, for providers that want one known before the call.

    Random bits would have to be stored first, in a column for few providers; a digest of the stored
    reference is as unique, and is found again after any crash.
    """
    digest = hashlib.sha256(":".join(words).encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))
