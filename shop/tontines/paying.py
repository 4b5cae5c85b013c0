"""A pot reaches its recipient's wallet: the lines that two officers signed, posted once (R20)."""

from __future__ import annotations

import sqlalchemy as sa

from shop.db import session
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.ledger.entries import Entry, Leg
from shop.tontines import book, opening, telling
from shop.tontines.bureau_models import MoneyOrder
from shop.tontines.cycle_models import Claim, Cycle, PotLine, Round, Share, TurnRow
from shop.tontines.desk import Desk
from shop.tontines.models import Member
from shop.tontines.states import OrderStatus, RoundStatus, TurnStatus


def pay_signed(at: Desk, round_: Round) -> bool:
    """Pay every recipient whose request is signed; say whether the whole round is paid now."""
    rows = session.scalars(
        sa.select(TurnRow)
        .where(TurnRow.round_id == round_.id)
        .order_by(TurnRow.id)
        .execution_options(populate_existing=True)
    ).all()
    for row in rows:
        if row.status == TurnStatus.ELIGIBLE and _is_signed(row):
            _pay(at, round_, row)
    return all(row.status == TurnStatus.RECEIVED for row in rows)


def _is_signed(turn: TurnRow) -> bool:
    # All of it was set off: nothing leaves, so nobody signs.
    if not turn.net:
        return True
    return session.get_one(MoneyOrder, turn.order_id).status == OrderStatus.SIGNED


def _pay(at: Desk, round_: Round, turn: TurnRow) -> None:
    turn.status = TurnStatus.APPROVED
    session.flush()
    lines = session.scalars(
        sa.select(PotLine).where(PotLine.turn_id == turn.id).order_by(PotLine.seq)
    ).all()
    ledger.post_all(
        [
            Entry(
                "tontine_pot",
                (
                    Leg(
                        f"tontine-line:{line.id}",
                        Account.from_code(line.source),
                        Account.from_code(line.target),
                        at.money(line.amount),
                    ),
                ),
            )
            for line in lines
        ]
    )
    turn.status = TurnStatus.RECEIVED
    session.flush()
    if turn.discount:
        _spread(at, turn)
    if turn.order_id is not None:
        session.get_one(MoneyOrder, turn.order_id).status = OrderStatus.DONE
    session.flush()
    code = session.scalars(sa.select(Share.code).where(Share.id == turn.share_id)).one()
    if turn.net:
        telling.tell_received(at, turn.user_id, round_.index, at.money(turn.net), turn.id)
    book.write(
        at.tontine.id, "received", turn.user_id,
        round=round_.index, share=code, gross=turn.gross, set_off=turn.set_off,
        discount=turn.discount, retention=turn.retention, fee=turn.fee, net=turn.net,
        reliquat=turn.reliquat,
    )  # fmt: skip


def _spread(at: Desk, turn: TurnRow) -> None:
    """Let what each share gained pay the rounds that are open already: they cost less now (T19)."""
    open_now = sa.select(Round).where(
        Round.cycle_id == at.cycle.id,
        Round.status.in_((RoundStatus.OPEN, RoundStatus.DUE, RoundStatus.GRACE)),
    )
    for round_ in session.scalars(open_now.order_by(Round.index)).all():
        opening.apply_advances_to(at, round_, f"turn-{turn.id}")


def is_even(round_: Round) -> bool:
    """Say whether a paid round owes nothing any more."""
    query = sa.select(Claim.id).where(Claim.round_id == round_.id, Claim.filled < Claim.amount)
    return session.scalar(query.limit(1)) is None


def recipient(turn: TurnRow) -> int:
    """The member who receives, and therefore does not sign."""
    query = (
        sa.select(Member.id)
        .join(Cycle, Cycle.tontine_id == Member.tontine_id)
        .join(Share, Share.cycle_id == Cycle.id)
        .where(Share.id == turn.share_id, Member.user_id == turn.user_id)
    )
    return session.scalars(query).one()
