"""FedaPay's words: its tables, and how one of its objects reads in ours."""

from __future__ import annotations

import hashlib
import hmac

from shop.money import Money
from shop.phone import COUNTRIES
from shop.providers.reasons import Reason
from shop.providers.values import Answer, Collection, Payout, ProviderRejected, Status
from shop.providers.words import Data, part, text

#: (operator, country) -> the mode that rings a phone, and the same one to send money to it.
#: The others (Wave, Orange, Moov Burkina) are paid on the page. Docs: payment-methods-en
MODES = {
    ("mtn", "BJ"): "mtn_open",
    ("moov", "BJ"): "moov",
    ("celtiis", "BJ"): "sbin",
    ("moov", "TG"): "moov_tg",
    ("tmoney", "TG"): "togocel",
    ("mtn", "CI"): "mtn_ci",
    ("airtel", "NE"): "airtel_ne",
    ("free", "SN"): "free_sn",
    ("mtn", "GN"): "mtn_open_gn",
}

#: `declined` and `canceled` end a try, not the transaction: see `FedaPay._status`.
STATUSES = {
    "pending": Status.PENDING,
    "declined": Status.FAILED,
    "canceled": Status.FAILED,
    "expired": Status.FAILED,
    "approved": Status.SUCCEEDED,
    "transferred": Status.SUCCEEDED,
    # Collected, then given back by hand: a person decides what it still pays.
    "refunded": Status.SUCCEEDED,
    "approved_partially_refunded": Status.SUCCEEDED,
    "transferred_partially_refunded": Status.SUCCEEDED,
}
TRIES = frozenset({"declined", "canceled"})
REFUNDED = frozenset(word for word in STATUSES if word.endswith("refunded"))

#: Only `sent` and `failed` are final; the words in between are not published.
PAYOUT_STATUSES = {
    "pending": Status.PENDING,
    "scheduled": Status.PENDING,
    "started": Status.PENDING,
    "processing": Status.PENDING,
    "sent": Status.SUCCEEDED,
    "failed": Status.FAILED,
}

#: `last_error_code`: one is known; otherwise the status word tells.
REASONS = {"INSUFFICIENT_FUND_ERROR": Reason.INSUFFICIENT_FUNDS}
STATUS_REASONS = {"declined": Reason.DECLINED, "expired": Reason.TIMEOUT}

#: Fields named in `errors` of a refused request; anything else is about our settings.
FIELD_REASONS = {
    "amount": Reason.AMOUNT,
    "phone_number": Reason.NOT_REGISTERED,
    "number": Reason.NOT_REGISTERED,
}

#: `currency_id`, where the currency itself is not spelt out.
CURRENCIES = {"1": "XOF", "2": "GNF", "3": "EUR"}


def signature(secret: str, moment: str, body: bytes) -> str:
    """Sign the timestamp, a dot and the raw body."""
    return hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()


def phone(e164: str, country: str) -> dict[str, str]:
    """Write a number as FedaPay's own samples do: local digits, and the country in small letters."""
    return {"number": e164.removeprefix(f"+{COUNTRIES[country]}"), "country": country.lower()}


def currency_of(entity: Data) -> str:
    """Read an object's currency, spelt out or by its id; empty when it has none we know."""
    spelt = text(part(entity, "currency"), "iso")
    return spelt or CURRENCIES.get(text(entity, "currency_id") or "", "")


def fee(transaction: Data, amount: Money | None) -> Money | None:
    """Tell what FedaPay kept of the amount; nothing where the payer bore the fee on top of it."""
    passed_on = transaction.get("amount_transferred")
    if amount is None or type(passed_on) is not int or not 0 <= passed_on <= amount.amount:
        return None
    return amount - Money(passed_on, amount.currency)


def contradiction(entity: Data, currency: str, asked: Collection | Payout) -> str | None:
    """Say which stored fact an object contradicts; None when it is the one we made."""
    if text(entity, "merchant_reference") != asked.reference:
        return "reference"
    if asked.provider_ref not in (None, text(entity, "id")):
        return "reference"
    if text(entity, "status") in REFUNDED:
        return "refund"
    return None if currency == asked.amount.currency else "currency"


def payout_reason(code: str) -> Reason:
    """Here it is our own balance that is too low: nothing the payee can do about."""
    return Reason.MISCONFIGURED if code in REASONS else Reason.REFUSED


def error_fields(data: Data) -> str:
    """Name the fields an error is about; `errors` comes as an object, a list or a sentence."""
    errors = data.get("errors")
    if isinstance(errors, dict | list):
        return " ".join(map(str, errors))
    return text(data, "errors") or ""


def refusal(answer: Answer) -> ProviderRejected:
    """Read a refused request: by the fields it names, since its texts are not published."""
    fields = error_fields(answer.data)
    reasons = [reason for field, reason in FIELD_REASONS.items() if field in fields.split()]
    reason = reasons[0] if reasons else Reason.MISCONFIGURED
    code = f"HTTP {answer.status} {fields}".strip()
    return ProviderRejected(reason, code, text(answer.data, "message"))


def event_id(event: Data, entity: Data) -> str | None:
    """Give the event's id; the documents promise one, captured bodies have none."""
    made = [text(event, "name"), text(entity, "id"), text(entity, "updated_at")]
    return text(event, "id") or (":".join(map(str, made)) if all(made) else None)
