"""Leaving a review, reading a shop's, answering one."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from shop import queue
from shop.errors import Refusal
from shop.i18n import refusal_sentence
from shop.orders import access as order_access
from shop.orders.models import SellerOrder
from shop.reputation import service
from shop.reputation.refusals import Answered, BadReview, NotReviewable, OwnShop
from shop.stores import access
from shop.stores import service as stores
from shop.web import guest_or_signed_in, public

bp = Blueprint("reputation", __name__)

Page = str | Response | tuple[str, int]


@bp.get("/s/<slug>/reviews/")
@public
def of_store(slug: str) -> Page:
    """List every review of a shop, newest first."""
    store = stores.store_by_slug(slug)
    return render_template(
        "reputation/reviews.html",
        store=store,
        rating=service.rating(store.id),
        page=service.of_store(store.id, before_id=request.args.get("before", type=int)),
    )


@bp.get("/order/<reference>/<part>/review/")
@guest_or_signed_in
def ask(reference: str, part: str) -> Page:
    """Ask the buyer for stars and words."""
    found = order_access.own_part(reference, part)
    if not service.may_review(found):
        return redirect(url_for("orders.show", reference=found.order.reference), 303)
    return _form(found)


def _form(part: SellerOrder, problem: str = "") -> str:
    return render_template(
        "reputation/write.html",
        part=part,
        order=part.order,
        problem=problem,
        stars=request.form.get("stars", ""),
        words=request.form.get("words", "")[: service.LONGEST],
    )


@bp.post("/order/<reference>/<part>/review/")
@guest_or_signed_in
def write(reference: str, part: str) -> Page:
    """Keep the buyer's review; it is said once."""
    found = order_access.own_part(reference, part)
    order = found.order.reference
    try:
        stars, words = _number("stars"), request.form.get("words", "")
        service.write([found.order.user_id], found.reference, stars, words)
        queue.ring("send_notices")
    except (BadReview, OwnShop) as no:
        return _form(found, refusal_sentence(no.code)), 422
    except NotReviewable:
        if service.of_part(order_access.own_part(reference, part).id) is None:
            raise  # a second tap on this form is no news
    return redirect(url_for("orders.show", reference=order), 303)


@bp.get("/store/reviews/")
@access.may(access.BACK_ROOM)
def own() -> Page:
    """List what buyers say of one's shop, hidden reviews included, each with its answer."""
    return _own_page()


def _own_page(problem: str = "", about: int = 0, draft: str = "") -> str:
    store = access.seat().store
    return render_template(
        "reputation/own.html",
        store=store,
        rating=service.rating(store.id),
        page=service.of_store(store.id, before_id=request.args.get("before", type=int), all_=True),
        problem=problem,
        about=about,
        draft=draft,
    )


@bp.post("/store/reviews/<int:review_id>/answer/")
@access.may(access.BACK_ROOM)
def answer(review_id: int) -> Page:
    """Answer one review of one's shop, once."""
    words = request.form.get("words", "")
    try:
        service.answer(access.seat().store.id, review_id, words)
        queue.ring("send_notices")
    except (BadReview, Answered) as no:
        return _refused(no, review_id, words)
    return redirect(url_for("reputation.own"), 303)


def _refused(no: Refusal, review_id: int, words: str) -> Page:
    draft = words[: service.LONGEST]
    return _own_page(refusal_sentence(no.code), review_id, draft), no.http_status


def _number(name: str) -> int:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0
