"""Stock that an order takes off the shelf: held, then consumed or returned, each exactly once (B3).

A hold ends with the attempt's final answer, never on a clock. Whoever calls has locked the order, and
products are touched by ascending id, so that two orders of the same articles queue instead of blocking
each other for ever. The shelf itself is the judge: `stock >= quantity` is in the UPDATE, and in a CHECK.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from shop import clock
from shop.db import in_transaction, session
from shop.orders import uses
from shop.orders.models import HoldState, Order, OrderLine, SellerOrder, StockHold
from shop.orders.refusals import CodeGone, OutOfStock
from shop.orders.use_models import DiscountUse, UseState
from shop.stores.models import Product


@dataclass(frozen=True, slots=True)
class Articles:
    """What an order wants, and what it holds of it, locked."""

    wanted: list[tuple[int, str, int]] = field(default_factory=list)
    """Product id, name, quantity."""
    holds: dict[int, StockHold] = field(default_factory=dict)
    uses: list[DiscountUse] = field(default_factory=list)
    """What its prices rest on: each use of a discount code is held and kept as the articles are."""

    @property
    def all_held(self) -> bool:
        """Say whether nothing more has to leave the shelf, and no use is to be taken."""
        here = {id_ for id_, hold in self.holds.items() if hold.state != HoldState.RETURNED}
        seated = all(use.state != UseState.FREE for use in self.uses)
        return seated and all(product_id in here for product_id, _name, _quantity in self.wanted)


def hold_stock(order: Order) -> None:
    """Take the order's articles off the shelf; doing it again while they are held changes nothing.

    Raises `OutOfStock` naming the first article that is gone, or `CodeGone` naming the code that was
    used up meanwhile; nothing at all is then taken.
    """
    _settle_on(order, HoldState.HELD)


def consume_stock(order: Order, articles: Articles | None = None) -> bool:
    """Make the hold final: the articles are sold. Articles put back meanwhile are taken again.

    False when the shelf is empty, or its code used up; nothing is then changed, and the caller decides
    about the money.
    Whoever settles many orders reads their `articles_of` at once and brings them.
    """
    articles = articles or articles_of([order.id])[order.id]
    if articles.all_held:
        _become(articles.holds.values(), HoldState.CONSUMED)
        uses.take(articles.uses, UseState.USED)
        return True
    try:
        _settle_on(order, HoldState.CONSUMED)
    except (OutOfStock, CodeGone):
        return False
    return True


def return_stock(*orders: Order) -> bool:
    """Put what is still held back on the shelf; say whether there was anything to put back."""
    assert in_transaction(), "stock moves inside the caller's transaction"
    theirs = articles_of([order.id for order in orders]).values()
    held = [
        hold
        for articles in theirs
        for hold in articles.holds.values()
        if hold.state == HoldState.HELD
    ]
    _become(held, HoldState.RETURNED)
    uses.give_back(use for each in theirs for use in each.uses if use.state == UseState.HELD)
    session.flush()
    _put_back(held)
    return bool(held)


def articles_of(order_ids: Collection[int]) -> dict[int, Articles]:
    """Read what these orders want and hold, and lock the holds: as many statements for one as for many."""
    assert in_transaction(), "holds are locked in the caller's transaction"
    articles = {order_id: Articles() for order_id in order_ids}
    reduced = set()
    for order_id, *line, discount in _wanted(order_ids):
        articles[order_id].wanted.append((line[0], line[1], int(line[2])))
        reduced |= {order_id} if discount else set()
    for hold in _locked_holds(order_ids):
        articles[hold.order_id].holds[hold.product_id] = hold
    for use in uses.locked(reduced) if reduced else ():
        articles[use.order_id].uses.append(use)
    return articles


def restock(part: SellerOrder) -> None:
    """Put the sold articles of a seller order back: its parcel came home unopened."""
    assert in_transaction(), "stock moves with the step that says so"
    theirs = {line.product_id for line in part.lines}
    sold = [
        hold
        for hold in _locked_holds([part.order_id])
        if hold.product_id in theirs and hold.state == HoldState.CONSUMED
    ]
    _become(sold, HoldState.RETURNED)
    session.flush()
    _put_back(sold)


#: What a use of a code is when the articles beside it are held, or sold.
_USE = {HoldState.HELD: UseState.HELD, HoldState.CONSUMED: UseState.USED}


def _settle_on(order: Order, state: HoldState) -> None:
    """Bring every article of the order to `state` (held or consumed), all of them or none."""
    assert in_transaction(), "stock moves inside the caller's transaction"
    articles = articles_of([order.id])[order.id]
    with session.begin_nested():
        uses.take(articles.uses, _USE[state])
        for product_id, name, quantity in articles.wanted:
            hold = articles.holds.get(product_id)
            if hold is None or hold.state == HoldState.RETURNED:
                _take(product_id, quantity, name)
            if hold is None:
                _open(order, product_id, quantity, state)
            elif hold.state != HoldState.CONSUMED and hold.state != state:
                _move(hold, state)


def _wanted(order_ids: Collection[int]) -> Sequence[Any]:
    return session.execute(
        sa.select(
            SellerOrder.order_id,
            OrderLine.product_id,
            sa.func.min(OrderLine.name),
            sa.func.sum(OrderLine.quantity),
            sa.func.max(SellerOrder.discount_amount),
        )
        .join(SellerOrder, SellerOrder.id == OrderLine.seller_order_id)
        .where(SellerOrder.order_id.in_(order_ids))
        .group_by(SellerOrder.order_id, OrderLine.product_id)
        .order_by(SellerOrder.order_id, OrderLine.product_id)
    ).all()


def _locked_holds(order_ids: Collection[int]) -> Sequence[StockHold]:
    return session.scalars(
        sa.select(StockHold)
        .where(StockHold.order_id.in_(order_ids))
        .order_by(StockHold.order_id, StockHold.product_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _become(holds: Iterable[StockHold], state: HoldState) -> None:
    """Change holds that we have locked; those in that state already are left alone."""
    for hold in holds:
        if hold.state != state:
            hold.state, hold.changed_at = state, clock.now()


def _open(order: Order, product_id: int, quantity: int, state: HoldState) -> None:
    session.add(
        StockHold(
            order_id=order.id,
            product_id=product_id,
            quantity=quantity,
            state=state,
            changed_at=clock.now(),
        )
    )
    session.flush()


def _move(hold: StockHold, state: HoldState) -> bool:
    """Change a hold only from the state that was read; the database says whether it still was."""
    changed = _changed(
        sa.update(StockHold)
        .where(StockHold.id == hold.id, StockHold.state == hold.state)
        .values(state=state, changed_at=clock.now())
    )
    session.expire(hold)
    return changed


def _take(product_id: int, quantity: int, name: str) -> None:
    taken = _changed(
        sa.update(Product)
        .where(Product.id == product_id, Product.stock >= quantity)
        .values(stock=Product.stock - quantity)
    )
    if not taken:
        raise OutOfStock(name)


def _put_back(holds: Iterable[StockHold]) -> None:
    """Give the shelf back what these held, product by product in one statement."""
    returned: Counter[int] = Counter()
    for hold in holds:
        returned[hold.product_id] += hold.quantity
    if not returned:
        return
    shelf = cast(sa.Table, Product.__table__)
    statement = (
        sa.update(shelf)
        .where(shelf.c.id == sa.bindparam("product"))
        .values(stock=shelf.c.stock + sa.bindparam("quantity"))
    )
    rows = [{"product": id_, "quantity": returned[id_]} for id_ in sorted(returned)]
    session.connection().execute(statement, rows)
    for product in session.identity_map.values():
        if isinstance(product, Product):
            session.expire(product, ["stock"])


def _changed(statement: sa.Update) -> bool:
    options = {"synchronize_session": "fetch"}
    result = cast(CursorResult[Any], session.execute(statement, execution_options=options))
    return result.rowcount == 1
