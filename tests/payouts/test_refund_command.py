"""`flask payments refund`: by the road of each operator, once, and never more than is there."""

from __future__ import annotations

import pytest

from shop import jobs, references
from shop.accounts.models import User
from shop.db import session
from shop.ledger import chart
from shop.money import Money
from shop.payments.models import Payment, Receipt
from shop.providers import PROVIDERS
from shop.switches import service as switches
from shop.switches.models import Kind
from tests.cli.shell import Said, flask
from tests.databases import both_databases
from tests.marketplace import make_order
from tests.payouts.test_refunds import late_receipt, unexplained
from tests.street import Street

PAID = Money(5_000, "XOF")
PAYERS = {
    "wave-ci": "+2250701020377",
    "mtn-ci": "+2250501020377",
    "moov-bj": "+2290195010277",
    "orange-ci": "+2250701020378",
}


def received(street: Street, method: str) -> Receipt:
    """Money that came for an order nobody wanted any more: it is in the payer's wallet."""
    return late_receipt(street, method, PAYERS[method])


def reference_of(receipt: Receipt) -> str:
    return session.get_one(Payment, receipt.payment_id).reference


def refund(street: Street, receipt: Receipt, *words: str, reason: str = "commande annulée") -> Said:
    asked = ("--reason", reason, "--as", "awa", "--json", *(words or ("--yes",)))
    return flask(street.app, "payments", "refund", reference_of(receipt), *asked)


def in_wallet(street: Street, receipt: Receipt) -> Money:
    session.rollback()
    return street.balance(chart.wallet(receipt.user_id, "XOF"))


def given_back(street: Street) -> list[Money]:
    """What went back to phones by the providers' own books."""
    return [one.amount for one in (*street.world.payouts.book(), *street.world.refunds.book())]


def pause_payouts(*names: str) -> None:
    for name in names:
        switches.turn_on(f"{name}:pay_out", Kind.PAUSED, by_whom="awa", reason="panne")


@both_databases
@pytest.mark.parametrize(
    ("method", "part", "road"),
    [
        ("wave-ci", None, ("refund", "wave")),
        ("mtn-ci", 2_000, ("refund", "mtn")),
        ("wave-ci", 2_000, ("transfer", "wave")),
        ("moov-bj", None, ("transfer", "moov")),
        ("moov-bj", 1_500, ("transfer", "moov")),
    ],
)
def test_it_goes_back_by_the_operator_it_came_through(street, method, part, road):
    receipt = received(street, method)
    amount = Money(part, "XOF") if part else PAID
    words = ("--amount", str(part)) if part else ()

    said = refund(street, receipt, "--yes", *words)
    street.pass_(120)

    assert said.code == 0, said.err
    (row,) = said.json
    assert (row["by"], row["provider"]) == road
    assert row["amount"] == amount.to_wire()
    assert given_back(street) == [amount]
    assert in_wallet(street, receipt) == PAID - amount
    shown = flask(street.app, "payouts", "show", row["payout"], "--json").json
    assert shown[0]["state"] == "succeeded"
    assert unexplained(street) == set()


@both_databases
def test_orange_gives_nothing_back_and_the_money_stays_in_the_wallet(street):
    receipt = received(street, "orange-ci")
    pause_payouts(*(name for name in PROVIDERS if name != "orange"))

    said = refund(street, receipt)
    street.pass_(60)

    assert said.code == 0
    assert said.json[0]["by"] == "wallet"
    assert "Nobody can carry it" in said.err
    assert in_wallet(street, receipt) == PAID
    assert given_back(street) == []


def test_what_orange_collected_goes_back_through_another_where_there_is_one(street):
    receipt = received(street, "orange-ci")
    for name in PROVIDERS:
        street.world.payouts.fund(name, PAID)

    (row,) = refund(street, receipt).json
    street.pass_(120)

    assert row["by"] == "transfer"
    assert row["provider"] != "orange"
    assert given_back(street) == [PAID]


@both_databases
@pytest.mark.parametrize("words", [("--yes",), ("--yes", "--amount", "2 000")])
def test_the_same_words_twice_are_one_refund(street, words):
    receipt = received(street, "mtn-ci")

    first, second = refund(street, receipt, *words), refund(street, receipt, *words)
    street.pass_(120)

    assert (first.code, second.code) == (0, 5)
    assert first.json[0]["payout"] == second.json[0]["payout"]
    assert len(given_back(street)) == 1


def test_a_second_part_is_asked_for_in_other_words(street):
    receipt = received(street, "mtn-ci")

    for number in range(2):
        part = ("--yes", "--amount", "2000")
        assert refund(street, receipt, *part, reason=f"partie {number}").code == 0
    street.pass_(120)

    assert given_back(street) == [Money(2_000, "XOF")] * 2
    assert in_wallet(street, receipt) == Money(1_000, "XOF")


@both_databases
def test_more_than_was_received_is_refused(street):
    receipt = received(street, "mtn-ci")

    above = refund(street, receipt, "--yes", "--amount", "5001")
    refund(street, receipt)
    again = refund(street, receipt, reason="encore")

    assert (above.code, '"above_receipt"' in above.err) == (4, True)
    assert (again.code, '"already_given_back"' in again.err) == (5, True)
    street.pass_(120)
    assert given_back(street) == [PAID]


@both_databases
def test_money_that_was_spent_is_not_given_back(street):
    receipt = received(street, "mtn-ci")
    spent = Money(4_000, "XOF")
    owner = session.get_one(User, receipt.user_id)
    street.withdraw(owner, spent, "mtn-ci", payee=PAYERS["mtn-ci"])

    said = refund(street, receipt)

    assert (said.code, '"insufficient_funds"' in said.err) == (4, True)
    assert "holds 1000 XOF" in said.err
    street.pass_(120)
    assert given_back(street) == [spent]


def test_money_that_paid_its_order_is_given_back_with_the_order(street):
    payment = street.sent(make_order(), "mtn-ci")
    street.approve(payment)
    street.pass_(60)

    said = flask(
        street.app, "payments", "refund", payment.reference, "--reason", "x", "--as", "awa",
        "--yes", "--json",
    )  # fmt: skip

    assert (said.code, '"in_order"' in said.err) == (5, True)


def test_a_payment_without_money_has_nothing_to_give_back(street):
    payment = street.sent(make_order(), "mtn-ci")

    words = ("--reason", "x", "--as", "awa", "--yes")
    assert flask(street.app, "payments", "refund", payment.reference, *words).code == 4
    assert flask(street.app, "payments", "refund", "PX7K-4M2Q", *words).code == 3


def test_a_dry_run_says_the_road_and_moves_nothing(street):
    receipt = received(street, "wave-ci")

    said = refund(street, receipt, "--dry-run")

    assert said.code == 0
    assert (said.json[0]["by"], said.json[0]["provider"]) == ("refund", "wave")
    jobs.run("send_payouts")
    assert in_wallet(street, receipt) == PAID


def test_without_a_person_and_without_yes_nothing_moves(street):
    receipt = received(street, "wave-ci")

    said = flask(
        street.app, "payments", "refund", reference_of(receipt), "--reason", "x", "--as", "awa",
        "--json",
    )  # fmt: skip

    assert (said.code, '"not_confirmed"' in said.err) == (4, True)
    assert in_wallet(street, receipt) == PAID


@pytest.mark.parametrize(("typed", "code", "left"), [("right", 0, 0), ("wrong", 4, 5_000)])
def test_a_person_types_the_reference(street, monkeypatch, typed, code, left):
    receipt = received(street, "moov-bj")
    reference = reference_of(receipt)
    answers = {"right": references.spaced(reference).lower(), "wrong": "PX7K-4M2Q"}
    monkeypatch.setattr("shop.cli.confirming.is_a_person", lambda: True)
    session.rollback()

    said = street.app.test_cli_runner().invoke(
        args=["payments", "refund", reference, "--reason", "x", "--as", "awa"],
        input=f"{answers[typed]}\n",
    )

    assert said.exit_code == code
    assert in_wallet(street, receipt) == Money(left, "XOF")


ENDS = {
    ("lost_answer", "wave-ci"): ("succeeded", [PAID]),
    ("lost_answer", "mtn-ci"): ("succeeded", [PAID]),
    ("silence", "wave-ci"): ("failed", []),
    ("silence", "mtn-ci"): ("failed", []),
}


@pytest.mark.parametrize(("fault", "method"), ENDS)
def test_a_refund_of_which_nothing_was_heard_goes_back_once_or_not_at_all(street, method, fault):
    receipt = received(street, method)
    street.world.faults.add(method.split("-")[0], fault, on="refund", calls=1)

    (row,) = refund(street, receipt).json
    jobs.run("send_payouts")
    unheard = state_of(street, row)
    street.pass_(7_200)

    # What was carried out is found, its answer lost or not. What never came is missing for certain
    # once it is surely visible, for both take a request once: the money is in the wallet again.
    ended, left = ENDS[fault, method]
    assert (row["by"], unheard) == ("refund", "unknown")
    assert state_of(street, row) == ended
    assert given_back(street) == left
    assert in_wallet(street, receipt) == (PAID if ended == "failed" else Money(0, "XOF"))
    assert unexplained(street) == set()


def state_of(street: Street, row: dict[str, str]) -> str:
    return flask(street.app, "payouts", "show", row["payout"], "--json").json[0]["state"]
