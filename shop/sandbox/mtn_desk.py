"""How MTN words what became of a request, a transfer or a refund, and calls back about it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from shop.sandbox.mtn_gate import MESSAGES, NAME, wire
from shop.sandbox.values import Announcement, Desk, Payout, Prompt, Refund, State, Why
from shop.sandbox.world import World

_REASONS: Final[dict[str, str]] = {
    Why.DECLINED: "APPROVAL_REJECTED", Why.TIMEOUT: "EXPIRED", Why.BAD_CODE: "APPROVAL_REJECTED",
    Why.INSUFFICIENT_FUNDS: "NOT_ENOUGH_FUNDS", Why.NOT_REGISTERED: "PAYER_NOT_FOUND",
}  # fmt: skip

_PAYOUT_REASONS: Final[dict[str, str]] = {
    Why.INSUFFICIENT_FUNDS: "NOT_ENOUGH_FUNDS", Why.NOT_REGISTERED: "PAYEE_NOT_FOUND",
    Why.TOO_MUCH: "NOT_ALLOWED",
}  # fmt: skip

_STATUSES: Final = {
    State.OPEN: "PENDING", State.PROCESSING: "PENDING", State.SUCCEEDED: "SUCCESSFUL",
    State.FAILED: "FAILED", State.EXPIRED: "FAILED",
}  # fmt: skip


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

    def announce_payout(self, payout: Payout, *, event_id: str) -> Announcement | None:
        """Call back about a transfer or a refund, in the same way."""
        return self._callback(payout, self.told(payout))

    def transaction_id(self, digits: str, now: datetime) -> str:
        """Name a transaction in ten digits."""
        return str(1_000_000_000 + int(digits[-9:]))

    def told(self, prompt: Prompt | Payout) -> dict[str, Any]:
        """Write a request as its status says it; our X-Reference-Id is not in it."""
        sent = prompt.details
        moved = (prompt.moved if isinstance(prompt, Prompt) else None) or prompt.amount
        body: dict[str, Any] = {"amount": wire(moved), "currency": moved.currency}
        if prompt.transaction_id:
            body["financialTransactionId"] = prompt.transaction_id
        body["externalId"] = sent["external_id"]
        if not isinstance(prompt, Refund):
            party = "payer" if isinstance(prompt, Prompt) else "payee"
            body[party] = {"partyIdType": "MSISDN", "partyId": sent["party_id"]}
        body["payerMessage"], body["payeeNote"] = sent["payer_message"], sent["payee_note"]
        body["status"] = _STATUSES[prompt.state]
        if body["status"] == "FAILED":
            body["reason"] = self._reason(prompt)
        return body

    def _reason(self, prompt: Prompt | Payout) -> str | dict[str, str]:
        given = str(prompt.reason)
        known = _REASONS if isinstance(prompt, Prompt) else _PAYOUT_REASONS
        code = known.get(given, given)
        if self._world.switches.get("mtn.reason") == "object":
            return {"code": code, "message": MESSAGES.get(code, code)}
        return code

    def _callback(self, prompt: Prompt | Payout, body: dict[str, Any]) -> Announcement | None:
        url = prompt.details["callback_url"]
        if not url:
            return None
        method = self._world.switches.get("mtn.callback")
        return Announcement(url, json.dumps(body, separators=(",", ":")).encode(), method)
