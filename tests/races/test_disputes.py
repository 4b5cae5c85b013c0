"""A problem reported at the instant its money would leave: one of the two happens, never both."""

from __future__ import annotations

from flask import Flask

from shop.accounts.models import User
from shop.db import session
from shop.ledger import audit
from shop.money import Money
from shop.orders import checks, disputes, fulfilment, handover
from shop.orders.dispute_states import Offer
from shop.orders.models import SellerOrder
from shop.orders.states import Escrow, Stage
from shop.orders.talk_models import Dispute
from shop.stores.models import Product
from tests.marketplace import make_order, make_product, make_user
from tests.orders.paid import again, buyer_of, make_part, report, seller_of
from tests.races.together import (
    goes_wrong,
    never_goes_wrong,
    on_postgresql,
    sql,
    together,
    unlocked,
)

pytestmark = on_postgresql

#: What stands behind the lock: taken away in the control only.
FREEZE = (
    "DROP TRIGGER seller_order_frozen_in_dispute ON seller_order",
    "DROP TRIGGER seller_order_freezes_with_dispute ON seller_order",
    "DROP TRIGGER seller_order_event_frozen_in_dispute ON seller_order_event",
    "DROP TRIGGER dispute_begins_open ON dispute",
)


class Reporting:
    """The buyer reports a problem while the seller types the code at the door."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.product_id = make_product(stock=1_000_000).id
        self.buyer_id = make_user().id

    def part(self) -> SellerOrder:
        session.rollback()
        product = session.get_one(Product, self.product_id)
        buyer = session.get_one(User, self.buyer_id)
        return make_part(Stage.SENT, make_order((product, 1), user=buyer))

    def __call__(self) -> str | None:
        part = self.part()
        side, reference, code = buyer_of(part), part.reference, handover.code_of(part)
        seller = part.store.owner_id
        complaint = disputes.Complaint("damaged", "Déchiré")

        results = together(
            self.app,
            lambda: disputes.report(side, reference, complaint),
            lambda: fulfilment.hand_over(seller, reference, code),
        )

        part = again(part)
        reported = session.query(Dispute).filter_by(seller_order_id=part.id).count()
        released = part.escrow == Escrow.RELEASED
        frozen = part.disputed_at is not None
        if reported + released == 1 and frozen == bool(reported):
            return None
        return f"{reported} reported, escrow {part.escrow}, frozen {frozen}: {results}"


def test_reported_or_released_never_both(app):
    never_goes_wrong(Reporting(app))

    assert [*audit.check(), *checks.check()] == []


def test_without_lock_and_freeze_money_leaves_what_is_disputed(app, monkeypatch):
    reporting = Reporting(app)
    unlocked(monkeypatch)
    sql(*FREEZE)
    goes_wrong(reporting)


def test_without_the_lock_the_database_still_keeps_it(app, monkeypatch):
    """The second line alone: the row that is frozen refuses, whoever comes second."""
    reporting = Reporting(app)
    unlocked(monkeypatch)
    never_goes_wrong(reporting, rounds=20)


class Ending(Reporting):
    """Each accepts the other's proposal, staff decides and the buyer withdraws, all at one instant."""

    def __call__(self) -> str | None:
        part = self.part()
        report(part)
        part = again(part)
        buyer, seller, reference = buyer_of(part), seller_of(part), part.reference
        disputes.propose(seller, reference, Offer.SHARE, 40)
        session.rollback()
        dispute = disputes.of_part(part)
        assert dispute is not None
        offer = disputes.latest_offer(dispute)
        assert offer is not None
        number = offer.id

        together(
            self.app,
            *[lambda: disputes.accept(buyer, reference, number)] * 3,
            lambda: disputes.withdraw(buyer, reference),
            lambda: disputes.propose(seller, reference, Offer.REFUND),
        )

        part = again(part)
        ends = [e for e in disputes.history(dispute) if e.new]
        shared = Money(part.refunded_amount, "XOF") == part.total.share(4_000)
        good = len(ends) <= 1 and (shared or not part.refunded_amount)
        return None if good else f"{[e.what for e in ends]}: {part.refunded_amount} went back"


def test_a_dispute_ends_once(app):
    never_goes_wrong(Ending(app), rounds=25)

    assert [*audit.check(), *checks.check()] == []
