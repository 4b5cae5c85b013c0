"""Several hands on one payout, one wallet or one receipt: one effect, whatever the order of events."""

from __future__ import annotations

from collections import Counter

import pytest
import sqlalchemy as sa

from shop import clock, jobs, leases, payout_decisions, payout_settlement, references, refunds
from shop.db import session, transaction
from shop.errors import InsufficientFunds
from shop.leases import Answer
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.models import Transfer
from shop.money import Money
from shop.payouts import checks, reading
from shop.payouts import service as payouts
from shop.payouts.models import Payout, Refund
from shop.payouts.service import Intent
from shop.payouts.states import PayoutPurpose
from shop.providers import methods
from tests.marketplace import know_number
from tests.payouts.test_refunds import late_receipt
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

pytestmark = on_postgresql

METHOD = "fedapay-mtn-bj"
SMALL = Money(1_000, "XOF")
FEWER = max(ROUNDS // 5, 10)


class Till:
    """A user with money in the wallet, and payouts in one line."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.user_id = street.fund(Money(5_000_000, "XOF")).id

    def intent(self, *, user_id: int | None = None, form_key: str | None = None) -> Intent:
        owner = user_id or self.user_id
        know_number(owner, PAYEES[METHOD])
        return Intent(
            purpose=PayoutPurpose.WITHDRAWAL,
            user_id=owner,
            method=methods.get(METHOD),
            payee_phone=PAYEES[METHOD],
            amount=SMALL,
            source=chart.wallet(owner, "XOF"),
            form_key=form_key or f"form-{references.new()}",
        )

    def requested(self) -> Payout:
        payout = payout_settlement.start_payout(self.intent())
        session.rollback()
        return payout

    def arrived(self) -> Payout:
        """A payout whose money moved and that nobody has asked about since."""
        payout = self.requested()
        jobs.send_payouts()
        self.street.time.pass_(seconds=10)
        self.street.world.advance()  # nobody is told yet
        with transaction():
            session.get_one(Payout, payout.id).next_check_at = clock.now()
        return payout

    def answer(self, payout: Payout) -> Answer[payouts.Claim]:
        """What the provider says, on a lease of its own, ready to be settled."""
        with transaction():
            row = payouts.locked([payout.id])[payout.id]
            claim = payouts.lease(row, refunds.question_of)
        said = leases.providers()[claim.provider].payout_status(claim.question)
        return Answer(claim, said, clock.now(), submitted=False)


@pytest.fixture
def till(street: Street) -> Till:
    return Till(street)


class Sending:
    """Two workers find the same requested payout: one request to the provider."""

    def __init__(self, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
        self.till, self.asked = till, Counter()
        fedapay = leases.providers()["fedapay"]
        pay_out = fedapay.pay_out

        def counted(asked):
            self.asked[asked.reference] += 1
            return pay_out(asked)

        monkeypatch.setattr(fedapay, "pay_out", counted)

    def __call__(self) -> str | None:
        reference = self.till.requested().reference

        together(self.till.street.app, jobs.send_payouts, jobs.send_payouts)

        asked = self.asked[reference]
        return None if asked == 1 else f"{reference} was sent {asked} times"


def test_two_senders_send_once(till, monkeypatch):
    never_goes_wrong(Sending(till, monkeypatch))


def test_two_senders_without_locks_send_twice(till, monkeypatch):
    unlocked(monkeypatch)
    goes_wrong(Sending(till, monkeypatch))


class Withdrawing:
    """Many withdrawals from one wallet at one instant: as many succeed as there is money for."""

    def __init__(self, till: Till, taps: int) -> None:
        self.till, self.taps = till, taps

    def __call__(self) -> str | None:
        user_id = self.till.street.fund(Money(3_500, "XOF")).id
        session.rollback()
        intents = [self.till.intent(user_id=user_id) for _ in range(self.taps)]

        results = together(
            self.till.street.app,
            *[lambda i=intent: payout_settlement.start_payout(i) for intent in intents],
        )

        told = sum(isinstance(result, InsufficientFunds) for result in results)
        left = ledger.balance(chart.wallet(user_id, "XOF")).amount
        session.rollback()
        right = (told, left) == (self.taps - 3, 500)
        return None if right else f"{told} told, {left} left: {results}"


def test_fifty_withdrawals_never_overdraw(till):
    never_goes_wrong(Withdrawing(till, 50), rounds=2)
    never_goes_wrong(Withdrawing(till, 5), rounds=FEWER)

    assert list(checks.check()) == []


def test_withdrawals_without_lock_and_check_overdraw(till, monkeypatch):
    unlocked(monkeypatch)
    sql("ALTER TABLE ledger_account DROP CONSTRAINT ck_ledger_account_balance_not_negative")
    goes_wrong(Withdrawing(till, 5))


class Tapping:
    """One form sent many times at one instant: one payout, and everybody sees it."""

    def __init__(self, till: Till, taps: int) -> None:
        self.till, self.taps = till, taps

    def __call__(self) -> str | None:
        intent = self.till.intent()

        def tap() -> str:
            return payout_settlement.start_payout(intent).reference

        seen = together(self.till.street.app, *[tap] * self.taps)

        same = sa.select(Payout.reference).where(Payout.form_key.startswith(intent.form_key))
        made = session.scalars(same).all()
        session.rollback()
        return None if len(made) == 1 and set(seen) == set(made) else f"{made}: {seen}"


def test_twenty_taps_make_one_payout(till):
    never_goes_wrong(Tapping(till, 20), rounds=3)
    never_goes_wrong(Tapping(till, 2), rounds=FEWER)


def test_taps_without_key_make_several(till):
    sql("ALTER TABLE payout DROP CONSTRAINT uq_payout_form_key")
    goes_wrong(Tapping(till, 4))


class Settling:
    """A webhook, a poll and a command at one instant on one payout that arrived: posted once."""

    def __init__(self, till: Till) -> None:
        self.till = till

    def __call__(self) -> str | None:
        payout = self.till.arrived()
        number, reference = payout.id, payout.reference
        one, two = self.till.answer(payout), self.till.answer(payout)
        self.till.street.world.send_webhooks()  # its message comes in and waits

        together(
            self.till.street.app,
            lambda: payout_settlement.settle_payouts([one]),
            lambda: payout_settlement.settle_payouts([two]),
            jobs.process_webhooks,
            jobs.verify_payouts,
        )

        key = f"payout-succeeded:{reference}"
        posted = session.scalar(sa.select(sa.func.count()).where(Transfer.key.startswith(key)))
        events = [event.new for event in reading.events_of(number)].count("succeeded")
        session.rollback()
        return None if (posted, events) == (1, 1) else f"{posted} postings, {events} ends"


def test_many_answers_post_once(till):
    never_goes_wrong(Settling(till), rounds=FEWER)

    assert till.street.findings() == []


def test_many_answers_without_lock_and_lease_end_it_twice(till, monkeypatch):
    unlocked(monkeypatch)
    monkeypatch.setattr(leases.secrets, "token_hex", lambda _n: "everybody's")
    monkeypatch.setattr(leases, "free", lambda row: None)
    sql(
        "ALTER TABLE transfer DROP CONSTRAINT uq_transfer_key",
        "ALTER TABLE ledger_account DROP CONSTRAINT ck_ledger_account_balance_not_negative",
        "DROP TRIGGER payout_ended ON payout",
    )
    goes_wrong(Settling(till))


class CancellingWhileSending:
    """The user gives up as the worker sends: returned or sent, never both."""

    def __init__(self, till: Till) -> None:
        self.till = till

    def __call__(self) -> str | None:
        payout = self.till.requested()
        number, reference = payout.id, payout.reference

        together(
            self.till.street.app,
            jobs.send_payouts,
            lambda: payout_decisions.cancel_payout(number, "user"),
        )

        session.rollback()
        status = session.get_one(Payout, number).status
        session.rollback()
        asked = bool(self.till.street.world.payouts.search("fedapay", reference))
        return None if asked != (status == "cancelled") else f"{status}, asked: {asked}"


def test_a_payout_is_cancelled_or_sent(till):
    never_goes_wrong(CancellingWhileSending(till))

    assert list(checks.check()) == []


def test_without_locks_and_edges_it_is_both(till, monkeypatch):
    unlocked(monkeypatch)
    sql(
        "DROP TRIGGER payout_status_edges ON payout",
        "ALTER TABLE payout DROP CONSTRAINT ck_payout_sent",
    )
    goes_wrong(CancellingWhileSending(till))


class Refunding:
    """Three refunds of 3,000 of one receipt of 5,000 at one instant: one is made, two are told."""

    def __init__(self, till: Till) -> None:
        self.till = till

    def __call__(self) -> str | None:
        number = late_receipt(self.till.street, METHOD, PAYEES[METHOD]).id
        session.rollback()
        source = chart.wallet(self.till.user_id, "XOF")

        def give_back() -> Refund:
            key = f"refund-{references.new()}"
            amount = Money(3_000, "XOF")
            return refunds.refund_receipt(
                number, amount, source=source, form_key=key, reason="late"
            )

        together(self.till.street.app, *[give_back] * 3)

        made = len(reading.refunds_of(number))
        session.rollback()
        return None if made == 1 else f"{made} refunds of 3,000 of a receipt of 5,000"


def test_refunds_never_come_to_more_than_the_receipt(till):
    never_goes_wrong(Refunding(till), rounds=FEWER)


def test_refunds_without_lock_and_trigger_do(till, monkeypatch):
    unlocked(monkeypatch)
    sql("DROP TRIGGER refund_within_receipt ON refund")
    goes_wrong(Refunding(till))
