"""A shop's staff: invited by number, in once that number is proven, out when the owner says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop import clock
from shop.accounts.models import User
from shop.db import retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.notices import service as notices
from shop.notices import shop_messages as messages
from shop.notices.models import Kind
from shop.phone import Phone
from shop.stores.member_models import Role, StoreMember
from shop.stores.models import Store

#: More would be a crowd, not a shop.
MOST_MEMBERS: Final = 20
ROLES: Final = (Role.SELLER, Role.CASHIER)


class TooManyMembers(Conflict):
    """A shop has twenty people at most, invitations included."""

    code = "too_many_members"
    http_status = 422


class OwnNumber(Conflict):
    """The owner has every right already."""

    code = "own_number"
    http_status = 422


@dataclass(frozen=True, slots=True)
class Seat:
    """A person's place in a shop."""

    store: Store
    role: Role


def seats_of(user_id: int) -> list[Seat]:
    """List the shops somebody may work in, their own first."""
    owned = sa.select(Store.id.label("store_id"), sa.literal(str(Role.OWNER)).label("role"))
    joined = sa.select(StoreMember.store_id, StoreMember.role)
    places = sa.union_all(
        owned.where(Store.owner_id == user_id),
        joined.where(StoreMember.user_id == user_id, StoreMember.removed_at.is_(None)),
    ).subquery()
    rows = session.execute(
        sa.select(Store, places.c.role)
        .join(places, places.c.store_id == Store.id)
        .order_by(places.c.role != Role.OWNER, Store.id)
    )
    return [Seat(store, Role(role)) for store, role in rows]


def of_store(store_id: int) -> Sequence[StoreMember]:
    """List who works in a shop or is invited, the longest there first."""
    query = sa.select(StoreMember).where(
        StoreMember.store_id == store_id, StoreMember.removed_at.is_(None)
    )
    return session.scalars(query.order_by(StoreMember.id)).all()


def names_of(members: Sequence[StoreMember]) -> dict[int, str]:
    """Give the names of those who accepted."""
    ids = [m.user_id for m in members if m.user_id]
    return dict(iter(session.execute(sa.select(User.id, User.name).where(User.id.in_(ids)))))


def invitations_of(phone: str) -> Sequence[StoreMember]:
    """List what a proven number is invited to and has not accepted."""
    query = sa.select(StoreMember).where(
        StoreMember.phone == phone,
        StoreMember.removed_at.is_(None),
        StoreMember.joined_at.is_(None),
    )
    return session.scalars(query.options(joinedload(StoreMember.store))).all()


@retrying
def invite(store_id: int, number: Phone, role: Role, *, language: str) -> None:
    """Invite a number; twice is once. Another role is another invitation: remove, then invite."""
    assert role in ROLES, "a shop has one owner"
    with transaction():
        store = session.get_one(Store, store_id, with_for_update=True)
        owner = session.get_one(User, store.owner_id)
        present = of_store(store_id)
        if owner.phone == number.e164:
            raise OwnNumber("the owner needs no invitation")
        if any(member.phone == number.e164 for member in present):
            return
        if len(present) >= MOST_MEMBERS:
            raise TooManyMembers(f"{len(present)} people")
        member = StoreMember(
            store_id=store_id, phone=number.e164, role=role, invited_at=clock.now()
        )
        session.add(member)
        session.flush()
        text = messages.invited(store.name, language=language)
        notices.put(f"invited:{member.id}", number.e164, Kind.SHOP, text)


@retrying
def accept(user: User, member_id: int) -> None:
    """Take the place one is invited to; twice is once. Raises `NotFound` for another's invitation."""
    with transaction():
        member = session.get(StoreMember, member_id, with_for_update=True, populate_existing=True)
        ours = member is not None and member.phone == user.phone and user.verified_at is not None
        if member is None or not ours or member.removed_at is not None:
            raise NotFound("no such invitation")
        if member.user_id is None:
            member.user_id, member.joined_at = user.id, clock.now()


@retrying
def remove(store_id: int, member_id: int) -> None:
    """Take somebody's place back, from this moment on; twice is once. `NotFound` for another shop's."""
    with transaction():
        member = session.get(StoreMember, member_id, with_for_update=True, populate_existing=True)
        if member is None or member.store_id != store_id:
            raise NotFound("no such member")
        member.removed_at = member.removed_at or clock.now()
