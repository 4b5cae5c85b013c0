"""Members who answer for others: asked for a cap, accepted by the guarantor alone (R9, R17)."""

from __future__ import annotations

import sqlalchemy as sa

from shop import clock
from shop.db import retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.money import Money
from shop.tontines import book, desk
from shop.tontines.cycle_models import Cycle, Guarantor, Share
from shop.tontines.refusals import TontineRefused, Why


@retrying
def ask(tontine_id: int, user_id: int, code: str, guarantor_id: int, cap: Money) -> Guarantor:
    """Ask a member to answer for one of one's own shares; the same wish is given again."""
    with transaction():
        at = desk.opened(tontine_id)
        member = desk.member(tontine_id, user_id)
        share = desk.share(at.cycle.id, code)
        backer = desk.by_member_id(tontine_id, guarantor_id)
        if share.member_id != member.id or backer.id == member.id:
            raise TontineRefused(Why.NOT_ALLOWED)
        known = session.scalar(
            sa.select(Guarantor).where(
                Guarantor.share_id == share.id, Guarantor.member_id == backer.id
            )
        )
        if known is not None:
            return known
        row = Guarantor(share_id=share.id, member_id=backer.id, cap=cap.amount, status="asked")
        session.add(row)
        session.flush()
        book.write(tontine_id, "guarantor_asked", user_id, share=code, member=backer.id, cap=cap)
        return row


@retrying
def accept(guarantor_row_id: int, user_id: int, *, pays_alone: bool) -> Guarantor:
    """Accept to answer for a share; `pays_alone` lets the wallet pay when the policy asks it."""
    with transaction():
        row = session.get(Guarantor, guarantor_row_id)
        if row is None:
            raise NotFound("guarantor")
        share = session.get_one(Share, row.share_id)
        tontine_id = session.get_one(Cycle, share.cycle_id).tontine_id
        desk.opened(tontine_id)
        session.refresh(row)
        if row.member_id != desk.member(tontine_id, user_id).id:
            raise NotFound("guarantor")
        if row.status != "asked":
            raise Conflict(f"this guarantee is {row.status}")
        row.status, row.accepted_at, row.pays_alone = "accepted", clock.now(), pays_alone
        session.flush()
        book.write(
            tontine_id, "guarantor_accepted", user_id,
            share=share.code, member=row.member_id, cap=row.cap, pays_alone=pays_alone,
        )  # fmt: skip
        return row
