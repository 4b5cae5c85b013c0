"""The buyer's orders: theirs alone, or those a private link opened in this browser."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from shop.accounts.session import current_payer
from shop.orders import access, service
from shop.payments import service as payments
from shop.payments.states import Purpose
from shop.web import guest_or_signed_in

bp = Blueprint("orders", __name__)


@bp.get("/orders/")
@guest_or_signed_in
def mine() -> str:
    """List this browser's orders, newest first."""
    payer = current_payer()
    orders = service.of_user(payer.id) if payer else []
    return render_template("orders/mine.html", orders=orders)


@bp.get("/order/<reference>/")
@guest_or_signed_in
def show(reference: str) -> str:
    """Show one order: what, where, how much, and what to do next."""
    order = access.of_browser(reference)
    payer = current_payer()
    mine = payer is not None and payer.id == order.user_id
    attempts = payments.all_of(Purpose.ORDER, order.id) if mine else []
    return render_template("orders/order.html", order=order, mine=mine, attempts=attempts)


@bp.get("/o/<token>/")
@guest_or_signed_in
def open_link(token: str) -> Response:
    """Open the one order that the link of a message is for."""
    order = service.by_access_token(token)
    access.remember(order)
    return redirect(url_for("orders.show", reference=order.reference), 303)
