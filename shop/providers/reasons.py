"""Why a payment did not go through: every provider's codes become one of these words (UX §5)."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What the buyer is told, and what they can do next; the pages hold the sentences."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    DECLINED = "declined"
    TIMEOUT = "timeout"
    BAD_CODE = "bad_code"
    NOT_REGISTERED = "not_registered"
    WRONG_OPERATOR = "wrong_operator"
    LIMIT = "limit"
    AMOUNT = "amount"
    TOO_SOON = "too_soon"
    OPERATOR_DOWN = "operator_down"
    PAYER_MISMATCH = "payer_mismatch"
    BLOCKED = "blocked"
    #: The operator gave no reason, or one that a shopper can do nothing about.
    REFUSED = "refused"
    #: Our own settings or request are wrong: staff are told, the buyer reads "refused".
    MISCONFIGURED = "misconfigured"
