"""Bugs put in on purpose between buyer and seller: each is one that a marketplace once shipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shop import order_refunds, references, refunds
from shop.accounts import service as accounts
from shop.db import session, transaction
from shop.earnings import service as earnings
from shop.ledger import chart, entries
from shop.money import Money
from shop.orders import disputes, escrow, fulfilment, handover
from shop.orders.fulfilment import By
from shop.orders.models import SellerOrder
from shop.orders.refusals import WrongCode
from shop.orders.states import WAITS, Actor, Escrow, Stage
from tests.simulation.planting import PLANTED, Bug, bug

_shared, _wait = entries.escrow_shared, fulfilment._wait


@bug("any six digits are the code", (handover, "fits"))
def code_is_not_checked(part: Any, typed: str) -> bool:
    return True


@bug("a wrong code is rolled back with its refusal", (fulfilment, "_try_code"))
def wrong_codes_are_free(owner_id: int, reference: str, typed: str) -> Any:
    with transaction():
        part = fulfilment.locked(SellerOrder.reference == reference)
        by = By(Actor.SELLER, owner_id)
        fulfilment._check(part, Stage.HANDED_OVER, by)
        if not handover.fits(part, typed):
            part.code_tries += 1
            raise WrongCode(handover.MOST_TRIES - part.code_tries)
        fulfilment._take(part, Stage.HANDED_OVER, by)
        return None, part


@bug("the seller's part goes to the buyer", (entries, "escrow_shared"))
def escrow_to_the_wrong_wallet(
    word: str, part_id: int, *, seller: Any, kept: Any, buyer: Any, fee: Any = None
) -> Any:
    swapped = (buyer[0], seller[1]), (seller[0], buyer[1])
    return _shared(word, part_id, seller=swapped[0], kept=kept, buyer=swapped[1], fee=fee)


@bug("a shared sale costs no commission", (escrow, "split"))
def split_forgets_commission(part: SellerOrder, to_buyer: Money, why: Any) -> None:
    nothing, rest = Money(0, part.currency), part.held - to_buyer
    back = escrow._back(part, to_buyer, why)
    escrow._share(part, Escrow.SPLIT, to_seller=rest, kept=nothing, back=back)


@bug("a reported problem freezes nothing", (fulfilment, "freeze"))
def dispute_freezes_nothing(part: SellerOrder) -> None:
    return None


@bug("who has it and looks at it has paid", (fulfilment, "_wait"))
def received_pays_at_once(part: SellerOrder, stage: Stage, since: Any) -> None:
    _wait(part, stage, since)
    if stage is Stage.RECEIVED:
        part.due_at = part.wake_at = since


@bug("a refund is sent on each time the clock looks", (order_refunds, "send_back"))
def refund_sent_on_twice(seller_order_id: int) -> None:
    with transaction():
        part = order_refunds._locked(seller_order_id)
        receipt = order_refunds._receipt_of(part.order_id)
        if receipt is not None:
            owner = accounts.owner_id(part.order.user_id)
            refunds.give_back(
                receipt.id, part.refunded, source=chart.wallet(owner, part.currency),
                form_key=references.new(), reason=f"order {part.reference} {part.stage}",
            )  # fmt: skip


@bug("nobody sends refunds on", (order_refunds, "due"))
def refunds_stay(limit: int) -> list[int]:
    return []


@bug("what came back from a shop's payout is not owed again", (earnings, "came_back"))
def returned_payout_is_not_owed(payout_ids: Any) -> None:
    return None


@bug("an order in a living payout is owed once more", (earnings, "owed_to"))
def paid_order_is_owed_again(store_id: int) -> list[Any]:
    rows = session.scalars(
        SellerOrder.__table__.select()
        .with_only_columns(SellerOrder.id)
        .where(SellerOrder.store_id == store_id, SellerOrder.released_amount > 0)
    ).all()
    parts = [session.get_one(SellerOrder, number) for number in rows]
    return [
        earnings.Owed(p.id, p.reference, Money(p.released_amount, p.currency), p.closed_at)
        for p in parts
        if p.closed_at is not None
    ]


PLANTED["decision_executed_at_once"] = Bug(
    "a decision is executed before anybody can appeal",
    ((disputes, "APPEAL_LASTS", timedelta(0)),),
)
PLANTED["silent_sellers_have_an_hour"] = Bug(
    "a seller who has not answered in an hour has refused",
    ((fulfilment, "WAITS", WAITS | {Stage.TO_ACCEPT: replace(WAITS[Stage.TO_ACCEPT], hours=1)}),),
)
