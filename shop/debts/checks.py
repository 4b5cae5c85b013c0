"""Rules between debts and the books (H6): none may be broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.ledger.audit import Finding

#: Each query lists what breaks its rule; an empty answer is health.
RULES: Final = {
    # The account of what somebody owes is the sum of the debts that are open, to the franc.
    "debt_is_owed": """
        SELECT a.code || ' is ' || a.amount || ', open debts ' || COALESCE(d.amount, 0) FROM (
        SELECT x.code, SUM(CASE WHEN t.debit_id = x.id THEN t.amount ELSE -t.amount END) AS amount
        FROM ledger_account x JOIN transfer t ON x.id IN (t.debit_id, t.credit_id)
        WHERE x.kind = 'debt' GROUP BY x.id, x.code) a LEFT JOIN (
        SELECT 'debt:' || user_id || ':' || currency AS code, SUM(amount - repaid_amount) AS amount
        FROM debt GROUP BY user_id, currency) d ON d.code = a.code
        WHERE a.amount <> COALESCE(d.amount, 0)""",
    # The other way: nobody owes what the books do not know.
    "debt_is_posted": """
        SELECT 'debt ' || d.key FROM debt d WHERE NOT EXISTS (SELECT 1 FROM ledger_account a
        WHERE a.code = 'debt:' || d.user_id || ':' || d.currency)""",
    # What is repaid is the sum of its repayments.
    "debt_repaid_sum": """
        SELECT 'debt ' || d.key FROM debt d WHERE d.repaid_amount <> (
        SELECT COALESCE(SUM(r.amount), 0) FROM debt_repayment r WHERE r.debt_id = d.id)""",
}


def check() -> Iterator[Finding]:
    """Run every rule and give what breaks it."""
    for rule, query in RULES.items():
        for (detail,) in session.execute(sa.text(query)):
            yield Finding(rule, str(detail))
