"""Discount codes at work: what one takes off a basket, and the places its uses sit in.

A use is held, kept and given back with the stock of its order (B3), so the same answers end both. It
counts while it sits in a numbered place; two keys seat one order per place, and a trigger allows only as
many places as the code says. An order revived by late money takes a place again; when none is left, it
is not paid, and the money goes back: a code is never oversold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, session
from shop.money import Money
from shop.orders.models import Order, SellerOrder
from shop.orders.refusals import CodeGone, NoSuchCode
from shop.orders.use_models import DiscountUse, UseState
from shop.stores import discounts
from shop.stores.discount_models import DiscountCode
from shop.stores.models import Store


@dataclass(frozen=True, slots=True)
class Discount:
    """What one code takes off one shop's articles."""

    code_id: int
    code: str
    amount: Money


def quoted(store: Store, text: str, items: Money, buyer: str | None = None) -> Discount:
    """Say what a code takes off; with a buyer's number, whether they may still use it.

    Raises `NoSuchCode` or `CodeGone`, in the words of what is in the way.
    """
    row = discounts.find([store.id], text)
    if row is None:
        raise NoSuchCode(store.name)
    today = clock.now().date()
    if row.paused_at or today > row.ends_on:
        raise CodeGone(row.code)
    if today < row.starts_on:
        raise NoSuchCode(store.name)
    off = row.off(items)
    if not off:
        raise CodeGone(row.code, least=row.least)
    _places(row, buyer)
    return Discount(row.id, row.code, off)


def planned(order: Order, part: SellerOrder, discount: Discount, buyer: str) -> DiscountUse:
    """Make the use of a new order: it sits nowhere yet, as no stock is taken yet either."""
    return DiscountUse(
        code_id=discount.code_id, order_id=order.id, seller_order_id=part.id, buyer=buyer,
        amount=discount.amount.amount, currency=discount.amount.currency, changed_at=clock.now(),
    )  # fmt: skip


def locked(order_ids: Collection[int]) -> Sequence[DiscountUse]:
    """Lock the uses of some orders, by id, and read them as they are now."""
    assert in_transaction(), "uses are locked in the caller's transaction"
    query = sa.select(DiscountUse).where(DiscountUse.order_id.in_(order_ids))
    query = query.order_by(DiscountUse.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).all()


def take(uses: Iterable[DiscountUse], state: UseState) -> None:
    """Seat uses for an attempt, or for good. Raises `CodeGone`; the caller's savepoint undoes it all."""
    for use in sorted(uses, key=lambda use: use.code_id):
        if use.state == UseState.FREE:
            # Whoever seats somebody has the code: two then never look at the same free place.
            code = session.scalars(
                sa.select(DiscountCode).where(DiscountCode.id == use.code_id).with_for_update()
            ).one()
            use.place, use.buyer_place = _places(code, use.buyer)
        if use.state != UseState.USED:
            use.state, use.changed_at = state, clock.now()
        session.flush()


def give_back(uses: Iterable[DiscountUse]) -> None:
    """Leave the places; doing it again changes nothing."""
    for use in uses:
        if use.state != UseState.FREE:
            use.state, use.changed_at = UseState.FREE, clock.now()
            use.place = use.buyer_place = None


def give_back_of(part: SellerOrder) -> None:
    """Let the buyer use the code again: the order it was used for was refunded whole."""
    give_back(use for use in locked([part.order_id]) if use.seller_order_id == part.id)


def of_code(code_id: int) -> Sequence[DiscountUse]:
    """List the uses that count, latest first, each with its order."""
    query = sa.select(DiscountUse).where(
        DiscountUse.code_id == code_id, DiscountUse.state != UseState.FREE
    )
    return session.scalars(query.order_by(DiscountUse.changed_at.desc()).limit(100)).all()


def counts(store: Store) -> dict[int, int]:
    """Count the uses that count, per code of a shop."""
    rows = session.execute(
        sa.select(DiscountUse.code_id, sa.func.count())
        .join(DiscountCode, DiscountCode.id == DiscountUse.code_id)
        .where(DiscountCode.store_id == store.id, DiscountUse.state != UseState.FREE)
        .group_by(DiscountUse.code_id)
    )
    return {row[0]: row[1] for row in rows}


def _places(code: DiscountCode, buyer: str | None) -> tuple[int, int]:
    """Find the first free place of a code, and of its buyer. Raises `CodeGone` when one is full."""
    of_all = _first_free(DiscountUse.place, DiscountUse.code_id == code.id)
    if of_all > code.most_uses:
        raise CodeGone(code.code)
    if buyer is None:
        return of_all, 1
    theirs = sa.and_(DiscountUse.code_id == code.id, DiscountUse.buyer == buyer)
    of_buyer = _first_free(DiscountUse.buyer_place, theirs)
    if of_buyer > code.most_per_buyer:
        raise CodeGone(code.code, by_you=True)
    return of_all, of_buyer


def _first_free(place: sa.SQLColumnExpression[int | None], among: sa.ColumnElement[bool]) -> int:
    taken = session.scalars(sa.select(place).where(among, place.is_not(None)).order_by(place)).all()
    # Sorted and different: the first that is not where it would be without a gap marks the gap.
    return next((n for n, held in enumerate(taken, start=1) if held != n), len(taken) + 1)
