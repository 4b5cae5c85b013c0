"""The last use of a code, and the two ways of paying at one door: one effect, whoever is faster."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop import clock, settlement
from shop.db import session, transaction
from shop.orders import door, fulfilment, handover
from shop.orders.models import Order, SellerOrder
from shop.orders.quoting import Choice
from shop.orders.refusals import CodeGone
from shop.orders.states import Stage
from shop.orders.use_models import DiscountUse, UseState
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.payments.service import Claim
from shop.settlement import Answer
from tests.marketplace import make_product
from tests.orders.doors import door_order, make_code, order_with
from tests.races.test_payments import intent_of
from tests.races.together import (
    ROUNDS,
    goes_wrong,
    never_goes_wrong,
    on_postgresql,
    sql,
    together,
    unlocked,
)
from tests.street import Street

pytestmark = on_postgresql


class LastUse:
    """Two buyers, one use of a code left: one of them is told so before paying."""

    def __init__(self, street: Street) -> None:
        self.street, self.number = street, 0

    def __call__(self) -> str | None:
        self.number += 1
        product, code = make_product(stock=9), f"LAST{self.number}"
        code_id = make_code(product.store, code, uses=1)
        orders = [order_with(product, Choice(code=code)) for _ in range(2)]
        intents = [intent_of(self.street, order) for order in orders]

        results = together(
            self.street.app,
            *[lambda i=intent: settlement.start_payment(i) for intent in intents],
        )

        refused = sum(isinstance(result, CodeGone) for result in results)
        held = len(
            session.scalars(
                sa.select(DiscountUse.id).where(
                    DiscountUse.code_id == code_id, DiscountUse.state == UseState.HELD
                )
            ).all()
        )
        return None if (refused, held) == (1, 1) else f"{refused} refused, {held} held: {results}"


def test_the_last_use_is_used_once(street: Street):
    never_goes_wrong(LastUse(street))


def test_the_last_use_without_lock_and_key_is_used_twice(street: Street, monkeypatch):
    unlocked(monkeypatch)
    sql("ALTER TABLE discount_use DROP CONSTRAINT uq_discount_use_code_id_place")
    goes_wrong(LastUse(street))


class BothWays:
    """The buyer approves at the door at the instant the seller types the code for cash."""

    def __init__(self, street: Street) -> None:
        self.street = street

    def __call__(self) -> str | None:
        order = door_order(price=200)
        self._pay(order)
        [part] = session.get_one(Order, order.id).seller_orders
        for to in (Stage.ACCEPTED, Stage.SENT):
            fulfilment.sell(part.store.owner_id, part.reference, to)
        payment = self.street.sent(door.bill(part))
        assert self.street.approve(payment)
        answer = self._answer(payment)
        part = session.get_one(SellerOrder, part.id)
        seller, reference, code = part.store.owner_id, part.reference, handover.code_of(part)
        part_id = part.id

        together(
            self.street.app,
            lambda: settlement.settle_payments([answer]),
            lambda: fulfilment.hand_over(seller, reference, code),
        )

        session.expire_all()
        now = session.get_one(SellerOrder, part_id)
        bill = door.bill_of(now)
        assert bill is not None
        ways = (now.cash_amount > 0) + (bill.status == "paid")
        fits = now.released_amount + now.kept_amount == now.total_amount
        return None if ways == 1 and fits else f"{now.stage}, cash {now.cash_amount}, {bill.status}"

    def _pay(self, order: Order) -> None:
        payment = self.street.sent(order)
        assert self.street.approve(payment)
        with transaction():
            session.get_one(Payment, payment.id).next_check_at = clock.now()
        settlement.settle_payments([self._answer(payment)])
        session.rollback()
        session.expire_all()

    def _answer(self, payment: Payment) -> Answer:
        with transaction():
            claim: Claim = payments._lease(payments.locked([payment.id])[payment.id])
        said = payments.providers()[claim.provider].collection_status(claim.collection)
        return Answer(claim, said, clock.now(), submitted=False)


def test_a_door_is_paid_one_way(street: Street):
    never_goes_wrong(BothWays(street), rounds=max(ROUNDS // 5, 10))

    assert street.findings() == []


@pytest.fixture
def unguarded(street: Street) -> Street:
    """Take away what the database says of doors and ends, beside the locks."""
    sql(
        *(
            f"DROP TRIGGER IF EXISTS {name} ON {table}"
            for table, name in (
                ("seller_order", "seller_order_terms"),
                ("seller_order", "seller_order_cash_is_owed"),
                ("seller_order", "seller_order_parts_sum"),
                ("seller_order", "seller_order_money_first"),
                ("seller_order", "seller_order_escrow_follows"),
            )
        ),
        "ALTER TABLE seller_order DROP CONSTRAINT ck_seller_order_total",
        "ALTER TABLE seller_order DROP CONSTRAINT ck_seller_order_cash",
    )
    return street


def test_a_door_without_locks_and_rules_is_paid_both_ways(unguarded: Street, monkeypatch):
    race = BothWays(unguarded)
    unlocked(monkeypatch)
    goes_wrong(race)
