"""FeexPay V2, simulated: collections by network, payouts, history, and webhooks nobody signs.

As public integrations of 2026 speak it: https://docs.feexpay.me could not be read. Words marked
"ours" below are guesses where nothing is known.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from flask import Flask, Response, request

from shop.money import Money
from shop.phone import COUNTRIES, CURRENCIES
from shop.sandbox import aggregator_page
from shop.sandbox.credentials import FEEXPAY, FEEXPAY_SIGNED, MERCHANT
from shop.sandbox.faults import Operation
from shop.sandbox.pages import furnish
from shop.sandbox.values import Announcement, Desk, Payout, Prompt, State, Why
from shop.sandbox.wire import answer, behind_line, body_object, json_answer, reading
from shop.sandbox.world import World

NAME: Final = "feexpay"
#: Nobody knows how long a request waits; operators give five minutes.
VALID_S: Final = 300.0

#: Last segment of the path -> the country its wallets are in.
NETWORKS: Final = {
    "mtn": "BJ", "moov": "BJ", "celtiis_bj": "BJ", "coris": "BJ",
    "togocom_tg": "TG", "moov_tg": "TG",
    "mtn_ci": "CI", "moov_ci": "CI", "orange_ci": "CI", "wave_ci": "CI",
    "orange_sn": "SN", "free_sn": "SN", "wave_sn": "SN",
    "orange_bf": "BF", "moov_bf": "BF", "wave_bf": "BF",
    "orange_ml": "ML", "mobicash_ml": "ML", "moov_ml": "ML",
    "mtn_cg": "CG",
}  # fmt: skip
PAGES: Final = frozenset({"orange_ci", "wave_ci", "orange_sn", "wave_sn", "orange_ml"})
OTP: Final = frozenset({"orange_bf"})

#: Path of a payout -> its country, and the values its `network` field takes.
PAYOUTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "transfer/global": ("BJ", ("MTN", "MOOV", "CELTIIS")), "celtiis_bj": ("BJ", ("CELTIIS BJ",)),
    "togo": ("TG", ("TOGOCOM TG", "MOOV TG")),
    "mtn_ci": ("CI", ()), "moov_ci": ("CI", ()), "orange_ci": ("CI", ()), "wave_ci": ("CI", ()),
    "orange_sn": ("SN", ()), "free_sn": ("SN", ()), "wave_sn": ("SN", ()), "mtn_cg": ("CG", ()),
    "moov_bf": ("BF", ()), "orange_ml": ("ML", ()), "mobicash_ml": ("ML", ()),
}  # fmt: skip

#: Why -> `reason`. The first two are FeexPay's, the others operators' own words: ours.
REASONS: Final[dict[str, str]] = {
    Why.INSUFFICIENT_FUNDS: "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED",
    Why.NOT_REGISTERED: "PAYER_NOT_FOUND", Why.DECLINED: "APPROVAL_REJECTED",
    Why.TIMEOUT: "EXPIRED", Why.BAD_CODE: "Invalid OTP",
}  # fmt: skip

_ENDED: Final = {
    State.SUCCEEDED: "SUCCESSFUL", State.FAILED: "FAILED", State.EXPIRED: "FAILED",
}  # fmt: skip
_PLAIN: Final = re.compile(r"[A-Za-z0-9 ]*")
_BENIN: Final = re.compile(r"22901[0-9]{8}")


def signature(secret: str, body: bytes) -> str:
    """Sign a webhook as the older guide does, over the exact bytes sent."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class FeexPayDesk(Desk):
    """FeexPay's habits: a pause before the outcome, and an address set in its dashboard."""

    name = NAME
    label = "FeexPay"
    settle_s = (0.5, 2.0)
    # The guide's schedule; the real one is not published.
    retries_s = (60, 120, 240, 480)
    expires_alone = False

    def __init__(self, world: World) -> None:
        self._world = world

    def name_money(self, request: Prompt | Payout, digits: str, now: datetime) -> str:
        """Name the money by the provider's own reference: it tells no other."""
        return request.provider_ref

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Tell of a success or a failure."""
        return self._letter(self.told(prompt), "Paiement", event_id)

    def announce_payout(self, payout: Payout, *, event_id: str) -> Announcement | None:
        """Tell how a payout ended, which some merchants say happens."""
        return self._letter(self.told(payout), "Payout", event_id)

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Claim success; nothing in a true message could tell the difference."""
        claim = self.told(prompt) | {"status": "SUCCESSFUL", "amount": prompt.amount.amount}
        return self._letter(claim, "Paiement", event_id)

    def headers(self, body: bytes, now: datetime, *, forged: bool) -> dict[str, str]:
        """Sign only where the switch asks for the guide's dialect; a forger guesses the secret."""
        dressed = {"Content-Type": "application/json"}
        if self._world.switches.get("feexpay.webhook") == "guide":
            secret = "guessed" if forged else FEEXPAY_SIGNED["webhook_secret"]
            dressed["X-Webhook-Signature"] = signature(secret, body)
        return dressed

    def told(self, asked: Prompt | Payout) -> dict[str, Any]:
        """Write a collection or a payout as its status does."""
        moved = asked.moved if isinstance(asked, Prompt) and asked.moved else asked.amount
        pending = self._world.switches.get("feexpay.pending")
        word = _ENDED.get(asked.state, pending)
        why = REASONS.get(asked.reason or "", asked.reason or "") if word == "FAILED" else ""
        when = asked.completed_at or asked.created_at
        return {
            "reference": asked.provider_ref, "amount": self._amount(moved, word),
            "phoneNumber": (asked.phone or "").removeprefix("+"), "status": word,
            "callback_info": asked.details["callback_info"], "responsecode": word,
            "responsemsg": why or word, "transref": asked.provider_ref,
            "serviceref": asked.provider_ref, "comment": "", "reason": why,
            "description": asked.details["description"], "date": stamp(when),
            "operator_id": asked.transaction_id or "",
        }  # fmt: skip

    def _amount(self, money: Money, word: str) -> int | str | None:
        chosen = self._world.switches.get("feexpay.amount")
        if chosen == "missing" and word == "SUCCESSFUL":
            return None
        return money.to_wire() if chosen == "text" else int(money.to_wire())

    def _letter(self, told: dict[str, Any], kind: str, event_id: str) -> Announcement:
        guide = self._world.switches.get("feexpay.webhook") == "guide"
        body = _guide_event(told, event_id, kind) if guide else _event(told, kind)
        # Python's default spacing: a receiver that re-serialises what it parsed agrees with us.
        url = f"{self._world.shop_url}/webhook/{NAME}/"
        return Announcement(url, json.dumps(body).encode())


def stamp(moment: datetime) -> str:
    """Write a time as FeexPay does, to the millisecond."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _event(told: dict[str, Any], kind: str) -> dict[str, Any]:
    same = ("status", "amount", "callback_info", "phoneNumber", "date", "description", "reason")
    return (
        {"reference": told["reference"], "order_id": told["reference"]}
        | {name: told[name] for name in same}
        | {"type": kind, "ref_link": "", "ref_operator": told["operator_id"]}
        | {"first_name": "", "last_name": "", "email": ""}
    )


def _guide_event(told: dict[str, Any], event_id: str, kind: str) -> dict[str, Any]:
    won = told["status"] == "SUCCESSFUL"
    noun = "payout" if kind == "Payout" else "payment"
    return {
        "webhook_id": f"wh_{event_id}",
        "event": f"{noun}.{'success' if won else 'failed'}",
        "transaction_id": told["reference"],
        "status": "successful" if won else "failed",
        "timestamp": told["date"],
        "amount": str(told["amount"]),
        "currency": "XOF",
        "metadata": {"internal_tx_id": told["callback_info"]},
        "error_code": told["reason"] or None,
        "error_message": None,
    }


def create_app(world: World) -> Flask:
    """Make FeexPay's origin: the API, and the page of the networks that have one."""
    desk = FeexPayDesk(world)
    world.open_desk(desk)
    app = Flask(__name__)
    calls = _Calls(world, desk)
    public, add = "/api/transactions/public", app.add_url_rule
    add(f"{public}/requesttopay/<network>", "collect", calls.collect, methods=["POST"])
    add(f"{public}/single/status/<ref>", "status", calls.status, methods=["GET"])
    add("/api/payouts/public/<path:path>", "pay_out", calls.pay_out, methods=["POST"])
    add("/api/payouts/status/public/<ref>", "paid_out", calls.payout_status, methods=["GET"])
    add("/api/transactions/history", "history", calls.history, methods=["POST"])
    app.register_error_handler(404, lambda _e: error(404, "", "Resource not found"))
    app.register_blueprint(aggregator_page.create_blueprint(world, desk))
    furnish(app)
    return behind_line(app)


def error(status: int, code: str, message: str) -> Response:
    """Word a refusal; most have no code."""
    return json_answer({"code": code, "message": message} if code else {"message": message}, status)


class _Calls:
    """The calls of one world."""

    def __init__(self, world: World, desk: FeexPayDesk) -> None:
        self._world = world
        self._desk = desk

    def collect(self, network: str) -> Response:
        """Take a request for money in; the operator asks the phone, or a page does."""
        body = body_object() or {}
        refused = _unauthorised() or _refused(body, NETWORKS.get(network), network, 100)
        if refused:
            return refused
        names = (str(body.get("callback_info") or ""),)
        return self._answer(Operation.CREATE, names, lambda: self._collect(network, body))

    def status(self, ref: str) -> Response:
        """Tell where a collection stands."""
        return self._told(ref, self._world.find(NAME, ref))

    def pay_out(self, path: str) -> Response:
        """Send money to a phone, from what FeexPay holds for the shop."""
        body = body_object() or {}
        country, networks = PAYOUTS.get(path, (None, ()))
        minimum = 50 if path == "transfer/global" else 100
        refused = (
            _unauthorised() or self._ip_refused() or _refused(body, country, path, minimum, "motif")
        )
        if refused:
            return refused
        if networks and body.get("network") not in networks:
            return error(404, "", f"{body.get('network')} channel not configured")
        names = (str(body.get("callback_info") or ""),)
        return self._answer(Operation.PAY_OUT, names, lambda: self._pay_out(country or "", body))

    def payout_status(self, ref: str) -> Response:
        """Tell where a payout stands."""
        return self._told(ref, self._world.payouts.find(NAME, ref))

    def history(self) -> Response:
        """List collections and payouts between two days."""
        body = body_object() or {}
        refused = _unauthorised() or (None if _ours(body) else error(404, "", "Shop not found"))
        return refused or self._answer(Operation.READ, (), lambda: self._history(body))

    def _collect(self, network: str, body: dict[str, Any]) -> Response:
        country, ref = NETWORKS[network], self._reference(network)
        url = f"{request.host_url}pay/{ref}" if network in PAGES else None
        prompt = self._world.ask(
            NAME,
            provider_ref=ref,
            reference=body.get("callback_info") or ref,
            merchant=MERCHANT,
            amount=Money.from_wire(body["amount"], CURRENCIES[country]),
            valid_s=VALID_S,
            phone="+" + body["phoneNumber"],
            details=_kept(body, "description")
            | {"country": country, "url": url, "return_url": body.get("return_url", "")},
        )
        if network in OTP:
            self._spend_code(prompt, str(body.get("otp", "")))
        if network == "moov" and self._world.switches.get("feexpay.moov") == "at_once":
            self._world.accept(prompt.id)
        return json_answer(self._first(network, self._world.prompt(prompt.id)))

    def _first(self, network: str, prompt: Prompt) -> dict[str, Any]:
        """Write the first answer."""
        told = self._desk.told(prompt)
        same = ("amount", "description", "callback_info", "phoneNumber")
        body = {"reference": told["reference"], "message": "Accepted", "status": "PENDING"}
        body |= {name: told[name] for name in same}
        if prompt.details["url"]:
            body |= {"payment_url": prompt.details["url"], "order_id": told["reference"]}
        if network == "celtiis_bj":
            body["normal_response"] = "<soapenv:Envelope><soapenv:Body/></soapenv:Envelope>"
        if network == "moov" and prompt.state is State.FAILED:
            words = {"description": ["Balance is insufficient"], "status": ["10"]}
            body |= {"status": "FAILED", "response_operator": words, "statusCode": "10"}
        return body

    def _spend_code(self, prompt: Prompt, code: str) -> None:
        """Let a good code stand for the payer's yes; a wrong one fails the request."""
        if self._world.handsets.use_code(prompt.phone or "", code):
            self._world.accept(prompt.id)
        else:
            self._world.refuse(prompt.id, Why.BAD_CODE)

    def _pay_out(self, country: str, body: dict[str, Any]) -> Response:
        ref = self._reference("")
        payout = self._world.payouts.create(
            NAME,
            provider_ref=ref,
            reference=body.get("callback_info") or ref,
            amount=Money.from_wire(body["amount"], CURRENCIES[country]),
            phone="+" + body["phoneNumber"],
            details=_kept(body, "motif"),
        )
        self._world.payouts.start(payout.id)
        told = {
            "reference": ref, "status": "PENDING", "amount": body["amount"],
            "phone_number": body["phoneNumber"], "message": "Payout request accepted",
            "callback_info": body.get("callback_info"),
        }  # fmt: skip
        return json_answer(told)

    def _told(self, ref: str, found: Prompt | Payout | None) -> Response:
        names = (found.reference, ref) if found else (ref,)
        return _unauthorised() or self._answer(reading(found), names, lambda: self._read(found))

    def _read(self, found: Prompt | Payout | None) -> Response:
        if found is None:
            return error(404, "", "Resource not found")
        told = self._desk.told(found)
        wrapped = self._world.switches.get("feexpay.status") == "in_data"
        return json_answer({"data": told} if wrapped else told)

    def _history(self, body: dict[str, Any]) -> Response:
        start, end = str(body.get("start_date", "")), str(body.get("end_date", "9"))
        entries: list[Prompt | Payout] = [*self._collections(), *self._payouts()]
        told = [self._desk.told(entry) for entry in entries]
        return json_answer({"data": [row for row in told if start <= row["date"][:10] <= end]})

    def _collections(self) -> list[Prompt]:
        rows = self._world.book_file.rows("SELECT id FROM prompts WHERE provider = ?", NAME)
        return [self._world.prompt(row["id"]) for row in rows]

    def _payouts(self) -> list[Payout]:
        rows = self._world.book_file.rows("SELECT id FROM payouts WHERE provider = ?", NAME)
        return [self._world.payouts.get(row["id"]) for row in rows]

    def _reference(self, network: str) -> str:
        if network == "celtiis_bj":
            return f"AG_{self._world.now():%Y%m%d}_{self._world.book_file.hex(20)}"
        d = self._world.book_file.hex(32)
        return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-a{d[17:20]}-{d[20:]}"

    def _ip_refused(self) -> Response | None:
        if self._world.switches.get("feexpay.payouts") == "allowed":
            return None
        return error(403, "IP_NOT_ALLOWED", "IP address not allowed")

    def _answer(
        self, operation: Operation, names: tuple[str, ...], work: Callable[[], Response]
    ) -> Response:
        return answer(self._world, NAME, operation, names, work, _broken)


def _kept(body: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "callback_info": body.get("callback_info"),
        "description": body.get(description, ""),
    }


def _unauthorised() -> Response | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer" and hmac.compare_digest(key.encode(), FEEXPAY["api_key"].encode()):
        return None
    return error(401, "UNAUTHORIZED", "Unauthorized")


def _ours(body: dict[str, Any]) -> bool:
    return body.get("shop") == FEEXPAY["shop_id"]


def _refused(
    body: dict[str, Any], country: str | None, channel: str, minimum: int, words: str = ""
) -> Response | None:
    """Check what collections and payouts have in common; the order is ours."""
    if country is None:
        return error(404, "", f"{channel} channel not configured")
    if not _ours(body):
        return error(404, "", "Shop not found")
    amount, number = body.get("amount"), body.get("phoneNumber")
    if type(amount) is not int or not minimum <= amount <= 2_000_000:
        return error(400, "ERR_INVALID_AMOUNT", "Invalid amount")
    if not isinstance(number, str) or not _of(country, number):
        return error(400, "ERR_INVALID_PHONE", "Invalid phone number")
    if not isinstance(body.get("callback_info", ""), str):
        return error(400, "", "callback_info must be a string")
    text = body.get(words or "description", "")
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        return error(400, "", "special characters are not allowed")
    return error(400, "", "motif: 5 to 30") if words and not 5 <= len(text) <= 30 else None


def _of(country: str, number: str) -> bool:
    if country == "BJ":  # the old eight digits are refused
        return _BENIN.fullmatch(number) is not None
    return number.isascii() and number.isdigit() and number.startswith(str(COUNTRIES[country]))


def _broken(status: int) -> Response:
    return error(status, "", "Too many requests" if status == 429 else "Internal server error")
