"""The plain things of the simulated world: prompts, movements, deliveries, messages, phones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from shop.money import Money


class State(StrEnum):
    """Where a request for money stands, in the simulator's words; each provider has its own."""

    OPEN = "open"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


class Why(StrEnum):
    """Why a request failed; a provider's own code may stand here instead."""

    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    NOT_REGISTERED = "not_registered"
    BAD_CODE = "bad_code"
    PAYER_MISMATCH = "payer_mismatch"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    TOO_MUCH = "too_much"
    """More than was collected is to be given back."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request for money as a provider keeps it, and as its payer sees it."""

    id: int
    provider: str
    provider_ref: str
    """The provider's id of it: a session, a pay token, an X-Reference-Id."""
    reference: str
    """The merchant's own reference."""
    merchant: str
    amount: Money
    phone: str | None
    """On whose screen it is, E.164. None: a link or page nobody has opened yet."""
    state: State
    reason: str | None
    ignored: bool
    transaction_id: str | None
    """The provider's id of the money that moved."""
    moved: Money | None
    """What was really collected: differs from `amount` only by a fault."""
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None
    details: dict[str, Any] = field(default_factory=dict)
    """What only this provider needs: addresses, tokens, messages."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One sum that really moved from a phone to the merchant: a line of the oracle's book."""

    id: int
    provider: str
    reference: str
    provider_ref: str
    transaction_id: str
    amount: Money
    payer: str
    at: datetime

    @property
    def currency(self) -> str:
        """The currency of the sum."""
        return self.amount.currency


@dataclass(frozen=True, slots=True)
class Payout:
    """Money a merchant sends to a phone, as a provider keeps it."""

    id: int
    provider: str
    provider_ref: str
    """The provider's id of it."""
    reference: str
    """The merchant's own reference."""
    amount: Money
    phone: str
    state: State
    """OPEN: made and not started. Then PROCESSING, and SUCCEEDED or FAILED for ever."""
    reason: str | None
    transaction_id: str | None
    """The provider's id of the money that moved."""
    created_at: datetime
    completed_at: datetime | None
    details: dict[str, Any] = field(default_factory=dict)
    """What only this provider needs."""


@dataclass(frozen=True, slots=True)
class Refund(Payout):
    """Money a merchant gives back to the phone that had paid, as a provider keeps it."""

    prompt_id: int = 0
    """The paid request it gives back."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try at a webhook, dressed and ready to send."""

    id: int
    provider: str
    reference: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    attempt: int
    """1 for the first try."""
    forged: bool
    """Whether it lies: sent by somebody who is not the provider."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A webhook a provider wants sent; headers are made anew at each try."""

    url: str
    body: bytes
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Sms:
    """A text message in a phone's inbox."""

    id: int
    phone: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Phone:
    """A simulated telephone with one mobile-money balance."""

    e164: str
    country: str | None
    """Two letters, or None for the foreign test numbers of a provider."""
    balance: Money


class Desk:
    """How one provider behaves when a payer acts; each provider file overrides what differs."""

    name: ClassVar[str]
    label: ClassVar[str]
    settle_s: ClassVar[tuple[float, float]] = (0.0, 0.0)
    """Between acceptance and the money moving, at least and at most."""
    retries_s: ClassVar[tuple[float, ...]] = ()
    """Waits before each further try of an unanswered webhook."""
    reopens: ClassVar[bool] = False
    """A failed try leaves the request open, to be tried again until it expires."""
    walks_away: ClassVar[bool] = False
    """A payer who refuses tells nobody: the request stays as it was."""
    expires_alone: ClassVar[bool] = True
    """Whether time alone closes it; otherwise only a late acceptance finds it expired."""
    expired_state: ClassVar[State] = State.EXPIRED

    def announce(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Word the webhook about what just became of this request, if this provider sends one."""
        return None

    def forge(self, prompt: Prompt, *, event_id: str) -> Announcement | None:
        """Word a lie about this request: a webhook that says paid, by someone else."""
        return None

    def announce_payout(self, payout: Payout, *, event_id: str) -> Announcement | None:
        """Word the webhook about a payout that ended, if this provider sends one."""
        return None

    def headers(self, body: bytes, now: datetime, *, forged: bool) -> dict[str, str]:
        """Dress one try; a signature is made fresh for each."""
        return {"Content-Type": "application/json"}

    def name_money(self, request: Prompt | Payout, digits: str, now: datetime) -> str:
        """Name what moved as whoever asks for its status will read it."""
        return self.transaction_id(digits, now)

    def transaction_id(self, digits: str, now: datetime) -> str:
        """Name the money that moved, from twelve digits whose last ones never repeat."""
        return digits
