"""One message of a provider, brought fifty times at once: one row, one receipt, one transfer."""

from __future__ import annotations

import sqlalchemy as sa

from shop import jobs
from shop.db import session
from shop.ledger import reading as books
from shop.payments import reading
from shop.payments import service as payments
from shop.sandbox.values import Delivery
from shop.webhooks import service as webhooks
from shop.webhooks.models import WebhookEvent
from tests.marketplace import make_order, make_product, make_store, make_user
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


class Copies:
    """A paid attempt whose message comes in so many copies at one instant, each processed at once."""

    def __init__(self, street: Street, copies: int = 50) -> None:
        self.street, self.copies = street, copies
        self.user = make_user()
        self.product = make_product(price=200, stock=1_000_000, store=make_store(delivery=0))

    def message(self) -> tuple[int, Delivery]:
        """Pay an order, and catch the provider's message before it reaches our door."""
        payment = self.street.sent(make_order((self.product, 1), user=self.user))
        caught: list[Delivery] = []

        def catch(delivery: Delivery) -> int:
            caught.append(delivery)
            return 200

        self.street.world.post.deliver = catch
        assert self.street.approve(payment)
        self.street.world.tick()
        self.street.time.pass_(seconds=10)
        [delivery] = caught
        return payment.id, delivery

    def bring(self, delivery: Delivery) -> int:
        answer = self.street.deliver(delivery)
        jobs.process_webhooks()
        return answer

    def __call__(self) -> str | None:
        payment_id, delivery = self.message()
        rows_before = session.scalar(sa.select(sa.func.count(WebhookEvent.id)))

        answers = together(self.street.app, *[lambda: self.bring(delivery)] * self.copies)

        session.rollback()
        rows = session.scalar(sa.select(sa.func.count(WebhookEvent.id))) - rows_before
        receipts = reading.receipts_of(payment_id)
        moved = books.moves(f"receipt:{receipt.id}:" for receipt in receipts)
        told = f"{rows} rows, {len(receipts)} receipts, {len(moved)} transfers, {set(answers)}"
        return None if (rows, len(moved), set(answers)) == (1, 1, {200}) else told


def test_fifty_copies_of_one_message_make_one_transfer(street: Street):
    never_goes_wrong(Copies(street), rounds=max(ROUNDS // 10, 3))

    assert street.findings() == []


def test_copies_without_lock_lease_and_key_make_several(street: Street, monkeypatch):
    """The row's own key is kept: even one message, processed by many hands at once, must go wrong."""
    unlocked(monkeypatch)
    monkeypatch.setattr(payments.secrets, "token_hex", lambda _n: "everybody's")
    monkeypatch.setattr(payments, "free", lambda payment: None)
    sql("ALTER TABLE receipt DROP CONSTRAINT uq_receipt_provider_transaction_ref")
    goes_wrong(Copies(street, copies=6))


def test_copies_without_the_messages_key_are_several_rows(street: Street, monkeypatch):
    sql("ALTER TABLE webhook_event DROP CONSTRAINT uq_webhook_event_provider_dedupe_key")

    def keyless(_postgres: bool) -> sa.Insert:
        return sa.insert(WebhookEvent.__table__).returning(WebhookEvent.__table__.c.id)

    monkeypatch.setattr(webhooks, "_insertion", keyless)
    goes_wrong(Copies(street, copies=6))
