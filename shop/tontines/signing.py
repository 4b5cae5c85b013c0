"""An officer signs; with the second signature the money moves, in the same transaction (R20)."""

from __future__ import annotations

from shop.db import in_transaction, retrying, session, transaction
from shop.errors import NotFound
from shop.tontines import bureau, desk, easing, settling
from shop.tontines.bureau_models import Action, MoneyOrder
from shop.tontines.cycle_models import TurnRow
from shop.tontines.states import OrderStatus


@retrying
def sign(order_id: int, user_id: int) -> bool:
    """Sign a request to move money out; say whether it has moved now. Signing twice adds nothing.

    The caller has checked the PIN. Raises `NotFound`, or refuses with the rule that says no: a
    recipient, no officer, too late, the bureau just changed.
    """
    with transaction():
        return sign_inside(order_id, user_id)


def sign_inside(order_id: int, user_id: int) -> bool:
    """Sign inside the caller's transaction."""
    assert in_transaction(), "a signature is written with what it allows"
    order = session.get(MoneyOrder, order_id)
    if order is None:
        raise NotFound("order")
    at = desk.opened(order.tontine_id)
    session.refresh(order)
    desk.member(order.tontine_id, user_id)
    if order.status == OrderStatus.DONE:
        return True
    if not bureau.put_signature(order, user_id):
        return False
    match Action(order.action):
        case Action.POT:
            turn = session.get_one(TurnRow, order.target_id)
            settling.settle_inside(turn.round_id)
        case Action.RELIEF:
            easing.pay_relief(at, order)
        case Action.WAIVER:
            easing.waive(at, order)
    return True
