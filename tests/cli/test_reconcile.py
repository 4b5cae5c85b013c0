"""`flask reconcile`: what differs is one row with an age, until it no longer differs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from shop import jobs
from shop.db import session, transaction
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.money import Money
from shop.payments.models import Payment
from shop.payouts.models import Payout
from shop.providers.values import Status
from shop.reconciliation.models import Break
from tests.cli.shell import Said, flask
from tests.databases import both_databases
from tests.marketplace import make_order
from tests.street import Street

pytestmark = both_databases
PAID_OUT = Money(5_000, "XOF")


def reconcile(street: Street, *words: str) -> Said:
    return flask(street.app, "reconcile", "--json", *words)


def found(said: Said) -> list[tuple[str, str, str]]:
    return [(r["subject"], r["reference"], r["type"]) for r in said.json["differences"]]


def paid(street: Street, method: str = "wave-ci") -> Payment:
    payment = street.sent(make_order(), method)
    assert street.approve(payment)
    street.pass_(30)
    return street.again(payment)


def unheard(street: Street) -> Payment:
    """Paid at the provider; its message is lost and nobody asked yet."""
    payment = street.sent(make_order())
    street.world.faults.add("wave", "no_webhook", reference=payment.reference)
    assert street.approve(payment)
    return payment


def spaced(payment: Payment | Payout) -> str:
    return f"{payment.reference[:4]}-{payment.reference[4:]}"


def answers(street: Street, monkeypatch: pytest.MonkeyPatch, **changed: object) -> None:
    """Let Wave tell another story than it did when the money was booked."""
    wave = street.app.extensions["providers"]["wave"]
    ask = wave.collection_status
    monkeypatch.setattr(wave, "collection_status", lambda c: replace(ask(c), **changed))


def test_agreement_is_exit_0(street: Street):
    for method in ("wave-ci", "mtn-ci", "orange-ci"):
        assert paid(street, method).status == "succeeded"

    said = reconcile(street)

    assert (said.code, found(said), said.json["unanswered"]) == (0, [], [])
    assert said.json["asked"] >= 3


def test_what_a_provider_cannot_tell_is_said(street: Street):
    orange = street.app.extensions["providers"]["orange"]
    assert not orange.can.balance

    said = reconcile(street, "--provider", "orange")

    assert [line for line in said.json["skipped"] if "balance" in line] == [
        "orange: does not tell its balance, float not asserted"
    ]


def test_their_money_is_a_row_and_the_road_books_it(street: Street):
    payment = unheard(street)

    first, second = reconcile(street), reconcile(street)
    rows = session.scalar(sa.select(sa.func.count(Break.id)))
    street.time.pass_(seconds=6)
    jobs.run("verify_payments")
    third = reconcile(street)

    assert (first.code, second.code) == (6, 6)
    assert found(first) == found(second) == [("payment", spaced(payment), "theirs_only")]
    assert rows == 1
    assert street.again(payment).status == "succeeded"
    assert (third.code, found(third)) == (0, [])
    assert street.findings() == []


def test_a_difference_has_an_age_and_comes_back_as_a_new_row(street: Street, monkeypatch):
    payment = paid(street)
    with monkeypatch.context() as patch:
        answers(street, patch, amount=Money(1, "XOF"))
        reconcile(street)
        street.time.pass_(hours=3)
        said = reconcile(street)
        assert found(said) == [("payment", spaced(payment), "amount")]
        assert said.json["differences"][0]["age_s"] == 3 * 3_600
    assert reconcile(street).code == 0
    answers(street, monkeypatch, amount=Money(1, "XOF"))

    again = reconcile(street)

    assert again.json["differences"][0]["age_s"] == 0
    assert session.scalar(sa.select(sa.func.count(Break.id))) == 2


def test_silence_opens_and_closes_nothing(street: Street, monkeypatch):
    paid(street)
    answers(street, monkeypatch, amount=Money(1, "XOF"))
    reconcile(street)
    monkeypatch.undo()
    street.world.faults.add("wave", "silence")

    said = reconcile(street)

    assert len(found(said)) == 1
    assert any("wave payment" in line for line in said.json["unanswered"])


def test_only_the_window_is_asked(street: Street):
    unheard(street)

    assert reconcile(street, "--provider", "wave", "--until", "1h").json["asked"] == 0
    assert reconcile(street, "--provider", "mtn").code == 0
    assert reconcile(street, "--provider", "nobody").code == 3


def test_float_is_held_against_the_balance(street: Street, monkeypatch):
    paid(street)
    wave = street.app.extensions["providers"]["wave"]
    monkeypatch.setattr(type(wave), "can", replace(wave.can, balance=True))
    held = ledger.balance(chart.float_at("wave", "XOF"))
    monkeypatch.setattr(type(wave), "balance", lambda _self, _currency: held, raising=False)
    assert reconcile(street, "--provider", "wave").code == 0

    more = held + Money(500, "XOF")
    monkeypatch.setattr(type(wave), "balance", lambda _self, _currency: more)
    said = reconcile(street, "--provider", "wave")

    assert found(said) == [("float", "XOF", "amount")]


def test_a_fee_we_did_not_book_is_a_difference(street: Street, monkeypatch):
    payment = paid(street)
    answers(street, monkeypatch, fee=Money(75, "XOF"))
    assert found(reconcile(street)) == [("payment", spaced(payment), "fee")]

    [receipt_id] = session.execute(sa.text("SELECT id FROM receipt")).scalars()
    with transaction():
        ledger.post(entries.receipt_fee(receipt_id, "wave", Money(75, "XOF")))

    assert ("payment", spaced(payment), "fee") not in found(reconcile(street))


def stray(street: Street, reference: str = "NOT-OURS") -> str:
    """Money at FedaPay that no attempt of ours asked for."""
    api = street.app.extensions["providers"]["fedapay"].api
    made = api.transactions.create(
        {"description": "x", "amount": 700, "currency": {"iso": "XOF"},
         "merchant_reference": reference}
    )  # fmt: skip
    assert street.world.pay("fedapay", reference, "+2290161020304")
    return str(made["id"])


def test_money_of_no_attempt_shows_where_there_is_a_list(street: Street):
    number = stray(street)

    first, second = reconcile(street), reconcile(street)

    assert found(first) == found(second) == [("transaction", number, "theirs_only")]
    assert first.json["differences"][0]["theirs"] == "approved 700 XOF"
    assert any(line.startswith("wave: has no list") for line in first.json["skipped"])
    assert (
        reconcile(street, "--until", "1h", "--since", "2h").code == 6
    )  # open, though not looked at


def test_a_list_is_read_over_many_pages_and_only_in_its_window(street: Street):
    street.time.pass_(days=-3)
    old = [stray(street, f"OLD-{number}") for number in range(3)]
    street.time.pass_(days=3)
    new = [stray(street, f"NEW-{number}") for number in range(120)]

    said = reconcile(street, "--since", "1d", "--provider", "fedapay")

    assert sorted(ref for _kind, ref, _type in found(said)) == sorted(new)
    assert not set(old) & set(new)


def test_an_unread_list_is_said(street: Street):
    stray(street)
    street.world.faults.add("fedapay", "html")

    said = reconcile(street, "--provider", "fedapay")

    assert (said.code, found(said)) == (1, [])
    assert "fedapay list" in said.json["unanswered"]


def test_a_row_keeps_its_facts(street: Street):
    unheard(street)
    reconcile(street)

    for change in (
        "DELETE FROM reconciliation_break",
        "UPDATE reconciliation_break SET type = 'fee'",
    ):
        with pytest.raises(sa.exc.DBAPIError), transaction():
            session.execute(sa.text(change))


def withdrawn(street: Street, method: str = "wave-ci") -> Payout:
    payout = street.withdraw(
        street.fund(Money(8_000, "XOF"), method.split("-")[0]), PAID_OUT, method
    )
    street.pass_(60)
    payout = street.payout(payout)
    assert payout.status == "succeeded"
    return payout


def of_payouts(said: Said) -> list[tuple[str, str, str]]:
    return [row for row in found(said) if row[0] == "payout"]


@pytest.mark.parametrize("method", ["wave-ci", "mtn-ci", "fedapay-mtn-bj", "getmipay-wave-bf"])
def test_payouts_that_agree_are_asked_and_say_nothing(street: Street, method: str):
    withdrawn(street, method)

    said = reconcile(street, "--provider", method.split("-")[0])

    assert (of_payouts(said), said.json["unanswered"]) == ([], [])
    assert said.json["asked"] >= 1


@pytest.mark.parametrize(
    ("changed", "type_"),
    [
        ({"amount": Money(1, "XOF")}, "amount"),
        ({"fee": Money(7, "XOF")}, "fee"),
        ({"transaction_ref": "T_OTHER"}, "duplicate"),
        ({"status": Status.FAILED}, "ours_only"),
    ],
)
def test_a_payout_that_differs_is_a_row(street: Street, monkeypatch, changed, type_: str):
    payout = withdrawn(street)
    wave = street.app.extensions["providers"]["wave"]
    ask = wave.payout_status
    monkeypatch.setattr(wave, "payout_status", lambda asked: replace(ask(asked), **changed))

    said = reconcile(street, "--provider", "wave")

    assert said.code == 6
    assert of_payouts(said) == [("payout", spaced(payout), type_)]


def test_a_payout_that_left_unheard_is_booked_by_its_road(street: Street):
    street.world.faults.add("mtn", "lost_answer", on="pay_out", calls=1)
    user = street.fund(Money(8_000, "XOF"), "mtn")
    payout = street.withdraw(user, PAID_OUT, "mtn-ci")
    street.time.pass_(seconds=5)
    street.world.tick()

    first = reconcile(street, "--provider", "mtn")
    street.pass_(60)
    second = reconcile(street, "--provider", "mtn")

    assert of_payouts(first) == [("payout", spaced(payout), "theirs_only")]
    assert street.payout(payout).status == "succeeded"
    assert of_payouts(second) == []


def test_silence_about_payouts_that_cannot_be_looked_up_is_said_and_no_fault(street: Street):
    withdrawn(street, "moov-bj")

    said = reconcile(street, "--provider", "moov")

    assert "moov: told nothing of 1 payouts it sent" in said.json["skipped"]
    assert said.json["unanswered"] == []
