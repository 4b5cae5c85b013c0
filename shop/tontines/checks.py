"""Rules between circles and the books that must hold at any moment (TONTINE §8): none may be broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.ledger.audit import Finding
from shop.tontines import book
from shop.tontines.models import Tontine

#: What was allocated to a due, in a query on tontine_due d.
_PAID = "(SELECT COALESCE(SUM(a.amount), 0) FROM tontine_allocation a WHERE a.due_id = d.id)"

#: Each query lists what breaks its rule for the circles it is asked about; an empty answer is health.
RULES: Final = {
    # Pots = collected less paid: before the count what was collected, afterwards what waits for two
    # signatures, and nothing once it was paid.
    "pot_is_collected": """
        SELECT 'round ' || r.id || ' holds ' || COALESCE(p.balance, 0) FROM tontine_round r
        JOIN tontine_cycle c ON c.id = r.cycle_id JOIN tontine t ON t.id = c.tontine_id
        LEFT JOIN ledger_account p ON p.code = 'pot:' || r.id || ':' || t.currency
        WHERE {which} AND c.status <> 'cancelled' AND COALESCE(p.balance, 0) <> CASE
        WHEN r.settled_at IS NULL THEN (SELECT COALESCE(SUM({paid}), 0) FROM tontine_due d
        WHERE d.round_id = r.id AND d.kind = 'contribution' AND d.status <> 'void')
        ELSE (SELECT COALESCE(SUM(l.amount), 0) FROM tontine_line l JOIN tontine_turn u
        ON u.id = l.turn_id WHERE u.round_id = r.id AND u.status <> 'received') END""",
    # No pot without its round.
    "pot_has_round": """
        SELECT p.code FROM ledger_account p JOIN tontine t ON 1 = 1
        WHERE {which} AND p.kind = 'pot' AND p.balance <> 0 AND p.owner NOT LIKE 'exit-%'
        AND NOT EXISTS (SELECT 1 FROM tontine_round r WHERE p.owner = CAST(r.id AS VARCHAR(20)))""",
    # R21: cash that nobody confirmed is set apart, to the franc.
    "cash_is_promised": """
        SELECT m.reference || ' holds ' || COALESCE(p.balance, 0) FROM tontine_contribution m
        JOIN tontine_cycle c ON c.id = m.cycle_id JOIN tontine t ON t.id = c.tontine_id
        LEFT JOIN ledger_account p ON p.code = 'cash:' || m.id || ':' || m.currency
        WHERE {which} AND m.source = 'cash' AND COALESCE(p.balance, 0)
        <> CASE WHEN m.status = 'promised' THEN m.amount ELSE 0 END""",
    # A contribution is allocated within what arrived; the rest is ahead, never more.
    "contribution_within": """
        SELECT m.reference FROM tontine_contribution m
        JOIN tontine_cycle c ON c.id = m.cycle_id JOIN tontine t ON t.id = c.tontine_id
        WHERE {which} AND m.amount < (SELECT COALESCE(SUM(a.amount), 0) FROM tontine_allocation a
        WHERE a.contribution_id = m.id)""",
    # A due says what its allocations say.
    "due_is_paid": """
        SELECT 'due ' || d.id || ' is ' || d.status || ', paid ' || {paid} FROM tontine_due d
        JOIN tontine_round r ON r.id = d.round_id JOIN tontine_cycle c ON c.id = r.cycle_id
        JOIN tontine t ON t.id = c.tontine_id WHERE {which} AND (
        (d.status IN ('paid', 'paid_late')) <> ({paid} = d.amount) AND d.status <> 'void')""",
    # Property 3: in a closed cycle every share was served once, or left.
    "served_once": """
        SELECT 'share ' || s.id || ' of cycle ' || c.id FROM tontine_share s
        JOIN tontine_cycle c ON c.id = s.cycle_id JOIN tontine t ON t.id = c.tontine_id
        WHERE {which} AND c.status = 'closed' AND s.status = 'active'
        AND NOT EXISTS (SELECT 1 FROM tontine_turn u WHERE u.share_id = s.id
        AND u.status = 'received')""",
    # R20: what left for a wallet was signed by two different people, none of them its recipient.
    "two_signed": """
        SELECT 'turn ' || u.id FROM tontine_turn u JOIN tontine_round r ON r.id = u.round_id
        JOIN tontine_cycle c ON c.id = r.cycle_id JOIN tontine t ON t.id = c.tontine_id
        WHERE {which} AND u.status = 'received' AND u.net > 0 AND 2 > (
        SELECT COUNT(DISTINCT m.user_id) FROM tontine_signature g
        JOIN tontine_member m ON m.id = g.member_id
        WHERE g.order_id = u.order_id AND m.user_id <> u.user_id)""",
    # What was received is in the books, line by line.
    "received_is_posted": """
        SELECT 'turn ' || u.id || ' line ' || l.seq FROM tontine_line l
        JOIN tontine_turn u ON u.id = l.turn_id JOIN tontine_round r ON r.id = u.round_id
        JOIN tontine_cycle c ON c.id = r.cycle_id JOIN tontine t ON t.id = c.tontine_id
        LEFT JOIN transfer x ON x.key = 'tontine-line:' || l.id
        WHERE {which} AND (u.status = 'received') <> (x.id IS NOT NULL AND x.amount = l.amount)""",
    # V1: a round that nobody ended waits for the clock, unless the circle is frozen or was given up.
    "round_is_due": """
        SELECT 'round ' || r.id || ' is ' || r.status FROM tontine_round r
        JOIN tontine_cycle c ON c.id = r.cycle_id JOIN tontine t ON t.id = c.tontine_id
        WHERE {which} AND r.status NOT IN ('paid', 'closed') AND r.wake_at IS NULL
        AND c.status <> 'cancelled' AND t.status <> 'paused'""",
    # A cycle that ended keeps nobody's money, but of those who still owe.
    "ended_is_empty": """
        SELECT p.code FROM ledger_account p JOIN tontine_share s ON p.owner = CAST(s.id AS VARCHAR(20))
        JOIN tontine_cycle c ON c.id = s.cycle_id JOIN tontine t ON t.id = c.tontine_id
        WHERE {which} AND p.kind IN ('guarantee', 'retention', 'advance') AND p.balance <> 0
        AND c.status = 'closed' AND NOT EXISTS (SELECT 1 FROM tontine_due d WHERE d.share_id = s.id
        AND d.status NOT IN ('paid', 'paid_late', 'lost', 'void'))""",
}


def check(tontine_id: int | None = None) -> Iterator[Finding]:
    """Run every rule, for one circle or all of them, and verify the books' chains."""
    which = "t.id = :tontine_id" if tontine_id is not None else "1 = 1"
    given = {"tontine_id": tontine_id} if tontine_id is not None else {}
    for rule, query in RULES.items():
        for (detail,) in session.execute(sa.text(query.format(which=which, paid=_PAID)), given):
            yield Finding(f"tontine_{rule}", str(detail))
    ids = [tontine_id] if tontine_id is not None else session.scalars(sa.select(Tontine.id)).all()
    for id_ in ids:
        seq = book.broken_at(id_)
        if seq is not None:
            yield Finding("tontine_book", f"tontine {id_}: line {seq} was altered")
