"""Wave: a checkout session, opened in the payer's app. Côte d'Ivoire, Senegal, Mali, Burkina."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import partial
from typing import ClassVar
from urllib.parse import quote, urlencode, urlsplit

import requests

from shop import clock
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
from shop.providers.signatures import dated
from shop.providers.words import Data, evidence, header, parse_json, part, text

#: (checkout_status, payment_status) -> ours. Paid only when both say so; a failed attempt leaves
#: the session open, and "failed" is outside Wave's own list but seen. Any other pair: unknown.
STATUSES = {
    ("open", "processing"): Status.PENDING,
    ("open", "failed"): Status.PENDING,
    ("complete", "processing"): Status.PENDING,
    ("expired", "processing"): Status.PENDING,
    ("complete", "succeeded"): Status.SUCCEEDED,
    ("complete", "cancelled"): Status.FAILED,
    ("expired", "cancelled"): Status.FAILED,
}

#: Codes of `last_payment_error`, and of refused requests.
REASONS = {
    "blocked-account": Reason.BLOCKED,
    "cross-border-payment-not-allowed": Reason.BLOCKED,
    "customer-age-restricted": Reason.BLOCKED,
    "insufficient-funds": Reason.INSUFFICIENT_FUNDS,
    "kyb-limits-exceeded": Reason.LIMIT,
    "payer-mobile-mismatch": Reason.PAYER_MISMATCH,
    "payment-failure": Reason.REFUSED,
    "request-not-json": Reason.MISCONFIGURED,
    "request-parsing-error": Reason.MISCONFIGURED,
    "request-validation-error": Reason.MISCONFIGURED,
    "idempotency-mismatch": Reason.MISCONFIGURED,
    "not-found": Reason.MISCONFIGURED,
    "missing-auth-header": Reason.MISCONFIGURED,
    "invalid-auth": Reason.MISCONFIGURED,
    "authorization-error": Reason.MISCONFIGURED,
    "api-key-not-provided": Reason.MISCONFIGURED,
    "no-matching-api-key": Reason.MISCONFIGURED,
    "api-key-revoked": Reason.MISCONFIGURED,
    "missing-signature": Reason.MISCONFIGURED,
    "invalid-signature-format": Reason.MISCONFIGURED,
    "invalid-signature": Reason.MISCONFIGURED,
    "invalid-signature-timestamp": Reason.MISCONFIGURED,
    "expired-signature-timestamp": Reason.MISCONFIGURED,
    "invalid-wallet": Reason.MISCONFIGURED,
    "disabled-wallet": Reason.MISCONFIGURED,
    "unauthorized-wallet": Reason.MISCONFIGURED,
    "ip-not-allowed": Reason.MISCONFIGURED,
}

_SESSIONS = "/v1/checkout/sessions"


class Wave(Provider):
    """Wave Business Checkout. Docs: https://docs.wave.com/checkout"""

    name = "wave"
    label = "Wave"
    docs_url = "https://docs.wave.com/checkout"
    countries = ("CI", "SN", "ML", "BF")
    can = Capabilities(
        webhook=Authenticity.SIGNED, hosted_page=True, deduplicates=False, lookup_by_reference=True
    )
    timing = Timing(approval_s=1800.0)
    webhook_headers = ("Wave-Signature",)
    sandbox_port = 1
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "api_key": "wave_ci_prod_sandbox0000000000000000000000",
        "webhook_secret": "wave_ci_WHS_sandbox000000000000000000000000000000000000000000",
    }

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        webhook_secret: str,
        signing_secret: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        self._api_key = api_key
        # Several, comma separated, while a secret is being replaced (both webhooks deliver).
        self._webhook_secrets = [s.strip() for s in webhook_secret.split(",") if s.strip()]
        self._signing_secret = signing_secret

    def collect(self, collection: Collection) -> Outcome:
        """Open a checkout session only this payer may pay; the browser goes on to `page_url`."""
        _require_https(collection.return_url)
        answer = self._ask("collect", "POST", _SESSIONS, collection, _session_request(collection))
        if not answer.ok:
            code, message = _error(answer.data)
            reason = REASONS.get(code, Reason.REFUSED)
            raise ProviderRejected(reason, code, message)
        outcome = self._outcome(answer.data, collection)
        if outcome.page_url is None:
            raise self.unavailable("a session without its launch address")
        return outcome

    def collection_status(self, collection: Collection) -> Outcome:
        """Read the session; when its id was lost with the first answer, search by our reference."""
        if collection.provider_ref is None:
            return self._searched(collection)
        path = f"{_SESSIONS}/{quote(collection.provider_ref, safe='')}"
        answer = self._ask("collection_status", "GET", path, collection)
        if answer.ok:
            return self._outcome(answer.data, collection)
        code, _ = _error(answer.data)
        if answer.status == 404 and code == "checkout-session-not-found":
            return Outcome(Status.ABSENT, words=code)
        raise self.unavailable(f"HTTP {answer.status} {evidence(code)}")

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Check Wave-Signature over the raw bytes; only then is anything read."""
        given = header(headers, "Wave-Signature")
        secrets = self._webhook_secrets
        if not dated(given, "v1", now_s, [partial(_sign, body, key) for key in secrets]):
            return Notice(Authenticity.REJECTED)
        try:
            event = parse_json(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        data, kind = part(event, "data"), text(event, "type") or ""
        # merchant.payment_received, b2b.*, test.test_event: true, and about no payment of ours.
        ours = kind.startswith("checkout.session.")
        return Notice(
            Authenticity.SIGNED,
            event_id=text(event, "id"),
            kind=kind,
            reference=text(data, "client_reference") if ours else None,
            provider_ref=text(data, "id") if ours else None,
            ignorable=not ours,
        )

    def _searched(self, collection: Collection) -> Outcome:
        query = urlencode({"client_reference": collection.reference})
        answer = self._ask("collection_status", "GET", f"{_SESSIONS}/search?{query}", collection)
        if not answer.ok:
            raise self.unavailable(f"search answered HTTP {answer.status}")
        found = answer.data.get("result")
        if not isinstance(found, list):
            raise self.unavailable("search without a result list")
        if not found:
            return Outcome(Status.ABSENT, words="no session with this client_reference")
        if len(found) > 1 or not isinstance(found[0], dict):
            # client_reference is not unique for Wave: with two sessions, which one paid is a guess.
            raise self.unavailable(f"{len(found)} sessions for one reference")
        return self._outcome(found[0], collection)

    def _ask(
        self, operation: str, method: str, path: str, collection: Collection, body: bytes = b""
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._api_key}"}
        if body:
            headers["Content-Type"] = "application/json"
        if self._signing_secret:
            moment = str(int(clock.now().timestamp()))
            digest = signature(self._signing_secret, moment, body)
            headers["Wave-Signature"] = f"t={moment},v1={digest}"
        return self.call(
            operation, method, path, reference=collection.reference, headers=headers, body=body
        )

    def _outcome(self, session: Data, collection: Collection) -> Outcome:
        words = (text(session, "checkout_status") or "", text(session, "payment_status") or "")
        status = STATUSES.get(words)
        session_id = text(session, "id")
        if status is None or session_id is None:
            raise self.unavailable(f"unknown status {evidence('/'.join(words))}")
        paid = status is Status.SUCCEEDED
        return Outcome(
            status,
            amount=self.money(session.get("amount"), text(session, "currency")) if paid else None,
            provider_ref=session_id,
            transaction_ref=(text(session, "transaction_id") or session_id) if paid else None,
            reason=_reason(session, words) if status is Status.FAILED else None,
            words=evidence("/".join(words), _error_code(session)),
            page_url=text(session, "wave_launch_url"),
            expires_at=text(session, "when_expires"),
            contradiction=_contradiction(session, session_id, collection),
        )


def signature(secret: str, moment: str, body: bytes) -> str:
    """Sign the timestamp and the raw body, joined by nothing (not Stripe's dot)."""
    return hmac.new(secret.encode(), moment.encode() + body, hashlib.sha256).hexdigest()


def _sign(body: bytes, secret: str, moment: str) -> str:
    return signature(secret, moment, body)


def _session_request(collection: Collection) -> bytes:
    """Write the body once: the bytes signed are the bytes sent. Wave refuses unknown fields."""
    return json.dumps(
        {
            "amount": collection.amount.to_wire(),
            "currency": collection.amount.currency,
            "success_url": collection.return_url,
            "error_url": collection.return_url,
            "client_reference": collection.reference,
            "restrict_payer_mobile": collection.payer,
        }
    ).encode()


def _require_https(return_url: str) -> None:
    """Refuse, before calling, an address Wave would refuse; a loopback is the simulator's shop."""
    url = urlsplit(return_url)
    if url.scheme != "https" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ProviderRejected(Reason.MISCONFIGURED, "return-url", "Wave returns to https only")


def _error(data: Data) -> tuple[str, str]:
    """Read either error envelope: flat, or nested under `error`."""
    error = part(data, "error") or data
    return text(error, "code") or "", text(error, "message") or ""


def _error_code(session: Data) -> str:
    return text(part(session, "last_payment_error"), "code") or ""


def _reason(session: Data, words: tuple[str, str]) -> Reason:
    code = _error_code(session)
    if code:
        return REASONS.get(code, Reason.REFUSED)
    return Reason.TIMEOUT if words[0] == "expired" else Reason.DECLINED


def _contradiction(session: Data, session_id: str, collection: Collection) -> str | None:
    if text(session, "client_reference") != collection.reference:
        return "reference"
    if collection.provider_ref not in (None, session_id):
        return "reference"
    return None if text(session, "currency") == collection.amount.currency else "currency"
