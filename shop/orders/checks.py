"""Rules between seller orders, their history and the books (RELIABILITY E1, E2, E5): none may be broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.ledger.audit import Finding

#: Each query lists what breaks its rule; an empty answer is health.
RULES: Final = {
    # E2: an escrow account holds what its seller order holds, to the franc, and nothing else.
    "escrow_is_held": """
        SELECT 'seller order ' || s.reference || ' holds ' || COALESCE(a.balance, 0)
        FROM seller_order s LEFT JOIN ledger_account a
        ON a.code = 'escrow:' || s.id || ':' || s.currency
        WHERE COALESCE(a.balance, 0) <> CASE WHEN s.escrow = 'held' THEN s.total_amount ELSE 0 END""",
    # E2, the other way: no escrow account without its seller order.
    "escrow_has_order": """
        SELECT a.code FROM ledger_account a WHERE a.kind = 'escrow' AND a.balance <> 0
        AND NOT EXISTS (SELECT 1 FROM seller_order s
        WHERE a.code = 'escrow:' || s.id || ':' || s.currency)""",
    # E1: what left an escrow is what its row says, part by part.
    "escrow_shared_once": """
        SELECT s.reference || ': seller ' || s.released_amount || ', kept ' || s.kept_amount
        || ', buyer ' || s.refunded_amount
        FROM seller_order s WHERE s.escrow IN ('released', 'refunded', 'split') AND (
        s.released_amount <> (SELECT COALESCE(SUM(t.amount), 0) FROM transfer t WHERE t.key IN
        ('release:' || s.id || ':' || 'seller', 'split:' || s.id || ':' || 'seller'))
        OR s.kept_amount <> (SELECT COALESCE(SUM(t.amount), 0) FROM transfer t WHERE t.key IN
        ('release:' || s.id || ':' || 'commission', 'split:' || s.id || ':' || 'commission'))
        OR s.refunded_amount <> (SELECT COALESCE(SUM(t.amount), 0) FROM transfer t WHERE t.key IN
        ('refund:' || s.id || ':' || 'buyer', 'split:' || s.id || ':' || 'buyer')))""",
    # A paid order is open or closed for its seller; an unpaid one is neither.
    "paid_is_open": """
        SELECT s.reference || ' is ' || s.status || ' and ' || s.stage FROM seller_order s
        WHERE (s.status = 'paid') <> (s.stage <> 'unpaid')""",
    # E5: the history replays to the present stage, each step by somebody it was open to.
    "steps_replay": """
        SELECT s.reference FROM seller_order s WHERE s.stage <> COALESCE((
        SELECT e.new FROM seller_order_event e WHERE e.seller_order_id = s.id AND e.new IS NOT NULL
        ORDER BY e.id DESC LIMIT 1), 'unpaid')""",
    # V1: an open order waits for somebody: the clock, or a person of staff.
    "open_is_due": """
        SELECT s.reference FROM seller_order s WHERE s.escrow = 'held'
        AND s.wake_at IS NULL AND s.staff_since IS NULL""",
}


def check() -> Iterator[Finding]:
    """Run every rule and give what breaks it."""
    for rule, query in RULES.items():
        for (detail,) in session.execute(sa.text(query)):
            yield Finding(rule, str(detail))
