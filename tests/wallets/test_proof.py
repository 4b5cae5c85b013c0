"""What anybody can prove: a receipt by its code, the root of a day, statements and exports that agree."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from shop import jobs
from shop.accounts import service as accounts
from shop.db import db, session
from shop.ledger import audit, proofs, syscohada
from shop.payments import reading
from shop.payments.models import Receipt
from tests.cli.shell import flask
from tests.marketplace import make_order, make_user, sign_in
from tests.street import Street
from tests.wallets.owners import available, francs, top_up

PHONE = "+2250701020366"


@pytest.fixture
def receipt(street: Street) -> Receipt:
    """A receipt in a sealed block, among other rows."""
    for amount in (500, 700, 900):
        street.fund(francs(amount))
    payment = street.sent(make_order(), "moov-bj")
    street.approve(payment)
    street.pass_(60)
    [found] = reading.receipts_of(payment.id)
    jobs.run("seal_books")
    session.rollback()
    return found


def raw(statement: str) -> None:
    """Change a row behind the application's back, its triggers gone."""
    session.rollback()
    with db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            query = (
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'transfer'"
            )
            for name in connection.scalars(sa.text(query)).all():
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(sa.text("ALTER TABLE transfer DISABLE TRIGGER USER"))
        connection.execute(sa.text(statement))


def state(client: FlaskClient, code: str) -> str:
    return re.search(r'data-test="proof" data-state="(\w+)"', client.get(f"/check/{code}/").text)[1]


def test_anybody_can_check_a_receipt(client: FlaskClient, receipt: Receipt):
    assert state(client, receipt.code) == "ok"
    page = client.get(f"/check/{receipt.code}/").text
    assert 'data-montant="' in page
    assert "+225" not in page
    asked = client.get("/check/", query_string={"code": f" {receipt.code.lower()} "})
    assert asked.location == f"/check/{receipt.code}/"
    assert client.get("/check/0000000000/").status_code == 404


def test_a_receipt_not_sealed_yet_says_so(street: Street, client: FlaskClient):
    payment = street.sent(make_order())
    street.approve(payment)
    street.pass_(60)
    [found] = reading.receipts_of(payment.id)

    assert state(client, found.code) == "pending"


@pytest.mark.parametrize(
    "change",
    [
        "amount = amount + 1",
        "key = key || '.'",
        "event = 'order_receipu'",
        "created_at = '2026-11-20 10:00:00'",
    ],
)
def test_one_changed_byte_and_the_receipt_fails(client, receipt: Receipt, change: str):
    number = session.scalar(
        sa.text(f"SELECT MIN(id) FROM transfer WHERE key LIKE 'receipt:{receipt.id}:%'")
    )

    raw(f"UPDATE transfer SET {change} WHERE id = {number}")

    assert state(client, receipt.code) == "altered"


def test_the_command_names_the_first_altered_row(app, receipt: Receipt):
    assert flask(app, "ledger", "verify").code == 0

    raw("UPDATE transfer SET event = 'x' WHERE id = 2")
    said = flask(app, "ledger", "verify")

    assert said.code == 6
    assert "transfer 2 was altered" in said.out


def test_a_path_can_be_followed_with_pencil_and_sha256(app, receipt: Receipt):
    for proof in proofs.prove(f"receipt:{receipt.id}:"):
        seen = hashlib.sha256(proof.facts.encode()).hexdigest()
        assert seen == proof.hash
        for side, other in proof.path:
            joined = other + seen if side == "left" else seen + other
            seen = hashlib.sha256(joined.encode()).hexdigest()
        block = session.scalar(
            sa.text(f"SELECT root FROM ledger_block WHERE height = {proof.height}")
        )
        assert seen == block


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_every_leaf_has_a_way_up(count: int):
    leaves = [hashlib.sha256(bytes([n])).hexdigest() for n in range(count)]

    for place, leaf in enumerate(leaves):
        path = proofs.path_up(leaves, place)
        assert proofs.climbed(leaf, path) == audit.merkle_root(leaves)
        assert proofs.climbed("0" * 64, path) != audit.merkle_root(leaves)


def test_yesterday_s_root_is_printed_and_does_not_move(street: Street, client, receipt: Receipt):
    today = proofs.day_root(street.time.now().date())
    street.time.pass_(days=1)
    street.fund(francs(500), user=make_user())
    jobs.run("seal_books")
    session.rollback()

    printed = proofs.printed_root()

    assert printed is not None
    assert today is not None
    assert printed.hash == today.hash
    assert printed.hash[:16] in client.get("/check/").text
    assert client.get("/check/").text.count('data-test="day-root"') >= 2


def test_the_balance_of_any_past_moment(street: Street, client: FlaskClient):
    sign_in(client, PHONE)
    user = accounts.proven(PHONE)
    street.fund(francs(5_000), user=user)
    street.time.pass_(days=2)
    street.fund(francs(1_000), user=user)
    street.time.pass_(days=2)

    then = client.get("/wallet/?at=2026-11-22").text
    before = client.get("/wallet/?at=2026-11-20").text

    assert re.search(r'data-test="balance-at">[^<]*5.000', then)
    assert then.count('data-test="movement"') == 1
    assert re.search(r'data-test="balance-at">[^<]* 0', before)
    assert 'data-test="balance-at"' not in client.get("/wallet/?at=hier").text


def test_page_paper_and_file_say_the_same(street: Street, client: FlaskClient):
    sign_in(client, PHONE)
    user = accounts.proven(PHONE)
    for amount in (5_000, 700, 30):
        street.fund(francs(amount), user=user)
    payment = top_up(street, user, 2_000)
    street.approve(payment)
    street.pass_(60)

    page = client.get("/wallet/statement/").text
    answer = client.get("/wallet/statement.csv?currency=XOF&month=2026-11")

    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff")), delimiter=";"))[1:]
    assert [int(row[2]) for row in rows] == [5_000, 700, 30, 2_000]
    shown = [int(n) for n in re.findall(r'data-montant="(-?\d+)"', page)]
    assert shown == [0, 7_730, 5_000, 700, 30, 2_000]
    assert rows[-1][3] == "7730"
    assert "Aucun mouvement" in client.get("/wallet/statement/?month=2026-10").text
    assert client.get("/wallet/statement/?month=abc").status_code == 200


def test_the_accountant_s_totals_are_the_ledger_s(street: Street, app, receipt: Receipt):
    street.fund(francs(5_000))
    begins, ends = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    lines = syscohada.balance(begins, ends)
    total = syscohada.totals(lines, "XOF")
    trial = audit.trial_balance()

    assert total.debits == total.credits == francs(sum(line.debits for line in trial))
    assert total.closing_debit == total.closing_credit
    both = list(syscohada.journal(begins, ends))
    assert sum(line.debit.amount for line in both) == total.debits.amount
    assert sum(line.credit.amount for line in both) == total.debits.amount
    later = syscohada.balance(ends, datetime(2027, 1, 1, tzinfo=UTC))
    assert {(x.heading, x.opening_debit, x.opening_credit) for x in later} == {
        (x.heading, x.closing_debit, x.closing_credit) for x in lines
    }


def test_the_export_is_a_file_that_adds_up(street: Street, app, receipt: Receipt):
    words = ("ledger", "export", "--from", "2026-11-01", "--to", "2026-11-30", "--syscohada")
    said = flask(app, *words)
    journal = flask(app, *words, "--what", "journal")

    rows = list(csv.DictReader(io.StringIO(said.out), delimiter=";"))
    assert {"5521", "4731"} <= {row["account"] for row in rows}
    totals = [row for row in rows if row["label"] == "Total"]
    assert all(row["debits"] == row["credits"] for row in totals)
    assert all(row["closing_debit"] == row["closing_credit"] for row in totals)
    moved = list(csv.DictReader(io.StringIO(journal.out), delimiter=";"))
    assert len(moved) % 2 == 0
    assert flask(app, "ledger", "export", "--from", "2026-11-02", "--to", "2026-11-01").code == 2


def test_the_root_of_a_day_by_command(app, receipt: Receipt):
    said = flask(app, "ledger", "root", "--json")

    assert said.json[0]["root"] == proofs.day_root(datetime(2026, 11, 21, tzinfo=UTC).date()).hash
    assert flask(app, "ledger", "root", "--day", "2020-01-01").code == 3


def test_wallets_by_command(street: Street, app):
    user = street.fund(francs(5_000))
    who = str(user.id)

    [shown] = flask(app, "wallet", "show", who, "--json").json
    assert (shown["available"], shown["held"], shown["blocked"]) == (5_000, 0, 0)
    [line] = flask(app, "wallet", "statement", user.phone, "--json").json
    assert (line["moved"], line["balance"]) == (5_000, 5_000)
    assert flask(app, "wallet", "limits", who, "--json").json[0]["ceiling"] == 200_000
    words = ("--level", "identified", "--as", "Fatou", "--reason", "carte vue")
    assert flask(app, "wallet", "identify", who, *words).code == 0
    assert flask(app, "wallet", "limits", who, "--json").json[0]["ceiling"] == 2_000_000
    assert flask(app, "wallet", "hold", "--json").json == []
    assert len(flask(app, "wallet", "rules", "--json").json) == 22
    assert flask(app, "wallet", "show", "999").code == 3


def test_two_people_correct_a_wallet_once(street: Street, app):
    user = street.fund(francs(5_000))
    words = ("wallet", "adjust", str(user.id), "--case", "T-1", "--reason", "erreur", "--json")

    assert not flask(app, *words, "--as", "Awa", "--", "-700").json[0]["done"]
    assert not flask(app, *words, "--as", "awa ", "--", "-700").json[0]["done"]
    assert flask(app, *words, "--as", "Binta", "--", "-700").json[0]["done"]
    assert flask(app, *words, "--as", "Chantal", "--", "-700").json[0]["done"]

    assert available(user) == 4_300
    assert flask(app, *words, "--as", "Awa", "--", "-9").json[0]["done"] is False
    assert flask(app, *words, "--as", "Binta", "--", "-9").code == 5
    assert available(user) == 4_300
    assert street.findings() == []
