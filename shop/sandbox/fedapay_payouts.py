"""FedaPay's payouts: made first, then started by their id."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from shop.money import Money
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
    wrap,
)
from shop.sandbox.values import Payout, State
from shop.sandbox.wire import answer, body_object, json_answer
from shop.sandbox.world import World


def create_blueprint(world: World) -> Blueprint:
    """Make the payout calls of one world."""
    bp = Blueprint("payouts", __name__, url_prefix="/v1/payouts")
    calls = _Payouts(world)
    bp.add_url_rule("", "create", calls.create, methods=["POST"])
    bp.add_url_rule("/start", "start", calls.start, methods=["PUT"])
    bp.add_url_rule("/search", "search", calls.search, methods=["GET"])
    bp.add_url_rule("/<int:ref>", "read", calls.read, methods=["GET"])
    return bp


class _Payouts:
    """The calls about money going out."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self) -> Response:
        """Make a payout, which waits to be started."""
        refused = owner_refusal()
        if refused:
            return refused
        body = body_object() or {}
        names = (str(body.get("merchant_reference")),)
        return self._answer(Operation.CREATE, names, lambda: self._create(body))

    def start(self) -> Response:
        """Let payouts go now; a bare list is taken too, as the reference page shows it."""
        refused = owner_refusal()
        if refused:
            return refused
        found = [self._world.payouts.find(NAME, ref) for ref in _started()]
        known = [one for one in found if one is not None]
        if not known or len(known) < len(found):
            return error(404, "Payout not found")
        names = tuple(name for one in known for name in (one.reference, one.provider_ref))
        return self._answer(Operation.PAY_OUT, names, lambda: self._start(known))

    def read(self, ref: int) -> Response:
        """Tell where a payout stands."""
        found = self._world.payouts.find(NAME, str(ref))
        refused = owner_refusal()
        if refused or found is None:
            return refused or error(404, "Payout not found")
        names = (found.reference, found.provider_ref)
        return self._answer(
            Operation.PAYOUT_STATUS,
            names,
            lambda: wrap(self._world, "payout", payout_object(found)),
        )

    def search(self) -> Response:
        """List the payouts that mention a word."""
        wanted = request.args.get("search", "")
        refused = owner_refusal()
        if refused:
            return refused
        return self._answer(Operation.PAYOUT_STATUS, (wanted,), lambda: self._search(wanted))

    def _create(self, body: dict[str, Any]) -> Response:
        currency = (body.get("currency") or {}).get("iso")
        number = read_number((body.get("customer") or {}).get("phone_number"))
        reference = body.get("merchant_reference")
        if type(body.get("amount")) is not int or body["amount"] < 1:
            return error(422, "Validation failed", amount=["must be a whole number above 0"])
        if currency not in CURRENCIES or body.get("mode") not in (*MODES, TEST_MODE):
            return error(422, "Validation failed", mode=["is not supported"])
        if number is None:
            return error(422, "Validation failed", phone_number=["is not valid"])
        with self._world.alone():
            if reference and self._world.payouts.search(NAME, reference):
                return error(422, "Validation failed", merchant_reference=["is already taken"])
            made = self._make(body, number, Money(body["amount"], currency))
        return wrap(self._world, "payout", payout_object(made))

    def _make(self, body: dict[str, Any], number: str, amount: Money) -> Payout:
        ref = 1 + int(self._world.recall(NAME, "last_payout") or 12)
        self._world.remember(NAME, "last_payout", ref)
        return self._world.payouts.create(
            NAME,
            provider_ref=str(ref),
            reference=body.get("merchant_reference") or str(ref),
            amount=amount,
            phone=number,
            details={
                "mode": body["mode"],
                "reference": str(int(self._world.now().timestamp() * 1000)),
            },
        )

    def _start(self, found: list[Payout]) -> Response:
        if any(one.state is not State.OPEN for one in found):
            return error(400, "The payout was started already")
        for one in found:
            self._world.payouts.start(one.id)
        return json_answer(
            {"v1/payouts": [payout_object(self._world.payouts.get(p.id)) for p in found]}
        )

    def _search(self, wanted: str) -> Response:
        found = [payout_object(one) for one in self._world.payouts.search(NAME, wanted)]
        meta = {"current_page": 1, "next_page": None, "total_pages": 1, "total_count": len(found)}
        return json_answer({"v1/payouts": found, "meta": meta})

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, names, work, lambda s: error(s, "Try again"))


def _started() -> list[str]:
    """Read which payouts a start names."""
    try:
        body = json.loads(request.get_data())
    except ValueError:
        return []
    listed = body.get("payouts") if isinstance(body, dict) else body
    entries = listed if isinstance(listed, list) else []
    return [str(entry.get("id")) for entry in entries if isinstance(entry, dict)]
