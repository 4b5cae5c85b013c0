"""The state machine stands in two places, and they agree; raw SQL cannot take an edge that is not there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop.db import session
from shop.money import Money
from shop.payouts.models import Payout, PayoutEvent
from shop.payouts.states import EDGES, ENDED, IN_FLIGHT, OPEN, UNSENT, PayoutStatus
from tests.databases import both_databases, connect
from tests.street import Street

MIGRATION = Path(__file__).parents[2] / "migrations/versions/0008_payouts.py"
S = PayoutStatus
AMOUNT = Money(5_000, "XOF")


def test_the_trigger_and_the_code_allow_the_same_edges():
    specification = importlib.util.spec_from_file_location("migration", MIGRATION)
    assert specification is not None
    assert specification.loader is not None
    migration = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(migration)

    ours = {str(old): {str(new) for new in news} for old, news in EDGES.items() if news}
    assert ours == migration.EDGES


def test_nothing_that_was_sent_is_ever_sent_again():
    reached, left = set(), {S.SENDING}
    while left:
        state = left.pop()
        reached.add(state)
        left |= EDGES[state] - reached

    assert not reached & {S.REQUESTED, S.HELD, S.CANCELLED}
    assert S.SENDING not in set().union(*(EDGES[state] for state in reached))


def test_every_state_is_unsent_open_ended_or_in_review():
    groups = [UNSENT - ENDED, OPEN, ENDED, {S.REVIEW}]

    assert sorted(state for group in groups for state in group) == sorted(PayoutStatus)
    assert frozenset(PayoutStatus) - ENDED == IN_FLIGHT


#: A way to each state, by edges that exist, with what the row must say there.
WAYS = {
    S.REQUESTED: [],
    S.HELD: [S.HELD],
    S.CANCELLED: [S.CANCELLED],
    S.SENDING: [S.SENDING],
    S.PENDING: [S.SENDING, S.PENDING],
    S.UNKNOWN: [S.SENDING, S.UNKNOWN],
    S.REVIEW: [S.SENDING, S.REVIEW],
    S.SUCCEEDED: [S.SENDING, S.SUCCEEDED],
    S.FAILED: [S.SENDING, S.FAILED],
}


def step(state: PayoutStatus) -> str:
    """Say in SQL what a row that arrives in a state must say as well."""
    facts = {
        S.SENDING: ", sent_at = CURRENT_TIMESTAMP",
        S.SUCCEEDED: ", settled_at = CURRENT_TIMESTAMP, transaction_ref = 'T1'",
        S.FAILED: ", settled_at = CURRENT_TIMESTAMP, proposed = 'failed', proposed_by = 'a',"
        " confirmed_by = 'b'",
        S.CANCELLED: ", settled_at = CURRENT_TIMESTAMP",
    }
    return f"UPDATE payout SET status = '{state}'{facts.get(state, '')}"


@pytest.fixture
def payout(street: Street) -> Payout:
    payout = street.request(street.fund(AMOUNT), AMOUNT)
    session.rollback()
    return payout


@contextmanager
def stranger(street: Street) -> Iterator[sa.Connection]:
    """Open the database as somebody with raw SQL would."""
    session.remove()
    engine = connect(street.app.config["SQLALCHEMY_DATABASE_URI"])
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@both_databases
@pytest.mark.parametrize("old", list(PayoutStatus))
def test_raw_sql_takes_the_edges_of_the_table_and_no_other(street: Street, payout: Payout, old):
    with stranger(street) as connection:
        for state in WAYS[old]:
            connection.exec_driver_sql(step(state))
        refused, taken = set(), set()
        for new in set(PayoutStatus) - {old}:
            connection.exec_driver_sql("BEGIN")
            try:
                connection.exec_driver_sql(step(new))
                taken.add(new)
            except DBAPIError:
                refused.add(new)
            connection.exec_driver_sql("ROLLBACK")

    assert taken == EDGES[old]
    assert refused == set(PayoutStatus) - EDGES[old] - {old}


#: What a stranger may try on one payout of 5,000 that is on its way, and on its evidence.
ATTACKS = {
    "another amount": "UPDATE payout SET amount = 9000",
    "another payee": "UPDATE payout SET payee_phone = '+2250701020399'",
    "another currency": "UPDATE payout SET currency = 'XAF'",
    "another owner": "UPDATE payout SET user_id = user_id + 1",
    "another reference": "UPDATE payout SET reference = 'AAAAAAAA'",
    "another provider": "UPDATE payout SET provider = 'wave'",
    "another source": "UPDATE payout SET source = 'wallet:9:XOF'",
    "sent again": "UPDATE payout SET sent_at = '2020-01-01 00:00:00'",
    "sent never": "UPDATE payout SET sent_at = NULL",
    "another id at the provider": "UPDATE payout SET provider_ref = 'other'",
    "succeeded without proof": (
        "UPDATE payout SET status = 'succeeded', settled_at = CURRENT_TIMESTAMP"
    ),
    "an end without its moment": "UPDATE payout SET status = 'failed'",
    "one person twice": (
        "UPDATE payout SET proposed = 'failed', proposed_by = 'Awa', confirmed_by = 'Awa'"
    ),
    "a proposal of nobody": "UPDATE payout SET proposed = 'failed'",
    "deleted": "DELETE FROM payout",
    "evidence changed": "UPDATE payout_event SET words = 'nothing'",
    "evidence deleted": "DELETE FROM payout_event",
    "an end without evidence": (
        "INSERT INTO payout_event (payout_id, at, source, new, words)"
        " SELECT id, created_at, 'verify', 'failed', '' FROM payout"
    ),
}


@both_databases
@pytest.mark.parametrize("attack", ATTACKS)
def test_raw_sql_cannot_change_what_was_settled(street: Street, attack: str):
    payout = street.withdraw(street.fund(AMOUNT), AMOUNT)
    assert payout.provider_ref
    before = row_of(payout)

    with stranger(street) as connection, pytest.raises(DBAPIError):
        connection.exec_driver_sql(ATTACKS[attack])

    assert row_of(payout) == before


@both_databases
@pytest.mark.parametrize("column", ["reason", "provider_ref", "transaction_ref", "fee_amount"])
def test_an_ended_payout_does_not_change(street: Street, column: str):
    payout = street.withdraw(street.fund(AMOUNT), AMOUNT)
    street.pass_(60)
    assert street.payout(payout).status == "succeeded"
    before = row_of(payout)

    with stranger(street) as connection, pytest.raises(DBAPIError):
        connection.exec_driver_sql(f"UPDATE payout SET {column} = '7'")

    assert row_of(payout) == before


@both_databases
def test_a_payout_cannot_begin_as_sent(street: Street, payout: Payout):
    names = "user_id, purpose, route, method, provider, country, payee_phone, source, currency"
    with stranger(street) as connection, pytest.raises(DBAPIError):
        connection.exec_driver_sql(
            f"INSERT INTO payout (reference, form_key, callback_token, status, sent_at, amount, {names},"
            f" language, fee_amount, memory, created_at, checks) SELECT 'BBBBBBBB', 'k', 't', 'sending',"
            f" created_at, 1, {names}, language, 0, memory, created_at, 0 FROM payout"
        )


def row_of(payout: Payout) -> tuple[object, ...]:
    session.rollback()
    row = session.execute(sa.select(Payout.__table__)).one()
    events = session.execute(sa.select(PayoutEvent.__table__)).all()
    session.rollback()
    return (*row, *events)
