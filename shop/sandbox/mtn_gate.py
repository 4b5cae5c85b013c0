"""MTN's gate: subscription keys and tokens of each product, error shapes, what every call checks."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import uuid
from collections.abc import Callable
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from flask import Response, request

from shop.money import Money, MoneyError
from shop.sandbox.credentials import MTN
from shop.sandbox.faults import Operation
from shop.sandbox.wire import answer, body_object, json_answer
from shop.sandbox.world import World

NAME: Final = "mtn"
TOKEN_S: Final = 3600
#: Documented test numbers: this prefix, and three digits that mean another thing to each operation.
TEST_PREFIX: Final = "46733123"
DELAYED: Final = "454"
ONGOING: Final = "453"
DELAY_S: Final = 30.0
FOR_EVER_S: Final = 10 * 365 * 86_400.0
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

#: Product -> its subscription key, the first key of our merchant's keys for it.
KEYS: Final = {
    "collection": MTN["subscription_key"],
    "disbursement": MTN["disbursement_subscription_key"],
}

#: Target environment -> the one currency it takes.
ENVIRONMENTS: Final = {
    "sandbox": "EUR", "mtnivorycoast": "XOF", "mtnbenin": "XOF", "mtncameroon": "XAF",
    "mtncongo": "XAF", "mtnguineaconakry": "GNF", "mtnghana": "GHS",
}  # fmt: skip

#: The demo merchant has one purse per currency; it lies in the first environment of the currency.
HOME: Final = {currency: target for target, currency in reversed(ENVIRONMENTS.items())}

MESSAGES: Final = {
    "RESOURCE_NOT_FOUND": "Requested resource was not found.",
    "RESOURCE_ALREADY_EXIST": "Duplicated reference id. Creation of resource failed.",
    "NOT_ALLOWED_TARGET_ENVIRONMENT": "Access to target environment is forbidden.",
    "INVALID_CALLBACK_URL_HOST": "Callback URL with different host name than the API user's.",
    "INVALID_CURRENCY": "Currency not supported.",
}

#: Texts MTN takes: apostrophes and other special characters cause a 400.
_NOTE: Final = re.compile(r"[A-Za-z0-9 .,:-]{0,160}")
_MSISDN: Final = re.compile(r"[1-9][0-9]{6,14}")


def error(status: int, code: str) -> Response:
    """Word a business error."""
    return json_answer({"code": code, "message": MESSAGES.get(code, code)}, status)


def gateway(status: int, message: str) -> Response:
    """Word an error of the gateway in front, which has another shape."""
    return json_answer({"statusCode": status, "message": message}, status)


def no_subscription(*products: str) -> Response | None:
    """Refuse whoever shows no key of one of these products."""
    given = given_key()
    if not given:
        words = (
            "missing subscription key. Make sure to include subscription key when making requests"
        )
        return gateway(401, f"Access denied due to {words} to an API.")
    if product_of(given) not in products:
        words = (
            "invalid subscription key. Make sure to provide a valid key for an active subscription."
        )
        return gateway(401, f"Access denied due to {words}")
    return None


def product_of(key: str) -> str | None:
    """Tell which product a subscription key opens."""
    same = [name for name, own in KEYS.items() if hmac.compare_digest(key.encode(), own.encode())]
    return same[0] if same else None


def given_key() -> str:
    """Read the subscription key, in its header or in the address."""
    query = request.args.get("subscription-key", "")
    return request.headers.get("Ocp-Apim-Subscription-Key", query)


def version_4(text: str) -> bool:
    """Say whether this is a UUID of version 4 in its usual writing."""
    try:
        return uuid.UUID(text).version == 4 and len(text) == 36
    except ValueError:
        return False


def wire(money: Money) -> str:
    """Write an amount without needless decimals: `50`, `12.50`."""
    whole, _, part = money.to_wire().partition(".")
    return f"{whole}.{part}" if part.strip("0") else whole


class Gate:
    """One product: its token call, its balance, and what all of its calls check first."""

    product: ClassVar[str]

    def __init__(self, world: World) -> None:
        self._world = world

    def token(self) -> Response:
        """Give a bearer token for an API user and key; a body is refused."""
        refused = no_subscription(self.product)
        if refused:
            return refused
        if request.get_data():
            return Response(b"", 400)
        return answer(self._world, NAME, Operation.TOKEN, (), self._token, broken)

    def balance(self) -> Response:
        """Tell what the merchant's wallet holds."""
        refused = self._unauthorised()
        if refused:
            return refused
        target = self._environment()
        held = self._world.merchant_balance(NAME, ENVIRONMENTS[target])
        if target != HOME[held.currency]:
            held = Money(0, held.currency)
        told = {"availableBalance": wire(held), "currency": held.currency}
        return self._answer(Operation.READ, (), lambda: json_answer(told))

    def _token(self) -> Response:
        user = self._basic_user()
        if user is None:
            return json_answer({"error": "login_failed"}, 401)
        head = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"R256"}').decode().rstrip("=")
        token = f"{head}.{self._world.book_file.hex(64)}.{self._world.book_file.hex(43)}"
        until = self._world.now().timestamp() + TOKEN_S
        self._world.remember(
            NAME, f"token:{token}", {"until": until, "user": user, "product": self.product}
        )
        told = {"access_token": token, "token_type": "access_token", "expires_in": TOKEN_S}
        return json_answer(told)

    def _taken(self, ref: str) -> bool:
        """Say whether an X-Reference-Id was used before, for whatever operation."""
        world = self._world
        kinds = (world, world.payouts, world.refunds)
        magic = world.recall(NAME, f"magic:{ref}") is not None
        return magic or any(kind.find(NAME, ref) for kind in kinds)

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
        # An API user made with one product's subscription signs in to that product only.
        if known.get("product") != self.product:
            return None
        return user if hmac.compare_digest(key.encode(), known["key"].encode()) else None

    def _bearer(self) -> dict[str, Any]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        known = self._world.recall(NAME, f"token:{token}") if scheme == "Bearer" else None
        if not known or known.get("product") != self.product:
            return {}
        return known if known["until"] > self._world.now().timestamp() else {}

    def _environment(self) -> str:
        return request.headers.get("X-Target-Environment", "")

    def _unauthorised(self) -> Response | None:
        refused = no_subscription(self.product)
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
        return answer(self._world, NAME, operation, names, work, broken)


def creating() -> tuple[str, dict[str, Any]] | None:
    """Read the X-Reference-Id and the body of a creating call; None when either is malformed."""
    ref, body = request.headers.get("X-Reference-Id", ""), body_object()
    return (ref, body) if version_4(ref) and body is not None else None


def good_party(body: dict[str, Any], name: str) -> bool:
    """Check a payer or payee: a number without its plus."""
    party = body.get(name)
    if not isinstance(party, dict) or party.get("partyIdType") != "MSISDN":
        return False
    return isinstance(party.get("partyId"), str) and bool(_MSISDN.fullmatch(party["partyId"]))


def well_formed(body: dict[str, Any]) -> bool:
    """Check what all bodies have; what is malformed is a 400 without a word."""
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


def broken(status: int) -> Response:
    """Word a busy or broken MTN."""
    if status == 429:
        return gateway(429, "Rate limit is exceeded. Try again in 2 seconds.")
    return Response(b"", 500)
