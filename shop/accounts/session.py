"""The browser's side of a sign-in: one signed cookie that holds a device's secret, a guest, a cart."""

from __future__ import annotations

from typing import Any, Final

from flask import g
from flask import session as cookie
from flask_login import current_user, login_user

from shop.accounts import service
from shop.accounts.models import User

#: What a change of identity keeps; everything else in the cookie is dropped with the old identity.
KEPT: Final = ("cart", "orders")


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
    return service.session_guest(cookie.get("guest"))


def adopt_guest(user: User) -> None:
    """Remember the guest who buys from this browser."""
    cookie["guest"] = user.id
    cookie.permanent = True


def begin(user: User, token: str, *, borrowed: bool) -> None:
    """Sign this browser in: a fresh cookie, with the cart it had."""
    _renew(borrowed=borrowed)
    user.device_token = token
    login_user(user)


def end() -> None:
    """Sign this browser out; on one's own phone, the PIN is then enough to come back."""
    token = cookie.get("_user_id")
    known = service.change_token(token, sign_out=True) if token else None
    _renew(borrowed=known is None)
    if known is not None:
        cookie["known"] = known


def _renew(*, borrowed: bool) -> None:
    kept: dict[str, Any] = {name: cookie[name] for name in KEPT if name in cookie}
    cookie.clear()
    cookie.update(kept)
    cookie.permanent = not borrowed
    g.pop("_login_user", None)
