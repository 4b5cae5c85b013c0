"""Two people decide at one instant: the second to hold the lock sees the first, and it ends once."""

from __future__ import annotations

from functools import partial

from shop import resolution
from shop.approvals.service import Voice
from shop.db import transaction
from shop.payments import reading
from shop.payments import service as payments
from shop.payments.states import PaymentStatus
from shop.resolution import Verdict
from tests.marketplace import make_order, make_product, make_store, make_user
from tests.races.together import (
    ROUNDS,
    goes_wrong,
    never_goes_wrong,
    on_postgresql,
    together,
    unlocked,
)
from tests.street import Street

pytestmark = on_postgresql

PEOPLE = ("Awa", "Kofi", "Ines")


class Deciding:
    """Three people say the same of one attempt in review."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.user = make_user()
        self.product = make_product(price=200, stock=1_000_000, store=make_store(delivery=0))

    def __call__(self) -> str | None:
        payment = self.street.sent(make_order((self.product, 1), user=self.user))
        payment_id, reference = payment.id, payment.reference
        assert self.street.approve(payment)
        [money] = [m for m in self.street.world.book("wave") if m.reference == reference]
        with transaction():
            found = payments.locked([payment_id])[payment_id]
            payments.move(found, PaymentStatus.REVIEW, "clock", "undecided for too long")
            found.next_check_at = None
        verdict = Verdict(succeeded=True, transaction_ref=money.transaction_id)
        voices = [Voice(person, "shell", "le portail le montre") for person in PEOPLE]

        ended = together(
            self.street.app,
            *[partial(resolution.resolve, payment_id, verdict, voice) for voice in voices],
        )

        receipts = len(reading.receipts_of(payment_id))
        once = [result for result in ended if result is True]
        good = (receipts, len(once), self.street.again(payment).status) == (1, 1, "succeeded")
        return None if good else f"{receipts} receipts, {ended}"


def test_people_end_an_attempt_once(street: Street):
    never_goes_wrong(Deciding(street), rounds=max(ROUNDS // 2, 10))

    assert street.findings() == []


def test_without_locks_they_do_not_hear_each_other(street: Street, monkeypatch):
    unlocked(monkeypatch)
    goes_wrong(Deciding(street))
