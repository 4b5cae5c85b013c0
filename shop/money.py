"""Money: a whole number of minor units and its currency, never a float."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: ISO 4217 exponents of the currencies we accept. 0: the franc has no centime in use.
EXPONENTS: Final = {"XOF": 0, "XAF": 0, "GNF": 0, "CDF": 2, "GHS": 2, "EUR": 2}

#: PostgreSQL's BIGINT; a larger amount is a bug or an attack, not a price.
MAX_MINOR_UNITS: Final = 2**63 - 1

_WIRE = re.compile(r"(?P<whole>0|[1-9][0-9]{0,18})(?:\.(?P<part>[0-9]{1,6}))?")
_TYPED_GROUPS = re.compile(r"[0-9]{1,3}(?:[ \u00a0\u202f.,][0-9]{3})+")


class MoneyError(ValueError):
    """The text or number is not an amount of this currency."""


class CurrencyMismatch(MoneyError):
    """Two currencies met in one operation; there is no implicit exchange."""


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `Money(5000, "XOF")` is five thousand francs, `Money(5000, "EUR")` fifty euros.

    `amount` counts minor units (ISO 4217). Negative amounts exist only as differences;
    whoever stores one checks its sign.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        # bool is an int in Python, and True francs is a bug.
        if type(self.amount) is not int:
            raise MoneyError(f"amount must be an int of minor units, not {self.amount!r}")
        if self.currency not in EXPONENTS:
            raise MoneyError(f"unknown currency {self.currency!r}")
        if abs(self.amount) > MAX_MINOR_UNITS:
            raise MoneyError("amount is out of range")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other).amount, self.currency)

    def __mul__(self, times: int) -> Money:
        if type(times) is not int:
            raise MoneyError("money is multiplied by whole numbers only; see share()")
        return Money(self.amount * times, self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other).amount

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other).amount

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other).amount

    def __str__(self) -> str:
        """`12.50 EUR`: for logs and error texts, not for pages (see i18n.amount)."""
        return f"{self.to_wire()} {self.currency}"

    def _same(self, other: Money) -> Money:
        if not isinstance(other, Money):
            raise TypeError(f"money meets {type(other).__name__}")
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} meets {other.currency}")
        return other

    @property
    def exponent(self) -> int:
        """Decimals of the currency: 0 for the franc, 2 for the euro."""
        return EXPONENTS[self.currency]

    def share(self, basis_points: int) -> Money:
        """Give the part of 10,000 asked for, rounded down to the minor unit."""
        if type(basis_points) is not int or basis_points < 0:
            raise MoneyError("a share is a whole number of basis points")
        return Money(self.amount * basis_points // 10_000, self.currency)

    def share_up(self, basis_points: int) -> Money:
        """Give the part of 10,000 asked for, rounded up: what a fee-taker charges."""
        return -((-self)._share_floor(basis_points))

    def _share_floor(self, basis_points: int) -> Money:
        return Money(self.amount * basis_points // 10_000, self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Divide by weights without losing a unit: largest remainder, ties to the first.

        The parts always add up to the whole. Raises `MoneyError` when no weight is positive.
        """
        if self.amount < 0:
            raise MoneyError("a negative amount is not divided")
        if any(type(w) is not int or w < 0 for w in weights) or sum(weights) == 0:
            raise MoneyError("weights are whole numbers, at least one above zero")
        total = sum(weights)
        floors = [self.amount * w // total for w in weights]
        left = self.amount - sum(floors)
        by_remainder = sorted(
            range(len(weights)), key=lambda i: (-(self.amount * weights[i] % total), i)
        )
        for i in by_remainder[:left]:
            floors[i] += 1
        return [Money(part, self.currency) for part in floors]

    def to_wire(self) -> str:
        """Write as providers do: `"1000"` for francs, `"12.50"` for euros."""
        sign, digits = ("-" if self.amount < 0 else ""), str(abs(self.amount))
        if not self.exponent:
            return sign + digits
        digits = digits.zfill(self.exponent + 1)
        return f"{sign}{digits[: -self.exponent]}.{digits[-self.exponent :]}"

    @classmethod
    def from_wire(cls, value: object, currency: str) -> Money:
        """Read a provider's amount, text or integer, exactly; `"1000.00"` is 1000 francs.

        Raises `MoneyError` for anything else: floats, exponents, signs, a fraction of a minor unit.
        """
        if type(value) is int and value >= 0:
            value = str(value)
        match = _WIRE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise MoneyError(f"not an amount: {value!r}")
        exponent = EXPONENTS.get(currency)
        if exponent is None:
            raise MoneyError(f"unknown currency {currency!r}")
        part = (match["part"] or "").rstrip("0")
        if len(part) > exponent:
            raise MoneyError(f"{currency} has no such fraction: {value!r}")
        return cls(int(match["whole"] + part.ljust(exponent, "0")), currency)

    @classmethod
    def typed(cls, text: str, currency: str) -> Money:
        """Read what a person typed: `12 500`, `12.500` and `12,500` are all 12500 (UX §3.1).

        Raises `MoneyError` for decimals, signs and anything else.
        """
        cleaned = text.strip()
        if _TYPED_GROUPS.fullmatch(cleaned):
            cleaned = re.sub(r"[^0-9]", "", cleaned)
        if not (cleaned.isascii() and cleaned.isdigit()) or len(cleaned) > 15:
            raise MoneyError(f"not a whole amount: {text!r}")
        return cls(int(cleaned) * 10 ** EXPONENTS[currency], currency)


def total(amounts: Sequence[Money], currency: str) -> Money:
    """Add up amounts of one currency; nothing adds up to zero of it."""
    return sum(amounts, Money(0, currency))
