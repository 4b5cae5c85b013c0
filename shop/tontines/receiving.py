"""A member's money arrives: which dues it pays and where each franc goes, in one transaction (R8)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, session
from shop.ledger.chart import Account
from shop.money import Money
from shop.tontines import book, claims, dues, telling
from shop.tontines.calendar import APPROVAL_WINDOW
from shop.tontines.cycle_models import Contribution, Share
from shop.tontines.desk import Desk
from shop.tontines.lines import Line
from shop.tontines.receive import receive
from shop.tontines.states import ContributionStatus


def arrive(desk: Desk, row: Contribution, *, payer: Account, key: str) -> tuple[Line, ...]:
    """Receive a contribution once: its dues by R8, its lines in the books, its line in the book.

    `payer` is the account it comes from, `key` begins the keys of its transfers. Gives the lines.
    """
    assert in_transaction(), "money and what it pays are one change"
    assert row.status != ContributionStatus.RECEIVED, "received once"
    now = clock.now()
    dues.charge_fines(desk, counts_as_paid_at(row, now), Share.member_id == row.member_id)
    owed = dues.of_member(desk, row.member_id)
    waiting = claims.waiting(desk, (each.due.round for each in owed))
    code = session.scalars(sa.select(Share.code).where(Share.id == row.share_id)).one()
    money = Money(row.amount, desk.tontine.currency)
    received = receive(
        money, [each.due for each in owed], desk.rules,
        share=code, settled=waiting.settled, chosen=row.chosen,
    )  # fmt: skip
    row.status, row.received_at = ContributionStatus.RECEIVED, now
    session.flush()
    by_due = {id(each.due): each for each in owed}
    dues.allocate(row.id, [(by_due[id(a.due)], a.amount) for a in received.allocated.allocations])
    claims.fill(waiting, received.settled)
    desk.places(payer).post("contribution", key, received.lines)
    telling.tell_paid(desk, row.user_id, money, row.reference)
    book.write(
        desk.tontine.id, "paid", row.user_id,
        member=row.member_id, source=row.source, amount=row.amount, reference=row.reference,
        ahead=received.allocated.ahead,
        dues=[[a.due.share, a.due.round, a.due.kind, a.amount.amount]
              for a in received.allocated.allocations],
    )  # fmt: skip
    return received.lines


def counts_as_paid_at(row: Contribution, now: datetime) -> datetime:
    """When the member paid, for lateness: at the start, if the operator approved in time (R7, T35)."""
    return row.started_at if now - row.started_at <= APPROVAL_WINDOW else now
