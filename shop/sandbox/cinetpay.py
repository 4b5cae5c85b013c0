"""CinetPay checkout v2, simulated: payment, check, the counter page and its notifications.

Docs: https://docs.cinetpay.com
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, Response, request

from shop.money import EXPONENTS, Money
from shop.phone import COUNTRIES, guess_operator
from shop.sandbox import cinetpay_page, cinetpay_transfers
from shop.sandbox.credentials import CINETPAY, MERCHANT
from shop.sandbox.faults import Operation
from shop.sandbox.handsets import country_of
from shop.sandbox.pages import furnish
from shop.sandbox.values import Announcement, Desk, Payout, Prompt, State, Why
from shop.sandbox.wire import answer, behind_line, body_object, json_answer
from shop.sandbox.world import World

NAME: Final = "cinetpay"
#: The delay of code 625 is not published.
VALID_S: Final = 1800.0

CURRENCIES: Final = ("XOF", "XAF", "GNF", "CDF")
_NEEDED: Final = (
    "transaction_id", "amount", "currency", "description", "notify_url", "return_url", "channels",
)  # fmt: skip
_REFUSED_SIGNS: Final = frozenset("#/$_&")

#: The operators, as its documents name them.
_METHODS: Final = {"orange": "OM", "mtn": "MOMO", "moov": "FLOOZ", "tmoney": "TMONEY"}

_WHYS: Final[dict[str, tuple[str, str]]] = {
    Why.DECLINED: ("627", "TRANSACTION_CANCEL"),
    Why.INSUFFICIENT_FUNDS: ("602", "INSUFFICIENT_BALANCE"),
    Why.BAD_CODE: ("604", "OTP_CODE_ERROR"),
    Why.NOT_REGISTERED: ("635", "ERROR_PHONE_NUMBER_NOT_FOUND"),
    Why.TIMEOUT: ("625", "ABONNEMENT_OR_TRANSACTIONS_EXPIRED"),
}

#: Order of the fields x-token covers.
FIELDS: Final = (
    "cpm_site_id", "cpm_trans_id", "cpm_trans_date", "cpm_amount", "cpm_currency", "signature",
    "payment_method", "cel_phone_num", "cpm_phone_prefixe", "cpm_language", "cpm_version",
    "cpm_payment_config", "cpm_page_action", "cpm_custom", "cpm_designation", "cpm_error_message",
)  # fmt: skip


def x_token(secret: str, values: list[str]) -> str:
    """Sign a notification as CinetPay does: every value, nothing in between."""
    return hmac.new(secret.encode(), "".join(values).encode(), hashlib.sha256).hexdigest()


class CinetPayDesk(Desk):
    """CinetPay's habits: a form for every change of status, signed but never dated."""

    name = NAME
    label = "CinetPay"
    settle_s = (0.5, 2.0)
    # Not documented.
    retries_s = (60, 300, 1800)

    def __init__(self, world: World) -> None:
        self._world = world

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Notify whatever became of a payment."""
        return self._form(prompt, self._fields(prompt, told(prompt)[1], event_id))

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Claim success."""
        return self._form(prompt, self._fields(prompt, "SUCCES", event_id))

    def announce_payout(self, payout: Payout, *, event_id: str) -> Announcement | None:
        """Notify how a transfer ended; nothing signs this one."""
        body = urlencode(cinetpay_transfers.line(payout)).encode()
        return Announcement(payout.details["notify_url"], body)

    def headers(self, body: bytes, now: datetime, *, forged: bool) -> dict[str, str]:
        """Sign the posted values in their order; a ping and a transfer's notice carry nothing."""
        fields = parse_qsl(body.decode(), keep_blank_values=True)
        if not fields:
            return {}
        dressed = {"Content-Type": "application/x-www-form-urlencoded"}
        if tuple(name for name, _ in fields) != FIELDS:
            return dressed
        secret = "guessed" if forged else CINETPAY["secret_key"]
        return dressed | {"x-token": x_token(secret, [value for _, value in fields])}

    def name_money(self, request: Prompt | Payout, digits: str, now: datetime) -> str:
        """Name a payment by its operator and the operator's number, a transfer by CinetPay's."""
        if isinstance(request, Payout):
            return request.provider_ref
        return f"{payment_method(request)}:MP{now:%y%m%d.%H%M}.A{digits[-5:]}"

    def _fields(self, prompt: Prompt, words: str, event_id: str) -> dict[str, str]:
        sent, moved = prompt.details, prompt.moved or prompt.amount
        if self._world.switches.get("cinetpay.notification") == "two_fields":
            return {"cpm_trans_id": prompt.reference, "cpm_site_id": CINETPAY["site_id"]}
        prefix = _prefix(prompt.phone)
        values = (
            CINETPAY["site_id"], prompt.reference, f"{prompt.created_at:%Y-%m-%d %H:%M:%S}",
            units(moved), moved.currency, event_id, payment_method(prompt),
            (prompt.phone or "").removeprefix(f"+{prefix}"), prefix, sent["lang"], "V4", "SINGLE",
            "PAYMENT", sent["metadata"], sent["description"], words,
        )  # fmt: skip
        return dict(zip(FIELDS, values, strict=True))

    def _form(self, prompt: Prompt, fields: dict[str, str]) -> Announcement:
        return Announcement(prompt.details["notify_url"], urlencode(fields).encode())


def units(money: Money) -> str:
    """Write an amount in whole units: `1500`."""
    return money.to_wire().partition(".")[0]


def payment_method(prompt: Prompt) -> str:
    """Name the operator the payer's number suggests."""
    operator = guess_operator(prompt.phone) if prompt.phone and country_of(prompt.phone) else None
    return _METHODS.get(operator or "", (operator or "wallet").upper())


def told(prompt: Prompt) -> tuple[str, str, str]:
    """Tell where a payment stands: code, message, status."""
    if prompt.state is State.SUCCEEDED:
        return "00", "SUCCES", "ACCEPTED"
    if prompt.state is State.PROCESSING or prompt.details.get("accepted"):
        return "664", "WAITING_CUSTOMER_PAYMENT_AT_OPERATOR_SIDE", "PENDING"
    if prompt.state is State.OPEN:
        return "662", "WAITING_CUSTOMER_PAYMENT", "WAITING_FOR_CUSTOMER"
    code, message = _WHYS.get(str(prompt.reason), ("600", "PAYMENT_FAILED"))
    return code, message, "REFUSED"


def create_app(world: World) -> Flask:
    """Make CinetPay's two origins in one: the checkout, its page, and the transfers."""
    world.open_desk(CinetPayDesk(world))
    app = Flask(__name__)
    calls = _Checkout(world)
    app.add_url_rule("/v2/payment", "create", calls.create, methods=["POST"])
    app.add_url_rule("/v2/payment/check", "check", calls.check, methods=["POST"])
    app.register_error_handler(404, lambda _e: error("404", "NOT_FOUND", "No such address", 404))
    app.register_blueprint(cinetpay_transfers.create_blueprint(world))
    app.register_blueprint(cinetpay_page.create_blueprint(world))
    furnish(app)
    return behind_line(app)


def error(code: str, message: str, description: str, status: int = 400) -> Response:
    """Word a refusal."""
    body = {
        "code": code, "message": message, "description": description,
        "api_response_id": "1763719200.0001",
    }  # fmt: skip
    return json_answer(body, status)


def broken(status: int) -> Response:
    """Word a busy or broken CinetPay."""
    if status == 429:
        return error("429", "TOO_MANY_REQUEST", "Too many requests", 429)
    return error("603", "SERVICE_UNAVAILABLE", "Try again later", status)


class _Checkout:
    """The two checkout calls."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self) -> Response:
        """Open a payment and give its page."""
        body = _signed_in()
        if isinstance(body, Response):
            return body
        names = (str(body.get("transaction_id")),)
        return self._answer(Operation.CREATE, names, lambda: self._create(body))

    def check(self) -> Response:
        """Tell where a payment stands, by its transaction id or its token."""
        body = _signed_in()
        if isinstance(body, Response):
            return body
        wanted = str(body.get("transaction_id") or body.get("token") or "")
        mine = self._world.search(NAME, wanted)
        found = mine[0] if mine else self._world.find(NAME, wanted)
        return self._answer(Operation.READ, (wanted,), lambda: self._check(found))

    def _create(self, body: dict[str, Any]) -> Response:
        refused = _creation_refusal(body)
        if refused:
            return refused
        with self._world.alone():
            if self._world.search(NAME, body["transaction_id"]):
                return error("624", "UNKNOWN_ERROR", "The transaction_id exists already")
            prompt = self._ask(body)
            # Whether the address lives, before anything is sent to it.
            ping = Announcement(body["notify_url"], b"", method="GET")
            self._world.post.add(NAME, prompt.reference, ping)
        data = {"payment_token": prompt.provider_ref, "payment_url": prompt.details["url"]}
        made = {
            "code": "201", "message": "CREATED", "data": data,
            "description": "Transaction created with success",
            "api_response_id": f"{self._world.now().timestamp():.4f}",
        }  # fmt: skip
        return json_answer(made, 201)

    def _ask(self, body: dict[str, Any]) -> Prompt:
        token = self._world.book_file.hex(72)
        kept = ("notify_url", "return_url", "description")
        exponent = EXPONENTS[body["currency"]]
        return self._world.ask(
            NAME,
            provider_ref=token,
            reference=body["transaction_id"],
            merchant=MERCHANT,
            amount=Money(body["amount"] * 10**exponent, body["currency"]),
            valid_s=VALID_S,
            details={name: body[name] for name in kept}
            | {
                "metadata": str(body.get("metadata") or ""),
                "lang": body.get("lang", "fr"),
                "suggested": body.get("customer_phone_number"),
                "url": f"{request.host_url}payment/{token}",
            },
        )

    def _check(self, prompt: Prompt | None) -> Response:
        if prompt is None:
            return error("723", "NOT_FOUND", "The transaction does not exist", 404)
        code, message, status = told(prompt)
        moved = prompt.moved or prompt.amount
        data = {
            "amount": units(moved), "currency": moved.currency, "status": status,
            "payment_method": payment_method(prompt), "description": prompt.details["description"],
            "metadata": prompt.details["metadata"] or None, "operator_id": _operator_id(prompt),
            "payment_date": _date(prompt.completed_at), "fund_availability_date": None,
        }  # fmt: skip
        if self._world.switches.get("cinetpay.check") == "old":
            old = ("operator_id", "payment_method", "payment_date")
            prefix = _prefix(prompt.phone)
            data = {name: data[name] for name in old} | {"phone_prefix": prefix}
        body = {"code": code, "message": message, "data": data, "api_response_id": "1763719200.1"}
        return json_answer(body)

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, names, work, broken)


def _signed_in() -> dict[str, Any] | Response:
    """Read the body of whoever is let in; the door in front wants a User-Agent and JSON."""
    if not request.headers.get("User-Agent"):
        return Response("error code: 1010", 403, mimetype="text/plain")
    if request.mimetype != "application/json":
        return error("403", "FORBIDDEN", "The body must be JSON", 403)
    body = body_object()
    if body is None:
        return error("608", "MINIMUM_REQUIRED_FIELDS", "The body is not a JSON object")
    if not hmac.compare_digest(str(body.get("apikey")).encode(), CINETPAY["api_key"].encode()):
        return error("609", "AUTH_NOT_FOUND", "The apikey is unknown", 403)
    if str(body.get("site_id")) != CINETPAY["site_id"]:
        return error("613", "ERROR_SITE_ID_NOTVALID", "The site_id is unknown", 403)
    return body


def _creation_refusal(body: dict[str, Any]) -> Response | None:
    for name in _NEEDED:
        if body.get(name) in (None, ""):
            return error("608", "MINIMUM_REQUIRED_FIELDS", f"{name} is required")
    amount = body["amount"]
    if type(amount) is not int or amount % 5:
        return error("608", "MINIMUM_REQUIRED_FIELDS", "amount must be a multiple of 5")
    if amount < 100:
        return error("641", "ERROR_AMOUNT_TOO_LOW", "amount is too low")
    if amount > 10**9:
        return error("642", "ERROR_AMOUNT_TOO_HIGH", "amount is too high")
    if body["currency"] not in CURRENCIES:
        return error("608", "MINIMUM_REQUIRED_FIELDS", "currency is not yours")
    if _REFUSED_SIGNS & set(str(body["description"])):
        return error("608", "MINIMUM_REQUIRED_FIELDS", "description has special characters")
    for name in ("notify_url", "return_url"):
        if urlsplit(str(body[name])).scheme not in ("http", "https"):
            return error("608", "MINIMUM_REQUIRED_FIELDS", f"{name} is not an address")
    return None


def _operator_id(prompt: Prompt) -> str | None:
    return prompt.transaction_id and prompt.transaction_id.partition(":")[2]


def _prefix(e164: str | None) -> str:
    country = country_of(e164) if e164 else None
    return str(COUNTRIES[country]) if country else ""


def _date(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
