"""MTN MoMo: a request to pay approved by PIN; transfers and refunds from a purse of their own.

MTN sells products, each with its own keys and its own purse: Collections takes money in,
Disbursements sends it out and gives it back. A shop without the second only collects.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import ClassVar

import requests

from shop import clock
from shop.errors import ConfigurationError
from shop.money import Money
from shop.phone import CURRENCIES
from shop.providers.base import Provider
from shop.providers.mtn_words import (
    ENVIRONMENTS,
    REASONS,
    REFUSALS,
    SANDBOX_CURRENCY,
    STATUSES,
    Asked,
    country_of,
    reason_of,
    why_failed,
)
from shop.providers.reasons import Reason
from shop.providers.tokens import TokenCache, token_from
from shop.providers.values import (
    Answer,
    Authenticity,
    Capabilities,
    Collection,
    Notice,
    Outcome,
    Payout,
    ProviderRejected,
    Refund,
    Status,
)
from shop.providers.words import Data, ascii_words, evidence, parse_json, part, text, uuid_of

_REQUESTS = "/collection/v1_0/requesttopay"
_TRANSFERS = "/disbursement/v1_0/transfer"
_REFUNDS = "/disbursement/v1_0/refund"


class Mtn(Provider):
    """MTN MoMo Collections and Disbursements. Docs: https://momodeveloper.mtn.com/api-documentation"""

    name = "mtn"
    label = "MTN MoMo"
    docs_url = "https://momodeveloper.mtn.com/api-documentation"
    countries = tuple(ENVIRONMENTS)
    can = Capabilities(
        pay_out=True,
        refund=True,
        partial_refund=True,
        balance=True,
        webhook=Authenticity.UNSIGNED,
        deduplicates=True,
        lookup_by_reference=True,
        payout_deduplicates=True,
        payout_lookup=True,
    )
    sandbox_port = 2
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "subscription_key": "c0ffee00000000000000000000000001",
        "api_user": "7f3c2b1a-0d4e-4f6a-9b8c-5d2e1f0a9c8b",
        "api_key": "0123456789abcdef0123456789abcdef",
        "disbursement_subscription_key": "c0ffee00000000000000000000000002",
        "disbursement_api_user": "2d9e8f70-6b5a-4c3d-8e1f-a0b9c8d7e6f5",
        "disbursement_api_key": "fedcba9876543210fedcba9876543210",
    }

    def __init__(
        self,
        *,
        base_url: str,
        subscription_key: str,
        api_user: str,
        api_key: str,
        disbursement_subscription_key: str = "",
        disbursement_api_user: str = "",
        disbursement_api_key: str = "",
        environment: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        self._environment = environment
        self._collection = Product(self, "collection", subscription_key, api_user, api_key)
        outgoing = {
            "subscription_key": disbursement_subscription_key,
            "api_user": disbursement_api_user,
            "api_key": disbursement_api_key,
        }
        missing = [name for name, value in outgoing.items() if not value]
        if 0 < len(missing) < len(outgoing):
            raise ConfigurationError(f"MTN_DISBURSEMENT_{missing[0].upper()} is missing")
        self._disbursement = None if missing else Product(self, "disbursement", **outgoing)

    def collect(self, collection: Collection) -> Outcome:
        """Ask the payer's phone for its PIN; a 202 means heard, never paid."""
        request_id = self.request_id(collection.reference)
        request = self._request(collection, collection.payer, "payer")
        return self._begin("collect", self._collection, _REQUESTS, collection, request_id, request)

    def collection_status(self, collection: Collection) -> Outcome:
        """Read the request to pay, by an id that can be worked out again after any crash."""
        request_id = collection.provider_ref or self.request_id(collection.reference)
        return self._read("collection_status", self._collection, _REQUESTS, collection, request_id)

    def pay_out(self, payout: Payout) -> Outcome:
        """Send money to a phone; a 202 means heard, never sent.

        The id is worked out from the reference and MTN takes an id once: asking again can never
        send twice.
        """
        self._require_disbursement()
        transfer_id = self._outgoing_id("transfer", payout.reference)
        request = self._request(payout, payout.payee, "payee")
        return self._begin("pay_out", self._outgoing(), _TRANSFERS, payout, transfer_id, request)

    def pays_out_to(self, operator: str, country: str) -> bool:
        """MTN sends where the shop has keys of the disbursement product."""
        return self._disbursement is not None and super().pays_out_to(operator, country)

    def gives_back(self) -> bool:
        """MTN gives back with the same keys."""
        return self._disbursement is not None

    def payout_status(self, payout: Payout) -> Outcome:
        """Read the transfer, by an id that can be worked out again after any crash."""
        transfer_id = payout.provider_ref or self._outgoing_id("transfer", payout.reference)
        return self._read("payout_status", self._outgoing(), _TRANSFERS, payout, transfer_id)

    def refund(self, refund: Refund) -> Outcome:
        """Give back all of a request to pay, or a part; a 202 means heard, never given.

        The money leaves the disbursement purse. `amount` is a free field, and whether MTN counts
        what it gave back before is not documented: the caller keeps the sum.
        """
        self._require_disbursement()
        collection = refund.collection
        words = ascii_words(f"Remboursement {refund.reference}", 160)
        request: dict[str, object] = {
            "amount": refund.amount.to_wire(),
            "currency": self._currency(refund.amount),
            "externalId": refund.reference,
            "payerMessage": words,
            "payeeNote": words,
            "referenceIdToRefund": collection.provider_ref or self.request_id(collection.reference),
        }
        refund_id = self._outgoing_id("refund", refund.reference)
        return self._begin("refund", self._outgoing(), _REFUNDS, refund, refund_id, request)

    def refund_status(self, refund: Refund) -> Outcome:
        """Read the refund, by an id that can be worked out again after any crash."""
        refund_id = refund.provider_ref or self._outgoing_id("refund", refund.reference)
        return self._read("refund_status", self._outgoing(), _REFUNDS, refund, refund_id)

    def balance(self, currency: str) -> Money:
        """Add up what can be sent out in a currency: one disbursement purse per country.

        What was collected lies in other purses until MTN moves it; where the shop has no
        disbursement account, those are told instead.
        """
        product = self._disbursement or self._collection
        held = Money(0, currency)
        deadline = clock.monotonic() + self.timing.total_s
        for target in self._targets(currency):
            path = f"/{product.name}/v1_0/account/balance"
            answer = self._ask(
                "balance", "GET", path, "balance", product, target, deadline=deadline
            )
            if not answer.ok:
                raise self.unavailable(f"HTTP {answer.status} instead of a balance")
            said = text(answer.data, "currency")
            if said != self._currency(held):
                raise self.unavailable(f"a purse in {evidence(said)}")
            held += self.money(answer.data.get("availableBalance"), currency)
        return held

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Read which request a callback speaks of; MTN signs nothing, so it is only a hint."""
        try:
            message = parse_json(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        if text(message, "status") is None:
            return Notice(Authenticity.REJECTED)
        # externalId may be missing in failed bodies; the address then tells which payment.
        kind, reference = text(message, "status") or "", text(message, "externalId")
        sent = "payee" in message
        return Notice(
            Authenticity.UNSIGNED,
            kind=evidence(f"payout.{kind}" if sent else kind),
            reference=reference,
        )

    def speaks(self, answer: Answer) -> bool:
        """Take MTN's named business refusals, which arrive as HTTP 500, for what they are."""
        return text(answer.data, "code") in REFUSALS

    def request_id(self, reference: str) -> str:
        """Work out the X-Reference-Id of a collection.

        The API user is part of it, so that two merchants who drew the same eight characters never
        share an id.
        """
        return uuid_of(self._collection.api_user, reference)

    def _outgoing(self) -> Product:
        if self._disbursement is None:
            raise self.unavailable("no disbursement keys are set")
        return self._disbursement

    def _require_disbursement(self) -> None:
        """Refuse to send, before calling, where the shop has no keys for it."""
        if self._disbursement is None:
            raise ProviderRejected(Reason.MISCONFIGURED, "disbursement", "no keys are set")

    def _outgoing_id(self, kind: str, reference: str) -> str:
        """Work out the X-Reference-Id of a transfer or refund; MTN keeps one set for all kinds."""
        return uuid_of(self._outgoing().api_user, kind, reference)

    def _request(self, asked: Collection | Payout, number: str, party: str) -> dict[str, object]:
        words = ascii_words(asked.description, 160)
        return {
            "amount": asked.amount.to_wire(),
            "currency": self._currency(asked.amount),
            "externalId": asked.reference,
            party: {"partyIdType": "MSISDN", "partyId": number.removeprefix("+")},
            "payerMessage": words,
            "payeeNote": words,
        }

    def _begin(
        self,
        operation: str,
        product: Product,
        path: str,
        asked: Asked,
        request_id: str,
        request: Mapping[str, object],
    ) -> Outcome:
        country = country_of(asked)
        target = self._environment or ENVIRONMENTS.get(country)
        if target is None:
            raise ProviderRejected(Reason.MISCONFIGURED, "country", "MTN is not there")
        headers = {"X-Reference-Id": request_id, "Content-Type": "application/json"}
        webhook_url = "" if isinstance(asked, Refund) else asked.webhook_url
        if webhook_url:  # an empty header is answered with a 400
            headers["X-Callback-Url"] = webhook_url
        body = json.dumps(request).encode()
        answer = self._ask(operation, "POST", path, asked.reference, product, target, headers, body)
        code = text(answer.data, "code") or ""
        if answer.ok or answer.status == 409:
            # A 409 is our own earlier sending, whose answer was lost: the id is ours alone.
            return Outcome(Status.PENDING, provider_ref=request_id, words=evidence(code))
        reason = reason_of(code, asked) if code in REASONS else Reason.MISCONFIGURED
        raise ProviderRejected(reason, code, text(answer.data, "message"))

    def _read(
        self, operation: str, product: Product, path: str, asked: Asked, request_id: str
    ) -> Outcome:
        country = country_of(asked)
        target = self._environment or ENVIRONMENTS.get(country)
        if target is None:
            raise self.unavailable(f"no wallet system in {country}")
        path = f"{path}/{request_id}"
        answer = self._ask(operation, "GET", path, asked.reference, product, target)
        if answer.status == 200:
            return self._outcome(answer.data, request_id, asked)
        code = text(answer.data, "code") or ""
        if answer.status == 404 and code == "RESOURCE_NOT_FOUND":
            return Outcome(Status.ABSENT, words=code)
        raise self.unavailable(f"HTTP {answer.status} {evidence(code)}")

    def _ask(
        self,
        operation: str,
        method: str,
        path: str,
        reference: str,
        product: Product,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        deadline: float | None = None,
    ) -> Answer:
        def send(token: str, deadline: float) -> Answer:
            return self.call(
                operation,
                method,
                path,
                reference=reference,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Ocp-Apim-Subscription-Key": product.subscription_key,
                    "X-Target-Environment": target,
                    **(headers or {}),
                },
                body=body,
                deadline=deadline,
            )

        return product.tokens.speak(product.fetch_token, send, deadline)

    def _targets(self, currency: str) -> list[str]:
        """List the wallet systems of a currency; MTN's own sandbox is one, whatever we call it."""
        if self._environment:
            return [self._environment]
        return [target for c, target in ENVIRONMENTS.items() if CURRENCIES[c] == currency]

    def _currency(self, amount: Money) -> str:
        in_sandbox = self._environment == "sandbox"
        return SANDBOX_CURRENCY if in_sandbox else amount.currency

    def _outcome(self, data: Data, request_id: str, asked: Asked) -> Outcome:
        word = text(data, "status") or ""
        status = STATUSES.get(word)
        if status is None:
            raise self.unavailable(f"unknown status {evidence(word)}")
        if status is not Status.SUCCEEDED:
            why = why_failed(data) if status is Status.FAILED else ""
            reason = reason_of(why, asked) if status is Status.FAILED else None
            return Outcome(
                status, provider_ref=request_id, reason=reason, words=evidence(word, why)
            )
        payer = text(part(data, "payer"), "partyId")
        return Outcome(
            status,
            amount=self._amount(data, asked),
            provider_ref=request_id,
            # The id of the money; where it is missing, the request's own id is as unique.
            transaction_ref=text(data, "financialTransactionId") or request_id,
            payer=f"+{payer.removeprefix('+')}" if payer else None,
            words=evidence(word),
            contradiction=self._contradiction(data, asked),
        )

    def _amount(self, data: Data, asked: Asked) -> Money:
        said = text(data, "currency")
        same = said == self._currency(asked.amount)  # the sandbox's euros are our francs
        return self.money(data.get("amount"), asked.amount.currency if same else said)

    def _contradiction(self, data: Data, asked: Asked) -> str | None:
        if text(data, "externalId") not in (None, asked.reference):
            return "reference"
        return None if text(data, "currency") == self._currency(asked.amount) else "currency"


class Product:
    """One of MTN's products: its keys, its API user and its tokens, which open no other."""

    def __init__(
        self, provider: Mtn, name: str, subscription_key: str, api_user: str, api_key: str
    ) -> None:
        self.name = name
        self.subscription_key = subscription_key
        self.api_user = api_user
        self.tokens = TokenCache(provider.timing.total_s)
        basic = b64encode(f"{api_user}:{api_key}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Ocp-Apim-Subscription-Key": subscription_key}
        # No body: one on this path is a listed cause of 400. The slash at its end belongs to it.
        self.fetch_token = token_from(provider, f"/{name}/token/", headers)
