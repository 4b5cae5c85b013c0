"""Wave's words: what its statuses and codes mean to us, and how it signs."""

from __future__ import annotations

import hashlib
import hmac

from shop.providers.reasons import Reason
from shop.providers.values import Collection, Payout, Status
from shop.providers.words import Data, part, text

#: (checkout_status, payment_status) -> ours. Paid only when both say so; a failed attempt leaves
#: the session open, and "failed" is outside Wave's own list but seen. Any other pair: unknown.
STATUSES = {
    ("open", "processing"): Status.PENDING,
    ("open", "failed"): Status.PENDING,
    ("complete", "processing"): Status.PENDING,
    ("expired", "processing"): Status.PENDING,
    ("complete", "succeeded"): Status.SUCCEEDED,
    ("complete", "cancelled"): Status.FAILED,
    ("expired", "cancelled"): Status.FAILED,
}

#: Codes of `last_payment_error`, and of refused requests.
REASONS = {
    "blocked-account": Reason.BLOCKED,
    "cross-border-payment-not-allowed": Reason.BLOCKED,
    "customer-age-restricted": Reason.BLOCKED,
    "insufficient-funds": Reason.INSUFFICIENT_FUNDS,
    "kyb-limits-exceeded": Reason.LIMIT,
    "payer-mobile-mismatch": Reason.PAYER_MISMATCH,
    "payment-failure": Reason.REFUSED,
    "request-not-json": Reason.MISCONFIGURED,
    "request-parsing-error": Reason.MISCONFIGURED,
    "request-validation-error": Reason.MISCONFIGURED,
    "idempotency-mismatch": Reason.MISCONFIGURED,
    "not-found": Reason.MISCONFIGURED,
    "missing-auth-header": Reason.MISCONFIGURED,
    "invalid-auth": Reason.MISCONFIGURED,
    "authorization-error": Reason.MISCONFIGURED,
    "api-key-not-provided": Reason.MISCONFIGURED,
    "no-matching-api-key": Reason.MISCONFIGURED,
    "api-key-revoked": Reason.MISCONFIGURED,
    "missing-signature": Reason.MISCONFIGURED,
    "invalid-signature-format": Reason.MISCONFIGURED,
    "invalid-signature": Reason.MISCONFIGURED,
    "invalid-signature-timestamp": Reason.MISCONFIGURED,
    "expired-signature-timestamp": Reason.MISCONFIGURED,
    "invalid-wallet": Reason.MISCONFIGURED,
    "disabled-wallet": Reason.MISCONFIGURED,
    "unauthorized-wallet": Reason.MISCONFIGURED,
    "ip-not-allowed": Reason.MISCONFIGURED,
}

#: One word for a payout. We never take one back: a reversal is Wave's, and the money is here again.
PAYOUT_STATUSES = {
    "processing": Status.PENDING,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "reversed": Status.FAILED,
}

#: Codes of a refused or failed payout; here it is our own balance that is too low.
PAYOUT_REASONS = {
    **{code: reason for code, reason in REASONS.items() if reason is Reason.MISCONFIGURED},
    "insufficient-funds": Reason.MISCONFIGURED,
    "kyb-limits-exceeded": Reason.MISCONFIGURED,
    "country-mismatch": Reason.WRONG_OPERATOR,
    "currency-mismatch": Reason.MISCONFIGURED,
    "aggregated-merchant-required": Reason.MISCONFIGURED,
    "invalid-aggregated-merchant-id": Reason.MISCONFIGURED,
    "recipient-minor": Reason.BLOCKED,
    "recipient-account-blocked": Reason.BLOCKED,
    "recipient-account-inactive": Reason.NOT_REGISTERED,
    "recipient-limit-exceeded": Reason.LIMIT,
}

#: Another payout has our key: an earlier one of ours went out, in other words.
KEY_TAKEN = "idempotency-mismatch"

#: Codes of a refused refund. Its HTTP status is not published: the code decides.
REFUND_REASONS = {
    **{code: reason for code, reason in REASONS.items() if reason is Reason.MISCONFIGURED},
    "checkout-refund-failed": Reason.REFUSED,
    "checkout-session-not-found": Reason.MISCONFIGURED,
}


def signature(secret: str, moment: str, body: bytes) -> str:
    """Sign the timestamp and the raw body, joined by nothing (not Stripe's dot)."""
    return hmac.new(secret.encode(), moment.encode() + body, hashlib.sha256).hexdigest()


def error_in(data: Data) -> tuple[str, str]:
    """Read either error envelope: flat, or nested under `error`."""
    error = part(data, "error") or data
    return text(error, "code") or "", text(error, "message") or ""


def error_code(session: Data) -> str:
    """Name the last failed try of a session; empty when there was none."""
    return text(part(session, "last_payment_error"), "code") or ""


def reason_of(session: Data, words: tuple[str, str]) -> Reason:
    """Say why a session ended unpaid."""
    code = error_code(session)
    if code:
        return REASONS.get(code, Reason.REFUSED)
    return Reason.TIMEOUT if words[0] == "expired" else Reason.DECLINED


def contradiction_in(told: Data, asked: Collection | Payout) -> str | None:
    """Say whether an answer is about another payment or payout, or in another currency."""
    if text(told, "client_reference") != asked.reference:
        return "reference"
    if asked.provider_ref not in (None, text(told, "id")):
        return "reference"
    return None if text(told, "currency") == asked.amount.currency else "currency"
