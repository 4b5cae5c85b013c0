"""Who bears each franc of a refund: the policy as a table, and the arithmetic that follows it. Pure.

A sale has four parts: the price of the articles, the delivery, our commission on the price, and the
operator's fee where the buyer paid one on top. A refund gives back price first, then delivery. The
commission that is still due is the commission of the price that the seller keeps, rounded down: the
seller gains the franc (decision 44). The operator's fee that is kept is rounded down too: the buyer
gains the franc. Because each rounding is of the whole so far and not of one step, a hundred small refunds
end where one large one does, and buyer, seller, platform and provider always sum to zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from shop.errors import Conflict
from shop.money import Money


class Bearer(StrEnum):
    """Who pays for a part that goes back to the buyer; the buyer: it does not go back."""

    BUYER = "buyer"
    SELLER = "seller"
    PLATFORM = "platform"
    PROVIDER = "provider"


class Cause(StrEnum):
    """Why money goes back."""

    REFUSED = "refused"
    """The seller said no, or could not deliver any more."""
    SILENT = "silent"
    """The seller never answered, or never sent."""
    CHANGED_MIND = "changed_mind"
    """The buyer cancelled before the seller answered."""
    NOT_RECEIVED = "not_received"
    NOT_AS_DESCRIBED = "not_as_described"
    MISSING = "missing"
    """A part of the order is missing."""
    RETURNED = "returned"
    """The buyer sends a good article back: it did travel, so the delivery is not given back."""
    GOODWILL = "goodwill"
    """The sale stands and the seller gives something of it."""
    DISPUTE = "dispute"
    """What both agreed to, or what was decided between them."""
    STAFF = "staff"
    """We give something of our own: the seller keeps the sale."""
    REVERSED = "reversed"
    """The operator took the payment back."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who bears the price, the delivery, our commission on the price, and the operator's fee."""

    price: Bearer
    delivery: Bearer
    commission: Bearer
    """The platform: we give it back with the price. The seller: the sale stands, and so does it."""
    fee: Bearer

    @property
    def undoes(self) -> bool:
        """Say whether the sale shrinks, and our commission with it."""
        return self.price is Bearer.SELLER and self.commission is Bearer.PLATFORM


_B, _S, _P = Bearer.BUYER, Bearer.SELLER, Bearer.PLATFORM
_SALE_UNDONE: Final = Rule(_S, _S, _P, _P)
#: The policy, each version from its day on. A refund follows the table of the day the order was paid.
POLICIES: Final[Sequence[tuple[date, Mapping[Cause, Rule]]]] = (
    (
        date(2026, 1, 1),
        {
            Cause.REFUSED: _SALE_UNDONE,
            Cause.SILENT: _SALE_UNDONE,
            # The operator did its work, and neither the seller nor we changed our mind.
            Cause.CHANGED_MIND: Rule(_S, _S, _P, _B),
            Cause.NOT_RECEIVED: _SALE_UNDONE,
            Cause.NOT_AS_DESCRIBED: _SALE_UNDONE,
            Cause.MISSING: _SALE_UNDONE,
            Cause.RETURNED: Rule(_S, _B, _P, _B),
            Cause.GOODWILL: Rule(_S, _S, _S, _B),
            Cause.DISPUTE: Rule(_S, _S, _P, _B),
            Cause.STAFF: Rule(_P, _P, _P, _P),
            Cause.REVERSED: _SALE_UNDONE,
        },
    ),
)

#: What a seller may give as the reason, in the order of the form.
OF_SELLER: Final = (
    Cause.MISSING,
    Cause.NOT_AS_DESCRIBED,
    Cause.NOT_RECEIVED,
    Cause.RETURNED,
    Cause.GOODWILL,
)


def rule(cause: Cause, on: date) -> Rule:
    """Give the rule of a cause as it was on a day."""
    valid = [table for since, table in POLICIES if since <= on]
    return (valid[-1] if valid else POLICIES[0][1])[cause]


@dataclass(frozen=True, slots=True)
class Parts:
    """A sale's frozen parts, or what of them went back, in minor units of one currency."""

    price: int = 0
    delivery: int = 0
    commission: int = 0
    fee: int = 0

    def __post_init__(self) -> None:
        assert min(self.price, self.delivery, self.commission, self.fee) >= 0, (
            "a part is not below 0"
        )

    def __add__(self, other: Parts) -> Parts:
        return Parts(
            self.price + other.price,
            self.delivery + other.delivery,
            self.commission + other.commission,
            self.fee + other.fee,
        )


@dataclass(frozen=True, slots=True)
class Past:
    """What went back so far, and of how much of the price the sale was undone."""

    back: Parts = Parts()
    undone: int = 0
    """Of the price: where our commission went back too. A present leaves the sale as it was."""


class AboveSale(Conflict):
    """More than is left of the sale cannot go back; `left` is what still can."""

    code = "above_sale"

    def __init__(self, left: Money) -> None:
        super().__init__(f"{left} can still go back")
        self.left = left


@dataclass(frozen=True, slots=True)
class Shares:
    """One refund, line by line: what goes back, and who bears it."""

    parts: Parts
    rule: Rule
    currency: str

    @property
    def amount(self) -> Money:
        """What of price and delivery goes back."""
        return self._money(self.parts.price + self.parts.delivery)

    @property
    def buyer(self) -> Money:
        """Everything the buyer receives, the operator's fee included."""
        return self.amount + self.fee

    @property
    def fee(self) -> Money:
        """What of the operator's fee goes back."""
        return self._money(self.parts.fee)

    @property
    def commission(self) -> Money:
        """What of our commission goes back to the seller."""
        return self._money(self.parts.commission)

    @property
    def from_sale(self) -> Money:
        """What the sale shrinks by: the price and the delivery that the seller bears."""
        return self._money(self._borne(Bearer.SELLER))

    @property
    def undone(self) -> int:
        """Of the price: what the sale shrinks by, and our commission with it."""
        return self.parts.price if self.rule.undoes else 0

    @property
    def seller(self) -> Money:
        """What the seller pays in the end, less the commission that comes back."""
        return self.from_sale + self._fee_of(Bearer.SELLER) - self.commission

    @property
    def platform(self) -> Money:
        """What we pay in the end."""
        return (
            self._money(self._borne(Bearer.PLATFORM))
            + self._fee_of(Bearer.PLATFORM)
            + self.commission
        )

    @property
    def provider(self) -> Money:
        """What the operator pays."""
        return self._money(self._borne(Bearer.PROVIDER)) + self._fee_of(Bearer.PROVIDER)

    def _borne(self, by: Bearer) -> int:
        price = self.parts.price if self.rule.price is by else 0
        return price + (self.parts.delivery if self.rule.delivery is by else 0)

    def _fee_of(self, by: Bearer) -> Money:
        return self.fee if self.rule.fee is by else self._money(0)

    def _money(self, amount: int) -> Money:
        return Money(amount, self.currency)


def left(sale: Parts, past: Past, rule: Rule) -> Parts:
    """Say what of price and delivery can still go back under a rule."""
    price = sale.price - past.back.price if rule.price is not Bearer.BUYER else 0
    delivery = sale.delivery - past.back.delivery if rule.delivery is not Bearer.BUYER else 0
    return Parts(price, delivery)


def next_refund(sale: Parts, past: Past, amount: Money, rule: Rule) -> Shares:
    """Share out one more refund of a sale. Raises `AboveSale` for nothing, or more than is left."""
    can = left(sale, past, rule)
    if not 0 < amount.amount <= can.price + can.delivery:
        raise AboveSale(Money(can.price + can.delivery, amount.currency))
    price = min(amount.amount, can.price)
    delivery = amount.amount - price
    commission = 0
    if rule.undoes:
        due = sale.commission * (sale.price - past.undone - price) // sale.price
        # A present can have eaten what would still be due: nothing is then given back, nor asked.
        commission = max(0, sale.commission - past.back.commission - due)
    back = Parts(price, delivery, commission, _fee_back(sale, past, price + delivery, rule))
    return Shares(back, rule, amount.currency)


def _fee_back(sale: Parts, past: Past, amount: int, rule: Rule) -> int:
    """Give back the fee of what goes back, as far as none went before; the fee kept is rounded down."""
    if rule.fee is Bearer.BUYER:
        return 0
    whole = sale.price + sale.delivery
    kept = sale.fee * (whole - past.back.price - past.back.delivery - amount) // whole
    return max(0, sale.fee - past.back.fee - kept)


def after(past: Past, made: Shares) -> Past:
    """Add a refund to what went back before."""
    return Past(past.back + made.parts, past.undone + made.undone)
