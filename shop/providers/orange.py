"""Orange Money WebPay: a hosted page where the payer types number and one-time code.

Money only comes in here. Web Payment has no payout, no refund and no balance: its three calls open a
page, tell a status and give a token, and `Orange.can` says so. What has to go back to an Orange
number goes through another provider that serves it, or to the payer's wallet here.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import ClassVar

import requests

from shop.providers.base import Provider
from shop.providers.reasons import Reason
from shop.providers.tokens import TokenCache, token_from
from shop.providers.values import (
    Answer,
    Authenticity,
    Capabilities,
    Collection,
    Notice,
    Outcome,
    ProviderRejected,
    Status,
    Timing,
)
from shop.providers.words import Data, ascii_words, evidence, parse_json, text

#: INITIATED lasts for ever when the payer walks away: we stop asking the payer, not Orange.
STATUSES = {
    "INITIATED": Status.PENDING,
    "PENDING": Status.PENDING,
    "EXPIRED": Status.FAILED,
    "SUCCESS": Status.SUCCEEDED,
    "FAILED": Status.FAILED,
}

#: Orange says why only for EXPIRED.
STATUS_REASONS = {"EXPIRED": Reason.TIMEOUT, "FAILED": Reason.REFUSED}

#: `code` of a refused request.
REASONS = {
    "20": Reason.MISCONFIGURED,
    "21": Reason.MISCONFIGURED,
    "22": Reason.MISCONFIGURED,
    "23": Reason.MISCONFIGURED,
    "24": Reason.MISCONFIGURED,
    "25": Reason.MISCONFIGURED,
    "26": Reason.MISCONFIGURED,
    "27": Reason.MISCONFIGURED,
    "28": Reason.MISCONFIGURED,
    "40": Reason.MISCONFIGURED,
    "41": Reason.MISCONFIGURED,
    "42": Reason.MISCONFIGURED,
    "50": Reason.MISCONFIGURED,
    "60": Reason.MISCONFIGURED,
    "61": Reason.MISCONFIGURED,
    "1201": Reason.BLOCKED,
    "1202": Reason.MISCONFIGURED,
    "1203": Reason.MISCONFIGURED,
    # The order id was used: by our own sending whose answer, and pay_token, were lost. Nobody can
    # have the address of that page, so it can never be paid; a new attempt takes a new reference.
    "1204": Reason.REFUSED,
}

#: "Too many requests" comes as a 403.
TOO_MANY = "53"

#: The unit of the `dev` endpoint; francs go there as the same number of it.
SANDBOX_CURRENCY = "OUV"


class Orange(Provider):
    """Orange Money Web Payment. Docs: https://developer.orange.com/apis/om-webpay"""

    name = "orange"
    label = "Orange Money"
    docs_url = "https://developer.orange.com/apis/om-webpay"
    countries = ("CI", "SN", "ML", "CM", "GN", "CD")
    can = Capabilities(
        webhook=Authenticity.TOKEN,
        hosted_page=True,
        deduplicates=True,
        lookup_by_reference=False,
        reports_amount=False,
        expires_alone=False,
    )
    # The page's token lives ten minutes; whoever confirms later gets EXPIRED, whoever walks away leaves
    # INITIATED for ever. Fifteen minutes is the token's life and a margin.
    timing = Timing(approval_s=600.0, void_after_s=900.0)
    sandbox_port = 3
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "client_id": "sandbox-orange-client",
        "client_secret": "sandbox-orange-secret",
        "merchant_key": "a1b2c3d4",
    }

    def __init__(
        self,
        *,
        base_url: str,
        client_id: str,
        client_secret: str,
        merchant_key: str,
        environment: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        basic = b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._merchant_key = merchant_key
        self._environment = environment
        self._tokens = TokenCache(self.timing.total_s)
        headers = {
            "Authorization": f"Basic {basic}",
            "Accept": "application/json",  # without it: 406
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = b"grant_type=client_credentials"
        self._fetch_token = token_from(self, "/oauth/v3/token", headers, form)

    def collect(self, collection: Collection) -> Outcome:
        """Open a payment page; its tokens go to `memory`, without which nothing can be asked."""
        request = self._page_request(collection)
        answer = self._ask("collect", "webpayment", collection, request)
        if not answer.ok:
            raise self._refusal(answer)
        pay_token = text(answer.data, "pay_token")
        notif_token = text(answer.data, "notif_token")
        page_url = text(answer.data, "payment_url")
        if pay_token is None or notif_token is None or page_url is None:
            raise self.unavailable("a payment page without its tokens")
        return Outcome(
            Status.PENDING,
            words=evidence(text(answer.data, "message")),
            page_url=page_url,
            memory={"pay_token": pay_token},
            echo_token=notif_token,
        )

    def collection_status(self, collection: Collection) -> Outcome:
        """Ask by order, amount and pay_token.

        Without a pay_token the answer to `collect` never reached us, so no payer ever saw the page:
        the payment does not exist for anyone, and Orange has no search to say more.
        """
        pay_token = collection.memory.get("pay_token")
        if pay_token is None:
            return Outcome(Status.ABSENT, words="no pay_token: nobody was given the page")
        request = {
            "order_id": collection.reference,
            "amount": self.whole_units(collection.amount),
            "pay_token": pay_token,
        }
        answer = self._ask("collection_status", "transactionstatus", collection, request)
        if not answer.ok:
            code = evidence(text(answer.data, "code"))
            raise self.unavailable(f"HTTP {answer.status} code {code}")
        return self._outcome(answer.data, collection)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Read the echoed `notif_token`, the only proof and the only link to a payment."""
        try:
            message = parse_json(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        token = text(message, "notif_token")
        if token is None or not token.isascii():
            return Notice(Authenticity.REJECTED)
        kind = evidence(text(message, "status"))
        return Notice(Authenticity.TOKEN, kind=kind, echoed_token=token)

    def _page_request(self, collection: Collection) -> dict[str, object]:
        return {
            "merchant_key": self._merchant_key,
            "currency": self._currency(collection),
            "order_id": collection.reference,
            "amount": self.whole_units(collection.amount),
            "return_url": collection.return_url,
            "cancel_url": collection.return_url,
            "notif_url": collection.webhook_url,
            "lang": "en" if collection.language == "en" else "fr",
            "reference": _merchant_words(collection.description),
        }

    def _ask(
        self, operation: str, verb: str, collection: Collection, request: Mapping[str, object]
    ) -> Answer:
        country = self._environment or collection.country.lower()
        body = json.dumps(request).encode()

        def send(token: str, deadline: float) -> Answer:
            return self.call(
                operation,
                "POST",
                f"/orange-money-webpay/{country}/v1/{verb}",
                reference=collection.reference,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                },
                body=body,
                deadline=deadline,
            )

        return self._tokens.speak(self._fetch_token, send)

    def _currency(self, collection: Collection) -> str:
        in_sandbox = self._environment == "dev"
        return SANDBOX_CURRENCY if in_sandbox else collection.amount.currency

    def _refusal(self, answer: Answer) -> Exception:
        code = text(answer.data, "code") or ""
        if code == TOO_MANY:
            return self.unavailable("too many requests")
        reason = REASONS.get(code, Reason.REFUSED)
        return ProviderRejected(reason, code, text(answer.data, "message"))

    def _outcome(self, data: Data, collection: Collection) -> Outcome:
        word = text(data, "status") or ""
        status = STATUSES.get(word)
        if status is None:
            raise self.unavailable(f"unknown status {evidence(word)}")
        paid = status is Status.SUCCEEDED
        same_order = text(data, "order_id") == collection.reference
        return Outcome(
            status,
            # Orange repeats no amount. Where it leaves out its own id, ours is as unique to it.
            transaction_ref=(text(data, "txnid") or collection.reference) if paid else None,
            reason=STATUS_REASONS.get(word),
            words=evidence(word),
            untouched=word == "INITIATED",
            contradiction=None if same_order else "reference",
        )


def _merchant_words(description: str) -> str:
    """Keep letters, digits and spaces: accents and dashes are answered with code 24."""
    return "".join(c if c.isalnum() else " " for c in ascii_words(description, 30)).strip()
