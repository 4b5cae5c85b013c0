"""MTN MoMo's words: what its statuses, codes and environments mean to us."""

from __future__ import annotations

from shop.providers.reasons import Reason
from shop.providers.values import Collection, Payout, Refund, Status
from shop.providers.words import Data, part, text

Asked = Collection | Payout | Refund

#: X-Target-Environment of each country's wallet system.
ENVIRONMENTS = {
    "CI": "mtnivorycoast",
    "BJ": "mtnbenin",
    "CM": "mtncameroon",
    "CG": "mtncongo",
    "GN": "mtnguineaconakry",
}

#: CREATED is seen for about 50 s before SUCCESSFUL; REJECTED and TIMEOUT in older schemas only.
STATUSES = {
    "PENDING": Status.PENDING,
    "CREATED": Status.PENDING,
    "ONGOING": Status.PENDING,
    "SUCCESSFUL": Status.SUCCEEDED,
    "FAILED": Status.FAILED,
    "REJECTED": Status.FAILED,
    "TIMEOUT": Status.FAILED,
}

#: `reason` of a failed request, and `code` of a refused one.
REASONS = {
    "PAYER_NOT_FOUND": Reason.NOT_REGISTERED,
    "PAYEE_NOT_FOUND": Reason.MISCONFIGURED,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": Reason.MISCONFIGURED,
    "NOT_ALLOWED": Reason.BLOCKED,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": Reason.MISCONFIGURED,
    "INVALID_CALLBACK_URL_HOST": Reason.MISCONFIGURED,
    "INVALID_CURRENCY": Reason.MISCONFIGURED,
    "SERVICE_UNAVAILABLE": Reason.OPERATOR_DOWN,
    # MTN's error page: this is what a customer without enough money mostly gets.
    "INTERNAL_PROCESSING_ERROR": Reason.INSUFFICIENT_FUNDS,
    "NOT_ENOUGH_FUNDS": Reason.INSUFFICIENT_FUNDS,
    "PAYER_LIMIT_REACHED": Reason.LIMIT,
    "PAYMENT_NOT_APPROVED": Reason.DECLINED,
    "APPROVAL_REJECTED": Reason.DECLINED,
    "TRANSACTION_CANCELED": Reason.DECLINED,
    "EXPIRED": Reason.TIMEOUT,
    "COULD_NOT_PERFORM_TRANSACTION": Reason.TIMEOUT,
    "TRANSFER_TYPE_UNKNOWN": Reason.MISCONFIGURED,
    "RESOURCE_NOT_FOUND": Reason.REFUSED,
    "RESOURCE_ALREADY_EXIST": Reason.MISCONFIGURED,
    "FORBIDDEN IP": Reason.MISCONFIGURED,
}

#: Codes that refuse a request with authority although MTN sends them as HTTP 500. The two of this
#: list's neighbours that only say "something broke here" stay unknown: asking again is free.
REFUSALS = frozenset(
    {
        "NOT_ALLOWED",
        "NOT_ALLOWED_TARGET_ENVIRONMENT",
        "INVALID_CALLBACK_URL_HOST",
        "INVALID_CURRENCY",
        "PAYER_NOT_FOUND",
        "PAYEE_NOT_FOUND",
        "PAYEE_NOT_ALLOWED_TO_RECEIVE",
        "NOT_ENOUGH_FUNDS",
        "PAYER_LIMIT_REACHED",
    }
)

#: The sandbox knows one currency; francs go there as euros of the same number.
SANDBOX_CURRENCY = "EUR"

#: Where we are the payer, the same words speak of our purse and of the payee.
PAYOUT_REASONS = {
    **REASONS,
    "PAYER_NOT_FOUND": Reason.MISCONFIGURED,
    "PAYEE_NOT_FOUND": Reason.NOT_REGISTERED,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": Reason.BLOCKED,
    "NOT_ENOUGH_FUNDS": Reason.MISCONFIGURED,
    "PAYER_LIMIT_REACHED": Reason.MISCONFIGURED,
    "INTERNAL_PROCESSING_ERROR": Reason.REFUSED,
    "NOT_ALLOWED": Reason.REFUSED,
}


def country_of(asked: Asked) -> str:
    """Tell in which country's wallet system something happens."""
    return asked.collection.country if isinstance(asked, Refund) else asked.country


def reason_of(code: str, asked: Asked) -> Reason:
    """Say why something of this kind was refused, or did not go through."""
    reasons = REASONS if isinstance(asked, Collection) else PAYOUT_REASONS
    return reasons.get(code, Reason.REFUSED)


def why_failed(data: Data) -> str:
    """Read `reason`, a plain word in life and an object in the schema."""
    return text(data, "reason") or text(part(data, "reason"), "code") or ""
