"""How people come in: by a link, by their number, by asking (TONTINE §9)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock
from shop.accounts import service as accounts
from shop.db import retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.tontines import book, creation, desk
from shop.tontines.models import Invite, JoinRequest, Member, Office, Tontine
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.states import (
    PRESENT,
    CycleStatus,
    JoinPolicy,
    MemberStatus,
    RequestStatus,
    TontineStatus,
)

INVITE_LASTS: Final = timedelta(days=14)
_HOSTS: Final = (Office.PRESIDENT, Office.SECRETARY)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@retrying
def invite(
    tontine_id: int, user_id: int, *, phone: str | None = None, max_uses: int = 30
) -> tuple[Invite, str]:
    """Make an invitation and the secret of its link: for one number, or for so many people.

    The secret is told once; only its hash is kept.
    """
    token = secrets.token_urlsafe(16)
    with transaction():
        tontine = desk.locked(tontine_id)
        desk.officer(tontine_id, user_id, *_HOSTS)
        row = Invite(
            tontine_id=tontine.id,
            token_hash=_hashed(token),
            kind="named" if phone else "link",
            phone=phone,
            max_uses=1 if phone else max_uses,
            created_by=user_id,
            created_at=clock.now(),
            expires_at=clock.now() + INVITE_LASTS,
        )
        session.add(row)
        session.flush()
        book.write(tontine_id, "invited", user_id, invite=row.id, kind=row.kind)
        return row, token


@retrying
def revoke(tontine_id: int, user_id: int, invite_id: int) -> None:
    """Close an invitation; who came in by it stays."""
    with transaction():
        desk.locked(tontine_id)
        desk.officer(tontine_id, user_id, *_HOSTS)
        row = session.get(Invite, invite_id)
        if row is None or row.tontine_id != tontine_id:
            raise NotFound("invite")
        if row.revoked_at is None:
            row.revoked_at = clock.now()
            book.write(tontine_id, "invite_revoked", user_id, invite=row.id)


def by_token(token: str) -> tuple[Invite, Tontine]:
    """Find what a link leads to. Raises `NotFound`; a used or old one is refused later, by name."""
    row = session.scalar(sa.select(Invite).where(Invite.token_hash == _hashed(token)))
    if row is None:
        raise NotFound("invite")
    return row, session.get_one(Tontine, row.tontine_id)


def is_open(row: Invite) -> bool:
    """Say whether an invitation still lets somebody in."""
    return not (row.revoked_at or row.uses >= row.max_uses or row.expires_at <= clock.now())


def living(tontine_id: int) -> Sequence[Invite]:
    """List a circle's invitations that still let somebody in, newest first."""
    query = sa.select(Invite).where(
        Invite.tontine_id == tontine_id,
        Invite.revoked_at.is_(None),
        Invite.uses < Invite.max_uses,
        Invite.expires_at > clock.now(),
    )
    return session.scalars(query.order_by(Invite.id.desc())).all()


@retrying
def come_in(token: str, user_id: int) -> Member:
    """Use an invitation; coming in twice uses it once."""
    with transaction():
        row, tontine = by_token(token)
        desk.locked(tontine.id)
        session.refresh(row)
        _still_enrolling(tontine)
        known = _known(tontine.id, user_id)
        if known is not None and MemberStatus(known.status) in PRESENT:
            return known
        user = accounts.by_id(user_id)
        if not is_open(row) or (row.phone is not None and row.phone != user.phone):
            raise TontineRefused(Why.INVITE_CLOSED)
        row.uses += 1
        member = creation.add_member(tontine, user_id, by=row.created_by)
        book.write(tontine.id, "joined", user_id, member=member.id, invite=row.id)
        return member


def _known(tontine_id: int, user_id: int) -> Member | None:
    return session.scalar(
        sa.select(Member).where(Member.tontine_id == tontine_id, Member.user_id == user_id)
    )


def _still_enrolling(tontine: Tontine) -> None:
    """Late joiners wait for the next cycle (R25)."""
    if tontine.status not in (TontineStatus.OPEN, TontineStatus.DRAFT):
        raise TontineRefused(Why.NOT_NOW)
    desk.in_status(desk.latest_cycle(tontine.id), CycleStatus.ENROLLING)


@retrying
def ask(tontine_id: int, user_id: int, words: str = "") -> JoinRequest | Member:
    """Ask to be let in; where the door is open one is a member at once. Refuses a closed circle."""
    with transaction():
        tontine = desk.locked(tontine_id)
        _still_enrolling(tontine)
        if tontine.join_policy == JoinPolicy.CLOSED or tontine.status != TontineStatus.OPEN:
            raise TontineRefused(Why.NOT_ALLOWED)
        known = _known(tontine_id, user_id)
        if known is not None and MemberStatus(known.status) in PRESENT:
            return known
        if tontine.join_policy == JoinPolicy.OPEN:
            member = creation.add_member(tontine, user_id, by=user_id)
            book.write(tontine_id, "joined", user_id, member=member.id)
            return member
        return _pending(tontine_id, user_id) or _ask(tontine_id, user_id, words)


def asked(tontine_id: int, user_id: int) -> JoinRequest | None:
    """Give a user's wish to join that waits for the bureau."""
    return _pending(tontine_id, user_id)


def check_here(tontine_id: int, request_id: int) -> None:
    """Raise `NotFound` for a request to join another circle."""
    row = session.get(JoinRequest, request_id)
    if row is None or row.tontine_id != tontine_id:
        raise NotFound("join request")


def _pending(tontine_id: int, user_id: int) -> JoinRequest | None:
    return session.scalar(
        sa.select(JoinRequest).where(
            JoinRequest.tontine_id == tontine_id,
            JoinRequest.user_id == user_id,
            JoinRequest.status == RequestStatus.PENDING,
        )
    )


def _ask(tontine_id: int, user_id: int, words: str) -> JoinRequest:
    row = JoinRequest(
        tontine_id=tontine_id,
        user_id=user_id,
        words=words.strip()[:300],
        status=RequestStatus.PENDING,
        asked_at=clock.now(),
    )
    session.add(row)
    session.flush()
    book.write(tontine_id, "asked_to_join", user_id, request=row.id)
    return row


@retrying
def decide(request_id: int, user_id: int, *, yes: bool, reason: str = "") -> JoinRequest:
    """Let somebody in who asked, or not, with a reason. Raises `Conflict` when it was decided."""
    with transaction():
        row = session.get(JoinRequest, request_id)
        if row is None:
            raise NotFound("join request")
        tontine = desk.locked(row.tontine_id)
        session.refresh(row)
        desk.officer(tontine.id, user_id, *_HOSTS)
        if row.status != RequestStatus.PENDING:
            raise Conflict("this request was decided")
        if yes:
            _still_enrolling(tontine)
            creation.add_member(tontine, row.user_id, by=user_id)
        row.status = RequestStatus.APPROVED if yes else RequestStatus.REJECTED
        row.decided_by, row.decided_at, row.reason = user_id, clock.now(), reason.strip()[:200]
        book.write(tontine.id, "join_decided", user_id, request=row.id, yes=yes)
        return row
