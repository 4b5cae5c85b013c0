"""MTN's Disbursements product: transfers to a wallet, refunds of a request to pay, its purse."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, request

from shop.money import Money
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
    version_4,
    well_formed,
)
from shop.sandbox.payouts import TAKES_S
from shop.sandbox.values import Payout, Prompt
from shop.sandbox.wire import json_answer
from shop.sandbox.world import World

#: Documented test numbers of a transfer: other fates than those of a request to pay.
TEST_NUMBERS: Final = {
    "450": "INTERNAL_PROCESSING_ERROR", "451": "APPROVAL_REJECTED", "452": "EXPIRED",
    "455": "NOT_ENOUGH_FUNDS", "456": "PAYER_LIMIT_REACHED", "457": "PAYEE_NOT_FOUND",
    "458": "NOT_ALLOWED", "459": "NOT_ALLOWED_TARGET_ENVIRONMENT",
    "460": "INVALID_CALLBACK_URL_HOST", "461": "INVALID_CURRENCY",
    "462": "INTERNAL_PROCESSING_ERROR", "463": "SERVICE_UNAVAILABLE",
    "464": "TRANSFER_TYPE_UNKNOWN",
}  # fmt: skip

#: Documented values of `referenceIdToRefund` that are no request of anybody's, and their fates.
ONGOING_REFUND: Final = "5"
DELAYED_REFUND: Final = "6"
TEST_REFUNDS: Final = {
    "1": "RESOURCE_NOT_FOUND", "2": "INTERNAL_PROCESSING_ERROR", "3": "APPROVAL_REJECTED",
    "4": "EXPIRED", ONGOING_REFUND: None, DELAYED_REFUND: None, "7": "NOT_ALLOWED",
    "8": "NOT_ALLOWED_TARGET_ENVIRONMENT", "9": "INVALID_CALLBACK_URL_HOST",
    "10": "INVALID_CURRENCY", "11": "INTERNAL_PROCESSING_ERROR", "12": "SERVICE_UNAVAILABLE",
    "13": "COULD_NOT_PERFORM_TRANSACTION",
}  # fmt: skip


def create_blueprint(world: World, desk: MtnDesk) -> Blueprint:
    """Make the calls of one world."""
    bp = Blueprint("disbursement", __name__, url_prefix="/disbursement")
    calls, add = _Disbursement(world, desk), bp.add_url_rule
    add("/token/", "token", calls.token, methods=["POST"])
    add("/v1_0/transfer", "transfer", calls.transfer, methods=["POST"])
    add("/v1_0/transfer/<ref>", "transfer_status", calls.transfer_status, methods=["GET"])
    for version in ("v1_0", "v2_0"):
        add(f"/{version}/refund", f"refund_{version}", calls.refund, methods=["POST"])
    add("/v1_0/refund/<ref>", "refund_status", calls.refund_status, methods=["GET"])
    add("/v1_0/account/balance", "balance", calls.balance, methods=["GET"])
    return bp


class _Disbursement(Gate):
    """The calls of the product."""

    product = "disbursement"

    def __init__(self, world: World, desk: MtnDesk) -> None:
        super().__init__(world)
        self._desk = desk

    def transfer(self) -> Response:
        """Take a transfer: 202 and nothing in it, which only says it was received."""
        refused = self._unauthorised()
        if refused:
            return refused
        read = creating()
        if read is None or not well_formed(read[1]) or not good_party(read[1], "payee"):
            return Response(b"", 400)
        ref, body = read
        names = (body["externalId"], ref)
        return self._answer(Operation.PAY_OUT, names, lambda: self._transfer(ref, body))

    def transfer_status(self, ref: str) -> Response:
        """Tell where a transfer stands."""
        return self._told(ref, self._world.payouts.find(NAME, ref))

    def refund(self) -> Response:
        """Take a refund of a request to pay, of all of it or of a part."""
        refused = self._unauthorised()
        if refused:
            return refused
        read = creating()
        wanted = read[1].get("referenceIdToRefund") if read else None
        if read is None or not well_formed(read[1]) or not isinstance(wanted, str):
            return Response(b"", 400)
        if wanted not in TEST_REFUNDS and not version_4(wanted):
            return Response(b"", 400)
        ref, body = read
        names = (body["externalId"], ref)
        return self._answer(Operation.REFUND, names, lambda: self._refund(ref, body, wanted))

    def refund_status(self, ref: str) -> Response:
        """Tell where a refund stands."""
        magic = self._world.recall(NAME, f"magic:{ref}")
        if magic is None:
            return self._told(ref, self._world.refunds.find(NAME, ref))
        refused = self._unauthorised()
        return refused or self._answer(
            Operation.PAYOUT_STATUS, (ref,), lambda: json_answer(self._played(magic))
        )

    def _told(self, ref: str, found: Payout | None) -> Response:
        refused = self._unauthorised()
        if refused:
            return refused
        names = (found.reference, ref) if found else (ref,)
        return self._answer(
            Operation.PAYOUT_STATUS,
            names,
            lambda: (
                json_answer(self._desk.told(found), separators=(",", ":"))
                if found
                else error(404, "RESOURCE_NOT_FOUND")
            ),
        )

    def _transfer(self, ref: str, body: dict[str, Any]) -> Response:
        refused = self._configuration_refusal(body["currency"])
        if refused:
            return refused
        with self._world.alone():
            if self._taken(ref):
                return error(409, "RESOURCE_ALREADY_EXIST")
            number = body["payee"]["partyId"]
            last = number[-3:] if number.startswith(TEST_PREFIX) else ""
            fails = TEST_NUMBERS.get(last)
            if fails and self._world.switches.get("mtn.failures") == "at_once":
                return error(500, fails)
            made = self._world.payouts.create(
                NAME,
                provider_ref=ref,
                reference=body["externalId"],
                amount=Money.from_wire(body["amount"], body["currency"]),
                phone=f"+{number}",
                details=_kept(body) | {"party_id": number, "fails": fails},
            )
            self._world.payouts.start(made.id, _takes_s(last))
        return Response(b"", 202)

    def _refund(self, ref: str, body: dict[str, Any], wanted: str) -> Response:
        refused = self._configuration_refusal(body["currency"])
        if refused:
            return refused
        with self._world.alone():
            if self._taken(ref):
                return error(409, "RESOURCE_ALREADY_EXIST")
            prompt = self._world.find(NAME, wanted)
            if prompt is None:
                self._play(ref, body, wanted)
            else:
                self._give_back(ref, body, prompt)
        return Response(b"", 202)

    def _give_back(self, ref: str, body: dict[str, Any], prompt: Prompt) -> None:
        made = self._world.refunds.create(
            prompt,
            provider_ref=ref,
            reference=body["externalId"],
            amount=Money.from_wire(body["amount"], body["currency"]),
            details=_kept(body),
        )
        self._world.refunds.start(made.id)

    def _play(self, ref: str, body: dict[str, Any], wanted: str) -> None:
        """Let a documented test value do what it does; what is no request of ours is not found."""
        fate = {"body": body, "wanted": wanted, "at": self._world.now().timestamp()}
        self._world.remember(NAME, f"magic:{ref}", fate)

    def _played(self, magic: dict[str, Any]) -> dict[str, Any]:
        body, wanted = magic["body"], magic["wanted"]
        told = {name: body[name] for name in ("amount", "currency", "externalId")}
        why = TEST_REFUNDS.get(wanted, "RESOURCE_NOT_FOUND")
        if why is not None:
            return told | {"status": "FAILED", "reason": why}
        passed_s = self._world.now().timestamp() - magic["at"]
        done = wanted == DELAYED_REFUND and passed_s >= DELAY_S
        return told | {"status": "SUCCESSFUL" if done else "PENDING"}


def _kept(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "external_id": body["externalId"],
        "payer_message": body.get("payerMessage", ""),
        "payee_note": body.get("payeeNote", ""),
        "callback_url": request.headers.get("X-Callback-Url"),
    }


def _takes_s(last: str) -> float:
    """Tell how long a transfer takes, by the last digits of a test number."""
    if last == ONGOING:
        return FOR_EVER_S
    if last == DELAYED:
        return DELAY_S
    return 0.0 if last else TAKES_S
