"""CinetPay's transfers: a five-minute token in the address, contacts first, then the money."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, Response, request

from shop.money import EXPONENTS, Money
from shop.phone import COUNTRIES, CURRENCIES
from shop.sandbox.credentials import CINETPAY
from shop.sandbox.faults import Operation
from shop.sandbox.handsets import NoSuchPhone, check_e164
from shop.sandbox.values import Payout, State
from shop.sandbox.wire import answer, json_answer
from shop.sandbox.world import World

NAME: Final = "cinetpay"
TOKEN_S: Final = 300.0
LEAST: Final = 200
MOST: Final = 1_500_000

_MESSAGES: Final = {
    "-1": "OPERATION_ERROR", "602": "INSUFFICIENT_BALANCE", "701": "INVALID_CREDENTIALS",
    "705": "EXPIRED_TOKEN", "706": "INVALID_TOKEN", "715": "INVALID_DATA", "718": "INVALID_JSON",
    "719": "AMOUNT_TOO_LOW", "720": "AMOUNT_TOO_HIGH", "723": "NOT_FOUND",
    "724": "NOT_MY_CONTACT", "725": "NOTIFY_URL_MISSING", "726": "ERROR_PHONE_ALREADY_MY_CONTACT",
}  # fmt: skip

_TREATMENTS: Final = {
    State.OPEN: "NEW", State.PROCESSING: "REC", State.SUCCEEDED: "VAL", State.FAILED: "REJ",
}  # fmt: skip


def line(payout: Payout) -> dict[str, str]:
    """Write a transfer as its notification and its check tell it."""
    ended = payout.completed_at
    sending = "PENDING" if payout.state is State.OPEN else "CONFIRM"
    return {
        "transaction_id": payout.provider_ref,
        "client_transaction_id": payout.reference,
        "lot": payout.details["lot"],
        "amount": payout.amount.to_wire().partition(".")[0],
        "receiver": payout.phone.removeprefix("+"),
        "sending_status": sending,
        "comment": payout.reason or "",
        "treatment_status": _TREATMENTS[payout.state],
        "operator_transaction_id": f"MP{payout.id:012d}" if payout.transaction_id else "",
        "validated_at": f"{ended:%Y-%m-%d %H:%M:%S}" if ended else "",
    }


def create_blueprint(world: World) -> Blueprint:
    """Make the transfer calls of one world."""
    bp = Blueprint("transfers", __name__, url_prefix="/v1")
    calls, add = _Transfers(world), bp.add_url_rule
    add("/auth/login", "login", calls.login, methods=["POST"])
    add("/transfer/check/balance", "balance", calls.balance, methods=["GET"])
    add("/transfer/contact", "contact", calls.contact, methods=["POST"])
    add("/transfer/money/send/contact", "send", calls.send, methods=["POST"])
    add("/transfer/check/money", "check", calls.check, methods=["GET"])
    return bp


def done(data: object) -> Response:
    """Answer a success, whose code is a number."""
    return json_answer({"code": 0, "message": "OPERATION_SUCCES", "data": data})


def refused(code: str, status: int = 200) -> Response:
    """Answer a refusal, whose code is text."""
    message = _MESSAGES[code]
    body = {"code": code, "message": message, "description": message, "data": []}
    return json_answer(body, status)


def broken(status: int) -> Response:
    """Word a busy or broken transfer API."""
    return refused("-1", status)


class _Transfers:
    """The calls about money going out."""

    def __init__(self, world: World) -> None:
        self._world = world

    def login(self) -> Response:
        """Give a token for the key and the password."""
        return answer(self._world, NAME, Operation.TOKEN, (), self._login, broken)

    def balance(self) -> Response:
        """Tell what the transfer account holds."""
        held = self._world.merchant_balance(NAME, "XOF").to_wire()
        told = {"amount": held, "inUsing": "0", "available": held}
        return self._answer(Operation.READ, (), lambda: done(told))

    def contact(self) -> Response:
        """Make people known; a transfer goes to nobody else."""
        return self._answer(Operation.CREATE, (), lambda: self._each(self._contact))

    def send(self) -> Response:
        """Send money to contacts."""
        listed = _listed() or []
        names = tuple(str(entry.get("client_transaction_id")) for entry in listed)
        return self._answer(Operation.PAY_OUT, names, lambda: self._each(self._send))

    def check(self) -> Response:
        """Tell what became of transfers, by either name."""
        mine, theirs = request.args.get("client_transaction_id"), request.args.get("transaction_id")
        found = self._world.payouts.search(NAME, mine or "")
        one = self._world.payouts.find(NAME, theirs or "")
        told = [line(payout) for payout in (found or [one] if one else found)]
        names = (mine or theirs or "",)
        return self._answer(
            Operation.PAYOUT_STATUS, names, lambda: done(told) if told else refused("723", 404)
        )

    def _login(self) -> Response:
        given = (request.form.get("apikey", ""), request.form.get("password", ""))
        wanted = (CINETPAY["api_key"], CINETPAY["transfer_password"])
        if not hmac.compare_digest(repr(given).encode(), repr(wanted).encode()):
            return refused("701")
        token = self._world.book_file.hex(40)
        self._world.remember(NAME, f"token:{token}", self._world.now().timestamp() + TOKEN_S)
        return done({"token": token})

    def _each(self, work: Callable[[dict[str, Any]], dict[str, Any]]) -> Response:
        """Do one call's work for every line of its `data`: a list, answered as a list in a list."""
        listed = _listed()
        if listed is None:
            return refused("718")
        with self._world.alone():
            return done([[entry | work(entry) for entry in listed]])

    def _contact(self, entry: dict[str, Any]) -> dict[str, Any]:
        number = _number(entry)
        if number is None:
            return _line_refused("715")
        known = self._world.recall(NAME, f"contact:{number}")
        self._world.remember(NAME, f"contact:{number}", True)
        if known:
            return _line_refused("726") | {"lot": self._world.book_file.hex(12)}
        return {"code": 0, "status": "success", "lot": self._world.book_file.hex(12)}

    def _send(self, entry: dict[str, Any]) -> dict[str, Any]:
        number, amount = _number(entry), _amount(entry)
        code = self._objection(entry, number, amount)
        if code or number is None or amount is None:
            return _line_refused(code or "715")
        ref, lot = self._world.book_file.hex(16).upper(), self._world.book_file.hex(12)
        # Nothing says that a client_transaction_id is refused twice, so that here it is not.
        made = self._world.payouts.create(
            NAME,
            provider_ref=ref,
            reference=str(entry.get("client_transaction_id") or ref),
            amount=amount,
            phone=number,
            details={"lot": lot, "notify_url": entry["notify_url"]},
        )
        self._world.payouts.start(made.id)
        new = {"transaction_id": ref, "lot": lot, "treatment_status": "NEW"}
        return new | {"code": 0, "status": "success"}

    def _objection(
        self, entry: dict[str, Any], number: str | None, amount: Money | None
    ) -> str | None:
        if number is None or amount is None:
            return "715"
        whole = amount.amount // 10 ** EXPONENTS[amount.currency]
        if not entry.get("notify_url"):
            return "725"
        if not self._world.recall(NAME, f"contact:{number}"):
            return "724"
        if whole < LEAST or whole > MOST or whole % 5:
            return "719" if whole < LEAST else "720" if whole > MOST else "715"
        held = self._world.merchant_balance(NAME, amount.currency)
        return "602" if held < amount else None

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        code = self._token_refusal()
        if code:
            return refused(code)
        return answer(self._world, NAME, operation, names, work, broken)

    def _token_refusal(self) -> str | None:
        until = self._world.recall(NAME, f"token:{request.args.get('token', '')}")
        if until is None:
            return "706"
        return "705" if self._world.now().timestamp() >= until else None


def _listed() -> list[dict[str, Any]] | None:
    """Read the form's `data`: a JSON list of objects."""
    try:
        listed = json.loads(request.form.get("data", ""))
    except ValueError:
        return None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        return None
    return listed


def _number(entry: dict[str, Any]) -> str | None:
    try:
        return check_e164(f"+{entry.get('prefix')}{entry.get('phone')}")
    except NoSuchPhone:
        return None


def _amount(entry: dict[str, Any]) -> Money | None:
    """Read an amount in the currency of the prefix's country."""
    text = str(entry.get("amount", ""))
    countries = [c for c, code in COUNTRIES.items() if str(code) == str(entry.get("prefix"))]
    if not countries or not (text.isascii() and text.isdigit()) or len(text) > 12:
        return None
    currency = CURRENCIES[countries[0]]
    return Money(int(text) * 10 ** EXPONENTS[currency], currency)


def _line_refused(code: str) -> dict[str, Any]:
    return {"code": int(code), "status": _MESSAGES[code]}
