"""One door to the end of a round: `settle_round`, called by every path, idempotent (TONTINE §5).

The web, a webhook, the poller, a cash confirmation, the command line and the clock all end here. Each
call takes the circle's lock and moves the round as far as the moment allows: open, due, grace, counted
once, paid once when two officers signed. Calling it again changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import InsufficientFunds, NotFound
from shop.ledger import audit
from shop.ledger import reading as books
from shop.ledger.reading import Change
from shop.tontines import bidding, book, bureau, counting, desk, ending, opening, paying
from shop.tontines.bureau_models import Action
from shop.tontines.calendar import APPROVAL_WINDOW
from shop.tontines.cycle_models import Contribution, Cycle, DueRow, Round, TurnRow
from shop.tontines.desk import Desk
from shop.tontines.money_in import DueKind
from shop.tontines.refusals import TontineRefused
from shop.tontines.states import (
    COUNTED,
    ContributionStatus,
    CycleStatus,
    RoundStatus,
    Source,
    TontineStatus,
    TurnStatus,
)

logger = logging.getLogger(__name__)

S = RoundStatus
#: How long a round waits for the one before it to be counted.
_AFTER_ANOTHER = timedelta(minutes=1)


@retrying
def settle_round(round_id: int) -> bool:
    """Move a round as far as it can go now; say whether anything changed. Raises `NotFound`."""
    with transaction():
        return settle_inside(round_id)


def settle_inside(round_id: int) -> bool:
    """Do it inside the caller's transaction: for a rehearsal that is rolled back."""
    at, round_ = locked(round_id)
    if at.tontine.status == TontineStatus.PAUSED or at.cycle.status == CycleStatus.CANCELLED:
        round_.wake_at = None
        return False
    return advance(at, round_)


def locked(round_id: int) -> tuple[Desk, Round]:
    """Lock a round's circle, then read the round as it is now. Raises `NotFound`."""
    assert in_transaction(), "locked for a change"
    found = session.execute(
        sa.select(Cycle.tontine_id, Cycle.id)
        .join(Round, Round.cycle_id == Cycle.id)
        .where(Round.id == round_id)
    ).one_or_none()
    if found is None:
        raise NotFound("round")
    tontine = desk.locked(found.tontine_id, even_frozen=True)
    cycle = session.get_one(Cycle, found.id, populate_existing=True)
    return desk.at(tontine, cycle), session.get_one(Round, round_id, populate_existing=True)


def advance(at: Desk, round_: Round) -> bool:
    """Take step after step while the moment allows; then say when to look again."""
    before = round_.status
    while _step(at, round_):
        pass
    round_.wake_at = _next_look(at, round_)
    session.flush()
    return round_.status != before


def _step(at: Desk, round_: Round) -> bool:
    now = clock.now()
    match S(round_.status):
        case S.SCHEDULED if now >= round_.opens_at:
            opening.open_round(at, round_)
            bidding.open_with(at, round_)
            return True
        case S.OPEN if now >= round_.due_at:
            _pay_alone(at, round_)
            return _move(round_, S.DUE)
        case S.DUE:
            return _move(round_, S.DECIDING if _complete(round_) else S.GRACE)
        case S.GRACE if _complete(round_) or _grace_is_over(round_, now):
            return _move(round_, S.DECIDING)
        case S.DECIDING:
            return _decide(at, round_)
        case S.PAYABLE:
            return paying.pay_signed(at, round_) and _paid(at, round_)
        case S.PAID if paying.is_even(round_):
            return _move(round_, S.CLOSED)
        case _:
            return False


def _move(round_: Round, to: RoundStatus) -> bool:
    round_.status = to
    session.flush()
    return True


def _complete(round_: Round) -> bool:
    """Say whether every contribution of the round is paid: there is nobody to wait for."""
    unpaid = sa.select(DueRow.id).where(
        DueRow.round_id == round_.id,
        DueRow.kind == DueKind.CONTRIBUTION,
        DueRow.status.in_(("open", "partial", "late", "covered")),
    )
    return session.scalar(unpaid.limit(1)) is None


def _grace_is_over(round_: Round, now: datetime) -> bool:
    """R7: what was started in time may still be approved by the operator for a quarter of an hour."""
    if now < round_.grace_until:
        return False
    on_its_way = sa.select(Contribution.id).where(
        Contribution.cycle_id == round_.cycle_id,
        Contribution.status == ContributionStatus.ASKED,
        Contribution.source == Source.PAYMENT,
        Contribution.started_at <= max(round_.due_at, round_.grace_until),
        Contribution.started_at > now - APPROVAL_WINDOW,
    )
    return session.scalar(on_its_way.limit(1)) is None


def _decide(at: Desk, round_: Round) -> bool:
    """Run the late policy once, when every round before this one was counted (R9)."""
    if _one_before_is_open(round_) or not bidding.close_if_over(at, round_):
        return False
    seen = counting.look(at, round_)
    if seen is None:
        book.write(at.tontine.id, "round_empty", None, round=round_.index)
        _move(round_, S.CLOSED)
        ending.maybe_end(at)
        return True
    if seen.settlement.hold_until is not None:
        round_.wake_at = seen.settlement.hold_until
        return False
    counting.count(at, seen)
    book.write(
        at.tontine.id, "counted", None, round=round_.index, shares=list(seen.turn.shares),
        net=sum(each.net.amount for each in seen.settlement.payouts),
        reliquat=sum(each.reliquat.amount for each in seen.settlement.payouts),
        covered=sum(each.amount.amount for each in seen.settlement.covers),
    )  # fmt: skip
    return _move(round_, S.PAYABLE)


def _one_before_is_open(round_: Round) -> bool:
    query = sa.select(Round.id).where(
        Round.cycle_id == round_.cycle_id,
        Round.index < round_.index,
        Round.status.not_in(COUNTED),
    )
    return session.scalar(query.limit(1)) is not None


def _paid(at: Desk, round_: Round) -> bool:
    _move(round_, S.PAYING)
    round_.paid_at = clock.now()
    _move(round_, S.PAID)
    book.write(at.tontine.id, "pot_paid", None, round=round_.index)
    ending.maybe_end(at)
    return True


def _next_look(at: Desk, round_: Round) -> datetime | None:
    """When the clock looks at a round again; None: somebody's act comes first."""
    now = clock.now()
    match S(round_.status):
        case S.SCHEDULED:
            return round_.opens_at
        case S.OPEN:
            return round_.due_at
        case S.GRACE:
            return max(round_.grace_until, now + _AFTER_ANOTHER)
        case S.DECIDING:
            return _decide_again(round_, now)
        case S.PAYABLE:
            return _renewed(at, round_)
        case _:
            return None


def _decide_again(round_: Round, now: datetime) -> datetime:
    held = round_.wake_at
    return held if held is not None and held > now else now + _AFTER_ANOTHER


def _renewed(at: Desk, round_: Round) -> datetime | None:
    """Ask again for signatures nobody gave in a day, so that no pot waits for ever (R20)."""
    latest: datetime | None = None
    turns = session.scalars(
        sa.select(TurnRow).where(
            TurnRow.round_id == round_.id, TurnRow.status == TurnStatus.ELIGIBLE, TurnRow.net > 0
        )
    )
    for turn in turns:
        order = bureau.living_order(Action.POT, turn.id)
        if order is None or bureau.expire(order):
            recipient = order.recipient_id if order is not None else paying.recipient(turn)
            order = bureau.request(
                at.tontine, Action.POT, turn.id, turn.net, recipient_id=recipient
            )
            turn.order_id = order.id
        latest = max(latest or order.expires_at, order.expires_at)
    return latest + timedelta(seconds=1) if latest is not None else None


def _pay_alone(at: Desk, round_: Round) -> None:
    """Let the wallets of members who asked for it pay this round on its due date."""
    from shop.tontines import standing

    for member, amount, key in standing.orders(at, round_):
        try:
            with session.begin_nested():
                standing.pay(at, member, amount, key)
        except (InsufficientFunds, TontineRefused) as refusal:
            book.write(
                at.tontine.id, "standing_order_short", None,
                member=member.id, round=round_.index, why=str(refusal.code),
            )  # fmt: skip


def settle_what_waited(at: Desk) -> None:
    """After money came in: move on the rounds that were waiting for it, in their order."""
    rows = session.scalars(
        sa.select(Round)
        .where(
            Round.cycle_id == at.cycle.id,
            Round.status.in_((S.DUE, S.GRACE, S.DECIDING, S.PAID)),
            Round.due_at <= clock.now(),
        )
        .order_by(Round.index)
        .execution_options(populate_existing=True)
    ).all()
    if at.tontine.status == TontineStatus.PAUSED:
        return
    for row in rows:
        advance(at, row)
    ending.maybe_end(at)


class _RolledBack(Exception):
    """Ends a rehearsal's transaction; it carries what was seen in it."""

    def __init__(self, changed: bool, changes: list[Change]) -> None:
        super().__init__()
        self.changed, self.changes = changed, changes


def rehearse(round_id: int) -> tuple[bool, list[Change]]:
    """Say whether settling would change anything, and every account that would hold something else.

    The one road is taken inside a transaction that is rolled back: the preview is what will happen.
    """
    try:
        with transaction():
            before = audit.trial_balance()
            changed = settle_inside(round_id)
            session.flush()
            raise _RolledBack(changed, books.changes(before, audit.trial_balance()))
    except _RolledBack as seen:
        return seen.changed, seen.changes


def due(limit: int = 50) -> Sequence[int]:
    """List the rounds the clock is to look at now, the longest due first."""
    query = (
        sa.select(Round.id)
        .where(Round.wake_at.is_not(None), Round.wake_at <= clock.now())
        .order_by(Round.wake_at, Round.id)
        .limit(limit)
    )
    return session.scalars(query).all()


def unfinished(cycle_id: int) -> list[tuple[int, int]]:
    """List the rounds of a cycle that have begun and are not over: (id, index), in their order."""
    rows = session.execute(
        sa.select(Round.id, Round.index)
        .where(
            Round.cycle_id == cycle_id,
            Round.status != S.CLOSED,
            Round.opens_at <= clock.now(),
        )
        .order_by(Round.index)
    )
    return [(int(id_), int(index)) for id_, index in rows]


@retrying
def postpone(round_id: int, seconds: float) -> None:
    """Put off a round that could not be looked at, so that it does not keep the others waiting."""
    with transaction():
        session.get_one(Round, round_id).wake_at = clock.after(seconds)
