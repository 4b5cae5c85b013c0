"""FedaPay's objects and envelopes, as its libraries' captures show them."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any, Final

from flask import Response, request

from shop import phone as numbers
from shop.sandbox.credentials import FEDAPAY
from shop.sandbox.values import Payout, Prompt, State, Why
from shop.sandbox.wire import json_answer
from shop.sandbox.world import World

NAME: Final = "fedapay"
CURRENCIES: Final = {"XOF": 1, "GNF": 2, "EUR": 3}
MODES: Final = frozenset(
    {"mtn", "mtn_open", "moov", "sbin", "moov_tg", "togocel", "mtn_ci", "airtel_ne", "free_sn",
     "mtn_open_gn"}
)  # fmt: skip
TEST_MODE: Final = "momo_test"
NO_FUNDS: Final = "INSUFFICIENT_FUND_ERROR"

#: What was approved is settled to the merchant's balance an hour later.
_SETTLED_AFTER: Final = timedelta(hours=1)

_PAYOUT_WORDS: Final = {
    State.OPEN: "pending", State.PROCESSING: "started", State.SUCCEEDED: "sent",
    State.FAILED: "failed",
}  # fmt: skip


def stamp(moment: datetime | None) -> str | None:
    """Write a time as FedaPay does: UTC with milliseconds and `Z`."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def status_word(prompt: Prompt, now: datetime) -> str:
    """Name where a transaction stands; a failed try is told while it can still be repeated."""
    if prompt.state is State.SUCCEEDED:
        assert prompt.completed_at is not None
        return "transferred" if now - prompt.completed_at >= _SETTLED_AFTER else "approved"
    if prompt.state is State.EXPIRED:
        return "expired"
    if prompt.reason is None:
        return "pending"
    return "declined" if prompt.reason == Why.DECLINED else "canceled"


def transaction_object(prompt: Prompt, now: datetime) -> dict[str, Any]:
    """Write a transaction."""
    sent, word = prompt.details, status_word(prompt, now)
    moved = prompt.moved or prompt.amount
    paid = prompt.state is State.SUCCEEDED
    broke = prompt.reason == Why.INSUFFICIENT_FUNDS
    told = {
        "klass": "v1/transaction",
        "id": int(prompt.provider_ref),
        "reference": sent["reference"],
        "amount": moved.amount,
        "description": sent["description"],
        "callback_url": sent["callback_url"],
        "status": word,
        "customer_id": None,
        "currency_id": CURRENCIES.get(moved.currency, 4),
        "mode": sent["mode"],
        "operation": "payment",
        "metadata": {},
        "custom_metadata": sent["custom_metadata"],
        "merchant_reference": sent["merchant_reference"],
        "commission": "0.018" if paid else None,
        "fees": None,
        "fixed_commission": 0,
        "amount_transferred": moved.amount if paid else None,
        "amount_debited": moved.amount if paid else None,
        "receipt_url": None,
        "created_at": stamp(prompt.created_at),
        "updated_at": stamp(prompt.completed_at or prompt.created_at),
        "approved_at": stamp(prompt.completed_at) if paid else None,
        "expired_at": stamp(prompt.completed_at) if word == "expired" else None,
        "deleted_at": sent.get("deleted_at"),
        "last_error_code": NO_FUNDS if broke else None,
        "last_error_message": None,
        "transaction_key": f"2026{prompt.id:013d}" if paid else None,
        "payment_token": sent["token"],
        "payment_url": sent["url"],
    }
    if moved.currency not in CURRENCIES:
        told["currency"] = {"klass": "v1/currency", "id": 4, "iso": moved.currency}
    return told


def payout_object(payout: Payout) -> dict[str, Any]:
    """Write a payout."""
    word = _PAYOUT_WORDS[payout.state]
    ended = stamp(payout.completed_at)
    return {
        "klass": "v1/payout",
        "id": int(payout.provider_ref),
        "reference": payout.details["reference"],
        "amount": payout.amount.amount,
        "status": word,
        "customer_id": 1,
        "currency_id": CURRENCIES[payout.amount.currency],
        "mode": payout.details["mode"],
        "merchant_reference": payout.reference,
        "last_error_code": NO_FUNDS if payout.reason == Why.INSUFFICIENT_FUNDS else None,
        "last_error_message": payout.reason,
        "created_at": stamp(payout.created_at),
        "updated_at": ended or stamp(payout.created_at),
        "scheduled_at": None,
        "sent_at": ended if word == "sent" else None,
        "failed_at": ended if word == "failed" else None,
        "deleted_at": None,
    }


def read_number(given: object) -> str | None:
    """Read `{number, country}` as loosely as clients write it: local, with 229, +229, a number."""
    if not isinstance(given, dict) or not isinstance(given.get("country"), str):
        return None
    country, digits = given["country"].upper(), str(given.get("number", ""))
    code = str(numbers.COUNTRIES.get(country, ""))
    tries = [digits] + ([f"+{digits}"] if code and digits.startswith(code) else [])
    for text in tries:
        try:
            return numbers.parse(text, country).e164
        except numbers.PhoneError:
            continue
    return None


def wrap(world: World, kind: str, told: dict[str, Any]) -> Response:
    """Answer one object in the chosen manner: in its envelope, or bare as the documents show."""
    if world.switches.get("fedapay.objects") == "bare":
        return json_answer(told, 201 if request.method == "POST" else 200)
    return json_answer({f"v1/{kind}": told})


def error(status: int, message: str, **errors: list[str]) -> Response:
    """Word a refusal."""
    return json_answer({"message": message} | ({"errors": errors} if errors else {}), status)


def owner_refusal() -> Response | None:
    """Refuse whoever does not hold the secret key."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    good = hmac.compare_digest(key.encode(), FEDAPAY["secret_key"].encode())
    return None if scheme == "Bearer" and good else error(401, "Authentication failed")
