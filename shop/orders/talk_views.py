"""The conversation on an order, for each side: messages, where the money is, and a problem and its end."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import web
from shop.errors import NotFound, Refusal
from shop.i18n import refusal_sentence
from shop.orders import access, dispute_wording, disputes, sales, talk, whereabouts, wording
from shop.orders.dispute_states import REASONS, Offer, reasons_at
from shop.orders.models import OrderStatus, SellerOrder
from shop.orders.refusals import BadReason, BadShare, BadWords, NoDispute, OfferGone
from shop.orders.states import Actor, Escrow, Stage
from shop.orders.talk import Side
from shop.payments import service as payments
from shop.payments import wording as payment_wording
from shop.payments.models import Payment
from shop.payments.states import Purpose
from shop.providers import methods
from shop.stores import access as shop_access
from shop.stores import photos
from shop.web import guest_or_signed_in

bp = Blueprint("talk", __name__)
seller_bp = Blueprint("seller_talk", __name__)

Page = str | Response | tuple[str, int]
PHOTO_REFUSED = (photos.PhotoTooHeavy, photos.PhotoTooSmall, photos.NotAPhoto)


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody at a conversation: the order, the side, and where its pages are."""

    part: SellerOrder
    side: Side
    home: str
    """The order's own page."""
    base: str
    """Where the pages of the conversation begin."""


def _buyers_seat(reference: str, part: str) -> Seat:
    found = access.own_part(reference, part)
    home = f"/order/{found.order.reference}/"
    side = Side(Actor.BUYER, (found.order.user_id,))
    return Seat(found, side, home, f"{home}{found.reference}/")


def _sellers_seat(reference: str) -> Seat:
    owner = shop_access.owner_id()
    found = sales.talked_about(owner, reference)
    base = f"/store/orders/{found.reference}/"
    home = "/store/orders/" if found.state is Stage.UNPAID else base
    return Seat(found, Side(Actor.SELLER, (owner,), current_user.id), home, base)


@bp.get("/order/<reference>/messages/")
@guest_or_signed_in
def of_order(reference: str) -> Response:
    """Lead to the conversation with the order's first shop; its page leads to each."""
    order = access.of_browser(reference)
    if order.door_of is not None:
        raise NotFound("a bill has no conversation of its own")
    first = order.seller_orders[0].reference
    return redirect(url_for("talk.show", reference=order.reference, part=first), 303)


@bp.get("/order/<reference>/<part>/messages/")
@guest_or_signed_in
def show(reference: str, part: str) -> Page:
    """Show the buyer the conversation with one shop."""
    return _talk(_buyers_seat(reference, part))


@bp.post("/order/<reference>/<part>/messages/")
@guest_or_signed_in
def say(reference: str, part: str) -> Page:
    """Add a message of the buyer."""
    return _say(_buyers_seat(reference, part))


@bp.post("/order/<reference>/<part>/messages/<int:message>/pin/")
@guest_or_signed_in
def pin(reference: str, part: str, message: int) -> Page:
    """Keep a message as evidence, as the buyer."""
    return _pin(_buyers_seat(reference, part), message)


@bp.get("/order/<reference>/<part>/problem/")
@guest_or_signed_in
def ask_problem(reference: str, part: str) -> Page:
    """Ask what is wrong."""
    return _problem(_buyers_seat(reference, part))


@bp.post("/order/<reference>/<part>/problem/")
@guest_or_signed_in
def report(reference: str, part: str) -> Page:
    """Open a dispute: the money is frozen before anybody talks about it."""
    seat = _buyers_seat(reference, part)
    words, reason = request.form.get("words", ""), request.form.get("reason", "")
    try:
        talk.checked(words)  # before a photo is kept for nothing
        disputes.report(
            seat.side, seat.part.reference, disputes.Complaint(reason, words, _photo_key())
        )
    except (BadReason, BadWords, *PHOTO_REFUSED) as no:
        return _problem(_buyers_seat(reference, part), refusal_sentence(no.code)), 422
    except NoDispute:
        if not access.own_part(reference, part).disputed_at:
            raise  # a second tap on this form is no news
    return _back(seat)


@bp.post("/order/<reference>/<part>/dispute/<act>/")
@guest_or_signed_in
def act(reference: str, part: str, act: str) -> Page:
    """Take a step in the dispute, as the buyer."""
    return _act(_buyers_seat(reference, part), act)


@bp.get("/order/<reference>/<part>/dispute/photo/")
@guest_or_signed_in
def photo(reference: str, part: str) -> Response:
    """Give the dispute's photo to the buyer."""
    return _photo(_buyers_seat(reference, part))


@seller_bp.get("/store/orders/<reference>/messages/")
@shop_access.may(shop_access.BACK_ROOM)
def show_seller(reference: str) -> Page:
    """Show the seller the conversation with one buyer."""
    return _talk(_sellers_seat(reference))


@seller_bp.post("/store/orders/<reference>/messages/")
@shop_access.may(shop_access.BACK_ROOM)
def say_seller(reference: str) -> Page:
    """Add a message of the seller."""
    return _say(_sellers_seat(reference))


@seller_bp.post("/store/orders/<reference>/messages/<int:message>/pin/")
@shop_access.may(shop_access.BACK_ROOM)
def pin_seller(reference: str, message: int) -> Page:
    """Keep a message as evidence, as the seller."""
    return _pin(_sellers_seat(reference), message)


@seller_bp.post("/store/orders/<reference>/dispute/<act>/")
@shop_access.may(shop_access.BACK_ROOM)
def act_seller(reference: str, act: str) -> Page:
    """Take a step in the dispute, as the seller."""
    return _act(_sellers_seat(reference), act)


@seller_bp.get("/store/orders/<reference>/dispute/photo/")
@shop_access.may(shop_access.BACK_ROOM)
def photo_seller(reference: str) -> Response:
    """Give the dispute's photo to the seller."""
    return _photo(_sellers_seat(reference))


def _talk(seat: Seat, problem: str = "", draft: str = "") -> str:
    part, actor = seat.part, seat.side.actor
    tell = whereabouts.for_buyer if actor is Actor.BUYER else whereabouts.for_seller
    dispute = disputes.of_part(part)
    offer = disputes.latest_offer(dispute) if dispute else None
    return render_template(
        "orders/talk.html",
        seat=seat,
        part=part,
        order=part.order,
        buyer=actor is Actor.BUYER,
        sentence=tell(part, whereabouts.of(part)),
        goods=wording.goods(part),
        money=wording.MONEY[Escrow(part.escrow)],
        attempt=_attempt(part) if actor is Actor.BUYER else None,
        page=talk.page(part, request.args.get("before", "")),
        pinned=talk.pinned(part),
        readable=talk.readable,
        key=web.form_key(),
        problem=problem,
        draft=draft,
        dispute=dispute,
        reason=REASONS[dispute.reason].sentence if dispute else "",
        offer=offer,
        pill_of=dispute_wording.PILLS,
        told=dispute_wording.history(dispute) if dispute else [],
        can=dispute_wording.can(dispute, offer, actor) if dispute else set(),
    )


def _attempt(part: SellerOrder) -> tuple[Payment, object] | None:
    """Give the newest attempt to pay an unpaid order, and how it stands at this moment."""
    if part.order.status != OrderStatus.AWAITING_PAYMENT:
        return None
    attempts = payments.all_of(Purpose.ORDER, part.order_id)
    if not attempts:
        return None
    newest = attempts[-1]
    phase = payment_wording.phase(newest, methods.get(newest.method))
    return newest, payment_wording.LABELS[phase]


def _say(seat: Seat) -> Page:
    text, key = request.form.get("text", ""), request.form.get("form_key", "")
    if not 8 <= len(key) <= 64:
        abort(400)
    try:
        talk.say(seat.side, seat.part.reference, text, key)
    except BadWords as no:
        return _talk(seat, refusal_sentence(no.code), text[: talk.LONGEST]), 422
    return _back(seat)


def _pin(seat: Seat, message: int) -> Page:
    talk.pin(seat.side, seat.part.reference, message)
    return _back(seat)


def _act(seat: Seat, act: str) -> Page:
    side, reference, form = seat.side, seat.part.reference, request.form
    try:
        match act:
            case "propose":
                disputes.propose(side, reference, _offer(), _number(form.get("percent", "")))
            case "accept":
                disputes.accept(side, reference, _number(form.get("offer", "")))
            case "withdraw" if side.actor is Actor.BUYER:
                disputes.withdraw(side, reference)
            case "appeal":
                disputes.appeal(side, reference, form.get("words", ""))
            case _:
                raise NotFound("no such step")
    except (BadShare, BadWords, OfferGone) as no:
        return _refused(seat, no)
    return _back(seat)


def _refused(seat: Seat, no: Refusal) -> Page:
    return _talk(seat, refusal_sentence(no.code)), 422


def _offer() -> Offer:
    kind = request.form.get("kind", "")
    if kind not in set(Offer):
        raise BadShare(kind[:20])
    return Offer(kind)


def _number(text: str) -> int:
    """Read a small whole number; anything strange is none that could be meant."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def _problem(seat: Seat, problem: str = "") -> str:
    return render_template(
        "orders/problem.html",
        seat=seat,
        part=seat.part,
        order=seat.part.order,
        reasons=reasons_at(seat.part.state) if seat.part.escrow == Escrow.HELD else {},
        problem=problem,
        chosen=request.form.get("reason", ""),
        draft=request.form.get("words", "")[: talk.LONGEST],
    )


def _photo_key() -> str | None:
    """Keep the one photo that was sent, as pixels only; None when none was."""
    upload = request.files.get("photo")
    return photos.keep(upload.stream).key if upload and upload.filename else None


def _photo(seat: Seat) -> Response:
    dispute = disputes.of_part(seat.part)
    file = (
        photos.path(dispute.photo, max(photos.SIZES), "jpg") if dispute and dispute.photo else None
    )
    if file is None:
        raise NotFound("no photo")
    return send_file(file, mimetype=photos.FORMATS["jpg"], etag=False)


def _back(seat: Seat) -> Response:
    return redirect(f"{seat.base}messages/", 303)
