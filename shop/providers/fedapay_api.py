"""FedaPay's objects, call by call: for tools and staff, beside the promises of the adapter.

    api = build_providers(settings)["fedapay"].api
    for event in api.events.each():
        ...

Objects are plain mappings as FedaPay writes them, without their envelope. A refusal raises
`ProviderRejected` (`NoSuchObject` for a 404), silence `ProviderUnavailable`. Nothing here touches our books:
what makes or sends money goes through payments and payouts. Docs: https://docs.fedapay.com
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import quote, urlencode

from shop.providers.fedapay_words import refusal
from shop.providers.reasons import Reason
from shop.providers.values import Answer, ProviderRejected, ProviderUnavailable
from shop.providers.words import Data, part, text

#: Pages a listing reads at most: a page that points at itself must not be read for ever.
MOST_PAGES: Final = 1_000


class NoSuchObject(ProviderRejected):
    """FedaPay knows no such object."""

    def __init__(self, what: str) -> None:
        super().__init__(Reason.REFUSED, "HTTP 404", what)


class Ask(Protocol):
    """One authenticated request, through the adapter's limits, breaker and log."""

    def __call__(
        self, operation: str, method: str, path: str, reference: str, body: object = None, /
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects of a listing."""

    items: list[Data]
    number: int
    next_number: int | None
    """The page after this one; None at the end."""
    total: int | None
    """How many there are in all, where FedaPay says."""


class Readable:
    """Objects that can be listed and shown."""

    def __init__(self, ask: Ask, kind: str, *, listing: str = "") -> None:
        self._ask = ask
        self._kind = kind
        self._plural = "currencies" if kind == "currency" else f"{kind}s"
        self._base = f"/v1/{self._plural}"
        self._listing = listing or self._base

    def page(self, number: int = 1, *, per_page: int = 50, **filters: str) -> Page:
        """Read one page of the listing; filters are FedaPay's own words (`search="..."`)."""
        query = urlencode({"page": number, "per_page": per_page, **filters})
        answer = self._said("GET", f"{self._listing}?{query}")
        entries = answer.data.get(f"v1/{self._plural}")
        if not isinstance(entries, list):
            raise ProviderUnavailable(f"fedapay: an answer without {self._plural}")
        meta = part(answer.data, "meta")
        following, total = text(meta, "next_page"), text(meta, "total_count")
        return Page(
            items=[entry for entry in entries if isinstance(entry, dict)],
            number=number,
            next_number=int(following) if following and following.isdecimal() else None,
            total=int(total) if total and total.isdecimal() else None,
        )

    def each(self, *, per_page: int = 100, **filters: str) -> Iterator[Data]:
        """Walk through every object of the listing, page by page as they are needed."""
        number = 1
        for _page in range(MOST_PAGES):
            page = self.page(number, per_page=per_page, **filters)
            yield from page.items
            if page.next_number is None or page.next_number <= number:
                return
            number = page.next_number

    def show(self, object_id: str | int) -> Data:
        """Read one object. Raises `NoSuchObject`."""
        return self._entity(self._said("GET", self._path(object_id)))

    def _path(self, object_id: str | int, rest: str = "") -> str:
        return f"{self._base}/{quote(str(object_id), safe='')}{rest}"

    def _said(self, method: str, path: str, body: object = None) -> Answer:
        answer = self._ask(f"api_{method.lower()}", method, path, self._kind, body)
        if answer.status == 404:
            raise NoSuchObject(self._kind)
        if not answer.ok:
            raise refusal(answer)
        return answer

    def _entity(self, answer: Answer) -> Data:
        entity = part(answer.data, f"v1/{self._kind}") or answer.data
        if text(entity, "id") is None:
            raise ProviderUnavailable(f"fedapay: an answer that is no {self._kind}")
        return entity


class Editable(Readable):
    """Objects that can also be made, changed and deleted."""

    def create(self, fields: Mapping[str, object]) -> Data:
        """Make one; not to be repeated when its answer was lost."""
        return self._entity(self._said("POST", self._base, dict(fields)))

    def update(self, object_id: str | int, fields: Mapping[str, object]) -> Data:
        """Change some fields of one."""
        return self._entity(self._said("PUT", self._path(object_id), dict(fields)))

    def delete(self, object_id: str | int) -> None:
        """Delete one; of transactions and payouts only those still pending."""
        self._said("DELETE", self._path(object_id))


class Transactions(Editable):
    """Collections as FedaPay keeps them."""

    def by_reference(self, merchant_reference: str) -> Data:
        """Find one by the reference we gave it. Raises `NoSuchObject`."""
        path = f"{self._base}/merchant/{quote(merchant_reference, safe='')}"
        return self._entity(self._said("GET", path))

    def link(self, object_id: str | int) -> tuple[str, str]:
        """Give the token and the address of its payment page."""
        answer = self._said("POST", self._path(object_id, "/token"), {})
        token, url = text(answer.data, "token"), text(answer.data, "url")
        if token is None or url is None:
            raise ProviderUnavailable("fedapay: a transaction without its token")
        return token, url

    def since(self, moment: datetime) -> Iterator[Data]:
        """Walk through those made since a moment, newest first; stop at a page that is all older."""
        number = 1
        for _page in range(MOST_PAGES):
            page = self.page(number, per_page=100)
            young = [t for t in page.items if _made_at(t) >= moment]
            yield from young
            if not young or page.next_number is None or page.next_number <= number:
                return
            number = page.next_number

    def fees(self, token: str, mode: str) -> Data:
        """Preview what a mode would cost for the transaction of a token."""
        query = urlencode({"token": token, "mode": mode})
        return self._said("GET", f"{self._base}/fees?{query}").data


def _made_at(transaction: Data) -> datetime:
    try:
        return datetime.fromisoformat(text(transaction, "created_at") or "")
    except ValueError as error:
        raise ProviderUnavailable("fedapay: a transaction without its date") from error


class FedaPayApi:
    """Every kind of object that FedaPay's public API serves."""

    def __init__(self, ask: Ask) -> None:
        # The connector and the libraries list money by `/search`, which takes the same filters.
        self.transactions = Transactions(ask, "transaction", listing="/v1/transactions/search")
        self.payouts = Editable(ask, "payout", listing="/v1/payouts/search")
        self.customers = Editable(ask, "customer", listing="/v1/customers/search")
        self.webhooks = Editable(ask, "webhook")
        self.balances = Readable(ask, "balance")
        self.currencies = Readable(ask, "currency")
        self.events = Readable(ask, "event")
        self.logs = Readable(ask, "log")
