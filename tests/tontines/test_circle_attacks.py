"""Raw SQL against a circle: what no code of ours would do, the database refuses too (both of them)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError

from migrations.circle import rules as rules_0019
from shop.db import db, session
from shop.tontines import states
from tests.databases import connect
from tests.marketplace import Clock
from tests.tontines.circles import Group, locked


def test_the_steps_in_code_are_the_steps_in_the_database():
    assert rules_0019.EDGES == states.EDGES


#: Each would give somebody what is not theirs, or rewrite what happened.
ATTACKS = {
    "rules rewritten": "UPDATE tontine_rules SET text = '{}'",
    "rules deleted": "DELETE FROM tontine_rules",
    "acceptance forged away": "DELETE FROM tontine_acceptance",
    "the book edited": "UPDATE tontine_event SET facts = '{}' WHERE seq = 2",
    "a line of the book dropped": "DELETE FROM tontine_event WHERE seq = 2",
    "a line of the book slipped in": (
        "INSERT INTO tontine_event (tontine_id, seq, at, what, facts, prev_hash, hash)"
        " SELECT tontine_id, seq + 5, at, what, facts, hash, hash FROM tontine_event WHERE seq = 1"
    ),
    "a line with a wrong past": (
        "INSERT INTO tontine_event (tontine_id, seq, at, what, facts, prev_hash, hash)"
        " SELECT tontine_id, (SELECT MAX(seq) + 1 FROM tontine_event), at, what, facts, prev_hash,"
        " hash FROM tontine_event WHERE seq = 1"
    ),
    "a share served again": "UPDATE tontine_share SET served_round_id = NULL WHERE code = 'P01'",
    "a share served by nobody": (
        'UPDATE tontine_share SET served_round_id = (SELECT id FROM tontine_round WHERE "index" = 2)'
        " WHERE code = 'P09'"
    ),
    "the rank of a served share": "UPDATE tontine_share SET position = 99 WHERE code = 'P01'",
    "two shares of one rank": "UPDATE tontine_share SET position = 5 WHERE code = 'P06'",
    "a share after lock": (
        "INSERT INTO tontine_share (cycle_id, code, member_id, joined_at, position, status, wish)"
        " SELECT cycle_id, 'P99', member_id, joined_at, 99, 'active', '' FROM tontine_share"
        " WHERE code = 'P01'"
    ),
    "a second turn for a share": (
        "INSERT INTO tontine_turn (round_id, share_id, user_id, gross, discount, set_off, retention,"
        " fee, net, reliquat, status) SELECT round_id, share_id, user_id, gross, discount, set_off,"
        " retention, fee, net, reliquat, 'eligible' FROM tontine_turn LIMIT 1"
    ),
    "a pot made larger": "UPDATE tontine_turn SET gross = gross + 5, net = net + 5",
    "a pot paid unsigned": "UPDATE tontine_turn SET status = 'approved' WHERE status = 'eligible'",
    "a request signed by nobody": "UPDATE tontine_order SET status = 'signed' WHERE status = 'open'",
    "another recipient": "UPDATE tontine_order SET recipient_id = NULL",
    "the recipient signs": (
        "INSERT INTO tontine_signature (order_id, member_id, at)"
        " SELECT id, recipient_id, asked_at FROM tontine_order WHERE status = 'open'"
    ),
    "a signature taken back": "DELETE FROM tontine_signature",
    "a line more in what was signed": (
        "INSERT INTO tontine_line (turn_id, seq, kind, source, target, amount)"
        " SELECT turn_id, 99, kind, source, target, 1 FROM tontine_line LIMIT 1"
    ),
    "an allocation twice": (
        "INSERT INTO tontine_allocation (contribution_id, due_id, amount)"
        " SELECT contribution_id, due_id, 1 FROM tontine_allocation LIMIT 1"
    ),
    "more allocated than came": (
        "INSERT INTO tontine_allocation (contribution_id, due_id, amount)"
        " SELECT m.id, d.id, 1 FROM tontine_contribution m, tontine_due d"
        " WHERE d.status = 'open' LIMIT 1"
    ),
    "an allocation changed": "UPDATE tontine_allocation SET amount = 1",
    "a due declared paid": "UPDATE tontine_due SET status = 'paid' WHERE status = 'open'",
    "a paid due voided": "UPDATE tontine_due SET status = 'void' WHERE status = 'paid'",
    "a smaller due": "UPDATE tontine_due SET amount = 1",
    "a contribution made larger": "UPDATE tontine_contribution SET amount = 99",
    "a round counted again": 'UPDATE tontine_round SET settled_at = NULL WHERE "index" = 1',
    "a round put back": "UPDATE tontine_round SET status = 'open' WHERE \"index\" = 1",
    "a date moved after the fact": (
        'UPDATE tontine_round SET grace_until = due_at WHERE "index" = 1'
    ),
    "a cycle unlocked": "UPDATE tontine_cycle SET status = 'enrolling'",
    "other rules for a locked cycle": "UPDATE tontine_cycle SET rules_id = rules_id + 1",
    "an officer from before": "UPDATE tontine_office SET since = '2020-01-01 00:00:00+00:00'",
    "a circle of another currency": "UPDATE tontine SET currency = 'XAF'",
    "a pot emptied into a wallet": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'mine', 'tontine_pot', p.id, w.id, 5, 'XOF', '2026-11-21 10:00:00+00:00'"
        " FROM ledger_account p, ledger_account w WHERE p.kind = 'pot' AND p.balance > 0"
        " AND w.kind = 'wallet' LIMIT 1"
    ),
    "a round deleted": "DELETE FROM tontine_round",
}


@pytest.fixture
def attacked(app: Flask, time: Clock) -> Group:
    """Round 1 paid; round 2 counted and waiting for signatures; round 3 open."""
    group = locked(time)
    group.play(1)
    group.at(group.round(2).opens_at)
    group.pay_all()
    group.settle(2)
    assert group.pot(2) == 120_000
    session.rollback()
    return group


def test_every_attack_is_refused_and_changes_nothing(attacked: Group, database_url: str):
    engine = connect(db.engine.url.render_as_string(hide_password=False))
    wrong = []
    for name, attack in ATTACKS.items():
        with engine.connect() as connection:
            before = _shadow(connection)
            try:
                done = connection.execute(sa.text(attack)).rowcount
            except DBAPIError:
                done = 0
            else:
                done = max(done, 0)
            if done or _shadow(connection) != before:
                wrong.append(name)
    engine.dispose()

    assert wrong == []


def test_every_attack_meets_a_row(attacked: Group, database_url: str):
    """An attack on nothing would be refused by nothing: each one finds something to change."""
    engine = connect(db.engine.url.render_as_string(hide_password=False))
    harmless = []
    for name, attack in ATTACKS.items():
        with engine.connect() as connection:
            try:
                connection.execute(sa.text(attack))
            except DBAPIError:
                continue
            harmless.append(name)
    engine.dispose()

    assert harmless == []


def _shadow(connection: sa.Connection) -> list[object]:
    tables = ("tontine_share", "tontine_turn", "tontine_order", "tontine_due", "tontine_round")
    rows = [connection.execute(sa.text(f"SELECT * FROM {t} ORDER BY id")).all() for t in tables]
    counts = [
        connection.scalar(sa.text(f"SELECT COUNT(*) FROM {t}"))
        for t in ("transfer", "tontine_event", "tontine_allocation", "tontine_signature")
    ]
    return [*rows, *counts]
