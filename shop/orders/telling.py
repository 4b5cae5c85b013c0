"""Who is told what at each step of a seller order, once per fact, each in their own language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from shop.accounts.models import User
from shop.db import session
from shop.notices import order_messages as messages
from shop.notices.models import Kind
from shop.notices.service import Message
from shop.orders import handover
from shop.orders.models import SellerOrder
from shop.orders.refund_models import OrderRefund
from shop.orders.states import Actor, Stage

#: What the buyer is told when a stage begins.
_TO_BUYER: Final[dict[Stage, Callable[[SellerOrder], str]]] = {
    Stage.ACCEPTED: lambda p: messages.accepted(
        p.order.reference, p.store.name, _code(p), p.order.access_token, language=p.order.language
    ),
    Stage.SENT: lambda p: messages.sent(
        p.order.reference, _code(p), p.order.access_token, language=p.order.language
    ),
    Stage.ASKED: lambda p: messages.asked(
        p.order.reference, p.store.name, p.order.access_token, language=p.order.language
    ),
    Stage.HANDED_OVER: lambda p: messages.seller_is_paid(
        p.order.reference, p.store.name, p.order.access_token, language=p.order.language
    ),
    Stage.REFUSED: lambda p: _refunded(p),
    Stage.CANCELLED: lambda p: _refunded(p),
    Stage.DECIDED: lambda p: messages.shared(
        p.order.reference, p.refunded, p.order.access_token, language=p.order.language
    ),
}
_TO_BUYER[Stage.CONFIRMED] = _TO_BUYER[Stage.HANDED_OVER]
#: What the seller is told; they know what they did themselves, but money is always said.
_TO_SELLER: Final[dict[Stage, Callable[[SellerOrder, str], str]]] = {
    Stage.RECEIVED: lambda p, lang: messages.buyer_looks(p.reference, _until(p), language=lang),
    Stage.REFUSED: lambda p, lang: messages.order_lost(p.reference, language=lang),
    Stage.CANCELLED: lambda p, lang: messages.order_lost(p.reference, language=lang),
}
_PAID_BY: Final = frozenset({Stage.HANDED_OVER, Stage.CONFIRMED, Stage.DECIDED})
_WITH_CODE: Final = frozenset({Stage.ACCEPTED, Stage.SENT})


def of_step(part: SellerOrder, actor: Actor) -> Iterator[Message]:
    """Tell whoever did not take the step that it was taken, and the seller of every franc."""
    stage = part.state
    if stage in _TO_BUYER and not (actor is Actor.BUYER and stage is Stage.CONFIRMED):
        kind = Kind.HAND_OVER_CODE if stage in _WITH_CODE else Kind.ORDER_STEP
        yield _to_buyer(part, f"step:{part.reference}:{stage}", _TO_BUYER[stage](part), kind)
    seller = session.get_one(User, part.store.owner_id)
    key = f"step:{part.reference}:{stage}:seller"
    if stage in _PAID_BY:
        text = messages.money_arrived(part.reference, part.released, language=seller.language)
        yield Message(key, seller.phone, Kind.ORDER_STEP, text)
    elif stage in _TO_SELLER and actor is not Actor.SELLER:
        text = _TO_SELLER[stage](part, seller.language)
        yield Message(key, seller.phone, Kind.ORDER_STEP, text)


def of_refund(part: SellerOrder, row: OrderRefund) -> Iterator[Message]:
    """Tell the buyer what is given back of an order, and the seller of every franc it costs."""
    order, key = part.order, f"order-refund:{row.id}"
    text = messages.part_refunded(
        order.reference, row.buyer, order.access_token, language=order.language
    )
    yield _to_buyer(part, key, text)
    if row.seller_amount and row.actor != Actor.SELLER:
        seller = session.get_one(User, part.store.owner_id)
        text = messages.part_taken_back(part.reference, row.seller, language=seller.language)
        yield Message(f"{key}:seller", seller.phone, Kind.ORDER_STEP, text)


def of_reminder(part: SellerOrder) -> Iterator[Message]:
    """Remind whoever must act next."""
    key = f"reminder:{part.reference}:{part.stage}:{part.reminders}"
    if part.state is Stage.ASKED:
        yield _to_buyer(part, key, _TO_BUYER[Stage.ASKED](part))
        return
    seller = session.get_one(User, part.store.owner_id)
    remind = messages.answer_soon if part.state is Stage.TO_ACCEPT else messages.deliver_soon
    text = remind(part.reference, _until(part), language=seller.language)
    yield Message(key, seller.phone, Kind.ORDER_STEP, text)


def of_staff(part: SellerOrder) -> Iterator[Message]:
    """Tell both sides that a person looks now."""
    key = f"staff:{part.reference}:{part.stage}"
    token, language = part.order.access_token, part.order.language
    text = messages.staff_looks(part.order.reference, token, language=language)
    yield _to_buyer(part, key, text)
    seller = session.get_one(User, part.store.owner_id)
    text = messages.staff_looks(part.reference, None, language=seller.language)
    yield Message(f"{key}:seller", seller.phone, Kind.ORDER_STEP, text)


def of_message(part: SellerOrder, actor: Actor, number: int) -> Iterator[Message]:
    """Tell whoever did not write that there is something to read; staff's word goes to both."""
    texts = _for_both(part, messages.new_message)
    yield from _others(part, actor, f"message:{number}", texts, Kind.MESSAGE)


def of_problem(part: SellerOrder, dispute_id: int) -> Iterator[Message]:
    """Tell the seller that the order's money is frozen, and what to do."""
    seller = session.get_one(User, part.store.owner_id)
    text = messages.problem_reported(part.reference, part.held, language=seller.language)
    yield Message(f"dispute:{dispute_id}:open", seller.phone, Kind.DISPUTE, text)


def of_offer(
    part: SellerOrder, actor: Actor, proposal_id: int, until: datetime
) -> Iterator[Message]:
    """Tell the other side that a solution is proposed."""
    texts = _for_both(part, messages.offer_made, until)
    yield from _others(part, actor, f"offer:{proposal_id}", texts, Kind.DISPUTE)


def of_decision(part: SellerOrder, dispute_id: int, until: datetime) -> Iterator[Message]:
    """Tell both sides that staff has decided, and how long that can be contested."""
    texts = _for_both(part, messages.decision_made, until)
    yield from _others(part, Actor.STAFF, f"dispute:{dispute_id}:decided", texts, Kind.DISPUTE)


def of_peace(part: SellerOrder, actor: Actor, dispute_id: int) -> Iterator[Message]:
    """Tell the other side that the order goes on as before."""
    texts = _for_both(part, messages.problem_over)
    yield from _others(part, actor, f"dispute:{dispute_id}:over", texts, Kind.DISPUTE)


def _for_both(
    part: SellerOrder, word: Callable[..., str], *places: object
) -> dict[Actor, Callable[[str], str]]:
    """Word one message for each side: the buyer's link opens by a token, and names the whole order."""
    order = part.order
    return {
        Actor.BUYER: lambda lang: word(order.reference, *places, order.access_token, language=lang),
        Actor.SELLER: lambda lang: word(part.reference, *places, None, language=lang),
    }


def _others(
    part: SellerOrder,
    actor: Actor,
    key: str,
    texts: dict[Actor, Callable[[str], str]],
    kind: Kind,
) -> Iterator[Message]:
    if actor is not Actor.BUYER:
        yield _to_buyer(part, key, texts[Actor.BUYER](part.order.language), kind)
    if actor is not Actor.SELLER:
        seller = session.get_one(User, part.store.owner_id)
        text = texts[Actor.SELLER](seller.language)
        yield Message(f"{key}:seller", seller.phone, kind, text)


def _to_buyer(part: SellerOrder, key: str, text: str, kind: str = Kind.ORDER_STEP) -> Message:
    # The buyer's own number: the order's contact may be whoever receives the parcel.
    buyer = session.get_one(User, part.order.user_id)
    return Message(key, buyer.phone, kind, text)


def _refunded(part: SellerOrder) -> str:
    order = part.order
    return messages.refunded(
        order.reference, part.refunded, order.access_token, language=order.language
    )


def _code(part: SellerOrder) -> str:
    return handover.spaced(handover.code_of(part))


def _until(part: SellerOrder) -> datetime:
    assert part.due_at is not None, "a wait has an end"
    return part.due_at
