"""FeexPay V2: one key for the wallets of seven countries; a push, a code or a page, by network.

Spoken as integrations of 2026 speak it; FeexPay's own pages were not readable. It has no test mode:
`FEEXPAY_BASE_URL` names the simulator or the real thing, and nothing here answers in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar
from urllib.parse import quote

import requests
from phonenumbers import NumberParseException

from shop import clock
from shop.money import Money
from shop.phone import CURRENCIES, guess_operator
from shop.providers.base import Provider
from shop.providers.feexpay_words import (
    DUPLICATE,
    REASONS,
    REFUSALS,
    STATUSES,
    UNKNOWN_REFERENCE,
    contradiction_in,
    kind_of,
    motif,
    number_in,
    plain_words,
    reason_of,
    signature,
    why_failed,
)
from shop.providers.reasons import Reason
from shop.providers.signatures import same_digest
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
    Status,
)
from shop.providers.words import Data, evidence, header, parse_json, part, text

#: (operator, country) -> last segment of the collection's path. It cannot be guessed.
NETWORKS = {
    ("mtn", "BJ"): "mtn",
    ("moov", "BJ"): "moov",
    ("celtiis", "BJ"): "celtiis_bj",
    ("coris", "BJ"): "coris",
    ("tmoney", "TG"): "togocom_tg",
    ("moov", "TG"): "moov_tg",
    ("mtn", "CI"): "mtn_ci",
    ("moov", "CI"): "moov_ci",
    ("orange", "CI"): "orange_ci",
    ("wave", "CI"): "wave_ci",
    ("orange", "SN"): "orange_sn",
    ("free", "SN"): "free_sn",
    ("wave", "SN"): "wave_sn",
    ("orange", "BF"): "orange_bf",
    ("moov", "BF"): "moov_bf",
    ("orange", "ML"): "orange_ml",
    ("moov", "ML"): "mobicash_ml",
    ("mtn", "CG"): "mtn_cg",
}

#: Networks that send the payer to a page or app of theirs, and want to know where to send him back.
PAGES = frozenset({"orange_ci", "wave_ci", "orange_sn", "wave_sn", "orange_ml"})

#: Networks that want the code the payer made beforehand.
OTP_BEFORE = frozenset({"orange_bf"})

#: (operator, country) -> last part of the payout's path, and its `network` field where it has one.
#: Orange Burkina is not here: its payouts want a one-time code from the payee.
PAYOUTS = {
    ("mtn", "BJ"): ("transfer/global", "MTN"),
    ("moov", "BJ"): ("transfer/global", "MOOV"),
    ("celtiis", "BJ"): ("celtiis_bj", "CELTIIS BJ"),
    ("tmoney", "TG"): ("togo", "TOGOCOM TG"),
    ("moov", "TG"): ("togo", "MOOV TG"),
    ("mtn", "CI"): ("mtn_ci", ""),
    ("moov", "CI"): ("moov_ci", ""),
    ("orange", "CI"): ("orange_ci", ""),
    ("wave", "CI"): ("wave_ci", ""),
    ("orange", "SN"): ("orange_sn", ""),
    ("free", "SN"): ("free_sn", ""),
    ("wave", "SN"): ("wave_sn", ""),
    ("moov", "BF"): ("moov_bf", ""),
    ("orange", "ML"): ("orange_ml", ""),
    ("moov", "ML"): ("mobicash_ml", ""),
    ("mtn", "CG"): ("mtn_cg", ""),
}

#: UUIDs, `AG_20251202_...`: opaque, and as long as what is stored.
_REFERENCE = re.compile(r"[A-Za-z0-9._:-]{6,80}")

_COLLECT = "/api/transactions/public/requesttopay"
_COLLECTED = "/api/transactions/public/single/status"
_PAY_OUT = "/api/payouts/public"
_PAID_OUT = "/api/payouts/status/public"
_HISTORY = "/api/transactions/history"

#: How far back the history is searched for an attempt whose first answer was lost.
_SEARCHED_BACK = timedelta(days=7)


class FeexPay(Provider):
    """FeexPay V2. Docs: https://docs.feexpay.me"""

    name = "feexpay"
    label = "FeexPay"
    docs_url = "https://docs.feexpay.me"
    countries = tuple(dict.fromkeys(country for _, country in NETWORKS))
    can = Capabilities(
        pay_out=True,
        webhook=Authenticity.UNSIGNED,
        hosted_page=True,
        deduplicates=False,
        lookup_by_reference=True,
        payout_lookup=True,
        reports_currency=False,
        dates_webhooks=False,
        expires_alone=False,
    )
    sandbox_port = 7
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "api_key": "fp_sandbox0000000000000000000000000000",
        "shop_id": "67ad2f5c9e1b4a0012ab34cd",
    }

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        shop_id: str,
        webhook_secret: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        self._api_key = api_key
        self._shop_id = shop_id
        # Several, comma separated, while a secret is being replaced. None: nothing is signed.
        self._webhook_secrets = [s.strip() for s in webhook_secret.split(",") if s.strip()]

    def collect(self, collection: Collection) -> Outcome:
        """Ask the payer through his network. Whatever the answer claims, only a status settles."""
        place = (_operator(collection.operator, collection.payer), collection.country)
        network = NETWORKS.get(place)
        if network is None:
            raise ProviderRejected(Reason.MISCONFIGURED, "network", "FeexPay is not there")
        request = self._request(collection, network)
        answer = self._ask("collect", "POST", f"{_COLLECT}/{network}", collection, request)
        return self._taken(answer)

    def collection_status(self, collection: Collection) -> Outcome:
        """Read by FeexPay's reference; when it was lost, find it in the history by ours."""
        deadline = clock.monotonic() + self.timing.total_s
        ref = collection.provider_ref or self._found(collection, deadline)
        if ref is None:
            return Outcome(Status.ABSENT, words="not in the history")
        answer = self._read("collection_status", _COLLECTED, ref, collection, deadline)
        return self._outcome(answer, ref, collection)

    def pay_out(self, payout: Payout) -> Outcome:
        """Send money to a phone, from an address FeexPay knows; accepted means heard, never paid.

        FeexPay would pay the same reference twice, so its history is read first: what is there
        already is not sent again. While the history cannot be read nothing leaves.
        """
        place = (_operator(payout.operator, payout.payee), payout.country)
        if place not in PAYOUTS:
            raise ProviderRejected(Reason.MISCONFIGURED, "network", "FeexPay pays nobody out there")
        deadline = clock.monotonic() + self.timing.total_s
        already = self._looked_up(payout, deadline)
        if already is not None:
            return Outcome(Status.PENDING, provider_ref=already, words="found in the history")
        path, network = PAYOUTS[place]
        request = {
            "shop": self._shop_id,
            "amount": self._units(payout),
            "phoneNumber": payout.payee.removeprefix("+"),
            "motif": motif(payout.description),
            "callback_info": payout.reference,
        }
        if network:
            request["network"] = network
        answer = self._ask("pay_out", "POST", f"{_PAY_OUT}/{path}", payout, request, deadline)
        return self._taken(answer)

    def pays_out_to(self, operator: str, country: str) -> bool:
        """FeexPay sends to the networks that have an address of their own."""
        return (operator, country) in PAYOUTS

    def payout_status(self, payout: Payout) -> Outcome:
        """Read a payout; where its own path knows nothing, the path of collections may."""
        deadline = clock.monotonic() + self.timing.total_s
        ref = payout.provider_ref or self._found(payout, deadline)
        if ref is None:
            return Outcome(Status.ABSENT, words="not in the history")
        answer = self._read("payout_status", _PAID_OUT, ref, payout, deadline)
        if answer.status == 404:  # one integrator met it for payouts that existed
            answer = self._read("payout_status", _COLLECTED, ref, payout, deadline)
        return self._outcome(answer, ref, payout)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Read which payment a message is about: a hint, since FeexPay V2 signs nothing.

        With a `webhook_secret`, the signature of the older guide is required, over the raw bytes.
        """
        authenticity = self._authenticity(header(headers, "X-Webhook-Signature"), body)
        try:
            message = parse_json(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        metadata = part(message, "metadata")
        reference = text(message, "callback_info") or text(metadata, "internal_tx_id")
        ref = text(message, "reference") or text(message, "transaction_id") or ""
        provider_ref = ref if _REFERENCE.fullmatch(ref) else None
        if authenticity is Authenticity.REJECTED or (reference or provider_ref) is None:
            return Notice(Authenticity.REJECTED)
        return Notice(
            authenticity,
            # Only a signed id counts: anybody could use up the ids of messages still to come.
            event_id=text(message, "webhook_id") if self._webhook_secrets else None,
            kind=kind_of(message),
            reference=reference,
            provider_ref=provider_ref,
        )

    def _authenticity(self, given: str, body: bytes) -> Authenticity:
        if not self._webhook_secrets:
            return Authenticity.UNSIGNED
        proved = [same_digest(given, signature(key, body)) for key in self._webhook_secrets]
        return Authenticity.SIGNED if any(proved) else Authenticity.REJECTED

    def _request(self, collection: Collection, network: str) -> dict[str, object]:
        request: dict[str, object] = {
            "phoneNumber": collection.payer.removeprefix("+"),
            "amount": self._units(collection),
            "shop": self._shop_id,
            # A single dash makes MTN refuse.
            "description": plain_words(collection.description, 40),
            "callback_info": collection.reference,
        }
        if network in PAGES:
            request |= {"return_url": collection.return_url, "cancel_url": collection.return_url}
        if network in OTP_BEFORE:
            if not collection.otp:
                raise ProviderRejected(Reason.BAD_CODE, "otp", "a code is needed beforehand")
            request["otp"] = collection.otp
        return request

    def _units(self, asked: Collection | Payout) -> int:
        """Give the amount in whole francs; FeexPay knows no currency but its network's."""
        if asked.amount.currency != CURRENCIES.get(asked.country):
            raise ProviderRejected(Reason.MISCONFIGURED, "currency", "not this network's currency")
        return self.whole_units(asked.amount)

    def _ask(
        self,
        operation: str,
        method: str,
        path: str,
        asked: Collection | Payout,
        request: Mapping[str, object] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._api_key}"}
        body = b""
        if request is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(request).encode()
        return self.call(
            operation,
            method,
            path,
            reference=asked.reference,
            headers=headers,
            body=body,
            deadline=deadline,
        )

    def _read(
        self, operation: str, path: str, ref: str, asked: Collection | Payout, deadline: float
    ) -> Answer:
        path = f"{path}/{quote(ref, safe='')}"
        return self._ask(operation, "GET", path, asked, deadline=deadline)

    def _taken(self, answer: Answer) -> Outcome:
        """Read the first answer: a reference to ask about, and perhaps a page to open.

        Moov Benin may say its last word here; it is heard again from the status before it counts.
        """
        if not answer.ok:
            raise self._refusal(answer)
        data = part(answer.data, "data") or answer.data
        ref = text(data, "reference") or ""
        if not _REFERENCE.fullmatch(ref):
            raise self.unavailable("accepted without a reference")
        return Outcome(
            Status.PENDING,
            provider_ref=ref,
            words=evidence(text(data, "status"), why_failed(data)),
            page_url=text(data, "payment_url"),
        )

    def _refusal(self, answer: Answer) -> Exception:
        code, message = text(answer.data, "code") or "", text(answer.data, "message") or ""
        known = [REASONS[w.upper()] for w in (code, message) if w.upper() in REASONS]
        if DUPLICATE in (code.upper(), message.upper()) or answer.status not in REFUSALS:
            return self.unavailable(f"HTTP {answer.status} {evidence(code, message)}")
        reason = known[0] if known else REFUSALS[answer.status]
        return ProviderRejected(reason, code or str(answer.status), message)

    def _outcome(self, answer: Answer, ref: str, asked: Collection | Payout) -> Outcome:
        if not answer.ok:
            message = text(answer.data, "message") or ""
            if answer.status == 404 and message.upper() == UNKNOWN_REFERENCE:
                return Outcome(Status.ABSENT, words=evidence(message))
            raise self.unavailable(f"HTTP {answer.status} {evidence(message)}")
        data = part(answer.data, "data") or answer.data
        word = text(data, "status") or ""
        status = STATUSES.get(word)
        if status is None:
            raise self.unavailable(f"unknown status {evidence(word)}")
        paid, why = status is Status.SUCCEEDED, why_failed(data)
        return Outcome(
            status,
            # SUCCESSFUL without an amount happens: it is read again, and staff hear of it in time.
            amount=self._amount(data, asked) if paid else None,
            provider_ref=ref,
            transaction_ref=(text(data, "transref") or ref) if paid else None,
            payer=number_in(data) if paid else None,
            reason=reason_of(why, asked) if status is Status.FAILED else None,
            words=evidence(word, why),
            contradiction=contradiction_in(data, ref, asked),
        )

    def _amount(self, data: Data, asked: Collection | Payout) -> Money:
        return self.money(data.get("amount"), CURRENCIES.get(asked.country))

    def _looked_up(self, payout: Payout, deadline: float) -> str | None:
        """Find an earlier sending; when nobody can tell, say that this one never left."""
        try:
            return self._found(payout, deadline)
        except ProviderUnavailable as error:
            raise ProviderUnavailable(
                str(error), retry_after_s=error.retry_after_s, sent=False
            ) from error

    def _found(self, asked: Collection | Payout, deadline: float) -> str | None:
        """Find FeexPay's reference of an attempt by ours, which it keeps as `callback_info`."""
        now = clock.now()
        request = {
            "start_date": f"{now - _SEARCHED_BACK:%Y-%m-%d}",
            "end_date": f"{now + timedelta(days=1):%Y-%m-%d}",
            "shop": self._shop_id,
            "type": "ALL",
            "status": "ALL",
            "reseau": "ALL",
        }
        answer = self._ask("history", "POST", _HISTORY, asked, request, deadline)
        rows = answer.data.get("data")
        if not answer.ok or not isinstance(rows, list):
            raise self.unavailable(f"HTTP {answer.status} instead of the history")
        if not all(isinstance(row, dict) and "callback_info" in row for row in rows):
            # Without our reference in every row, not finding it would prove nothing.
            raise self.unavailable("a history without our references")
        refs = {text(row, "reference") for row in rows if row["callback_info"] == asked.reference}
        if len(refs) > 1 or None in refs:
            raise self.unavailable(f"{len(refs)} entries for one reference")
        return refs.pop() if refs else None


def _operator(chosen: str, number: str) -> str:
    """Give the chosen operator, or the one the number's prefix suggests."""
    try:
        return chosen or guess_operator(number) or ""
    except NumberParseException:
        return ""
