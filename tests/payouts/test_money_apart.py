"""No payout leaves before its money is set apart, whoever writes it: the database asks its own books."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop.db import session
from shop.ledger import chart
from shop.money import Money
from shop.payouts.models import Payout
from tests.databases import connect
from tests.marketplace import make_user
from tests.street import Street

AMOUNT = Money(5_000, "XOF")
#: The payout that a stranger writes.
FORGED = "BBBBBBBB"
COPIED = (
    "user_id, purpose, route, method, provider, country, payee_phone, source, currency, amount,"
    " language, fee_amount, memory, created_at, next_check_at, checks"
)
SEND = f"UPDATE payout SET status = 'sending', sent_at = created_at WHERE reference = '{FORGED}'"


class Stranger:
    """Somebody with raw SQL, who knows how a payout is written and how money is set apart."""

    def __init__(self, connection: sa.Connection, wallet: str) -> None:
        self.connection, self.wallet, self.hold = connection, wallet, f"hold:{FORGED}:XOF"

    def run(self, *statements: str) -> None:
        """Run statements, each committed by itself."""
        for statement in statements:
            self.connection.exec_driver_sql(statement)

    def writes_a_payout(self) -> None:
        """Copy an honest payout of 5,000 under another reference, with nothing set apart."""
        self.run(
            f"INSERT INTO payout (reference, form_key, callback_token, status, {COPIED})"
            f" SELECT '{FORGED}', 'k', 't', 'requested', {COPIED} FROM payout"
        )

    def moves(self, key: str, debit: str, credit: str, amount: int = AMOUNT.amount) -> None:
        """Post a transfer between two accounts, as the ledger would."""
        for code in (debit, credit):
            kind, owner, currency = code.split(":")
            self.run(
                "INSERT INTO ledger_account (code, kind, owner, currency, balance)"
                f" SELECT '{code}', '{kind}', '{owner}', '{currency}', 0"
                f" WHERE NOT EXISTS (SELECT 1 FROM ledger_account WHERE code = '{code}')"
            )
        self.run(
            "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
            f" SELECT '{key}', 'payout_requested', d.id, c.id, {amount}, 'XOF', CURRENT_TIMESTAMP"
            " FROM ledger_account d, ledger_account c"
            f" WHERE d.code = '{debit}' AND c.code = '{credit}'"
        )

    def sets_apart(self, **how: object) -> None:
        """Set the payout's money apart, honestly but for what is named."""
        told = {"key": f"payout-requested:{FORGED}", "debit": self.wallet, "credit": self.hold}
        self.moves(**{**told, **how})  # type: ignore[arg-type]


@pytest.fixture
def stranger(street: Street) -> Iterator[Stranger]:
    owner = street.fund(Money(20_000, "XOF"))
    street.fund(Money(20_000, "XOF"), user=make_user())
    street.request(owner, AMOUNT)
    wallet = chart.wallet(owner.id, "XOF").code
    session.remove()
    engine = connect(street.app.config["SQLALCHEMY_DATABASE_URI"])
    with engine.connect() as connection:
        yield Stranger(connection, wallet)
    engine.dispose()


def status() -> str:
    session.rollback()
    found = session.scalars(sa.select(Payout.status).where(Payout.reference == FORGED)).one()
    session.rollback()
    return found


def test_with_its_money_it_leaves(stranger: Stranger):
    """The other side of every refusal below: what they lack is all they lack."""
    stranger.writes_a_payout()
    stranger.sets_apart()

    stranger.run(SEND)

    assert status() == "sending"


#: What a stranger may have set apart instead.
LACKING = {
    "nothing": lambda one: None,
    "less": lambda one: one.sets_apart(amount=4_999),
    "more, for a lesser payout": lambda one: one.sets_apart(amount=5_001),
    "under another key": lambda one: one.sets_apart(key="payout-requested:CCCCCCCC"),
    "in another payout's hold": lambda one: one.sets_apart(credit="hold:CCCCCCCC:XOF"),
    "from somebody else's wallet": lambda one: one.sets_apart(debit="wallet:2:XOF"),
    "and taken back": lambda one: (
        one.sets_apart(),
        one.moves("back", one.hold, one.wallet, 5_000),
    ),
    "and partly taken back": lambda one: (
        one.sets_apart(),
        one.moves("back", one.hold, one.wallet, 1),
    ),
}


@pytest.mark.parametrize("lacking", LACKING)
def test_raw_sql_sends_no_payout_without_its_money(stranger: Stranger, lacking: str):
    stranger.writes_a_payout()
    LACKING[lacking](stranger)

    with pytest.raises(DBAPIError, match="no payout leaves before its money is set apart"):
        stranger.run(SEND)

    assert status() == "requested"


def test_a_payout_that_was_held_needs_its_money_too(stranger: Stranger):
    stranger.writes_a_payout()
    for state in ("held", "requested"):
        stranger.run(f"UPDATE payout SET status = '{state}' WHERE reference = '{FORGED}'")

    with pytest.raises(DBAPIError, match="no payout leaves before its money is set apart"):
        stranger.run(SEND)


def test_the_look_costs_three_rows(stranger: Stranger):
    """The trigger finds its rows by unique keys: a million transfers make it no slower."""
    migration = importlib.import_module("migrations.versions.0014_no_payout_without_its_money")
    query = migration.SET_APART
    for name, value in {
        "reference": "'X'",
        "currency": "'XOF'",
        "amount": "1",
        "source": "'Y'",
    }.items():
        query = query.replace(f"NEW.{name}", value)

    if stranger.connection.dialect.name == "sqlite":
        plan = stranger.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
        assert all(str(row[3]).startswith("SEARCH") for row in plan)
        assert "(key=?)" in str(plan)
        return
    stranger.run("SET enable_seqscan = off")
    plan = str(stranger.connection.exec_driver_sql(f"EXPLAIN {query}").all())
    assert "Seq Scan" not in plan
    assert "uq_transfer_key" in plan
