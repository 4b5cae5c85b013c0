"""A seller's discount codes: make one, see who used it, pause it."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import clock
from shop.errors import NotFound
from shop.i18n import refusal_sentence
from shop.orders import uses
from shop.stores import discounts, service
from shop.stores.delivery_forms import CodeForm
from shop.stores.models import Store
from shop.web import signed_in

bp = Blueprint("seller_codes", __name__, url_prefix="/store/codes")

Page = Response | str | tuple[str, int]


@bp.route("/", methods=["GET", "POST"])
@signed_in
def show() -> Page:
    """List the shop's codes, and make a new one."""
    store = service.store_of(current_user.id)
    if store is None:
        return redirect(url_for("seller.open_store"), 303)
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
        discounts.create(current_user.id, form.draft(store))
    except discounts.CodeTaken as taken:
        form.code.errors = [refusal_sentence(taken.code)]
        return False
    return True


@bp.get("/<int:code_id>/")
@signed_in
def show_code(code_id: int) -> Page:
    """Show one code: its terms, and the orders that used it."""
    store = _store()
    return render_template(
        "seller/code.html",
        code=discounts.of_store(store, code_id),
        uses=uses.of_code(code_id),
        used=uses.counts(store).get(code_id, 0),
        today=clock.now().date(),
    )


@bp.post("/<int:code_id>/")
@signed_in
def pause(code_id: int) -> Page:
    """Pause a code, or take it up again."""
    discounts.of_store(_store(), code_id)
    discounts.pause(current_user.id, code_id, paused=request.form.get("paused") == "1")
    return redirect(url_for("seller_codes.show_code", code_id=code_id), 303)


def _store() -> Store:
    store = service.store_of(current_user.id)
    if store is None:
        raise NotFound("no shop, no codes")
    return store
