"""Wave Business, simulated: Checkout sessions, their hosted page and signed events.

Docs: https://docs.wave.com/checkout, https://docs.wave.com/webhook
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from flask import Flask, Response, request

from shop.money import Money
from shop.sandbox import wave_page, wave_payouts
from shop.sandbox.credentials import MERCHANT, WAVE
from shop.sandbox.faults import Operation
from shop.sandbox.pages import furnish
from shop.sandbox.values import Announcement, Desk, Payout, Prompt, Refund, State, Why
from shop.sandbox.wave_gate import (
    CURRENCY,
    ID_LETTERS,
    NAME,
    Check,
    Gate,
    at_most,
    check_amount,
    check_merchant,
    check_mobile,
    missing,
    parsed,
    problems,
    stamp,
)
from shop.sandbox.wire import behind_line, json_answer
from shop.sandbox.world import World

#: Documented samples show 24 hours, sessions seen since 2023 live 30 minutes.
VALID_S: Final = 1800.0

_REQUIRED: Final = ("amount", "currency", "error_url", "success_url")

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

    def name_money(self, request: Prompt | Payout, digits: str, now: datetime) -> str:
        """Name a payout by its own id: its object tells no other."""
        if isinstance(request, Payout) and not isinstance(request, Refund):
            return request.provider_ref
        return self.transaction_id(digits, now)

    def transaction_id(self, digits: str, now: datetime) -> str:
        """Name a transaction `T_` and ten characters."""
        return "T_" + digits[-10:]

    def _event(self, kind: str, data: dict[str, Any], event_id: str) -> Announcement:
        # Wave's published body has Python's default spacing: a receiver that re-serialises fails.
        body = json.dumps({"id": "AE_" + event_id, "type": kind, "data": data}).encode()
        return Announcement(f"{self._world.shop_url}/webhook/wave/", body)


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
    app.add_url_rule(f"{sessions}/<ref>/refund", "refund", calls.refund, methods=["POST"])
    app.register_blueprint(wave_payouts.create_blueprint(world))
    app.register_error_handler(404, lambda _e: calls.error(404, "not-found", "Not found"))
    app.register_blueprint(wave_page.create_blueprint(world))
    furnish(app)
    return behind_line(app)


class _Checkout(Gate):
    """The Checkout calls, and the refund of what a session brought in."""

    def create(self) -> Response:
        """Open a session."""
        refused = self._unauthorised()
        if refused:
            return refused
        body = parsed()
        if body is None:
            return self._not_json()
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
            return self._invalid([missing("client_reference")])
        return self._answer(Operation.READ, (wanted,), lambda: self._search(wanted))

    def expire(self, ref: str) -> Response:
        """Close an open session: 200 with nothing in it, 409 when it is over already."""
        return self._with_session(ref, Operation.CREATE, self._expire)

    def refund(self, ref: str) -> Response:
        """Give everything back, once: 200 with nothing in it, the second time too."""
        return self._with_session(ref, Operation.REFUND, self._refund)

    def _create(self, body: dict[str, Any]) -> Response:
        wrong = problems(body, _REQUIRED, _CHECKS)
        if wrong:
            return self._invalid(wrong)
        only = body.get("restrict_payer_mobile")
        ref = "cos-" + self._world.book_file.letters(13, ID_LETTERS)
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

    def _refund(self, prompt: Prompt) -> Response:
        if request.get_data():
            return self.error(400, "request-validation-error", "Request body must be empty")
        with self._world.alone():
            if any(one.state is State.SUCCEEDED for one in self._world.refunds.of(prompt)):
                return Response(b"", 200)
            if prompt.moved is None:
                return self.error(400, "checkout-refund-failed", "Checkout session is not paid")
            made = self._world.refunds.create(
                prompt,
                provider_ref="rf-" + self._world.book_file.letters(13, ID_LETTERS),
                reference=prompt.reference,
                amount=prompt.moved,
            )
            ended = self._world.refunds.send_now(made.id)
        if ended.state is not State.SUCCEEDED:
            return self.error(400, "checkout-refund-failed", "The wallet cannot pay the refund")
        return Response(b"", 200)

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


def _check_currency(text: str) -> str | None:
    return None if text == CURRENCY else "currency does not match the wallet"


def _check_url(text: str) -> str | None:
    parts = urlsplit(text)
    # Wave wants https; only a sandbox may send the browser back to a loopback address.
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    good = parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and loopback))
    return None if good else "invalid or missing URL scheme: https is required"


_CHECKS: Final[dict[str, Check]] = {
    "amount": check_amount,
    "currency": _check_currency,
    "success_url": _check_url,
    "error_url": _check_url,
    "restrict_payer_mobile": check_mobile,
    "client_reference": at_most(255),
    "aggregated_merchant_id": check_merchant,
}
