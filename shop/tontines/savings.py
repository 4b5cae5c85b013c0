"""The share-out of a savings group at the end: arithmetic only, behind a switch that is off (R24)."""

from __future__ import annotations

from dataclasses import dataclass

from shop.money import Money


@dataclass(frozen=True, slots=True)
class ShareOut:
    """What one bought share is worth at the end, and what the division leaves."""

    value: Money
    carried: Money

    def of(self, shares: int, unpaid_loan: Money) -> Money:
        """What a member receives; below zero, his loan is larger than what he saved."""
        return self.value * shares - unpaid_loan


def share_out(box: Money, shares: int) -> ShareOut:
    """Divide the box by the shares bought, rounded down; the rest is carried over (T39).

    `box` is savings, interest, fines and other income, less losses.
    """
    value = Money(box.amount // shares, box.currency)
    return ShareOut(value, box - value * shares)
