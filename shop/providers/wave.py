"""Wave: a checkout session, opened in the payer's app; payouts to any wallet; whole refunds.

Côte d'Ivoire, Senegal, Mali, Burkina Faso.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from typing import ClassVar, Final
from urllib.parse import quote, urlencode, urlsplit

import requests

from shop import clock
from shop.money import Money
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
    Payout,
    ProviderRejected,
    ProviderUnavailable,
    Refund,
    Status,
    Timing,
)
from shop.providers.wave_words import (
    KEY_TAKEN,
    PAYOUT_REASONS,
    PAYOUT_STATUSES,
    REASONS,
    REFUND_REASONS,
    STATUSES,
    contradiction_in,
    error_code,
    error_in,
    reason_of,
    signature,
)
from shop.providers.words import (
    Data,
    ascii_words,
    evidence,
    header,
    parse_json,
    part,
    text,
    uuid_of,
)

_SESSIONS: Final = "/v1/checkout/sessions"
#: How many days of the ledger are read for one refund; before that, a person looks.
_LEDGER_DAYS: Final = 10


class Wave(Provider):
    """Wave Business. Docs: https://docs.wave.com/checkout, /payout and /balance-api"""

    name = "wave"
    label = "Wave"
    docs_url = "https://docs.wave.com/checkout"
    countries = ("CI", "SN", "ML", "BF")
    can = Capabilities(
        pay_out=True,
        refund=True,
        balance=True,
        webhook=Authenticity.SIGNED,
        hosted_page=True,
        deduplicates=False,
        lookup_by_reference=True,
        payout_deduplicates=True,
        payout_lookup=True,
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
        answer = self._ask(
            "collect", "POST", _SESSIONS, collection.reference, _session_request(collection)
        )
        if not answer.ok:
            code, message = error_in(answer.data)
            reason = REASONS.get(code, Reason.REFUSED)
            raise ProviderRejected(reason, code, message)
        outcome = self._outcome(answer.data, collection)
        if outcome.page_url is None:
            raise self.unavailable("a session without its launch address")
        return outcome

    def collection_status(self, collection: Collection) -> Outcome:
        """Read the session; when its id was lost with the first answer, search by our reference."""
        session = self._read("collection_status", collection, None)
        if session is None:
            return Outcome(Status.ABSENT, words="no such session")
        return self._outcome(session, collection)

    def pay_out(self, payout: Payout) -> Outcome:
        """Send money to a wallet; most often the answer is the last word.

        The key is worked out from the reference and the body from what is stored, so that asking
        again sends the same bytes under the same key, and Wave gives its first answer again.
        """
        key = {"Idempotency-Key": uuid_of("payout", payout.reference)}
        body = _payout_request(payout)
        answer = self._ask("pay_out", "POST", "/v1/payout", payout.reference, body, key)
        if answer.ok:
            return self._payout_outcome(answer.data, payout)
        code, message = error_in(answer.data)
        if code == KEY_TAKEN or code not in PAYOUT_REASONS:
            # A code we do not know: only a search by our reference tells whether it went out.
            raise self.unavailable(f"HTTP {answer.status} {evidence(code)}")
        raise ProviderRejected(PAYOUT_REASONS[code], code, message)

    def payout_status(self, payout: Payout) -> Outcome:
        """Read the payout; when its id was lost with the first answer, search by our reference."""
        if payout.provider_ref is None:
            query = urlencode({"client_reference": payout.reference})
            path = f"/v1/payouts/search?{query}"
            found = self._only(self._ask("payout_status", "GET", path, payout.reference))
            if found is None:
                return Outcome(Status.ABSENT, words="no payout with this client_reference")
            return self._payout_outcome(found, payout)
        path = f"/v1/payout/{quote(payout.provider_ref, safe='')}"
        answer = self._ask("payout_status", "GET", path, payout.reference)
        if not answer.ok:
            raise self.unavailable(f"HTTP {answer.status} {evidence(error_in(answer.data)[0])}")
        return self._payout_outcome(answer.data, payout)

    def refund(self, refund: Refund) -> Outcome:
        """Give a session back to its payer, whole: Wave has no partial refund.

        The call names no amount, so the session is read first and must hold exactly what is to be
        given back. Its answer is an empty 200, the same the second time: a session is given back
        once, whoever asks and however often. What proves it is the ledger, see `refund_status`.
        """
        deadline = clock.monotonic() + self.timing.total_s
        try:
            session = self._read("refund_status", refund.collection, deadline)
        except ProviderUnavailable as error:
            # A look gives nothing back.
            raise ProviderUnavailable(
                str(error), retry_after_s=error.retry_after_s, sent=False
            ) from error
        path = f"{_SESSIONS}/{quote(self._refundable(session, refund), safe='')}/refund"
        answer = self._ask("refund", "POST", path, refund.reference, deadline=deadline)
        if answer.ok:
            return Outcome(Status.PENDING, memory={"asked": "yes"})
        code, message = error_in(answer.data)
        if code not in REFUND_REASONS:
            raise self.unavailable(f"HTTP {answer.status} {evidence(code)}")
        raise ProviderRejected(REFUND_REASONS[code], code, message)

    def refund_status(self, refund: Refund) -> Outcome:
        """Look for the refund in the ledger, from today back to the day of the payment.

        The session itself does not change. Of a payment older than ten days only those ten are
        read: what is not found there is ABSENT for nobody.
        """
        deadline = clock.monotonic() + self.timing.total_s
        session = self._read("refund_status", refund.collection, deadline)
        if session is None:
            return Outcome(Status.ABSENT, words="no such session")
        days = self._days_since(text(session, "when_completed") or "")
        for day in days[:_LEDGER_DAYS]:
            for row in self._ledger(day, refund.reference, deadline):
                if _gives_back(row, session):
                    words = evidence(text(row, "transaction_type"))
                    ref = text(row, "transaction_id") or text(session, "id")
                    return Outcome(Status.SUCCEEDED, transaction_ref=ref, words=words)
        if refund.memory.get("asked"):
            return Outcome(Status.PENDING, words="not in the ledger yet")
        if len(days) > _LEDGER_DAYS:
            raise self.unavailable("paid too long ago to read the whole ledger since")
        return Outcome(Status.ABSENT, words="not in the ledger")

    def balance(self, currency: str) -> Money:
        """Read the one wallet this key belongs to: what came in and what can go out."""
        answer = self._ask("balance", "GET", "/v1/balance", "balance")
        if not answer.ok or text(answer.data, "currency") != currency:
            said = evidence(text(answer.data, "currency"))
            raise self.unavailable(f"HTTP {answer.status}, a wallet in {said}")
        return self.money(answer.data.get("amount"), currency)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Check Wave-Signature over the raw bytes; only then is anything read."""
        given = header(headers, "Wave-Signature")
        secrets = self._webhook_secrets
        if not dated(given, "v1", now_s, [partial(signature, key, body=body) for key in secrets]):
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

    def _read(self, operation: str, collection: Collection, deadline: float | None) -> Data | None:
        """Read a session by its id, or search by our reference when that was lost."""
        reference = collection.reference
        if collection.provider_ref is None:
            path = f"{_SESSIONS}/search?{urlencode({'client_reference': reference})}"
            return self._only(self._ask(operation, "GET", path, reference, deadline=deadline))
        path = f"{_SESSIONS}/{quote(collection.provider_ref, safe='')}"
        answer = self._ask(operation, "GET", path, reference, deadline=deadline)
        if answer.ok:
            return answer.data
        code, _ = error_in(answer.data)
        if answer.status == 404 and code == "checkout-session-not-found":
            return None
        raise self.unavailable(f"HTTP {answer.status} {evidence(code)}")

    def _only(self, answer: Answer) -> Data | None:
        """Give the one result of a search; None when there is none."""
        if not answer.ok:
            raise self.unavailable(f"search answered HTTP {answer.status}")
        found = answer.data.get("result")
        if not isinstance(found, list):
            raise self.unavailable("search without a result list")
        if not found:
            return None
        if len(found) > 1 or not isinstance(found[0], dict):
            # client_reference is not unique for Wave: of two, which one counts is a guess.
            raise self.unavailable(f"{len(found)} results for one reference")
        return found[0]

    def _ask(
        self,
        operation: str,
        method: str,
        path: str,
        reference: str,
        body: bytes = b"",
        more: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._api_key}", **(more or {})}
        if body:
            headers["Content-Type"] = "application/json"
        if self._signing_secret:
            moment = str(int(clock.now().timestamp()))
            digest = signature(self._signing_secret, moment, body)
            headers["Wave-Signature"] = f"t={moment},v1={digest}"
        return self.call(
            operation,
            method,
            path,
            reference=reference,
            headers=headers,
            body=body,
            deadline=deadline,
        )

    def _payout_outcome(self, told: Data, payout: Payout) -> Outcome:
        word, code = text(told, "status") or "", text(part(told, "payout_error"), "error_code")
        status, payout_id = PAYOUT_STATUSES.get(word), text(told, "id")
        if status is None or payout_id is None:
            raise self.unavailable(f"unknown status {evidence(word)}")
        sent, currency = status is Status.SUCCEEDED, text(told, "currency")
        failed = PAYOUT_REASONS.get(code or "", Reason.REFUSED)
        fee = text(told, "fee")
        return Outcome(
            status,
            amount=self.money(told.get("receive_amount"), currency) if sent else None,
            provider_ref=payout_id,
            transaction_ref=payout_id if sent else None,
            fee=self.money(fee, currency) if sent and fee else None,
            reason=failed if status is Status.FAILED else None,
            words=evidence(word, code),
            contradiction=contradiction_in(told, payout),
        )

    def _refundable(self, session: Data | None, refund: Refund) -> str:
        """Give the id of a session that holds exactly what is to be given back, or refuse."""
        if session is None:
            raise ProviderRejected(Reason.MISCONFIGURED, "session", "there is no such session")
        held = self._outcome(session, refund.collection)
        if held.status is not Status.SUCCEEDED or held.contradiction:
            raise ProviderRejected(Reason.REFUSED, "session", "it holds nothing to give back")
        if held.amount != refund.amount:
            raise ProviderRejected(Reason.AMOUNT, "amount", "Wave gives back all or nothing")
        return held.provider_ref or ""

    def _days_since(self, moment: str) -> list[date]:
        """List the days from today back to that of a moment they wrote."""
        today = clock.now().date()
        try:
            first = date.fromisoformat(moment[:10])
        except ValueError as error:
            raise self.unavailable("a session that does not say when it was paid") from error
        return [today - timedelta(days=back) for back in range((today - first).days + 1)]

    def _ledger(self, day: date, reference: str, deadline: float) -> Iterator[Data]:
        """Read a day of the ledger, page after page."""
        query = {"date": day.isoformat()}
        while True:
            path = f"/v1/transactions?{urlencode(query)}"
            answer = self._ask("refund_status", "GET", path, reference, deadline=deadline)
            rows = answer.data.get("items")
            if not answer.ok or not isinstance(rows, list):
                raise self.unavailable(f"HTTP {answer.status} instead of the ledger")
            yield from (row for row in rows if isinstance(row, dict))
            page = part(answer.data, "page_info")
            cursor = text(page, "end_cursor")
            if page.get("has_next_page") is not True:
                return
            if cursor is None or cursor == query.get("after"):
                raise self.unavailable("a ledger whose next page cannot be asked")
            query["after"] = cursor

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
            reason=reason_of(session, words) if status is Status.FAILED else None,
            words=evidence("/".join(words), error_code(session)),
            page_url=text(session, "wave_launch_url"),
            expires_at=text(session, "when_expires"),
            contradiction=contradiction_in(session, collection),
        )


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


def _payout_request(payout: Payout) -> bytes:
    """Write the body once, from stored fields alone. Wave refuses unknown fields."""
    return json.dumps(
        {
            "currency": payout.amount.currency,
            "receive_amount": payout.amount.to_wire(),
            "mobile": payout.payee,
            "client_reference": payout.reference,
            "payment_reason": ascii_words(payout.description, 40),
        }
    ).encode()


def _gives_back(row: Data, session: Data) -> bool:
    """Say whether a row of the ledger is this session's refund."""
    if text(row, "transaction_type") != "api_checkout_refund":
        return False
    session_id = text(row, "checkout_api_session_id")
    if session_id is not None:
        return session_id == text(session, "id")
    return text(row, "client_reference") == text(session, "client_reference")
