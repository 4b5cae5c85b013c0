"""The rules a circle accepts: one frozen value, one text, one hash (TONTINE §4, §6, §13)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from hashlib import sha256
from typing import Final

from shop.money import Money
from shop.tontines import canonical

#: The shape of the text; a new shape gets a new number, and old hashes keep their meaning.
FORMAT: Final = 1


class Circle(StrEnum):
    """What the group does together (TONTINE §1.1)."""

    ROTATIVE = "rotative"
    AUCTION = "enchere"
    SOLIDARITY = "solidarite"
    SAVINGS = "epargne"


class Visibility(StrEnum):
    """Who can find the circle: `public` means strangers."""

    PRIVATE = "private"
    UNLISTED = "unlisted"
    PUBLIC = "public"


class Period(StrEnum):
    """How often a contribution is due (R6)."""

    EVERY_N_DAYS = "every_n_days"
    WEEKLY = "weekly"
    TWICE_A_WEEK = "twice_a_week"
    EVERY_TWO_WEEKS = "every_two_weeks"
    TWICE_A_MONTH = "twice_a_month"
    MONTHLY = "monthly"


class Order(StrEnum):
    """How turns are ordered (R14)."""

    FIXED = "fixed"
    SENIORITY = "seniority"
    RANDOM = "random"
    NEED = "need"
    AUCTION = "auction"
    NEGOTIATED = "negotiated"


class LateStep(StrEnum):
    """What is tried, in the order the group chose, when a share is missing (R9)."""

    COVER_CAUTION = "cover_caution"
    COVER_RETENUE = "cover_retenue"
    COVER_GARANT = "cover_garant"
    COVER_CAISSE = "cover_caisse"
    WAIT = "wait"
    PARTIAL = "partial"


class Dividend(StrEnum):
    """Who gains the discount of an auction (R18)."""

    NOW = "dividend_now"
    OTHERS = "dividend_others"
    END = "fin_de_cycle"
    LOTS = "petits_lots"


@dataclass(frozen=True, slots=True)
class When:
    """The rhythm: `days` are weekdays (Monday 0) or days of the month (31: its last), by `period`."""

    starts_on: date
    period: Period
    days: tuple[int, ...] = ()
    every_days: int = 1
    due_time: time = time(20, 0)
    timezone: str = "Africa/Abidjan"
    grace_hours: int = 24


@dataclass(frozen=True, slots=True)
class Fine:
    """What lateness costs (R11): `flat` per started period, or basis points of what is unpaid."""

    flat: Money
    unpaid_bp: int = 0
    every_days: int = 7
    cap: Money | None = None
    to_recipient: bool = False


@dataclass(frozen=True, slots=True)
class Auction:
    """How turns are sold (R18)."""

    min_step: Money
    sealed: bool = True
    cap_bp: int = 3_000
    dividend: Dividend = Dividend.NOW


@dataclass(frozen=True, slots=True)
class Promise:
    """What a promoter announced beyond the rules; anything that does not follow from them is refused."""

    received_by_rank: tuple[Money, ...] = ()
    members_to_bring: int = 0
    bonus_per_member_brought: Money | None = None
    entry_fee: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything members accept before they join; never changed, only followed by a next version."""

    contribution: Money
    shares: int
    when: When
    fine: Fine
    auction: Auction
    currency: str
    format: int = FORMAT
    version: int = 1
    kind: Circle = Circle.ROTATIVE
    visibility: Visibility = Visibility.PRIVATE
    order: Order = Order.RANDOM
    share_label: str = "part"
    recipients_per_round: int = 1
    recipient_pays: bool = True
    max_shares_per_member: int = 3
    max_concentration_bp: int = 3_000
    late_policy: tuple[LateStep, ...] = (
        LateStep.COVER_CAUTION,
        LateStep.COVER_RETENUE,
        LateStep.COVER_CAISSE,
        LateStep.PARTIAL,
    )
    wait_days: int = 3
    caisse_cap_bp: int = 5_000
    min_partial: Money
    set_off_contributions: int = 1
    cover_floor_bp: int = 2_000
    guarantee_contributions: int = 1
    retention_bp: int = 0
    relief: Money
    exit_fee_bp: int = 500
    promise: Promise = field(default_factory=Promise)

    @property
    def rounds(self) -> int:
        """How many rounds serve each share once (R4)."""
        return self.shares // self.recipients_per_round

    @property
    def payments_per_share(self) -> int:
        """How many contributions each share pays over a cycle (R5)."""
        return self.rounds if self.recipient_pays else self.rounds - 1

    @property
    def pot(self) -> Money:
        """What one recipient receives when everybody paid, before anything is kept."""
        return self.contribution * self.payments_per_share

    @property
    def expected(self) -> Money:
        """What one round collects when everybody paid (R3)."""
        return self.pot * self.recipients_per_round

    def to_json(self) -> str:
        """The canonical text members accept."""
        return canonical.write(self)

    @property
    def sha256(self) -> str:
        """The hash of the canonical text: what an acceptance points at."""
        return sha256(self.to_json().encode()).hexdigest()
