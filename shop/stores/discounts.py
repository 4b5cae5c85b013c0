"""A seller's discount codes: made once, paused and taken up again, never changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock
from shop.db import retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.money import Money
from shop.stores.discount_models import DiscountCode
from shop.stores.models import Store
from shop.stores.service import own_store_locked

MOST_USES: Final = 10_000
#: Capitals and digits, as one dictates them.
CODE: Final = re.compile(r"[A-Z0-9]{3,20}")


class CodeTaken(Conflict):
    """The shop has a code of this name already; its uses must not be mixed with others."""

    code = "code_taken"
    http_status = 422


@dataclass(frozen=True, slots=True)
class CodeDraft:
    """What a seller says of a code: either a percentage or an amount."""

    code: str
    least: Money
    starts_on: date
    ends_on: date
    most_uses: int
    most_per_buyer: int
    percent: int | None = None
    off: Money | None = None


def tidy(text: str | None) -> str:
    """Write a code as it is kept: capitals, without spaces or dashes."""
    return re.sub(r"[\s\-]", "", text or "").upper()


@retrying
def create(owner_id: int, draft: CodeDraft) -> int:
    """Make a code of the seller's shop and give its id. Raises `CodeTaken`."""
    assert CODE.fullmatch(draft.code), "the form has checked the code"
    try:
        with transaction():
            store = own_store_locked(owner_id)
            row = DiscountCode(
                store_id=store.id, code=draft.code, percent=draft.percent,
                off_amount=draft.off.amount if draft.off else None,
                least_amount=draft.least.amount, currency=store.currency,
                starts_on=draft.starts_on, ends_on=draft.ends_on, most_uses=draft.most_uses,
                most_per_buyer=draft.most_per_buyer, created_at=clock.now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            return row.id
    except IntegrityError as error:
        raise CodeTaken(draft.code) from error


@retrying
def pause(owner_id: int, code_id: int, *, paused: bool) -> None:
    """Let nobody new use a code, or let them again; orders already placed keep their price."""
    with transaction():
        store = own_store_locked(owner_id)
        row = of_store(store, code_id)
        row.paused_at = clock.now() if paused else None


def of_store(store: Store, code_id: int) -> DiscountCode:
    """Find a shop's code; `NotFound` for any other shop's."""
    row = session.get(DiscountCode, code_id)
    if row is None or row.store_id != store.id:
        raise NotFound("no such code here")
    return row


def all_of(store: Store) -> Sequence[DiscountCode]:
    """List a shop's codes, newest first."""
    mine = sa.select(DiscountCode).where(DiscountCode.store_id == store.id)
    return session.scalars(mine.order_by(DiscountCode.id.desc()).limit(200)).all()


def find(store_ids: Sequence[int], text: str) -> DiscountCode | None:
    """Find a code among some shops', as it was typed; None when none of them has it."""
    named = sa.select(DiscountCode).where(
        DiscountCode.store_id.in_(store_ids), DiscountCode.code == tidy(text)[:20]
    )
    return session.scalars(named.order_by(DiscountCode.id).limit(1)).first()
