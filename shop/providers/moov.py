"""Moov Money Benin: SOAP, a USSD push approved by PIN, and polling (protocol A; no webhook).

A transfer is one synchronous call and nothing more: no documented look-up, and nobody knows whether
a repeated id is refused. So it is sent once; of one whose answer was lost only a yes is believed, and
everything else waits for a person. There is no refund: money goes back by a transfer.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import requests
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from shop import clock
from shop.errors import ConfigurationError
from shop.money import Money
from shop.providers.base import Provider
from shop.providers.moov_words import (
    REASONS,
    TRANSFER_REASONS,
    envelope,
    leaves,
    reading,
)
from shop.providers.values import (
    Answer,
    Authenticity,
    Capabilities,
    Collection,
    Notice,
    Outcome,
    Payout,
    ProviderRejected,
    Status,
    Timing,
    UnsupportedOperation,
)
from shop.providers.words import Data, ascii_words, evidence, text

_PATH = "/com.tlc.merchant.api/UssdPush"

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
        pay_out=True,
        balance=True,
        webhook=None,
        deduplicates=False,
        lookup_by_reference=True,
        payout_lookup=False,
        reports_amount=False,
    )
    timing = Timing(read_s=90.0, total_s=90.0, lease_s=120.0, concurrency=16)
    sandbox_port = 4
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "username": "demo-merchant",
        "password": "demo-secret",
        "merchant_number": "+2290195000001",
    }

    def __init__(
        self,
        *,
        base_url: str,
        username: str = "",
        password: str = "",
        token: str = "",
        merchant_number: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        if not token and not (username and password):
            # Some merchants are handed a finished token instead of a name and a password.
            raise ConfigurationError("set MOOV_USERNAME and MOOV_PASSWORD, or MOOV_TOKEN")
        self._finished_token = token
        self._credentials = (username, password)
        self._merchant_number = merchant_number

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
        answer = self._ask("collect", "PushWithPending", leaves(fields), collection.reference)
        code = text(answer.data, "status") or ""
        status = reading(code, answer.data)
        if status in (Status.PENDING, Status.SUCCEEDED):
            return self._outcome(status, answer.data, collection)
        if code in REASONS:
            description = text(answer.data, "description")
            raise ProviderRejected(REASONS[code], code, description)
        # 94 just after a push is a race; 99 and -1 are Moov's own trouble.
        raise self.unavailable(f"push answered {evidence(code)}")

    def collection_status(self, collection: Collection) -> Outcome:
        """Ask by our own reference, which Moov keeps as `transid`."""
        answer = self._standing("collection_status", collection.reference)
        code = text(answer.data, "status") or ""
        status = reading(code, answer.data)
        if status is None:
            # Permissions, limits, credentials: about this question, or not known to be about the
            # push. A person looks; the payment waits.
            raise self.unavailable(f"unknown status {evidence(code)}")
        return self._outcome(status, answer.data, collection)

    def pay_out(self, payout: Payout) -> Outcome:
        """Send money to a phone; the answer is the last word, and the only one.

        Call it once: Moov may well carry out a repeated reference again.
        """
        fields = {
            "destination": payout.payee,
            "amount": str(self.whole_units(payout.amount)),
            "referenceid": payout.reference,
            "walletid": "0",
            "extendeddata": "",
        }
        answer = self._ask("pay_out", "transferFlooz", self._inner(fields), payout.reference)
        code = text(answer.data, "status") or ""
        if code == "0":
            return self._sent(answer.data, payout, "transactionid")
        if code in TRANSFER_REASONS:
            raise ProviderRejected(TRANSFER_REASONS[code], code, text(answer.data, "message"))
        raise self.unavailable(f"transfer answered {evidence(code)}")

    def payout_status(self, payout: Payout) -> Outcome:
        """Ask what is not documented to be answered for transfers: only a yes is believed.

        Raises `ProviderUnavailable` for everything else: "no such transaction" may mean that pushes
        alone are looked up.
        """
        answer = self._standing("payout_status", payout.reference)
        code, echoed = text(answer.data, "status") or "", text(answer.data, "transid")
        if code == "0" and echoed == payout.reference:
            return self._sent(answer.data, payout, "transid")
        raise self.unavailable(f"a transfer cannot be looked up: {evidence(code)}")

    def balance(self, currency: str) -> Money:
        """Read the merchant's one wallet: what came in and what can go out.

        Raises `UnsupportedOperation` where the shop did not say which number is its own.
        """
        if not self._merchant_number:
            raise UnsupportedOperation("set MOOV_MERCHANT_NUMBER to read the balance")
        inner = self._inner({"msisdn": self._merchant_number})
        answer = self._ask("balance", "getBalance", inner, "balance", self._soon())
        if text(answer.data, "status") != "0" or currency != "XOF":
            raise self.unavailable(f"balance answered {evidence(text(answer.data, 'status'))}")
        return self.money(text(answer.data, "balance"), currency)

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

    def _standing(self, operation: str, reference: str) -> Answer:
        inner = self._inner({"transid": reference})
        return self._ask(operation, "getTransactionStatus", inner, reference, self._soon())

    def _soon(self) -> float:
        return clock.monotonic() + min(_STATUS_TOTAL_S, self.timing.total_s)

    def _inner(self, request: Mapping[str, str]) -> str:
        """Write the token, and the fields that go in a `<request>` of their own."""
        return f"{leaves({'token': self._token})}<request>{leaves(request)}</request>"

    def _ask(
        self,
        operation: str,
        verb: str,
        inner: str,
        reference: str,
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
            reference=reference,
            headers=headers,
            body=envelope(verb, inner),
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

    def _sent(self, data: Data, payout: Payout, echo: str) -> Outcome:
        """Read a success; `referenceid` is Moov's own, whatever the word suggests."""
        moov_id = text(data, "referenceid")
        return Outcome(
            Status.SUCCEEDED,
            provider_ref=moov_id,
            transaction_ref=moov_id or payout.reference,
            words=evidence("0", text(data, "description") or text(data, "message")),
            contradiction=None if text(data, echo) == payout.reference else "reference",
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


def _decoded(body: bytes) -> str:
    wide = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    return body.decode("utf-16" if wide else "utf-8-sig")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
