"""What happened before the story begins, without a fault: orders that are paid, one of them twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shop import jobs, settlement
from shop.db import session
from shop.earnings import settings
from shop.earnings.models import Schedule
from shop.errors import Refusal
from shop.money import Money
from shop.payments import service as payments
from shop.payments.states import Purpose
from tests.simulation.buyers import Buyers
from tests.simulation.house import SELLERS
from tests.simulation.plan import METHODS

#: Operators who give a payment back by a call of their own.
GIVE_BACK: Final = ("wave-ci", "mtn-ci")


class Openings(Buyers):
    """The quiet days before: nobody is at work yet, so nothing stops and nothing fails."""

    def open_shops(self) -> None:
        """Let sellers choose when they are paid, and most of them have sold something."""
        if self.plan.sells:
            for store in range(1, len(SELLERS) + 1):
                self._choose(store)
            for order in self.orders:
                if self.chance.random() < 0.8:
                    self._paid(order, self.chance.choice(METHODS))
        if self.plan.paid_twice:
            first, second = self.chance.sample(GIVE_BACK, 2)
            self._paid(self._order(), first, second)
        session.rollback()
        self.watch.look()

    def _choose(self, store: int) -> None:
        schedule = self.chance.choice(list(Schedule))
        threshold = Money(5_000, "XOF") if schedule is Schedule.THRESHOLD else None
        wished = self.chance.choice((None, "wave")) if store == len(SELLERS) else None
        settings.choose(store, schedule, threshold=threshold, operator=wished)
        self._say(f"shop {store} is paid {schedule}")

    def _paid(self, order: tuple[int, int, Money], *by: str) -> None:
        """Pay an order by each of these methods; all but one bring money that pays for nothing."""
        self._numbers += 1
        for method in by:
            try:
                self._ask(order, method, f"opening-{self._numbers}-{method}")
            except Refusal as refused:
                session.rollback()
                self._say(f"order {order[0]} is not paid: {type(refused).__name__}")
        self.hub.at += timedelta(seconds=20)
        self.world.tick()
        jobs.verify_payments()

    def _ask(self, order: tuple[int, int, Money], method: str, key: str) -> None:
        live = payments.live_of(Purpose.ORDER, order[0])
        left = live.id if live else None
        session.rollback()
        if left is not None:
            settlement.give_up(left)
        payment = settlement.start_payment(self._intent(order, method, key))
        provider, reference, phone = payment.provider, payment.reference, payment.payer_phone
        session.rollback()
        jobs.submit_payments()
        self.world.pay(provider, reference, phone)
        self._say(f"order {order[0]} was paid by {method} before")
