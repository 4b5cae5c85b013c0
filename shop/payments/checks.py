"""Rules between payments and the books that must hold at any moment (RELIABILITY §2): none may be broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.ledger.audit import Finding

#: Each query lists what breaks its rule; an empty answer is health.
RULES: Final = {
    # P3: a receipt is posted exactly once, to the franc.
    "receipt_posted": """
        SELECT r.code || ': received ' || r.amount || ', posted ' || COALESCE(SUM(t.amount), 0)
        FROM receipt r LEFT JOIN transfer t ON t.key LIKE 'receipt:' || r.id || ':%'
        GROUP BY r.id, r.code, r.amount HAVING COALESCE(SUM(t.amount), 0) <> r.amount""",
    # P3, the other way: nothing is posted for a receipt that is not there.
    "posting_has_receipt": """
        SELECT t.key FROM transfer t
        WHERE t.event IN ('order_receipt', 'wallet_receipt', 'suspense_receipt',
        'top_up_receipt')
        AND NOT EXISTS (SELECT 1 FROM receipt r WHERE t.key LIKE 'receipt:' || r.id || ':%')""",
    # P4: a success without the money that proves it.
    "success_has_receipt": """
        SELECT p.reference FROM payment p WHERE p.status = 'succeeded'
        AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.payment_id = p.id)""",
    # P6: an order is paid if and only if its total was applied to it, the method's fee aside. What
    # waited in suspense counts once people gave it to the order, and what a wallet paid beside it.
    "order_paid_once": """
        SELECT o.reference || ' is ' || o.status || ', applied ' || COALESCE(SUM(a.amount), 0)
        FROM "order" o LEFT JOIN (
        SELECT p.purpose_id AS order_id, r.applied_amount - p.fee_amount AS amount
        FROM payment p JOIN receipt r ON r.payment_id = p.id AND r.disposition = 'applied'
        WHERE p.purpose = 'order'
        UNION ALL
        SELECT p.purpose_id, t.amount FROM transfer t
        JOIN ledger_account e ON e.id = t.credit_id AND e.kind = 'escrow'
        JOIN receipt r ON t.key LIKE 'suspense:' || r.id || ':%'
        JOIN payment p ON p.id = r.payment_id
        WHERE t.event = 'suspense_resolved' AND p.purpose = 'order'
        UNION ALL
        SELECT w.order_id, w.amount FROM wallet_part w WHERE w.status = 'posted') a ON a.order_id = o.id
        GROUP BY o.id, o.reference, o.status, o.total_amount
        HAVING COALESCE(SUM(a.amount), 0)
        <> CASE WHEN o.status = 'paid' THEN o.total_amount ELSE 0 END""",
    # D10: what the sellers get and what the buyer pays are one amount.
    "seller_orders_sum": """
        SELECT o.reference FROM "order" o JOIN seller_order s ON s.order_id = o.id
        GROUP BY o.id, o.reference, o.total_amount HAVING SUM(s.total_amount) <> o.total_amount""",
    # P1: the history replays to the present state.
    "history_replays": """
        SELECT p.reference FROM payment p WHERE p.status <> (
        SELECT e.new FROM payment_event e WHERE e.payment_id = p.id AND e.new IS NOT NULL
        ORDER BY e.id DESC LIMIT 1)""",
    # B3: stock is held only while something may still be paid, and sold only if it was.
    "holds_end": """
        SELECT o.reference || ' ' || h.state FROM stock_hold h JOIN "order" o ON o.id = h.order_id
        WHERE (h.state = 'consumed') <> (o.status = 'paid')
        OR (h.state = 'held' AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.purpose = 'order'
        AND p.purpose_id = o.id AND p.status IN ('created', 'sending', 'pending', 'unknown', 'review')))""",
    # V2: an undecided attempt always has a next moment.
    "undecided_is_due": """
        SELECT p.reference FROM payment p
        WHERE p.status IN ('created', 'sending', 'pending', 'unknown') AND p.next_check_at IS NULL
        AND p.checks < 40""",
}


def check() -> Iterator[Finding]:
    """Run every rule and give what breaks it."""
    for rule, query in RULES.items():
        for (detail,) in session.execute(sa.text(query)):
            yield Finding(rule, str(detail))
