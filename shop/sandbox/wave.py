"""Wave Business, simulated: Checkout sessions, their hosted page and signed events.

Docs: https://docs.wave.com/checkout, https://docs.wave.com/webhook
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from flask import Flask, Response, request

from shop.money import Money
from shop.sandbox import wave_page
from shop.sandbox.credentials import MERCHANT, WAVE
from shop.sandbox.faults import Operation
from shop.sandbox.pages import furnish
from shop.sandbox.values import Announcement, Desk, Prompt, State, Why
from shop.sandbox.wire import answer, behind_line, json_answer
from shop.sandbox.world import World

NAME: Final = "wave"
CURRENCY: Final = "XOF"
#: Documented samples show 24 hours, sessions seen since 2023 live 30 minutes.
VALID_S: Final = 1800.0

_REQUIRED: Final = ("amount", "currency", "error_url", "success_url")
_OPTIONAL: Final = ("aggregated_merchant_id", "client_reference", "restrict_payer_mobile")
_AMOUNT: Final = re.compile(r"[1-9][0-9]{0,11}")
_MOBILE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_ID_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"

#: Our words for a failed try -> Wave's `last_payment_error`.
_ERRORS: Final[dict[str, tuple[str, str]]] = {
    Why.INSUFFICIENT_FUNDS: ("insufficient-funds", "The customer does not have sufficient funds."),
    Why.PAYER_MISMATCH: ("payer-mobile-mismatch", "The payment was made by another mobile."),
    Why.NOT_REGISTERED: ("blocked-account", "The customer's account cannot pay."),
}
_FAILURE: Final = ("payment-failure", "The payment failed.")


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Sign a webhook as Wave does: no separator between the time and the raw body."""
    message = str(timestamp).encode() + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class WaveDesk(Desk):
    """Wave's habits: a failed try leaves the session open, and events are signed at each try."""

    name = NAME
    label = "Wave"
    # The schedule is not published; events are retried for up to three days.
    retries_s = (5, 30, 120, 600, 3600, 21_600, 86_400, 129_600)
    reopens = True

    def __init__(self, world: World) -> None:
        self._world = world

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Tell of a paid session or a failed try; expiry is never told."""
        if prompt.state is State.SUCCEEDED:
            return self._event("checkout.session.completed", session(prompt), event_id)
        if prompt.state is State.OPEN:
            return self._event("checkout.session.payment_failed", session(prompt), event_id)
        return None

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Claim the session is complete."""
        claim = session(prompt) | {
            "checkout_status": "complete",
            "payment_status": "succeeded",
            "transaction_id": "TFORGED" + event_id[:4].upper(),
            "when_completed": stamp(self._world.now()),
        }
        return self._event("checkout.session.completed", claim, event_id)

    def headers(self, body: bytes, now: datetime, *, forged: bool) -> dict[str, str]:
        """Sign anew with the present time; a forger has no secret and guesses one."""
        secret = "wave_ci_WHS_guessed" if forged else WAVE["webhook_secret"]
        dressed = {"Content-Type": "application/json"}
        if self._world.switches.get("wave.webhook") == "shared_secret":
            return dressed | {"Authorization": f"Bearer {secret}"}
        at = int(now.timestamp())
        return dressed | {"Wave-Signature": f"t={at},v1={signature(secret, at, body)}"}

    def transaction_id(self, digits: str, now: datetime) -> str:
        """Name a transaction `T_` and ten characters."""
        return "T_" + digits[-10:]

    def _event(self, kind: str, data: dict[str, Any], event_id: str) -> Announcement:
        # Wave's published body has Python's default spacing: a receiver that re-serialises fails.
        body = json.dumps({"id": "AE_" + event_id, "type": kind, "data": data}).encode()
        return Announcement(f"{self._world.shop_url}/webhook/wave/", body)


def stamp(moment: datetime) -> str:
    """Write a time as Wave does: UTC to the second, `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def session(prompt: Prompt) -> dict[str, Any]:
    """Write the session object."""
    sent = prompt.details
    paid = prompt.state is State.SUCCEEDED
    moved = prompt.moved or prompt.amount
    body: dict[str, Any] = {
        "id": prompt.provider_ref,
        "amount": moved.to_wire(),
        "checkout_status": _CHECKOUT[prompt.state],
        "client_reference": sent["client_reference"],
        "currency": moved.currency,
        "error_url": sent["error_url"],
        "last_payment_error": _last_error(prompt),
        "business_name": prompt.merchant,
        "payment_status": _PAYMENT[prompt.state],
        "success_url": sent["success_url"],
        "wave_launch_url": sent["url"],
        "when_completed": stamp(prompt.completed_at) if paid and prompt.completed_at else None,
        "when_created": stamp(prompt.created_at),
        "when_expires": stamp(prompt.expires_at),
        "transaction_id": prompt.transaction_id,
    }
    for name in ("restrict_payer_mobile", "aggregated_merchant_id"):
        if sent.get(name):
            body[name] = sent[name]
    return body


_CHECKOUT: Final = {
    State.OPEN: "open", State.PROCESSING: "open", State.SUCCEEDED: "complete",
    State.FAILED: "expired", State.EXPIRED: "expired",
}  # fmt: skip
_PAYMENT: Final = {
    State.OPEN: "processing", State.PROCESSING: "processing", State.SUCCEEDED: "succeeded",
    State.FAILED: "cancelled", State.EXPIRED: "cancelled",
}  # fmt: skip


def _last_error(prompt: Prompt) -> dict[str, str] | None:
    if prompt.reason is None or prompt.reason == Why.TIMEOUT:
        return None
    code, message = _ERRORS.get(prompt.reason, _FAILURE)
    return {"code": code, "message": message}


def create_app(world: World) -> Flask:
    """Make Wave's origin."""
    world.open_desk(WaveDesk(world))
    app = Flask(__name__)
    app.url_map.strict_slashes = True
    sessions = "/v1/checkout/sessions"
    calls = _Checkout(world)
    app.add_url_rule(sessions, "create", calls.create, methods=["POST"])
    app.add_url_rule(sessions, "by_transaction", calls.by_transaction, methods=["GET"])
    app.add_url_rule(f"{sessions}/search", "search", calls.search, methods=["GET"])
    app.add_url_rule(f"{sessions}/<ref>", "read", calls.read, methods=["GET"])
    app.add_url_rule(f"{sessions}/<ref>/expire", "expire", calls.expire, methods=["POST"])
    app.add_url_rule("/v1/balance", "balance", calls.balance, methods=["GET"])
    app.register_error_handler(404, lambda _e: calls.error(404, "not-found", "Not found"))
    app.register_blueprint(wave_page.create_blueprint(world))
    furnish(app)
    return behind_line(app)


class _Checkout:
    """The Checkout calls."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self) -> Response:
        """Open a session."""
        refused = self._unauthorised()
        if refused:
            return refused
        body = _parsed()
        if not isinstance(body, dict):
            return self.error(400, "request-not-json", "Request body is not valid JSON")
        reference = body.get("client_reference")
        names = (reference,) if isinstance(reference, str) else ()
        return self._answer(Operation.CREATE, names, lambda: self._create(body))

    def read(self, ref: str) -> Response:
        """Read a session."""
        return self._with_session(ref, Operation.READ, lambda found: json_answer(session(found)))

    def by_transaction(self) -> Response:
        """Read the session a transaction paid."""
        wanted = request.args.get("transaction_id", "")
        paid = [m for m in self._world.book(NAME) if wanted and m.transaction_id == wanted]
        ref = paid[0].provider_ref if paid else ""
        return self._with_session(ref, Operation.READ, lambda found: json_answer(session(found)))

    def search(self) -> Response:
        """List the sessions with a client reference; the list may be empty."""
        refused = self._unauthorised()
        if refused:
            return refused
        wanted = request.args.get("client_reference")
        if not wanted:
            return self._invalid([_missing("client_reference")])
        return self._answer(Operation.READ, (wanted,), lambda: self._search(wanted))

    def expire(self, ref: str) -> Response:
        """Close an open session: 200 with nothing in it, 409 when it is over already."""
        return self._with_session(ref, Operation.CREATE, self._expire)

    def balance(self) -> Response:
        """Tell what the wallet holds."""
        held = self._world.merchant_balance(NAME, CURRENCY)
        told = {"amount": held.to_wire(), "currency": held.currency}
        return self._unauthorised() or self._answer(Operation.READ, (), lambda: json_answer(told))

    def error(self, status: int, code: str, message: str, **more: Any) -> Response:
        """Word an error in the chosen envelope."""
        if self._world.switches.get("wave.errors") == "nested":
            inner = {"code": code, "message": message, "httpcode": status, **more}
            return json_answer({"error": inner}, status)
        return json_answer({"code": code, "message": message, **more}, status)

    def _create(self, body: dict[str, Any]) -> Response:
        problems = _problems(body)
        if problems:
            return self._invalid(problems)
        only = body.get("restrict_payer_mobile")
        ref = "cos-" + self._world.book_file.letters(13, _ID_LETTERS)
        amount = Money.from_wire(body["amount"], CURRENCY)
        query = f"a={body['amount']}&c={CURRENCY}&m={quote(MERCHANT)}"
        prompt = self._world.ask(
            NAME,
            provider_ref=ref,
            reference=body.get("client_reference") or ref,
            merchant=MERCHANT,
            amount=amount,
            valid_s=VALID_S,
            phone=only,
            details={
                "client_reference": body.get("client_reference"),
                "success_url": body["success_url"],
                "error_url": body["error_url"],
                "restrict_payer_mobile": only,
                "aggregated_merchant_id": body.get("aggregated_merchant_id"),
                "only_payer": only,
                "url": f"{request.host_url}c/{ref}?{query}",
            },
        )
        return json_answer(session(prompt))

    def _search(self, wanted: str) -> Response:
        found = self._world.search(NAME, wanted)
        same = [session(p) for p in found if p.details["client_reference"] == wanted]
        return json_answer({"result": same})

    def _expire(self, prompt: Prompt) -> Response:
        if self._world.expire(prompt.id):
            return Response(b"", 200)
        return self.error(409, "checkout-session-conflict", "Checkout session is not open")

    def _with_session(
        self, ref: str, operation: Operation, work: Callable[[Prompt], Response]
    ) -> Response:
        refused = self._unauthorised()
        if refused:
            return refused
        prompt = self._world.find(NAME, ref)
        if prompt is None:
            return self.error(404, "checkout-session-not-found", "Checkout session not found")
        names = (prompt.reference, prompt.provider_ref)
        return self._answer(operation, names, lambda: work(prompt))

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, names, work, self._broken)

    def _broken(self, status: int) -> Response:
        if status == 429:
            return self.error(429, "too-many-requests", "Too many requests")
        return self.error(500, "internal-server-error", "Internal server error")

    def _invalid(self, problems: list[dict[str, Any]]) -> Response:
        return self.error(400, "request-validation-error", "Request invalid", details=problems)

    def _unauthorised(self) -> Response | None:
        header = request.headers.get("Authorization")
        if header is None:
            return self.error(401, "missing-auth-header", "Authorization header is missing")
        scheme, _, key = header.partition(" ")
        if scheme != "Bearer":
            return self.error(401, "invalid-auth", "Authorization must be a Bearer token")
        if not key.strip():
            return self.error(401, "api-key-not-provided", "API key not provided")
        if not hmac.compare_digest(key.strip().encode(), WAVE["api_key"].encode()):
            return self.error(401, "no-matching-api-key", "No matching API key")
        return None


def _parsed() -> Any:
    try:
        return json.loads(request.get_data())
    except ValueError:
        return None


def _missing(name: str) -> dict[str, Any]:
    return {"loc": [name], "msg": "field required", "type": "value_error.missing"}


def _wrong(name: str, message: str) -> dict[str, Any]:
    return {"loc": [name], "msg": message, "type": "value_error"}


def _problems(body: dict[str, Any]) -> list[dict[str, Any]]:
    """List everything wrong with a creation, as strictly as Wave does."""
    found = [_missing(name) for name in _REQUIRED if body.get(name) is None]
    for name, value in body.items():
        if name not in _REQUIRED + _OPTIONAL:
            extra = "extra fields not permitted"
            found.append({"loc": [name], "msg": extra, "type": "value_error.extra"})
        elif value is not None and not isinstance(value, str):
            found.append({"loc": [name], "msg": "str type expected", "type": "type_error.str"})
        elif value is not None and (message := _CHECKS[name](value)):
            found.append(_wrong(name, message))
    return found


def _check_amount(text: str) -> str | None:
    return None if _AMOUNT.fullmatch(text) else "amount must be a positive number without decimals"


def _check_currency(text: str) -> str | None:
    return None if text == CURRENCY else "currency does not match the wallet"


def _check_url(text: str) -> str | None:
    parts = urlsplit(text)
    # Wave wants https; only a sandbox may send the browser back to a loopback address.
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    good = parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and loopback))
    return None if good else "invalid or missing URL scheme: https is required"


def _check_mobile(text: str) -> str | None:
    return None if _MOBILE.fullmatch(text) else "value is not a valid phone number"


def _check_reference(text: str) -> str | None:
    return None if len(text) <= 255 else "ensure this value has at most 255 characters"


def _check_merchant(text: str) -> str | None:
    return None if text.startswith("am-") else "invalid aggregated merchant id"


_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "amount": _check_amount,
    "currency": _check_currency,
    "success_url": _check_url,
    "error_url": _check_url,
    "restrict_payer_mobile": _check_mobile,
    "client_reference": _check_reference,
    "aggregated_merchant_id": _check_merchant,
}
