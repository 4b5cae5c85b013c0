"""Giving money back: once per request, never more than came, and never lost on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop import clock, jobs, refunds
from shop.db import session, transaction
from shop.errors import Conflict, InsufficientFunds
from shop.ledger import chart
from shop.money import Money
from shop.notices.models import Notice
from shop.payments.models import Receipt
from shop.payouts import checks, reading
from shop.payouts.models import Payout, Refund
from shop.payouts.states import Route
from shop.providers import values
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, Status
from tests.databases import both_databases, connect
from tests.marketplace import make_order, make_product, make_store
from tests.payouts.test_road import settle
from tests.street import Street

PAYER = "+2290161020304"


@pytest.fixture
def receipt(street: Street) -> Receipt:
    """Money that came for an order nobody wants any more: 5,000 in the payer's wallet."""
    return late_receipt(street, "fedapay-mtn-bj", PAYER)


def late_receipt(street: Street, method: str, payer: str) -> Receipt:
    product = make_product(price=5_000, stock=1, store=make_store(delivery=0))
    order = make_order((product, 1))
    payment = street.sent(order, method, payer=payer)
    with transaction():
        session.get_one(type(order), order.id).status = "cancelled"
    assert street.approve(payment)
    street.pass_(120)
    session.rollback()
    found = session.scalars(sa.select(Receipt).where(Receipt.payment_id == payment.id)).one()
    assert found.disposition == "wallet"
    street.world.payouts.fund(payment.provider, Money(1_000_000, "XOF"))
    return found


def wallet(receipt: Receipt):
    return chart.wallet(receipt.user_id, receipt.currency)


def refund(receipt: Receipt, amount: int = 5_000, form_key: str = "one") -> Refund:
    made = refunds.refund_receipt(
        receipt.id, Money(amount, "XOF"), source=wallet(receipt), form_key=form_key, reason="late"
    )
    session.rollback()
    return made


def payout_of(made: Refund) -> Payout:
    session.rollback()
    assert made.payout_id is not None
    return session.get_one(Payout, made.payout_id)


def unexplained(street: Street) -> set[str]:
    """What the books find, but for the order we cancelled behind their back."""
    return {finding.rule for finding in street.findings()} - {"escrow_is_held", "holds_end"}


@both_databases
def test_a_refund_goes_back_to_the_payer_by_the_provider_that_collected(street, receipt):
    made = refund(receipt)
    payout = payout_of(made)

    assert (payout.route, payout.provider, payout.payee_phone) == ("transfer", "fedapay", PAYER)
    street.pass_(120)

    assert payout_of(made).status == "succeeded"
    assert street.balance(wallet(receipt)).amount == 0
    assert street.balance(chart.float_at("fedapay", "XOF")).amount == 0
    assert unexplained(street) == set()


@both_databases
def test_the_refunds_of_a_receipt_are_never_more_than_it(street, receipt):
    refund(receipt, 3_000)

    with pytest.raises(refunds.AboveReceipt) as refused:
        refund(receipt, 2_001, "two")
    refund(receipt, 2_000, "three")

    assert refused.value.left == Money(2_000, "XOF")
    assert [r.amount for r in reading.refunds_of(receipt.id)] == [3_000, 2_000]


@both_databases
@pytest.mark.parametrize(
    "attack",
    [
        "INSERT INTO refund (form_key, receipt_id, user_id, source, currency, amount, reason, created_at)"
        " SELECT 'k', receipt_id, user_id, source, currency, 2001, '', created_at FROM refund",
        "INSERT INTO refund (form_key, receipt_id, user_id, source, currency, amount, reason, created_at)"
        " SELECT 'k', receipt_id, user_id, source, 'XAF', 1, '', created_at FROM refund",
        "UPDATE refund SET amount = 1",
        "DELETE FROM refund",
    ],
    ids=["above", "currency", "changed", "deleted"],
)
def test_raw_sql_gives_back_no_more_than_came(street, receipt, attack):
    number = receipt.id
    refund(receipt, 3_000)
    session.remove()
    engine = connect(street.app.config["SQLALCHEMY_DATABASE_URI"])

    with engine.connect() as connection, pytest.raises(DBAPIError):
        connection.exec_driver_sql(attack)

    engine.dispose()
    assert [r.amount for r in reading.refunds_of(number)] == [3_000]


def test_one_request_is_one_refund(street, receipt):
    first, second = refund(receipt, 2_000), refund(receipt, 2_000)

    assert first.id == second.id
    with pytest.raises(Conflict):
        refund(receipt, 1_000)
    assert street.balance(wallet(receipt)).amount == 3_000


def test_money_that_is_not_there_is_not_given_back(street, receipt):
    other = chart.wallet(receipt.user_id + 1_000, "XOF")

    with pytest.raises(InsufficientFunds):
        refunds.refund_receipt(
            receipt.id, Money(5_000, "XOF"), source=other, form_key="one", reason="no"
        )

    assert reading.refunds_of(receipt.id) == []


def test_a_refund_that_fails_is_in_the_payer_s_wallet(street, receipt):
    made = refund(receipt)
    jobs.run("send_payouts")
    settle(payout_of(made), Outcome(Status.FAILED, reason=Reason.BLOCKED, words="blocked"))

    assert payout_of(made).status == "failed"
    assert street.balance(wallet(receipt)).amount == 5_000
    assert [n for n in notices() if "portefeuille" in n or "wallet" in n]
    assert unexplained(street) == set()


def notices() -> list[str]:
    session.rollback()
    return list(session.scalars(sa.select(Notice.text).where(Notice.kind.like("payout_%"))))


@both_databases
def test_where_nobody_can_carry_it_the_refund_is_in_the_wallet(street, receipt, monkeypatch):
    monkeypatch.setattr(refunds.payouts, "may_pay_out", lambda _provider: False)

    made = refund(receipt)

    assert made.payout_id is None
    assert street.balance(wallet(receipt)).amount == 5_000
    session.rollback()
    told = session.scalars(sa.select(Notice.text).where(Notice.kind == "refund_kept")).all()
    assert len(told) == 1
    assert unexplained(street) == set()


def test_another_provider_carries_it_where_the_first_cannot(street, receipt, monkeypatch):
    may = refunds.payouts.may_pay_out
    monkeypatch.setattr(
        refunds.payouts, "may_pay_out", lambda one: one.name != "fedapay" and may(one)
    )

    payout = payout_of(refund(receipt))

    assert payout.route == "transfer"
    assert payout.provider != "fedapay"
    assert payout.country == "BJ"


class Refunding:
    """A provider that gives collections back, as its two calls would."""

    def __init__(self, street: Street, monkeypatch: pytest.MonkeyPatch, *, partial: bool) -> None:
        self.asked: list[values.Refund] = []
        self.says = Outcome(Status.PENDING, provider_ref="R1", words="accepted")
        one = street.app.extensions["providers"]["fedapay"]
        can = replace(one.can, refund=True, partial_refund=partial)
        monkeypatch.setattr(type(one), "can", can)
        monkeypatch.setattr(one, "refund", self.refund, raising=False)
        monkeypatch.setattr(one, "refund_status", lambda _asked: self.says, raising=False)

    def refund(self, asked: values.Refund) -> Outcome:
        self.asked.append(asked)
        return self.says


def test_a_provider_that_refunds_gives_the_collection_back(street, receipt, monkeypatch):
    bank = Refunding(street, monkeypatch, partial=False)
    made = refund(receipt)
    assert payout_of(made).route == Route.REFUND
    jobs.run("send_payouts")
    jobs.run("send_payouts")
    bank.says = Outcome(Status.SUCCEEDED, transaction_ref="R1", amount=Money(5_000, "XOF"))

    with transaction():
        session.get_one(Payout, made.payout_id).next_check_at = clock.now()
    jobs.run("verify_payouts")

    (asked,) = bank.asked
    assert asked.transaction_ref == receipt.transaction_ref
    assert asked.collection.payer == PAYER
    assert asked.amount == Money(5_000, "XOF")
    assert payout_of(made).status == "succeeded"
    assert list(checks.check()) == []


@pytest.mark.parametrize(("partial", "route"), [(False, "transfer"), (True, "refund")])
def test_a_part_goes_back_as_a_refund_only_where_the_provider_takes_parts(
    street, receipt, monkeypatch, partial: bool, route: str
):
    Refunding(street, monkeypatch, partial=partial)

    assert payout_of(refund(receipt, 2_000)).route == route
