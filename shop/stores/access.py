"""Who may open which page of a shop's back room: one mark per view, one table in the tests."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from flask import g, redirect, url_for
from flask import session as cookie
from flask_login import current_user

from shop.errors import NotFound
from shop.stores import members
from shop.stores.member_models import Role
from shop.stores.members import Seat
from shop.web import signed_in

__all__ = ["ALL", "BACK_ROOM", "OWNER", "Role", "Seat", "may", "seat", "sit"]

View = TypeVar("View", bound=Callable[..., Any])

OWNER: Final = frozenset({Role.OWNER})
BACK_ROOM: Final = frozenset({Role.OWNER, Role.SELLER})
ALL: Final = frozenset(Role)
#: Which of several shops this browser works in, in the signed cookie.
COOKIE: Final = "shop"


def may(roles: frozenset[Role], *, newcomers: bool = False) -> Callable[[View], View]:
    """Open a view to these roles of a shop; for others it does not exist.

    Somebody without any shop is led to open one where `newcomers` says so.
    """

    def mark(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            found = _seat()
            if found is None and newcomers:
                return redirect(url_for("seller.open_store"), 303)
            if found is None or found.role not in roles:
                raise NotFound("not for this person")
            return view(*args, **kwargs)

        guarded.roles = roles  # type: ignore[attr-defined]
        return cast(View, signed_in(guarded))

    return mark


def seat() -> Seat:
    """Give the place of whoever is signed in, in the shop they work in now. Raises `NotFound`."""
    found = _seat()
    if found is None:
        raise NotFound("no shop")
    return found


def owner_id() -> int:
    """Name the owner of the shop that is worked in: everything of a shop is looked up by its owner."""
    return seat().store.owner_id


def role() -> Role | None:
    """Say what whoever is signed in is in their shop; for templates."""
    found = _seat() if current_user.is_authenticated else None
    return found.role if found else None


def sit(store_slug: str) -> None:
    """Work in another of one's shops from now on; anybody else's does not exist."""
    seats = members.seats_of(current_user.id)
    found = next((one for one in seats if one.store.slug == store_slug), None)
    if found is None:
        raise NotFound("no such shop of theirs")
    cookie[COOKIE] = found.store.id
    g.pop("shop_seat", None)


def seats() -> list[Seat]:
    """List the shops of whoever is signed in."""
    return members.seats_of(current_user.id)


def _seat() -> Seat | None:
    """Find the chosen shop, else the first; read once per request."""
    known = g.get("shop_seat")
    if known is None or known[0] != current_user.id:
        found = members.seats_of(current_user.id)
        chosen = [one for one in found if one.store.id == cookie.get(COOKIE)]
        known = g.shop_seat = (current_user.id, next(iter([*chosen, *found]), None))
    return cast("Seat | None", known[1])
