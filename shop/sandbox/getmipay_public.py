"""GetMiPay's published dialect, simulated: tokens or signed keys, numbered services, both ids.

Docs: https://docs.getmipay.com; its pages and its two SDKs disagree, so all of their paths answer.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final

from flask import Flask, Response, request

from shop.money import Money
from shop.sandbox.credentials import GETMIPAY, MERCHANT
from shop.sandbox.faults import Operation
from shop.sandbox.values import Payout, Prompt, State, Why
from shop.sandbox.wire import answer, body_object, json_answer, reading
from shop.sandbox.world import World

NAME: Final = "getmipay"
TOKEN_S: Final = 86_400
VALID_S: Final = 300.0
TOLERANCE_S: Final = 300

#: What each source puts before a path.
PREFIXES: Final = ("/api/v1", "/api", "/v1", "")

#: Number -> name, country, currency, and whether a one-time code is needed.
SERVICES: Final = {
    "1": ("MTN Cameroon", "CM", "XAF", False),
    "2": ("Orange Cameroon", "CM", "XAF", False),
    "3": ("Orange Côte d'Ivoire", "CI", "XOF", True),
    "4": ("Orange Senegal", "SN", "XOF", True),
    "5": ("Orange Burkina", "BF", "XOF", True),
}

_WORDS: Final = {
    State.OPEN: "pending", State.PROCESSING: "processing", State.SUCCEEDED: "success",
    State.FAILED: "failed", State.EXPIRED: "failed",
}  # fmt: skip


def sdk_signature(key: str, method: str, path: str, moment: str, body: bytes) -> str:
    """Sign a request as the Python SDK does: the key names the merchant, and signs too."""
    message = f"{method}\n{path}\n{moment}\n".encode() + body
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def event(asked: Prompt | Payout, status: str) -> dict[str, Any]:
    """Write the body of a webhook, in the form merchants met."""
    return {
        "order_id": asked.provider_ref,
        "soleaspay_reference": asked.details["pay_id"],
        "status": status,
        "soleaspay_status": status.upper(),
        "amount": _amount(asked),
    }


def add_calls(app: Flask, world: World) -> None:
    """Let an app answer the published paths, under every prefix."""
    calls = _Calls(world)
    rules: list[tuple[str, str, Callable[..., Response]]] = [
        ("POST", "/action/auth", calls.token),
        ("POST", "/payments/payin", calls.collect),
        ("POST", "/payins", calls.collect),
        ("POST", "/payouts", calls.pay_out),
        ("POST", "/payments/direct-status", calls.direct_status),
        ("GET", "/payments/<ref>/status", calls.status),
        ("GET", "/balance", calls.balance),
        ("GET", "/services", calls.services),
    ]
    for prefix in PREFIXES:
        for method, path, view in rules:
            app.add_url_rule(prefix + path, f"public {prefix}{path}", view, methods=[method])


def error(status: int, code: str, message: str) -> Response:
    """Word a refusal."""
    return json_answer({"success": False, "message": message, "error_code": code}, status)


class _Calls:
    """The published calls of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def token(self) -> Response:
        """Give a token of a day for both keys."""
        return answer(self._world, NAME, Operation.TOKEN, (), self._token, _broken)

    def collect(self) -> Response:
        """Ask a payer for money; some services want the code he made beforehand."""
        body = body_object() or {}
        refused = self._unauthorised() or _refused(body, "2")
        if refused:
            return refused
        return self._answer(Operation.CREATE, "", lambda: self._collect(body))

    def pay_out(self) -> Response:
        """Send money to a phone."""
        body = body_object() or {}
        refused = self._unauthorised() or _refused(body, "4")
        if refused:
            return refused
        return self._answer(Operation.PAY_OUT, "", lambda: self._pay_out(body))

    def direct_status(self) -> Response:
        """Tell where a payment or a payout stands, by both of its ids."""
        body = body_object() or {}
        found = self._find(str(body.get("order_id", "")))
        known = found and str(body.get("pay_id", "")) == found.details["pay_id"]
        return self._told(found if known else None)

    def status(self, ref: str) -> Response:
        """Tell where a payment or a payout stands."""
        return self._told(self._find(ref))

    def balance(self) -> Response:
        """Tell what GetMiPay holds for the merchant, in francs of the west."""
        held = self._world.merchant_balance(NAME, "XOF")
        told = {"balance": int(held.to_wire()), "currency": "XOF", "merchant_name": MERCHANT}
        return self._unauthorised() or self._answer(
            Operation.READ, "", lambda: json_answer({"success": True, "data": told})
        )

    def services(self) -> Response:
        """List the services."""
        told = [
            {"id": int(number), "name": name, "country_code": country, "currency": currency,
             "is_active": True, "withdrawable": True, "depositable": True}
            for number, (name, country, currency, _otp) in SERVICES.items()
        ]  # fmt: skip
        return self._unauthorised() or json_answer(
            {"success": True, "data": {"all_services": told}}
        )

    def _token(self) -> Response:
        body = body_object() or {}
        pairs = (("public_apikey", "api_key"), ("private_secretkey", "secret_key"))
        good = [_same(str(body.get(sent, "")), GETMIPAY[kept]) for sent, kept in pairs]
        if not all(good):
            return error(401, "UNAUTHORIZED", "Invalid API keys")
        token, until = self._world.book_file.hex(64), self._world.now().timestamp() + TOKEN_S
        self._world.remember(NAME, f"token:{token}", until)
        data = {"token": token, "token_type": "bearer", "expires_at": int(until)}
        return json_answer({"success": True, "message": "Authenticated", "data": data})

    def _collect(self, body: dict[str, Any]) -> Response:
        service = request.headers["service"]
        prompt = self._world.ask(
            NAME,
            provider_ref="MPAYIN_" + self._world.book_file.hex(16).upper(),
            reference=str(body["description"]).rpartition(" ")[2] or "none",
            merchant=MERCHANT,
            amount=Money.from_wire(body["amount"], body["currency"]),
            valid_s=VALID_S,
            phone="+" + body["wallet"].lstrip("+"),
            details=self._details(body),
        )
        if SERVICES[service][3]:
            self._spend_code(prompt, request.headers["otp"])
        return self._accepted(prompt, service)

    def _pay_out(self, body: dict[str, Any]) -> Response:
        payout = self._world.payouts.create(
            NAME,
            provider_ref="MPAYOUT_" + self._world.book_file.hex(16).upper(),
            reference=str(body["description"]).rpartition(" ")[2] or "none",
            amount=Money.from_wire(body["amount"], body["currency"]),
            phone="+" + body["wallet"].lstrip("+"),
            details=self._details(body),
        )
        self._world.payouts.start(payout.id)
        return self._accepted(payout, request.headers["service"])

    def _details(self, body: dict[str, Any]) -> dict[str, Any]:
        pay_id = "MLS" + self._world.book_file.letters(12, "0123456789")
        callback = body.get("callback_url") or f"{self._world.shop_url}/webhook/{NAME}/"
        return {"dialect": "public", "pay_id": pay_id, "callback_url": callback}

    def _spend_code(self, prompt: Prompt, code: str) -> None:
        if self._world.handsets.use_code(prompt.phone or "", code):
            self._world.accept(prompt.id)
        else:
            self._world.refuse(prompt.id, Why.BAD_CODE)

    def _accepted(self, asked: Prompt | Payout, service: str) -> Response:
        if self._world.switches.get("getmipay.reply") == "flat":
            flat = {"reference": asked.provider_ref, "status": "pending"}
            created = asked.created_at.isoformat()
            return json_answer(flat | _money(asked) | {"created_at": created})
        fee = -(-asked.amount.amount * 3 // 100)  # 3 %, as one client counts
        data = {
            "transaction_reference": asked.provider_ref,
            "soleaspay_reference": asked.details["pay_id"],
            **_money(asked),
            "fee_amount": fee,
            "net_amount": asked.amount.amount - fee,
            "status": "pending",
            "service_used": int(service),
            "service_name": SERVICES[service][0],
            "otp_required": SERVICES[service][3],
            "payment_url": None,
        }
        return json_answer({"success": True, "message": "Transaction initiated", "data": data})

    def _find(self, ref: str) -> Prompt | Payout | None:
        found = self._world.find(NAME, ref) or self._world.payouts.find(NAME, ref)
        return found if found and found.details["dialect"] == "public" else None

    def _told(self, found: Prompt | Payout | None) -> Response:
        name = found.reference if found else ""
        return self._unauthorised() or self._answer(reading(found), name, lambda: _status(found))

    def _unauthorised(self) -> Response | None:
        """Take any of the three ways GetMiPay has asked for keys over the years."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            until = self._world.recall(NAME, f"token:{token}")
            good = until is not None and self._world.now().timestamp() < until
        else:
            good = _same(request.headers.get("X-API-KEY", ""), GETMIPAY["api_key"])
            good = good and self._well_signed()
        return None if good else error(401, "UNAUTHORIZED", "Invalid credentials")

    def _well_signed(self) -> bool:
        """Check the SDK's signature where there is one; older clients send the key alone."""
        given, moment = request.headers.get("x-signature"), request.headers.get("x-timestamp", "")
        if given is None:
            return True
        if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):
            return False
        if abs(self._world.now().timestamp() - int(moment)) > TOLERANCE_S:
            return False
        prefix = next(p for p in PREFIXES if request.path.startswith(f"{p}/"))
        path = request.path.removeprefix(prefix)
        expected = sdk_signature(
            GETMIPAY["api_key"], request.method, path, moment, request.get_data()
        )
        return _same(given, expected)

    def _answer(
        self, operation: Operation, reference: str, work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, (reference,), work, _broken)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _money(asked: Prompt | Payout) -> dict[str, Any]:
    return {"amount": _amount(asked), "currency": _moved(asked).currency}


def _moved(asked: Prompt | Payout) -> Money:
    return (asked.moved if isinstance(asked, Prompt) else None) or asked.amount


def _amount(asked: Prompt | Payout) -> int:
    return int(_moved(asked).to_wire())


def _status(found: Prompt | Payout | None) -> Response:
    if found is None:
        return error(404, "NOT_FOUND", "Transaction not found")
    data = {
        "order_id": found.provider_ref,
        "pay_id": found.details["pay_id"],
        "status": _WORDS[found.state],
        **_money(found),
        "created_at": found.created_at.isoformat(),
    }
    return json_answer({"success": True, "data": data})


def _refused(body: dict[str, Any], operation: str) -> Response | None:
    service = SERVICES.get(request.headers.get("service", ""))
    if request.headers.get("operation") != operation or service is None:
        return error(422, "INVALID_SERVICE", "Unknown operation or service")
    if type(body.get("amount")) is not int or body["amount"] < 100:
        return error(422, "INVALID_AMOUNT", "amount must be at least 100")
    if body.get("currency") != service[2]:
        return error(422, "INVALID_CURRENCY", "currency does not match the service")
    wallet = body.get("wallet")
    if not isinstance(wallet, str) or not 7 <= len(wallet.lstrip("+")) <= 15:
        return error(422, "INVALID_WALLET", "wallet must be a phone number")
    if not wallet.lstrip("+").isdecimal() or len(str(body.get("description", ""))) > 255:
        return error(422, "INVALID_WALLET", "wallet must be a phone number")
    wants_code = operation == "2" and service[3]
    code = request.headers.get("otp", "")
    if wants_code and not 0 < len(code) <= 8:
        return error(422, "OTP_REQUIRED", "otp is required for this service")
    body.setdefault("description", "")
    return None


def _broken(status: int) -> Response:
    words = "Too many requests" if status == 429 else "Internal server error"
    return error(status, "ERROR", words)
