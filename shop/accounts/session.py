"""The browser's side of a sign-in: one signed cookie that holds a device's secret, a guest, a cart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import g
from flask import session as cookie
from flask_login import current_user, login_user

from shop.accounts import service
from shop.accounts.models import User

#: What signing in keeps; everything else in the cookie is dropped with the old identity.
KEPT: Final = ("cart", "place", "orders")


def load(token: str) -> User | None:
    """Give flask-login the user of a device's secret."""
    user = service.user_of(token)
    if user is not None:
        user.device_token = token
        g.user_language = user.language
    return user


def current_payer() -> User | None:
    """Give who answers for what this browser buys: the signed-in user, else its guest, else None."""
    if current_user.is_authenticated:
        user: User = current_user._get_current_object()
        return user
    return service.unclaimed_guest(cookie.get("guest"))


def adopt_guest(user: User) -> None:
    """Remember the guest who buys from this browser."""
    cookie["guest"] = user.id
    cookie.permanent = True


def begin(user: User, token: str, *, borrowed: bool) -> None:
    """Sign this browser in: a fresh cookie, with the cart it had."""
    _renew(KEPT, permanent=not borrowed)
    user.device_token = token
    login_user(user)


def end() -> None:
    """Sign this browser out; on one's own phone, the PIN is then enough to come back."""
    token = cookie.get("_user_id")
    known = service.change_token(token, sign_out=True) if token else None
    _renew(("cart",) if known else (), permanent=known is not None)
    if known is not None:
        cookie["known"] = known


def known_user(phone: str) -> User | None:
    """Give the owner of a number if this browser proved it before: the PIN is then enough."""
    token = cookie.get("known")
    found = service.device(token, signed_out=True) if token else None
    user = None if found is None else service.by_id(found.user_id)
    return user if user is not None and user.phone == phone else None


def begin_again(user: User) -> bool:
    """Sign in a browser that is known already, its PIN checked; False when it was forgotten meanwhile."""
    token = service.change_token(cookie.get("known", ""), sign_out=False)
    if token is not None:
        begin(user, token, borrowed=False)
    return token is not None


def _renew(kept: Sequence[str], *, permanent: bool) -> None:
    values: dict[str, Any] = {name: cookie[name] for name in kept if name in cookie}
    cookie.clear()
    cookie.update(values)
    cookie.permanent = permanent
    g.pop("_login_user", None)
