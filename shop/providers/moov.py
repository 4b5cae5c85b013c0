"""Moov Money Benin: SOAP, a USSD push approved by PIN, and polling (protocol A; no webhook)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cached_property
from html import escape
from typing import ClassVar

import requests
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from shop import clock
from shop.errors import ConfigurationError
from shop.providers.base import (
    Answer,
    Authenticity,
    Capabilities,
    Collection,
    Notice,
    Outcome,
    Provider,
    ProviderRejected,
    Status,
    Timing,
)
from shop.providers.reasons import Reason
from shop.providers.words import Data, ascii_words, evidence, text

#: `status` words that mean something about a push we made. 95: see `_reading`.
STATUSES = {
    "0": Status.SUCCEEDED,
    "100": Status.PENDING,
    "3": Status.FAILED,
    "7": Status.FAILED,
    "9": Status.FAILED,
    "10": Status.FAILED,
    "92": Status.FAILED,
    "94": Status.ABSENT,
    "95": Status.FAILED,
    "555": Status.FAILED,
}

#: Why, for each code that refuses or fails.
REASONS = {
    "1": Reason.MISCONFIGURED,
    "2": Reason.MISCONFIGURED,
    "3": Reason.NOT_REGISTERED,
    "4": Reason.MISCONFIGURED,
    "6": Reason.BLOCKED,
    "7": Reason.BLOCKED,
    # "Balance insufficient" in one table, "bad credentials" in life: never told as "no money".
    "8": Reason.MISCONFIGURED,
    "9": Reason.BLOCKED,
    "10": Reason.INSUFFICIENT_FUNDS,
    "11": Reason.LIMIT,
    "12": Reason.LIMIT,
    "13": Reason.LIMIT,
    "14": Reason.LIMIT,
    "15": Reason.LIMIT,
    "16": Reason.LIMIT,
    "17": Reason.LIMIT,
    "18": Reason.LIMIT,
    "19": Reason.LIMIT,
    "20": Reason.LIMIT,
    "91": Reason.MISCONFIGURED,
    # "Timed out or cancelled by the customer": Moov does not say which.
    "92": Reason.TIMEOUT,
    "95": Reason.REFUSED,
    "98": Reason.MISCONFIGURED,
    "555": Reason.NOT_REGISTERED,
}

_PATH = "/com.tlc.merchant.api/UssdPush"
_NAMESPACE = "http://api.merchant.tlc.com/"

#: A constant printed in the public SDKs: the token is an obfuscated password, TLS its protection.
_TOKEN_KEY = b"tlc12345" * 4

#: The push may block until the payer has typed the PIN; a status call has no reason to.
_STATUS_TOTAL_S = 15.0

_PROLOG = re.compile(r"\A\s*<\?xml[^>]*\?>")


class Moov(Provider):
    """Moov Africa Benin, "Merchant API". No public documentation exists."""

    name = "moov"
    label = "Moov Money"
    docs_url = "https://www.moov-africa.bj/"
    countries = ("BJ",)
    can = Capabilities(
        webhook=None, deduplicates=False, lookup_by_reference=True, reports_amount=False
    )
    timing = Timing(read_s=90.0, total_s=90.0, lease_s=120.0, concurrency=16)
    sandbox_port = 4
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "username": "demo-merchant",
        "password": "demo-secret",
    }

    def __init__(
        self,
        *,
        base_url: str,
        username: str = "",
        password: str = "",
        token: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        if not token and not (username and password):
            # Some merchants are handed a finished token instead of a name and a password.
            raise ConfigurationError("set MOOV_USERNAME and MOOV_PASSWORD, or MOOV_TOKEN")
        self._finished_token = token
        self._credentials = (username, password)

    @cached_property
    def _token(self) -> str:
        return self._finished_token or make_token(*self._credentials)

    def collect(self, collection: Collection) -> Outcome:
        """Push a PIN prompt to the phone; the call may last until the payer has answered."""
        fields = {
            "token": self._token,
            "msisdn": collection.payer,
            "message": ascii_words(collection.description, 60),
            "amount": str(self.whole_units(collection.amount)),
            "externaldata1": collection.reference,
            "externaldata2": "",
            "fee": "0",
        }
        answer = self._ask("collect", "PushWithPending", _leaves(fields), collection)
        code = text(answer.data, "status") or ""
        status = _reading(code, answer.data)
        if status in (Status.PENDING, Status.SUCCEEDED):
            return self._outcome(status, answer.data, collection)
        if code in REASONS:
            description = text(answer.data, "description")
            raise ProviderRejected(REASONS[code], code, description)
        # 94 just after a push is a race; 99 and -1 are Moov's own trouble.
        raise self.unavailable(f"push answered {evidence(code)}")

    def collection_status(self, collection: Collection) -> Outcome:
        """Ask by our own reference, which Moov keeps as `transid`."""
        request = f"<request>{_leaves({'transid': collection.reference})}</request>"
        inner = _leaves({"token": self._token}) + request
        deadline = clock.monotonic() + min(_STATUS_TOTAL_S, self.timing.total_s)
        answer = self._ask("collection_status", "getTransactionStatus", inner, collection, deadline)
        code = text(answer.data, "status") or ""
        status = _reading(code, answer.data)
        if status is None:
            # Permissions, limits, credentials: about this question, or not known to be about the
            # push. A person looks; the payment waits.
            raise self.unavailable(f"unknown status {evidence(code)}")
        return self._outcome(status, answer.data, collection)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Refuse: Moov sends none, so whoever wrote this is not Moov."""
        return Notice(Authenticity.REJECTED)

    def parse(self, body: bytes) -> Data:
        """Read the leaves of a SOAP envelope by local name, whatever wraps and prefixes them."""
        try:
            # The server may declare utf-16 over UTF-8 bytes: the prolog is dropped, a BOM obeyed.
            root = fromstring(_PROLOG.sub("", _decoded(body)), forbid_dtd=True)
        except (ParseError, DefusedXmlException, RecursionError) as error:
            raise ValueError("not a SOAP answer") from error
        if _local(root.tag) != "Envelope":
            raise ValueError("not a SOAP envelope")
        leaves: dict[str, object] = {}
        for element in root.iter():
            if len(element) == 0 and isinstance(element.tag, str):
                value = (element.text or "").strip()
                if leaves.setdefault(_local(element.tag), value) != value:
                    raise ValueError("one field, two values")
        return leaves

    def _ask(
        self,
        operation: str,
        verb: str,
        inner: str,
        collection: Collection,
        deadline: float | None = None,
    ) -> Answer:
        headers = {
            "Content-Type": "text/xml; charset=UTF-8",
            "Accept": "text/xml",
            "SOAPAction": '""',
        }
        answer = self.call(
            operation,
            "POST",
            _PATH,
            reference=collection.reference,
            headers=headers,
            body=_envelope(verb, inner),
            deadline=deadline,
        )
        if not answer.ok:
            raise self.unavailable(f"HTTP {answer.status}")
        return answer

    def _outcome(self, status: Status, data: Data, collection: Collection) -> Outcome:
        code, echoed = text(data, "status") or "", text(data, "transid")
        moov_id = text(data, "referenceid")
        return Outcome(
            status,
            provider_ref=moov_id,
            transaction_ref=(
                (moov_id or collection.reference) if status is Status.SUCCEEDED else None
            ),
            reason=REASONS[code] if status is Status.FAILED else None,
            words=evidence(code, text(data, "description") or text(data, "message")),
            contradiction="reference" if echoed not in (None, collection.reference) else None,
        )


def make_token(username: str, password: str) -> str:
    """Encrypt the credentials as the Merchant API expects: AES-256-CBC, zero IV, PKCS#7."""
    # Here and not above: it is needed when a token is made, not whenever the shop starts.
    from cryptography.hazmat.primitives import padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    padder = padding.PKCS7(128).padder()
    plain = padder.update(f"0:{username}:{password}".encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES256(_TOKEN_KEY), modes.CBC(bytes(16))).encryptor()
    return b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def _reading(code: str, data: Data) -> Status | None:
    """Translate a status code; None when it says nothing sure about the push."""
    description = f"{text(data, 'description')} {text(data, 'message')}"
    if code == "95" and "pending" in description.lower():
        return Status.PENDING  # "transaction failed", and the text says it has not
    return STATUSES.get(code)


def _envelope(verb: str, inner: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:api="{_NAMESPACE}"><soapenv:Header/><soapenv:Body>'
        f"<api:{verb}>{inner}</api:{verb}></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _leaves(fields: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


def _decoded(body: bytes) -> str:
    wide = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    return body.decode("utf-16" if wide else "utf-8-sig")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
