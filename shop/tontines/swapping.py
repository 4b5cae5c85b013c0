"""Two members exchange two turns: asked by one, accepted by the other, vetoed by the bureau (R15)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop import clock
from shop.db import retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.tontines import book, changes, desk, dues, turning
from shop.tontines.choice_models import Swap
from shop.tontines.cycle_models import Cycle, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.models import Office
from shop.tontines.rotation import Exchanged
from shop.tontines.states import COUNTED, CycleStatus, RoundStatus, SwapStatus

_OPEN = (SwapStatus.ASKED, SwapStatus.ACCEPTED)


@retrying
def ask(tontine_id: int, user_id: int, own_code: str, other_code: str) -> Swap:
    """Propose to exchange one's turn with another's; refused now for what would refuse it later."""
    with transaction():
        at = desk.opened(tontine_id)
        member = desk.member(tontine_id, user_id)
        desk.in_status(at.cycle, CycleStatus.LOCKED, CycleStatus.RUNNING)
        now = clock.now()
        wish = changes.Swap(own_code, other_code, str(member.id), now)
        _check(at, wish, now)
        own, other = (desk.share(at.cycle.id, code) for code in (own_code, other_code))
        row = Swap(
            cycle_id=at.cycle.id,
            share_id=own.id,
            other_id=other.id,
            asked_by=member.id,
            status=SwapStatus.ASKED,
            asked_at=now,
            expires_at=wish.expires_at,
        )
        session.add(row)
        session.flush()
        book.write(tontine_id, "swap_asked", user_id, swap=row.id, own=own_code, other=other_code)
        return row


def _check(at: Desk, wish: changes.Swap, now: datetime) -> Exchanged:
    turns = turning.read(at).turns
    holders = {turns.holders[code] for code in (wish.one, wish.other) if code in turns.holders}
    late = {holder for holder in holders if _behind(at, int(holder))}
    return changes.swap(
        turns, wish, now=now, next_payout_at=_next_payout(at),
        up_to_date={holder: holder not in late for holder in holders},
    )  # fmt: skip


def _behind(at: Desk, member_id: int) -> bool:
    """Say whether a member owes anything that is due."""
    return any(each.due_at <= clock.now() for each in dues.of_member(at, member_id))


def _next_payout(at: Desk) -> datetime | None:
    """When the next pot is counted: the end of the first grace that runs or will run."""
    query = sa.select(sa.func.min(Round.due_at)).where(
        Round.cycle_id == at.cycle.id, Round.status.not_in((*COUNTED, RoundStatus.POSTPONED))
    )
    found: datetime | None = session.scalar(query)
    return found


@retrying
def accept(swap_id: int, user_id: int) -> Swap:
    """Confirm as the other member (the caller has checked the PIN): the turns are exchanged at once."""
    with transaction():
        at, row = _locked(swap_id)
        member = desk.member(at.tontine.id, user_id)
        own, other = (session.get_one(Share, i) for i in (row.share_id, row.other_id))
        if other.member_id != member.id or row.asked_by != own.member_id:
            raise NotFound("swap")
        wish = changes.Swap(own.code, other.code, str(row.asked_by), row.asked_at)
        done = _check(at, wish, clock.now())
        row.status = SwapStatus.ACCEPTED
        session.flush()
        turning.exchange(at, [done], "swap")
        row.status = SwapStatus.DONE
        session.flush()
        book.write(at.tontine.id, "swap_done", user_id, swap=row.id)
        return row


@retrying
def refuse(swap_id: int, user_id: int, reason: str = "") -> Swap:
    """Say no: the other member, who asked, or the president's veto with its reason."""
    with transaction():
        at, row = _locked(swap_id)
        member = desk.member(at.tontine.id, user_id)
        other = session.get_one(Share, row.other_id)
        if member.id not in (row.asked_by, other.member_id):
            desk.officer(at.tontine.id, user_id, Office.PRESIDENT)
        row.status, row.reason = SwapStatus.REFUSED, reason.strip()[:200]
        session.flush()
        book.write(at.tontine.id, "swap_refused", user_id, swap=row.id, reason=row.reason)
        return row


def _locked(swap_id: int) -> tuple[Desk, Swap]:
    row = session.get(Swap, swap_id)
    if row is None:
        raise NotFound("swap")
    at = desk.opened(session.get_one(Cycle, row.cycle_id).tontine_id)
    session.refresh(row)
    if row.status not in _OPEN:
        raise Conflict(f"this swap is {row.status}")
    return at, row


@retrying
def expire(limit: int = 100) -> int:
    """End the swaps nobody answered in 48 hours; say how many (T27 d)."""
    with transaction():
        rows = session.scalars(
            sa.select(Swap)
            .where(Swap.status.in_(_OPEN), Swap.expires_at <= clock.now())
            .order_by(Swap.id)
            .limit(limit)
        ).all()
        for row in rows:
            row.status = SwapStatus.EXPIRED
        return len(rows)
