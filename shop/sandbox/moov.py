"""Moov Money (Benin), simulated: the SOAP Merchant API's push, status, transfer and balance calls.

There is no public documentation; the shapes are those of published clients and their fixtures.
"""

from __future__ import annotations

import base64
import codecs
import hmac
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from flask import Flask, Response, request

from shop import phone as numbers
from shop.money import Money
from shop.sandbox.credentials import MERCHANT, MOOV, MOOV_NUMBER
from shop.sandbox.faults import Operation
from shop.sandbox.handsets import UNREGISTERED
from shop.sandbox.values import Desk, Payout, Prompt, State, Why
from shop.sandbox.wire import answer, behind_line, reading
from shop.sandbox.world import World

NAME: Final = "moov"
PATH: Final = "/com.tlc.merchant.api/UssdPush"
#: A push dies by itself after about five minutes.
VALID_S: Final = 300.0

_SOAP: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"
_API: Final = "{http://api.merchant.tlc.com/}"
_PROLOG: Final = re.compile(r"^\s*<\?xml[^>]*\?>")
_INTEGER: Final = re.compile(r"-?[0-9]{1,12}")

#: The constant every public client carries: the token is an obfuscated password, no more.
_KEY: Final = b"tlc12345tlc12345tlc12345tlc12345"

SUCCESS, PENDING, FAILED = 0, 100, 95
NOT_ALLOWED, BAD_NUMBER, NO_PLUS, NO_FUNDS, INCOMPLETE = 1, 3, 8, 10, 91
PUSH_ENDED, UNKNOWN_TRANSACTION, BAD_TOKEN, NOT_REGISTERED = 92, 94, 98, 555

_REASONS: Final[dict[str, tuple[int, str]]] = {
    Why.INSUFFICIENT_FUNDS: (NO_FUNDS, "INSUFFICIENT FUNDS"),
    Why.NOT_REGISTERED: (NOT_REGISTERED, "Subscriber not registered"),
}
_ENDED: Final = (PUSH_ENDED, "USSD push exception: timed out or cancelled")

Leaves = dict[str, str | int]


class MoovDesk(Desk):
    """Moov's habits: it never announces anything; whoever wants to know asks."""

    name = NAME
    label = "Moov Money"

    def transaction_id(self, digits: str, now: datetime) -> str:
        """Name a transaction: nine, the day, and digits."""
        return f"9{now:%y%m%d}{digits[-8:]}"


def token(username: str, password: str) -> str:
    """Make the token clients put into every request."""
    padder = padding.PKCS7(128).padder()
    plain = padder.update(f"0:{username}:{password}".encode()) + padder.finalize()
    # A constant key and a zero IV are the protocol's own weakness, repeated here to speak it.
    encryptor = Cipher(algorithms.AES(_KEY), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def create_app(world: World) -> Flask:
    """Make Moov's origin: one address for every operation."""
    world.open_desk(MoovDesk())
    app = Flask(__name__)
    service = _Service(world)
    app.add_url_rule(PATH, "ussd_push", service.serve, methods=["POST"])
    return behind_line(app)


class Faulty(Exception):
    """The request cannot be understood: a SOAP fault with HTTP 500."""


class _Service:
    """The operations of the one address."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._operations: dict[str, Callable[[Element], Response]] = {
            "PushWithPending": self._push_with_pending,
            "Push": self._push,
            "getTransactionStatus": self._status,
            "getTransactionStatusImmediate": self._status,
            "transferFlooz": self._transfer,
            "getBalance": self._balance,
            "getMobileAccountStatus": self._account,
        }

    def serve(self) -> Response:
        """Read the envelope and do its operation."""
        try:
            asked = _operation(request.get_data())
            name = asked.tag.removeprefix(_API)
            if not asked.tag.startswith(_API) or name not in self._operations:
                raise Faulty("For input string")
            return self._operations[name](asked)
        except Faulty as fault:
            return _fault(str(fault))

    def _push_with_pending(self, asked: Element) -> Response:
        reference = _leaf(asked, "externaldata1")
        amount, _fee = _integer(asked, "amount"), _integer(asked, "fee", "0")

        def work() -> Response:
            status, words = self._begin(asked, reference, amount)
            return _reply("PushWithPending", "result", {"description": words, "status": status})

        return answer(self._world, NAME, Operation.CREATE, (reference,), work, _broken)

    def _push(self, asked: Element) -> Response:
        """Play the older blocking push, which always ends with 95 in Moov's own sandbox."""
        if not self._knows(asked):
            return _reply("Push", "result", self._stranger("description"))
        return _reply("Push", "result", {"description": "transaction failed", "status": FAILED})

    def _begin(self, asked: Element, reference: str, amount: int) -> tuple[int, str]:
        """Send the push; give Moov's code and words."""
        if not self._knows(asked):
            stranger = self._stranger("description")
            return int(stranger["status"]), str(stranger["description"])
        number = _leaf(asked, "msisdn")
        if not reference or not number or amount <= 0:
            return INCOMPLETE, "Parameters are incomplete"
        if not number.startswith("+"):
            return NO_PLUS, "Invalid request"
        try:
            payer = numbers.parse(number, "BJ").e164
        except numbers.PhoneError:
            return BAD_NUMBER, "Invalid number"
        if payer.endswith(UNREGISTERED) or numbers.guess_operator(payer) != "moov":
            return _REASONS[Why.NOT_REGISTERED]
        self._ask(asked, reference, amount, payer)
        return PENDING, "pending"

    def _ask(self, asked: Element, reference: str, amount: int, payer: str) -> None:
        message = _leaf(asked, "message")
        self._world.ask(
            NAME,
            provider_ref=self._world.book_file.letters(12, "0123456789"),
            reference=reference,
            merchant=MERCHANT,
            amount=Money(amount, "XOF"),
            valid_s=VALID_S,
            phone=payer,
            details={"message": message, "externaldata2": _leaf(asked, "externaldata2")},
        )

    def _status(self, asked: Element) -> Response:
        """Tell of the latest push with this reference; Moov's own id is taken too."""
        name = asked.tag.removeprefix(_API)
        wanted = _leaf(asked, "transid")

        def work() -> Response:
            if not self._knows(asked):
                return _reply(name, "response", self._stranger("description"))
            return _reply(name, "response", self._standing(wanted))

        found = self._world.payouts.search(NAME, wanted)
        about = reading(found[0] if found else None)
        return answer(self._world, NAME, about, (wanted,), work, _broken)

    def _standing(self, wanted: str) -> Leaves:
        sent = self._world.payouts.search(NAME, wanted)
        if sent and self._world.switches.get("moov.transfers") == "told":
            return _sent(sent[0])
        found = self._world.search(NAME, wanted)
        prompt = found[0] if found else self._world.find(NAME, wanted)
        if prompt is None:
            return {"description": "Transaction does not exist", "status": UNKNOWN_TRANSACTION}
        if prompt.state is State.SUCCEEDED:
            return {
                "description": "SUCCESS",
                "referenceid": str(prompt.transaction_id),
                "status": SUCCESS,
                "transid": prompt.reference,
            }
        return self._unpaid(prompt)

    def _unpaid(self, prompt: Prompt) -> Leaves:
        if prompt.state in (State.OPEN, State.PROCESSING):
            waiting = int(self._world.switches.get("moov.waiting"))
            words = "pending" if waiting == PENDING else "transaction pending"
            return {"description": words, "status": waiting}
        code, words = _REASONS.get(str(prompt.reason), _ENDED)
        return {"description": words, "status": code}

    def _transfer(self, asked: Element) -> Response:
        """Send money at once: a 0 has moved it."""
        reference, amount = _leaf(asked, "referenceid"), _integer(asked, "amount")

        def work() -> Response:
            leaves = self._send(asked, reference, amount)
            return _reply("transferFlooz", "return", {"transactionid": reference, **leaves})

        return answer(self._world, NAME, Operation.PAY_OUT, (reference,), work, _broken)

    def _send(self, asked: Element, reference: str, amount: int) -> Leaves:
        if not self._knows(asked):
            return self._stranger("message")
        destination = _leaf(asked, "destination")
        if not reference or not destination or amount <= 0:
            return {"status": INCOMPLETE, "message": "Parameters are incomplete"}
        try:
            payee = numbers.parse(destination, "BJ").e164
        except numbers.PhoneError:
            return {"status": BAD_NUMBER, "message": "Invalid number"}
        if numbers.guess_operator(payee) != "moov":
            return _refused(Why.NOT_REGISTERED)
        with self._world.alone():
            # Nobody knows whether the real one refuses a repeated id: here it is carried out again.
            repeated = self._world.payouts.search(NAME, reference)
            if repeated and self._world.switches.get("moov.repeated") == "refused":
                return {"status": FAILED, "message": "transaction failed"}
            return self._carry_out(reference, Money(amount, "XOF"), payee)

    def _carry_out(self, reference: str, amount: Money, payee: str) -> Leaves:
        before = self._world.merchant_balance(NAME, "XOF")
        made = self._world.payouts.create(
            NAME,
            provider_ref=self._world.book_file.letters(12, "0123456789"),
            reference=reference,
            amount=amount,
            phone=payee,
        )
        ended = self._world.payouts.send_now(made.id)
        if ended.state is not State.SUCCEEDED:
            return _refused(str(ended.reason))
        return {
            "status": SUCCESS,
            "message": "SUCCESS",
            "referenceid": str(ended.transaction_id),
            "senderkeycost": "",
            "senderbonus": "",
            "senderbalancebefore": before.to_wire(),
            "senderbalanceafter": (before - amount).to_wire(),
        }

    def _balance(self, asked: Element) -> Response:
        if not self._knows(asked):
            return _reply("getBalance", "return", self._stranger("message"))
        held = self._world.merchant_balance(NAME, "XOF").to_wire()
        told: Leaves = {"balance": held, "message": "SUCCESS", "status": SUCCESS}
        if _leaf(asked, "msisdn") != MOOV_NUMBER:
            told = {"message": "Not allowed", "status": NOT_ALLOWED}

        def work() -> Response:
            return _reply("getBalance", "return", told)

        return answer(self._world, NAME, Operation.READ, (), work, _broken)

    def _account(self, asked: Element) -> Response:
        if not self._knows(asked):
            return _reply("getMobileAccountStatus", "return", self._stranger("message"))
        number = _leaf(asked, "msisdn")
        told: Leaves = {
            "accounttype": "MCOM", "allowedtransfer": "1", "firstname": "Awa", "lastname": "Cauri",
            "message": "SUCCESS", "msisdn": number, "status": SUCCESS, "subscriberstatus": "ACTIVE",
        }  # fmt: skip
        if number.endswith(UNREGISTERED):
            told = {"message": "Subscriber not registered", "status": NOT_REGISTERED}
        return _reply("getMobileAccountStatus", "return", told)

    def _knows(self, asked: Element) -> bool:
        given = _leaf(asked, "token")
        return hmac.compare_digest(given.encode(), token(**MOOV).encode())

    def _stranger(self, words: str) -> Leaves:
        code = int(self._world.switches.get("moov.bad_token"))
        return {words: "username or password error", "status": code}


def _refused(why: str) -> Leaves:
    code, words = _REASONS.get(why, (FAILED, "transaction failed"))
    return {"status": code, "message": words}


def _sent(payout: Payout) -> Leaves:
    """Tell of a transfer as of a push, where the switch lets it be looked up at all."""
    if payout.state is not State.SUCCEEDED:
        return _refused(str(payout.reason))
    return {
        "description": "SUCCESS",
        "referenceid": str(payout.transaction_id),
        "status": SUCCESS,
        "transid": payout.reference,
    }


def _operation(raw: bytes) -> Element:
    """Find the operation inside the envelope. Raises `Faulty`."""
    try:
        root = fromstring(_PROLOG.sub("", _decoded(raw)))
    except (ParseError, DefusedXmlException, UnicodeDecodeError) as error:
        raise Faulty("Error reading XMLStreamReader") from error
    body = root.find(f"{_SOAP}Body") if root is not None else None
    if body is None or not len(body):
        raise Faulty("Error reading XMLStreamReader")
    child: Element = body[0]
    return child


def _decoded(raw: bytes) -> str:
    """Read UTF-16 with its mark, else UTF-8, whatever the prolog says: so does the real server."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    return raw.decode("utf-8-sig")


def _leaf(asked: Element, name: str, default: str = "") -> str:
    """Read a field, directly in the operation or in its `<request>`."""
    found = asked.find(name)
    if found is None:
        found = asked.find(f"request/{name}")
    return (found.text or "").strip() if found is not None else default


def _integer(asked: Element, name: str, default: str = "") -> int:
    text = _leaf(asked, name, default)
    if not _INTEGER.fullmatch(text):
        raise Faulty("For input string")
    return int(text)


def _reply(operation: str, wrapper: str, leaves: Leaves) -> Response:
    """Wrap leaves; `soap:` and `ns2:` are literal, since published clients select by prefix."""
    inside = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in leaves.items())
    return _envelope(
        f'<ns2:{operation}Response xmlns:ns2="http://api.merchant.tlc.com/"><{wrapper}>{inside}'
        f"</{wrapper}></ns2:{operation}Response>",
        200,
    )


def _fault(words: str) -> Response:
    return _envelope(
        f"<soap:Fault><faultcode>soap:Server</faultcode><faultstring>{escape(words)}</faultstring>"
        '<detail><ns1:Exception xmlns:ns1="http://api.merchant.tlc.com/"/></detail></soap:Fault>',
        500,
    )


def _envelope(inside: str, status: int) -> Response:
    text = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f"{inside}</soap:Body></soap:Envelope>"
    )
    return Response(text, status, content_type="text/xml;charset=UTF-8")


def _broken(status: int) -> Response:
    return Response("<html><body><h1>Server error</h1></body></html>", status, mimetype="text/html")
