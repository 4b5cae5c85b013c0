"""Moov's words: what its codes mean to us, and the shape of its messages."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from shop.providers.reasons import Reason
from shop.providers.values import Status
from shop.providers.words import Data, text

#: `status` words that mean something about a push we made. 95: see `reading`.
STATUSES = {
    "0": Status.SUCCEEDED,
    "100": Status.PENDING,
    "3": Status.FAILED,
    "7": Status.FAILED,
    "9": Status.FAILED,
    "10": Status.FAILED,
    "92": Status.FAILED,
    "94": Status.ABSENT,
    "95": Status.FAILED,
    "555": Status.FAILED,
}

#: Why, for each code that refuses or fails.
REASONS = {
    "1": Reason.MISCONFIGURED,
    "2": Reason.MISCONFIGURED,
    "3": Reason.NOT_REGISTERED,
    "4": Reason.MISCONFIGURED,
    "6": Reason.BLOCKED,
    "7": Reason.BLOCKED,
    # "Balance insufficient" in one table, "bad credentials" in life: never told as "no money".
    "8": Reason.MISCONFIGURED,
    "9": Reason.BLOCKED,
    "10": Reason.INSUFFICIENT_FUNDS,
    "11": Reason.LIMIT,
    "12": Reason.LIMIT,
    "13": Reason.LIMIT,
    "14": Reason.LIMIT,
    "15": Reason.LIMIT,
    "16": Reason.LIMIT,
    "17": Reason.LIMIT,
    "18": Reason.LIMIT,
    "19": Reason.LIMIT,
    "20": Reason.LIMIT,
    "91": Reason.MISCONFIGURED,
    # "Timed out or cancelled by the customer": Moov does not say which.
    "92": Reason.TIMEOUT,
    "95": Reason.REFUSED,
    "98": Reason.MISCONFIGURED,
    "555": Reason.NOT_REGISTERED,
}

#: Why a transfer was refused with authority. What is not here may have moved the money: 92, 94, 99
#: and -1 say nothing, and 95, "transaction failed", may also be how a repeated id is told.
TRANSFER_REASONS = {
    **{code: reason for code, reason in REASONS.items() if code not in ("92", "95")},
    "10": Reason.MISCONFIGURED,  # our own purse, not the payee's
}

NAMESPACE = "http://api.merchant.tlc.com/"


def reading(code: str, data: Data) -> Status | None:
    """Translate a status code; None when it says nothing sure about the push."""
    description = f"{text(data, 'description')} {text(data, 'message')}"
    if code == "95" and "pending" in description.lower():
        return Status.PENDING  # "transaction failed", and the text says it has not
    return STATUSES.get(code)


def envelope(verb: str, inner: str) -> bytes:
    """Wrap an operation's fields for sending."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:api="{NAMESPACE}"><soapenv:Header/><soapenv:Body>'
        f"<api:{verb}>{inner}</api:{verb}></soapenv:Body></soapenv:Envelope>"
    ).encode()


def leaves(fields: Mapping[str, str]) -> str:
    """Write fields in their order, escaped."""
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
