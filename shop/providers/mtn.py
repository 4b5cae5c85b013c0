"""MTN MoMo: a request to pay, approved by PIN on the payer's phone."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import requests

from shop.money import Money
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
)
from shop.providers.reasons import Reason
from shop.providers.tokens import Token, TokenCache, read_token
from shop.providers.words import Data, ascii_words, evidence, parse_json, part, text

#: X-Target-Environment of each country's wallet system.
ENVIRONMENTS = {
    "CI": "mtnivorycoast",
    "BJ": "mtnbenin",
    "CM": "mtncameroon",
    "CG": "mtncongo",
    "GN": "mtnguineaconakry",
}

#: CREATED is seen for about 50 s before SUCCESSFUL; REJECTED and TIMEOUT in older schemas only.
STATUSES = {
    "PENDING": Status.PENDING,
    "CREATED": Status.PENDING,
    "ONGOING": Status.PENDING,
    "SUCCESSFUL": Status.SUCCEEDED,
    "FAILED": Status.FAILED,
    "REJECTED": Status.FAILED,
    "TIMEOUT": Status.FAILED,
}

#: `reason` of a failed request, and `code` of a refused one.
REASONS = {
    "PAYER_NOT_FOUND": Reason.NOT_REGISTERED,
    "PAYEE_NOT_FOUND": Reason.MISCONFIGURED,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": Reason.MISCONFIGURED,
    "NOT_ALLOWED": Reason.BLOCKED,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": Reason.MISCONFIGURED,
    "INVALID_CALLBACK_URL_HOST": Reason.MISCONFIGURED,
    "INVALID_CURRENCY": Reason.MISCONFIGURED,
    "SERVICE_UNAVAILABLE": Reason.OPERATOR_DOWN,
    # MTN's error page: this is what a customer without enough money mostly gets.
    "INTERNAL_PROCESSING_ERROR": Reason.INSUFFICIENT_FUNDS,
    "NOT_ENOUGH_FUNDS": Reason.INSUFFICIENT_FUNDS,
    "PAYER_LIMIT_REACHED": Reason.LIMIT,
    "PAYMENT_NOT_APPROVED": Reason.DECLINED,
    "APPROVAL_REJECTED": Reason.DECLINED,
    "TRANSACTION_CANCELED": Reason.DECLINED,
    "EXPIRED": Reason.TIMEOUT,
    "COULD_NOT_PERFORM_TRANSACTION": Reason.TIMEOUT,
    "TRANSFER_TYPE_UNKNOWN": Reason.MISCONFIGURED,
    "RESOURCE_NOT_FOUND": Reason.REFUSED,
    "RESOURCE_ALREADY_EXIST": Reason.MISCONFIGURED,
    "FORBIDDEN IP": Reason.MISCONFIGURED,
}

#: Codes that refuse a request with authority although MTN sends them as HTTP 500. The two of this
#: list's neighbours that only say "something broke here" stay unknown: asking again is free.
REFUSALS = frozenset(
    {
        "NOT_ALLOWED",
        "NOT_ALLOWED_TARGET_ENVIRONMENT",
        "INVALID_CALLBACK_URL_HOST",
        "INVALID_CURRENCY",
        "PAYER_NOT_FOUND",
        "PAYEE_NOT_FOUND",
        "PAYEE_NOT_ALLOWED_TO_RECEIVE",
        "NOT_ENOUGH_FUNDS",
        "PAYER_LIMIT_REACHED",
    }
)

#: The sandbox knows one currency; francs go there as euros of the same number.
SANDBOX_CURRENCY = "EUR"

_REQUESTS = "/collection/v1_0/requesttopay"


class Mtn(Provider):
    """MTN MoMo Collections. Docs: https://momodeveloper.mtn.com/api-documentation"""

    name = "mtn"
    label = "MTN MoMo"
    docs_url = "https://momodeveloper.mtn.com/api-documentation"
    countries = tuple(ENVIRONMENTS)
    can = Capabilities(webhook=Authenticity.UNSIGNED, deduplicates=True, lookup_by_reference=True)
    sandbox_port = 2
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "subscription_key": "c0ffee00000000000000000000000001",
        "api_user": "7f3c2b1a-0d4e-4f6a-9b8c-5d2e1f0a9c8b",
        "api_key": "0123456789abcdef0123456789abcdef",
    }

    def __init__(
        self,
        *,
        base_url: str,
        subscription_key: str,
        api_user: str,
        api_key: str,
        environment: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        self._subscription_key = subscription_key
        self._api_user = api_user
        self._basic = "Basic " + b64encode(f"{api_user}:{api_key}".encode()).decode()
        self._environment = environment
        self._tokens = TokenCache(self.timing.total_s)

    def collect(self, collection: Collection) -> Outcome:
        """Ask the payer's phone for its PIN; a 202 means heard, never paid."""
        if not self._environment and collection.country not in ENVIRONMENTS:
            raise ProviderRejected(Reason.MISCONFIGURED, "country", "MTN is not there")
        request_id = self.request_id(collection.reference)
        headers = {"X-Reference-Id": request_id, "Content-Type": "application/json"}
        if collection.webhook_url:  # an empty header is answered with a 400
            headers["X-Callback-Url"] = collection.webhook_url
        body = self._request(collection)
        answer = self._ask("collect", "POST", _REQUESTS, collection, headers, body)
        code = text(answer.data, "code") or ""
        if answer.ok or answer.status == 409:
            # A 409 is our own earlier sending, whose answer was lost: the id is ours alone.
            return Outcome(Status.PENDING, provider_ref=request_id, words=evidence(code))
        reason = REASONS.get(code, Reason.MISCONFIGURED)
        raise ProviderRejected(reason, code, text(answer.data, "message"))

    def collection_status(self, collection: Collection) -> Outcome:
        """Read the request to pay, by an id that can be worked out again after any crash."""
        request_id = collection.provider_ref or self.request_id(collection.reference)
        path = f"{_REQUESTS}/{request_id}"
        answer = self._ask("collection_status", "GET", path, collection, {})
        if answer.status == 200:
            return self._outcome(answer.data, request_id, collection)
        code = text(answer.data, "code") or ""
        if answer.status == 404 and code == "RESOURCE_NOT_FOUND":
            return Outcome(Status.ABSENT, words=code)
        raise self.unavailable(f"HTTP {answer.status} {evidence(code)}")

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Read which request a callback speaks of; MTN signs nothing, so it is only a hint."""
        try:
            message = parse_json(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        if text(message, "status") is None:
            return Notice(Authenticity.REJECTED)
        # externalId may be missing in failed bodies; the address then tells which payment.
        kind, reference = evidence(text(message, "status")), text(message, "externalId")
        return Notice(Authenticity.UNSIGNED, kind=kind, reference=reference)

    def speaks(self, answer: Answer) -> bool:
        """Take MTN's named business refusals, which arrive as HTTP 500, for what they are."""
        return text(answer.data, "code") in REFUSALS

    def request_id(self, reference: str) -> str:
        """Work out the UUID of a reference: MTN wants a v4 known before the call.

        Random bits would have to be stored first, in a column for one provider; a digest of the
        stored reference is as unique, and is found again after a crash. The API user is part of
        it, so that two merchants who drew the same eight characters never share an id.
        """
        digest = hashlib.sha256(f"{self._api_user}:{reference}".encode()).digest()
        return str(UUID(bytes=digest[:16], version=4))

    def _request(self, collection: Collection) -> bytes:
        words = ascii_words(collection.description, 160)
        return json.dumps(
            {
                "amount": collection.amount.to_wire(),
                "currency": self._currency(collection),
                "externalId": collection.reference,
                "payer": {"partyIdType": "MSISDN", "partyId": collection.payer.removeprefix("+")},
                "payerMessage": words,
                "payeeNote": words,
            }
        ).encode()

    def _ask(
        self,
        operation: str,
        method: str,
        path: str,
        collection: Collection,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> Answer:
        def send(token: str, deadline: float) -> Answer:
            return self.call(
                operation,
                method,
                path,
                reference=collection.reference,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Ocp-Apim-Subscription-Key": self._subscription_key,
                    "X-Target-Environment": self._target(collection.country),
                    **headers,
                },
                body=body,
                deadline=deadline,
            )

        return self._tokens.speak(self._fetch_token, send)

    def _fetch_token(self, deadline: float) -> Token:
        # No body: one on this path is a listed cause of 400. The slash at its end belongs to it.
        answer = self.call(
            "token",
            "POST",
            "/collection/token/",
            reference="token",
            headers={
                "Authorization": self._basic,
                "Ocp-Apim-Subscription-Key": self._subscription_key,
            },
            deadline=deadline,
        )
        return read_token(self.name, answer)

    def _target(self, country: str) -> str:
        target = self._environment or ENVIRONMENTS.get(country)
        if target is None:
            raise self.unavailable(f"no wallet system in {country}")
        return target

    def _currency(self, collection: Collection) -> str:
        in_sandbox = self._environment == "sandbox"
        return SANDBOX_CURRENCY if in_sandbox else collection.amount.currency

    def _outcome(self, data: Data, request_id: str, collection: Collection) -> Outcome:
        word = text(data, "status") or ""
        status = STATUSES.get(word)
        if status is None:
            raise self.unavailable(f"unknown status {evidence(word)}")
        if status is not Status.SUCCEEDED:
            why = _why(data) if status is Status.FAILED else ""
            reason = REASONS.get(why, Reason.REFUSED) if status is Status.FAILED else None
            return Outcome(
                status, provider_ref=request_id, reason=reason, words=evidence(word, why)
            )
        payer = text(part(data, "payer"), "partyId")
        return Outcome(
            status,
            amount=self._amount(data, collection),
            provider_ref=request_id,
            # The id of the money; where it is missing, the request's own id is as unique.
            transaction_ref=text(data, "financialTransactionId") or request_id,
            payer=f"+{payer.removeprefix('+')}" if payer else None,
            words=evidence(word),
            contradiction=self._contradiction(data, collection),
        )

    def _amount(self, data: Data, collection: Collection) -> Money:
        said = text(data, "currency")
        same = said == self._currency(collection)  # the sandbox's euros are our francs
        return self.money(data.get("amount"), collection.amount.currency if same else said)

    def _contradiction(self, data: Data, collection: Collection) -> str | None:
        if text(data, "externalId") not in (None, collection.reference):
            return "reference"
        return None if text(data, "currency") == self._currency(collection) else "currency"


def _why(data: Data) -> str:
    """Read `reason`, a plain word in life and an object in the schema."""
    return text(data, "reason") or text(part(data, "reason"), "code") or ""
