"""Decides when escrow is released, and to whom: once per seller order, in the caller's transaction.

The amounts are written on the row as well, where the database adds them up: the three parts are what was
held (E1). A step of the history comes first; no franc leaves an escrow that no step closed.
"""

from __future__ import annotations

from shop import clock
from shop.accounts import service as accounts
from shop.cashback import service as cashback
from shop.db import in_transaction
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.money import Money
from shop.orders.models import SellerOrder
from shop.orders.states import Escrow


def held(part: SellerOrder) -> Money:
    """Say what the books hold for a seller order now."""
    return ledger.balance(chart.escrow(part.id, part.currency))


def release(part: SellerOrder) -> None:
    """Move the escrow to the seller's wallet, less our commission."""
    _share(part, Escrow.RELEASED, to_seller=part.net, kept=part.commission)


def refund_of(part: SellerOrder) -> None:
    """Give the whole escrow back to the buyer's wallet; from there it is sent on to the phone that paid."""
    nothing = Money(0, part.currency)
    _share(part, Escrow.REFUNDED, to_seller=nothing, kept=nothing)


def split(part: SellerOrder, to_buyer: Money) -> None:
    """Give the buyer an amount back; the seller has the rest, less our commission on it.

    The commission shrinks with what the seller keeps of the sale, rounded down: the seller gains the
    franc. Both sides must receive something: all or nothing is a refund or a release.
    """
    assert Money(0, part.currency) < to_buyer < part.total, "a split gives something to both"
    rest = part.total - to_buyer
    kept = Money(part.commission_amount * rest.amount // part.total_amount, part.currency)
    _share(part, Escrow.SPLIT, to_seller=rest - kept, kept=kept)


_WORDS = {Escrow.RELEASED: "release", Escrow.REFUNDED: "refund", Escrow.SPLIT: "split"}


def _share(part: SellerOrder, to: Escrow, *, to_seller: Money, kept: Money) -> None:
    assert in_transaction(), "an escrow is closed with the step that says so"
    assert part.escrow == Escrow.HELD, f"seller order {part.reference} is {part.escrow}"
    to_buyer = part.total - to_seller - kept
    seller, buyer = part.store.owner_id, part.order.user_id
    owners = accounts.owner_ids({seller, buyer})
    ledger.post(
        entries.escrow_shared(
            _WORDS[to],
            part.id,
            seller=(owners[seller], to_seller),
            kept=kept,
            buyer=(owners[buyer], to_buyer),
        )
    )
    if to is Escrow.RELEASED:
        cashback.grant(part.id, owners[buyer], part.items)
    if to_buyer:
        # What cashback had paid is cashback again before anybody can withdraw it.
        parts = [each.id for each in part.order.seller_orders]
        cashback.give_back(part.order_id, part.id, parts, owners[buyer], to_buyer)
    part.escrow, part.closed_at = to, clock.now()
    part.released_amount, part.kept_amount = to_seller.amount, kept.amount
    part.refunded_amount = to_buyer.amount
    part.return_at = part.closed_at if to_buyer else None
