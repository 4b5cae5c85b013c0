"""What a group gives or forgives: relief for named events, fines waived with a reason (R11, R23)."""

from __future__ import annotations

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import NotFound
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.money import Money
from shop.tontines import book, bureau, desk, relief
from shop.tontines.bureau_models import Action, MoneyOrder, ReliefClaim
from shop.tontines.cycle_models import DueRow, Share
from shop.tontines.desk import Desk
from shop.tontines.dues import PAID
from shop.tontines.models import Member, Office
from shop.tontines.money_in import DueKind
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.states import SETTLED_DUES, ClaimStatus, DueStatus, OrderStatus


@retrying
def claim_relief(
    tontine_id: int, user_id: int, reason: str, amount: Money, words: str = ""
) -> tuple[ReliefClaim, Money]:
    """Ask the relief fund for a named event; gives the claim and what the fund can offer (T31)."""
    with transaction():
        at = desk.opened(tontine_id)
        member = desk.member(tontine_id, user_id)
        row = ReliefClaim(
            tontine_id=tontine_id,
            member_id=member.id,
            reason=reason[:20],
            words=words.strip()[:300],
            amount=amount.amount,
            status=ClaimStatus.ASKED,
            asked_at=clock.now(),
        )
        session.add(row)
        session.flush()
        offer = relief.offered(_fund(at), amount)
        book.write(tontine_id, "relief_asked", user_id, claim=row.id, reason=reason, amount=amount)
        if offer:
            bureau.request(
                at.tontine, Action.RELIEF, row.id, offer.amount, recipient_id=member.id, by=member
            )
        return row, offer


def _fund(at: Desk) -> Money:
    return ledger.balance(chart.relief(at.tontine.id, at.tontine.currency))


def pay_relief(at: Desk, order: MoneyOrder) -> None:
    """Pay what two officers signed, from the relief fund alone; it may hold less by now."""
    assert in_transaction(), "paid with its second signature"
    row = session.get_one(ReliefClaim, order.target_id)
    member = session.get_one(Member, row.member_id)
    paid = min(_fund(at), at.money(order.amount))
    if not paid:
        raise TontineRefused(Why.NOT_NOW)
    wallet = chart.wallet(member.user_id, paid.currency)
    fund = chart.relief(at.tontine.id, paid.currency)
    ledger.post(entries.tontine("relief", f"relief:{row.id}", [(fund, wallet, paid)]))
    row.paid_amount, row.status = paid.amount, ClaimStatus.PAID
    order.status = OrderStatus.DONE
    session.flush()
    book.write(at.tontine.id, "relief_paid", member.user_id, claim=row.id, amount=paid)


@retrying
def ask_waiver(tontine_id: int, user_id: int, due_id: int, reason: str) -> MoneyOrder:
    """The censor proposes to waive a fine, with a reason; another officer signs too (R11)."""
    with transaction():
        at = desk.opened(tontine_id)
        censor = desk.officer(tontine_id, user_id, Office.CENSOR, Office.PRESIDENT)
        row, unpaid = _fine(at, due_id)
        holder = session.scalars(sa.select(Share.member_id).where(Share.id == row.share_id)).one()
        book.write(tontine_id, "waiver_asked", user_id, due=due_id, reason=reason.strip()[:200])
        return bureau.request(
            at.tontine, Action.WAIVER, due_id, unpaid, recipient_id=holder, by=censor
        )


def _fine(at: Desk, due_id: int) -> tuple[DueRow, int]:
    found = session.execute(
        sa.select(DueRow, (DueRow.amount - PAID).label("unpaid"))
        .join(Share, Share.id == DueRow.share_id)
        .where(
            DueRow.id == due_id,
            DueRow.kind == DueKind.PENALTY,
            DueRow.status.not_in(SETTLED_DUES),
            Share.cycle_id == at.cycle.id,
        )
    ).one_or_none()
    if found is None:
        raise NotFound("fine")
    return found[0], int(found[1])


def waive(at: Desk, order: MoneyOrder) -> None:
    """Let a fine go that two officers agreed to waive; no money moves."""
    row, _unpaid = _fine(at, order.target_id)
    row.status = DueStatus.VOID
    order.status = OrderStatus.DONE
    session.flush()
    book.write(at.tontine.id, "fine_waived", None, due=row.id, amount=row.amount)
