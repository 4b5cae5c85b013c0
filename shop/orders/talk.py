"""The conversation on a seller order: said once, never changed, flat in time; numbers hidden until paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop import clock
from shop.db import retrying, session, transaction
from shop.errors import NotFound
from shop.notices import service as notices
from shop.orders import fulfilment, telling
from shop.orders.masking import masked
from shop.orders.models import Order, SellerOrder
from shop.orders.refusals import BadWords
from shop.orders.states import Actor
from shop.orders.talk_models import MessagePin, OrderMessage
from shop.stores.models import Store

#: Longest message, and messages on a page.
LONGEST: Final = 1_000
PAGE: Final = 20
#: The other side is told by SMS at most once in this time; the page has everything.
QUIET: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a seller order: who speaks or acts, under which identities."""

    actor: Actor
    user_ids: tuple[int, ...]
    by_id: int | None = None
    """Who of a shop's staff speaks for its owner; None for the owner, and for a buyer."""

    @property
    def speaker(self) -> int:
        """Who exactly speaks or acts."""
        return self.by_id or self.user_ids[0]

    @property
    def mine(self) -> sa.ColumnElement[bool]:
        """The condition that hides everybody else's orders."""
        if self.actor is Actor.BUYER:
            return Order.user_id.in_(self.user_ids)
        return Store.owner_id.in_(self.user_ids)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a conversation, oldest first; `older` is where the page before ends, or None."""

    rows: Sequence[OrderMessage]
    older: int | None


def checked(text: str) -> str:
    """Give a text as it is kept, or raise `BadWords`: 1 to 1,000 characters, lines kept."""
    kept = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not 0 < len(kept) <= LONGEST:
        raise BadWords(f"{len(kept)} characters")
    return kept


@retrying
def say(side: Side, reference: str, text: str, form_key: str) -> None:
    """Add a message; the same form says it once. Raises `BadWords`, or `NotFound` for another's order."""
    kept = checked(text)
    with transaction():
        part = fulfilment.locked(side.mine, SellerOrder.reference == reference)
        if session.scalar(sa.select(OrderMessage.id).where(OrderMessage.form_key == form_key)):
            return  # a second tap: the order is locked, so the first is here to be seen
        told = not _told_lately(part.id, side.actor)
        message = OrderMessage(
            seller_order_id=part.id,
            form_key=form_key,
            at=clock.now(),
            actor=side.actor,
            user_id=side.speaker,
            text=kept,
            told=told,
        )
        session.add(message)
        session.flush()
        if told:
            notices.put_all(list(telling.of_message(part, side.actor, message.id)))


@retrying
def say_as_staff(reference: str, text: str, author: str, form_key: str) -> OrderMessage:
    """Write in a conversation under a name of staff; both sides are told, and see who wrote.

    The same form says it once. Raises `BadWords`, or `NotFound`.
    """
    kept, name = checked(text), author.strip()[:60]
    assert name, "staff writes under a name"
    with transaction():
        part = fulfilment.locked(SellerOrder.reference == reference)
        query = sa.select(OrderMessage).where(OrderMessage.form_key == form_key)
        if (first := session.scalar(query)) is not None:
            return first
        message = OrderMessage(
            seller_order_id=part.id,
            form_key=form_key,
            at=clock.now(),
            actor=Actor.STAFF,
            author=name,
            text=kept,
            told=True,
        )
        session.add(message)
        session.flush()
        notices.put_all(list(telling.of_message(part, Actor.STAFF, message.id)))
        return message


def _told_lately(part_id: int, actor: Actor) -> bool:
    """Say whether this side's last notice is younger than the quiet time. The order is locked."""
    last = session.scalar(
        sa.select(sa.func.max(OrderMessage.at)).where(
            OrderMessage.seller_order_id == part_id,
            OrderMessage.actor == actor,
            OrderMessage.told,
            OrderMessage.at > clock.now() - QUIET,
        )
    )
    return last is not None


@retrying
def pin(side: Side, reference: str, message_id: int) -> None:
    """Keep a message of one's own order in view as evidence; twice is once. Raises `NotFound`."""
    with transaction():
        part = fulfilment.locked(side.mine, SellerOrder.reference == reference)
        query = sa.select(OrderMessage).where(
            OrderMessage.id == message_id, OrderMessage.seller_order_id == part.id
        )
        message = session.scalar(query.execution_options(populate_existing=True))
        if message is None:
            raise NotFound("no such message")
        if message.pin is None:
            kept = MessagePin(message_id=message_id, actor=side.actor, at=clock.now())
            kept.user_id = side.speaker
            session.add(kept)


def page(part: SellerOrder, before: str = "") -> Page:
    """Give the newest messages of a seller order, or those before a message's number."""
    query = (
        sa.select(OrderMessage)
        .where(OrderMessage.seller_order_id == part.id)
        .options(joinedload(OrderMessage.pin))
    )
    if before.isascii() and before.isdigit() and len(before) < 19:
        query = query.where(OrderMessage.id < int(before))
    rows = session.scalars(query.order_by(OrderMessage.id.desc()).limit(PAGE + 1)).all()
    shown = rows[:PAGE]
    return Page(shown[::-1], shown[-1].id if len(rows) > PAGE else None)


def pinned(part: SellerOrder) -> Sequence[OrderMessage]:
    """List the newest messages kept as evidence, oldest first."""
    query = (
        sa.select(OrderMessage)
        .join(MessagePin, MessagePin.message_id == OrderMessage.id)
        .where(OrderMessage.seller_order_id == part.id)
        .order_by(OrderMessage.id.desc())
        .limit(PAGE)
    )
    return session.scalars(query).all()[::-1]


def readable(part: SellerOrder, text: str) -> str:
    """Give a text as it may be read: before the order is paid, numbers and addresses are hidden."""
    return text if part.paid_at else masked(text)
