"""What shares owe: read with what was paid of it, allocated to, fined by date (R7, R8, R11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, session
from shop.money import Money
from shop.tontines.calendar import DatedRound
from shop.tontines.cycle_models import Allocation, Contribution, DueRow, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.fines import days_late, fine
from shop.tontines.money_in import Due, DueKind
from shop.tontines.places import exit_round
from shop.tontines.states import SETTLED_DUES, DueStatus

#: Dues whose grace has ended (R7).
_LATE = (DueStatus.LATE, DueStatus.COVERED)

#: What of a due is paid: the sum of its allocations, and of nothing else.
PAID = (
    sa.select(sa.func.coalesce(sa.func.sum(Allocation.amount), 0))
    .where(Allocation.due_id == DueRow.id)
    .correlate(DueRow)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Owed:
    """A due as the rules see it, and its row."""

    id: int
    round_id: int
    share_id: int
    status: DueStatus
    due: Due
    due_at: datetime


def owed(desk: Desk, *conditions: sa.ColumnElement[bool]) -> list[Owed]:
    """List what is still to pay in this cycle, oldest first; narrowed by `conditions`."""
    query = (
        sa.select(DueRow, Round.index, Share.code, PAID.label("paid"))
        .join(Round, Round.id == DueRow.round_id)
        .join(Share, Share.id == DueRow.share_id)
        .where(Round.cycle_id == desk.cycle.id, DueRow.status.not_in(SETTLED_DUES), *conditions)
        .order_by(Round.index, Share.code, DueRow.id)
        .execution_options(populate_existing=True)
    )
    return [
        _owed(desk, row, index, code, int(paid))
        for row, index, code, paid in session.execute(query)
    ]


def _owed(desk: Desk, row: DueRow, index: int, code: str, paid: int) -> Owed:
    kind = DueKind(row.kind)
    if kind is DueKind.CATCH_UP:
        index = exit_round(row.number)
    due = Due(
        share=code,
        round=index,
        # A levy fills what the round it is for still lacks, as the contribution would have.
        kind=DueKind.CONTRIBUTION if kind is DueKind.LEVY else kind,
        amount=desk.money(row.amount),
        paid=desk.money(paid),
        late=row.status in _LATE,
    )
    return Owed(row.id, row.round_id, row.share_id, DueStatus(row.status), due, row.due_at)


def of_member(desk: Desk, member_id: int) -> list[Owed]:
    """What all shares of one member still owe (R8)."""
    return owed(desk, Share.member_id == member_id)


def allocate(contribution_id: int, parts: Iterable[tuple[Owed, Money]]) -> None:
    """Write which dues a contribution pays, and move those dues on."""
    allocate_all([(contribution_id, each, amount) for each, amount in parts])


def allocate_all(parts: Iterable[tuple[int, Owed, Money]]) -> None:
    """Write which dues contributions pay, all at once, and move those dues on."""
    assert in_transaction(), "an allocation is written with its money"
    # Two parts of one due by one contribution are one allocation: the pair is unique.
    pairs: dict[tuple[int, int], int] = defaultdict(int)
    paid: dict[int, int] = defaultdict(int)
    rows = {}
    for contribution_id, each, amount in parts:
        pairs[contribution_id, each.id] += amount.amount
        paid[each.id] += amount.amount
        rows[each.id] = each
    if not pairs:
        return
    session.execute(
        sa.insert(Allocation),
        [{"contribution_id": c, "due_id": d, "amount": amount} for (c, d), amount in pairs.items()],
    )
    move((rows[i], _after(rows[i], amount)) for i, amount in paid.items())


def _after(each: Owed, paid: int) -> DueStatus:
    if each.due.unpaid.amount == paid:
        return DueStatus.PAID_LATE if each.due.late else DueStatus.PAID
    return each.status if each.due.late else DueStatus.PARTIAL


def move(steps: Iterable[tuple[Owed, DueStatus]]) -> None:
    """Give dues their new status, with one statement per status."""
    groups: dict[DueStatus, list[int]] = defaultdict(list)
    for each, status in steps:
        if status is not each.status:
            groups[status].append(each.id)
    for status, ids in groups.items():
        session.execute(sa.update(DueRow).where(DueRow.id.in_(ids)).values(status=status))


def charge_fines(desk: Desk, at: datetime, *conditions: sa.ColumnElement[bool]) -> int:
    """Write the fines that lateness has cost by this moment; computed by date, so twice is once."""
    late = owed(
        desk,
        DueRow.status.in_(_LATE),
        DueRow.kind == DueKind.CONTRIBUTION,
        *conditions,
    )
    known = _fined([each.round_id for each in late])
    dates = _dates([each.round_id for each in late])
    rows = []
    for each in late:
        before, count = known.get((each.round_id, each.share_id), (0, 0))
        whole = fine(
            desk.rules.fine,
            unpaid=each.due.unpaid,
            days_late=days_late(dates[each.round_id], at),
        )
        # A percentage is taken of what was missing when the grace ended, once.
        more = 0 if before and desk.rules.fine.unpaid_bp else whole.amount - before
        if more > 0:
            rows.append(_fine_row(each, more, count))
    if rows:
        session.execute(sa.insert(DueRow), rows)
    return len(rows)


def _fine_row(each: Owed, amount: int, number: int) -> dict[str, object]:
    return {
        "round_id": each.round_id, "share_id": each.share_id, "kind": DueKind.PENALTY,
        "number": number, "amount": amount, "due_at": clock.now(), "status": DueStatus.OPEN,
    }  # fmt: skip


def _fined(round_ids: Sequence[int]) -> dict[tuple[int, int], tuple[int, int]]:
    query = (
        sa.select(
            DueRow.round_id, DueRow.share_id, sa.func.sum(DueRow.amount), sa.func.count(DueRow.id)
        )
        .where(DueRow.round_id.in_(round_ids), DueRow.kind == DueKind.PENALTY)
        .group_by(DueRow.round_id, DueRow.share_id)
    )
    return {(r, s): (int(amount), int(n)) for r, s, amount, n in session.execute(query)}


def _dates(round_ids: Sequence[int]) -> dict[int, DatedRound]:
    rows = session.execute(
        sa.select(Round.id, Round.index, Round.opens_at, Round.due_at, Round.grace_until).where(
            Round.id.in_(round_ids)
        )
    )
    return {id_: DatedRound(n, opens, due, grace) for id_, n, opens, due, grace in rows}


def paid_in(share_ids: Sequence[int]) -> dict[int, int]:
    """What each share has paid of contributions of rounds, in minor units."""
    query = (
        sa.select(DueRow.share_id, sa.func.sum(Allocation.amount))
        .join(Allocation, Allocation.due_id == DueRow.id)
        .join(Contribution, Contribution.id == Allocation.contribution_id)
        .where(DueRow.share_id.in_(share_ids), DueRow.kind == DueKind.CONTRIBUTION)
        .group_by(DueRow.share_id)
    )
    return {share_id: int(amount) for share_id, amount in session.execute(query)}
