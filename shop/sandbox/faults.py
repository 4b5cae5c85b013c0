"""What can go wrong on purpose: one list of faults, asked by the wire and by the world."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class FaultKind(StrEnum):
    """One way of failing that real providers have."""

    SILENCE = "silence"
    LOST_ANSWER = "lost_answer"
    HTTP_500 = "http_500"
    HTTP_429 = "http_429"
    HTML = "html"
    TRUNCATED = "truncated"
    SLOW_DRIP = "slow_drip"
    LATE_SUCCESS = "late_success"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    DUPLICATE_WEBHOOKS = "duplicate_webhooks"
    NO_WEBHOOK = "no_webhook"
    FORGED_WEBHOOK = "forged_webhook"


class Operation(StrEnum):
    """Which calls a wire fault strikes. ANY is all but tokens: those fail only when asked to."""

    ANY = "any"
    CREATE = "create"
    READ = "read"
    PAY_OUT = "pay_out"
    """The one call of a payout that moves money; what comes before it is `create` or `read`."""
    PAYOUT_STATUS = "payout_status"
    """Asking about a payout or a refund: `read` strikes it too."""
    REFUND = "refund"
    """The one call that gives money back."""
    TOKEN = "token"  # noqa: S105 - a kind of call


#: Faults of the line: they change what the caller receives, not what the payer does.
WIRE: Final = frozenset(
    {
        FaultKind.SILENCE, FaultKind.LOST_ANSWER, FaultKind.HTTP_500, FaultKind.HTTP_429,
        FaultKind.HTML, FaultKind.TRUNCATED, FaultKind.SLOW_DRIP,
    }
)  # fmt: skip

#: In these the provider has always done its work before the line fails.
AFTER_WORK: Final = frozenset(
    {FaultKind.LOST_ANSWER, FaultKind.TRUNCATED, FaultKind.SLOW_DRIP}
)  # fmt: skip

_AMOUNTS = frozenset({FaultKind.WRONG_AMOUNT, FaultKind.WRONG_CURRENCY})
_WEBHOOKS = frozenset(
    {FaultKind.DUPLICATE_WEBHOOKS, FaultKind.NO_WEBHOOK, FaultKind.FORGED_WEBHOOK}
)

#: What a provider's protocol cannot express: Orange and Moov never tell the amount they collected,
#: so nobody could ever notice; Moov sends no webhooks; FeexPay knows no currency.
IMPOSSIBLE: Final = {
    "orange": _AMOUNTS, "moov": _AMOUNTS | _WEBHOOKS,
    "feexpay": frozenset({FaultKind.WRONG_CURRENCY}),
}  # fmt: skip


class FaultRefused(ValueError):
    """This fault cannot be: unknown words, or something the provider's protocol cannot say."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in waiting."""

    id: int
    provider: str
    kind: FaultKind
    reference: str | None = None
    """Only this merchant reference (or provider ref). None: any."""
    calls: int | None = None
    """How many times still. None: until removed."""
    on: Operation = Operation.ANY
    seconds: float | None = None
    """Silence and drip: how long. Late success: after how long. Forged webhook: when."""
    amount: int | None = None
    """Wrong amount: what is collected, in minor units. None: one unit in ten less."""
    accepted: bool = False
    """The work is done before the error is answered."""

    def strikes(self, provider: str, references: tuple[str, ...], operation: Operation) -> bool:
        """Tell whether this call or event is the one meant."""
        if self.provider != provider or (self.reference and self.reference not in references):
            return False
        if self.on is Operation.ANY:
            return operation is not Operation.TOKEN
        if self.on is Operation.READ:
            return operation in (Operation.READ, Operation.PAYOUT_STATUS)
        return operation is self.on


class Faults:
    """The faults in waiting, oldest first; `take` uses one up."""

    def __init__(self, known: Collection[str]) -> None:
        """Keep faults for these providers; who opens a desk later is known then."""
        self._known = known
        self._lock = threading.Lock()
        self._faults: dict[int, Fault] = {}
        self._last = 0

    def add(
        self, provider: str, kind: str, *, reference: str | None = None, calls: int | None = None,
        on: str = "any", seconds: float | None = None, amount: int | None = None,
        accepted: bool = False,
    ) -> Fault:  # fmt: skip
        """Plant a fault. With neither `reference` nor `calls` it stays until removed."""
        if provider not in self._known:
            names = ", ".join(self._known)
            raise FaultRefused(f"unknown provider {provider!r}: one of {names}")
        _refuse_nonsense(provider, kind, on, calls, seconds, amount)
        chosen = FaultKind(kind)
        with self._lock:
            self._last += 1
            fault = Fault(
                self._last, provider, chosen, reference, calls, Operation(on), seconds, amount,
                accepted or chosen in AFTER_WORK,
            )  # fmt: skip
            self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: int) -> bool:
        """Lift one fault; False when it was not there."""
        with self._lock:
            return self._faults.pop(fault_id, None) is not None

    def clear(self, provider: str | None = None) -> int:
        """Lift all faults, of one provider or of all; say how many."""
        with self._lock:
            gone = [f.id for f in self._faults.values() if provider in (None, f.provider)]
            for fault_id in gone:
                del self._faults[fault_id]
        return len(gone)

    def active(self) -> list[Fault]:
        """List what is in waiting, oldest first."""
        with self._lock:
            return list(self._faults.values())

    def take(
        self, provider: str, kinds: frozenset[FaultKind], *references: str,
        operation: Operation = Operation.CREATE,
    ) -> Fault | None:  # fmt: skip
        """Give the oldest fault that strikes here and count it; None when all goes well."""
        with self._lock:
            for fault in self._faults.values():
                if fault.kind in kinds and fault.strikes(provider, references, operation):
                    self._count(fault)
                    return fault
        return None

    def take_one(self, provider: str, kind: FaultKind, *references: str) -> Fault | None:
        """Give a fault of the payer's or the webhook's side, whatever call it was planted on."""
        return self.take(provider, frozenset({kind}), *references)

    def _count(self, fault: Fault) -> None:
        if fault.calls is None:
            return
        if fault.calls <= 1:
            del self._faults[fault.id]
        else:
            self._faults[fault.id] = replace(fault, calls=fault.calls - 1)


def _refuse_nonsense(
    provider: str, kind: str, on: str, calls: int | None, seconds: float | None, amount: int | None
) -> None:
    if kind not in list(FaultKind):
        raise FaultRefused(f"unknown fault {kind!r}: one of {', '.join(FaultKind)}")
    if on not in list(Operation):
        raise FaultRefused(f"unknown operation {on!r}: one of {', '.join(Operation)}")
    if kind in IMPOSSIBLE.get(provider, frozenset()):
        raise FaultRefused(f"{provider} cannot have {kind}: its protocol has no word for it")
    if (calls is not None and calls < 1) or (seconds is not None and not 0 <= seconds <= 10**7):
        raise FaultRefused("calls start at 1, seconds at 0")
    if amount is not None and amount < 1:
        raise FaultRefused("amount starts at 1")
