"""Rules between payouts and the books that must hold at any moment (RELIABILITY §2): none may be broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.leases import providers, surely_visible_at
from shop.ledger.audit import Finding
from shop.payouts.models import Payout, PayoutEvent
from shop.payouts.states import Evidence

#: Each query lists what breaks its rule; an empty answer is health.
RULES: Final = {
    # W3, payout by payout: its hold account has its amount while it runs, and nothing once it ended.
    "hold_is_in_flight": """
        SELECT p.reference || ' is ' || p.status || ', holds ' || COALESCE(a.balance, 0)
        FROM payout p LEFT JOIN ledger_account a
        ON a.code = 'hold:' || p.reference || ':' || p.currency
        WHERE COALESCE(a.balance, 0) <> CASE WHEN p.settled_at IS NULL THEN p.amount ELSE 0 END""",
    # W4: ended means posted or returned, one of them, once; still running means neither.
    "posted_or_returned": """
        SELECT p.reference || ' is ' || p.status FROM payout p
        LEFT JOIN transfer gone ON gone.key = 'payout-succeeded:' || p.reference
        LEFT JOIN transfer back ON back.key = 'payout-failed:' || p.reference
        WHERE (gone.id IS NOT NULL) <> (p.status = 'succeeded')
        OR (back.id IS NOT NULL) <> (p.status IN ('failed', 'cancelled'))
        OR (gone.amount IS NOT NULL AND gone.amount <> p.amount)
        OR (back.amount IS NOT NULL AND back.amount <> p.amount)
        OR (p.settled_at IS NULL AND (gone.id IS NOT NULL OR back.id IS NOT NULL))""",
    # W3, the other way: no money goes into or out of a hold without its payout, or the
    # wallet's part of an order.
    "hold_has_payout": """
        SELECT t.key FROM transfer t JOIN ledger_account a ON a.id IN (t.debit_id, t.credit_id)
        WHERE a.kind = 'hold' AND NOT EXISTS (SELECT 1 FROM payout p WHERE p.reference = a.owner)
        AND NOT EXISTS (SELECT 1 FROM wallet_part w WHERE w.reference = a.owner)""",
    # P1: the history replays to the present state.
    "payout_history_replays": """
        SELECT p.reference FROM payout p WHERE p.status <> COALESCE((
        SELECT e.new FROM payout_event e WHERE e.payout_id = p.id AND e.new IS NOT NULL
        ORDER BY e.id DESC LIMIT 1), '')""",
    # W4, W5: every success and every return of something sent says what it rests on.
    "end_has_evidence": """
        SELECT p.reference FROM payout p WHERE p.status IN ('succeeded', 'failed')
        AND NOT EXISTS (SELECT 1 FROM payout_event e WHERE e.payout_id = p.id
        AND e.new = p.status AND e.evidence IS NOT NULL)""",
    # What left after we had given it back is in the books, and somebody still owes it: for people.
    "late_is_posted": """
        SELECT p.reference FROM payout p WHERE p.late_ref IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.key = 'payout-late:' || p.reference)""",
    "nobody_owes": """
        SELECT 'payout ' || d.reference || ' is owed ' || (d.amount - d.repaid_amount)
        FROM debt d WHERE d.source = 'late_payout' AND d.repaid_amount < d.amount""",
    # V2: a payout that is under way always has a next moment.
    "underway_is_due": """
        SELECT p.reference FROM payout p WHERE p.next_check_at IS NULL
        AND p.status IN ('requested', 'sending', 'pending', 'unknown')""",
    # P10: never more given back than came.
    "refunds_within_receipt": """
        SELECT r.code || ': received ' || r.amount || ', given back ' || SUM(f.amount)
        FROM receipt r JOIN refund f ON f.receipt_id = r.id
        GROUP BY r.id, r.code, r.amount HAVING SUM(f.amount) > r.amount""",
    # P10: a refund is one payout of its amount, or is in the wallet.
    "refund_is_payout": """
        SELECT f.form_key FROM refund f JOIN payout p ON p.id = f.payout_id
        WHERE p.amount <> f.amount OR p.purpose <> 'refund' OR p.purpose_id <> f.receipt_id""",
}


def check() -> Iterator[Finding]:
    """Run every rule and give what breaks it."""
    for rule, query in RULES.items():
        for (detail,) in session.execute(sa.text(query)):
            yield Finding(rule, str(detail))
    yield from _returned_too_early()


def _returned_too_early() -> Iterator[Finding]:
    """W5: an absence returned money only if it was seen when nothing could still be on its way."""
    absent = sa.select(Payout, PayoutEvent.asked_at).join(
        PayoutEvent, PayoutEvent.payout_id == Payout.id
    )
    for payout, asked_at in session.execute(absent.where(PayoutEvent.evidence == Evidence.ABSENT)):
        loaded = payout.provider in providers()
        if loaded and (asked_at is None or asked_at < surely_visible_at(payout)):
            yield Finding("absent_late_enough", payout.reference)
