"""What every service of a circle begins with: its lock, its rules, its people and who may do what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from shop import references
from shop.db import in_transaction, session
from shop.errors import NotFound
from shop.ledger.chart import Account
from shop.money import Money
from shop.tontines.cycle_models import Cycle, Share
from shop.tontines.models import Member, Office, OfficeHeld, RuleSet, Tontine
from shop.tontines.places import Places
from shop.tontines.reading_rules import rules_of
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Rules
from shop.tontines.states import PRESENT, CycleStatus, MemberStatus, TontineStatus


@dataclass(frozen=True, slots=True)
class Desk:
    """A circle in its latest cycle, locked: nothing else happens in it meanwhile."""

    tontine: Tontine
    cycle: Cycle
    rules: Rules

    def money(self, amount: int) -> Money:
        """An amount in the circle's currency."""
        return Money(amount, self.tontine.currency)

    def places(self, payer: Account | None = None) -> Places:
        """The accounts of this cycle."""
        return Places(self.cycle, self.tontine.currency, payer=payer)


def find(reference: str) -> Tontine:
    """Find a circle by its reference, with or without `TT-`. Raises `NotFound`."""
    cleaned = references.parse(reference.upper().removeprefix("TT-"))
    found = session.scalar(sa.select(Tontine).where(Tontine.reference == cleaned))
    if found is None:
        raise NotFound("tontine")
    return found


def locked(tontine_id: int, *, even_frozen: bool = False) -> Tontine:
    """Lock a circle and read it as it is now. Raises `NotFound`, or refuses a frozen one."""
    assert in_transaction(), "a circle is locked for a change"
    found = session.scalar(
        sa.select(Tontine)
        .where(Tontine.id == tontine_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("tontine")
    if found.status == TontineStatus.PAUSED and not even_frozen:
        raise TontineRefused(Why.FROZEN)
    return found


def opened(tontine_id: int, *, even_frozen: bool = False) -> Desk:
    """Lock a circle and read its latest cycle. Raises `NotFound`, or refuses a frozen one."""
    tontine = locked(tontine_id, even_frozen=even_frozen)
    return at(tontine)


def at(tontine: Tontine, cycle: Cycle | None = None) -> Desk:
    """Read a circle's latest cycle, or the one named, with its rules; takes no lock."""
    cycle = cycle or latest_cycle(tontine.id)
    text = session.scalars(sa.select(RuleSet.text).where(RuleSet.id == cycle.rules_id)).one()
    return Desk(tontine, cycle, rules_of(text))


def latest_cycle(tontine_id: int) -> Cycle:
    """Give a circle's latest cycle. Raises `NotFound` for a draft that has none."""
    cycle = session.scalar(
        sa.select(Cycle)
        .where(Cycle.tontine_id == tontine_id)
        .order_by(Cycle.number.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    if cycle is None:
        raise NotFound("cycle")
    return cycle


def rule_set(cycle: Cycle) -> RuleSet:
    """Give the rules of a cycle as they were published."""
    return session.get_one(RuleSet, cycle.rules_id)


def latest_rules(tontine_id: int) -> RuleSet:
    """Give the latest version of a circle's rules."""
    return session.scalars(
        sa.select(RuleSet)
        .where(RuleSet.tontine_id == tontine_id)
        .order_by(RuleSet.version.desc())
        .limit(1)
    ).one()


def member(tontine_id: int, user_id: int) -> Member:
    """Give a user's place in a circle. Raises `NotFound` for anybody who takes no part."""
    found = session.scalar(
        sa.select(Member).where(Member.tontine_id == tontine_id, Member.user_id == user_id)
    )
    if found is None or MemberStatus(found.status) not in PRESENT:
        raise NotFound("member")
    return found


def by_member_id(tontine_id: int, member_id: int) -> Member:
    """Give a member of a circle, present or not. Raises `NotFound`."""
    found = session.get(Member, member_id)
    if found is None or found.tontine_id != tontine_id:
        raise NotFound("member")
    return found


def offices(tontine_id: int, member_id: int) -> set[Office]:
    """The offices a member holds now, as holder or deputy."""
    rows = session.scalars(
        sa.select(OfficeHeld.office).where(
            OfficeHeld.tontine_id == tontine_id,
            OfficeHeld.member_id == member_id,
            OfficeHeld.until.is_(None),
        )
    )
    return {Office(word) for word in rows}


def officer(tontine_id: int, user_id: int, *allowed: Office) -> Member:
    """Give the member if he holds one of these offices. Refuses anybody else (TONTINE §9)."""
    found = member(tontine_id, user_id)
    if not offices(tontine_id, found.id) & set(allowed):
        raise TontineRefused(Why.NOT_ALLOWED)
    return found


def in_status(cycle: Cycle, *allowed: CycleStatus) -> None:
    """Refuse what this stage of a cycle does not allow."""
    if CycleStatus(cycle.status) not in allowed:
        raise TontineRefused(Why.NOT_NOW)


def shares(
    cycle_id: int, *, member_id: int | None = None, codes: Collection[str] | None = None
) -> Sequence[Share]:
    """List active shares by code: all of a cycle, of one member, or these."""
    query = sa.select(Share).where(Share.cycle_id == cycle_id, Share.status == "active")
    if member_id is not None:
        query = query.where(Share.member_id == member_id)
    if codes is not None:
        query = query.where(Share.code.in_(codes))
    return session.scalars(query.order_by(Share.code)).all()


def share(cycle_id: int, code: str) -> Share:
    """Find one active share by its code. Raises `NotFound`."""
    found = shares(cycle_id, codes=[code])
    if not found:
        raise NotFound("share")
    return found[0]
