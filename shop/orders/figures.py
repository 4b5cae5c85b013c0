"""What a seller order brings, line by line: the same figures on the page, in the file and in the books."""

from __future__ import annotations

from dataclasses import dataclass

from shop.money import Money
from shop.orders.models import SellerOrder
from shop.orders.states import Escrow


@dataclass(frozen=True, slots=True)
class Figures:
    """Gross and delivery, less what goes elsewhere, is net: to the franc, at every stage."""

    gross: Money
    delivery: Money
    commission: Money
    operator_fee: Money
    """Nothing: the operator's fee is on top of the price, and the buyer pays it with the method."""
    refunded: Money
    """What went back on the seller's account. What we gave of our own is not the seller's figure."""
    net: Money

    def __post_init__(self) -> None:
        went = self.commission + self.operator_fee + self.refunded + self.net
        assert self.gross + self.delivery == went, "figures add up"


def of(part: SellerOrder) -> Figures:
    """Give what is expected while the money is held, and what was shared, or went back, afterwards."""
    closed = part.escrow not in (Escrow.NONE, Escrow.HELD)
    later = Money(part.later_refunded_amount, part.currency)
    given = Money(part.later_commission_amount, part.currency)
    return Figures(
        gross=part.items,
        delivery=part.delivery,
        commission=part.kept - given if closed else part.due_commission,
        operator_fee=Money(0, part.currency),
        refunded=part.refunded + later,
        net=part.released - later + given if closed else part.net,
    )
