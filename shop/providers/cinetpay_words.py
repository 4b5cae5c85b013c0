"""CinetPay's words: its tables, its signature, and how one of its transfers reads in ours."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from shop.providers.reasons import Reason
from shop.providers.values import Status
from shop.providers.words import Data, text

#: `code` of a check -> what it means, and why. A failure counts only beside REFUSED, see CLOSED.
#: Codes that are not here (603 service unavailable, 804 operator unavailable, -1...) tell nothing.
CODES: dict[str, tuple[Status, Reason | None]] = {
    "00": (Status.SUCCEEDED, None),
    "201": (Status.PENDING, None),
    "600": (Status.FAILED, Reason.REFUSED),
    "602": (Status.FAILED, Reason.INSUFFICIENT_FUNDS),
    "604": (Status.FAILED, Reason.BAD_CODE),
    # Orange: a wrong code, a low balance or a payment asked twice. No telling which.
    "606": (Status.FAILED, Reason.REFUSED),
    "623": (Status.PENDING, None),
    "625": (Status.FAILED, Reason.TIMEOUT),
    "627": (Status.FAILED, Reason.DECLINED),
    "635": (Status.FAILED, Reason.NOT_REGISTERED),
    "636": (Status.FAILED, Reason.WRONG_OPERATOR),
    "641": (Status.FAILED, Reason.AMOUNT),
    "642": (Status.FAILED, Reason.AMOUNT),
    "662": (Status.PENDING, None),
    "663": (Status.PENDING, None),
    "664": (Status.PENDING, None),
    "807": (Status.FAILED, Reason.LIMIT),
    "808": (Status.FAILED, Reason.LIMIT),
    "809": (Status.FAILED, Reason.LIMIT),
    "810": (Status.FAILED, Reason.LIMIT),
    "811": (Status.FAILED, Reason.LIMIT),
    "812": (Status.FAILED, Reason.LIMIT),
}

#: Codes that end a payment by themselves; a failed try may otherwise be followed by a better one.
CLOSED = frozenset({"625", "627"})

#: `data.status` while the payer may still pay.
WAITING = frozenset({"PENDING", "CREATED", "WAITING", "WAITING_FOR_CUSTOMER"})

#: Codes of a refused creation, besides the failures above.
REQUEST_REASONS = {
    "608": Reason.MISCONFIGURED,
    "609": Reason.MISCONFIGURED,
    "613": Reason.MISCONFIGURED,
    "624": Reason.MISCONFIGURED,
}

#: Service or operator unavailable: nothing was decided.
RETRY_LATER = frozenset({"603", "804"})

#: The documents promise "a not-found style error" and print none; this is the transfers' word.
NOT_FOUND = "723"

#: `treatment_status` of a transfer.
TRANSFER_STATUSES = {
    "NEW": Status.PENDING,
    "REC": Status.PENDING,
    "NOS": Status.PENDING,
    "VAL": Status.SUCCEEDED,
    "REJ": Status.FAILED,
}

#: `code` of a refused transfer. An empty transfer account is ours to fill, not the payee's.
TRANSFER_REASONS = {
    "602": Reason.MISCONFIGURED,
    "702": Reason.MISCONFIGURED,
    "703": Reason.MISCONFIGURED,
    "704": Reason.MISCONFIGURED,
    "707": Reason.MISCONFIGURED,
    "708": Reason.MISCONFIGURED,
    "709": Reason.MISCONFIGURED,
    "710": Reason.MISCONFIGURED,
    "715": Reason.MISCONFIGURED,
    "716": Reason.MISCONFIGURED,
    "717": Reason.MISCONFIGURED,
    "718": Reason.MISCONFIGURED,
    "719": Reason.AMOUNT,
    "720": Reason.AMOUNT,
    "721": Reason.OPERATOR_DOWN,
    "724": Reason.MISCONFIGURED,
    "725": Reason.MISCONFIGURED,
}

#: The token of a transfer call ended, or never was.
BAD_TOKEN = frozenset({"705", "706"})

ALREADY_A_CONTACT = "726"

#: (operator, country) -> `payment_method` of a transfer, where known; otherwise the prefix decides.
TRANSFER_METHODS = {
    ("orange", "CI"): "OMCI",
    ("tmoney", "TG"): "TMONEYTG",
    ("moov", "TG"): "MOOVTG",
}

#: What x-token covers, in this order. `signature` is a word of theirs among the others.
SIGNED_FIELDS = (
    "cpm_site_id",
    "cpm_trans_id",
    "cpm_trans_date",
    "cpm_amount",
    "cpm_currency",
    "signature",
    "payment_method",
    "cel_phone_num",
    "cpm_phone_prefixe",
    "cpm_language",
    "cpm_version",
    "cpm_payment_config",
    "cpm_page_action",
    "cpm_custom",
    "cpm_designation",
    "cpm_error_message",
)

_MAX_FIELDS = 64


def x_token(secret_key: str, fields: Mapping[str, str]) -> str:
    """Sign a notification: the values in their order, with nothing between them."""
    joined = "".join(fields.get(name, "") for name in SIGNED_FIELDS)
    return hmac.new(secret_key.encode(), joined.encode(), hashlib.sha256).hexdigest()


def read_form(body: bytes) -> dict[str, str]:
    """Read a form whose fields come once each. Raises `ValueError`."""
    pairs = parse_qsl(
        body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"
    )
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field comes twice")
    if any("\x00" in value for value in fields.values()):
        raise ValueError("no text: databases refuse it")
    return fields


def items(data: Data) -> Iterator[Data]:
    """Walk the answers of a transfer call: `data` is a list, a list in a list, or one object."""
    waiting = [data.get("data")]
    for _turn in range(100):
        if not waiting:
            return
        value = waiting.pop(0)
        if isinstance(value, list):
            waiting[:0] = value
        elif isinstance(value, dict):
            yield value


def code_of(data: Data) -> str:
    """Read a code, a number on good days and text on bad ones."""
    return text(data, "code") or ""
