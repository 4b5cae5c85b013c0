"""The bureau: who holds which office, and requests to move money out that two of them sign (R20, R28)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from shop import clock
from shop.db import in_transaction, retrying, session, transaction
from shop.tontines import book, desk, officers
from shop.tontines.bureau_models import Action, MoneyOrder, Signature
from shop.tontines.cycle_models import Cycle
from shop.tontines.models import Member, Office, OfficeHeld, Tontine
from shop.tontines.officers import Bureau, Officer
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.states import OrderStatus

_SIGNING = {Office.PRESIDENT, Office.TREASURER, Office.AUDITOR}
_LIVING = (OrderStatus.OPEN, OrderStatus.SIGNED, OrderStatus.DONE)


@retrying
def appoint(
    tontine_id: int, user_id: int, office: Office, member_id: int, *, deputy: bool = False
) -> OfficeHeld:
    """Give an office to a member; whoever held it before leaves it now.

    Once a cycle has been locked, this stops all money out for 72 hours (R20).
    """
    with transaction():
        desk.locked(tontine_id)
        desk.officer(tontine_id, user_id, Office.PRESIDENT)
        desk.member(tontine_id, desk.by_member_id(tontine_id, member_id).user_id)
        held = _held(tontine_id, office, deputy=deputy)
        if held is not None and held.member_id == member_id:
            return held
        now = clock.now()
        if held is not None:
            held.until = now
            session.flush()
        row = OfficeHeld(
            tontine_id=tontine_id, office=office, deputy=deputy, member_id=member_id, since=now
        )
        session.add(row)
        session.flush()
        book.write(tontine_id, "office", user_id, office=office, member=member_id, deputy=deputy)
        return row


def _held(tontine_id: int, office: Office, *, deputy: bool) -> OfficeHeld | None:
    return session.scalar(
        sa.select(OfficeHeld).where(
            OfficeHeld.tontine_id == tontine_id,
            OfficeHeld.office == office,
            OfficeHeld.deputy == deputy,
            OfficeHeld.until.is_(None),
        )
    )


def of(tontine_id: int, order: MoneyOrder | None = None) -> Bureau:
    """Give the bureau as it may sign now, members named by user id; `order` adds its third signer."""
    rows = session.execute(
        sa.select(OfficeHeld.office, OfficeHeld.deputy, Member.user_id)
        .join(Member, Member.id == OfficeHeld.member_id)
        .where(OfficeHeld.tontine_id == tontine_id, OfficeHeld.until.is_(None))
    ).all()
    signing = [(Officer(o), deputy, str(user)) for o, deputy, user in rows if Office(o) in _SIGNING]
    holders = {office: user for office, deputy, user in signing if not deputy}
    third = session.get(Member, order.third_id) if order is not None and order.third_id else None
    return Bureau(
        holders=holders,
        deputies={office: user for office, deputy, user in signing if deputy},
        silent=frozenset(_silent(order, holders)) if order is not None else frozenset(),
        changed_at=_changed_at(tontine_id),
        third=str(third.user_id) if third is not None else None,
    )


def _silent(order: MoneyOrder, holders: dict[Officer, str]) -> set[Officer]:
    """Officers who have left this request unanswered for seven days, however often it was renewed."""
    same = sa.and_(MoneyOrder.action == order.action, MoneyOrder.target_id == order.target_id)
    first = session.scalar(sa.select(sa.func.min(MoneyOrder.asked_at)).where(same))
    if first is None or not officers.is_silent(asked_at=first, now=clock.now()):
        return set()
    signed = set(signers(order.id))
    return {office for office, user in holders.items() if user not in signed}


def _changed_at(tontine_id: int) -> datetime | None:
    """When an office last changed hands since the first lock; naming a first bureau is no change."""
    locked_at = session.scalar(
        sa.select(sa.func.min(Cycle.locked_at)).where(Cycle.tontine_id == tontine_id)
    )
    if locked_at is None:
        return None
    last: datetime | None = session.scalar(
        sa.select(sa.func.max(OfficeHeld.since)).where(
            OfficeHeld.tontine_id == tontine_id, OfficeHeld.since > locked_at
        )
    )
    return last


def signers(order_id: int) -> list[str]:
    """The user ids of those who signed, oldest first."""
    query = (
        sa.select(Member.user_id)
        .join(Signature, Signature.member_id == Member.id)
        .where(Signature.order_id == order_id)
        .order_by(Signature.id)
    )
    return [str(user_id) for user_id in session.scalars(query)]


def request(
    tontine: Tontine,
    action: Action,
    target_id: int,
    amount: int,
    *,
    recipient_id: int | None,
    by: Member | None = None,
) -> MoneyOrder:
    """Ask the bureau to sign; the request that is already open for this target is given again."""
    assert in_transaction(), "a request is written with what it asks"
    living = living_order(action, target_id)
    if living is not None:
        return living
    now = clock.now()
    facts = [tontine.reference, action, target_id, recipient_id, amount, tontine.currency]
    row = MoneyOrder(
        tontine_id=tontine.id,
        action=action,
        target_id=target_id,
        recipient_id=recipient_id,
        amount=amount,
        payload_sha256=hashlib.sha256(json.dumps(facts).encode()).hexdigest(),
        requested_by=by.id if by is not None else None,
        asked_at=now,
        expires_at=now + officers.SIGN_WITHIN,
    )
    session.add(row)
    session.flush()
    book.write(
        tontine.id, "to_sign", by.user_id if by else None,
        order=row.id, action=action, target=target_id, amount=amount,
    )  # fmt: skip
    return row


def living_order(action: Action, target_id: int) -> MoneyOrder | None:
    """The request about this target that is open, signed or done."""
    return session.scalar(
        sa.select(MoneyOrder).where(
            MoneyOrder.action == action,
            MoneyOrder.target_id == target_id,
            MoneyOrder.status.in_(_LIVING),
        )
    )


def expire(order: MoneyOrder) -> bool:
    """End a request that two officers did not sign in a day; say whether it did."""
    if order.status != OrderStatus.OPEN or clock.now() <= order.expires_at:
        return False
    order.status = OrderStatus.EXPIRED
    session.flush()
    book.write(order.tontine_id, "not_signed", None, order=order.id)
    return True


def to_sign(tontine_id: int) -> Sequence[MoneyOrder]:
    """List the requests that wait for signatures, oldest first."""
    return session.scalars(
        sa.select(MoneyOrder)
        .where(MoneyOrder.tontine_id == tontine_id, MoneyOrder.status == OrderStatus.OPEN)
        .order_by(MoneyOrder.id)
    ).all()


def put_signature(order: MoneyOrder, user_id: int) -> bool:
    """Add an officer's signature; say whether two different people have now signed (R20).

    Signing twice adds nothing. Refuses recipients, strangers, late signatures, and any signature in
    the 72 hours after the bureau changed.
    """
    assert in_transaction(), "a signature is written with what it allows"
    bureau, now = of(order.tontine_id, order), clock.now()
    recipients = _recipients(order)
    before = tuple(signers(order.id))
    after = officers.sign(
        bureau, before, str(user_id), recipients=recipients, asked_at=order.asked_at, now=now
    )
    if len(after) > len(before):
        member = desk.member(order.tontine_id, user_id)
        session.add(Signature(order_id=order.id, member_id=member.id, at=now))
        session.flush()
        book.write(order.tontine_id, "signed", user_id, order=order.id)
    if not officers.is_complete(bureau, after, recipients=recipients):
        return False
    order.status = OrderStatus.SIGNED
    session.flush()
    return True


def _recipients(order: MoneyOrder) -> set[str]:
    if order.recipient_id is None:
        return set()
    return {str(session.get_one(Member, order.recipient_id).user_id)}


def check_complete(tontine_id: int) -> None:
    """Refuse to lock a circle in which nobody could ever sign money out."""
    if len(set(of(tontine_id).holders.values())) < officers.NEEDED:
        raise TontineRefused(Why.BUREAU_INCOMPLETE)
