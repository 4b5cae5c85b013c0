"""FedaPay, simulated: transactions, tokens, direct sending, the hosted page and signed events.

Docs: https://docs.fedapay.com
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Response, request

from shop.money import Money
from shop.sandbox import fedapay_desk, fedapay_page, fedapay_payouts
from shop.sandbox.credentials import FEDAPAY, MERCHANT
from shop.sandbox.faults import Operation
from shop.sandbox.fedapay_objects import (
    CURRENCIES,
    MODES,
    NAME,
    TEST_MODE,
    error,
    owner_refusal,
    payout_object,
    read_number,
    transaction_object,
    wrap,
)
from shop.sandbox.pages import furnish
from shop.sandbox.values import Announcement, Desk, Payout, Prompt, State, Why
from shop.sandbox.wire import answer, behind_line, body_object, json_answer
from shop.sandbox.world import World

#: A pending transaction expires after 24 hours, and its token with it.
VALID_S: Final = 86_400.0
#: With the test mode these succeed, every other number fails.
TEST_NUMBERS: Final = ("+2290164000001", "+2290166000001")


def signature(secret: str, at: int, body: bytes) -> str:
    """Sign an event as FedaPay does: the time, a dot and the raw body."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


class FedaPayDesk(Desk):
    """FedaPay's habits: a failed try can be repeated for a day; nine more tries for each event."""

    name = NAME
    label = "FedaPay"
    # Exponential, no more than about two minutes apart.
    retries_s = (2, 4, 8, 16, 32, 64, 120, 120, 120)
    reopens = True

    def __init__(self, world: World) -> None:
        self._world = world

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Tell of every change of status."""
        told = transaction_object(prompt, self._world.now())
        return self._event(f"transaction.{told['status']}", told)

    def announce_payout(self, payout: Payout, *, event_id: str) -> Announcement | None:
        """Tell how a payout ended."""
        told = payout_object(payout)
        return self._event(f"payout.{told['status']}", told)

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Claim it was approved."""
        claim = transaction_object(prompt, self._world.now()) | {"status": "approved"}
        return self._event("transaction.approved", claim)

    def headers(self, body: bytes, now: datetime, *, forged: bool) -> dict[str, str]:
        """Sign anew with the present time; a forger has no secret and guesses one."""
        secret = "wh_sandbox_guessed" if forged else FEDAPAY["webhook_secret"]
        at = int(now.timestamp())
        signed = f"t={at},s={signature(secret, at, body)}"
        return {"Content-Type": "application/json", "X-FEDAPAY-SIGNATURE": signed}

    def name_money(self, request: Prompt | Payout, digits: str, now: datetime) -> str:
        """Name the money by FedaPay's own id of the transaction or payout that moved it."""
        return request.provider_ref

    def _event(self, name: str, entity: dict[str, Any]) -> Announcement:
        event = {"name": name, "object": entity["klass"][3:], "entity": entity}
        # Compact, letters as they are: what a JavaScript receiver would write again.
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        return Announcement(f"{self._world.shop_url}/webhook/fedapay/", body)


def create_app(world: World) -> Flask:
    """Make FedaPay's origin: the API and the payment page."""
    world.open_desk(FedaPayDesk(world))
    app = Flask(__name__)
    calls = _Transactions(world)
    add, base = app.add_url_rule, "/v1/transactions"
    add(base, "create", calls.create, methods=["POST"])
    add(f"{base}/<int:ref>", "read", calls.read, methods=["GET"])
    add(f"{base}/merchant/<reference>", "by_reference", calls.by_reference, methods=["GET"])
    add(f"{base}/<int:ref>/token", "token", calls.token, methods=["POST"])
    # The reference page and the libraries disagree on the path.
    add(f"{base}/<mode>", "send_documented", calls.send, methods=["POST"])
    add("/v1/<mode>", "send", calls.send, methods=["POST"])
    app.register_error_handler(404, lambda _e: error(404, "Not found"))
    app.register_blueprint(fedapay_payouts.create_blueprint(world))
    app.register_blueprint(fedapay_desk.create_blueprint(world))
    fedapay_desk.keep_log(app, world)
    app.register_blueprint(fedapay_page.create_blueprint(world))
    furnish(app)
    return behind_line(app)


class _Transactions:
    """The calls about money coming in."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self) -> Response:
        """Make a transaction."""
        refused = owner_refusal()
        if refused:
            return refused
        body = body_object()
        if body is None:
            return error(400, "Malformed JSON")
        names = (str(body.get("merchant_reference")),)
        return self._answer(Operation.CREATE, names, lambda: self._create(body))

    def read(self, ref: int) -> Response:
        """Tell where a transaction stands."""
        return self._told(self._world.find(NAME, str(ref)), str(ref))

    def by_reference(self, reference: str) -> Response:
        """Find a transaction by the merchant's reference."""
        found = self._world.search(NAME, reference)
        return self._told(found[0] if found else None, reference)

    def token(self, ref: int) -> Response:
        """Give the token and the page of a transaction, in no envelope."""
        prompt = self._world.find(NAME, str(ref))
        refused = owner_refusal() or (None if prompt else error(404, "Transaction not found"))
        if refused or prompt is None:
            return refused or error(404, "Transaction not found")
        told = {"token": prompt.details["token"], "url": prompt.details["url"]}
        names = (prompt.reference, prompt.provider_ref)
        return self._answer(Operation.CREATE, names, lambda: json_answer(told))

    def send(self, mode: str) -> Response:
        """Ring a phone about the transaction of a token."""
        body = body_object() or {}
        prompt = self._by_token(body.get("token"))
        refused = owner_refusal() or _mode_refusal(mode)
        if refused or prompt is None:
            return refused or error(404, "Transaction not found")
        if prompt.state is not State.OPEN:
            return error(400, "The transaction is closed")
        number = read_number(body.get("phone_number") or body)
        if number is None:
            return error(422, "Invalid phone", phone_number=["is not valid"])
        names = (prompt.reference, prompt.provider_ref)
        return self._answer(Operation.CREATE, names, lambda: self._send(prompt, mode, number))

    def _create(self, body: dict[str, Any]) -> Response:
        problems = _problems(body)
        if problems:
            return error(422, "Validation failed", **problems)
        reference = body.get("merchant_reference")
        with self._world.alone():
            if reference and self._world.search(NAME, reference):
                return error(422, "Validation failed", merchant_reference=["is already taken"])
            prompt = self._ask(body)
        asked_apart = self._world.switches.get("fedapay.payment_url") == "asked"
        hidden = ("payment_token", "payment_url") if asked_apart else ()
        told = transaction_object(prompt, self._world.now())
        shown = {name: value for name, value in told.items() if name not in hidden}
        return wrap(self._world, "transaction", shown)

    def _ask(self, body: dict[str, Any]) -> Prompt:
        now = self._world.now()
        number = 1 + int(self._world.recall(NAME, "last_id") or 16_850)
        self._world.remember(NAME, "last_id", number)
        token = _jwt(number, now + timedelta(seconds=VALID_S))
        letters = self._world.book_file.letters(3, "ABCDEFGHJKLMNPQRSTUVWXYZ")
        return self._world.ask(
            NAME,
            provider_ref=str(number),
            reference=body.get("merchant_reference") or str(number),
            merchant=MERCHANT,
            amount=Money.from_wire(body["amount"], body["currency"]["iso"]),
            valid_s=VALID_S,
            details={
                "merchant_reference": body.get("merchant_reference"),
                "reference": f"trx_{letters}_{int(now.timestamp() * 1000)}",
                "description": body["description"],
                "callback_url": body.get("callback_url"),
                "custom_metadata": body.get("custom_metadata"),
                "mode": body.get("mode"),
                "token": token,
                "url": f"{request.host_url}{token}",
            },
        )

    def _send(self, prompt: Prompt, mode: str, number: str) -> Response:
        self._world.present(prompt.id, number)
        self._world.amend(prompt.id, mode=mode)
        if mode == TEST_MODE and number in TEST_NUMBERS:
            self._world.later(0, prompt.id, "settle")
        elif mode == TEST_MODE:
            self._world.later(0, prompt.id, "fail", Why.DECLINED)
        intent = {
            "klass": "v1/payment_intent", "id": prompt.id, "status": "pending",
            "reference": f"pi_{self._world.book_file.hex(12)}",
        }  # fmt: skip
        return json_answer({"v1/payment_intent": intent, "message": "success"})

    def _by_token(self, token: object) -> Prompt | None:
        ref = fedapay_page.transaction_of(token) if isinstance(token, str) else None
        prompt = self._world.find(NAME, ref) if ref else None
        return prompt if prompt and prompt.details["token"] == token else None

    def _told(self, prompt: Prompt | None, wanted: str) -> Response:
        refused = owner_refusal()
        if refused:
            return refused
        names = (prompt.reference, prompt.provider_ref) if prompt else (wanted,)
        return self._answer(Operation.READ, names, lambda: self._status(prompt))

    def _status(self, prompt: Prompt | None) -> Response:
        if prompt is None:
            return error(404, "Transaction not found")
        return wrap(self._world, "transaction", transaction_object(prompt, self._world.now()))

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, names, work, lambda s: error(s, "Try again"))


def _jwt(number: int, until: datetime) -> str:
    """Make the token as FedaPay does: HS256, the transaction's id and its end."""
    parts = [{"alg": "HS256"}, {"sub": number, "exp": int(until.timestamp())}]
    head = ".".join(_packed(json.dumps(p, separators=(",", ":")).encode()) for p in parts)
    key = FEDAPAY["secret_key"].encode()
    return f"{head}.{_packed(hmac.new(key, head.encode(), hashlib.sha256).digest())}"


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _mode_refusal(mode: str) -> Response | None:
    known = mode in MODES or mode == TEST_MODE
    return None if known else error(422, "Validation failed", mode=["is not supported"])


def _problems(body: dict[str, Any]) -> dict[str, list[str]]:
    """Name the fields of a creation that FedaPay would refuse."""
    found: dict[str, list[str]] = {}
    if not isinstance(body.get("description"), str) or not body["description"]:
        found["description"] = ["can't be blank"]
    if type(body.get("amount")) is not int or not 0 < body["amount"] < 10**12:
        found["amount"] = ["must be a whole number above 0"]
    currency = body.get("currency")
    if not isinstance(currency, dict) or currency.get("iso") not in CURRENCIES:
        found["currency"] = ["is not supported"]
    callback = body.get("callback_url")
    if callback is not None and urlsplit(str(callback)).scheme not in ("http", "https"):
        found["callback_url"] = ["is not valid"]
    return found
