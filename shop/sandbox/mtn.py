"""MTN MoMo Open API, simulated: provisioning, tokens, request to pay and its callback.

Docs: https://momodeveloper.mtn.com/api-documentation
"""

from __future__ import annotations

from typing import Any, Final

from flask import Flask, Response, request

from shop.money import Money
from shop.sandbox import mtn_disbursement
from shop.sandbox.credentials import MERCHANT
from shop.sandbox.faults import Operation
from shop.sandbox.mtn_desk import MtnDesk
from shop.sandbox.mtn_gate import (
    DELAY_S,
    DELAYED,
    FOR_EVER_S,
    NAME,
    ONGOING,
    TEST_PREFIX,
    Gate,
    creating,
    error,
    good_party,
    well_formed,
)
from shop.sandbox.mtn_users import Users
from shop.sandbox.values import Prompt
from shop.sandbox.wire import behind_line, json_answer
from shop.sandbox.world import World

#: The customer has five minutes to type the PIN.
VALID_S: Final = 300.0

#: Documented test numbers of request to pay: what becomes of each, by the last three digits.
#: None: it stays PENDING for ever (453). Any other number of the prefix succeeds at once.
TEST_NUMBERS: Final = {
    "450": "INTERNAL_PROCESSING_ERROR", "451": "APPROVAL_REJECTED", "452": "EXPIRED", "453": None,
    "455": "PAYER_NOT_FOUND", "456": "PAYEE_NOT_ALLOWED_TO_RECEIVE", "457": "NOT_ALLOWED",
    "458": "NOT_ALLOWED_TARGET_ENVIRONMENT", "459": "INVALID_CALLBACK_URL_HOST",
    "460": "INVALID_CURRENCY", "461": "INTERNAL_PROCESSING_ERROR", "462": "SERVICE_UNAVAILABLE",
    "463": "COULD_NOT_PERFORM_TRANSACTION", "464": "TRANSFER_TYPE_UNKNOWN",
}  # fmt: skip


def create_app(world: World) -> Flask:
    """Make MTN's origin."""
    desk = MtnDesk(world)
    world.open_desk(desk)
    app = Flask(__name__)
    users, pay = Users(world), _Collection(world, desk)
    add = app.add_url_rule
    add("/v1_0/apiuser", "user", users.create, methods=["POST"])
    add("/v1_0/apiuser/<user>", "read_user", users.read, methods=["GET"])
    add("/v1_0/apiuser/<user>/apikey", "key", users.key, methods=["POST"])
    add("/collection/token/", "token", pay.token, methods=["POST"])
    add("/collection/v1_0/requesttopay", "create", pay.create, methods=["POST"])
    add("/collection/v1_0/requesttopay/<ref>", "status", pay.status, methods=["GET"])
    balance = "/collection/v1_0/account/balance"
    add(balance, "balance", pay.balance, methods=["GET"])
    app.register_blueprint(mtn_disbursement.create_blueprint(world, desk))
    app.register_error_handler(404, lambda _e: error(404, "RESOURCE_NOT_FOUND"))
    return behind_line(app)


class _Collection(Gate):
    """The Collections product."""

    product = "collection"

    def __init__(self, world: World, desk: MtnDesk) -> None:
        super().__init__(world)
        self._desk = desk

    def create(self) -> Response:
        """Take a request to pay: 202 and nothing in it, which only says it was received."""
        refused = self._unauthorised()
        if refused:
            return refused
        read = creating()
        if read is None or not well_formed(read[1]) or not good_party(read[1], "payer"):
            return Response(b"", 400)
        ref, body = read
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

    def _create(self, ref: str, body: dict[str, Any]) -> Response:
        refused = self._configuration_refusal(body["currency"])
        if refused:
            return refused
        with self._world.alone():
            return self._take_in(ref, body)

    def _take_in(self, ref: str, body: dict[str, Any]) -> Response:
        if self._taken(ref):
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
            valid_s=FOR_EVER_S if ongoing else VALID_S,
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
            self._world.later(DELAY_S, prompt.id, "settle")
        elif last not in TEST_NUMBERS:
            self._world.later(0, prompt.id, "settle")
        elif why := TEST_NUMBERS[last]:
            self._world.later(0, prompt.id, "fail", why)

    def _status(self, prompt: Prompt | None) -> Response:
        if prompt is None:
            return error(404, "RESOURCE_NOT_FOUND")
        return json_answer(self._desk.told(prompt), separators=(",", ":"))
