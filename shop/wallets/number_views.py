"""Another number to receive withdrawals: PIN, then a code on that number, then a day to wait (W7)."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask import session as cookie
from flask_login import current_user

from shop import clock, queue
from shop import phone as phones
from shop.accounts import codes
from shop.accounts.forms import CodeForm
from shop.accounts.refusals import TooManyCodes, TooSoon
from shop.i18n import _, language, refusal_sentence
from shop.paying import Page, refused_pin
from shop.wallets import service
from shop.wallets.forms import NewNumberForm
from shop.web import signed_in

bp = Blueprint("withdrawal_number", __name__)

#: The number that waits for its code, in the signed cookie of this browser: (number, country).
NEW_NUMBER: Final = "withdrawal_number"


@bp.route("/wallet/numbers/", methods=["GET", "POST"])
@signed_in
def add() -> Page:
    """Ask for another number, and the PIN; a code then proves the number."""
    data = {"country": current_user.country} if request.method == "GET" else None
    form = NewNumberForm(data=data)
    if form.validate_on_submit() and form.number is not None:
        problem = refused_pin(form.pin.data or "") or _send_code(form.number.e164)
        if problem is None:
            cookie[NEW_NUMBER] = (form.number.e164, form.number.country)
            return redirect(url_for("withdrawal_number.code"), 303)
        form.pin.errors = [problem]
    page = render_template(
        "wallets/number.html",
        form=form,
        numbers=[
            (phones.masked(n.phone), n, n.usable_from > clock.now())
            for n in service.numbers_of(current_user.id)
        ],
    )
    return (page, 422) if form.errors else page


def _send_code(phone: str) -> str | None:
    """Send the code; a sentence when this number had too many."""
    try:
        codes.send(phone, asker=request.remote_addr or "", language=language())
    except TooSoon:
        return None  # the code of a moment ago is still good
    except TooManyCodes as refusal:
        return refusal_sentence(refusal.code)
    queue.ring("send_notices")
    return None


@bp.route("/wallet/numbers/code/", methods=["GET", "POST"])
@signed_in
def code() -> Page:
    """Check the code; the number can receive money a day later, and the known one is told at once."""
    kept = cookie.get(NEW_NUMBER)
    if kept is None:
        return redirect(url_for("withdrawal_number.add"), 303)
    phone = phones.parse(*kept)
    form = CodeForm()
    if form.validate_on_submit():
        if codes.check(phone.e164, form.code.data):
            service.add_number(current_user.id, phone)
            cookie.pop(NEW_NUMBER)
            queue.ring("send_notices")
            return redirect(url_for("withdrawal_number.add"), 303)
        form.code.errors = [_("Ce code n’est pas bon, ou il a expiré.")]
    page = render_template("wallets/number_code.html", form=form, phone=phones.masked(phone.e164))
    return (page, 422) if form.errors else page
