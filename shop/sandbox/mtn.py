"""MTN MoMo Open API, simulated: provisioning, tokens, request to pay and its callback.

Docs: https://momodeveloper.mtn.com/api-documentation
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Response, request

from shop.money import Money, MoneyError
from shop.sandbox.credentials import MERCHANT, MTN
from shop.sandbox.faults import Operation
from shop.sandbox.values import Announcement, Desk, Prompt, State, Why
from shop.sandbox.wire import answer, behind_line, body_object, json_answer
from shop.sandbox.world import World

NAME: Final = "mtn"
#: The customer has five minutes to type the PIN.
VALID_S: Final = 300.0
TOKEN_S: Final = 3600
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

#: Target environment -> the one currency it takes.
ENVIRONMENTS: Final = {
    "sandbox": "EUR", "mtnivorycoast": "XOF", "mtnbenin": "XOF", "mtncameroon": "XAF",
    "mtncongo": "XAF", "mtnguineaconakry": "GNF", "mtnghana": "GHS",
}  # fmt: skip

#: Documented test numbers of request to pay: what becomes of each, by the last three digits.
#: None: it stays PENDING for ever (453). Any other number of the prefix succeeds at once.
TEST_PREFIX: Final = "46733123"
TEST_NUMBERS: Final = {
    "450": "INTERNAL_PROCESSING_ERROR", "451": "APPROVAL_REJECTED", "452": "EXPIRED", "453": None,
    "455": "PAYER_NOT_FOUND", "456": "PAYEE_NOT_ALLOWED_TO_RECEIVE", "457": "NOT_ALLOWED",
    "458": "NOT_ALLOWED_TARGET_ENVIRONMENT", "459": "INVALID_CALLBACK_URL_HOST",
    "460": "INVALID_CURRENCY", "461": "INTERNAL_PROCESSING_ERROR", "462": "SERVICE_UNAVAILABLE",
    "463": "COULD_NOT_PERFORM_TRANSACTION", "464": "TRANSFER_TYPE_UNKNOWN",
}  # fmt: skip
DELAYED: Final = "454"
ONGOING: Final = "453"
_DELAY_S: Final = 30.0
_FOR_EVER_S: Final = 10 * 365 * 86_400.0

_REASONS: Final[dict[str, str]] = {
    Why.DECLINED: "APPROVAL_REJECTED", Why.TIMEOUT: "EXPIRED", Why.BAD_CODE: "APPROVAL_REJECTED",
    Why.INSUFFICIENT_FUNDS: "NOT_ENOUGH_FUNDS", Why.NOT_REGISTERED: "PAYER_NOT_FOUND",
}  # fmt: skip

_STATUSES: Final = {
    State.OPEN: "PENDING", State.PROCESSING: "PENDING", State.SUCCEEDED: "SUCCESSFUL",
    State.FAILED: "FAILED", State.EXPIRED: "FAILED",
}  # fmt: skip

_MESSAGES: Final = {
    "RESOURCE_NOT_FOUND": "Requested resource was not found.",
    "RESOURCE_ALREADY_EXIST": "Duplicated reference id. Creation of resource failed.",
    "NOT_ALLOWED_TARGET_ENVIRONMENT": "Access to target environment is forbidden.",
    "INVALID_CALLBACK_URL_HOST": "Callback URL with different host name than the API user's.",
    "INVALID_CURRENCY": "Currency not supported.",
}

#: Texts MTN takes: apostrophes and other special characters cause a 400.
_NOTE: Final = re.compile(r"[A-Za-z0-9 .,:-]{0,160}")
_MSISDN: Final = re.compile(r"[1-9][0-9]{6,14}")


class MtnDesk(Desk):
    """MTN's habits: one unsigned callback when a request reaches its end, never repeated."""

    name = NAME
    label = "MTN MoMo"

    def __init__(self, world: World) -> None:
        self._world = world

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Call back with the same body as the status, where a callback address was given."""
        return self._callback(prompt, self.told(prompt))

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Claim success; nothing in a true callback could tell the difference."""
        claim = self.told(prompt) | {"financialTransactionId": "999999999", "status": "SUCCESSFUL"}
        return self._callback(prompt, claim)

    def transaction_id(self, digits: str, now: datetime) -> str:
        """Name a transaction in ten digits."""
        return str(1_000_000_000 + int(digits[-9:]))

    def told(self, prompt: Prompt) -> dict[str, Any]:
        """Write a request as its status says it; our X-Reference-Id is not in it."""
        sent = prompt.details
        moved = prompt.moved or prompt.amount
        body: dict[str, Any] = {"amount": _wire(moved), "currency": moved.currency}
        if prompt.transaction_id:
            body["financialTransactionId"] = prompt.transaction_id
        body["externalId"] = sent["external_id"]
        body["payer"] = {"partyIdType": "MSISDN", "partyId": sent["party_id"]}
        body["payerMessage"], body["payeeNote"] = sent["payer_message"], sent["payee_note"]
        body["status"] = _STATUSES[prompt.state]
        if body["status"] == "FAILED":
            body["reason"] = self._reason(prompt)
        return body

    def _reason(self, prompt: Prompt) -> str | dict[str, str]:
        given = str(prompt.reason)
        code = _REASONS.get(given, given)
        if self._world.switches.get("mtn.reason") == "object":
            return {"code": code, "message": _MESSAGES.get(code, code)}
        return code

    def _callback(self, prompt: Prompt, body: dict[str, Any]) -> Announcement | None:
        url = prompt.details["callback_url"]
        if not url:
            return None
        method = self._world.switches.get("mtn.callback")
        return Announcement(url, json.dumps(body, separators=(",", ":")).encode(), method)


def _wire(money: Money) -> str:
    """Write an amount without needless decimals: `50`, `12.50`."""
    whole, _, part = money.to_wire().partition(".")
    return f"{whole}.{part}" if part.strip("0") else whole


def create_app(world: World) -> Flask:
    """Make MTN's origin."""
    desk = MtnDesk(world)
    world.open_desk(desk)
    app = Flask(__name__)
    users, pay = _Users(world), _Collection(world, desk)
    add = app.add_url_rule
    add("/v1_0/apiuser", "user", users.create, methods=["POST"])
    add("/v1_0/apiuser/<user>", "read_user", users.read, methods=["GET"])
    add("/v1_0/apiuser/<user>/apikey", "key", users.key, methods=["POST"])
    add("/collection/token/", "token", pay.token, methods=["POST"])
    add("/collection/v1_0/requesttopay", "create", pay.create, methods=["POST"])
    add("/collection/v1_0/requesttopay/<ref>", "status", pay.status, methods=["GET"])
    balance = "/collection/v1_0/account/balance"
    add(balance, "balance", pay.balance, methods=["GET"])
    app.register_error_handler(404, lambda _e: error(404, "RESOURCE_NOT_FOUND"))
    return behind_line(app)


def error(status: int, code: str) -> Response:
    """Word a business error."""
    return json_answer({"code": code, "message": _MESSAGES.get(code, code)}, status)


def _gateway(status: int, message: str) -> Response:
    """Word an error of the gateway in front, which has another shape."""
    return json_answer({"statusCode": status, "message": message}, status)


def _no_subscription() -> Response | None:
    query = request.args.get("subscription-key", "")
    given = request.headers.get("Ocp-Apim-Subscription-Key", query)
    if not given:
        words = (
            "missing subscription key. Make sure to include subscription key when making requests"
        )
        return _gateway(401, f"Access denied due to {words} to an API.")
    if not hmac.compare_digest(given.encode(), MTN["subscription_key"].encode()):
        words = (
            "invalid subscription key. Make sure to provide a valid key for an active subscription."
        )
        return _gateway(401, f"Access denied due to {words}")
    return None


def _version_4(text: str) -> bool:
    try:
        return uuid.UUID(text).version == 4 and len(text) == 36
    except ValueError:
        return False


class _Users:
    """The provisioning calls, which exist only in MTN's own sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world
        host = urlsplit(world.shop_url).hostname or "localhost"
        world.remember(NAME, f"user:{MTN['api_user']}", {"host": host, "key": MTN["api_key"]})

    def create(self) -> Response:
        """Make an API user with the id the caller chose."""
        refused = _no_subscription()
        if refused:
            return refused
        user, body = request.headers.get("X-Reference-Id", ""), body_object()
        host = (body or {}).get("providerCallbackHost")
        if not _version_4(user) or not isinstance(host, str) or "/" in host:
            return Response(b"", 400)
        if self._world.recall(NAME, f"user:{user}"):
            return error(409, "RESOURCE_ALREADY_EXIST")
        self._world.remember(NAME, f"user:{user}", {"host": host, "key": None})
        return Response(b"", 201)

    def read(self, user: str) -> Response:
        """Tell a user's callback host."""
        known = self._world.recall(NAME, f"user:{user}")
        told = {"targetEnvironment": "sandbox"} | {
            "providerCallbackHost": (known or {}).get("host")
        }
        return _no_subscription() or (
            json_answer(told) if known else error(404, "RESOURCE_NOT_FOUND")
        )

    def key(self, user: str) -> Response:
        """Make a new API key; the one before stops working."""
        known = self._world.recall(NAME, f"user:{user}")
        refused = _no_subscription() or (None if known else error(404, "RESOURCE_NOT_FOUND"))
        if refused:
            return refused
        key = self._world.book_file.hex(32)
        self._world.remember(NAME, f"user:{user}", known | {"key": key})
        return json_answer({"apiKey": key}, 201)


class _Collection:
    """The Collections product."""

    def __init__(self, world: World, desk: MtnDesk) -> None:
        self._world = world
        self._desk = desk

    def token(self) -> Response:
        """Give a bearer token for an API user and key; a body is refused."""
        refused = _no_subscription()
        if refused:
            return refused
        if request.get_data():
            return Response(b"", 400)
        return answer(self._world, NAME, Operation.TOKEN, (), self._token, _broken)

    def create(self) -> Response:
        """Take a request to pay: 202 and nothing in it, which only says it was received."""
        refused = self._unauthorised()
        if refused:
            return refused
        ref, body = request.headers.get("X-Reference-Id", ""), body_object()
        if not _version_4(ref) or body is None or not _well_formed(body):
            return Response(b"", 400)
        names = (body["externalId"], ref)
        return self._answer(Operation.CREATE, names, lambda: self._create(ref, body))

    def status(self, ref: str) -> Response:
        """Tell where a request stands."""
        refused = self._unauthorised()
        if refused:
            return refused
        prompt = self._world.find(NAME, ref)
        names = (prompt.reference, ref) if prompt else (ref,)
        return self._answer(Operation.READ, names, lambda: self._status(prompt))

    def balance(self) -> Response:
        """Tell what the merchant's wallet holds."""
        refused = self._unauthorised()
        if refused:
            return refused
        held = self._world.merchant_balance(NAME, ENVIRONMENTS[self._environment()])
        told = {"availableBalance": _wire(held), "currency": held.currency}
        return self._answer(Operation.READ, (), lambda: json_answer(told))

    def _token(self) -> Response:
        user = self._basic_user()
        if user is None:
            return json_answer({"error": "login_failed"}, 401)
        head = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"R256"}').decode().rstrip("=")
        token = f"{head}.{self._world.book_file.hex(64)}.{self._world.book_file.hex(43)}"
        until = self._world.now().timestamp() + TOKEN_S
        self._world.remember(NAME, f"token:{token}", {"until": until, "user": user})
        told = {"access_token": token, "token_type": "access_token", "expires_in": TOKEN_S}
        return json_answer(told)

    def _create(self, ref: str, body: dict[str, Any]) -> Response:
        refused = self._configuration_refusal(body["currency"])
        if refused:
            return refused
        with self._world.alone():
            return self._take_in(ref, body)

    def _take_in(self, ref: str, body: dict[str, Any]) -> Response:
        if self._world.find(NAME, ref):
            return error(409, "RESOURCE_ALREADY_EXIST")
        number = body["payer"]["partyId"]
        why = TEST_NUMBERS.get(number[-3:]) if number.startswith(TEST_PREFIX) else None
        if why and self._world.switches.get("mtn.failures") == "at_once":
            return error(500, why)
        prompt = self._ask(ref, body)
        if number.startswith(TEST_PREFIX):
            self._play(prompt, number[-3:])
        return Response(b"", 202)

    def _ask(self, ref: str, body: dict[str, Any]) -> Prompt:
        ongoing = body["payer"]["partyId"] == TEST_PREFIX + ONGOING
        return self._world.ask(
            NAME,
            provider_ref=ref,
            reference=body["externalId"],
            merchant=MERCHANT,
            amount=Money.from_wire(body["amount"], body["currency"]),
            valid_s=_FOR_EVER_S if ongoing else VALID_S,
            phone="+" + body["payer"]["partyId"],
            details={
                "external_id": body["externalId"],
                "party_id": body["payer"]["partyId"],
                "payer_message": body.get("payerMessage", ""),
                "payee_note": body.get("payeeNote", ""),
                "callback_url": request.headers.get("X-Callback-Url"),
            },
        )

    def _play(self, prompt: Prompt, last: str) -> None:
        """Let a documented test number do what it is documented to do."""
        if last == DELAYED:
            self._world.later(_DELAY_S, prompt.id, "settle")
        elif last not in TEST_NUMBERS:
            self._world.later(0, prompt.id, "settle")
        elif why := TEST_NUMBERS[last]:
            self._world.later(0, prompt.id, "fail", why)

    def _status(self, prompt: Prompt | None) -> Response:
        if prompt is None:
            return error(404, "RESOURCE_NOT_FOUND")
        return json_answer(self._desk.told(prompt), separators=(",", ":"))

    def _configuration_refusal(self, currency: str) -> Response | None:
        """Refuse as MTN does: what is configured wrongly comes as a 500 with a name."""
        if currency != ENVIRONMENTS[self._environment()]:
            return error(500, "INVALID_CURRENCY")
        callback = request.headers.get("X-Callback-Url")
        if callback is None:
            return None
        parts = urlsplit(callback)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return Response(b"", 400)
        registered = self._world.recall(NAME, f"user:{self._bearer()['user']}")["host"]
        if parts.hostname not in (registered, *LOOPBACK):
            return error(500, "INVALID_CALLBACK_URL_HOST")
        return None

    def _basic_user(self) -> str | None:
        scheme, _, packed = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, key = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        known = self._world.recall(NAME, f"user:{user}") if scheme == "Basic" else None
        if not known or not known["key"]:
            return None
        return user if hmac.compare_digest(key.encode(), known["key"].encode()) else None

    def _bearer(self) -> dict[str, Any]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        known = self._world.recall(NAME, f"token:{token}") if scheme == "Bearer" else None
        return known if known and known["until"] > self._world.now().timestamp() else {}

    def _environment(self) -> str:
        return request.headers.get("X-Target-Environment", "")

    def _unauthorised(self) -> Response | None:
        refused = _no_subscription()
        if refused:
            return refused
        if not self._bearer():
            return json_answer({"error": "invalid_token"}, 401)
        if self._environment() not in ENVIRONMENTS:
            return error(500, "NOT_ALLOWED_TARGET_ENVIRONMENT")
        return None

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, names, work, _broken)


def _well_formed(body: dict[str, Any]) -> bool:
    """Check the shape of a request to pay; what is malformed is a 400 without a word."""
    payer = body.get("payer")
    if not isinstance(payer, dict) or payer.get("partyIdType") != "MSISDN":
        return False
    if not isinstance(payer.get("partyId"), str) or not _MSISDN.fullmatch(payer["partyId"]):
        return False
    if not isinstance(body.get("externalId"), str) or not isinstance(body.get("currency"), str):
        return False
    if not all(_good_note(body.get(name, "")) for name in ("payerMessage", "payeeNote")):
        return False
    return _good_amount(body.get("amount"), body["currency"])


def _good_note(value: object) -> bool:
    return isinstance(value, str) and _NOTE.fullmatch(value) is not None


def _good_amount(value: object, currency: str) -> bool:
    """Only text is taken; an unknown currency is judged later, by its environment."""
    if not isinstance(value, str):
        return False
    try:
        return bool(Money.from_wire(value, currency if currency in _KNOWN else "EUR"))
    except MoneyError:
        return False


_KNOWN: Final = frozenset(ENVIRONMENTS.values())


def _broken(status: int) -> Response:
    if status == 429:
        return _gateway(429, "Rate limit is exceeded. Try again in 2 seconds.")
    return Response(b"", 500)
