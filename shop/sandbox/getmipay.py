"""GetMiPay, simulated: the guide's dialect here, the published one in `getmipay_public.py`.

The guide has no status call; `GET /v1/payments/<id>` and `/v1/payouts/<id>` are ours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Response, request

from shop.money import Money, MoneyError
from shop.sandbox import aggregator_page, getmipay_public
from shop.sandbox.credentials import GETMIPAY, MERCHANT
from shop.sandbox.faults import Operation
from shop.sandbox.handsets import country_of
from shop.sandbox.pages import furnish
from shop.sandbox.values import Announcement, Desk, Payout, Prompt, State, Why
from shop.sandbox.wire import answer, behind_line, body_object, json_answer, reading
from shop.sandbox.world import World

NAME: Final = "getmipay"
#: Nobody knows how long a page waits.
VALID_S: Final = 900.0

METHODS: Final = ("wave", "orange_money", "moov_money", "mtn_money", "visa")
CURRENCIES: Final = ("XOF", "XAF")

STATUSES: Final = {
    State.OPEN: "pending", State.PROCESSING: "processing", State.SUCCEEDED: "success",
    State.FAILED: "failed", State.EXPIRED: "failed",
}  # fmt: skip
#: Why -> `error_code`. No list is published: ours.
CODES: Final[dict[str, str]] = {
    Why.INSUFFICIENT_FUNDS: "INSUFFICIENT_FUNDS", Why.DECLINED: "CANCELLED",
    Why.TIMEOUT: "EXPIRED", Why.BAD_CODE: "INVALID_OTP", Why.NOT_REGISTERED: "ACCOUNT_NOT_FOUND",
}  # fmt: skip

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def signature(secret: str, signed: bytes) -> str:
    """Sign as the guide does; what is signed is its business."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def canonical(fields: dict[str, Any]) -> bytes:
    """Write fields as the guide signs them."""
    return json.dumps(fields, sort_keys=True).encode()


class GetMiPayDesk(Desk):
    """GetMiPay's habits: it tells the address each payment gave, again and again until a 200."""

    name = NAME
    label = "GetMiPay"
    settle_s = (0.5, 2.0)
    # "Repeated until 200": the schedule is not published.
    retries_s = (30, 120, 600, 3600, 21_600)
    expires_alone = False

    def __init__(self, world: World) -> None:
        self._world = world

    def name_money(self, request: Prompt | Payout, digits: str, now: datetime) -> str:
        """Name the money by the provider's own reference: it tells no other."""
        return request.provider_ref

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Tell of a success or a failure."""
        return self._letter(prompt, STATUSES[prompt.state])

    def announce_payout(self, payout: Payout, *, event_id: str) -> Announcement | None:
        """Tell how a payout ended."""
        return self._letter(payout, STATUSES[payout.state])

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Claim success."""
        return self._letter(prompt, "success")

    def headers(self, body: bytes, now: datetime, *, forged: bool) -> dict[str, str]:
        """Sign as the dialect of this body does; a forger has no secret and guesses one."""
        secret = "guessed" if forged else GETMIPAY["webhook_secret"]
        dressed, fields = {"Content-Type": "application/json"}, json.loads(body)
        style = self._world.switches.get("getmipay.header")
        if style == "missing":
            return dressed
        if "event" in fields:
            digest = signature(secret, canonical(fields))
            prefix = "sha256=" if style == "sha256" else ""
            return dressed | {"X-GetMiPay-Signature": prefix + digest}
        moment = str(int(now.timestamp()))
        dated = self._world.switches.get("getmipay.signed") == "timestamp_body"
        digest = signature(secret, moment.encode() + b"." + body if dated else body)
        return dressed | {
            "X-GetMiPay-Signature": f"sha256={digest}",
            "X-GetMiPay-Timestamp": moment,
        }

    def transaction_id(self, digits: str, now: datetime) -> str:
        """Name a transaction at SoleasPay, behind GetMiPay."""
        return f"MLS{digits}"

    def _letter(self, asked: Prompt | Payout, status: str) -> Announcement | None:
        if asked.details["dialect"] == "public":
            body = json.dumps(getmipay_public.event(asked, status)).encode()
        else:
            fields = _event(asked, status)
            as_written = self._world.switches.get("getmipay.order") == "as_written"
            body = json.dumps(fields).encode() if as_written else canonical(fields)
        return Announcement(asked.details["callback_url"], body)


def moved(asked: Prompt | Payout) -> Money:
    """Tell what really moved, or what was asked while nothing has."""
    return (asked.moved if isinstance(asked, Prompt) else None) or asked.amount


def _event(asked: Prompt | Payout, status: str) -> dict[str, Any]:
    noun = "payment" if isinstance(asked, Prompt) else "payout"
    return {
        "event": f"{noun}.{'completed' if status == 'success' else 'failed'}",
        "transaction_id": asked.provider_ref,
        "status": status,
        "amount": int(moved(asked).to_wire()),
    }


def create_app(world: World) -> Flask:
    """Make GetMiPay's origin: both dialects, and the payment page."""
    desk = GetMiPayDesk(world)
    world.open_desk(desk)
    app = Flask(__name__)
    calls, add = _Guide(world), app.add_url_rule
    add("/v1/payments/initiate", "collect", calls.collect, methods=["POST"])
    add("/v1/payouts/initiate", "pay_out", calls.pay_out, methods=["POST"])
    add("/v1/payments/<ref>", "status", calls.status, methods=["GET"])
    add("/v1/payouts/<ref>", "payout_status", calls.payout_status, methods=["GET"])
    app.register_error_handler(404, lambda _e: error(404, "Not found"))
    app.register_blueprint(aggregator_page.create_blueprint(world, desk))
    getmipay_public.add_calls(app, world)
    furnish(app)
    return behind_line(app)


def error(status: int, message: str) -> Response:
    """Word a refusal."""
    return json_answer({"success": False, "message": message}, status)


class _Guide:
    """The guide's calls, and the two it should have had."""

    def __init__(self, world: World) -> None:
        self._world = world

    def collect(self) -> Response:
        """Begin a payment: an id, and the page's address."""
        body = body_object() or {}
        refused = _unauthorised() or _refused(body)
        if refused:
            return refused
        return self._answer(Operation.CREATE, body["reference"], lambda: self._collect(body))

    def pay_out(self) -> Response:
        """Send money to a phone, from what GetMiPay holds for the merchant."""
        body = body_object() or {}
        refused = _unauthorised() or _refused(body)
        if refused:
            return refused
        return self._answer(Operation.PAY_OUT, body["reference"], lambda: self._pay_out(body))

    def status(self, ref: str) -> Response:
        """Tell where a payment stands."""
        return self._told(ref, self._world.find(NAME, ref))

    def payout_status(self, ref: str) -> Response:
        """Tell where a payout stands."""
        return self._told(ref, self._world.payouts.find(NAME, ref))

    def _collect(self, body: dict[str, Any]) -> Response:
        ref = "TXN" + self._world.book_file.letters(12, "0123456789")
        url = f"{request.host_url}pay/{ref}"
        number = body["phone_number"]
        self._world.ask(
            NAME,
            provider_ref=ref,
            reference=body["reference"],
            merchant=MERCHANT,
            amount=_money(body),
            valid_s=VALID_S,
            phone=number,
            details=_kept(body)
            | {"url": url, "return_url": body.get("return_url") or body["callback_url"]},
        )
        return json_answer({"success": True, "transaction_id": ref, "payment_url": url})

    def _pay_out(self, body: dict[str, Any]) -> Response:
        ref = "TXN" + self._world.book_file.letters(12, "0123456789")
        payout = self._world.payouts.create(
            NAME,
            provider_ref=ref,
            reference=body["reference"],
            amount=_money(body),
            phone=body["phone_number"],
            details=_kept(body),
        )
        self._world.payouts.start(payout.id)
        return json_answer({"success": True, "transaction_id": ref})

    def _told(self, ref: str, found: Prompt | Payout | None) -> Response:
        name = found.reference if found else ref
        return _unauthorised() or self._answer(
            reading(found), name, lambda: json_answer(_status(found)) if found else _unknown()
        )

    def _answer(
        self, operation: Operation, reference: str, work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, (reference,), work, _broken)


def _status(asked: Prompt | Payout) -> dict[str, Any]:
    status = STATUSES[asked.state]
    told = {
        "success": True,
        "transaction_id": asked.provider_ref,
        "reference": asked.reference,
        "status": status,
        "amount": int(moved(asked).to_wire()),
        "currency": moved(asked).currency,
        "phone_number": asked.phone,
    }
    if status == "failed":
        told["error_code"] = CODES.get(asked.reason or "", "FAILED")
    return told


def _unknown() -> Response:
    return error(404, "Transaction not found")


def _kept(body: dict[str, Any]) -> dict[str, Any]:
    country = country_of(body["phone_number"]) or "BF"
    return {"dialect": "guide", "callback_url": body["callback_url"], "country": country}


def _unauthorised() -> Response | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer" and hmac.compare_digest(key.encode(), GETMIPAY["api_key"].encode()):
        return None
    return error(401, "Invalid API key")


def _refused(body: dict[str, Any]) -> Response | None:
    """Check the signature over the parsed fields, as the guide's server does, then the fields."""
    signed = {name: value for name, value in body.items() if name != "signature"}
    given, expected = body.get("signature"), signature(GETMIPAY["secret_key"], canonical(signed))
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        return error(401, "Invalid signature")
    # The key is in the guide's body as well; a client that keeps it to the header is right too.
    if body.get("api_key", GETMIPAY["api_key"]) != GETMIPAY["api_key"]:
        return error(401, "Invalid API key")
    for name, good in _CHECKS.items():
        if not good(body.get(name)):
            return error(400, f"Invalid {name}")
    return None


def _money(body: dict[str, Any]) -> Money:
    amount = body["amount"]
    whole = int(amount) if isinstance(amount, float) and amount.is_integer() else amount
    return Money.from_wire(whole, body["currency"])


def _good_amount(value: object) -> bool:
    # The guide writes 5000.0; a franc that has cents is refused.
    if type(value) not in (int, float):
        return False
    try:
        return bool(_money({"amount": value, "currency": "XOF"}))
    except MoneyError:
        return False


def _good_url(value: object) -> bool:
    return isinstance(value, str) and urlsplit(value).scheme in ("http", "https")


_CHECKS: Final[dict[str, Callable[[object], bool]]] = {
    "amount": _good_amount,
    "currency": lambda value: value in CURRENCIES,
    "phone_number": lambda value: isinstance(value, str) and bool(_E164.fullmatch(value)),
    "method": lambda value: value in METHODS,
    "reference": lambda value: isinstance(value, str) and 0 < len(value) <= 100,
    "callback_url": _good_url,
}


def _broken(status: int) -> Response:
    return error(status, "Too many requests" if status == 429 else "Server error")
