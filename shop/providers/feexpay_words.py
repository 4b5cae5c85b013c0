"""FeexPay's words: statuses, reasons, and where its bodies keep them."""

from __future__ import annotations

import hashlib
import hmac

from shop.providers.reasons import Reason
from shop.providers.values import Collection, Payout, Status
from shop.providers.words import Data, ascii_words, evidence, part, text

STATUSES = {
    "PENDING": Status.PENDING,
    "IN PENDING STATE": Status.PENDING,
    "SUCCESSFUL": Status.SUCCEEDED,
    "FAILED": Status.FAILED,
}

#: `reason` of what failed; `code` or `message` of what was refused. Compared in capitals.
REASONS = {
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": Reason.INSUFFICIENT_FUNDS,
    "BALANCE IS INSUFFICIENT": Reason.INSUFFICIENT_FUNDS,
    "INSUFFICIENT FUNDS": Reason.INSUFFICIENT_FUNDS,
    "PAYER_NOT_FOUND": Reason.NOT_REGISTERED,
    # Not in FeexPay's list: MTN's own words, which it passes on like the two above.
    "APPROVAL_REJECTED": Reason.DECLINED,
    "EXPIRED": Reason.TIMEOUT,
    "INVALID OTP": Reason.BAD_CODE,
    "ERR_INVALID_PHONE": Reason.NOT_REGISTERED,
    "INVALID PHONE NUMBER": Reason.NOT_REGISTERED,
    "ERR_INVALID_AMOUNT": Reason.AMOUNT,
    "NETWORK_UNAVAILABLE": Reason.OPERATOR_DOWN,
    "NETWORK UNAVAILABLE": Reason.OPERATOR_DOWN,
    # Wrong network, another operator's number, network not enabled, or their outage: the buyer can
    # only choose something else.
    "CELTIIS BJ API ERROR": Reason.OPERATOR_DOWN,
    "UNAUTHORIZED": Reason.MISCONFIGURED,
    "ERR_INVALID_API_KEY": Reason.MISCONFIGURED,
    "IP_NOT_ALLOWED": Reason.MISCONFIGURED,
    "ACCESS_DENIED": Reason.MISCONFIGURED,
    "SHOP NOT FOUND": Reason.MISCONFIGURED,
    "SHOP IS DISABLED": Reason.MISCONFIGURED,
}

#: What a refusal means when neither its code nor its message is known. Other statuses: nothing sure.
REFUSALS = {
    400: Reason.REFUSED,
    401: Reason.MISCONFIGURED,
    403: Reason.MISCONFIGURED,
    404: Reason.MISCONFIGURED,
    422: Reason.REFUSED,
}

#: May be about our own earlier sending, whose answer was lost: the history will tell.
DUPLICATE = "DUPLICATE"

UNKNOWN_REFERENCE = "RESOURCE NOT FOUND"


def signature(secret: str, body: bytes) -> str:
    """Sign the very bytes of a body, as the guide's own vector does."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def plain_words(sentence: str, limit: int) -> str:
    """Keep letters, digits and spaces: anything else is refused by one network or another."""
    kept = "".join(c if c.isalnum() else " " for c in ascii_words(sentence, limit))
    return " ".join(kept.split())


def motif(description: str) -> str:
    """Give five to thirty plain characters."""
    words = plain_words(description, 30)
    return words if len(words) >= 5 else "Paiement"


def why_failed(data: Data) -> str:
    """Read why something failed; Moov's words come as lists of one."""
    told = part(data, "response_operator").get("description")
    first = told[0] if isinstance(told, list) and told else told
    return text(data, "reason") or (first if isinstance(first, str) else "")


def reason_of(why: str, asked: Collection | Payout) -> Reason:
    """Say why; money that lacks for a payout is ours, not the payee's."""
    reason = REASONS.get(why.upper(), Reason.REFUSED)
    ours = isinstance(asked, Payout) and reason is Reason.INSUFFICIENT_FUNDS
    return Reason.MISCONFIGURED if ours else reason


def kind_of(message: Data) -> str:
    """Name the event: the guide's own name, or the status, marked when it is a payout's."""
    status = text(message, "event") or text(message, "status") or ""
    sent = (text(message, "type") or "").lower() == "payout"
    return evidence(f"payout.{status}" if sent else status)


def number_in(data: Data) -> str | None:
    """Read whose phone it was, as E.164; collections and payouts spell the field differently."""
    digits = text(data, "phoneNumber") or text(data, "phone_number") or ""
    return f"+{digits.removeprefix('+')}" if digits else None


def contradiction_in(data: Data, ref: str, asked: Collection | Payout) -> str | None:
    """Say whether an answer is about something else: FeexPay's id differs, or the echo of ours."""
    ours = text(data, "callback_info") in (None, asked.reference)
    return None if ours and text(data, "reference") == ref else "reference"
