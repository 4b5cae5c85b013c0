"""FedaPay: one key for the wallets of eight countries; a push where it has one, else its page.

What public guides of this API get wrong, and what is done here instead:
the signature covers `t`, a dot and the raw bytes (never a re-serialised body), within five minutes
either way; `callback_url?status=approved` proves nothing; `declined` and `canceled` are tries, after
which its page still takes money; "was paid" in its libraries counts what was refunded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import ClassVar
from urllib.parse import quote, urlencode

import requests

from shop import clock
from shop.money import Money
from shop.phone import guess_operator
from shop.providers.base import Provider
from shop.providers.fedapay_api import FedaPayApi
from shop.providers.fedapay_words import (
    MODES,
    PAYOUT_STATUSES,
    REASONS,
    STATUS_REASONS,
    STATUSES,
    TRIES,
    contradiction,
    currency_of,
    error_fields,
    event_id,
    fee,
    payout_reason,
    phone,
    refusal,
    signature,
)
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
    Status,
    Timing,
)
from shop.providers.words import Data, ascii_words, evidence, header, parse_json, part, text


class FedaPay(Provider):
    """FedaPay transactions and payouts. Docs: https://docs.fedapay.com"""

    name = "fedapay"
    label = "FedaPay"
    docs_url = "https://docs.fedapay.com"
    countries = ("BJ", "TG", "CI", "SN", "ML", "BF", "NE", "GN")
    can = Capabilities(
        pay_out=True,
        balance=True,
        webhook=Authenticity.SIGNED,
        hosted_page=True,
        deduplicates=True,
        lookup_by_reference=True,
        payout_deduplicates=True,
        payout_lookup=True,
        lists=True,
    )
    # An unpaid transaction expires after 24 hours.
    timing = Timing(approval_s=86_400.0, finality_s=172_800.0)
    webhook_headers = ("X-FEDAPAY-SIGNATURE",)
    sandbox_port = 5
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "secret_key": "sk_sandbox_cauri0000000000000000",
        "webhook_secret": "wh_sandbox_cauri0000000000000000",
    }

    def __init__(
        self,
        *,
        base_url: str,
        secret_key: str,
        webhook_secret: str,
        mode: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        self._secret_key = secret_key
        # Several, comma separated, while a secret is being replaced.
        self._webhook_secrets = [s.strip() for s in webhook_secret.split(",") if s.strip()]
        self._only_mode = mode
        """`momo_test`, the one mode of FedaPay's own sandbox."""
        self.api = FedaPayApi(self._ask)
        """The objects behind the promises, call by call."""

    def collect(self, collection: Collection) -> Outcome:
        """Make a transaction, then ring the phone or give the page's address.

        Without an operator, or for one FedaPay cannot ring, the payer goes on to the page.
        """
        deadline = clock.monotonic() + self.timing.total_s
        body = self._transaction_request(collection)
        reference = collection.reference
        answer = self._ask("collect", "POST", "/v1/transactions", reference, body, deadline)
        if not answer.ok:
            return self._refused(answer, collection)
        transaction = self._entity(answer, "transaction")
        outcome = self._outcome(transaction, collection)
        mode = self._mode(collection)
        token, url = self._token(transaction, reference, deadline)
        if mode is None:
            return replace(outcome, page_url=url)
        self._ring(mode, token, collection, deadline)
        return outcome

    def collection_status(self, collection: Collection) -> Outcome:
        """Read the transaction, by its id or by our own reference when that was lost."""
        if collection.provider_ref is None:
            path = f"/v1/transactions/merchant/{quote(collection.reference, safe='')}"
        else:
            path = f"/v1/transactions/{quote(collection.provider_ref, safe='')}"
        answer = self._ask("collection_status", "GET", path, collection.reference)
        if answer.ok:
            return self._outcome(self._entity(answer, "transaction"), collection)
        if answer.status == 404 and text(answer.data, "message"):
            return Outcome(Status.ABSENT, words="no such transaction")
        raise self.unavailable(f"HTTP {answer.status}")

    def pay_out(self, payout: Payout) -> Outcome:
        """Make a payout that moves nothing, then start it: the one call that counts.

        The start names FedaPay's own id, so that asking twice can never send twice. A payout of this
        reference that exists already is looked for first and started instead of a new one.
        """
        mode = self._payout_mode(payout)
        deadline = clock.monotonic() + self.timing.total_s
        try:
            found = self._found_payout(payout, deadline)
            entity = found or self._created_payout(payout, mode, deadline)
        except ProviderUnavailable as error:
            # Whatever happened so far moves no money by itself.
            raise ProviderUnavailable(
                str(error), retry_after_s=error.retry_after_s, sent=False
            ) from error
        if text(entity, "status") != "pending":
            return self._payout_outcome(entity, payout)
        return self._start(entity, payout, deadline, fresh=found is None)

    def pays_out_to(self, operator: str, country: str) -> bool:
        """FedaPay sends to the operators that have a mode of their own."""
        return (operator, country) in MODES

    def payout_status(self, payout: Payout) -> Outcome:
        """Read the payout, by its id or by our own reference when that was lost."""
        if payout.provider_ref is None:
            found = self._found_payout(payout, None)
            if found is None:
                return Outcome(Status.ABSENT, words="no such payout")
            return self._payout_outcome(found, payout)
        path = f"/v1/payouts/{quote(payout.provider_ref, safe='')}"
        answer = self._ask("payout_status", "GET", path, payout.reference)
        if answer.ok:
            return self._payout_outcome(self._entity(answer, "payout"), payout)
        if answer.status == 404 and text(answer.data, "message"):
            return Outcome(Status.ABSENT, words="no such payout")
        raise self.unavailable(f"HTTP {answer.status}")

    def balance(self, currency: str) -> Money:
        """Add up what FedaPay holds for us in a currency: it keeps one balance per mode."""
        answer = self._ask("balance", "GET", "/v1/balances", "balance")
        held = Money(0, currency)
        for entry in self._list(answer, "balances"):
            if currency_of(entry) == currency:
                held += self.money(entry.get("amount"), currency)
        return held

    def listed(self, since: datetime, until: datetime | None) -> Iterator[Outcome]:
        """Read FedaPay's own list, ours or not; a status word we do not know stops it."""
        for transaction in self.api.transactions.since(since):
            word = text(transaction, "status") or ""
            status = STATUSES.get(word)
            if status is None:
                raise self.unavailable(f"unknown status {evidence(word)}")
            made_at = datetime.fromisoformat(text(transaction, "created_at") or "")
            if status is not Status.SUCCEEDED or (until is not None and made_at >= until):
                continue
            currency = currency_of(transaction)
            provider_ref = text(transaction, "id")
            yield Outcome(
                status,
                amount=self.money(transaction.get("amount"), currency),
                provider_ref=provider_ref,
                transaction_ref=provider_ref,
                words=evidence(word),
            )

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Check X-FEDAPAY-SIGNATURE over the raw bytes; only then is anything read."""
        given = header(headers, "X-FEDAPAY-SIGNATURE")
        signers = [partial(signature, secret, body=body) for secret in self._webhook_secrets]
        if not dated(given, "s", now_s, signers):
            return Notice(Authenticity.REJECTED)
        try:
            event = parse_json(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        entity, kind = part(event, "entity"), text(event, "name") or ""
        ours = kind.partition(".")[0] in ("transaction", "payout")
        return Notice(
            Authenticity.SIGNED,
            event_id=event_id(event, entity),
            kind=kind,
            reference=text(entity, "merchant_reference") if ours else None,
            provider_ref=text(entity, "id") if ours else None,
            ignorable=not ours,
        )

    def _ask(
        self,
        operation: str,
        method: str,
        path: str,
        reference: str,
        body: object = None,
        deadline: float | None = None,
    ) -> Answer:
        """Send one request with our key; the reference is for the log."""
        headers = {"Authorization": f"Bearer {self._secret_key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self.call(
            operation,
            method,
            path,
            reference=reference,
            headers=headers,
            body=b"" if body is None else json.dumps(body).encode(),
            deadline=deadline,
        )

    def _transaction_request(self, collection: Collection) -> dict[str, object]:
        # No customer: its identity is an e-mail address, which we do not have. The payer types the
        # number on the page, or it goes with the token.
        return {
            "description": ascii_words(collection.description, 40),
            "amount": self.whole_units(collection.amount),
            "currency": {"iso": collection.amount.currency},
            "callback_url": collection.return_url,
            "merchant_reference": collection.reference,
        }

    def _refused(self, answer: Answer, collection: Collection) -> Outcome:
        """Find our own earlier transaction when that is why; otherwise say it was refused."""
        if "merchant_reference" not in error_fields(answer.data):
            raise refusal(answer)
        outcome = self.collection_status(replace(collection, provider_ref=None))
        if outcome.status is Status.ABSENT:
            raise self.unavailable("a reference both taken and unknown")
        return outcome

    def _token(self, transaction: Data, reference: str, deadline: float) -> tuple[str, str]:
        """Give the token and the page: newer answers hold both, older ones want another call."""
        token, url = text(transaction, "payment_token"), text(transaction, "payment_url")
        if token is None or url is None:
            path = f"/v1/transactions/{text(transaction, 'id')}/token"
            answer = self._ask("collect", "POST", path, reference, {}, deadline)
            token, url = text(answer.data, "token"), text(answer.data, "url")
        if token is None or url is None:
            raise self.unavailable("a transaction without its token")
        return token, url

    def _ring(self, mode: str, token: str, collection: Collection, deadline: float) -> None:
        """Send the request to the phone. A refusal is final: nobody else holds the token."""
        body = {"token": token, "phone_number": phone(collection.payer, collection.country)}
        path = f"/v1/{mode}"
        answer = self._ask("collect", "POST", path, collection.reference, body, deadline)
        if not answer.ok:
            raise refusal(answer)

    def _mode(self, collection: Collection) -> str | None:
        mode = MODES.get((collection.operator, collection.country))
        return (self._only_mode or mode) if mode else None

    def _entity(self, answer: Answer, kind: str) -> Data:
        """Unwrap `v1/transaction`, or take the bare object the reference pages show."""
        entity = part(answer.data, f"v1/{kind}") or answer.data
        if text(entity, "id") is None or text(entity, "status") is None:
            raise self.unavailable(f"an answer that is no {kind}")
        return entity

    def _list(self, answer: Answer, kind: str) -> list[Data]:
        entries = answer.data.get(f"v1/{kind}")
        if not answer.ok or not isinstance(entries, list):
            raise self.unavailable(f"HTTP {answer.status} without {kind}")
        return [entry for entry in entries if isinstance(entry, dict)]

    def _outcome(self, transaction: Data, collection: Collection) -> Outcome:
        word, code = text(transaction, "status") or "", text(transaction, "last_error_code") or ""
        status = self._status(word, collection)
        paid = status is Status.SUCCEEDED
        currency = currency_of(transaction)
        amount = self.money(transaction.get("amount"), currency) if paid else None
        reason = REASONS.get(code) or STATUS_REASONS.get(word, Reason.REFUSED)
        on_page = status is Status.PENDING and self._mode(collection) is None
        provider_ref = text(transaction, "id")
        return Outcome(
            status,
            amount=amount,
            provider_ref=provider_ref,
            transaction_ref=provider_ref if paid else None,
            fee=fee(transaction, amount),
            reason=reason if status is Status.FAILED else None,
            words=evidence(word, code),
            page_url=text(transaction, "payment_url") if on_page else None,
            contradiction=contradiction(transaction, currency, collection),
        )

    def _status(self, word: str, collection: Collection) -> Status:
        """Read a status word; on the page, a failed try leaves the transaction payable."""
        status = STATUSES.get(word)
        if status is None:
            raise self.unavailable(f"unknown status {evidence(word)}")
        if word in TRIES and self._mode(collection) is None:
            return Status.PENDING
        return status

    def _payout_mode(self, payout: Payout) -> str:
        operator = payout.operator or guess_operator(payout.payee) or ""
        mode = MODES.get((operator, payout.country))
        if mode is None:
            raise ProviderRejected(Reason.WRONG_OPERATOR, "mode", "FedaPay cannot pay it out")
        return self._only_mode or mode

    def _found_payout(self, payout: Payout, deadline: float | None) -> Data | None:
        """Search by our reference. Reading one page of several could miss it: then nobody knows."""
        query = urlencode({"search": payout.reference, "per_page": 100})
        path = f"/v1/payouts/search?{query}"
        answer = self._ask("payout_status", "GET", path, payout.reference, None, deadline)
        entries = self._list(answer, "payouts")
        found = [e for e in entries if text(e, "merchant_reference") == payout.reference]
        if len(found) > 1:
            raise self.unavailable(f"{len(found)} payouts for one reference")
        if not found and text(part(answer.data, "meta"), "next_page"):
            raise self.unavailable("too many payouts to tell")
        return found[0] if found else None

    def _created_payout(self, payout: Payout, mode: str, deadline: float) -> Data:
        customer = {
            "firstname": "Client",
            "lastname": payout.reference,
            "phone_number": phone(payout.payee, payout.country),
        }
        body = {
            "amount": self.whole_units(payout.amount),
            "currency": {"iso": payout.amount.currency},
            "mode": mode,
            "customer": customer,
            "merchant_reference": payout.reference,
        }
        answer = self._ask("pay_out", "POST", "/v1/payouts", payout.reference, body, deadline)
        if not answer.ok:
            raise refusal(answer)
        return self._entity(answer, "payout")

    def _start(self, entity: Data, payout: Payout, deadline: float, *, fresh: bool) -> Outcome:
        payout_id = int(text(entity, "id") or 0)
        number = phone(payout.payee, payout.country)
        body = {"payouts": [{"id": payout_id, "phone_number": number}]}
        answer = self._ask("pay_out", "PUT", "/v1/payouts/start", payout.reference, body, deadline)
        if answer.ok:
            return Outcome(Status.PENDING, provider_ref=str(payout_id), words="started")
        if fresh:
            raise refusal(answer)
        # One made earlier may be refused because it is on its way already.
        raise self.unavailable(f"HTTP {answer.status} when starting again")

    def _payout_outcome(self, entity: Data, payout: Payout) -> Outcome:
        word, code = text(entity, "status") or "", text(entity, "last_error_code") or ""
        status = PAYOUT_STATUSES.get(word)
        if status is None:
            raise self.unavailable(f"unknown status {evidence(word)}")
        sent = status is Status.SUCCEEDED
        provider_ref, currency = text(entity, "id"), currency_of(entity)
        return Outcome(
            status,
            amount=self.money(entity.get("amount"), currency) if sent else None,
            provider_ref=provider_ref,
            transaction_ref=provider_ref if sent else None,
            reason=payout_reason(code) if status is Status.FAILED else None,
            words=evidence(word, code),
            untouched=word == "pending",
            contradiction=contradiction(entity, currency, payout),
        )
