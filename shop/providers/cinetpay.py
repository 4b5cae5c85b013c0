"""CinetPay: its checkout page ("v2") for ten countries, and its transfers for payouts.

What public guides of this API get wrong, and what is done here instead:
a notification decides nothing, even signed: `x-token` covers sixteen values joined without a
separator, and no moment, so that it can be cut otherwise and replayed for ever; only the check
call's code *and* status pay, with its amount and currency. The word is `SUCCES`, and is not read.
A failure without REFUSED beside it is not one yet. An answer of the old form, which holds neither
status nor amount, tells nothing. Transfer notices are not signed at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar
from urllib.parse import urlencode

import requests

from shop import clock
from shop.money import Money
from shop.phone import COUNTRIES
from shop.providers.base import Provider
from shop.providers.cinetpay_words import (
    ALREADY_A_CONTACT,
    BAD_TOKEN,
    CLOSED,
    CODES,
    NOT_FOUND,
    REQUEST_REASONS,
    RETRY_LATER,
    TRANSFER_METHODS,
    TRANSFER_REASONS,
    TRANSFER_STATUSES,
    WAITING,
    code_of,
    items,
    read_form,
    x_token,
)
from shop.providers.reasons import Reason
from shop.providers.signatures import same_digest
from shop.providers.tokens import Token, TokenCache
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
from shop.providers.words import Data, ascii_words, evidence, header, part, text

#: Amounts are whole multiples of this.
STEP = 5

#: A transfer token lives five minutes.
TOKEN_S = 300


class CinetPay(Provider):
    """CinetPay checkout v2 and transfers. Docs: https://docs.cinetpay.com

    An account holds one currency: with several, each is another CinetPay account.
    """

    name = "cinetpay"
    label = "CinetPay"
    docs_url = "https://docs.cinetpay.com"
    countries = ("CI", "SN", "ML", "BF", "TG", "BJ", "NE", "CM", "GN", "CD")
    can = Capabilities(
        pay_out=True,
        balance=True,
        webhook=Authenticity.SIGNED,
        dates_webhooks=False,
        hosted_page=True,
        deduplicates=True,
        lookup_by_reference=True,
        payout_lookup=True,
    )
    timing = Timing(approval_s=1800.0)
    sandbox_port = 6
    sandbox_settings: ClassVar[Mapping[str, str]] = {
        "api_key": "125217465262b1b9e8cauri0.00000000",
        "site_id": "445160",
        "secret_key": "sandbox-cinetpay-signing-key",
        "transfer_password": "sandbox-cinetpay-transfers",
    }

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        site_id: str,
        secret_key: str,
        transfer_url: str = "",
        transfer_password: str = "",
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(base_url=base_url, session=session)
        self._api_key = api_key
        self._site_id = site_id
        # Several, comma separated, while the key is being replaced.
        self._secret_keys = [s.strip() for s in secret_key.split(",") if s.strip()]
        self._transfer_url = transfer_url.rstrip("/") or None
        self._transfer_password = transfer_password
        self._tokens = TokenCache(self.timing.total_s)

    def collect(self, collection: Collection) -> Outcome:
        """Open a checkout page; the payer picks the wallet and confirms there."""
        request = self._checkout_request(collection)
        answer = self._check_out("collect", "", collection, request)
        code = code_of(answer.data)
        if not answer.ok or code != "201":
            raise self._refusal(answer)
        data = part(answer.data, "data")
        token, page_url = text(data, "payment_token"), text(data, "payment_url")
        if token is None or page_url is None:
            raise self.unavailable("a payment without its page")
        return Outcome(Status.PENDING, provider_ref=token, page_url=page_url, words=code)

    def collection_status(self, collection: Collection) -> Outcome:
        """Ask the check call, the only word that counts, by our own reference."""
        request = {"transaction_id": collection.reference}
        answer = self._check_out("collection_status", "/check", collection, request)
        code = code_of(answer.data)
        if code == NOT_FOUND:
            return Outcome(Status.ABSENT, words=code)
        status, reason = CODES.get(code, (None, None))
        data = part(answer.data, "data")
        word = text(data, "status") or ""
        if status is None or not _agree(status, code, word):
            raise self.unavailable(f"HTTP {answer.status} code {evidence(code, word)}")
        if status is Status.SUCCEEDED:
            return self._paid(data, collection)
        if word in WAITING:
            status, reason = Status.PENDING, None  # a try failed, the page is still open
        return Outcome(
            status,
            provider_ref=collection.provider_ref,
            reason=reason,
            words=evidence(code, word),
        )

    def pay_out(self, payout: Payout) -> Outcome:
        """Send a transfer, after looking whether our reference was sent already.

        Whether CinetPay refuses a reference twice is not documented: we never rely on it.
        """
        amount = self._units(payout.amount)
        if not self._transfer_password:
            raise ProviderRejected(Reason.MISCONFIGURED, "password", "no transfer account is set")
        deadline = clock.monotonic() + self.timing.total_s
        try:
            found = self._transfer(payout, deadline)
            if found is None:
                self._introduce(payout, deadline)
        except ProviderUnavailable as error:
            # A look and a contact move no money.
            raise ProviderUnavailable(
                str(error), retry_after_s=error.retry_after_s, sent=False
            ) from error
        if found is not None:
            return self._payout_outcome(found, payout)
        return self._send(payout, amount, deadline)

    def pays_out_to(self, operator: str, country: str) -> bool:
        """CinetPay sends from an account of its own, which has its own password."""
        return bool(self._transfer_password) and super().pays_out_to(operator, country)

    def payout_status(self, payout: Payout) -> Outcome:
        """Ask what became of a transfer, by our own reference."""
        found = self._transfer(payout, None)
        if found is None:
            return Outcome(Status.ABSENT, words=NOT_FOUND)
        return self._payout_outcome(found, payout)

    def balance(self, currency: str) -> Money:
        """Read what the transfer account can still send; it does not name its currency."""
        answer = self._transfers("balance", "GET", "check/balance", "balance")
        held = next(items(answer.data), {})
        if not answer.ok or code_of(answer.data) != "0":
            raise self.unavailable(f"HTTP {answer.status} code {evidence(code_of(answer.data))}")
        return self.money(held.get("available"), currency)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Check x-token where there is one; with or without, this only says where to look."""
        try:
            fields = read_form(body)
        except ValueError:
            return Notice(Authenticity.REJECTED)
        if fields.get("client_transaction_id"):
            return _transfer_notice(fields)
        if not fields.get("cpm_trans_id") or fields.get("cpm_site_id") != self._site_id:
            return Notice(Authenticity.REJECTED)
        given, authenticity = header(headers, "x-token"), Authenticity.UNSIGNED
        if given:
            matches = [same_digest(given, x_token(key, fields)) for key in self._secret_keys]
            authenticity = Authenticity.SIGNED if any(matches) else Authenticity.REJECTED
        if authenticity is Authenticity.REJECTED:
            return Notice(authenticity)
        kind = evidence(fields.get("cpm_error_message"))
        return Notice(authenticity, kind=kind, reference=fields["cpm_trans_id"])

    def _checkout_request(self, collection: Collection) -> dict[str, object]:
        return {
            "transaction_id": collection.reference,
            "amount": self._units(collection.amount),
            "currency": collection.amount.currency,
            # `# / $ _ &` are refused.
            "description": ascii_words(collection.description, 40),
            "notify_url": collection.webhook_url,
            "return_url": collection.return_url,
            # No cards: they would want the buyer's name and address.
            "channels": "MOBILE_MONEY,WALLET",
            "lang": "en" if collection.language == "en" else "fr",
            "metadata": collection.reference,
            "customer_name": "Client",
            "customer_surname": collection.reference,
            "customer_phone_number": collection.payer,
        }

    def _units(self, amount: Money) -> int:
        """Give the amount as CinetPay takes it, a whole multiple of five."""
        units = self.whole_units(amount)
        if units % STEP:
            raise ProviderRejected(Reason.AMOUNT, "amount", f"not a multiple of {STEP}")
        return units

    def _check_out(
        self, operation: str, path: str, collection: Collection, request: Mapping[str, object]
    ) -> Answer:
        signed_in = {"apikey": self._api_key, "site_id": self._site_id, **request}
        return self.call(
            operation,
            "POST",
            f"/v2/payment{path}",
            reference=collection.reference,
            headers={"Content-Type": "application/json"},
            body=json.dumps(signed_in).encode(),
        )

    def _refusal(self, answer: Answer) -> Exception:
        """Read a refused creation: nobody was given its page, so a refusal is final."""
        code = code_of(answer.data)
        _, reason = CODES.get(code, (None, None))
        reason = REQUEST_REASONS.get(code, reason)
        if code in RETRY_LATER or not code or (answer.ok and reason is None):
            return self.unavailable(f"HTTP {answer.status} code {evidence(code)}")
        message = text(answer.data, "description") or text(answer.data, "message")
        return ProviderRejected(reason or Reason.REFUSED, code, message)

    def _paid(self, data: Data, collection: Collection) -> Outcome:
        currency = text(data, "currency")
        operator, operator_id = text(data, "payment_method"), text(data, "operator_id")
        named = operator is not None and operator_id is not None
        contradiction = None if currency == collection.amount.currency else "currency"
        if text(data, "metadata") not in (None, collection.reference):
            contradiction = "reference"
        return Outcome(
            Status.SUCCEEDED,
            amount=self.money(data.get("amount"), currency),
            provider_ref=collection.provider_ref,
            # Operators number their own payments: only with its name is a number unique.
            transaction_ref=f"{operator}:{operator_id}"[:80] if named else collection.reference,
            words=evidence("00", text(data, "status")),
            contradiction=contradiction,
        )

    def _transfers(
        self,
        operation: str,
        method: str,
        path: str,
        reference: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Call the transfer API, whose token travels in the address and ends in the body."""

        def send(token: str, deadline: float) -> Answer:
            words = urlencode({"token": token, "lang": "fr", **(query or {})})
            answer = self._post(
                operation, method, f"transfer/{path}?{words}", reference, form, deadline
            )
            return replace(answer, status=401) if code_of(answer.data) in BAD_TOKEN else answer

        return self._tokens.speak(self._fetch_token, send, deadline)

    def _post(
        self,
        operation: str,
        method: str,
        path: str,
        reference: str,
        form: Mapping[str, str] | None,
        deadline: float,
    ) -> Answer:
        headers = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        return self.call(
            operation,
            method,
            f"/v1/{path}",
            reference=reference,
            headers=headers,
            body=urlencode(form or {}).encode(),
            deadline=deadline,
            base_url=self._transfer_url,
        )

    def _fetch_token(self, deadline: float) -> Token:
        form = {"apikey": self._api_key, "password": self._transfer_password}
        answer = self._post("token", "POST", "auth/login?lang=fr", "token", form, deadline)
        token = text(part(answer.data, "data"), "token")
        if not answer.ok or code_of(answer.data) != "0" or token is None:
            raise self.unavailable(f"HTTP {answer.status} instead of a token")
        return Token(token, TOKEN_S)

    def _transfer(self, payout: Payout, deadline: float | None) -> Data | None:
        """Find the transfer of our reference; None when CinetPay says there is none."""
        answer = self._transfers(
            "payout_status",
            "GET",
            "check/money",
            payout.reference,
            query={"client_transaction_id": payout.reference},
            deadline=deadline,
        )
        code = code_of(answer.data)
        if code == NOT_FOUND:
            return None
        found = list(items(answer.data))
        if not answer.ok or code != "0" or len(found) != 1:
            raise self.unavailable(f"HTTP {answer.status} code {evidence(code)}")
        return found[0]

    def _introduce(self, payout: Payout, deadline: float) -> None:
        """Make the payee a contact, which a transfer requires; one known already is fine."""
        contact = {**_number(payout), "name": "Client", "surname": payout.reference, "email": ""}
        answer = self._transfers(
            "contact",
            "POST",
            "contact",
            payout.reference,
            form={"data": json.dumps([contact])},
            deadline=deadline,
        )
        for item in items(answer.data):
            if code_of(item) in ("0", ALREADY_A_CONTACT):
                return
        raise self._transfer_refusal(answer)

    def _send(self, payout: Payout, amount: int, deadline: float) -> Outcome:
        line = {
            **_number(payout),
            "amount": str(amount),
            "notify_url": payout.webhook_url,
            "client_transaction_id": payout.reference,
        }
        method = TRANSFER_METHODS.get((payout.operator, payout.country))
        answer = self._transfers(
            "pay_out",
            "POST",
            "money/send/contact",
            payout.reference,
            form={"data": json.dumps([line | ({"payment_method": method} if method else {})])},
            deadline=deadline,
        )
        found = next(items(answer.data), {})
        provider_ref = text(found, "transaction_id")
        if not answer.ok or code_of(answer.data) != "0" or code_of(found) != "0":
            raise self._transfer_refusal(answer)
        if provider_ref is None:
            raise self.unavailable("a transfer without its id")
        words = evidence(text(found, "treatment_status"))
        return Outcome(Status.PENDING, provider_ref=provider_ref, words=words)

    def _transfer_refusal(self, answer: Answer) -> Exception:
        """Read a refused transfer: the code of its line, or of the whole answer."""
        codes = [code_of(next(items(answer.data), {})), code_of(answer.data)]
        code = next((code for code in codes if code in TRANSFER_REASONS), "")
        if not code:
            return self.unavailable(f"HTTP {answer.status} code {evidence(*codes)}")
        return ProviderRejected(TRANSFER_REASONS[code], code, text(answer.data, "message"))

    def _payout_outcome(self, found: Data, payout: Payout) -> Outcome:
        word = text(found, "treatment_status") or ""
        status = TRANSFER_STATUSES.get(word)
        if status is None:
            raise self.unavailable(f"unknown treatment {evidence(word)}")
        sent, provider_ref = status is Status.SUCCEEDED, text(found, "transaction_id")
        same = text(found, "client_transaction_id") == payout.reference
        return Outcome(
            status,
            amount=self.money(found.get("amount"), payout.amount.currency) if sent else None,
            provider_ref=provider_ref,
            transaction_ref=(provider_ref or payout.reference) if sent else None,
            reason=Reason.REFUSED if status is Status.FAILED else None,
            words=evidence(word, text(found, "sending_status"), text(found, "comment")),
            contradiction=None if same else "reference",
        )


def _agree(status: Status, code: str, word: str) -> bool:
    """Say whether code and status word tell the same; either alone decides nothing."""
    if status is Status.SUCCEEDED:
        return word == "ACCEPTED"
    if status is Status.PENDING:
        return word in WAITING or not word
    return word == "REFUSED" or word in WAITING or (code in CLOSED and not word)


def _number(payout: Payout) -> dict[str, str]:
    prefix = str(COUNTRIES[payout.country])
    return {"prefix": prefix, "phone": payout.payee.removeprefix(f"+{prefix}")}


def _transfer_notice(fields: Mapping[str, str]) -> Notice:
    kind = f"payout.{evidence(fields.get('treatment_status'))}"
    reference, ref = fields["client_transaction_id"], fields.get("transaction_id")
    return Notice(Authenticity.UNSIGNED, kind=kind, reference=reference, provider_ref=ref)
