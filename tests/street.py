"""The whole road a payment takes, in one process: our services, the simulated providers, one clock.

Nothing is mocked: adapters speak to the sandbox's wire handlers, webhooks come back through our own
door, and `settle` does what the worker and the clock do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from flask import Flask

from shop import health, jobs, payout_settlement, references, settlement, sweeper
from shop.accounts.models import User
from shop.db import session, transaction
from shop.debts import checks as debt_checks
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.ledger.entries import Entry, Leg
from shop.money import Money
from shop.orders import checks as order_checks
from shop.orders.models import Order
from shop.payments import checks, provider_settings
from shop.payments.models import Payment, Receipt
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.payouts import checks as payout_checks
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.states import PayoutPurpose, Route
from shop.providers import build_providers, methods
from shop.sandbox.registry import mount
from shop.sandbox.values import Delivery
from shop.sandbox.world import World
from shop.tontines import checks as tontine_checks
from shop.wallets import checks as wallet_checks
from tests.marketplace import Clock, know_number, make_user

#: A number of each method's operator, with money on it.
PAYERS = {
    "wave-ci": "+2250701020304",
    "mtn-ci": "+2250501020304",
    "orange-ci": "+2250701020305",
    "moov-bj": "+2290195010203",
}
#: Where each payout method sends, and an account is there.
PAYEES = {
    "wave-ci": "+2250701020304",
    "mtn-ci": "+2250501020304",
    "moov-bj": "+2290195010203",
    "fedapay-mtn-bj": "+2290161020304",
    "fedapay-mtn-ci": "+2250501020304",
    "cinetpay-orange-ci": "+2250701020304",
    "feexpay-mtn-bj": "+2290161020304",
    "getmipay-wave-bf": "+22670123456",
}


@dataclass
class Street:
    """A market, the providers across the road, and a clock that moves when told to."""

    app: Flask
    world: World
    time: Clock
    phones: int = 0

    def start(
        self,
        order: Order,
        method: str = "wave-ci",
        form_key: str | None = None,
        payer: str | None = None,
    ) -> Payment:
        """Tap "Payer" as the page does, from a phone nobody has asked yet."""
        return settlement.start_payment(
            Intent(
                purpose=Purpose.ORDER,
                purpose_id=order.id,
                user_id=order.user_id,
                method=methods.get(method),
                payer_phone=payer or self.fresh_phone(method),
                owed=order.total,
                form_key=form_key or f"form-{references.new()}",
            )
        )

    def fresh_phone(self, method: str) -> str:
        """Change the middle of the method's number; its end means something to the sandbox."""
        self.phones += 1
        known = PAYERS.get(method) or PAYERS[method.partition("-")[2]]  # an aggregator's row
        return f"{known[:8]}{self.phones:04d}{known[12:]}"

    def sent(self, order: Order, method: str = "wave-ci", payer: str | None = None) -> Payment:
        """Start a payment and let the worker send it."""
        payment = self.start(order, method, payer=payer)
        jobs.run("submit_payments")
        return self.again(payment)

    def again(self, payment: Payment) -> Payment:
        """Read a payment as it is now."""
        session.rollback()
        return session.get_one(Payment, payment.id)

    def approve(self, payment: Payment) -> bool:
        """Accept on the payer's phone."""
        return self.world.pay(payment.provider, payment.reference, payment.payer_phone)

    def refuse(self, payment: Payment) -> bool:
        """Refuse on the payer's phone."""
        return self.world.decline(payment.provider, payment.reference)

    def fund(self, amount: Money, provider: str = "fedapay", user: User | None = None) -> User:
        """Give a user money in the wallet that the provider really holds, and more for the provider."""
        owner = user or make_user()
        self.world.payouts.fund(provider, Money(10_000_000, amount.currency))
        source = chart.float_at(provider, amount.currency)
        wallet = chart.wallet(owner.id, amount.currency)
        with transaction():
            leg = Leg(f"opening:{references.new()}", source, wallet, amount)
            ledger.post(Entry("opening", (leg,)))
        session.rollback()
        return owner

    def request(
        self,
        user: User,
        amount: Money,
        method: str = "fedapay-mtn-bj",
        *,
        payee: str | None = None,
        form_key: str | None = None,
    ) -> Payout:
        """Tap "Retirer": the money is set apart, nothing has left."""
        know_number(user.id, payee or PAYEES[method])
        return payout_settlement.start_payout(
            payouts.Intent(
                purpose=PayoutPurpose.WITHDRAWAL,
                user_id=user.id,
                method=methods.get(method),
                payee_phone=payee or PAYEES[method],
                amount=amount,
                source=chart.wallet(user.id, amount.currency),
                form_key=form_key or f"form-{references.new()}",
            )
        )

    def withdraw(
        self, user: User, amount: Money, method: str = "fedapay-mtn-bj", **how: str
    ) -> Payout:
        """Ask for a payout and let the worker send it."""
        payout = self.request(user, amount, method, **how)
        jobs.run("send_payouts")
        return self.payout(payout)

    def payout(self, payout: Payout) -> Payout:
        """Read a payout as it is now."""
        session.rollback()
        return session.get_one(Payout, payout.id)

    def pass_(self, seconds: float) -> None:
        """Let time pass, and everybody do what fell due meanwhile, step by step."""
        left = seconds
        while left > 0:
            step = min(left, 5.0 if seconds <= 600 else 60.0)
            self.time.pass_(seconds=step)
            left -= step
            self.world.tick()
            self.work()

    def work(self) -> None:
        """Do what the worker and the clock would do now."""
        for name in sweeper.due():
            if name != "send_notices":
                jobs.run(name)
        session.rollback()

    def deliver(self, delivery: Delivery) -> int:
        """Bring a provider's message to our own door."""
        path = delivery.url.removeprefix("http://127.0.0.1:5000")
        answer = self.app.test_client().open(
            path, method=delivery.method, data=delivery.body, headers=delivery.headers
        )
        return answer.status_code

    def balance(self, account: Account) -> Money:
        """Read one ledger account."""
        return ledger.balance(account)

    def findings(self) -> list[audit.Finding]:
        """Prove the books, the payments, and that both agree with the providers' own book."""
        session.rollback()
        return [
            *audit.check(),
            *checks.check(),
            *order_checks.check(),
            *payout_checks.check(),
            *debt_checks.check(),
            *tontine_checks.check(),
            *wallet_checks.check(),
            *self._against_the_oracle(),
            *self._against_their_payouts(),
        ]

    def _against_their_payouts(self) -> Iterator[audit.Finding]:
        """W1: what left by their book left by ours, once, to the franc."""
        world = self.world
        theirs = [
            *((p.provider, p.transaction_id, p.reference, p.amount) for p in world.payouts.book()),
            # Not every refund call takes a reference of ours.
            *((r.provider, r.transaction_id, "", r.amount) for r in world.refunds.book()),
        ]
        ours = [
            (p.provider, ref, p.reference if p.route == Route.TRANSFER else "", p.money)
            for p in session.query(Payout).all()
            if (ref := p.transaction_ref or p.late_ref)
        ]
        for one in {*theirs, *ours}:
            if (theirs.count(one), ours.count(one)) != (1, 1):
                told = f"{one}: theirs {theirs.count(one)} times, ours {ours.count(one)} times"
                yield audit.Finding("payout_oracle", told)

    def _against_the_oracle(self) -> Iterator[audit.Finding]:
        ours = {
            (r.provider, r.transaction_ref): (r.amount, r.currency)
            for r in session.query(Receipt).all()
        }
        theirs = {
            (m.provider, m.transaction_id): (m.amount.amount, m.amount.currency)
            for m in self.world.book()
        }
        for key in ours.keys() | theirs.keys():
            if ours.get(key) != theirs.get(key):
                yield audit.Finding(
                    "oracle", f"{key}: ours {ours.get(key)}, theirs {theirs.get(key)}"
                )


@pytest.fixture
def street(app: Flask, time: Clock) -> Iterator[Street]:
    world = World(clock=time.now, rng=random.Random(7))
    place = Street(app, world, time)
    world.post.deliver = place.deliver
    http = requests.Session()
    http.trust_env = False
    mount(http, world)
    settings = app.config["SETTINGS"]
    app.extensions["providers"] = build_providers(provider_settings(settings), session=http)
    health.init_app(app)
    app.config["LANES"] = "inline"
    yield place
    world.close()
