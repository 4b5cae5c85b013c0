"""Many hands on one wallet: no franc pays twice, no ceiling is passed, whatever comes at one instant."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop import clock, leases, references, settlement, wallet_parts, withdrawals
from shop.db import session, transaction
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.orders.models import Order
from shop.payments import by_hand
from shop.payments import service as payments
from shop.payouts.models import Payout
from shop.payouts.service import Intent
from shop.payouts.states import PayoutPurpose
from shop.providers import methods
from shop.settlement import Answer
from shop.wallets import ceilings, checks
from shop.wallets.limits import Ceilings
from tests.marketplace import know_number, make_order, make_product, make_user
from tests.races.together import (
    ROUNDS,
    goes_wrong,
    never_goes_wrong,
    on_postgresql,
    sql,
    together,
    unlocked,
)
from tests.street import PAYEES, Street
from tests.wallets.owners import francs, mixed

pytestmark = on_postgresql

METHOD = "fedapay-mtn-bj"
FEWER = max(ROUNDS // 5, 10)


class Paying:
    """Two orders and money for one, each paid by two taps at one instant."""

    def __init__(self, street: Street) -> None:
        self.street = street
        # One article each: taking the same one from the shelf would already queue them.
        self.products = [make_product(price=5_000, stock=1_000_000) for _ in range(2)]

    def __call__(self) -> str | None:
        user = self.street.fund(francs(10_000), user=make_user())
        user_id = user.id
        ids = [make_order((each, 1), user=user).id for each in self.products]  # 7,500 each

        taps = [lambda o=order: wallet_parts.pay(o, user_id).reference for order in ids * 2]
        seen = together(self.street.app, *taps)

        paid = session.scalars(
            sa.select(Order.id).where(Order.id.in_(ids), Order.status == "paid")
        ).all()
        left = ledger.balance(chart.wallet(user_id, "XOF")).amount
        session.rollback()
        return None if (len(paid), left) == (1, 2_500) else f"{len(paid)} paid, {left} left: {seen}"


def test_one_wallet_pays_one_of_two_orders(street: Street):
    never_goes_wrong(Paying(street))

    assert list(checks.check()) == []


def test_without_lock_and_check_it_pays_both(street: Street, monkeypatch: pytest.MonkeyPatch):
    unlocked(monkeypatch)
    sql("ALTER TABLE ledger_account DROP CONSTRAINT ck_ledger_account_balance_not_negative")
    goes_wrong(Paying(street))


class Ending:
    """The rest arrives while the buyer leaves the attempt: posted or given back, never both."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.product = make_product(price=5_000, stock=1_000_000)

    def __call__(self) -> str | None:
        user = self.street.fund(francs(3_000), user=make_user())
        user_id = user.id
        order = make_order((self.product, 1), user=user)
        payment = mixed(self.street, order, 3_000)
        number, order_id = payment.id, order.id
        self.street.approve(payment)
        answers = [self.answer(number) for _ in range(2)]

        seen = together(
            self.street.app,
            lambda: settlement.give_up(number).reference,
            *[lambda a=answer: settlement.settle_payments([a]) for answer in answers],
        )

        paid = session.get_one(Order, order_id).status == "paid"
        left = ledger.balance(chart.wallet(user_id, "XOF")).amount
        session.rollback()
        # Paid: the part is gone. Else: the part and what the phone paid are in the wallet.
        return None if left == (0 if paid else 7_500) else f"paid {paid}, {left} left: {seen}"

    def answer(self, number: int) -> Answer:
        with transaction():
            claim = by_hand.claim_alone(payments.locked([number])[number])
        said = leases.providers()[claim.provider].collection_status(claim.collection)
        return Answer(claim, said, clock.now(), submitted=False)


def test_a_part_is_posted_or_given_back(street: Street):
    never_goes_wrong(Ending(street), rounds=FEWER)

    assert list(checks.check()) == []


class Emptying:
    """Withdrawals at one instant under a ceiling of three: three go."""

    def __init__(self, street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
        self.street = street
        rules = ceilings.limits_of(make_user())
        narrow = Ceilings(francs(1_000), francs(3_000), francs(3_000))
        found = type(rules)(
            rules.country, rules.level, rules.since, rules.held, rules.top_up, narrow, "test."
        )
        monkeypatch.setattr(ceilings, "limits_of", lambda _user: found)

    def __call__(self) -> str | None:
        user_id = self.street.fund(francs(50_000), user=make_user()).id
        know_number(user_id, PAYEES[METHOD])
        session.rollback()

        together(self.street.app, *[lambda: withdrawals.start(self.intent(user_id))] * 6)

        made = session.scalar(sa.select(sa.func.count(Payout.id)).where(Payout.user_id == user_id))
        session.rollback()
        return None if made == 3 else f"{made} withdrawals"

    def intent(self, user_id: int) -> Intent:
        return Intent(
            purpose=PayoutPurpose.WITHDRAWAL,
            user_id=user_id,
            method=methods.get(METHOD),
            payee_phone=PAYEES[METHOD],
            amount=francs(1_000),
            source=chart.wallet(user_id, "XOF"),
            form_key=f"form-{references.new()}",
        )


def test_no_ceiling_is_passed_by_coming_together(street: Street, monkeypatch: pytest.MonkeyPatch):
    never_goes_wrong(Emptying(street, monkeypatch), rounds=FEWER)


def test_without_the_lock_the_ceiling_is_passed(street: Street, monkeypatch: pytest.MonkeyPatch):
    race = Emptying(street, monkeypatch)
    unlocked(monkeypatch)
    goes_wrong(race)


def test_without_lock_and_triggers_it_is_both(street: Street, monkeypatch: pytest.MonkeyPatch):
    unlocked(monkeypatch)
    monkeypatch.setattr(ledger, "_check_funds", lambda *_: None)
    sql(
        "ALTER TABLE ledger_account DROP CONSTRAINT ck_ledger_account_balance_not_negative",
        "DROP TRIGGER wallet_part_status_edges ON wallet_part",
        "DROP TRIGGER wallet_part_posted_in_the_books ON wallet_part",
        "DROP TRIGGER wallet_part_voided_in_the_books ON wallet_part",
        "DROP TRIGGER payment_status_edges ON payment",
    )
    goes_wrong(Ending(street))
