"""Wave's payouts, balance and ledger.

Docs: https://docs.wave.com/payout, https://docs.wave.com/balance-api
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from flask import Blueprint, Response, request

from shop.money import Money
from shop.phone import CURRENCIES
from shop.sandbox.faults import Operation
from shop.sandbox.handsets import UNREGISTERED, country_of
from shop.sandbox.values import Payout, State, Why
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
from shop.sandbox.wire import json_answer
from shop.sandbox.world import World

#: Between the start and the end of a payout that is not ended at once.
TAKES_S: Final = 2.0
_PAGE: Final = 1000

_REQUIRED: Final = ("currency", "mobile", "receive_amount")
_CHECKS: Final[dict[str, Check]] = {
    "currency": at_most(3),
    "receive_amount": check_amount,
    "mobile": check_mobile,
    "name": at_most(255),
    "national_id": at_most(255),
    "payment_reason": at_most(40),
    "client_reference": at_most(255),
    "aggregated_merchant_id": check_merchant,
}

#: Why a payout failed -> code and words.
_ERRORS: Final[dict[str, tuple[str, str]]] = {
    Why.INSUFFICIENT_FUNDS: ("insufficient-funds", "The wallet holds too little."),
    Why.NOT_REGISTERED: ("recipient-account-inactive", "The recipient has no active account."),
}
_WORDS: Final = {
    State.OPEN: "processing", State.PROCESSING: "processing", State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
}  # fmt: skip


def payout_object(payout: Payout) -> dict[str, Any]:
    """Write a payout; its error has other field names than every other error of Wave."""
    sent = payout.details
    error = None
    if payout.state is State.FAILED:
        code, words = _ERRORS.get(str(payout.reason), ("payout-failed", "The payout failed."))
        error = {"error_code": code, "error_message": words}
    return {
        "id": payout.provider_ref,
        "currency": payout.amount.currency,
        "receive_amount": payout.amount.to_wire(),
        "fee": Money(sent["fee"], payout.amount.currency).to_wire(),
        "mobile": payout.phone,
        "name": sent["name"],
        "national_id": sent["national_id"],
        "client_reference": sent["client_reference"],
        "payment_reason": sent["payment_reason"],
        "status": _WORDS[payout.state],
        "payout_error": error,
        "timestamp": stamp(payout.completed_at or payout.created_at),
    }


def create_blueprint(world: World) -> Blueprint:
    """Make the calls of one world."""
    bp = Blueprint("payouts", __name__, url_prefix="/v1")
    calls = _Payouts(world)
    bp.add_url_rule("/payout", "send", calls.send, methods=["POST"])
    bp.add_url_rule("/payout/<ref>", "read", calls.read, methods=["GET"])
    bp.add_url_rule("/payouts/search", "search_payouts", calls.search, methods=["GET"])
    bp.add_url_rule("/balance", "balance", calls.balance, methods=["GET"])
    bp.add_url_rule("/transactions", "transactions", calls.transactions, methods=["GET"])
    return bp


class _Payouts(Gate):
    """The calls about money going out, and about what is held."""

    def send(self) -> Response:
        """Send money; most often the answer already says how it ended."""
        refused = self._unauthorised()
        if refused:
            return refused
        body = parsed()
        if body is None:
            return self._not_json()
        reference = body.get("client_reference")
        names = (reference,) if isinstance(reference, str) else ()
        return self._answer(Operation.PAY_OUT, names, lambda: self._once(body))

    def read(self, ref: str) -> Response:
        """Tell where a payout stands."""
        refused = self._unauthorised()
        if refused:
            return refused
        found = self._world.payouts.find(NAME, ref)
        if found is None:
            return self.error(404, "not-found", "Payout not found")
        names = (found.reference, ref)
        return self._answer(
            Operation.PAYOUT_STATUS, names, lambda: json_answer(payout_object(found))
        )

    def search(self) -> Response:
        """List the payouts with a client reference; the list may be empty."""
        refused = self._unauthorised()
        if refused:
            return refused
        wanted = request.args.get("client_reference")
        if not wanted:
            return self._invalid([missing("client_reference")])
        found = self._world.payouts.search(NAME, wanted)
        told = [payout_object(one) for one in found if one.details["client_reference"] == wanted]
        return self._answer(
            Operation.PAYOUT_STATUS, (wanted,), lambda: json_answer({"result": told})
        )

    def balance(self) -> Response:
        """Tell what the wallet holds."""
        held = self._world.merchant_balance(NAME, CURRENCY)
        told = {"amount": held.to_wire(), "currency": held.currency}
        return self._unauthorised() or self._answer(Operation.READ, (), lambda: json_answer(told))

    def transactions(self) -> Response:
        """Tell a day of the ledger, page by page."""
        refused = self._unauthorised()
        if refused:
            return refused
        try:
            day = date.fromisoformat(request.args.get("date", f"{self._world.now():%Y-%m-%d}"))
            first = int(request.args.get("first", _PAGE))
        except ValueError:
            return self._invalid([missing("date")])
        after = request.args.get("after")
        return self._answer(
            Operation.PAYOUT_STATUS, (), lambda: self._page(day, min(max(first, 1), _PAGE), after)
        )

    def _once(self, body: dict[str, Any]) -> Response:
        """Carry out a key once: the same bytes again get the first answer, others a 409."""
        key = request.headers.get("Idempotency-Key", "").strip()
        if not key:
            return self._invalid([missing("Idempotency-Key")])
        digest = hashlib.sha256(request.get_data()).hexdigest()
        with self._world.alone():
            known = self._world.recall(NAME, f"key:{key}")
            if known is None:
                return self._send(body, key, digest)
        if known["digest"] != digest:
            return self.error(409, "idempotency-mismatch", "Idempotency key was used for another")
        made = self._world.payouts.find(NAME, known["payout"])
        assert made is not None, "a key is kept with its payout"
        return json_answer(payout_object(made))

    def _send(self, body: dict[str, Any], key: str, digest: str) -> Response:
        wrong = problems(body, _REQUIRED, _CHECKS)
        if wrong:
            return self._invalid(wrong)
        amount = Money.from_wire(body["receive_amount"], CURRENCY)
        # Samples show one in a hundred, added on the merchant's side.
        fee = -(-amount.amount // 100)
        refused = self._refusal(body, amount, fee)
        if refused:
            return refused
        made = self._made(body, amount, fee)
        self._world.remember(NAME, f"key:{key}", {"digest": digest, "payout": made.provider_ref})
        if self._world.switches.get("wave.payout") == "processing":
            self._world.payouts.start(made.id, TAKES_S)
            return json_answer(payout_object(made))
        return json_answer(payout_object(self._world.payouts.send_now(made.id)))

    def _made(self, body: dict[str, Any], amount: Money, fee: int) -> Payout:
        ref = "pt-" + self._world.book_file.letters(13, ID_LETTERS)
        kept = ("client_reference", "name", "national_id", "payment_reason")
        return self._world.payouts.create(
            NAME,
            provider_ref=ref,
            reference=body.get("client_reference") or ref,
            amount=amount,
            phone=body["mobile"],
            details={name: body.get(name) for name in kept} | {"fee": fee},
        )

    def _refusal(self, body: dict[str, Any], amount: Money, fee: int) -> Response | None:
        country = country_of(body["mobile"])
        if body["currency"] != CURRENCY:
            return self.error(400, "currency-mismatch", "Currency is not the wallet's")
        # The real wallet has one country; the demo's one key stands for those of its currency.
        if country is None or CURRENCIES[country] != CURRENCY:
            return self.error(400, "country-mismatch", "Recipient is in another country")
        if body["mobile"].endswith(UNREGISTERED):
            return self.error(422, *_ERRORS[Why.NOT_REGISTERED])
        held = self._world.merchant_balance(NAME, CURRENCY)
        if held < amount + Money(fee, CURRENCY):
            return self.error(422, *_ERRORS[Why.INSUFFICIENT_FUNDS])
        return None

    def _page(self, day: date, first: int, after: str | None) -> Response:
        rows = [line for line in ledger(self._world) if line.at.date() == day]
        names = [line.transaction_id for line in rows]
        start = names.index(after) + 1 if after in names else 0
        shown = rows[start : start + first]
        more = start + first < len(rows)
        info = {
            "start_cursor": after,
            "end_cursor": shown[-1].transaction_id if more else None,
            "has_next_page": more,
        }
        items = [line.told() for line in shown]
        return json_answer({"page_info": info, "date": day.isoformat(), "items": items})


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the ledger."""

    at: datetime
    transaction_id: str
    kind: str
    amount: Money
    """Below zero when it left."""
    fee: int
    phone: str
    reference: str
    session: str | None = None

    def told(self) -> dict[str, Any]:
        """Write it as Wave does, its optional fields only where they say something."""
        row: dict[str, Any] = {
            "timestamp": stamp(self.at),
            "transaction_id": self.transaction_id,
            "transaction_type": self.kind,
            "amount": self.amount.to_wire(),
            "fee": Money(self.fee, self.amount.currency).to_wire(),
            "currency": self.amount.currency,
            "is_reversal": False,
            "counterparty_mobile": self.phone,
            "client_reference": self.reference,
        }
        return row | ({"checkout_api_session_id": self.session} if self.session else {})


def ledger(world: World) -> list[Line]:
    """List everything that moved in or out of the wallet, in the order of its time."""
    came = [
        Line(
            m.at, m.transaction_id, "api_checkout", m.amount, 0, m.payer, m.reference,
            m.provider_ref,
        )
        for m in world.book(NAME)
    ]  # fmt: skip
    left = [
        Line(
            p.completed_at or p.created_at, str(p.transaction_id), "api_payout", -p.amount,
            p.details["fee"], p.phone, p.reference,
        )
        for p in world.payouts.book(NAME)
    ]  # fmt: skip
    back = [
        Line(
            r.completed_at or r.created_at, str(r.transaction_id), "api_checkout_refund",
            -r.amount, 0, r.phone, r.reference, world.prompt(r.prompt_id).provider_ref,
        )
        for r in world.refunds.book(NAME)
    ]  # fmt: skip
    return sorted([*came, *left, *back], key=lambda line: (line.at, line.transaction_id))
