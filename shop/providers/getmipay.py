"""GetMiPay, in two dialects that share only its name: the guide's, and the one it publishes.

The guide's is spoken unless `GETMIPAY_DIALECT=public`. Four things in the guide are unsafe; each is
done right here in a way that a server written after the guide still understands:

- it signs requests by re-serialising what it parsed (`json.dumps(..., sort_keys=True)`): we send
  exactly those bytes, sorted and spaced that way, so both ways of checking agree;
- it checks webhooks the same way: we check the raw bytes first; their sorted form counts only while
  `GETMIPAY_WEBHOOK_FORM` is not `raw`, and never for a body where one key has two values;
- it compares signatures with `==`: we compare in constant time;
- it credits the amount the webhook tells: we only learn which payment to ask about.

It also repeats the API key in the body; so do we, since its server may read it there. The guide has
no status call at all: `GET /v1/payments/<id>` and `/v1/payouts/<id>` are our reading of what must
exist, and the first thing to confirm with GetMiPay before live money.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

import requests
from phonenumbers import NumberParseException

from shop.errors import ConfigurationError
from shop.phone import guess_operator
from shop.providers.base import Provider
from shop.providers.getmipay_words import (
    REASONS,
    REFUSALS,
    STATUSES,
    canonical,
    contradiction_in,
    id_in,
    reason_of,
    signature,
    sorted_form,
)
from shop.providers.reasons import Reason
from shop.providers.signatures import TOLERANCE_S, same_digest
from shop.providers.tokens import Token, TokenCache, read_token
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
)
from shop.providers.words import Data, ascii_words, evidence, header, parse_json, part, text

Asked = Collection | Payout

#: Operator -> `method` of the guide; cards (`visa`) are not for a phone.
METHODS = {
    "wave": "wave",
    "orange": "orange_money",
    "moov": "moov_money",
    "mtn": "mtn_money",
}

#: (operator, country) -> number in the public `service` header.
SERVICES = {
    ("mtn", "CM"): "1",
    ("orange", "CM"): "2",
    ("orange", "CI"): "3",
    ("orange", "SN"): "4",
    ("orange", "BF"): "5",
}

#: Services that want the code the payer made beforehand.
OTP_BEFORE = frozenset({"3", "4", "5"})

#: Documented for the public dialect's tokens.
_TOKEN_S = 86_400

_COLLECT, _PAY_OUT = "2", "4"


class GetMiPay(Provider):
    """GetMiPay. Docs: https://docs.getmipay.com"""

    name = "getmipay"
    label = "GetMiPay"
    docs_url = "https://docs.getmipay.com"
    countries = ("BF", "CI", "CM", "SN")
    can = Capabilities(
        pay_out=True,
        webhook=Authenticity.SIGNED,
        hosted_page=True,
        deduplicates=False,
        lookup_by_reference=False,
        dates_webhooks=False,
        expires_alone=False,
    )
    webhook_headers = ("X-GetMiPay-Signature",)
    sandbox_port = 8
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "api_key": "gmp_pk_sandbox000000000000000000000000",
        "secret_key": "gmp_sk_sandbox000000000000000000000000",
        "webhook_secret": "gmp_whs_sandbox00000000000000000000000",
    }

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        secret_key: str,
        webhook_secret: str,
        dialect: str = "guide",
        webhook_form: str = "sorted",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        if dialect not in ("guide", "public"):
            raise ConfigurationError("GETMIPAY_DIALECT is guide or public")
        if webhook_form not in ("sorted", "raw"):
            raise ConfigurationError("GETMIPAY_WEBHOOK_FORM is sorted or raw")
        speaker = _Guide if dialect == "guide" else _Public
        # Several, comma separated, while a secret is being replaced.
        self._webhook_secrets = [s.strip() for s in webhook_secret.split(",") if s.strip()]
        self._dialect: _Dialect = speaker(self, api_key, secret_key, webhook_form)

    def collect(self, collection: Collection) -> Outcome:
        """Ask the payer for money; the browser goes on to `page_url` where there is one."""
        return self._taken(self._dialect.ask(collection))

    def collection_status(self, collection: Collection) -> Outcome:
        """Read by GetMiPay's id. Without it nothing can be asked.

        The guide's payer was then never given a page; the public dialect may have rung a phone.
        """
        if collection.provider_ref is None:
            if self._dialect.rings_phones:
                raise self.unavailable("a payment whose id was lost is in their dashboard only")
            return Outcome(Status.ABSENT, words="no id: its answer never reached us")
        return self._outcome(self._dialect.read(collection), collection)

    def pay_out(self, payout: Payout) -> Outcome:
        """Send money to a phone; accepted means heard, never paid."""
        return self._taken(self._dialect.ask(payout))

    def payout_status(self, payout: Payout) -> Outcome:
        """Read by GetMiPay's id. Without it nobody can tell: money may well be on its way."""
        if payout.provider_ref is None:
            raise self.unavailable("a payout whose id was lost is found in their dashboard only")
        return self._outcome(self._dialect.read(payout), payout)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Check X-GetMiPay-Signature, with or without `sha256=`; only then is anything read."""
        given = header(headers, "X-GetMiPay-Signature").strip().removeprefix("sha256=")
        moment = header(headers, "X-GetMiPay-Timestamp").strip()
        forms = self._dialect.signed_forms(body, moment, now_s)
        proved = [
            same_digest(given, signature(secret, form))
            for secret in self._webhook_secrets
            for form in forms
        ]
        try:
            message = parse_json(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        return self._dialect.notice(message) if any(proved) else Notice(Authenticity.REJECTED)

    def _taken(self, answer: Answer) -> Outcome:
        """Read the first answer: an id to ask about, and perhaps a page to open."""
        data = part(answer.data, "data") or answer.data
        if not answer.ok or answer.data.get("success") is False:
            raise self._refusal(answer)
        ref = id_in(data)
        if ref is None:
            raise self.unavailable("accepted without an id")
        other = text(data, "soleaspay_reference")
        return Outcome(
            Status.PENDING,
            provider_ref=ref,
            words=evidence(text(data, "status"), text(answer.data, "message")),
            page_url=text(data, "payment_url"),
            memory={"pay_id": other} if other else {},
        )

    def _refusal(self, answer: Answer) -> Exception:
        code, message = text(answer.data, "error_code") or "", text(answer.data, "message")
        if not answer.ok and answer.status not in REFUSALS:
            return self.unavailable(f"HTTP {answer.status} {evidence(code, message)}")
        usual = REFUSALS.get(answer.status, Reason.REFUSED)
        return ProviderRejected(REASONS.get(code, usual), code or str(answer.status), message)

    def _outcome(self, answer: Answer, asked: Asked) -> Outcome:
        if answer.status == 404 and answer.data.get("success") is False:
            return Outcome(Status.ABSENT, words=evidence(text(answer.data, "message")))
        data = part(answer.data, "data") or answer.data
        word = text(data, "status") or ""
        status = STATUSES.get(word)
        if not answer.ok or status is None:
            raise self.unavailable(f"HTTP {answer.status}, status {evidence(word)}")
        code, number = text(data, "error_code") or "", text(data, "phone_number")
        paid = status is Status.SUCCEEDED
        return Outcome(
            status,
            amount=self.money(data.get("amount"), text(data, "currency")) if paid else None,
            provider_ref=asked.provider_ref,
            transaction_ref=asked.provider_ref if paid else None,
            payer=f"+{number.removeprefix('+')}" if number and paid else None,
            reason=reason_of(code, asked) if status is Status.FAILED else None,
            words=evidence(word, code),
            contradiction=contradiction_in(data, asked),
        )


class _Dialect(ABC):
    """What the two ways of speaking differ in."""

    rings_phones: ClassVar[bool] = False

    def __init__(self, provider: GetMiPay, api_key: str, secret_key: str, form: str) -> None:
        self._provider = provider
        self._api_key = api_key
        self._secret_key = secret_key
        self._form = form

    @abstractmethod
    def ask(self, asked: Asked) -> Answer:
        """Send the one request that may move money."""

    @abstractmethod
    def read(self, asked: Asked) -> Answer:
        """Ask what became of it."""

    @abstractmethod
    def signed_forms(self, body: bytes, moment: str, now_s: float) -> list[bytes]:
        """List what a webhook's signature may be over."""

    @abstractmethod
    def notice(self, message: Data) -> Notice:
        """Say which payment a genuine webhook is about."""


class _Guide(_Dialect):
    """The guide's dialect: a bearer key, and a signature inside the body."""

    def ask(self, asked: Asked) -> Answer:
        """Begin a payment or a payout."""
        incoming = isinstance(asked, Collection)
        method = METHODS.get(_operator(asked))
        if method is None:
            raise ProviderRejected(Reason.MISCONFIGURED, "method", "not a wallet of GetMiPay")
        request: dict[str, object] = {
            "api_key": self._api_key,
            # An integer, where the guide writes 5000.0: a franc has no cents, and both re-serialise.
            "amount": self._provider.whole_units(asked.amount),
            "currency": asked.amount.currency,
            "phone_number": asked.payer if isinstance(asked, Collection) else asked.payee,
            "method": method,
            "reference": asked.reference,
            "callback_url": asked.webhook_url,
            "description": ascii_words(asked.description, 40),
        }
        if isinstance(asked, Collection):
            request["return_url"] = asked.return_url
        body = canonical(request | {"signature": signature(self._secret_key, canonical(request))})
        noun = "payments" if incoming else "payouts"
        operation = "collect" if incoming else "pay_out"
        return self._send(operation, "POST", f"/v1/{noun}/initiate", asked, body)

    def read(self, asked: Asked) -> Answer:
        """Read by id: our extension, see the top of this file."""
        noun = "payments" if isinstance(asked, Collection) else "payouts"
        path = f"/v1/{noun}/{quote(asked.provider_ref or '', safe='')}"
        return self._send(f"{_name(asked)}_status", "GET", path, asked)

    def signed_forms(self, body: bytes, moment: str, now_s: float) -> list[bytes]:
        """Give the raw bytes and, where allowed, what the guide's sender would have signed."""
        restated = sorted_form(body) if self._form == "sorted" else None
        return [body] if restated is None else [body, restated]

    def notice(self, message: Data) -> Notice:
        """Read `{event, transaction_id, status}`; nothing dates it, so the pair is its id."""
        event, ref = evidence(text(message, "event")), text(message, "transaction_id")
        ours = event.startswith(("payment.", "payout.")) and ref is not None
        return Notice(
            Authenticity.SIGNED,
            event_id=f"{event}:{ref}" if ours else None,
            kind=event,
            provider_ref=ref if ours else None,
            ignorable=not ours,
        )

    def _send(
        self, operation: str, method: str, path: str, asked: Asked, body: bytes = b""
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._api_key}"}
        if body:
            headers["Content-Type"] = "application/json"
        return self._provider.call(
            operation, method, path, reference=asked.reference, headers=headers, body=body
        )


class _Public(_Dialect):
    """The published dialect: a token of a day, and headers that name operation and service."""

    rings_phones = True

    def __init__(self, provider: GetMiPay, api_key: str, secret_key: str, form: str) -> None:
        super().__init__(provider, api_key, secret_key, form)
        self._tokens = TokenCache(provider.timing.total_s)

    def ask(self, asked: Asked) -> Answer:
        """Begin a payment or a payout; the request has no place for our own reference."""
        service = SERVICES.get((_operator(asked), asked.country))
        if service is None:
            raise ProviderRejected(Reason.MISCONFIGURED, "service", "not a service of GetMiPay")
        request: dict[str, object] = {
            "amount": self._provider.whole_units(asked.amount),
            "currency": asked.amount.currency,
            "wallet": (asked.payer if isinstance(asked, Collection) else asked.payee).lstrip("+"),
            "customer_name": "Client",
            "description": f"{ascii_words(asked.description, 40)} {asked.reference}",
            "callback_url": asked.webhook_url,
        }
        if isinstance(asked, Payout):
            headers = {"operation": _PAY_OUT, "service": service}
            return self._send("pay_out", "/payouts", asked, request, headers)
        headers = {"operation": _COLLECT, "service": service}
        if service in OTP_BEFORE:
            if not asked.otp:
                raise ProviderRejected(Reason.BAD_CODE, "otp", "a code is needed beforehand")
            headers["otp"] = asked.otp[:8]
        return self._send("collect", "/payments/payin", asked, request, headers)

    def read(self, asked: Asked) -> Answer:
        """Read by both ids; where the first answer held one alone, by that one."""
        operation, pay_id = f"{_name(asked)}_status", asked.memory.get("pay_id")
        if pay_id is None:
            path = f"/payments/{quote(asked.provider_ref or '', safe='')}/status"
            return self._send(operation, path, asked, None, {})
        request = {
            "order_id": asked.provider_ref,
            "pay_id": pay_id,
            "operation": _COLLECT if isinstance(asked, Collection) else _PAY_OUT,
            "service": SERVICES.get((_operator(asked), asked.country), ""),
        }
        return self._send(operation, "/payments/direct-status", asked, request, {})

    def signed_forms(self, body: bytes, moment: str, now_s: float) -> list[bytes]:
        """Give the body, and the body after its date: which of the two is not documented."""
        young = moment.isascii() and moment.isdigit() and len(moment) <= 12
        if not young or abs(now_s - int(moment)) > TOLERANCE_S:
            return [body]
        return [body, moment.encode() + b"." + body]

    def notice(self, message: Data) -> Notice:
        """Read any of the three bodies met in life."""
        ref = id_in(message)
        kind = evidence(text(message, "status"))
        return Notice(Authenticity.SIGNED, kind=kind, provider_ref=ref, ignorable=ref is None)

    def _send(
        self,
        operation: str,
        path: str,
        asked: Asked,
        request: Mapping[str, object] | None,
        headers: Mapping[str, str],
    ) -> Answer:
        """Post a request, or only read where there is none."""
        method, body = ("GET", b"") if request is None else ("POST", json.dumps(request).encode())

        def send(token: str, deadline: float) -> Answer:
            return self._provider.call(
                operation,
                method,
                path,
                reference=asked.reference,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/json",
                    **headers,
                },
                body=body,
                deadline=deadline,
            )

        return self._tokens.speak(self._fetch_token, send)

    def _fetch_token(self, deadline: float) -> Token:
        keys = {"public_apikey": self._api_key, "private_secretkey": self._secret_key}
        answer = self._provider.call(
            "token",
            "POST",
            "/action/auth",
            reference="token",
            headers={"Content-Type": "application/json"},
            body=json.dumps(keys).encode(),
            deadline=deadline,
        )
        told = {"access_token": text(part(answer.data, "data"), "token"), "expires_in": _TOKEN_S}
        return read_token(self._provider.name, Answer(answer.status, told))


def _operator(asked: Asked) -> str:
    """Give the chosen operator, or the one the number's prefix suggests."""
    number = asked.payer if isinstance(asked, Collection) else asked.payee
    try:
        return asked.operator or guess_operator(number) or ""
    except NumberParseException:
        return ""


def _name(asked: Asked) -> str:
    return "collection" if isinstance(asked, Collection) else "payout"
