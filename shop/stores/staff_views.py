"""Who works in a shop: the owner's page of people, and the page where an invitation is accepted."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import queue
from shop.i18n import language, refusal_sentence
from shop.phone import international, masked
from shop.stores import access, members
from shop.stores.forms import InviteForm
from shop.stores.words import ROLES
from shop.web import signed_in

bp = Blueprint("staff", __name__, url_prefix="/store")

Page = Response | str | tuple[str, int]


@bp.route("/staff/", methods=["GET", "POST"])
@access.may(access.OWNER)
def show() -> Page:
    """List who works here, and invite somebody by number."""
    store = access.seat().store
    form = InviteForm(country=store.country)
    if form.validate_on_submit() and form.parsed is not None:
        try:
            chosen = access.Role(form.role.data)
            members.invite(store.id, form.parsed, chosen, language=language())
            queue.ring("send_notices")
            return redirect(url_for("staff.show"), 303)
        except (members.OwnNumber, members.TooManyMembers) as no:
            form.number.errors = [refusal_sentence(no.code)]
    people = members.of_store(store.id)
    page = render_template(
        "seller/staff.html",
        form=form,
        store=store,
        people=people,
        names=members.names_of(people),
        roles=ROLES,
        international=international,
    )
    return (page, 422) if form.errors else page


@bp.post("/staff/<int:member_id>/remove/")
@access.may(access.OWNER)
def remove(member_id: int) -> Page:
    """Take somebody's place back: their next tap finds nothing."""
    members.remove(access.seat().store.id, member_id)
    return redirect(url_for("staff.show"), 303)


@bp.get("/join/")
@signed_in
def invitations() -> Page:
    """List the shops that invite this number, and those one works in already."""
    return render_template(
        "seller/join.html",
        invitations=members.invitations_of(current_user.phone),
        seats=access.seats(),
        roles=ROLES,
        number=masked(current_user.phone),
    )


@bp.post("/join/<int:member_id>/")
@signed_in
def accept(member_id: int) -> Page:
    """Take a place in a shop."""
    members.accept(current_user._get_current_object(), member_id)
    return redirect(url_for("staff.invitations"), 303)


@bp.post("/sit/<slug>/")
@signed_in
def sit(slug: str) -> Page:
    """Work in another of one's shops."""
    access.sit(slug)
    return redirect(url_for("seller_orders.show_sales"), 303)
