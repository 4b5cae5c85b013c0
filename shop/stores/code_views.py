"""A seller's discount codes: make one, see who used it, pause it."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from shop import clock
from shop.i18n import refusal_sentence
from shop.orders import uses
from shop.stores import discounts
from shop.stores.access import BACK_ROOM, may, owner_id, seat
from shop.stores.delivery_forms import CodeForm
from shop.stores.models import Store

bp = Blueprint("seller_codes", __name__, url_prefix="/store/codes")

Page = Response | str | tuple[str, int]


@bp.route("/", methods=["GET", "POST"])
@may(BACK_ROOM, newcomers=True)
def show() -> Page:
    """List the shop's codes, and make a new one."""
    store = seat().store
    today = clock.now().date()
    month = today + timedelta(days=30)
    form = CodeForm(least="0", starts_on=today, ends_on=month, most_uses=50, most_per_buyer=1)
    if form.validate_on_submit() and _made(form, store):
        return redirect(url_for("seller_codes.show"), 303)
    page = render_template(
        "seller/codes.html",
        form=form,
        store=store,
        codes=discounts.all_of(store),
        counts=uses.counts(store),
        today=today,
    )
    return (page, 422) if form.errors else page


def _made(form: CodeForm, store: Store) -> bool:
    try:
        discounts.create(owner_id(), form.draft(store))
    except discounts.CodeTaken as taken:
        form.code.errors = [refusal_sentence(taken.code)]
        return False
    return True


@bp.get("/<int:code_id>/")
@may(BACK_ROOM)
def show_code(code_id: int) -> Page:
    """Show one code: its terms, and the orders that used it."""
    store = seat().store
    return render_template(
        "seller/code.html",
        code=discounts.of_store(store, code_id),
        uses=uses.of_code(code_id),
        used=uses.counts(store).get(code_id, 0),
        today=clock.now().date(),
    )


@bp.post("/<int:code_id>/")
@may(BACK_ROOM)
def pause(code_id: int) -> Page:
    """Pause a code, or take it up again."""
    discounts.of_store(seat().store, code_id)
    discounts.pause(owner_id(), code_id, paused=request.form.get("paused") == "1")
    return redirect(url_for("seller_codes.show_code", code_id=code_id), 303)
