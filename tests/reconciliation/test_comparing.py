"""Two accounts of one subject: each way to differ has its word, and agreeing has none."""

from __future__ import annotations

import pytest

from shop.money import Money
from shop.providers.values import Outcome, Status
from shop.reconciliation.comparing import Booked, Ours, compare

FIVE = Money(5_000, "XOF")
FEE = Money(50, "XOF")
BOOKED = Ours("succeeded", True, [Booked("T1", FIVE, FEE)])
OPEN = Ours("pending", False, [])
FAILED = Ours("failed", True, [])


def paid(amount: Money | None = FIVE, ref: str = "T1", **more: object) -> Outcome:
    return Outcome(Status.SUCCEEDED, amount=amount, transaction_ref=ref, **more)


@pytest.mark.parametrize(
    ("ours", "said", "types"),
    [
        (BOOKED, paid(), []),
        (BOOKED, paid(None), []),
        (BOOKED, paid(fee=FEE), []),
        (BOOKED, paid(fee=Money(60, "XOF")), ["fee"]),
        (BOOKED, paid(Money(4_999, "XOF")), ["amount"]),
        (BOOKED, paid(Money(5_000, "GNF")), ["currency"]),
        (BOOKED, paid(Money(1, "XOF"), fee=Money(1, "XOF")), ["amount", "fee"]),
        (BOOKED, paid(ref="T2"), ["duplicate"]),
        (BOOKED, paid(contradiction="refund"), ["status"]),
        (BOOKED, Outcome(Status.FAILED), ["ours_only"]),
        (BOOKED, Outcome(Status.ABSENT), ["ours_only"]),
        (BOOKED, Outcome(Status.PENDING), ["status"]),
        (OPEN, paid(), ["theirs_only"]),
        (OPEN, Outcome(Status.PENDING), []),
        (OPEN, Outcome(Status.ABSENT), []),
        (OPEN, Outcome(Status.FAILED), ["status"]),
        (FAILED, paid(), ["late"]),
        (FAILED, Outcome(Status.FAILED), []),
    ],
)
def test_each_way_to_differ_has_its_word(ours: Ours, said: Outcome, types: list[str]):
    assert [difference.type for difference in compare(ours, said)] == types
