"""What GetMiPay's guide signs: fields sorted and spaced by Python, whatever bytes travel."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping


def signature(secret: str, signed: bytes) -> str:
    """Sign bytes: a request's canonical form, or a webhook's body."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def canonical(fields: Mapping[str, object]) -> bytes:
    """Write fields as the guide signs them: sorted, Python's spacing, ASCII escapes."""
    return json.dumps(fields, sort_keys=True).encode()


def sorted_form(body: bytes) -> bytes | None:
    """Sort and respace a body as the guide's sender did; None when it can be read in two ways."""
    try:
        fields = json.loads(body, object_pairs_hook=_once)
        return canonical(fields) if isinstance(fields, dict) else None
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("one key, two values")
    return fields
