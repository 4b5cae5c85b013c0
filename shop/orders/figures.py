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
    discount: Money
    at_door: Money
    """What the shop takes at the door itself: it never passes through us."""
    commission: Money
    operator_fee: Money
    """Nothing: the operator's fee is on top of the price, and the buyer pays it with the method."""
    refunded: Money
    """What went back on the seller's account. What we gave of our own is not the seller's figure."""
    net: Money
    owed: Money
    """Our commission on cash the shop took: its debt, set off against later payouts."""

    def __post_init__(self) -> None:
        came = self.gross + self.delivery - self.discount - self.at_door
        went = self.commission + self.operator_fee + self.refunded + self.net
        assert came == went, "figures add up"


def of(part: SellerOrder) -> Figures:
    """Give what is expected while the money is held, and what was shared, or went back, afterwards."""
    closed = part.escrow not in (Escrow.NONE, Escrow.HELD)
    later = Money(part.later_refunded_amount, part.currency)
    given = Money(part.later_commission_amount, part.currency)
    return Figures(
        gross=part.items,
        delivery=part.delivery,
        discount=part.discount,
        at_door=part.door,
        commission=part.kept - given if closed else part.due_commission,
        operator_fee=Money(0, part.currency),
        refunded=part.refunded + later,
        net=part.released - later + given if closed else part.net,
        owed=part.cash.share(part.commission_bp),
    )
