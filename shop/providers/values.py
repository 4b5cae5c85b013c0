"""What providers are asked and what they say, as plain values: no HTTP, no setting, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shop.money import Money
from shop.providers.reasons import Reason
from shop.providers.words import Data, evidence


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


class UnsupportedOperation(ProviderError):
    """This provider has no such call; `Provider.can` says so beforehand."""


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
