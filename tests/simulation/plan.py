"""How rough a schedule is: drawn first, so that schedules differ in kind."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from shop.sandbox import registry
from shop.sandbox.faults import FaultKind

PROVIDERS: Final = tuple(registry.PROVIDERS)

#: Payers' numbers by method: one for each buyer. Every provider is reached, those of several wallets
#: by a request on the phone and by a page.
PAYERS: Final = {
    "wave-ci": "+22507010203{}4",
    "mtn-ci": "+22505010203{}4",
    "orange-ci": "+22507010203{}5",
    "moov-bj": "+229019501020{}",
    "fedapay-mtn-bj": "+229019601020{}",
    "fedapay-orange-ci": "+22507010204{}5",
    "cinetpay-orange-ci": "+22507010205{}5",
    "feexpay-mtn-bj": "+229019701020{}",
    "feexpay-wave-ci": "+22507010206{}5",
    "getmipay-mtn-ci": "+22505010207{}5",
}
METHODS: Final = tuple(PAYERS)
#: Where money is sent: a number's last digits follow.
PAYEES: Final = {
    "wave-ci": "+225070102{:0>4}",
    "mtn-ci": "+225050101{:0>4}",
    "moov-bj": "+22901950102{:0>2}",
    "fedapay-mtn-bj": "+22901960102{:0>2}",
    "cinetpay-orange-ci": "+225070105{:0>4}",
    "feexpay-mtn-bj": "+22901970102{:0>2}",
    "getmipay-mtn-ci": "+225050107{:0>4}",
}
#: What the clock may jump by: answers, leases, approvals, expiries, nights.
JUMPS: Final = (
    0.2,
    1,
    3,
    6,
    6,
    12,
    30,
    47,
    62,
    100,
    130,
    310,
    620,
    910,
    1_850,
    3_700,
    21_600,
    90_000,
)
#: Stops where a death hurts most.
SORE: Final = (
    "hears",
    "COMMIT",
    "committed",
    "sends",
    "rings",
    "INSERT receipt",
    "INSERT transfer",
)
#: Stops where a worker has heard something, and may be slow to act on it.
SLOW: Final = tuple(
    f"hears about {what}" for what in ("collection_status", "pay_out", "payout_", "refund")
)
#: How often each fault, those that move money the wrong way more than others.
FAULTS: Final = {
    **{kind: 2 for kind in FaultKind if kind is not FaultKind.SLOW_DRIP},
    FaultKind.LATE_SUCCESS: 7,
    FaultKind.WRONG_AMOUNT: 4,
    FaultKind.LOST_ANSWER: 5,
    FaultKind.SILENCE: 6,
}
#: What a payer's own money may do.
SURPRISES: Final = (FaultKind.LATE_SUCCESS, FaultKind.LATE_SUCCESS, FaultKind.WRONG_AMOUNT)
#: Late money comes before the last look of the late watch (a day after the failure).
LATEST_S: Final = 18 * 3_600.0
#: A provider out of reach is asked for a week after the last tap; then a person is.
QUIET_DAYS: Final = 25


@dataclass(frozen=True)
class Plan:
    """How rough this schedule is: drawn first, so that schedules differ in kind."""

    orders: int
    events: int
    burst: int
    stickiness: float
    fault_rate: float
    kill_rate: float
    freeze_rate: float
    doze_rate: float
    lossy_commits: float
    longest_s: float
    """No single step of the clock is longer: some schedules are about seconds, some about nights."""
    skewed: bool
    at_once: bool
    dead_provider: str
    """Out of reach from the end of the first phase on, for ever."""
    rush: bool
    """Everybody wants the same last article."""
    sends: float
    """How much of what happens is about money going out: nothing, half, or nearly all."""
    purses: tuple[int, ...]
    """What a provider may hold of ours to send."""
    late_s: tuple[float, ...]
    """How long a request may be on its way beyond what anybody waits for."""
    mute: bool
    """No provider announces anything: what is not asked about stays unknown."""
    paid_twice: bool
    """Somebody paid twice before the story begins, by operators who can give a payment back."""
    sells: float
    """How much of what happens is between buyers and sellers, after the payment."""

    @classmethod
    def of(cls, seed: int, number: int) -> Plan:
        """Draw the plan of one schedule, without playing it."""
        return cls.drawn(random.Random(f"{seed}:{number}"))

    @classmethod
    def drawn(cls, chance: random.Random) -> Plan:
        """Draw a plan."""
        return cls(
            orders=chance.choice((1, 2, 2, 3)),
            events=chance.choice((15, 25, 40, 60)),
            burst=chance.choice((8, 30, 80, 160)),
            stickiness=chance.choice((0.5, 0.9, 0.98)),
            fault_rate=chance.choice((0.0, 0.5, 1.0)),
            kill_rate=chance.choice((0.0, 0.0, 0.002, 0.01)),
            freeze_rate=chance.choice((0.0, 0.01, 0.05)),
            doze_rate=chance.choice((0.0, 0.0, 0.4)),
            lossy_commits=chance.choice((0.0, 0.0, 0.05)),
            longest_s=chance.choice((12.0, 62.0, 130.0, 1e5, 1e5)),
            skewed=chance.random() < 0.08,
            at_once=chance.random() < 0.4,
            dead_provider=chance.choice(PROVIDERS) if chance.random() < 0.03 else "",
            rush=chance.random() < 0.35,
            sends=chance.choice((0.0, 0.5, 0.5, 0.9)),
            purses=chance.choice(((10**6,), (10**6,), (10**6, 9_000), (9_000, 0))),
            late_s=chance.choice(((), (700.0, 5_000.0, LATEST_S))),
            mute=chance.random() < 0.12,
            paid_twice=chance.random() < 0.2,
            sells=chance.choice((0.0, 0.0, 0.5, 0.9)),
        )
