"""Paying at the door: cash is a debt and never a balance, mobile money joins what is held (B9)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop import jobs, settlement
from shop.db import session
from shop.ledger import chart
from shop.money import Money
from shop.orders import door, figures, fulfilment, handover
from shop.orders import service as orders
from shop.orders.fulfilment import By
from shop.orders.models import Order, SellerOrder
from shop.orders.quoting import Choice
from shop.orders.refusals import DoorUnpaid, NoDoor, NotThatStep
from shop.orders.states import Actor, Stage
from shop.stores import delivery
from tests.databases import both_databases
from tests.marketplace import make_product, make_store, stock_of
from tests.orders.doors import door_order, door_shop, order_with, point_of
from tests.orders.paid import make_part
from tests.street import Street


def paid(street: Street, order: Order, method: str = "wave-ci") -> SellerOrder:
    """Pay what is due now on the buyer's phone, and give the one part."""
    payment = street.sent(order, method)
    assert street.approve(payment)
    street.pass_(30)
    assert street.again(payment).status == "succeeded"
    return part_of(order)


def part_of(order: Order) -> SellerOrder:
    session.rollback()
    session.expire_all()
    [part] = session.get_one(Order, order.id).seller_orders
    return part


def on_its_way(street: Street, order: Order) -> SellerOrder:
    part = paid(street, order)
    for to in (Stage.ACCEPTED, Stage.SENT):
        fulfilment.sell(part.store.owner_id, part.reference, to)
    return part_of(order)


def debt(street: Street, part: SellerOrder) -> Money:
    return street.balance(chart.debt(part.store.owner_id, "XOF"))


def wallet(street: Street, part: SellerOrder) -> Money:
    return street.balance(chart.wallet(part.store.owner_id, "XOF"))


def francs(amount: int) -> Money:
    return Money(amount, "XOF")


@both_databases
def test_only_the_delivery_is_paid_now(street: Street):
    order = door_order()

    part = paid(street, order)

    assert (order.total, part.total, part.door) == (francs(2_500), francs(2_500), francs(24_500))
    assert part.commission == francs(0), "we keep nothing of what does not pass through us"
    assert street.balance(chart.escrow(part.id, "XOF")) == francs(2_500)
    assert street.findings() == []


@both_databases
def test_cash_books_our_commission_as_the_sellers_debt_and_no_balance(street: Street):
    part = on_its_way(street, door_order())

    fulfilment.hand_over(part.store.owner_id, part.reference, handover.code_of(part))

    part = part_of(part.order)
    assert part.cash == francs(24_500)
    assert debt(street, part) == francs(1_225)
    assert wallet(street, part) == francs(2_500), "the delivery, and nothing of the cash"
    assert figures.of(part).owed == francs(1_225)
    assert street.findings() == []


@both_databases
def test_mobile_money_at_the_door_is_held_until_the_code(street: Street):
    part = on_its_way(street, door_order())
    bill = door.bill(part)

    payment = street.sent(bill)
    assert street.approve(payment)
    street.pass_(30)

    part = part_of(part.order)
    assert (part.total, part.door) == (francs(27_000), francs(0))
    assert part.commission == francs(1_225)
    assert street.balance(chart.escrow(part.id, "XOF")) == francs(27_000)
    assert street.findings() == []

    fulfilment.hand_over(part.store.owner_id, part.reference, handover.code_of(part))

    assert wallet(street, part) == francs(27_000 - 1_225)
    assert debt(street, part) == francs(0)
    assert street.findings() == []


def test_what_was_paid_at_the_door_goes_back_the_way_it_came(street: Street):
    part = on_its_way(street, door_order())
    bill = door.bill(part)
    assert street.approve(street.sent(bill))
    street.pass_(30)

    fulfilment.sell(part.store.owner_id, part.reference, Stage.CANCELLED, "cassé en route")
    street.pass_(600)

    part = part_of(part.order)
    assert part.refunded == francs(27_000)
    assert street.balance(chart.wallet(part.order.user_id, "XOF")) == francs(0)
    assert sorted(refund.amount.amount for refund in street.world.refunds.book()) == [2_500, 24_500]
    assert street.findings() == []


@both_databases
def test_a_refused_parcel_pays_the_delivery_and_nothing_else(street: Street):
    order = door_order(stock=1)
    part = on_its_way(street, order)
    product = part.lines[0].product
    assert stock_of(product) == 0

    fulfilment.buy([order.user_id], part.reference, Stage.GONE_BACK)

    part = part_of(order)
    assert wallet(street, part) == francs(2_500)
    assert (debt(street, part), part.cash) == (francs(0), francs(0))
    assert stock_of(product) == 1
    assert street.findings() == []


def test_the_seller_alone_cannot_say_that_a_parcel_was_refused(street: Street):
    part = on_its_way(street, door_order())

    with pytest.raises(NotThatStep):
        fulfilment.sell(part.store.owner_id, part.reference, Stage.GONE_BACK, "refusé")


def test_what_was_paid_at_checkout_is_not_refused_at_the_door(app):
    part = make_part(Stage.SENT)

    with pytest.raises(NotThatStep):
        fulfilment.buy([part.order.user_id], part.reference, Stage.GONE_BACK)
    with pytest.raises(DoorUnpaid):
        door.bill(part)


def test_money_for_the_door_that_comes_after_cash_goes_to_the_buyer(street: Street):
    """Both ways at once: the seller has the cash, so the late mobile money pays for nothing."""
    part = on_its_way(street, door_order())
    payment = street.sent(door.bill(part))

    fulfilment.hand_over(part.store.owner_id, part.reference, handover.code_of(part))
    assert street.approve(payment)
    street.pass_(30)

    assert street.balance(chart.wallet(part.order.user_id, "XOF")) == francs(24_500)
    assert debt(street, part) == francs(1_225)
    assert street.findings() == []


def test_one_bill_per_parcel_and_it_is_paid_once(street: Street):
    part = on_its_way(street, door_order())
    bill = door.bill(part)

    assert door.bill(part_of(part.order), tell=True).id == bill.id
    assert street.approve(street.sent(bill))
    street.pass_(30)
    with pytest.raises(settlement.NotPayable):
        street.start(session.get_one(Order, bill.id))
    with pytest.raises(DoorUnpaid):
        door.bill(part_of(part.order))


def test_a_disputed_parcel_is_not_paid_for_meanwhile(street: Street):
    from tests.orders.paid import report

    part = on_its_way(street, door_order())
    bill = door.bill(part)
    report(part)

    with pytest.raises(settlement.NotPayable):
        street.start(bill)


def test_staff_may_send_a_parcel_home(street: Street):
    part = on_its_way(street, door_order())

    by = By(Actor.STAFF, words="les deux le disent")
    fulfilment.decide(part.reference, Stage.GONE_BACK, by)

    assert wallet(street, part) == francs(2_500)


@pytest.mark.parametrize(
    ("limit", "price", "prepaid"), [(20_000, 24_500, False), (50_000, 24_500, True)]
)
def test_the_seller_decides_what_may_wait_for_the_door(app, limit, price, prepaid):
    product = make_product(price=price, store=door_shop(limit=limit))
    product.prepaid_only = prepaid
    session.commit()

    with pytest.raises(NoDoor):
        order_with(product, Choice(at_door=True))


def test_a_free_delivery_is_never_paid_at_the_door(app):
    shop = make_store()
    zone = delivery.ZoneDraft(
        "Abidjan", "Cocody", francs(2_500), free_from=francs(20_000), door_limit=francs(50_000)
    )
    delivery.save_zone(shop.owner_id, zone)
    product = make_product(price=24_500, store=shop)
    session.expire_all()

    with pytest.raises(NoDoor):
        order_with(product, Choice(at_door=True))
    assert order_with(product, Choice()).total == francs(24_500)


def test_the_code_works_at_a_pickup_point(street: Street):
    shop = make_store()
    point = point_of(shop, 500)
    product = make_product(store=shop)
    session.expire_all()
    order = order_with(product, Choice(point_id=point))

    part = paid(street, order)
    assert (part.way, part.way_name, part.delivery) == ("pickup", "Salon Adjoua", francs(500))
    delivery.drop_point(shop.owner_id, point)
    fulfilment.sell(shop.owner_id, part.reference, Stage.ACCEPTED)
    fulfilment.hand_over(shop.owner_id, part.reference, handover.code_of(part))

    assert part_of(order).stage == "handed_over"
    assert part_of(order).way_place == "face à la pharmacie du Plateau, Abidjan"


#: What raw SQL must not do to order 1, on its way and still to be paid at the door.
ATTACKS = {
    "forget the door": "UPDATE seller_order SET door_amount = 0, total_amount = 27000 WHERE id = 1",
    "take cash on the way": "UPDATE seller_order SET cash_amount = door_amount WHERE id = 1",
    "half in cash": "UPDATE seller_order SET cash_amount = 1 WHERE id = 1",
    "change the way": "UPDATE seller_order SET way = 'pickup' WHERE id = 1",
    "another discount": "UPDATE seller_order SET discount_amount = 5 WHERE id = 1",
    "a total that does not add up": "UPDATE seller_order SET total_amount = 2400 WHERE id = 1",
    "a bill for less": (
        'INSERT INTO "order" (reference, user_id, form_key, access_token, currency, items_amount,'
        " delivery_amount, total_amount, door_of, status, country, contact_name, contact_phone, town,"
        " quarter, landmark, language, created_at) SELECT 'ZZZZZZZZ', user_id, 'z', 'z', currency, 5, 0, 5,"
        " 1, 'awaiting_payment', country, contact_name, contact_phone, town, quarter, landmark,"
        ' language, created_at FROM "order" WHERE id = 1'
    ),
    "another's bill": 'UPDATE "order" SET door_of = 1 WHERE id = 1',
    "confirm without cash": (
        "UPDATE seller_order SET stage = 'confirmed', escrow = 'released',"
        " released_amount = total_amount WHERE id = 1"
    ),
}


@both_databases
def test_raw_sql_does_not_move_the_door(street: Street):
    part = on_its_way(street, door_order())
    assert part.id == 1
    taken = []
    for name, attack in ATTACKS.items():
        nested = session.begin_nested()
        try:
            session.execute(sa.text(attack))
            taken.append(name)
        except DBAPIError:
            pass
        nested.rollback()

    assert taken == []


def test_the_clock_still_sends_back_what_never_left(street: Street):
    """What is to be paid at the door is refunded like any other when its seller never sends it."""
    part = paid(street, door_order())
    fulfilment.sell(part.store.owner_id, part.reference, Stage.ACCEPTED)

    street.time.pass_(hours=49)
    jobs.run("expire_orders")

    part = part_of(part.order)
    assert (part.stage, part.refunded) == ("cancelled", francs(2_500))
    assert orders.bill_of(part) is None
