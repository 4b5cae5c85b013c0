"""That it is really you: a PIN or a code by SMS, asked for before what binds or moves money."""

from __future__ import annotations

from flask import request
from flask_login import current_user

from shop.accounts import codes, pins
from shop.accounts import service as accounts
from shop.accounts.secrets import keyed
from shop.accounts.service import PinAnswer
from shop.i18n import _, language
from shop.tontines.models import Accepted


def asker() -> str:
    """Name where a request comes from, as a keyed hash."""
    return keyed("asker", request.remote_addr or "")


def send_code() -> None:
    """Send a code to the signed-in user's own number. Raises when too many were asked for."""
    codes.send(current_user.phone, asker=request.remote_addr or "", language=language())


def proven(typed: str) -> Accepted | str:
    """Check a PIN (5 digits) or a code by SMS (6); give how it was proven, or what is wrong."""
    typed = typed.strip()
    if len(typed) == pins.LENGTH:
        match accounts.try_pin(current_user.id, typed):
            case PinAnswer.RIGHT:
                return Accepted.PIN
            case PinAnswer.WRONG:
                return str(_("Ce code PIN n’est pas bon."))
            case PinAnswer.PAUSED:
                return str(_("Trop d’essais. Réessayez dans 24 heures."))
    if codes.check(current_user.phone, typed):
        return Accepted.CODE
    return str(_("Ce code n’est pas bon, ou il est trop vieux. Demandez-en un autre."))
