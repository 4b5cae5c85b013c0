"""What answers for a share that has not paid: its deposits, and those who stood up for it (R9, R17)."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from shop.db import session
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.tontines.cycle_models import Claim, Guarantor
from shop.tontines.desk import Desk
from shop.tontines.dues import Owed
from shop.tontines.lines import caution, retenue
from shop.tontines.models import Member
from shop.tontines.rules import LateStep
from shop.tontines.waterfall import Missing


def missing(desk: Desk, unpaid: Iterable[Owed]) -> tuple[Missing, ...]:
    """What may answer for each share that has not paid: its own deposits, and its guarantors."""
    unpaid = list(unpaid)
    currency = desk.tontine.currency
    own = {
        e.share_id: (chart.guarantee(e.share_id, currency), chart.retention(e.share_id, currency))
        for e in unpaid
    }
    held = ledger.holdings(account for pair in own.values() for account in pair)
    backers = _guarantors(desk, unpaid)
    return tuple(
        Missing(
            each.due.share,
            each.due.unpaid,
            held[own[each.share_id][0].code],
            held[own[each.share_id][1].code],
            guarantors=backers.get((each.share_id, True), ()),
            to_ask=backers.get((each.share_id, False), ()),
        )
        for each in unpaid
    )


def _guarantors(
    desk: Desk, unpaid: list[Owed]
) -> dict[tuple[int, bool], tuple[tuple[str, Money], ...]]:
    """Who answers for a share: with what is left of the cap, and at most what the wallet holds."""
    if LateStep.COVER_GARANT not in desk.rules.late_policy or not unpaid:
        return {}
    ids = [each.share_id for each in unpaid]
    rows = session.execute(
        sa.select(Guarantor.share_id, Guarantor.pays_alone, Guarantor.cap, Member.user_id)
        .join(Member, Member.id == Guarantor.member_id)
        .where(Guarantor.share_id.in_(ids), Guarantor.status == "accepted")
        .order_by(Guarantor.id)
    ).all()
    spent = _already_covered(ids)
    wallets = {row.user_id: chart.wallet(row.user_id, desk.tontine.currency) for row in rows}
    held = ledger.holdings(wallets.values())
    there = {user: held[account.code] for user, account in wallets.items()}
    found: dict[tuple[int, bool], tuple[tuple[str, Money], ...]] = {}
    for row in rows:
        cap = desk.money(row.cap - spent.get((row.share_id, f"garant:{row.user_id}"), 0))
        hole = next(e.due.unpaid for e in unpaid if e.share_id == row.share_id)
        most = min(cap, hole, there[row.user_id]) if row.pays_alone else min(cap, hole)
        if most.amount <= 0:
            continue
        if row.pays_alone:
            # One wallet may answer for several shares: what one takes, the next does not find.
            there[row.user_id] -= most
        key = (row.share_id, row.pays_alone)
        found[key] = (*found.get(key, ()), (str(row.user_id), most))
    return found


def _already_covered(share_ids: list[int]) -> dict[tuple[int, str], int]:
    query = (
        sa.select(Claim.share_id, Claim.place, sa.func.sum(Claim.amount - Claim.filled))
        .where(Claim.share_id.in_(share_ids), Claim.place.startswith("garant:"))
        .group_by(Claim.share_id, Claim.place)
    )
    return {(int(s or 0), place): int(amount) for s, place, amount in session.execute(query)}


def held(desk: Desk, code: str) -> tuple[Money, Money]:
    """A share's guarantee and retention, for its member's page."""
    places = desk.places()
    return ledger.balance(places.account(caution(code))), ledger.balance(
        places.account(retenue(code))
    )
