"""Reviews: by buyers only, after release, once per seller order; answered once, hidden by staff only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop import clock
from shop.accounts.models import User
from shop.db import retrying, session, transaction
from shop.earnings.models import PayoutTerms
from shop.errors import NotFound
from shop.notices import service as notices
from shop.notices import shop_messages as messages
from shop.notices.models import Kind
from shop.orders import fulfilment
from shop.orders.models import Order, SellerOrder
from shop.orders.states import Escrow, Stage
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus, Purpose
from shop.reputation.models import Review
from shop.reputation.refusals import Answered, BadReview, NotReviewable, OwnShop
from shop.stores import members
from shop.stores.models import Store

PAGE: Final = 10
LONGEST: Final = 1_000
#: Where the seller has been paid, in whole or in part: the buyer has seen what was sold.
SETTLED: Final = frozenset({Escrow.RELEASED, Escrow.SPLIT})


@dataclass(frozen=True, slots=True)
class Rating:
    """What buyers gave a shop: how many, and each number of stars."""

    counts: tuple[int, int, int, int, int]

    @property
    def count(self) -> int:
        """How many reviews."""
        return sum(self.counts)

    @property
    def tenths(self) -> int:
        """The average in tenths of a star, rounded down: 47 is 4.7; 0 without any."""
        stars = sum(n * count for n, count in enumerate(self.counts, start=1))
        return stars * 10 // self.count if self.count else 0


@dataclass(frozen=True, slots=True)
class Page:
    """Some reviews, newest first, and where the next page begins."""

    rows: Sequence[Review]
    next_id: int | None


def of_part(part_id: int) -> Review | None:
    """Give the review of a seller order; None while there is none."""
    return session.scalar(sa.select(Review).where(Review.seller_order_id == part_id))


def of_store(store_id: int, *, before_id: int | None = None, all_: bool = False) -> Page:
    """List a shop's reviews, newest first; hidden ones only for those who work there."""
    query = sa.select(Review).where(Review.store_id == store_id)
    query = query.options(joinedload(Review.part), joinedload(Review.buyer))
    if not all_:
        query = query.where(Review.hidden_at.is_(None))
    if before_id is not None:
        query = query.where(Review.id < before_id)
    rows = session.scalars(query.order_by(Review.id.desc()).limit(PAGE + 1)).all()
    return Page(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None)


def rating(store_id: int) -> Rating:
    """Count a shop's shown reviews by stars: one look at an index."""
    rows = session.execute(
        sa.select(Review.stars, sa.func.count())
        .where(Review.store_id == store_id, sa.text("hidden_at IS NULL"))
        .group_by(Review.stars)
    )
    found = dict(iter(rows))
    one, two, three, four, five = (found.get(stars, 0) for stars in range(1, 6))
    return Rating((one, two, three, four, five))


def may_review(part: SellerOrder) -> bool:
    """Say whether the buyer of this order may leave a review now: what pages ask first."""
    return _was_received(part) and of_part(part.id) is None and not _is_near(part)


def _was_received(part: SellerOrder) -> bool:
    """Say whether the seller was paid for goods: a parcel sent home at the door was not received."""
    return part.escrow in SETTLED and part.state is not Stage.GONE_BACK


@retrying
def write(user_ids: Sequence[int], reference: str, stars: int, words: str) -> Review:
    """Leave the buyer's review. Raises `NotReviewable`, `OwnShop`, `BadReview`, or `NotFound`."""
    kept = words.strip()
    if not 1 <= stars <= 5 or len(kept) > LONGEST:
        raise BadReview(f"{stars} stars, {len(kept)} characters")
    with transaction():
        part = fulfilment.locked(Order.user_id.in_(user_ids), SellerOrder.reference == reference)
        if not _was_received(part) or of_part(part.id):
            raise NotReviewable(f"{part.reference} is {part.escrow}")
        if _is_near(part):
            raise OwnShop(f"{part.reference}: buyer and seller are the same")
        review = Review(
            seller_order_id=part.id,
            store_id=part.store_id,
            user_id=part.order.user_id,
            stars=stars,
            words=kept,
            at=clock.now(),
        )
        session.add(review)
        session.flush()
        seller = session.get_one(User, part.store.owner_id)
        text = messages.reviewed(part.reference, language=seller.language)
        notices.put(f"review:{review.id}", seller.phone, Kind.REVIEW, text)
        return review


def _is_near(part: SellerOrder) -> bool:
    """Say whether whoever bought is whoever sold: an account, a phone or a payout number in common."""
    buyer = session.get_one(User, part.order.user_id)
    accounts = {buyer.id, buyer.merged_into_id}
    phones = {buyer.phone, part.order.contact_phone, *_paid_from(part.order_id)}
    people = members.of_store(part.store_id)
    owner = session.get_one(User, part.store.owner_id)
    terms = session.get(PayoutTerms, part.store_id)
    sellers = {owner.phone, *(member.phone for member in people)}
    if terms is not None:
        sellers.update(number for number in (terms.number, terms.former_number) if number)
    same_account = accounts & {owner.id, *(m.user_id for m in people if m.user_id)}
    return bool(same_account or phones & sellers)


def _paid_from(order_id: int) -> Sequence[str]:
    query = sa.select(Payment.payer_phone).where(
        Payment.purpose == Purpose.ORDER,
        Payment.purpose_id == order_id,
        Payment.status == PaymentStatus.SUCCEEDED,
    )
    return session.scalars(query).all()


@retrying
def answer(store_id: int, review_id: int, words: str) -> None:
    """Answer a review of one's own shop, once. Raises `NotFound`, `Answered` or `BadReview`."""
    kept = words.strip()
    with transaction():
        review = _locked(review_id)
        if review.store_id != store_id:
            raise NotFound("no such review")
        if not 1 <= len(kept) <= LONGEST:
            raise BadReview(f"{len(kept)} characters")
        if review.answer is not None:
            raise Answered(f"review {review.id}")
        review.answer, review.answered_at = kept, clock.now()
        session.flush()
        _tell_buyer(review)


def _tell_buyer(review: Review) -> None:
    order, store = review.part.order, session.get_one(Store, review.store_id)
    buyer = session.get_one(User, order.user_id)
    text = messages.answered(
        order.reference, store.name, order.access_token, language=order.language
    )
    notices.put(f"answer:{review.id}", buyer.phone, Kind.REVIEW, text)


@retrying
def hide(reference: str, *, why: str, author: str) -> Review:
    """Hide the review of a seller order, as staff, for a reason; it stays in the books of both sides.

    Hiding twice is hiding once. Raises `NotFound`.
    """
    assert why.strip(), "staff says why"
    assert author.strip(), "staff signs"
    with transaction():
        known = session.scalar(
            sa.select(Review.id).join(Review.part).where(SellerOrder.reference == reference)
        )
        review = _locked(known)
        if review.hidden_at is None:
            review.hidden_at, review.hidden_by = clock.now(), author.strip()[:60]
            review.hidden_why = why.strip()[:200]
        return review


def _locked(review_id: int | None) -> Review:
    query = sa.select(Review).where(Review.id == review_id).with_for_update(of=Review)
    review = session.scalar(query.execution_options(populate_existing=True))
    if review is None:
        raise NotFound("no such review")
    return review
