"""A circle begins: rules are published, shares are taken, accepted rules bind (R14, TONTINE §4)."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock, references
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import NotFound
from shop.tontines import book, desk, limits
from shop.tontines.cycle_models import Cycle, Share
from shop.tontines.desk import Desk
from shop.tontines.models import (
    Accepted,
    Member,
    Office,
    OfficeHeld,
    RuleAcceptance,
    RuleSet,
    Tontine,
)
from shop.tontines.reading_rules import rules_of
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Rules
from shop.tontines.states import CycleStatus, JoinPolicy, MemberStatus, TontineStatus


@retrying
def create(
    user_id: int,
    name: str,
    rules: Rules,
    *,
    country: str,
    join_policy: JoinPolicy = JoinPolicy.CLOSED,
    form_key: str,
) -> Tontine:
    """Make a circle with its first rules and its owner as president; the same form makes one.

    Raises the first reason for which nobody may be asked to accept these rules.
    """
    limits.accepted(replace(rules, version=1))
    try:
        return _create(user_id, name, replace(rules, version=1), country, join_policy, form_key)
    except IntegrityError:
        again = by_form_key(form_key)
        if again is not None and again.owner_id == user_id:
            return again
        raise


def by_form_key(form_key: str) -> Tontine | None:
    """Find the circle a form already made."""
    return session.scalar(sa.select(Tontine).where(Tontine.form_key == form_key))


def _create(
    user_id: int, name: str, rules: Rules, country: str, policy: JoinPolicy, form_key: str
) -> Tontine:
    now = clock.now()
    with transaction():
        tontine = Tontine(
            reference=references.new(),
            form_key=form_key,
            name=name.strip()[:80],
            country=country,
            currency=rules.currency,
            visibility=rules.visibility,
            join_policy=policy,
            owner_id=user_id,
            created_at=now,
        )
        session.add(tontine)
        session.flush()
        founder = add_member(tontine, user_id, by=user_id)
        session.add(
            OfficeHeld(
                tontine_id=tontine.id, office=Office.PRESIDENT, member_id=founder.id, since=now
            )
        )
        book.write(tontine.id, "created", user_id, name=tontine.name)
        rule_set = _publish(tontine, rules, user_id)
        _open_cycle(tontine, rule_set, number=1)
        return tontine


def add_member(tontine: Tontine, user_id: int, *, by: int) -> Member:
    """Make a user an active member, or one again who had left."""
    assert in_transaction(), "a member is added with what lets him in"
    query = sa.select(Member).where(Member.tontine_id == tontine.id, Member.user_id == user_id)
    known = session.scalar(query)
    if known is not None:
        if known.status in (MemberStatus.REMOVED, MemberStatus.DECEASED):
            raise TontineRefused(Why.NOT_ALLOWED)
        known.status = MemberStatus.ACTIVE
        return known
    member = Member(
        tontine_id=tontine.id,
        user_id=user_id,
        status=MemberStatus.ACTIVE,
        joined_at=clock.now(),
        created_by=by,
    )
    session.add(member)
    session.flush()
    return member


def _publish(tontine: Tontine, rules: Rules, user_id: int) -> RuleSet:
    row = RuleSet(
        tontine_id=tontine.id,
        version=rules.version,
        text=rules.to_json(),
        sha256=rules.sha256,
        published_at=clock.now(),
        published_by=user_id,
    )
    session.add(row)
    session.flush()
    tontine.visibility = rules.visibility
    book.write(tontine.id, "rules", user_id, version=row.version, sha256=row.sha256)
    return row


def _open_cycle(tontine: Tontine, rule_set: RuleSet, *, number: int) -> Cycle:
    cycle = Cycle(
        tontine_id=tontine.id,
        number=number,
        rules_id=rule_set.id,
        status=CycleStatus.ENROLLING,
        created_at=clock.now(),
    )
    session.add(cycle)
    session.flush()
    book.write(tontine.id, "cycle", None, number=number)
    return cycle


@retrying
def open_to_members(tontine_id: int, user_id: int) -> None:
    """Let people in: a draft becomes an open circle."""
    with transaction():
        tontine = desk.locked(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT)
        if tontine.status == TontineStatus.DRAFT:
            tontine.status = TontineStatus.OPEN
            book.write(tontine_id, "opened", user_id)


@retrying
def publish(tontine_id: int, user_id: int, rules: Rules) -> RuleSet:
    """Publish the next version of the rules, before lock; everybody accepts again (R14)."""
    with transaction():
        at = desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT)
        desk.in_status(at.cycle, CycleStatus.ENROLLING)
        version = desk.latest_rules(tontine_id).version + 1
        row = _publish(at.tontine, limits.accepted(replace(rules, version=version)), user_id)
        if rules.currency != at.tontine.currency:
            raise TontineRefused(Why.CURRENCIES_MIXED)
        at.cycle.rules_id = row.id
        return row


@retrying
def next_cycle(tontine_id: int, user_id: int) -> Cycle:
    """Begin to enrol for the next cycle, once the one before has ended."""
    with transaction():
        at = desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT)
        desk.in_status(at.cycle, CycleStatus.CLOSED, CycleStatus.CANCELLED)
        if at.tontine.status == TontineStatus.RUNNING:
            at.tontine.status = TontineStatus.OPEN
        rule_set = desk.latest_rules(tontine_id)
        return _open_cycle(at.tontine, rule_set, number=at.cycle.number + 1)


@retrying
def accept(
    tontine_id: int, user_id: int, sha256: str, *, method: Accepted, asker_hash: str | None = None
) -> bool:
    """Write a member's yes to exactly these rules; False when it was written before.

    The caller has checked the PIN or the code. Refuses a hash that is not the present rules'.
    """
    with transaction():
        at = desk.opened(tontine_id)
        member = desk.member(tontine_id, user_id)
        return say_yes(at, member, sha256, method=method, asker_hash=asker_hash)


def say_yes(
    at: Desk, member: Member, sha256: str, *, method: Accepted, asker_hash: str | None = None
) -> bool:
    """Write a member's yes inside the caller's transaction; False when it was written before."""
    assert in_transaction(), "a yes is written with what it allows"
    rule_set = session.get_one(RuleSet, at.cycle.rules_id)
    if rule_set.sha256 != sha256 or rules_of(rule_set.text).sha256 != sha256:
        raise TontineRefused(Why.RULES_UNREADABLE)
    if has_accepted(member.id, rule_set.id):
        return False
    session.add(
        RuleAcceptance(
            rules_id=rule_set.id,
            member_id=member.id,
            method=method,
            asker_hash=asker_hash,
            at=clock.now(),
        )
    )
    book.write(
        at.tontine.id, "accepted", member.user_id, member=member.id, version=rule_set.version
    )
    return True


def has_accepted(member_id: int, rules_id: int) -> bool:
    """Say whether a member accepted these rules."""
    query = sa.select(RuleAcceptance.id).where(
        RuleAcceptance.member_id == member_id, RuleAcceptance.rules_id == rules_id
    )
    return session.scalar(query) is not None


@retrying
def take_shares(tontine_id: int, user_id: int, count: int) -> list[Share]:
    """Take shares for a member who accepted the rules, while the cycle enrols (R10)."""
    with transaction():
        at = desk.opened(tontine_id)
        member = desk.member(tontine_id, user_id)
        desk.in_status(at.cycle, CycleStatus.ENROLLING)
        if not has_accepted(member.id, at.cycle.rules_id):
            raise TontineRefused(Why.RULES_NOT_ACCEPTED, missing=1)
        held = len(desk.shares(at.cycle.id, member_id=member.id))
        if held + count > at.rules.max_shares_per_member:
            raise TontineRefused(
                Why.TOO_MANY_SHARES, held=held + count, most=at.rules.max_shares_per_member
            )
        taken = _taken(at.cycle.id)
        if taken + count > at.rules.shares:
            raise TontineRefused(Why.NOT_FULL, taken=taken, shares=at.rules.shares)
        # As many digits for all, so that codes sort as they count.
        digits = max(2, len(str(at.rules.shares)))
        codes = [f"P{taken + n:0{digits}}" for n in range(1, count + 1)]
        rows = [_share(at.cycle.id, code, member.id) for code in codes]
        session.add_all(rows)
        session.flush()
        book.write(tontine_id, "shares", user_id, codes=[row.code for row in rows])
        return rows


def _taken(cycle_id: int) -> int:
    query = sa.select(sa.func.count(Share.id)).where(Share.cycle_id == cycle_id)
    return session.scalar(query) or 0


def _share(cycle_id: int, code: str, member_id: int) -> Share:
    return Share(
        cycle_id=cycle_id,
        code=code,
        member_id=member_id,
        joined_at=clock.now(),
        status="active",
    )


@retrying
def name_next_of_kin(tontine_id: int, user_id: int, name: str, phone: str) -> None:
    """Keep whom to turn to if a member dies; nobody of the bureau sees it (R28)."""
    with transaction():
        desk.locked(tontine_id)
        member = desk.member(tontine_id, user_id)
        if not name.strip() or not phone.strip():
            raise NotFound("kin")
        member.kin_name, member.kin_phone = name.strip()[:80], phone.strip()[:20]
