"""`flask payments`: found, told, asked again, and decided by two people where no provider decides."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop import clock, settlement
from shop.approvals.models import Approval
from shop.db import session, transaction
from shop.ledger import chart
from shop.orders.models import Order
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus
from shop.providers.values import Outcome, Status
from shop.settlement import Answer
from tests.cli.shell import Said, flask
from tests.databases import both_databases
from tests.marketplace import make_order, make_product, stock_of
from tests.street import Street

pytestmark = both_databases


def settle(payment: Payment, said: Outcome) -> None:
    with transaction():
        claim = payments._lease(payments.locked([payment.id])[payment.id])
    settlement.settle_payments([Answer(claim, said, clock.now(), submitted=False)])


def undecided(street: Street, order: Order) -> Payment:
    """An attempt that nobody could tell about for a week."""
    payment = street.sent(order)
    with transaction():
        found = payments.locked([payment.id])[payment.id]
        payments.move(found, PaymentStatus.REVIEW, "clock", "undecided for too long")
    return payment


def contradicted(street: Street, order: Order, *, amount: int | None = None) -> Payment:
    """An attempt whose answer speaks of another reference: its money waits in suspense."""
    payment = street.sent(order)
    money = type(payment.money)(amount or payment.amount, payment.currency)
    said = Outcome(
        Status.SUCCEEDED, amount=money, transaction_ref="T_STRANGE", contradiction="reference"
    )
    settle(payment, said)
    assert street.again(payment).status == "review"
    return payment


def resolve(street: Street, payment: Payment, person: str, *words: str) -> Said:
    reference = street.again(payment).reference
    return flask(
        street.app, *("payments", "resolve", reference, *words, "--as", person),
        *("--reason", "le portail le montre"),
    )  # fmt: skip


def test_lists_narrow_and_go_on(street: Street):
    for method in ("wave-ci", "mtn-ci", "wave-ci"):
        street.sent(make_order(), method)

    wave = flask(street.app, "payments", "list", "--provider", "wave", "--json").json
    first = flask(street.app, "payments", "list", "--limit", "2", "--json").json
    rest = flask(
        street.app, "payments", "list", "--limit", "2", "--cursor", str(first["cursor"]), "--json"
    ).json

    assert [row["provider"] for row in wave["payments"]] == ["wave", "wave"]
    assert {type(row["amount"]) for row in wave["payments"]} == {int}
    assert len(first["payments"]) == 2
    assert [row["provider"] for row in rest["payments"]] == ["wave"]
    assert rest["cursor"] is None
    for words in (["--status", "failed"], ["--country", "sn"], ["--since", "2026-11-22"]):
        assert flask(street.app, "payments", "list", *words, "--json").json["payments"] == []


def test_a_list_refuses_words_it_does_not_know(street: Street):
    assert flask(street.app, "payments", "list", "--status", "paid").code == 2
    assert flask(street.app, "payments", "list", "--since", "yesterday").code == 2


def test_show_tells_the_whole_story_in_order(street: Street):
    payment = street.sent(make_order())
    street.approve(payment)
    street.pass_(20)

    told = flask(street.app, "payments", "show", payment.reference, "--json").json

    assert told["payment"]["state"] == "succeeded"
    whats = [step["what"] for step in told["timeline"]]
    assert whats[0] == "buyer"
    assert whats.index("webhook") < whats.index("receipt") < whats.index("transfer")
    [moved] = [step["words"] for step in told["timeline"] if step["what"] == "transfer"]
    assert "float:wave:XOF -> escrow:" in moved
    assert payment.payer_phone[4:] not in str(told)
    assert flask(street.app, "payments", "show", "PX7K4M2Q").code == 3


def test_verify_says_what_changed_and_a_dry_run_asks_nobody(street: Street):
    payment = street.sent(make_order())
    street.world.faults.add("wave", "no_webhook", reference=payment.reference)
    assert street.approve(payment)

    dry = flask(street.app, "payments", "verify", payment.reference, "--dry-run", "--json").json
    assert street.again(payment).status == "pending"
    told = flask(street.app, "payments", "verify", payment.reference, "--json").json
    again = flask(street.app, "payments", "verify", payment.reference)

    assert [row["would_ask"] for row in dry] == ["wave"]
    assert told["payment"]["state"] == "succeeded"
    assert {"verify", "receipt", "transfer"} == {step["what"] for step in told["changed"]}
    assert "Nothing changed" in again.err
    assert street.findings() == []


def test_what_somebody_asks_about_is_left_to_them(street: Street):
    payment = street.sent(make_order())
    with transaction():
        payments._lease(payments.locked([payment.id])[payment.id])

    assert flask(street.app, "payments", "verify", payment.reference).code == 5


def test_what_was_never_sent_is_not_asked_about(street: Street):
    payment = street.start(make_order())

    assert flask(street.app, "payments", "verify", payment.reference).code == 4


@pytest.mark.parametrize("second", ["Awa", " awa", "AWA"])
def test_one_person_decides_nothing(street: Street, second: str):
    payment = undecided(street, make_order())

    for person in ("Awa", second):
        assert resolve(street, payment, person, "--failed").code == 0

    assert street.again(payment).status == "review"
    assert session.scalar(sa.select(sa.func.count(Approval.id))) == 1


def test_two_people_who_differ_decide_nothing(street: Street):
    payment = undecided(street, make_order())

    resolve(street, payment, "Awa", "--failed")
    resolve(street, payment, "Kofi", "--succeeded", "--transaction", "T_1")
    resolve(street, payment, "Ines", "--succeeded", "--transaction", "T_2")

    assert street.again(payment).status == "review"


def test_two_people_end_an_undecided_attempt_as_failed(street: Street):
    product = make_product(stock=3)
    payment = undecided(street, make_order((product, 1)))

    resolve(street, payment, "Awa", "--failed")
    assert stock_of(product) == 2
    done = resolve(street, payment, "Kofi", "--failed")

    assert "Two people agreed: failed" in done.err
    assert stock_of(product) == 3
    assert street.findings() == []


def test_two_people_book_money_the_portal_shows(street: Street):
    order = make_order()
    payment = undecided(street, order)
    street.world.faults.add("wave", "no_webhook", reference=payment.reference)
    assert street.approve(payment)  # the money is there, and nobody could tell
    [moved] = street.world.book("wave")
    shown = ("--succeeded", "--transaction", moved.transaction_id)

    assert resolve(street, payment, "Awa", "--succeeded").code == 4
    resolve(street, payment, "Awa", *shown)
    done = resolve(street, payment, "Kofi", *shown)

    assert done.code == 0
    assert street.again(payment).status == "succeeded"
    assert session.get_one(Order, order.id).status == "paid"
    assert street.findings() == []
    assert resolve(street, payment, "Ines", *shown).code == 5


def test_two_people_give_suspended_money_to_the_order(street: Street):
    order = make_order()
    payment = contradicted(street, order)
    assert street.balance(chart.suspense("wave", "XOF")) == order.total

    for person in ("Awa", "Kofi"):
        assert resolve(street, payment, person, "--succeeded").code == 0

    assert street.again(payment).status == "succeeded"
    assert session.get_one(Order, order.id).status == "paid"
    assert street.balance(chart.suspense("wave", "XOF")).amount == 0
    assert [f for f in street.findings() if f.rule != "oracle"] == []


def test_two_people_give_suspended_money_back(street: Street):
    order = make_order()
    payment = contradicted(street, order, amount=900)

    refused = resolve(street, payment, "Awa", "--succeeded")
    assert (refused.code, "payer's wallet" in refused.err) == (4, True)
    for person in ("Awa", "Kofi"):
        assert resolve(street, payment, person, "--failed").code == 0

    assert street.again(payment).status == "failed"
    assert street.balance(chart.wallet(order.user_id, "XOF")).amount == 900
    assert street.balance(chart.suspense("wave", "XOF")).amount == 0
    assert [f for f in street.findings() if f.rule != "oracle"] == []


def test_a_booked_transaction_is_not_booked_again(street: Street):
    paid = street.sent(make_order())
    assert street.approve(paid)
    street.pass_(30)
    [moved] = street.world.book("wave")
    payment = undecided(street, make_order())

    for transaction_ref in (moved.transaction_id, "T" * 81):
        said = resolve(street, payment, "Awa", "--succeeded", "--transaction", transaction_ref)
        assert said.code == 4, said

    assert session.scalar(sa.select(sa.func.count(Approval.id))) == 0
    assert street.findings() == []


def test_a_dry_decision_records_nothing(street: Street):
    payment = undecided(street, make_order())

    said = resolve(street, payment, "Awa", "--failed", "--dry-run")

    assert (said.code, session.scalar(sa.select(sa.func.count(Approval.id)))) == (0, 0)
    assert resolve(street, payment, "  ", "--failed").code == 4


def test_what_was_said_stays_said(street: Street):
    payment = undecided(street, make_order())
    resolve(street, payment, "Awa", "--failed")

    for statement in ("UPDATE approval SET person = 'kofi'", "DELETE FROM approval"):
        with pytest.raises(sa.exc.DBAPIError), transaction():
            session.execute(sa.text(statement))
