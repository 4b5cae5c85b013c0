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
        WHERE COALESCE(a.balance, 0)
        <> CASE WHEN s.escrow = 'held' THEN s.total_amount - s.refunded_amount ELSE 0 END""",
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
        ('refund:' || s.id || ':' || 'buyer', 'split:' || s.id || ':' || 'buyer')) + (
        SELECT COALESCE(SUM(t.amount), 0) FROM order_refund r JOIN transfer t
        ON t.key = 'order-refund:' || r.id || ':' || 'escrow' WHERE r.seller_order_id = s.id))""",
    # G4: a refund after the close moved what its row says, and nobody's part was forgotten.
    "refund_is_posted": """
        SELECT 'refund ' || r.form_key FROM order_refund r WHERE r.source <> 'closing'
        AND r.price_amount + r.delivery_amount + r.fee_amount <> (
        SELECT COALESCE(SUM(t.amount), 0) FROM transfer t WHERE t.key IN (
        'order-refund:' || r.id || ':' || 'escrow', 'order-refund:' || r.id || ':' || 'seller',
        'order-refund:' || r.id || ':' || 'commission', 'order-refund:' || r.id || ':' || 'fee',
        'order-refund:' || r.id || ':' || 'present'))""",
    # G4: what a closing step gave back is what its refund says.
    "closing_is_a_refund": """
        SELECT s.reference FROM seller_order s WHERE s.escrow IN ('refunded', 'split', 'released')
        AND s.refunded_amount <> (SELECT COALESCE(SUM(r.price_amount + r.delivery_amount), 0)
        FROM order_refund r WHERE r.seller_order_id = s.id AND r.source IN ('escrow', 'closing'))""",
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
        AND s.wake_at IS NULL AND s.staff_since IS NULL AND s.disputed_at IS NULL""",
    # A seller order is frozen exactly while one of its disputes is unsettled.
    "frozen_is_disputed": """
        SELECT s.reference FROM seller_order s WHERE (s.disputed_at IS NOT NULL) <> EXISTS (
        SELECT 1 FROM dispute d WHERE d.seller_order_id = s.id
        AND d.status IN ('open', 'decided', 'appealed'))""",
    # V1: an unsettled dispute waits for the clock, or a person of staff was called.
    "dispute_is_due": """
        SELECT s.reference FROM dispute d JOIN seller_order s ON s.id = d.seller_order_id
        WHERE d.status IN ('open', 'decided', 'appealed')
        AND d.wake_at IS NULL AND s.staff_since IS NULL""",
    # E5: a dispute's history replays to its present state.
    "disputes_replay": """
        SELECT 'dispute ' || d.id FROM dispute d WHERE d.status <> COALESCE((
        SELECT e.new FROM dispute_event e WHERE e.dispute_id = d.id AND e.new IS NOT NULL
        ORDER BY e.id DESC LIMIT 1), 'open')""",
}


def check() -> Iterator[Finding]:
    """Run every rule and give what breaks it."""
    for rule, query in RULES.items():
        for (detail,) in session.execute(sa.text(query)):
            yield Finding(rule, str(detail))
