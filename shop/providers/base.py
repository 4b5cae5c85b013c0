"""What every provider promises, and the one function through which all of them speak."""

from __future__ import annotations

import hmac
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import ClassVar

import requests

from shop import clock
from shop.boundary import in_transaction
from shop.money import Money, MoneyError
from shop.providers import wire
from shop.providers.breaker import Breakers
from shop.providers.reasons import Reason
from shop.providers.values import (
    Answer,
    Capabilities,
    Collection,
    Notice,
    Observed,
    Outcome,
    Payout,
    ProviderRejected,
    ProviderUnavailable,
    Refund,
    Timing,
    UnsupportedOperation,
)
from shop.providers.words import Data, evidence, parse_json

logger = logging.getLogger("shop.providers")


class Provider(ABC):
    """One mobile-money API. Settings are keyword arguments: a missing one stops the program."""

    name: ClassVar[str]
    label: ClassVar[str]
    docs_url: ClassVar[str]
    countries: ClassVar[tuple[str, ...]]
    can: ClassVar[Capabilities]
    timing: ClassVar[Timing] = Timing()
    sandbox_port: ClassVar[int]
    """Offset from SANDBOX_PORT of this provider's simulated origin (1 for 9101)."""
    sandbox_settings: ClassVar[Mapping[str, str]]
    """What the sandbox's merchant signs in with: worth nothing outside it."""

    webhook_headers: ClassVar[tuple[str, ...]] = ()
    """The headers without which no message of this provider is genuine."""

    def __init__(self, *, base_url: str, session: requests.Session | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._session = session or wire.new_session(self.timing.concurrency)
        self._breakers = Breakers()
        self.observer: Callable[[Observed], None] | None = None
        """Told of every call after it ended, in the caller's thread; it must be quick."""

    @abstractmethod
    def collect(self, collection: Collection) -> Outcome:
        """Ask the payer for money. Call it once per reference, after the attempt is stored.

        Returns PENDING (accepted), rarely SUCCEEDED. Raises `ProviderRejected` when this reference
        is refused with authority, `ProviderUnavailable` when we cannot know.
        """

    @abstractmethod
    def collection_status(self, collection: Collection) -> Outcome:
        """Ask what became of a collection; ABSENT means the provider knows no such reference.

        Raises `ProviderUnavailable` when the answer tells nothing.
        """

    @abstractmethod
    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, now_s: float) -> Notice:
        """Check a message's authenticity over its raw bytes and say what it is about.

        Never raises for bad input: a message that proves nothing is REJECTED or UNSIGNED.
        """

    def pay_out(self, payout: Payout) -> Outcome:
        """Send money to a phone, once per reference, after the payout is stored.

        Returns PENDING (accepted), SUCCEEDED or FAILED where the answer is the last word. Raises
        `ProviderRejected` when nothing left and nothing will, `ProviderUnavailable` when we cannot
        know; its `sent` is False when the money surely stayed. Declared by `can.pay_out`.
        """
        raise UnsupportedOperation(f"{self.name} cannot pay out")

    def pays_out_to(self, operator: str, country: str) -> bool:
        """Say whether money can be sent to this operator's wallets; fewer than pay us, with some."""
        return self.can.pay_out and country in self.countries

    def gives_back(self) -> bool:
        """Say whether this shop has what giving a collection back needs, where there is such a call."""
        return self.can.refund

    def payout_status(self, payout: Payout) -> Outcome:
        """Ask what became of a payout; ABSENT means the provider knows no such reference.

        Raises `ProviderUnavailable` when the answer tells nothing. Declared by `can.pay_out`.
        """
        raise UnsupportedOperation(f"{self.name} cannot pay out")

    def refund(self, refund: Refund) -> Outcome:
        """Give a collection back to its payer, once per reference, after the refund is stored.

        Answers and raises as `pay_out` does. The sum of all refunds of one collection is the
        caller's to keep: not every provider counts. Declared by `can.refund`.
        """
        raise UnsupportedOperation(f"{self.name} cannot refund")

    def refund_status(self, refund: Refund) -> Outcome:
        """Ask what became of a refund, as `payout_status` does. Declared by `can.refund`."""
        raise UnsupportedOperation(f"{self.name} cannot refund")

    def balance(self, currency: str) -> Money:
        """Read what the provider holds for us in a currency. Declared by `can.balance`.

        Where there are several purses, the provider says which one it tells. Raises
        `ProviderUnavailable` when it cannot be read.
        """
        raise UnsupportedOperation(f"{self.name} does not tell its balance")

    def listed(self, since: datetime, until: datetime | None) -> Iterator[Outcome]:
        """Give the collections begun in a window that ended with money, whoever made them.

        For reconciliation: what comes is compared with our receipts. Raises `ProviderUnavailable`
        midway when the list cannot be read to its end. Declared by `can.lists`.
        """
        raise UnsupportedOperation(f"{self.name} has no list")

    def is_resting(self, operation: str = "collect") -> bool:
        """Say whether calls are refused for now because too many failed; checkout hides it."""
        return self._breakers.of(operation).is_open()

    def is_on_trial(self, operation: str) -> bool:
        """Say whether so many calls failed that only one at a time is worth trying now."""
        return self._breakers.of(operation).rests_s() is not None

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        reference: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        deadline: float | None = None,
        base_url: str | None = None,
    ) -> Answer:
        """Send one request, exactly these bytes, once; give back what the provider meant.

        `base_url` is for the calls of a provider that live at another of its addresses. Raises
        `ProviderUnavailable` for everything that tells nothing: see `_meaning`.
        """
        assert not in_transaction(), "no transaction is open while a provider thinks (J5)"
        breaker = self._breakers.of(operation)
        wait_s = breaker.admit()
        if wait_s is not None:
            message = f"{self.name}: {operation} rests after failures"
            raise ProviderUnavailable(message, retry_after_s=wait_s, sent=False)
        started = clock.monotonic()
        limits = wire.Limits(
            connect_s=self.timing.connect_s,
            read_s=self.timing.read_s,
            deadline=deadline if deadline is not None else started + self.timing.total_s,
        )
        result: int | str = "silence"
        healthy = False
        try:
            reply = wire.exchange(
                *(self._session, method, (base_url or self._base_url) + path),
                *(headers or {}, body, limits),
            )
            result = reply.status
            healthy = reply.status == 429  # busy, not broken: it does not open the breaker
            answer = self._meaning(reply)
            healthy = True
            return answer
        except wire.WireFailure as failure:
            result = "silence" if failure.sent else "unreached"
            raise ProviderUnavailable(f"{self.name}: {failure}", sent=failure.sent) from failure
        finally:
            breaker.record(healthy)
            spent_ms = round((clock.monotonic() - started) * 1000)
            if self.observer is not None:
                word = _in_a_word(result, healthy=healthy)
                self.observer(Observed(self.name, operation, word, spent_ms, breaker.rests_s()))
            # References and our own paths only: never a phone number, a secret or a body.
            logger.info(
                "%s %s: %s %s -> %s in %d ms",
                *(self.name, reference, method, path.partition("?")[0], result, spent_ms),
            )

    def _meaning(self, reply: wire.Reply) -> Answer:
        """Translate HTTP: an answer with authority, or `ProviderUnavailable`."""
        status = reply.status
        if status in _TELLS_NOTHING or not 200 <= status < 600 or 300 <= status < 400:
            raise ProviderUnavailable(
                f"{self.name}: HTTP {status}", retry_after_s=wire.retry_after_s(reply)
            )
        try:
            answer = Answer(status, self.parse(reply.body))
        except ValueError as error:
            # HTML from a proxy, half a body, another service's words: not this provider speaking.
            raise ProviderUnavailable(f"{self.name}: HTTP {status}, unreadable body") from error
        if status >= 500 and not self.speaks(answer):
            raise ProviderUnavailable(
                f"{self.name}: HTTP {status}", retry_after_s=wire.retry_after_s(reply)
            )
        return answer

    def parse(self, body: bytes) -> Data:
        """Read a body in this provider's format; raises `ValueError` when it is not."""
        return parse_json(body)

    def speaks(self, answer: Answer) -> bool:
        """Say whether a 5xx is this provider's own clear word; most often it is not."""
        return False

    def money(self, value: object, currency: str | None) -> Money:
        """Read an amount exactly; one we cannot read tells nothing."""
        try:
            return Money.from_wire(value, currency or "")
        except MoneyError as error:
            message = f"unreadable amount in {evidence(currency)}"
            raise self.unavailable(message) from error

    def whole_units(self, amount: Money) -> int:
        """Give the amount in francs for providers that take no fraction, or refuse it."""
        units, rest = divmod(amount.amount, int(10**amount.exponent))
        if rest:
            raise ProviderRejected(Reason.AMOUNT, "amount", f"{self.name} takes whole units only")
        return units

    def unavailable(self, what: str) -> ProviderUnavailable:
        """Make the error for an answer we cannot use, named after this provider."""
        return ProviderUnavailable(f"{self.name}: {what}")


#: Request timeout, too early, too many requests: a 4xx that refuses nothing for good.
_TELLS_NOTHING = frozenset({408, 425, 429})


def _in_a_word(result: int | str, *, healthy: bool) -> str:
    """Name what a call came to; the kinds are few, so that they can be counted."""
    if isinstance(result, str):
        return result
    if result == 429:
        return "busy"
    if healthy:
        return "answered"
    return f"http_{result}" if result >= 300 and result not in range(400, 500) else "unreadable"


def same_secret(given: str, expected: str) -> bool:
    """Compare in constant time, on bytes: a hostile non-ASCII header must not raise."""
    return hmac.compare_digest(given.encode(), expected.encode())
