"""The buyer's orders: theirs alone, or those a private link opened in this browser."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from shop import wallet_parts
from shop.accounts.session import current_payer
from shop.orders import access, fulfilment, handover, service, whereabouts, wording
from shop.orders.dispute_states import reasons_at
from shop.orders.models import SellerOrder
from shop.orders.refusals import NotThatStep
from shop.orders.states import CLOSED, Actor, Escrow, Stage
from shop.payments import service as payments
from shop.payments.states import Purpose
from shop.web import guest_or_signed_in

bp = Blueprint("orders", __name__)

#: What the buyer may answer when the goods are there.
ANSWERS = {"pay": Stage.CONFIRMED, "look": Stage.RECEIVED}
#: Stages in which the goods may be in the buyer's hands: the answer is then the page's first button.
ARRIVED = frozenset({Stage.SENT, Stage.ASKED, Stage.RECEIVED})


@dataclass(frozen=True, slots=True)
class Parcel:
    """One shop's part of an order as its buyer sees it."""

    part: SellerOrder
    goods: wording.Pill
    money: wording.Pill
    sentence: str
    code: str
    """The hand-over code, spaced; empty when it opens nothing, or when this is not the buyer."""
    history: list[wording.Moment]
    can: frozenset[str]


@bp.get("/orders/")
@guest_or_signed_in
def mine() -> str:
    """List this browser's orders, newest first."""
    payer = current_payer()
    orders = service.of_user(payer.id) if payer else []
    return render_template("orders/mine.html", orders=orders, words=wording)


@bp.get("/order/<reference>/")
@guest_or_signed_in
def show(reference: str) -> str:
    """Show one order: what, where, how much, where the money is, and what to do next."""
    order = access.of_browser(reference)
    mine = access.is_mine(order)
    attempts = payments.all_of(Purpose.ORDER, order.id) if mine else []
    part = wallet_parts.living_of(order.id) if mine else None
    parcels = [_parcel(part, mine=mine) for part in order.seller_orders]
    return render_template(
        "orders/order.html", order=order, mine=mine, attempts=attempts, parcels=parcels, part=part
    )


def _parcel(part: SellerOrder, *, mine: bool) -> Parcel:
    open_ = part.state not in CLOSED and part.state is not Stage.UNPAID
    shown = mine and open_ and part.state is not Stage.TO_ACCEPT
    return Parcel(
        part=part,
        goods=wording.GOODS[part.state],
        money=wording.MONEY[Escrow(part.escrow)],
        sentence=whereabouts.for_buyer(part, whereabouts.of(part)) if open_ or part.paid_at else "",
        code=handover.spaced(handover.code_of(part)) if shown else "",
        history=wording.history(part) if part.paid_at else [],
        can=_can(part) if mine else frozenset(),
    )


def _can(part: SellerOrder) -> frozenset[str]:
    """Name what the buyer may do: `arrived` is a first button, `receive` a quiet one."""
    found = set()
    if fulfilment.can(part, Stage.CONFIRMED, Actor.BUYER):
        found.add("arrived" if part.state in ARRIVED else "receive")
    if fulfilment.can(part, Stage.CANCELLED, Actor.BUYER):
        found.add("cancel")
    if part.escrow == Escrow.HELD and part.disputed_at is None and reasons_at(part.state):
        found.add("report")
    return frozenset(found)


@bp.get("/o/<token>/")
@guest_or_signed_in
def open_link(token: str) -> Response:
    """Open the one order that the link of a message is for."""
    order = service.by_access_token(token)
    access.remember(order)
    return redirect(url_for("orders.show", reference=order.reference), 303)


@bp.get("/order/<reference>/<part>/received/")
@guest_or_signed_in
def ask_received(reference: str, part: str) -> str | Response:
    """Ask before the money goes: what "I have it" means, and that it cannot be taken back."""
    found = access.own_part(reference, part)
    if not fulfilment.can(found, Stage.CONFIRMED, Actor.BUYER):
        return redirect(url_for("orders.show", reference=found.order.reference), 303)
    may_look = fulfilment.can(found, Stage.RECEIVED, Actor.BUYER)
    return render_template("orders/received.html", part=found, order=found.order, may_look=may_look)


@bp.post("/order/<reference>/<part>/received/")
@guest_or_signed_in
def receive(reference: str, part: str) -> Response:
    """Take the buyer's answer: pay the seller now, or look at it for a day."""
    found = access.own_part(reference, part)
    to = ANSWERS.get(request.form.get("answer", ""))
    if to is None:
        return redirect(request.url, 303)
    return _taken(found, to)


@bp.post("/order/<reference>/<part>/cancel/")
@guest_or_signed_in
def cancel(reference: str, part: str) -> Response:
    """Cancel before the seller has answered: everything goes back."""
    return _taken(access.own_part(reference, part), Stage.CANCELLED)


def _taken(part: SellerOrder, to: Stage) -> Response:
    reference, user_id = part.order.reference, part.order.user_id
    try:
        fulfilment.buy([user_id], part.reference, to)
    except NotThatStep:
        if access.own_part(reference, part.reference).state is not to:
            raise  # another step was faster; a second tap on this one is no news
    return redirect(url_for("orders.show", reference=reference), 303)
