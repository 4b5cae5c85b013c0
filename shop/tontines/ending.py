"""A cycle ends: discounts are shared, leavers repaid, deposits go home, and the sum is zero (R13, R17)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from shop import clock
from shop.db import retrying, session, transaction
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.tontines import auction, book, claims, desk, turning
from shop.tontines.cycle_models import Allocation, Contribution, DueRow, Exit, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.late_money import joined, late_money, returned_at_the_end
from shop.tontines.lines import CAISSE, Kind, Line, pot, wallet, written
from shop.tontines.lines import move as line
from shop.tontines.models import Office
from shop.tontines.money_in import Due, DueKind
from shop.tontines.places import exit_round
from shop.tontines.receive import Settled, destination
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.states import COUNTED, SETTLED_DUES, CycleStatus, RoundStatus, TontineStatus
from shop.tontines.turning import Holding, Order

_OVER = (RoundStatus.PAID, RoundStatus.CLOSED)


def maybe_end(at: Desk) -> bool:
    """Do what the end of a cycle brings, as far as it can be done now; say whether it has closed.

    Late money comes after the end too: what it makes even is given back then (T42).
    """
    if at.cycle.status == CycleStatus.RUNNING and not _rounds_left(at):
        at.cycle.status = CycleStatus.CLOSING
        session.flush()
        book.write(at.tontine.id, "cycle_closing", None, number=at.cycle.number)
    if at.cycle.status not in (CycleStatus.CLOSING, CycleStatus.CLOSED):
        return False
    order = turning.read(at)
    _share_discounts(at, order)
    all_left = _repay_leavers(at)
    _give_back(at, order)
    if at.cycle.status == CycleStatus.CLOSING and all_left:
        _close(at)
    return at.cycle.status == CycleStatus.CLOSED


def _rounds_left(at: Desk) -> bool:
    query = sa.select(Round.id).where(Round.cycle_id == at.cycle.id, Round.status.not_in(_OVER))
    return session.scalar(query.limit(1)) is not None


def _close(at: Desk) -> None:
    at.cycle.status, at.cycle.closed_at = CycleStatus.CLOSED, clock.now()
    if at.tontine.status == TontineStatus.RUNNING:
        at.tontine.status = TontineStatus.OPEN
    session.flush()
    book.write(
        at.tontine.id, "cycle_closed", None,
        number=at.cycle.number, still_owed=claims.open_amount(at.cycle.id),
    )  # fmt: skip


def _share_discounts(at: Desk, order: Order) -> None:
    pool = ledger.balance(chart.dividend(at.cycle.id, at.tontine.currency))
    if pool:
        lines = auction.shared_at_the_end(pool, order.turns.order)
        at.places().post("dividend", f"dividends:{at.cycle.id}", lines)
        book.write(at.tontine.id, "discounts_shared", None, pool=pool)


def _repay_leavers(at: Desk) -> bool:
    """Repay those whose catch-ups are all in; say whether nobody waits any more (T28)."""
    rows = session.scalars(
        sa.select(Exit).where(Exit.cycle_id == at.cycle.id, Exit.settled_at.is_(None))
    ).all()
    waiting = 0
    for row in rows:
        there = ledger.balance(chart.exit_pot(row.share_id, at.tontine.currency))
        if there.amount < row.owed:
            waiting += 1
            continue
        _repay(at, row)
    return not waiting


def _repay(at: Desk, row: Exit) -> None:
    code = session.scalars(sa.select(Share.code).where(Share.id == row.share_id)).one()
    source = pot(exit_round(row.share_id))
    lines = written(
        line(Kind.RETURNED, source, wallet(code), at.money(row.refund), code),
        line(Kind.EXIT_FEE, source, CAISSE, at.money(row.exit_fee), code),
        line(Kind.PENALTY, source, CAISSE, at.money(row.fines), code),
    )
    at.places().post("exit", f"exit:{row.id}", [*lines, *_to_rounds(at, row, code, source)])
    row.settled_at = clock.now()
    session.flush()
    book.write(
        at.tontine.id, "leaver_repaid", row.user_id,
        share=code, refund=row.refund, exit_fee=row.exit_fee, fines=row.fines,
    )  # fmt: skip


def _to_rounds(at: Desk, row: Exit, code: str, source: str) -> Sequence[Line]:
    """Bring what the leaver never paid to the rounds that lacked it, oldest first."""
    if not row.to_rounds:
        return ()
    indexes = session.scalars(
        sa.select(Round.index)
        .join(DueRow, DueRow.round_id == Round.id)
        .where(DueRow.share_id == row.share_id, DueRow.kind == DueKind.CONTRIBUTION)
        .order_by(Round.index)
    ).all()
    waiting = claims.waiting(at, indexes)
    known = sorted(waiting.settled)
    owings = joined([waiting.settled[i].owing for i in known])
    lines, _left = late_money(owings, at.money(row.to_rounds), source=source, payer=code)
    _fill_in_order(at, waiting, known, at.money(row.to_rounds), source, code)
    return [_home(each, code) for each in lines]


def _home(each: Line, code: str) -> Line:
    """What no round needs goes home: the share that would keep it ahead has left."""
    if each.kind is Kind.ADVANCE:
        return Line(Kind.RETURNED, each.source, wallet(code), each.amount, code)
    return each


def _fill_in_order(
    at: Desk, waiting: claims.Waiting, known: Sequence[int], amount: Money, source: str, code: str
) -> None:
    after = dict(waiting.settled)
    left = amount
    for index in known:
        owed = sum(claim[2].amount for claim in after[index].owing.claims)
        part = min(left, at.money(owed))
        if part:
            _lines, rest = late_money(after[index].owing, part, source=source, payer=code)
            after[index] = Settled(after[index].recipient, rest)
            left -= part
    claims.fill(waiting, after)


def _give_back(at: Desk, order: Order) -> None:
    """Give shares that owe nothing what is left of their deposits and of what they paid ahead (T18)."""
    owing = set(
        session.scalars(
            sa.select(DueRow.share_id)
            .join(Round, Round.id == DueRow.round_id)
            .where(Round.cycle_id == at.cycle.id, DueRow.status.not_in(SETTLED_DUES))
        )
    )
    even = [each for each in order.held.values() if each.id not in owing]
    lines = returned_at_the_end(_held(at, even))
    for each in lines:
        # What comes back to a share comes back once; what comes there later comes back again.
        at.places().post("returned", f"returned:{_last_move(at, each.source)}", [each])
    if lines:
        total = sum(each.amount.amount for each in lines)
        book.write(at.tontine.id, "given_back", None, shares=len(even), amount=total)


def _held(at: Desk, even: Sequence[Holding]) -> list[tuple[str, Money, Money, Money]]:
    currency = at.tontine.currency
    accounts = {
        each.code: (
            chart.guarantee(each.id, currency),
            chart.retention(each.id, currency),
            chart.advance(each.id, currency),
        )
        for each in even
    }
    held = ledger.holdings(a for three in accounts.values() for a in three)
    return [(code, *(held[a.code] for a in three)) for code, three in accounts.items()]  # type: ignore[misc]


def _last_move(at: Desk, place: str) -> int:
    """The transfer that last touched this place: no two give-backs follow the same one."""
    return ledger.statement(at.places().account(place), limit=1)[0].transfer_id


@retrying
def cancel(tontine_id: int, user_id: int, reason: str) -> None:
    """Give a cycle up before any pot was counted: everything paid in goes back to who paid it."""
    with transaction():
        at = desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT)
        desk.in_status(at.cycle, CycleStatus.ENROLLING, CycleStatus.LOCKED, CycleStatus.RUNNING)
        counted = sa.select(Round.id).where(
            Round.cycle_id == at.cycle.id, Round.status.in_(COUNTED)
        )
        if session.scalar(counted.limit(1)) is not None:
            raise TontineRefused(Why.NOT_NOW)
        at.cycle.status = CycleStatus.CANCELLED
        if at.tontine.status == TontineStatus.RUNNING:
            at.tontine.status = TontineStatus.OPEN
        session.flush()
        lines = _paid_in(at)
        at.places().post("cancelled", f"cancelled:{at.cycle.id}", lines)
        order = turning.read(at)
        rest = returned_at_the_end(_held(at, list(order.held.values())))
        at.places().post("cancelled", f"cancelled-rest:{at.cycle.id}", rest)
        session.execute(sa.update(Round).where(Round.cycle_id == at.cycle.id).values(wake_at=None))
        book.write(tontine_id, "cancelled", user_id, number=at.cycle.number, reason=reason[:200])


def _paid_in(at: Desk) -> list[Line]:
    """The way back of every franc that pays a due, deposits aside: they go home as they are."""
    query = (
        sa.select(Round.index, Share.code, DueRow.kind, sa.func.sum(Allocation.amount))
        .join(DueRow, DueRow.id == Allocation.due_id)
        .join(Round, Round.id == DueRow.round_id)
        .join(Share, Share.id == DueRow.share_id)
        .join(Contribution, Contribution.id == Allocation.contribution_id)
        .where(Round.cycle_id == at.cycle.id, DueRow.kind != DueKind.GUARANTEE)
        .group_by(Round.index, Share.code, DueRow.kind)
        .order_by(Round.index, Share.code, DueRow.kind)
    )
    lines = []
    for index, code, kind, amount in session.execute(query):
        money = at.money(int(amount))
        _kind, place = destination(Due(code, index, DueKind(kind), money, money), at.rules)
        lines.append(Line(Kind.RETURNED, place, wallet(code), money, code))
    return lines
