"""A full cycle locks: the order is fixed and hashed, every round gets its dates (R6, R10, R14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from shop import clock
from shop.db import retrying, session, transaction
from shop.tontines import book, bureau, calendar, desk, exposure, rotation, turning
from shop.tontines.choice_models import Draw
from shop.tontines.cycle_models import Cycle, Guarantor, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.models import Member, Office, RuleAcceptance
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Order as OrderKind
from shop.tontines.rules import Visibility
from shop.tontines.states import CycleStatus, DrawStatus, RoundStatus, TontineStatus
from shop.tontines.telling import tell_all


@dataclass(frozen=True, slots=True)
class Agreed:
    """What people agreed about the order, where the rules leave it to them.

    `typed` for `fixed`, `votes` per share code for `need`, `exchanges` for `negotiated`.
    """

    typed: Sequence[str] = ()
    votes: Mapping[str, int] | None = None
    exchanges: Sequence[tuple[str, str]] = ()


@retrying
def lock(tontine_id: int, user_id: int, agreed: Agreed | None = None) -> Cycle:
    """Lock a full cycle whose members all accepted the rules, and date its rounds.

    Refuses while shares are free, a yes is missing, nobody could sign money out, a drawn order was
    not shown yet, or two ranks of one member are too close.
    """
    with transaction():
        at = desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT, Office.SECRETARY)
        desk.in_status(at.cycle, CycleStatus.ENROLLING)
        shares = desk.shares(at.cycle.id)
        if len(shares) != at.rules.shares:
            raise TontineRefused(Why.NOT_FULL, taken=len(shares), shares=at.rules.shares)
        _check_accepted(at, shares)
        bureau.check_complete(tontine_id)
        order = _ordered(at, shares, agreed or Agreed())
        _check_order(at, shares, order)
        turning.place(at, order)
        _date_rounds(at)
        return _locked(at, user_id, order)


def _check_accepted(at: Desk, shares: Sequence[Share]) -> None:
    holders = {share.member_id for share in shares}
    said_yes = set(
        session.scalars(
            sa.select(RuleAcceptance.member_id).where(
                RuleAcceptance.rules_id == at.cycle.rules_id,
                RuleAcceptance.member_id.in_(holders),
            )
        )
    )
    if holders - said_yes:
        raise TontineRefused(Why.RULES_NOT_ACCEPTED, missing=len(holders - said_yes))


def _ordered(at: Desk, shares: Sequence[Share], agreed: Agreed) -> tuple[str, ...]:
    plain = [rotation.Share(s.code, str(s.member_id), s.joined_at) for s in shares]
    match at.rules.order:
        case OrderKind.FIXED:
            return rotation.fixed(plain, agreed.typed)
        case OrderKind.RANDOM:
            holders = {share.code: str(share.member_id) for share in shares}
            return rotation.repaired(_drawn(at), holders)[0]
        case OrderKind.NEED:
            return rotation.by_need(plain, agreed.votes or {})
        case OrderKind.NEGOTIATED:
            return rotation.negotiated(plain, agreed.exchanges)
        case OrderKind.SENIORITY | OrderKind.AUCTION:
            return rotation.seniority(plain)


def _drawn(at: Desk) -> tuple[str, ...]:
    text = session.scalar(
        sa.select(Draw.order_text).where(
            Draw.cycle_id == at.cycle.id,
            Draw.round_id.is_(None),
            Draw.status == DrawStatus.REVEALED,
        )
    )
    if text is None:
        raise TontineRefused(Why.DRAW_NOT_SHOWN)
    return tuple(text.split("\n"))


def _check_order(at: Desk, shares: Sequence[Share], order: Sequence[str]) -> None:
    rules = at.rules
    holders = {share.code: str(share.member_id) for share in shares}
    rotation.check_holdings(
        holders, most=rules.max_shares_per_member, concentration_bp=rules.max_concentration_bp
    )
    # A drawn order was repaired as far as could be; a typed one is the bureau's to mend.
    if rules.order in (OrderKind.FIXED, OrderKind.NEGOTIATED):
        rotation.check_lock(order, holders)
    if rules.visibility is Visibility.PUBLIC:
        _check_newcomers(at, shares, order)


def _check_newcomers(at: Desk, shares: Sequence[Share], order: Sequence[str]) -> None:
    """Between strangers, who never finished a cycle does not receive first without a guarantor (R17)."""
    known = set(
        session.scalars(
            sa.select(Member.user_id)
            .join(Share, Share.member_id == Member.id)
            .join(Cycle, Cycle.id == Share.cycle_id)
            .where(Cycle.status == CycleStatus.CLOSED, Share.served_round_id.is_not(None))
        )
    )
    backed = set(
        session.scalars(
            sa.select(Guarantor.share_id).where(
                Guarantor.share_id.in_([share.id for share in shares]),
                Guarantor.status == "accepted",
            )
        )
    )
    users = {row.id: row.user_id for row in session.scalars(
        sa.select(Member).where(Member.id.in_([share.member_id for share in shares])))}  # fmt: skip
    for share in shares:
        if users[share.member_id] not in known:
            rank = list(order).index(share.code) + 1
            exposure.check_newcomer(at.rules, rank, guaranteed=share.id in backed)


def _date_rounds(at: Desk) -> None:
    dated = calendar.rounds(at.rules.when, at.rules.rounds)
    session.execute(
        sa.insert(Round),
        [
            {
                "cycle_id": at.cycle.id, "index": each.index, "opens_at": each.opens_at,
                "due_at": each.due_at, "grace_until": each.grace_until,
                "wake_at": each.opens_at, "status": RoundStatus.SCHEDULED,
            }
            for each in dated
        ],
    )  # fmt: skip


def _locked(at: Desk, user_id: int, order: Sequence[str]) -> Cycle:
    hashed = turning.read(at).turns.order_hash
    at.cycle.status, at.cycle.locked_at = CycleStatus.LOCKED, clock.now()
    at.cycle.order_hash = hashed
    at.tontine.status = TontineStatus.RUNNING
    session.flush()
    book.write(
        at.tontine.id, "locked", user_id,
        number=at.cycle.number, order=list(order), order_hash=hashed,
    )  # fmt: skip
    tell_all(at, "order", f"order:{at.cycle.id}:{hashed[:16]}", order_hash=hashed)
    return at.cycle
