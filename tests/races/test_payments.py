"""Several hands on one payment, one order or one article: one effect, whatever the order of events."""

from __future__ import annotations

from collections import Counter

import pytest
import sqlalchemy as sa

from shop import clock, jobs, settlement
from shop.accounts.models import User
from shop.db import session, transaction
from shop.orders import stock
from shop.orders.models import Order
from shop.orders.refusals import OutOfStock
from shop.payments import reading
from shop.payments import service as payments
from shop.payments.models import Payment, PaymentEvent, Receipt
from shop.settlement import Answer
from shop.stores.models import Product
from tests.marketplace import make_order, make_product, make_store, make_user, new_phone, sign_in
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

#: A second line of defence that the controls take away: a seller order is opened by one payment.
OPENED_ONCE = "ALTER TABLE seller_order_event DISABLE TRIGGER seller_order_event_is_a_step"


class Market:
    """One buyer and one article; an order in one line."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.user_id = make_user().id
        # Cheap, so that one payer's balance lasts for a campaign.
        shop = make_store(delivery=0)
        self.product_id = make_product(price=200, stock=1_000_000, store=shop).id

    def order(self) -> Order:
        session.rollback()
        user = session.get_one(User, self.user_id)
        return make_order((session.get_one(Product, self.product_id), 1), user=user)

    def approved(self, method: str = "wave-ci", order: Order | None = None) -> Payment:
        """A payment that the payer has approved and nobody has asked about since."""
        payment = self.street.sent(order or self.order(), method)
        assert self.street.approve(payment)
        with transaction():
            session.get_one(Payment, payment.id).next_check_at = clock.now()
        return payment

    def answer(self, payment: Payment) -> Answer:
        """What the provider says, on a lease of its own, ready to be settled."""
        with transaction():
            claim = payments._lease(payments.locked([payment.id])[payment.id])
        said = payments.providers()[claim.provider].collection_status(claim.collection)
        return Answer(claim, said, clock.now(), submitted=False)


@pytest.fixture
def market(street: Street) -> Market:
    return Market(street)


class Submitting:
    """Two workers find the same new attempt: one request to the provider."""

    def __init__(self, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        self.market, self.asked = market, Counter()
        wave = market.street.app.extensions["providers"]["wave"]
        collect = wave.collect

        def counted(collection):
            self.asked[collection.reference] += 1
            return collect(collection)

        monkeypatch.setattr(wave, "collect", counted)

    def __call__(self) -> str | None:
        payment = self.market.street.start(self.market.order())
        reference = payment.reference

        together(self.market.street.app, jobs.submit_payments, jobs.submit_payments)

        asked = self.asked[reference]
        return None if asked == 1 else f"{reference} was asked for {asked} times"


def test_two_workers_send_one_request(market, monkeypatch):
    never_goes_wrong(Submitting(market, monkeypatch))


def test_two_workers_without_locks_send_two(market, monkeypatch):
    unlocked(monkeypatch)
    goes_wrong(Submitting(market, monkeypatch))


class Settling:
    """A webhook, a poll and a command at one instant on one paid attempt: one receipt, one posting."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __call__(self) -> str | None:
        payment = self.market.approved()
        one, two = self.market.answer(payment), self.market.answer(payment)
        self.market.street.world.tick()  # its webhook comes in and makes the attempt due

        together(
            self.market.street.app,
            lambda: settlement.settle_payments([one]),
            lambda: settlement.settle_payments([two]),
            jobs.process_webhooks,
            jobs.verify_payments,
        )

        receipts = len(reading.receipts_of(payment.id))
        return None if receipts == 1 else f"{receipts} receipts"


def test_many_answers_make_one_receipt(market):
    never_goes_wrong(Settling(market))

    assert market.street.findings() == []


def test_many_answers_without_lock_lease_and_key_make_two(market, monkeypatch):
    unlocked(monkeypatch)
    monkeypatch.setattr(payments.secrets, "token_hex", lambda _n: "everybody's")
    monkeypatch.setattr(payments, "free", lambda payment: None)
    sql("ALTER TABLE receipt DROP CONSTRAINT uq_receipt_provider_transaction_ref", OPENED_ONCE)
    goes_wrong(Settling(market))


class Tapping:
    """Twenty identical submits of the pay form: one attempt, and everybody sees it."""

    def __init__(self, market: Market, taps: int = 20) -> None:
        self.market, self.taps = market, taps
        app, phone = market.street.app, new_phone()
        market.user_id = make_user(phone=phone).id
        client = app.test_client()
        sign_in(client, phone)
        self.cookie = client.get_cookie("session").value

    def tap(self, url: str, form: dict[str, str]) -> str:
        client = self.market.street.app.test_client()
        client.set_cookie("session", self.cookie)
        answer = client.post(url, data=form)
        assert answer.status_code == 303, answer.status_code
        return answer.location

    def __call__(self) -> str | None:
        order = self.market.order()
        order_id, url = order.id, f"/order/{order.reference}/payment/"
        key = f"one-form-of-{order.reference}"
        form = {"form_key": key, "country": "CI", "phone": new_phone(), "method": "wave-ci"}

        seen = together(self.market.street.app, *[lambda: self.tap(url, form)] * self.taps)

        session.rollback()
        attempts = session.scalars(
            sa.select(Payment.reference).where(Payment.purpose_id == order_id)
        ).all()
        places = {f"/payment/{reference}/status/" for reference in attempts}
        return None if len(attempts) == 1 and set(seen) == places else f"{attempts}: {seen}"


def test_twenty_taps_make_one_attempt(market):
    never_goes_wrong(Tapping(market), rounds=3)
    never_goes_wrong(Tapping(market, taps=2))


def test_taps_without_lock_and_key_make_several(market, monkeypatch):
    unlocked(monkeypatch)
    sql(
        "ALTER TABLE payment DROP CONSTRAINT uq_payment_form_key",
        "DROP INDEX uq_payment_live",
    )
    goes_wrong(Tapping(market, taps=4))


class LastArticle:
    """Two buyers, one article left: one of them is told so before paying."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __call__(self) -> str | None:
        product = make_product(stock=1)
        carts = [make_order((product, 1)), make_order((product, 1))]
        intents = [intent_of(self.market.street, order) for order in carts]
        product_id = product.id

        results = together(
            self.market.street.app,
            *[lambda i=intent: settlement.start_payment(i) for intent in intents],
        )

        refused = sum(isinstance(result, OutOfStock) for result in results)
        left = session.get_one(Product, product_id).stock
        return None if (refused, left) == (1, 0) else f"{refused} refused, {left} left"


def intent_of(street: Street, order: Order) -> payments.Intent:
    """What the page would ask for, without asking."""
    asked: list[payments.Intent] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settlement, "start_payment", asked.append)
        street.start(order)
    return asked[0]


def test_the_last_article_is_sold_once(market):
    never_goes_wrong(LastArticle(market))


def test_the_last_article_read_then_written_is_sold_twice(market, monkeypatch):
    def careless(product_id: int, quantity: int, name: str) -> None:
        product = session.get_one(Product, product_id)
        if product.stock < quantity:
            raise OutOfStock(name)
        product.stock -= quantity
        session.flush()

    monkeypatch.setattr(stock, "_take", careless)
    goes_wrong(LastArticle(market))


class TwoSuccesses:
    """Two attempts of one order succeed at one instant: one pays it, one goes to the wallet (U09)."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __call__(self) -> str | None:
        order = self.market.order()
        first = self.market.street.sent(order, "wave-ci")
        settlement.give_up(first.id)
        second = self.market.approved("mtn-ci", order)
        assert self.market.street.approve(first)
        self.market.street.time.pass_(seconds=10)
        self.market.street.world.advance()  # MTN's money takes a moment; nobody is told yet
        answers = [self.market.answer(first), self.market.answer(second)]
        ids = [first.id, second.id]

        together(
            self.market.street.app,
            *[lambda a=answer: settlement.settle_payments([a]) for answer in answers],
        )

        kept = session.scalars(
            sa.select(Receipt.disposition).where(Receipt.payment_id.in_(ids))
        ).all()
        return None if sorted(kept) == ["applied", "wallet"] else f"{sorted(kept)}"


def test_two_successes_pay_once(market):
    never_goes_wrong(TwoSuccesses(market), rounds=max(ROUNDS // 5, 10))

    assert market.street.findings() == []


def test_two_successes_without_locks_pay_twice(market, monkeypatch):
    unlocked(monkeypatch)
    sql(OPENED_ONCE)
    goes_wrong(TwoSuccesses(market))


class GivingUp:
    """The buyer leaves an attempt at the instant its money comes: what succeeded is not left."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __call__(self) -> str | None:
        payment = self.market.approved()
        answer, payment_id = self.market.answer(payment), payment.id

        together(
            self.market.street.app,
            lambda: settlement.settle_payments([answer]),
            lambda: settlement.give_up(payment_id),
        )

        now = self.market.street.again(payment)
        if now.status != "succeeded":
            return f"it is {now.status}"
        words = session.scalars(
            sa.select(PaymentEvent.words)
            .where(PaymentEvent.payment_id == payment.id)
            .order_by(PaymentEvent.id.desc())
        ).first()
        return "left after it succeeded" if "another method" in (words or "") else None


def test_what_succeeded_is_not_left(market):
    never_goes_wrong(GivingUp(market))

    assert market.street.findings() == []


def test_what_succeeded_is_left_without_locks(market, monkeypatch):
    unlocked(monkeypatch)
    goes_wrong(GivingUp(market))


class Cancelling:
    """The buyer cancels a new attempt at the instant it is sent: cancelled means never sent."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __call__(self) -> str | None:
        payment = self.market.street.start(self.market.order())
        payment_id = payment.id

        together(
            self.market.street.app,
            jobs.submit_payments,
            lambda: settlement.give_up(payment_id),
        )

        now = self.market.street.again(payment)
        sent = bool(self.market.street.world.search("wave", now.reference))
        good = {("cancelled", False), ("pending", True)}
        return None if (now.status, sent) in good else f"{now.status}, sent: {sent}"


def test_cancelled_means_never_sent(market):
    never_goes_wrong(Cancelling(market))


def test_cancelled_is_sent_without_locks_and_trigger(market, monkeypatch):
    unlocked(monkeypatch)
    sql("ALTER TABLE payment DISABLE TRIGGER payment_status_edges")
    goes_wrong(Cancelling(market))
