"""Postings made in one line, for the tests of the books."""

from __future__ import annotations

from itertools import count

from shop.db import transaction
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.ledger.entries import Entry, Leg
from shop.money import Money

_keys = count(1)

FLOAT = chart.float_at("wave", "XOF")


def entry(debit: Account, credit: Account, amount: int, *, key: str | None = None) -> Entry:
    """Word an event of one transfer."""
    money = Money(amount, debit.currency)
    return Entry("test", (Leg(key or f"test:{next(_keys)}", debit, credit, money),))


def post(debit: Account, credit: Account, amount: int, *, key: str | None = None) -> bool:
    """Post an event of one transfer in a transaction of its own."""
    with transaction():
        return ledger.post(entry(debit, credit, amount, key=key))


def fund(user_id: int, amount: int) -> Account:
    """Give a user's wallet money that came through Wave."""
    wallet = chart.wallet(user_id, "XOF")
    post(FLOAT, wallet, amount)
    return wallet


def seal() -> int:
    """Seal what is there; give how many transfers the new block holds."""
    with transaction():
        block = audit.seal()
        return block.count if block else 0


def rules(findings: list[audit.Finding]) -> set[str]:
    """Name the rules that findings break."""
    return {finding.rule for finding in findings}
