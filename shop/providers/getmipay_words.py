"""GetMiPay's words: statuses, reasons, and the two forms in which its guide signs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

from shop.providers.reasons import Reason
from shop.providers.values import Collection, Payout, Status
from shop.providers.words import Data, text

#: "timeout" was seen in one place and could mean anything: it stays unknown.
STATUSES = {
    "pending": Status.PENDING,
    "processing": Status.PENDING,
    "success": Status.SUCCEEDED,
    "failed": Status.FAILED,
}

#: `error_code` of what failed or was refused. GetMiPay publishes no list: names are a guess, and any
#: other reads as "refused".
REASONS = {
    "INSUFFICIENT_FUNDS": Reason.INSUFFICIENT_FUNDS,
    "CANCELLED": Reason.DECLINED,
    "EXPIRED": Reason.TIMEOUT,
    "INVALID_OTP": Reason.BAD_CODE,
    "ACCOUNT_NOT_FOUND": Reason.NOT_REGISTERED,
}

#: HTTP statuses that refuse with authority. Others say nothing sure.
REFUSALS = {
    400: Reason.REFUSED,
    401: Reason.MISCONFIGURED,
    403: Reason.MISCONFIGURED,
    404: Reason.MISCONFIGURED,
    422: Reason.REFUSED,
}


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


def id_in(data: Data) -> str | None:
    """Find GetMiPay's own id under any of its names."""
    names = ("transaction_id", "transaction_reference", "order_id", "reference")
    found = next((text(data, name) for name in names if text(data, name)), None)
    return found if found and len(found) <= 80 else None


def reason_of(code: str, asked: Collection | Payout) -> Reason:
    """Say why; money that lacks for a payout is ours, not the payee's."""
    reason = REASONS.get(code, Reason.REFUSED)
    ours = isinstance(asked, Payout) and reason is Reason.INSUFFICIENT_FUNDS
    return Reason.MISCONFIGURED if ours else reason


def contradiction_in(data: Data, asked: Collection | Payout) -> str | None:
    """Say whether an answer is about another payment, or another currency."""
    # Beside GetMiPay's own id, `reference` is ours; alone, it is one of the names of theirs.
    ours = text(data, "reference") if text(data, "transaction_id") else None
    if id_in(data) != asked.provider_ref or ours not in (None, asked.reference):
        return "reference"
    return None if text(data, "currency") == asked.amount.currency else "currency"
