"""Decides when escrow is released, and to whom: once per seller order, in the caller's transaction.

The amounts are written on the row as well, where the database adds them up: the three parts are what was
held (E1). A step of the history comes first; no franc leaves an escrow that no step closed, but for a
refund of a part, which is written before it too. Who bears what is the policy's (`policy.py`).
"""

from __future__ import annotations

from shop import clock
from shop.accounts import service as accounts
from shop.cashback import service as cashback
from shop.db import in_transaction
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.money import Money
from shop.orders import refund_rows
from shop.orders.models import SellerOrder
from shop.orders.policy import Shares
from shop.orders.refund_models import OrderRefund, Source
from shop.orders.refund_rows import Why
from shop.orders.states import Escrow


def held(part: SellerOrder) -> Money:
    """Say what the books hold for a seller order now."""
    return ledger.balance(chart.escrow(part.id, part.currency))


def release(part: SellerOrder) -> None:
    """Move what is held to the seller's wallet, less our commission."""
    _share(part, Escrow.RELEASED, to_seller=part.net, kept=part.due_commission)


def refund_of(part: SellerOrder, why: Why) -> None:
    """Give all that is held back to the buyer's wallet; from there it is sent on to the phone that paid."""
    nothing, back = Money(0, part.currency), _back(part, part.held, why)
    _share(part, Escrow.REFUNDED, to_seller=nothing, kept=nothing, back=back)


def split(part: SellerOrder, to_buyer: Money, why: Why) -> None:
    """Give the buyer an amount back; the seller has the rest, less our commission on it.

    The commission shrinks with what the seller keeps of the price, rounded down: the seller gains the
    franc. Both sides must receive something: all or nothing is a refund or a release.
    """
    assert Money(0, part.currency) < to_buyer < part.held, "a split gives something to both"
    rest, back = part.held - to_buyer, _back(part, to_buyer, why)
    kept = min(part.due_commission - Money(back.commission_amount, part.currency), rest)
    _share(part, Escrow.SPLIT, to_seller=rest - kept, kept=kept, back=back)


def _back(part: SellerOrder, amount: Money, why: Why) -> OrderRefund:
    shares = refund_rows.planned(part, amount, why.cause)
    return refund_rows.write(part, shares, Source.CLOSING, why)


def give_part(part: SellerOrder, shares: Shares, why: Why) -> OrderRefund:
    """Give a part of what is held back to the buyer's wallet; the rest stays held."""
    assert in_transaction(), "a part leaves with the row that says so"
    assert shares.from_sale == shares.amount < part.held, "a part leaves something behind"
    row = refund_rows.write(part, shares, Source.ESCROW, why)
    buyer = accounts.owner_id(part.order.user_id)
    ledger.post(
        entries.order_refunded(
            row.id,
            chart.wallet(buyer, part.currency),
            [
                ("escrow", chart.escrow(part.id, part.currency), shares.amount),
                ("fee", chart.income("method-fees", part.currency), shares.fee),
            ],
        )
    )
    refund_rows.revive_cashback(part, row, buyer)
    part.refunded_amount += shares.amount.amount
    part.early_commission_amount += shares.commission.amount
    return row


_WORDS = {Escrow.RELEASED: "release", Escrow.REFUNDED: "refund", Escrow.SPLIT: "split"}


def _share(
    part: SellerOrder,
    to: Escrow,
    *,
    to_seller: Money,
    kept: Money,
    back: OrderRefund | None = None,
) -> None:
    assert in_transaction(), "an escrow is closed with the step that says so"
    assert part.escrow == Escrow.HELD, f"seller order {part.reference} is {part.escrow}"
    to_buyer = part.held - to_seller - kept
    seller, buyer = part.store.owner_id, part.order.user_id
    owners = accounts.owner_ids({seller, buyer})
    ledger.post(
        entries.escrow_shared(
            _WORDS[to],
            part.id,
            seller=(owners[seller], to_seller),
            kept=kept,
            buyer=(owners[buyer], to_buyer),
            fee=Money(back.fee_amount, part.currency) if back else None,
        )
    )
    if to is Escrow.RELEASED:
        cashback.grant(part.id, owners[buyer], refund_rows.price_kept(part))
    if back:
        refund_rows.revive_cashback(part, back, owners[buyer])
    part.escrow, part.closed_at = to, clock.now()
    part.released_amount, part.kept_amount = to_seller.amount, kept.amount
    part.refunded_amount += to_buyer.amount
    part.return_at = part.closed_at if to_buyer else None
