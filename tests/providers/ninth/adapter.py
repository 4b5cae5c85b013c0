"""Ninth Pay: a toy that exists nowhere, written as any other adapter. Becomes `shop/providers/ninth.py`."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import requests

from shop.providers.base import Provider
from shop.providers.reasons import Reason
from shop.providers.signatures import dated
from shop.providers.values import (
    Answer,
    Authenticity,
    Capabilities,
    Collection,
    Notice,
    Outcome,
    ProviderRejected,
    Status,
)
from shop.providers.words import Data, evidence, header, parse_json, text

STATUSES = {
    "waiting": Status.PENDING,
    "paid": Status.SUCCEEDED,
    "refused": Status.FAILED,
    "too_late": Status.FAILED,
}
REASONS = {
    "no_money": Reason.INSUFFICIENT_FUNDS,
    "said_no": Reason.DECLINED,
    "too_late": Reason.TIMEOUT,
}


class Ninth(Provider):
    """Ninth Pay. Docs: https://ninth.example/docs"""

    name = "ninth"
    label = "Ninth Pay"
    docs_url = "https://ninth.example/docs"
    countries = ("CI",)
    can = Capabilities(webhook=Authenticity.SIGNED, deduplicates=True, lookup_by_reference=True)
    webhook_headers = ("Ninth-Signature",)
    sandbox_port = 9
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "api_key": "ninth-sandbox-api-word",
        "webhook_secret": "ninth-sandbox-webhook-word",
    }

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        webhook_secret: str,
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        self._api_key = api_key
        self._webhook_secret = webhook_secret

    def collect(self, collection: Collection) -> Outcome:
        """Ring the phone; the same reference is the same request."""
        body = {
            "reference": collection.reference,
            "amount": collection.amount.to_wire(),
            "currency": collection.amount.currency,
            "phone": collection.payer,
        }
        answer = self._ask("collect", "POST", "/requests", collection, json.dumps(body).encode())
        if not answer.ok:
            raise ProviderRejected(Reason.REFUSED, text(answer.data, "error") or "")
        return self._outcome(answer.data, collection)

    def collection_status(self, collection: Collection) -> Outcome:
        """Read the request by our reference."""
        path = f"/requests/{collection.reference}"
        answer = self._ask("collection_status", "GET", path, collection)
        if answer.status == 404 and text(answer.data, "error") == "unknown":
            return Outcome(Status.ABSENT, words="unknown")
        if not answer.ok:
            raise self.unavailable(f"HTTP {answer.status}")
        return self._outcome(answer.data, collection)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Check Ninth-Signature over the raw bytes; only then is anything read."""
        sign = partial(signature, self._webhook_secret, body)
        if not dated(header(headers, "Ninth-Signature"), "v1", now_s, [sign]):
            return Notice(Authenticity.REJECTED)
        try:
            message = parse_json(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        return Notice(
            Authenticity.SIGNED,
            event_id=text(message, "event"),
            reference=text(message, "reference"),
            provider_ref=text(message, "id"),
        )

    def _ask(
        self, operation: str, method: str, path: str, collection: Collection, body: bytes = b""
    ) -> Answer:
        headers = {"X-Api-Key": self._api_key, "Content-Type": "application/json"}
        return self.call(
            operation, method, path, reference=collection.reference, headers=headers, body=body
        )

    def _outcome(self, told: Data, collection: Collection) -> Outcome:
        word, why = text(told, "status") or "", text(told, "why") or ""
        status = STATUSES.get(word)
        if status is None:
            raise self.unavailable(f"unknown status {evidence(word)}")
        currency = text(told, "currency")
        paid, failed = status is Status.SUCCEEDED, status is Status.FAILED
        ours = text(told, "reference") == collection.reference
        wrong = None if currency == collection.amount.currency else "currency"
        return Outcome(
            status,
            amount=self.money(told.get("amount"), currency) if paid else None,
            provider_ref=text(told, "id"),
            transaction_ref=text(told, "transaction") if paid else None,
            reason=REASONS.get(why, Reason.REFUSED) if failed else None,
            words=evidence(word, why),
            contradiction=wrong if ours else "reference",
        )


def signature(secret: str, body: bytes, moment: str) -> str:
    """Sign the moment, a dot and the raw body."""
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
