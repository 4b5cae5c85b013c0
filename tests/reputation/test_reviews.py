"""Reviews and badges: earned by real orders, by nobody near the shop, said once."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop import clock
from shop.accounts.models import User
from shop.db import session, transaction
from shop.earnings.models import PayoutTerms
from shop.errors import NotFound
from shop.orders import disputes
from shop.orders.dispute_states import Offer
from shop.orders.models import Order
from shop.orders.states import Stage
from shop.phone import parse
from shop.reputation import badges, service
from shop.reputation.models import Review
from shop.reputation.refusals import Answered, BadReview, NotReviewable, OwnShop
from shop.stores import members
from shop.stores.access import Role
from tests.databases import both_databases
from tests.marketplace import (
    CONTACT,
    make_order,
    make_product,
    make_store,
    make_user,
    new_phone,
    sign_in,
)
from tests.orders.paid import buyer_of, make_part, report, seller_of, take
from tests.test_statements import listened


@pytest.fixture
def store(app, time):
    return make_store(owner=make_user("Awa"))


@pytest.fixture
def product(store):
    return make_product(store=store, stock=999)


def sold(product, stage=Stage.CONFIRMED, user=None):
    if stage is Stage.GONE_BACK:  # only what is paid at the door comes home so
        return make_part(stage)
    return make_part(stage, make_order((product, 1), user=user))


def owner(store) -> str:
    """Give the number of a shop's owner."""
    return session.get_one(User, store.owner_id).phone


def write(part, stars=5, words="Très beau tissu"):
    return service.write([part.order.user_id], part.reference, stars, words)


@pytest.mark.parametrize(
    "stage", [s for s in Stage if s not in (Stage.UNPAID, Stage.CONFIRMED, Stage.HANDED_OVER)]
)
def test_no_review_before_release(product, stage):
    part = sold(product, stage)

    if stage is Stage.DECIDED:  # shared: the seller has a part of it
        assert write(part).stars == 5
        return
    assert not service.may_review(part)
    with pytest.raises(NotReviewable):
        write(part)


def test_one_review_per_order_and_it_never_changes(product):
    part = sold(product)
    review = write(part)

    with pytest.raises(NotReviewable):
        write(part, 1)
    with pytest.raises(sa.exc.IntegrityError), transaction():
        session.execute(sa.update(Review).values(stars=1))
    session.rollback()
    assert session.get_one(Review, review.id).stars == 5


def test_only_the_buyer_says_it(product, app):
    part = sold(product)

    with pytest.raises(NotFound):
        service.write([make_user().id], part.reference, 5, "")


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_stars_go_from_one_to_five(product, stars):
    with pytest.raises(BadReview):
        write(sold(product), stars)


def test_nobody_praises_a_shop_of_their_own(store, product):
    """A4: the account, the phone, the delivery phone, the payout number, the staff's phones."""
    owner_phone = owner(store)
    number, cashier = new_phone(), new_phone()
    with transaction():
        now = clock.now()
        session.add(
            PayoutTerms(
                store_id=store.id, schedule="on_demand", number=number,
                former_number=owner_phone, number_from=now,
            )
        )  # fmt: skip
    members.invite(store.id, parse(cashier, "CI"), Role.CASHIER, language="fr")
    near = [
        sold(product, user=session.get_one(User, store.owner_id)),
        sold(product, user=make_user(phone=owner_phone, proven=False)),
        sold(product, user=make_user(phone=number)),
        sold(product, user=make_user(phone=cashier)),
    ]
    delivered = sold(product)
    with transaction():
        session.execute(
            sa.update(Order).where(Order.id == delivered.order_id).values(contact_phone=owner_phone)
        )

    for part in [*near, delivered]:
        session.rollback()
        assert not service.may_review(part)
        with pytest.raises(OwnShop):
            write(part)
    assert service.rating(store.id).count == 0


@both_databases
def test_raw_sql_reviews_nothing_that_was_not_released(app, time):
    part = make_part(Stage.SENT)
    row = {
        "seller_order_id": part.id, "store_id": part.store_id, "user_id": part.order.user_id,
        "stars": 5, "words": "", "at": clock.now(),
    }  # fmt: skip

    with pytest.raises(sa.exc.IntegrityError, match="after release"), transaction():
        session.execute(sa.insert(Review), row)
    session.rollback()
    part = take(part, Stage.CONFIRMED)
    for other in ({"user_id": part.store.owner_id}, {"user_id": make_user().id}):
        with pytest.raises(sa.exc.IntegrityError, match="after release"), transaction():
            session.execute(sa.insert(Review), row | other)
        session.rollback()


def test_the_rating_is_what_the_shown_reviews_sum_to(store, product, app):
    parts = [sold(product) for _ in range(4)]
    for part, stars in zip(parts, (5, 4, 4, 1), strict=True):
        write(part, stars)
    assert (service.rating(store.id).count, service.rating(store.id).tenths) == (4, 35)

    service.hide(parts[3].reference, why="Insulte", author="Fatou")

    session.rollback()
    rating = service.rating(store.id)
    assert (rating.count, rating.tenths) == (3, 43)
    page = app.test_client().get(f"/s/{store.slug}/reviews/").text
    assert page.count('data-test="review"') == 3
    assert "4,3 sur 5, 3 avis" in page


def test_hidden_reviews_stay_readable_for_the_shop_with_the_reason(store, product, client):
    part = sold(product)
    write(part, 1, "Nul")
    service.hide(part.reference, why="Insulte", author="Fatou")
    sign_in(client, owner(store))

    page = client.get("/store/reviews/").text

    assert "Insulte" in page
    assert "Nul" in page


def test_buyer_and_seller_on_plain_pages(store, product, app):
    phone = new_phone()
    part = sold(product, user=make_user("Moussa Diop", phone=phone))
    buyer, seller = app.test_client(), app.test_client()
    sign_in(buyer, phone)
    sign_in(seller, owner(store))
    address = f"/order/{part.order.reference}/{part.reference}/review/"
    assert 'data-test="review"' in buyer.get(f"/order/{part.order.reference}/").text

    assert buyer.post(address, data={"stars": "9"}).status_code == 422
    words = "Beau tissu, appelez-moi au 07 01 02 03 04"
    assert buyer.post(address, data={"stars": "4", "words": words}).status_code == 303
    assert buyer.post(address, data={"stars": "1", "words": "x"}).status_code == 303, "a second tap"
    review = session.query(Review).one()
    answer = f"/store/reviews/{review.id}/answer/"
    assert seller.post(answer, data={"words": " "}).status_code == 422
    assert seller.post(answer, data={"words": "Merci !"}).status_code == 303
    assert seller.post(answer, data={"words": "Encore"}).status_code == 409

    page = buyer.get(f"/s/{store.slug}/").text
    assert "Moussa" in page
    assert "Diop" not in page, "a first name, no more"
    assert "Merci !" in page
    assert "07 01 02 03 04" not in page
    assert "4,0 sur 5, 1 avis" in page


def test_a_seller_answers_once(store, product):
    review = write(sold(product))
    service.answer(store.id, review.id, "Merci")

    with pytest.raises(Answered):
        service.answer(store.id, review.id, "Pardon")


def test_badges_are_counted_and_say_of_how_many(store, product, time):
    for stage in (Stage.CONFIRMED,) * 10 + (Stage.REFUSED,):
        sold(product, stage)
    standing = badges.of(store)

    assert (standing.orders, standing.delivered.good, standing.delivered.of) == (11, 10, 11)
    assert (standing.answered.good, standing.answered.of) == (11, 11)
    assert not standing.delivered.earned, "ten of eleven are not 95 of a hundred"
    assert standing.answered.earned
    assert standing.undisputed.earned


def test_a_lost_dispute_costs_the_badge(store, product, time):
    for _ in range(10):
        sold(product)
    part = sold(product, Stage.SENT)
    report(part)
    disputes.propose(seller_of(part), part.reference, Offer.REFUND, 0)
    offer = disputes.latest_offer(disputes.of_part(part))
    disputes.accept(buyer_of(part), part.reference, offer.id)

    assert badges.of(store).lost == 1
    assert not badges.of(store).undisputed.earned


def test_few_orders_prove_nothing(store, product):
    sold(product)

    standing = badges.of(store)

    assert not standing.delivered.earned
    assert standing.delivered.percent == 100


def test_a_shops_page_costs_the_same_statements_whatever_it_sold(store, product, app):
    def page() -> int:
        with listened() as said:
            assert app.test_client().get(f"/s/{store.slug}/").status_code == 200
        return len(said)

    write(sold(product))
    few = page()
    for _ in range(5):
        write(sold(product))

    assert page() == few


def test_contact_is_no_seller(store):
    """The control: the number orders are delivered to in tests is not the shop's."""
    assert owner(store) != CONTACT.phone
