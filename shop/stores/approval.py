"""A new seller's first products wait for staff; each decision has a reason and is told to the seller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop import clock
from shop.accounts.models import User
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.notices import service as notices
from shop.notices import shop_messages as messages
from shop.notices.models import Kind
from shop.stores.models import Product, ProductDecision, Store

#: What a product is once it was looked at, whether it is on the shelf now or not.
PASSED: Final = ("active", "hidden")
LONGEST_REASON: Final = 200


class NotWaiting(Conflict):
    """Somebody decided before, or nobody has to."""

    code = "not_waiting"


class StillWaiting(Conflict):
    """A product that staff has not approved cannot be put on the shelf."""

    code = "still_waiting"


def first_status(store: Store, *, watched: int) -> str:
    """Say with what a new product begins: it waits until so many of the shop's have passed."""
    assert in_transaction(), "the shop is locked, so that two products are not both the fourth"
    query = sa.select(sa.func.count()).where(
        Product.store_id == store.id, Product.status.in_(PASSED)
    )
    return "active" if (session.scalar(query) or 0) >= watched else "pending"


def waiting(limit: int = 50) -> Sequence[Product]:
    """List what waits for staff, the longest first."""
    query = sa.select(Product).where(sa.text("product.status = 'pending'"))
    query = query.options(joinedload(Product.store)).order_by(Product.created_at, Product.id)
    return session.scalars(query.limit(limit)).all()


def last_decision(product_id: int) -> ProductDecision | None:
    """Give staff's last word on a product; None while there is none."""
    query = sa.select(ProductDecision).where(ProductDecision.product_id == product_id)
    return session.scalar(query.order_by(ProductDecision.id.desc()).limit(1))


@retrying
def decide(code: str, *, approved: bool, reason: str, author: str) -> Product:
    """Approve or refuse what waits, and tell the seller why.

    Raises `NotFound`, or `NotWaiting` when it was decided before. A refused product waits again as
    soon as its seller has changed it.
    """
    assert reason.strip(), "a decision has a reason"
    with transaction():
        query = sa.select(Product).where(Product.code == code).with_for_update(of=Product)
        product = session.scalar(query.execution_options(populate_existing=True))
        if product is None:
            raise NotFound("no such product")
        if product.status != "pending":
            raise NotWaiting(f"{product.code} is {product.status}")
        decision = _decision(product, approved=approved, reason=reason, author=author)
        product.status = "active" if approved else "refused"
        session.flush()
        _tell(product, decision)
        return product


def _decision(product: Product, *, approved: bool, reason: str, author: str) -> ProductDecision:
    decision = ProductDecision(
        product_id=product.id,
        approved=approved,
        reason=reason.strip()[:LONGEST_REASON],
        author=author[:60],
        at=clock.now(),
    )
    session.add(decision)
    session.flush()  # written before it is followed: the database looks for it
    return decision


def _tell(product: Product, decision: ProductDecision) -> None:
    seller = session.get_one(User, product.store.owner_id)
    language = seller.language
    text = (
        messages.product_approved(product.name, product.code, language=language)
        if decision.approved
        else messages.product_refused(
            product.name, product.code, decision.reason, language=language
        )
    )
    notices.put(f"product:{decision.id}", seller.phone, Kind.SHOP, text)
