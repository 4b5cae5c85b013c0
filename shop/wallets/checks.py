"""Rules between wallets and the books that must hold at any moment (RELIABILITY L8, W6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.ledger.audit import Finding

#: Each query lists what breaks its rule; an empty answer is health.
RULES: Final = {
    # The wallet's part of an order is in its own hold while it waits, and nowhere once it ended.
    "part_is_held": """
        SELECT p.reference || ' is ' || p.status || ', holds ' || COALESCE(a.balance, 0)
        FROM wallet_part p LEFT JOIN ledger_account a
        ON a.code = 'hold:' || p.reference || ':' || p.currency
        WHERE COALESCE(a.balance, 0) <> CASE WHEN p.status = 'held' THEN p.amount ELSE 0 END""",
    # Posted or given back, one of them, once, to the franc.
    "part_posted_or_voided": """
        SELECT p.reference || ' is ' || p.status FROM wallet_part p WHERE
        (SELECT COALESCE(SUM(t.amount), 0) FROM transfer t
        WHERE t.key LIKE 'wallet-posted:' || p.reference || ':%')
        <> CASE WHEN p.status = 'posted' THEN p.amount ELSE 0 END
        OR (SELECT COALESCE(SUM(t.amount), 0) FROM transfer t
        WHERE t.key LIKE 'wallet-voided:' || p.reference || ':%')
        <> CASE WHEN p.status = 'voided' THEN p.amount ELSE 0 END""",
    # What came from cashback is what the row says came from it.
    "part_of_cashback": """
        SELECT p.reference FROM wallet_part p WHERE p.cashback_amount <>
        (SELECT COALESCE(SUM(t.amount), 0) FROM transfer t
        JOIN ledger_account a ON a.id = t.debit_id AND a.kind = 'cashback'
        WHERE t.key LIKE 'wallet-held:' || p.reference || ':%')""",
    # A part is held for an attempt that may still bring the rest, and for nothing else.
    "held_part_waits": """
        SELECT w.reference FROM wallet_part w LEFT JOIN payment p ON p.id = w.payment_id
        WHERE w.status = 'held' AND (p.id IS NULL OR p.superseded_at IS NOT NULL
        OR p.status IN ('succeeded', 'failed', 'cancelled'))""",
    # A top-up is paid if and only if exact money was applied to it, once.
    "top_up_paid_once": """
        SELECT u.reference || ' is ' || u.status FROM top_up u WHERE
        (SELECT COUNT(*) FROM receipt r JOIN payment p ON p.id = r.payment_id
        WHERE p.purpose = 'top_up' AND p.purpose_id = u.id AND (r.disposition = 'applied'
        OR EXISTS (SELECT 1 FROM transfer t WHERE t.key LIKE 'suspense:' || r.id || ':%'
        AND p.status = 'succeeded')))
        <> CASE WHEN u.status = 'paid' THEN 1 ELSE 0 END""",
    # A grant is granted once, and what is left of it is never more.
    "cashback_granted_once": """
        SELECT 'grant ' || g.id FROM cashback_grant g
        LEFT JOIN transfer t ON t.key = 'cashback:' || g.id
        LEFT JOIN ledger_account a ON a.code = 'cashback:' || g.id || ':' || g.currency
        WHERE t.amount IS NULL OR t.amount <> g.amount OR a.balance > g.amount""",
    # No cashback without a grant.
    "cashback_has_grant": """
        SELECT a.code FROM ledger_account a WHERE a.kind = 'cashback' AND NOT EXISTS
        (SELECT 1 FROM cashback_grant g WHERE a.code = 'cashback:' || g.id || ':' || g.currency)""",
    # V1: what is left of a grant expires one day.
    "cashback_expires": """
        SELECT 'grant ' || g.id FROM cashback_grant g
        JOIN ledger_account a ON a.code = 'cashback:' || g.id || ':' || g.currency
        WHERE a.balance > 0 AND g.wake_at IS NULL""",
    # Blocked money is somebody's.
    "blocked_is_owned": """
        SELECT a.code FROM ledger_account a WHERE a.kind = 'blocked' AND NOT EXISTS
        (SELECT 1 FROM "user" u WHERE a.code = 'blocked:' || u.id || ':' || a.currency)""",
}


def check() -> Iterator[Finding]:
    """Run every rule and give what breaks it."""
    for rule, query in RULES.items():
        for (detail,) in session.execute(sa.text(query)):
            yield Finding(rule, str(detail))
