"""One's own page: name, language, and the browsers that know us."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import i18n
from shop.accounts import service
from shop.accounts.forms import ProfileForm
from shop.phone import international
from shop.web import signed_in

bp = Blueprint("account", __name__)


@bp.route("/account/", methods=["GET", "POST"])
@signed_in
def show() -> str | Response | tuple[str, int]:
    """Show and change one's name and language; list devices."""
    form = ProfileForm(obj=current_user)
    if form.validate_on_submit():
        service.change_profile(current_user.id, name=form.name.data, language=form.language.data)
        response = make_response(redirect(url_for("account.show"), 303))
        response.set_cookie(
            i18n.COOKIE, form.language.data, max_age=31_536_000, samesite="Lax", httponly=True
        )
        return response
    here = service.device(current_user.get_id())
    devices = service.devices_of(current_user.id)
    page = render_template(
        "accounts/account.html",
        form=form,
        devices=devices,
        here=here,
        number=international(current_user.phone),
    )
    return page, 422 if form.errors else 200


@bp.post("/account/devices/<int:device_id>/forget/")
@signed_in
def forget(device_id: int) -> Response:
    """Sign one of one's own browsers out; it will need a code to come back."""
    service.forget_device(current_user.id, device_id)
    return redirect(url_for("account.show"), 303)
