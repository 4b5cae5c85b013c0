"""What every provider promises, and the one function through which all of them speak."""

from __future__ import annotations

import hmac
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import requests

from shop import clock
from shop.boundary import in_transaction
from shop.money import Money, MoneyError
from shop.providers import wire
from shop.providers.breaker import Breakers
from shop.providers.reasons import Reason
from shop.providers.words import Data, evidence, parse_json

logger = logging.getLogger("shop.providers")


class Status(StrEnum):
    """What a provider says now. Silence is not among them: it is `ProviderUnavailable`."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABSENT = "absent"


class ProviderError(Exception):
    """A call did not end in an outcome."""


class ProviderRejected(ProviderError):
    """The provider refused this reference with authority: no money moved, none will."""

    def __init__(self, reason: Reason, code: str = "", message: str | None = "") -> None:
        # Their words end in our logs: numbers of people and secrets are taken out here, once.
        self.reason = reason
        self.code = evidence(code)
        self.message = evidence(message)
        super().__init__(f"{reason}: {self.code} {self.message}".strip())


class ProviderUnavailable(ProviderError):
    """We do not know what became of the call: timeout, 5xx, HTML, cut line, unknown word (D6)."""

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, sent: bool = True
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.sent = sent
        """False only when the request surely never left us: nothing can have happened."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What we ask a provider to collect, and later ask about; all of it was stored first."""

    reference: str
    """Our reference of the attempt, unique for ever: also the provider's idempotency key."""
    amount: Money
    payer: str
    """E.164 number of the payer."""
    country: str
    description: str
    """Plain ASCII words for the payer's screen, at most 40 characters."""
    return_url: str
    """Our status page: where a hosted page sends the browser back."""
    webhook_url: str
    """Where the provider may announce; its last part is a token only it and we know."""
    language: str = "fr"
    otp: str | None = None
    """The code the payer typed beforehand, for methods with `otp_before`."""
    provider_ref: str | None = None
    """The provider's id of this collection, once it gave one."""
    memory: Mapping[str, str] = field(default_factory=dict)
    """What `collect` asked us to remember (`Outcome.memory`), given back on every later call."""
    operator: str = ""
    """Whose wallet pays (`Method.operator`), for providers of several. Empty: the prefix tells."""


@dataclass(frozen=True, slots=True)
class Payout:
    """What we ask a provider to send, and later ask about."""

    reference: str
    amount: Money
    payee: str
    country: str
    description: str
    webhook_url: str
    provider_ref: str | None = None
    memory: Mapping[str, str] = field(default_factory=dict)
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """What we ask a provider to give back, and later ask about."""

    reference: str
    """Our reference of the refund, unique for ever: also the provider's idempotency key."""
    amount: Money
    collection: Collection
    """What was collected, with its `provider_ref` and memory as they are stored."""
    transaction_ref: str
    """The provider's id of the money that was collected."""
    provider_ref: str | None = None
    """The provider's id of this refund, once it gave one."""
    memory: Mapping[str, str] = field(default_factory=dict)
    """What `refund` asked us to remember, given back on every later call."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a provider said, in our words; a fact about the moment it was asked."""

    status: Status
    amount: Money | None = None
    """What was really collected, where the provider says it. None: it does not say."""
    provider_ref: str | None = None
    """The provider's id of this collection or payout (a session, a payment)."""
    transaction_ref: str | None = None
    """The provider's id of the money that moved; unique per provider. Given with SUCCEEDED."""
    fee: Money | None = None
    """What the provider kept, where it says."""
    payer: str | None = None
    """E.164 number that paid, where the provider says."""
    reason: Reason | None = None
    """Why, with FAILED."""
    words: str = ""
    """The provider's own status words, kept as evidence; never a secret or a phone number."""
    page_url: str | None = None
    """The hosted page or app link where the payer goes on, when there is one."""
    expires_at: str | None = None
    """ISO 8601 moment after which the payer can no longer accept, when the provider says."""
    memory: Mapping[str, str] = field(default_factory=dict)
    """What later calls need (tokens, session ids); stored with the attempt, never shown."""
    echo_token: str | None = None
    """The secret this attempt's webhook will carry; only its hash is stored."""
    untouched: bool = False
    """With PENDING: the payer has not confirmed anything yet (see `Timing.void_after_s`); a payout was
    made and never started."""
    contradiction: str | None = None
    """Which stored fact the answer contradicts (`reference`, `merchant`, `currency`); money then
    waits for a person instead of paying anything."""


class Authenticity(StrEnum):
    """How far a webhook proved where it comes from. None of them moves money (D5)."""

    SIGNED = "signed"
    TOKEN = "token"  # noqa: S105 - echoes a secret we were given when the payment began
    UNSIGNED = "unsigned"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a webhook is about, so that the right payment is verified."""

    authenticity: Authenticity
    event_id: str | None = None
    """The provider's id of the message, to deduplicate by. None: the bytes are the key."""
    kind: str = ""
    reference: str | None = None
    provider_ref: str | None = None
    echoed_token: str | None = None
    """The secret the message carries, for TOKEN: the caller compares it with the stored one."""
    ignorable: bool = False
    """A ping or test event: answer 200 and do nothing."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; the public capability matrix is generated from these."""

    collect: bool = True
    pay_out: bool = False
    refund: bool = False
    """A collection can be given back by a call of its own; otherwise a refund is a payout."""
    partial_refund: bool = False
    """Less than the whole collection can be given back by that call."""
    balance: bool = False
    webhook: Authenticity | None = None
    hosted_page: bool = False
    deduplicates: bool = False
    """A second collect with the same reference never charges twice."""
    payout_deduplicates: bool = False
    """A second payout with the same reference never sends twice: its absence, seen late enough, is then
    proof that nothing left. Otherwise a person decides."""
    lookup_by_reference: bool = False
    """An attempt whose first answer was lost can still be found by our reference."""
    payout_lookup: bool = False
    """The same of a payout. Otherwise `payout_status` never says ABSENT: a payout of which nothing
    was heard waits for a person, and is never sent again."""
    reports_amount: bool = True
    reports_currency: bool = True
    dates_webhooks: bool = True
    """What is signed holds its moment: an old message is refused. Otherwise its event id, kept by
    the inbox, is all that tells a replay."""
    lists: bool = False
    """It can list every collection of a time window, made by us or not."""
    expires_alone: bool = True
    """A request nobody answers ends as FAILED by itself; otherwise it stays PENDING for ever."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A provider's rhythm, in seconds. The poll plan is stored per attempt from these."""

    connect_s: float = 2.0
    read_s: float = 8.0
    total_s: float = 15.0
    lease_s: float = 45.0
    """How long a sender may hold an attempt; always longer than `total_s`."""
    visibility_lag_s: float = 30.0
    """How long a just-accepted reference may still look absent."""
    approval_s: float = 300.0
    """How long the payer has to accept."""
    void_after_s: float | None = None
    """An attempt still `untouched` after this can no longer be paid; None: the provider says so itself."""
    finality_s: float = 86_400.0
    """After this, still undecided means we ask rarely and staff are told."""
    polls_s: tuple[float, ...] = (5, 15, 30, 60, 120, 300, 600, 1800)
    concurrency: int = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer the provider meant: its HTTP status and its fields."""

    status: int
    data: Data

    @property
    def ok(self) -> bool:
        """Say whether the provider did what was asked; otherwise it refused with a 4xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Observed:
    """What one call came to, for whoever counts: no reference, no number, no secret."""

    provider: str
    operation: str
    result: str
    """`answered` (a refusal too), `busy`, `http_502`, `unreadable`, `silence`, `unreached`."""
    spent_ms: int
    rests_s: float | None
    """For how long this operation will not be called; 0: only probes are; None: it is well."""


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


class UnsupportedOperation(ProviderError):
    """This provider has no such call; `Provider.can` says so beforehand."""


def same_secret(given: str, expected: str) -> bool:
    """Compare in constant time, on bytes: a hostile non-ASCII header must not raise."""
    return hmac.compare_digest(given.encode(), expected.encode())
