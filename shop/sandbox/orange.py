"""Orange Money Web Payment, simulated: token, creation, status, hosted page and notification.

Docs: https://developer.orange.com/apis/om-webpay
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from flask import Flask, Response, request

from shop.money import Money
from shop.sandbox import orange_page
from shop.sandbox.credentials import MERCHANT, ORANGE
from shop.sandbox.faults import Operation
from shop.sandbox.pages import furnish
from shop.sandbox.values import Announcement, Desk, Prompt, State
from shop.sandbox.wire import answer, behind_line, body_object, json_answer
from shop.sandbox.world import World

NAME: Final = "orange"
#: How long a pay token may be confirmed.
VALID_S: Final = 600.0
TOKEN_S: Final = 3600

#: Endpoint -> the one currency it takes. `dev` counts in OUV, a made-up unit kept here as francs.
CURRENCIES: Final = {
    "dev": "OUV", "ci": "XOF", "sn": "XOF", "ml": "XOF", "gw": "XOF", "cm": "XAF", "cf": "XAF",
    "gn": "GNF", "cd": "CDF",
}  # fmt: skip

#: Field -> longest text.
_TEXTS: Final = {
    "merchant_key": 64, "currency": 3, "order_id": 30, "return_url": 120, "cancel_url": 120,
    "notif_url": 120, "lang": 2, "reference": 30,
}  # fmt: skip
_CREATION: Final = (
    "merchant_key", "currency", "order_id", "amount", "return_url", "cancel_url", "notif_url",
)  # fmt: skip
_STATUS: Final = ("order_id", "amount", "pay_token")

_WORDS: Final = {
    State.OPEN: "INITIATED", State.PROCESSING: "PENDING", State.SUCCEEDED: "SUCCESS",
    State.FAILED: "FAILED", State.EXPIRED: "EXPIRED",
}  # fmt: skip

#: Code -> HTTP status, message, description.
_ERRORS: Final = {
    1: (500, "Internal error", "The server encountered an internal error"),
    21: (400, "Missing body", "The body of the request is missing"),
    22: (400, "Invalid body", "The body of the request is not valid JSON"),
    23: (400, "Missing body field", "A mandatory field is missing"),
    24: (400, "Invalid body field", "A field has an invalid value"),
    40: (401, "Missing credentials", "The requested service needs credentials, but none given"),
    41: (401, "Invalid credentials", "The requested service needs credentials, but invalid given"),
    42: (401, "Expired credentials", "The requested service needs credentials, but expired given"),
    50: (403, "Access denied", "The application is not allowed to use this service"),
    53: (403, "Too many requests", "The application has made too many calls"),
    60: (404, "Resource not found", "The requested URI or resource was not found"),
    1202: (403, "Forbidden access to the API", "Invalid merchant key"),
    1203: (403, "Forbidden access to the API", "Currency not allowed for this country"),
    1204: (403, "Forbidden access to the API", "Order already exists"),
}


class OrangeDesk(Desk):
    """Orange's habits: a pause before the outcome, and silence about whoever walked away."""

    name = NAME
    label = "Orange Money"
    settle_s = (0.5, 3.0)
    walks_away = True
    # An abandoned page stays INITIATED for ever; only a late confirmation finds it EXPIRED.
    expires_alone = False

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Notify a success or a failure, in exactly three fields."""
        if prompt.state not in (State.SUCCEEDED, State.FAILED):
            return None
        txnid = prompt.transaction_id or ""
        return _notification(
            prompt, _WORDS[prompt.state], str(prompt.details["notif_token"]), txnid
        )

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Claim success with a token that was never given."""
        return _notification(prompt, "SUCCESS", "0" * 32, "MP000000.0000.A00000")

    def transaction_id(self, digits: str, now: datetime) -> str:
        """Name a transaction `MPyymmdd.hhmm.Annnnn`."""
        return f"MP{now:%y%m%d.%H%M}.A{digits[-5:]}"


def _notification(prompt: Prompt, status: str, token: str, txnid: str) -> Announcement:
    body = {"status": status, "notif_token": token, "txnid": txnid}
    return Announcement(prompt.details["notif_url"], json.dumps(body).encode())


def create_app(world: World) -> Flask:
    """Make Orange's origin: the API and the payment page."""
    world.open_desk(OrangeDesk())
    app = Flask(__name__)
    calls = _WebPay(world)
    for version in ("v2", "v3"):
        app.add_url_rule(
            f"/oauth/{version}/token", f"token_{version}", calls.token, methods=["POST"]
        )
    base = "/orange-money-webpay/<env>/v1"
    app.add_url_rule(f"{base}/webpayment", "create", calls.create, methods=["POST"])
    app.add_url_rule(f"{base}/transactionstatus", "status", calls.status, methods=["POST"])
    app.register_error_handler(404, lambda _e: error(60))
    app.register_blueprint(orange_page.create_blueprint(world))
    furnish(app)
    return behind_line(app)


def error(code: int, description: str | None = None) -> Response:
    """Word one of Orange's errors."""
    status, message, usual = _ERRORS[code]
    body = {"code": code, "message": message, "description": description or usual}
    return json_answer(body, status)


class _WebPay:
    """The Web Payment calls."""

    def __init__(self, world: World) -> None:
        self._world = world

    def token(self) -> Response:
        """Give an access token to whoever has the client's secret."""
        if "application/json" not in request.headers.get("Accept", ""):
            return Response(b"", 406)
        return answer(self._world, NAME, Operation.TOKEN, (), self._token, _broken)

    def create(self, env: str) -> Response:
        """Begin a payment: 201 with the tokens and the page's address."""
        body = self._body(env, _CREATION)
        if isinstance(body, Response):
            return body
        names = (str(body["order_id"]),)
        return self._answer(Operation.CREATE, names, lambda: self._create(env, body))

    def status(self, env: str) -> Response:
        """Tell where a payment stands: 201, though it only reads."""
        body = self._body(env, _STATUS)
        if isinstance(body, Response):
            return body
        names = (str(body["order_id"]), str(body["pay_token"]))
        return self._answer(Operation.READ, names, lambda: self._status(env, body))

    def _token(self) -> Response:
        if not _basic_matches():
            refusal = {
                "error": "invalid_client",
                "error_description": "The requested service needs credentials, but invalid given",
            }
            return json_answer(refusal, 401)
        if request.form.get("grant_type") != "client_credentials":
            return json_answer({"error": "unsupported_grant_type"}, 400)
        token = self._world.book_file.hex(28)
        until = self._world.now().timestamp() + TOKEN_S
        self._world.remember(NAME, f"token:{token}", until)
        as_text = self._world.switches.get("orange.expires_in") == "text"
        lasting = str(TOKEN_S) if as_text else TOKEN_S
        return json_answer({"token_type": "Bearer", "access_token": token, "expires_in": lasting})

    def _create(self, env: str, body: dict[str, Any]) -> Response:
        if not hmac.compare_digest(body["merchant_key"].encode(), ORANGE["merchant_key"].encode()):
            return error(1202)
        if body["currency"] != CURRENCIES[env]:
            return error(1203)
        with self._world.alone():
            if self._world.search(NAME, body["order_id"]):
                return error(1204)
            return self._begin(env, body)

    def _begin(self, env: str, body: dict[str, Any]) -> Response:
        pay_token, notif_token = self._world.book_file.hex(64), self._world.book_file.hex(32)
        url = f"{request.host_url}payment/pay_token/{pay_token}"
        addresses = {name: body[name] for name in ("return_url", "cancel_url", "notif_url")}
        self._world.ask(
            NAME,
            provider_ref=pay_token,
            reference=body["order_id"],
            merchant=body.get("reference") or MERCHANT,
            amount=_money(env, body["amount"]),
            valid_s=VALID_S,
            details=addresses
            | {"env": env, "notif_token": notif_token, "url": url, "lang": body.get("lang", "fr")},
        )
        made = {
            "status": 201, "message": "OK", "pay_token": pay_token, "payment_url": url,
            "notif_token": notif_token,
        }  # fmt: skip
        # Orange's own JSON writes every slash as `\/`.
        text = json.dumps(made, separators=(",", ":")).replace("/", "\\/")
        return Response(text, 201, mimetype="application/json")

    def _status(self, env: str, body: dict[str, Any]) -> Response:
        prompt = self._world.find(NAME, str(body["pay_token"]))
        if prompt is None or prompt.details["env"] != env:
            return error(60)
        asked = (body["order_id"], _money(env, body["amount"]))
        if asked != (prompt.reference, prompt.amount):
            return error(24, "order_id or amount does not match the pay_token")
        accepted_late = prompt.state is State.OPEN and prompt.details.get("accepted")
        word = "PENDING" if accepted_late else _WORDS[prompt.state]
        told = {"status": word, "order_id": prompt.reference, "txnid": prompt.transaction_id}
        return json_answer(told, 201)

    def _body(self, env: str, needed: tuple[str, ...]) -> dict[str, Any] | Response:
        """Check credentials, place and fields; give the body or the refusal."""
        refused = self._unauthorised()
        if refused:
            return refused
        if env not in CURRENCIES:
            return error(50)
        if not request.get_data():
            return error(21)
        body = body_object()
        if body is None:
            return error(22)
        return _field_refusal(body, needed) or body

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, names, work, _broken)

    def _unauthorised(self) -> Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return error(40)
        until = self._world.recall(NAME, f"token:{token}")
        if until is None:
            return error(41)
        return error(42) if self._world.now().timestamp() >= until else None


def _basic_matches() -> bool:
    scheme, _, packed = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return False
    wanted = f"{ORANGE['client_id']}:{ORANGE['client_secret']}".encode()
    return scheme == "Basic" and hmac.compare_digest(given, wanted)


def _field_refusal(body: dict[str, Any], needed: tuple[str, ...]) -> Response | None:
    for name in needed:
        if body.get(name) in (None, ""):
            return error(23, f"Key: '{name}' Error:Field validation for '{name}' failed")
    if type(body["amount"]) is not int or not 0 < body["amount"] < 10**12:
        return error(24, "amount must be a positive integer")
    for name, longest in _TEXTS.items():
        if name in body and not _good_text(name, body[name], longest):
            return error(24, f"Invalid field '{name}'")
    return None


def _good_text(name: str, value: object, longest: int) -> bool:
    if not isinstance(value, str) or len(value) > longest:
        return False
    if name == "lang":
        return value in ("fr", "en")
    if name == "reference":
        # Accents and dashes are refused in practice.
        return value.isascii() and all(c.isalnum() or c == " " for c in value)
    if name.endswith("_url"):
        return value.startswith(("https://", "http://"))
    return True


def _money(env: str, amount: int) -> Money:
    currency = CURRENCIES[env]
    return Money.from_wire(amount, "XOF" if currency == "OUV" else currency)


def _broken(status: int) -> Response:
    return error(53) if status == 429 else error(1)
