"""Ninth Pay, simulated. Becomes `shop/sandbox/ninth.py`."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any, Final

from flask import Flask, Response, request

from shop.money import Money
from shop.sandbox.credentials import MERCHANT
from shop.sandbox.faults import Operation
from shop.sandbox.values import Announcement, Desk, Prompt, State, Why
from shop.sandbox.wire import answer, behind_line, body_object, json_answer
from shop.sandbox.world import World

NAME: Final = "ninth"
CREDENTIALS: Final = {
    "api_key": "ninth-sandbox-api-word",
    "webhook_secret": "ninth-sandbox-webhook-word",
}
VALID_S: Final = 300.0
_WORDS: Final = {
    State.OPEN: "waiting", State.PROCESSING: "waiting", State.SUCCEEDED: "paid",
    State.FAILED: "refused", State.EXPIRED: "too_late",
}  # fmt: skip
_WHY: Final = {Why.INSUFFICIENT_FUNDS: "no_money", Why.DECLINED: "said_no", Why.TIMEOUT: "too_late"}


class NinthDesk(Desk):
    """It tells of every end, signed and dated."""

    name = NAME
    label = "Ninth Pay"
    retries_s = (10, 60)

    def __init__(self, world: World) -> None:
        self._world = world

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Tell how a request ended."""
        return self._event(told(prompt), event_id)

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Claim it was paid."""
        return self._event(told(prompt) | {"status": "paid", "transaction": "N0"}, event_id)

    def headers(self, body: bytes, now: datetime, *, forged: bool) -> dict[str, str]:
        """Sign anew; a forger guesses."""
        secret = "guessed" if forged else CREDENTIALS["webhook_secret"]
        at = int(now.timestamp())
        mark = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "Ninth-Signature": f"t={at},v1={mark}"}

    def _event(self, about: dict[str, Any], event_id: str) -> Announcement:
        body = json.dumps({"event": event_id, **about}).encode()
        return Announcement(f"{self._world.shop_url}/webhook/ninth/", body)


def told(prompt: Prompt) -> dict[str, Any]:
    """Write a request."""
    moved = prompt.moved or prompt.amount
    return {
        "id": prompt.provider_ref, "reference": prompt.reference, "status": _WORDS[prompt.state],
        "why": _WHY.get(prompt.reason or ""), "amount": moved.to_wire(),
        "currency": moved.currency, "transaction": prompt.transaction_id,
    }  # fmt: skip


def create_app(world: World) -> Flask:
    """Make Ninth Pay's origin."""
    world.open_desk(NinthDesk(world))
    app = Flask(__name__)

    def broken(status: int) -> Response:
        return json_answer({"error": "busy"}, status)

    def stranger() -> Response | None:
        known = request.headers.get("X-Api-Key") == CREDENTIALS["api_key"]
        return None if known else json_answer({"error": "key"}, 401)

    @app.post("/requests")
    def create() -> Response:
        body = body_object() or {}
        reference = str(body.get("reference", ""))
        return stranger() or answer(
            world, NAME, Operation.CREATE, (reference,), lambda: _create(world, body), broken
        )

    @app.get("/requests/<reference>")
    def read(reference: str) -> Response:
        return stranger() or answer(
            world, NAME, Operation.READ, (reference,), lambda: _read(world, reference), broken
        )

    return behind_line(app)


def _create(world: World, body: dict[str, Any]) -> Response:
    with world.alone():
        known = world.search(NAME, str(body.get("reference")))
        if known:
            return json_answer(told(known[0]))
        number = 1 + int(world.recall(NAME, "last") or 0)
        world.remember(NAME, "last", number)
        prompt = world.ask(
            NAME,
            provider_ref=f"N-{number}",
            reference=body["reference"],
            merchant=MERCHANT,
            amount=Money.from_wire(body["amount"], body["currency"]),
            valid_s=VALID_S,
            phone=body["phone"],
        )
    return json_answer(told(prompt), 201)


def _read(world: World, reference: str) -> Response:
    found = world.search(NAME, reference)
    return json_answer(told(found[0])) if found else json_answer({"error": "unknown"}, 404)
