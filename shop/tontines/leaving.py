"""Shares that leave: withdrawn, taken over, excluded, or settled with the family (R25, R26, R28)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from shop import clock
from shop.db import retrying, session, transaction
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.money import Money
from shop.tontines import book, changes, creation, desk, turning
from shop.tontines.changes import Account, Leaving
from shop.tontines.cycle_models import Allocation, DueRow, Exit, Guarantor, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.dues import PAID
from shop.tontines.lines import Kind, Line, avance, pot
from shop.tontines.models import Accepted, Member, Office
from shop.tontines.money_in import DueKind
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rotation import Turns
from shop.tontines.states import (
    COUNTED,
    SETTLED_DUES,
    CycleStatus,
    DueStatus,
    MemberStatus,
)

_THERE = (CycleStatus.LOCKED, CycleStatus.RUNNING)
Settle = Callable[[Turns, str, Account], Leaving]


@retrying
def withdraw(tontine_id: int, user_id: int, code: str) -> Exit:
    """Let a member take one unserved share out with nobody in its place (T28).

    What it paid ahead, and for rounds not counted yet, comes back at once; what it paid for counted
    rounds comes back when the served shares have caught up. Refuses a served share (T30).
    """
    with transaction():
        at = desk.opened(tontine_id)
        share = _own(at, user_id, code)

        def settle(turns: Turns, code: str, account: Account) -> Leaving:
            return changes.withdraw(turns, code, account, at.rules)

        return _leave(at, share, "withdrawn", settle, by=user_id)


@retrying
def announce_exclusion(tontine_id: int, user_id: int, member_id: int, reason: str) -> datetime:
    """Tell a member that the bureau means to exclude him; gives until when he may answer (R26)."""
    with transaction():
        desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT, Office.CENSOR)
        member = desk.by_member_id(tontine_id, member_id)
        if member.told_at is None:
            member.told_at, member.told_reason = clock.now(), reason.strip()[:200]
            session.flush()
            book.write(tontine_id, "exclusion_told", user_id, member=member_id, reason=reason[:200])
        assert member.told_at is not None, "told just now, or before"
        return member.told_at + changes.MAY_ANSWER_FOR


@retrying
def exclude(tontine_id: int, user_id: int, member_id: int) -> list[Exit]:
    """Exclude a member after the seven days he had to answer: each unserved share is settled (R26)."""
    with transaction():
        at = desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT)
        member = desk.by_member_id(tontine_id, member_id)
        if member.told_at is None:
            raise TontineRefused(Why.ANSWER_TIME_RUNNING)
        told_at = member.told_at

        def settle(turns: Turns, code: str, account: Account) -> Leaving:
            return changes.exclude(turns, code, account, at.rules, told_at=told_at, now=clock.now())

        rows = _all_of(at, member, "excluded", settle, by=user_id)
        member.status = MemberStatus.REMOVED
        session.flush()
        book.write(tontine_id, "excluded", user_id, member=member_id, reason=member.told_reason)
        return rows


@retrying
def record_death(tontine_id: int, user_id: int, member_id: int) -> datetime:
    """Write down a death: the dues sleep for thirty days while members decide (R28)."""
    with transaction():
        desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT, Office.SECRETARY)
        member = desk.by_member_id(tontine_id, member_id)
        if member.died_at is None:
            member.died_at = clock.now()
            session.flush()
            book.write(tontine_id, "death", user_id, member=member_id)
        assert member.died_at is not None, "written just now, or before"
        return changes.paused_until(member.died_at)


@retrying
def settle_after_death(tontine_id: int, user_id: int, member_id: int) -> list[Exit]:
    """Settle with the family: exactly what the dead member's unserved shares are worth (R28)."""
    with transaction():
        at = desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT)
        member = desk.by_member_id(tontine_id, member_id)
        if member.died_at is None:
            raise TontineRefused(Why.NOT_NOW)

        def settle(turns: Turns, code: str, account: Account) -> Leaving:
            return changes.settle_after_death(turns, code, account, at.rules)

        rows = _all_of(at, member, "deceased", settle, by=user_id)
        member.status = MemberStatus.DECEASED
        session.flush()
        return rows


def _all_of(at: Desk, member: Member, reason: str, settle: Settle, *, by: int) -> list[Exit]:
    mine = desk.shares(at.cycle.id, member_id=member.id)
    return [
        _leave(at, share, reason, settle, by=by) for share in mine if share.served_round_id is None
    ]


def _own(at: Desk, user_id: int, code: str) -> Share:
    desk.in_status(at.cycle, *_THERE)
    share = desk.share(at.cycle.id, code)
    if share.member_id != desk.member(at.tontine.id, user_id).id:
        raise TontineRefused(Why.NOT_ALLOWED)
    return share


def _leave(at: Desk, share: Share, reason: str, settle: Settle, *, by: int) -> Exit:
    """Take a share out: what it owed is void, what it is owed is written, the rest move up."""
    desk.in_status(at.cycle, *_THERE)
    turns = turning.read(at).turns
    uncounted = _uncounted(at, share)
    account = _account(at, share, uncounted)
    leaving = settle(turns, share.code, account)
    holder = session.get_one(Member, share.member_id)
    share.status, share.position = "withdrawn", None
    session.flush()
    back = [
        Line(Kind.RETURNED, pot(index), avance(share.code), at.money(amount), share.code)
        for index, amount in uncounted.items()
    ]
    at.places().post("left", f"left:{share.id}", [*back, *leaving.at_once])
    _void_dues(share)
    _catch_up(at, share, leaving)
    row = Exit(
        cycle_id=at.cycle.id,
        share_id=share.id,
        user_id=holder.user_id,
        reason=reason,
        refund=leaving.refund.amount,
        exit_fee=leaving.exit_fee.amount,
        fines=leaving.fines.amount,
        to_rounds=leaving.to_rounds.amount,
        left_at=clock.now(),
    )
    session.add(row)
    at.cycle.order_hash = turning.read(at).turns.order_hash
    session.flush()
    book.write(
        at.tontine.id, "share_left", by, share=share.code, reason=reason, refund=row.refund,
        exit_fee=row.exit_fee, catch_ups=[each.share for each in leaving.catch_ups],
        order_hash=at.cycle.order_hash,
    )  # fmt: skip
    return row


def account_of(at: Desk, share: Share) -> Account:
    """A share's money at this moment, as leaving would settle it: for a preview."""
    return _account(at, share, _uncounted(at, share))


def _uncounted(at: Desk, share: Share) -> dict[int, int]:
    """What the share paid of rounds that were not counted yet, by round."""
    query = (
        sa.select(Round.index, sa.func.sum(Allocation.amount))
        .join(DueRow, DueRow.round_id == Round.id)
        .join(Allocation, Allocation.due_id == DueRow.id)
        .where(
            DueRow.share_id == share.id,
            DueRow.kind == DueKind.CONTRIBUTION,
            Round.status.not_in(COUNTED),
        )
        .group_by(Round.index)
        .order_by(Round.index)
    )
    return {index: int(amount) for index, amount in session.execute(query)}


def _account(at: Desk, share: Share, uncounted: dict[int, int]) -> Account:
    currency = at.tontine.currency
    paid = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Allocation.amount), 0))
        .join(DueRow, DueRow.id == Allocation.due_id)
        .where(DueRow.share_id == share.id, DueRow.kind == DueKind.CONTRIBUTION)
    )
    fines = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(DueRow.amount - PAID), 0)).where(
            DueRow.share_id == share.id,
            DueRow.kind == DueKind.PENALTY,
            DueRow.status.not_in(SETTLED_DUES),
        )
    )
    ahead = ledger.balance(chart.advance(share.id, currency))
    open_rounds = at.money(sum(uncounted.values()))
    return Account(
        paid_in=at.money(int(paid or 0)) - open_rounds,
        advance=ahead + open_rounds,
        guarantee=ledger.balance(chart.guarantee(share.id, currency)),
        fines_due=at.money(int(fines or 0)),
    )


def _void_dues(share: Share) -> None:
    """Nothing more is to be paid for it; what it paid of uncounted rounds went back."""
    uncounted = sa.select(Round.id).where(
        Round.cycle_id == share.cycle_id, Round.settled_at.is_(None)
    )
    session.execute(
        sa.update(DueRow)
        .where(
            DueRow.share_id == share.id,
            sa.or_(
                DueRow.status.in_((DueStatus.OPEN, DueStatus.PARTIAL, DueStatus.LATE)),
                sa.and_(
                    DueRow.status == DueStatus.PAID,
                    DueRow.kind == DueKind.CONTRIBUTION,
                    DueRow.round_id.in_(uncounted),
                ),
            ),
        )
        .values(status=DueStatus.VOID),
        execution_options={"synchronize_session": False},
    )


def _catch_up(at: Desk, share: Share, leaving: Leaving) -> None:
    """Each share served while this one paid owes one more contribution, with the last round (R25)."""
    last = session.scalars(
        sa.select(Round).where(Round.cycle_id == at.cycle.id).order_by(Round.index.desc()).limit(1)
    ).one()
    owing = desk.shares(at.cycle.id, codes=[each.share for each in leaving.catch_ups])
    ids = {each.code: each.id for each in owing}
    rows = [
        {
            "round_id": last.id, "share_id": ids[each.share], "kind": DueKind.CATCH_UP,
            "number": share.id, "amount": each.amount.amount, "due_at": last.due_at,
            "status": DueStatus.OPEN,
        }
        for each in leaving.catch_ups
    ]  # fmt: skip
    if rows:
        session.execute(sa.insert(DueRow), rows)


@retrying
def offer(tontine_id: int, user_id: int, code: str, newcomer_id: int | None) -> None:
    """Let one user take a share over, or nobody any more; nothing moves before that user agrees."""
    with transaction():
        at = desk.opened(tontine_id)
        share = _own(at, user_id, code)
        share.offered_to = newcomer_id
        session.flush()
        book.write(tontine_id, "share_offered", user_id, share=code, to=newcomer_id)


@retrying
def accept_rules(
    tontine_id: int,
    newcomer_id: int,
    sha256: str,
    *,
    method: Accepted,
    asker_hash: str | None = None,
) -> None:
    """Let who was offered a share accept the rules as a member, before taking it over."""
    with transaction():
        at = desk.opened(tontine_id)
        offered = sa.select(Share.id).where(
            Share.cycle_id == at.cycle.id, Share.offered_to == newcomer_id
        )
        if session.scalar(offered.limit(1)) is None:
            raise TontineRefused(Why.NOT_ALLOWED)
        newcomer = creation.add_member(at.tontine, newcomer_id, by=newcomer_id)
        creation.say_yes(at, newcomer, sha256, method=method, asker_hash=asker_hash)


@retrying
def take_over(tontine_id: int, newcomer_id: int, code: str) -> Money:
    """Take a share that was offered to one, with its rank and its history (T29, T30).

    The newcomer accepted the rules before; pays the leaver what was paid in, from wallet to wallet;
    and owes what is still to pay, which is given back. A served share needs an accepted guarantor.
    """
    with transaction():
        at = desk.opened(tontine_id)
        desk.in_status(at.cycle, *_THERE)
        share = desk.share(at.cycle.id, code)
        if share.offered_to != newcomer_id:
            raise TontineRefused(Why.NOT_ALLOWED)
        newcomer = creation.add_member(at.tontine, newcomer_id, by=newcomer_id)
        if not creation.has_accepted(newcomer.id, at.cycle.rules_id):
            raise TontineRefused(Why.RULES_NOT_ACCEPTED, missing=1)
        held = desk.shares(at.cycle.id, member_id=newcomer.id)
        if len(held) >= at.rules.max_shares_per_member:
            raise TontineRefused(
                Why.TOO_MANY_SHARES, held=len(held) + 1, most=at.rules.max_shares_per_member
            )
        taken = _taken_over(at, share, newcomer, by=newcomer_id)
        share.member_id, share.offered_to = newcomer.id, None
        session.flush()
        return taken.still_to_pay


def _taken_over(at: Desk, share: Share, newcomer: Member, *, by: int) -> changes.TakenOver:
    account = _account(at, share, {})
    backed = session.scalar(
        sa.select(sa.func.count(Guarantor.id)).where(
            Guarantor.share_id == share.id, Guarantor.status == "accepted"
        )
    )
    taken = changes.take_over(
        turning.read(at).turns, share.code, str(newcomer.user_id),
        paid_in=account.paid_in, rules=at.rules, guaranteed=bool(backed),
    )  # fmt: skip
    _pay_leaver(at, share, newcomer, taken)
    book.write(
        at.tontine.id, "taken_over", by,
        share=share.code, member=newcomer.id, paid=account.paid_in, still_to_pay=taken.still_to_pay,
    )  # fmt: skip
    return taken


def _pay_leaver(at: Desk, share: Share, newcomer: Member, taken: changes.TakenOver) -> None:
    currency = at.tontine.currency
    leaver = session.get_one(Member, share.member_id)
    source, target = (chart.wallet(m.user_id, currency) for m in (newcomer, leaver))
    key = f"taken-over:{share.id}:{leaver.id}:{newcomer.id}"
    moves = [(source, target, line.amount) for line in taken.lines]
    if moves:
        ledger.post(entries.tontine("taken_over", key, moves))
