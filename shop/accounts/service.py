"""People: who a number belongs to, what their PIN opens, which devices they are signed in on."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock
from shop.accounts.models import Device, User
from shop.accounts.pins import hash_pin, verify_pin
from shop.accounts.secrets import hashed_token
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import NotFound
from shop.phone import Phone

__all__ = ["PinAnswer", "hash_pin", "verify_pin"]

PIN_TRIES: Final = 3
PIN_PAUSE: Final = timedelta(hours=24)
DEVICE_LIFE: Final = timedelta(days=30)
BORROWED_LIFE: Final = timedelta(hours=1)


class PinAnswer(StrEnum):
    """What became of a PIN that was typed."""

    RIGHT = "right"
    WRONG = "wrong"
    PAUSED = "paused"


def proven(phone: str) -> User | None:
    """Give the user who proved this number; None when nobody has."""
    query = sa.select(User).where(User.phone == phone, User.verified_at.is_not(None))
    return session.scalar(query)


def to_alert() -> Sequence[User]:
    """List the staff who can act when a provider misbehaves."""
    acting = User.role.in_(["admin", "finance"])
    query = sa.select(User).where(acting, User.verified_at.is_not(None)).order_by(User.id)
    return session.scalars(query).all()


def by_id(user_id: int) -> User:
    """Give a user. Raises `NotFound`."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("no such user")
    return user


@retrying
def join(phone: Phone, *, name: str, pin: str, language: str) -> User:
    """Make the account of a number just proven, or give it back when the other tap was faster."""
    try:
        with transaction():
            now = clock.now()
            user = _new(phone, name, language)
            user.verified_at, user.pin_hash = now, hash_pin(pin)
            session.add(user)
        return user
    except IntegrityError:
        existing = proven(phone.e164)
        assert existing is not None, "only a proven number is unique"
        return existing


@retrying
def guest(name: str, phone: Phone, language: str = "fr") -> User:
    """Make a row for somebody who buys without an account: their number proves nothing yet."""
    with transaction():
        user = _new(phone, name, language)
        session.add(user)
    return user


def _new(phone: Phone, name: str, language: str) -> User:
    return User(
        phone=phone.e164,
        country=phone.country,
        name=name,
        language=language,
        created_at=clock.now(),
    )


def merge_guests(user: User) -> list[int]:
    """Mark the guests who used this user's proven number as theirs; give their ids, to move what they own."""
    assert in_transaction(), "what guests own moves with them"
    assert user.verified_at is not None, "only a proven number claims"
    guests = session.scalars(
        sa.select(User)
        .where(User.phone == user.phone, User.verified_at.is_(None))
        .where(User.merged_into_id.is_(None), User.id != user.id)
        .order_by(User.id)
        .with_for_update()
    ).all()
    for one in guests:
        one.merged_into_id = user.id
    return [one.id for one in guests]


def unclaimed_guest(user_id: int | None) -> User | None:
    """Give a guest nobody has claimed; None for anybody else: a cookie's guest is never a member."""
    guest = None if user_id is None else session.get(User, user_id)
    if guest is None or guest.verified_at is not None or guest.merged_into_id is not None:
        return None
    return guest


def owner_id(user_id: int) -> int:
    """Say who answers for a user now: the one who claimed them as a guest, else themselves."""
    return by_id(user_id).merged_into_id or user_id


def owner_ids(user_ids: Collection[int]) -> dict[int, int]:
    """Say who answers for each of these users now."""
    owner = sa.func.coalesce(User.merged_into_id, User.id)
    rows = session.execute(sa.select(User.id, owner).where(User.id.in_(user_ids)))
    return dict(iter(rows))


def identities(user_id: int) -> list[int]:
    """Say under which ids a user bought: their own, and the guests they claimed."""
    guests = session.scalars(sa.select(User.id).where(User.merged_into_id == user_id))
    return [user_id, *guests]


@retrying
def try_pin(user_id: int, pin: str) -> PinAnswer:
    """Check a PIN; three wrong ones pause it for a day (only a code by SMS signs in meanwhile)."""
    with transaction():
        query = sa.select(User).where(User.id == user_id).with_for_update()
        user = session.scalars(query.execution_options(populate_existing=True)).one()
        if user.pin_locked_until is not None and user.pin_locked_until > clock.now():
            return PinAnswer.PAUSED
        if verify_pin(user.pin_hash, pin):
            user.pin_failures, user.pin_locked_until = 0, None
            return PinAnswer.RIGHT
        user.pin_failures += 1
        if user.pin_failures < PIN_TRIES:
            return PinAnswer.WRONG
        user.pin_failures, user.pin_locked_until = 0, clock.now() + PIN_PAUSE
        return PinAnswer.PAUSED


@retrying
def open_device(user_id: int, *, borrowed: bool) -> str:
    """Remember a browser whose owner just proved the number; give its secret, kept nowhere else."""
    token, now = secrets.token_urlsafe(32), clock.now()
    with transaction():
        session.add(
            Device(
                user_id=user_id,
                token_hash=hashed_token(token),
                borrowed=borrowed,
                created_at=now,
                seen_at=now,
                expires_at=now + (BORROWED_LIFE if borrowed else DEVICE_LIFE),
            )
        )
    return token


def device(token: str, *, signed_out: bool = False) -> Device | None:
    """Give the living device of a secret: signed in, or known but signed out; None otherwise."""
    found = session.scalar(sa.select(Device).where(Device.token_hash == hashed_token(token)))
    if found is None or found.expires_at <= clock.now():
        return None
    return found if (found.signed_out_at is not None) == signed_out else None


def user_of(token: str) -> User | None:
    """Give the user signed in with this secret."""
    found = device(token)
    return None if found is None else session.get(User, found.user_id)


@retrying
def change_token(token: str, *, sign_out: bool) -> str | None:
    """Sign a known device in or out; its old secret dies at once. None: the device is forgotten."""
    new = secrets.token_urlsafe(32)
    with transaction():
        found = device(token, signed_out=not sign_out)
        if found is None:
            return None
        if found.borrowed and sign_out:
            session.delete(found)
            return None
        found.token_hash, found.seen_at = hashed_token(new), clock.now()
        found.signed_out_at = clock.now() if sign_out else None
    return new


def devices_of(user_id: int) -> Sequence[Device]:
    """List the browsers that know this user, latest first."""
    query = sa.select(Device).where(Device.user_id == user_id, Device.expires_at > clock.now())
    return session.scalars(query.order_by(Device.seen_at.desc(), Device.id.desc())).all()


@retrying
def forget_device(user_id: int, device_id: int) -> None:
    """Sign one of a user's own devices out for good. Raises `NotFound` for another's."""
    with transaction():
        found = session.get(Device, device_id)
        if found is None or found.user_id != user_id:
            raise NotFound("no such device")
        session.delete(found)


@retrying
def change_profile(user_id: int, *, name: str, language: str) -> None:
    """Change what people call a user, and the language we write to them in."""
    with transaction():
        user = by_id(user_id)
        user.name, user.language = name, language
