"""What a shop has earned: counted from its latest orders, shown with its arithmetic, never for sale.

The latest two hundred paid orders are enough to judge by, and few enough to be looked up one by one: a
shop with a million orders is read as fast as one with three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.orders.dispute_states import Dispute as State
from shop.orders.models import SellerOrder, SellerOrderEvent
from shop.orders.states import Actor, Escrow, Stage
from shop.orders.talk_models import Dispute
from shop.stores.models import Store

LATEST: Final = 200
#: Fewer orders than this prove nothing.
ENOUGH: Final = 10
#: Of a hundred, how many earn a badge.
SHARE: Final = 95


@dataclass(frozen=True, slots=True)
class Counted:
    """So many of so many."""

    good: int
    of: int

    @property
    def percent(self) -> int:
        """How many of a hundred, rounded down; 0 of nothing."""
        return self.good * 100 // self.of if self.of else 0

    @property
    def earned(self) -> bool:
        """Say whether it is enough for a badge."""
        return self.of >= ENOUGH and self.percent >= SHARE


@dataclass(frozen=True, slots=True)
class Standing:
    """The facts behind a shop's badges, of its latest paid orders."""

    orders: int
    delivered: Counted
    """Orders that ended with the goods at the buyer's, of those that ended."""
    answered: Counted
    """Orders the seller answered before the clock did, of those that needed an answer."""
    undisputed: Counted
    """Orders without a problem that ended with money given back, of all."""

    @property
    def lost(self) -> int:
        """How many problems ended with money given back."""
        return self.undisputed.of - self.undisputed.good


def of(store: Store) -> Standing:
    """Read a shop's standing in two statements."""
    latest = (
        sa.select(SellerOrder.id, SellerOrder.stage, SellerOrder.escrow)
        .where(SellerOrder.store_id == store.id, SellerOrder.status == "paid")
        .order_by(SellerOrder.paid_at.desc(), SellerOrder.id.desc())
        .limit(LATEST)
        .subquery()
    )
    stages = session.execute(
        sa.select(latest.c.escrow, latest.c.stage, sa.func.count()).group_by(
            latest.c.escrow, latest.c.stage
        )
    ).all()
    answered, late, lost = session.execute(_counts(latest)).one()
    orders = sum(count for _escrow, _stage, count in stages)
    ended = sum(count for escrow, _stage, count in stages if escrow != Escrow.HELD)
    arrived = sum(c for _e, stage, c in stages if stage in (Stage.HANDED_OVER, Stage.CONFIRMED))
    return Standing(
        orders=orders,
        delivered=Counted(arrived, ended),
        answered=Counted(answered, answered + late),
        undisputed=Counted(orders - lost, orders),
    )


def _counts(latest: sa.Subquery) -> sa.Select[int, int, int]:
    """Count the seller's own answers, the clock's in their place, and the problems that were lost."""

    def answers(actor: Actor) -> sa.ScalarSelect[int]:
        taken = sa.and_(
            SellerOrderEvent.seller_order_id == latest.c.id,
            SellerOrderEvent.old == Stage.TO_ACCEPT,
            SellerOrderEvent.actor == actor,
        )
        return sa.select(sa.func.count()).select_from(latest).join(
            SellerOrderEvent, taken
        ).scalar_subquery()  # fmt: skip

    given_back = sa.and_(
        Dispute.seller_order_id == latest.c.id,
        Dispute.back_amount > 0,
        Dispute.status.in_([State.AGREED, State.EXECUTED]),
    )
    lost = (
        sa.select(sa.func.count(sa.distinct(Dispute.seller_order_id)))
        .select_from(latest)
        .join(Dispute, given_back)
        .scalar_subquery()
    )
    return sa.select(answers(Actor.SELLER), answers(Actor.CLOCK), lost)
