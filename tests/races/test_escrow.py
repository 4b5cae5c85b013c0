"""Several hands on one escrow at one instant: one outcome, and every franc once."""

from __future__ import annotations

from flask import Flask

from shop import clock, jobs
from shop.accounts.models import User
from shop.db import session, transaction
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.orders import checks, fulfilment, handover
from shop.orders.fulfilment import By
from shop.orders.models import SellerOrder
from shop.orders.states import Actor, Stage
from shop.stores.models import Product
from tests.marketplace import make_order, make_product, make_user
from tests.orders.paid import again, make_part
from tests.races.together import (
    goes_wrong,
    never_goes_wrong,
    on_postgresql,
    sql,
    together,
    unlocked,
)

pytestmark = on_postgresql

#: What stands behind the lock: taken away in the controls only.
SECOND_LINE = (
    "ALTER TABLE ledger_account DROP CONSTRAINT ck_ledger_account_balance_not_negative",
    "DROP TRIGGER seller_order_event_is_a_step ON seller_order_event",
    "DROP TRIGGER seller_order_stage_edges ON seller_order",
    "DROP TRIGGER seller_order_stage_is_told ON seller_order",
    "DROP TRIGGER seller_order_money_first ON seller_order",
    "DROP TRIGGER seller_order_escrow_follows ON seller_order",
    "DROP TRIGGER seller_order_parts_sum ON seller_order",
    "DROP TRIGGER transfer_leaves_escrow_decided ON transfer",
)


class Closing:
    """Buyer confirms, seller refuses, staff shares and the clock cancels, all at one instant."""

    def __init__(self, app: Flask, *, money_only: bool = False) -> None:
        self.app = app
        self.money_only = money_only
        """Without the lock two who both pay the seller may both be told so; the money moves once."""
        self.product_id = make_product(stock=1_000_000).id
        self.buyer_id = make_user().id

    def part(self) -> SellerOrder:
        session.rollback()
        product = session.get_one(Product, self.product_id)
        buyer = session.get_one(User, self.buyer_id)
        part = make_part(Stage.SENT, make_order((product, 1), user=buyer))
        # The clock may only ask here; a wait that ends in money is the buyer's own day.
        fulfilment.buy([part.order.user_id], part.reference, Stage.RECEIVED)
        with transaction():
            row = session.get_one(SellerOrder, part.id)
            row.due_at = row.wake_at = clock.now()
        return again(part)

    def __call__(self) -> str | None:
        part = self.part()
        reference, id_ = part.reference, part.id
        seller, buyer = part.store.owner_id, part.order.user_id
        code = handover.code_of(part)
        before = self.wallets(seller, buyer)
        share = Money(5_000, "XOF")

        results = together(
            self.app,
            lambda: fulfilment.buy([buyer], reference, Stage.CONFIRMED),
            lambda: fulfilment.sell(seller, reference, Stage.CANCELLED, "abîmé"),
            lambda: fulfilment.hand_over(seller, reference, code),
            lambda: fulfilment.decide(
                reference, Stage.DECIDED, By(Actor.STAFF, words="partagé"), share
            ),
            lambda: fulfilment.wake(id_),
        )

        part = again(part)
        moved = self.wallets(seller, buyer) - before + part.kept_amount
        won = sum(isinstance(result, SellerOrder) for result in results)
        won += any(
            e.actor == "clock" and e.new == Stage.CONFIRMED for e in fulfilment.history(part.id)
        )
        if (won == 1 or (self.money_only and won)) and moved == part.total_amount:
            return None
        return f"{won} won, {moved} of {part.total_amount} moved: {results}"

    def wallets(self, *users: int) -> int:
        session.rollback()
        return sum(ledger.balance(chart.wallet(user, "XOF")).amount for user in users)


def test_an_escrow_ends_once(app):
    never_goes_wrong(Closing(app))

    assert [*audit.check(), *checks.check()] == []


def test_an_escrow_without_its_lock_ends_twice(app, monkeypatch):
    closing = Closing(app)
    unlocked(monkeypatch)
    sql(*SECOND_LINE)
    goes_wrong(closing)


def test_an_escrow_without_its_lock_is_still_kept_by_the_database(app, monkeypatch):
    """The second line alone: whoever comes second is refused by a trigger or by the balance."""
    closing = Closing(app, money_only=True)
    unlocked(monkeypatch)
    never_goes_wrong(closing, rounds=20)


class Guessing:
    """Ten wrong codes at one instant: five are counted, and the right one is then refused."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.product_id = make_product(stock=1_000_000).id

    def __call__(self) -> str | None:
        session.rollback()
        product = session.get_one(Product, self.product_id)
        part = make_part(Stage.SENT, make_order((product, 1)))
        seller, reference, code = part.store.owner_id, part.reference, handover.code_of(part)
        wrong = f"{(int(code) + 1) % 10**6:06}"

        together(self.app, *[lambda: fulfilment.hand_over(seller, reference, wrong)] * 10)

        part = again(part)
        whats = [e.what for e in fulfilment.history(part.id)].count("wrong_code")
        return None if (part.code_tries, whats) == (5, 5) else f"{whats} guesses, {part.code_tries}"


def test_a_guesser_has_five_tries_however_many_hands(app):
    never_goes_wrong(Guessing(app), rounds=15)


def test_a_guesser_without_the_lock_has_more(app, monkeypatch):
    guessing = Guessing(app)
    unlocked(monkeypatch)
    goes_wrong(guessing)


def test_two_clocks_remind_once(app, time):
    part = make_part()
    time.pass_(hours=12.5)

    together(app, *[lambda: jobs.run("expire_orders")] * 4)

    whats = [event.what for event in fulfilment.history(again(part).id)]
    assert whats == ["to_accept", "reminder"]


def test_two_clocks_refuse_once(app, time):
    part = make_part()
    time.pass_(hours=24.5)

    together(app, *[lambda: jobs.run("expire_orders")] * 4)

    whats = [event.what for event in fulfilment.history(again(part).id)]
    assert whats == ["to_accept", "refused"]
