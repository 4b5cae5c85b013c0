"""Standing orders: a wallet that pays its member's contributions by itself on each due date."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa

from shop import clock
from shop.db import retrying, session, transaction
from shop.money import Money
from shop.tontines import book, desk, dues
from shop.tontines.cycle_models import DueRow, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.models import Member


@retrying
def choose(tontine_id: int, user_id: int, *, on: bool) -> None:
    """Let the wallet pay by itself from now on, or no more."""
    with transaction():
        desk.locked(tontine_id)
        member = desk.member(tontine_id, user_id)
        if on == (member.pays_alone_since is not None):
            return
        member.pays_alone_since = clock.now() if on else None
        book.write(tontine_id, "standing_order", user_id, member=member.id, on=on)


def orders(at: Desk, round_: Round) -> list[tuple[Member, Money, str]]:
    """Say which wallets are to pay how much of this round, and the key under which they pay once."""
    wanting = Member.pays_alone_since.is_not(None)
    rows = session.execute(
        sa.select(Share.id, Member)
        .join(Member, Member.id == Share.member_id)
        .where(Share.cycle_id == at.cycle.id, Share.status == "active", wanting)
    ).all()
    if not rows:
        return []
    members = {row.id: row.Member for row in rows}
    sums: dict[int, Money] = defaultdict(lambda: at.money(0))
    mine = DueRow.share_id.in_(list(members))
    for each in dues.owed(at, DueRow.round_id == round_.id, mine):
        sums[members[each.share_id].id] += each.due.unpaid
    by_id = {member.id: member for member in members.values()}
    return [
        (by_id[i], amount, f"standing:{round_.id}:{i}")
        for i, amount in sorted(sums.items())
        if amount
    ]


def pay(at: Desk, member: Member, amount: Money, key: str) -> None:
    """Pay one standing order, in the transaction that makes the round due."""
    from shop.tontines import contributing

    contributing.pay_alone(at, member, amount, key)
