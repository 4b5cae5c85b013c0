"""What the bureau's pages read: requests with all they would move, claims, fines, guarantors, exits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.accounts.models import User
from shop.db import session
from shop.errors import NotFound
from shop.money import Money
from shop.tontines import bureau, changes, leaving, turning
from shop.tontines.bureau_models import Action, MoneyOrder, ReliefClaim
from shop.tontines.cycle_models import DueRow, Guarantor, PotLine, Round, Share, TurnRow
from shop.tontines.desk import Desk
from shop.tontines.dues import PAID
from shop.tontines.models import Member
from shop.tontines.money_in import DueKind
from shop.tontines.reading_people import ON_A_PAGE
from shop.tontines.refusals import TontineRefused
from shop.tontines.states import SETTLED_DUES
from shop.tontines.wording import sentence


def orders(tontine_id: int) -> Sequence[MoneyOrder]:
    """List requests to move money out: open ones first, then the latest of the others."""
    done = sa.case((MoneyOrder.status == "open", 0), else_=1)
    return session.scalars(
        sa.select(MoneyOrder)
        .where(MoneyOrder.tontine_id == tontine_id)
        .order_by(done, MoneyOrder.id.desc())
        .limit(ON_A_PAGE)
    ).all()


def order_here(tontine_id: int, order_id: int) -> MoneyOrder:
    """Give a request of this circle. Raises `NotFound` for another circle's."""
    row = session.get(MoneyOrder, order_id)
    if row is None or row.tontine_id != tontine_id:
        raise NotFound("order")
    return row


@dataclass(frozen=True, slots=True)
class Explained:
    """A request with everything its signers should know."""

    row: MoneyOrder
    amount: Money
    recipient: str | None
    signers: tuple[str, ...]
    may_sign: tuple[str, ...]
    round: int | None
    lines: tuple[tuple[str, Money], ...]


def explained(desk: Desk, row: MoneyOrder) -> Explained:
    """Explain a request: who receives, which round, and each line that would leave the pot."""
    receiver = session.get(Member, row.recipient_id) if row.recipient_id is not None else None
    recipients = {str(receiver.user_id)} if receiver is not None else set()
    round_, lines = _pot(desk, row)
    return Explained(
        row=row,
        amount=desk.money(row.amount),
        recipient=_name(receiver.user_id) if receiver is not None else None,
        signers=tuple(bureau.signers(row.id)),
        may_sign=bureau.of(row.tontine_id, row).may_sign(recipients),
        round=round_,
        lines=lines,
    )


def _name(user_id: int) -> str:
    return session.scalars(sa.select(User.name).where(User.id == user_id)).one()


def _pot(desk: Desk, row: MoneyOrder) -> tuple[int | None, tuple[tuple[str, Money], ...]]:
    if row.action != Action.POT:
        return None, ()
    index = session.scalar(
        sa.select(Round.index)
        .join(TurnRow, TurnRow.round_id == Round.id)
        .where(TurnRow.id == row.target_id)
    )
    lines = session.scalars(
        sa.select(PotLine).where(PotLine.turn_id == row.target_id).order_by(PotLine.seq)
    )
    return index, tuple((line.kind, desk.money(line.amount)) for line in lines)


def claims(tontine_id: int) -> list[tuple[ReliefClaim, str]]:
    """List who asked for relief, with names, latest first."""
    query = (
        sa.select(ReliefClaim, User.name)
        .join(Member, Member.id == ReliefClaim.member_id)
        .join(User, User.id == Member.user_id)
        .where(ReliefClaim.tontine_id == tontine_id)
        .order_by(ReliefClaim.id.desc())
        .limit(ON_A_PAGE)
    )
    return [(row, name) for row, name in session.execute(query)]


def fines(desk: Desk) -> list[tuple[DueRow, str, str, Money]]:
    """List the fines that are not paid: the due, the share, whose it is, what is left of it."""
    query = (
        sa.select(DueRow, Share.code, User.name, DueRow.amount - PAID)
        .join(Share, Share.id == DueRow.share_id)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .where(
            Share.cycle_id == desk.cycle.id,
            DueRow.kind == DueKind.PENALTY,
            DueRow.status.not_in(SETTLED_DUES),
        )
        .order_by(DueRow.id)
        .limit(ON_A_PAGE)
    )
    return [
        (row, code, name, desk.money(int(left))) for row, code, name, left in session.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Backing:
    """A guarantee: for which share of whom, by whom."""

    row: Guarantor
    code: str
    holder: str
    backer: str


def guarantees(cycle_id: int) -> list[Backing]:
    """List the guarantees of a cycle, latest first."""
    holder, backer = aliased(User), aliased(User)
    mine, theirs = aliased(Member), aliased(Member)
    query = (
        sa.select(Guarantor, Share.code, holder.name, backer.name)
        .join(Share, Share.id == Guarantor.share_id)
        .join(mine, mine.id == Share.member_id)
        .join(holder, holder.id == mine.user_id)
        .join(theirs, theirs.id == Guarantor.member_id)
        .join(backer, backer.id == theirs.user_id)
        .where(Share.cycle_id == cycle_id)
        .order_by(Guarantor.id.desc())
        .limit(ON_A_PAGE)
    )
    return [Backing(row, code, one, other) for row, code, one, other in session.execute(query)]


def guarantee_here(cycle_id: int, row_id: int, member_id: int) -> Guarantor:
    """Give a guarantee this member was asked for. Raises `NotFound` for anybody else's."""
    row = session.get(Guarantor, row_id)
    if row is None or row.member_id != member_id:
        raise NotFound("guarantee")
    if session.get_one(Share, row.share_id).cycle_id != cycle_id:
        raise NotFound("guarantee")
    return row


@dataclass(frozen=True, slots=True)
class Preview:
    """What leaving would mean for one share: what comes back when, or why it cannot."""

    share: Share
    paid_in: Money
    refund: Money | None = None
    exit_fee: Money | None = None
    at_once: Money | None = None
    refused: str | None = None


def preview(desk: Desk, share: Share) -> Preview:
    """Work out an exit without doing it (R25)."""
    paid_in = desk.money(0)
    try:
        account = leaving.account_of(desk, share)
        paid_in = account.paid_in
        left = changes.withdraw(turning.read(desk).turns, share.code, account, desk.rules)
    except TontineRefused as refusal:
        return Preview(share, paid_in, refused=sentence(refusal))
    at_once = sum((line.amount for line in left.at_once), desk.money(0))
    return Preview(share, paid_in, left.refund, left.exit_fee, at_once)


def offered_to(cycle_id: int, user_id: int) -> list[tuple[Share, str]]:
    """List the shares that were offered to a user, with who leaves."""
    query = (
        sa.select(Share, User.name)
        .join(Member, Member.id == Share.member_id)
        .join(User, User.id == Member.user_id)
        .where(Share.cycle_id == cycle_id, Share.offered_to == user_id, Share.status == "active")
        .order_by(Share.code)
    )
    return [(share, name) for share, name in session.execute(query)]
