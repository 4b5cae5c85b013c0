"""The people of a circle: who they are, their offices, who is invited and who asks to come in."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import phone as phones
from shop.i18n import _
from shop.phone import PhoneError
from shop.tontines import bureau, creation, desk, join_views, membership, reading_people
from shop.tontines.models import Office
from shop.tontines.rights import Doing
from shop.tontines.seats import Seat, bp, seat, show
from shop.web import signed_in

Page = Response | str | tuple[str, int]


@bp.get("/<reference>/members/")
@signed_in
def members(reference: str) -> str:
    """List the members with their offices and shares; who may, sees invitations and requests."""
    return _page(seat(reference))


def _page(here: Seat, problem: str | None = None) -> str:
    after = request.args.get("after", 0, int)
    people = reading_people.people(here.tontine.id, here.at.cycle.id, after_id=after)
    host = here.may(Doing.INVITE)
    return show(
        "members",
        here,
        people=people,
        next_id=people[-1].member.id if len(people) == reading_people.ON_A_PAGE else None,
        requests=reading_people.requests(here.tontine.id) if host else [],
        invites=membership.living(here.tontine.id) if host else [],
        offices=list(Office),
        phones=phones,
        problem=problem,
        errors=problem,
    )


def _back(reference: str) -> Response:
    return redirect(url_for("tontines.members", reference=reference), 303)


@bp.post("/<reference>/invites/")
@signed_in
def invite(reference: str) -> Page:
    """Make an invitation: a link for several people, or one that only a number can use."""
    here = seat(reference)
    here.must(Doing.INVITE)
    typed, number = request.form.get("phone", "").strip(), None
    if typed:
        try:
            number = phones.parse(typed, here.tontine.country).e164
        except PhoneError:
            return _page(here, _("Ce numéro n’est pas un numéro de téléphone.")), 422
    row, token = membership.invite(here.tontine.id, current_user.id, phone=number)
    return join_views.invited(here, row, token)


@bp.post("/<reference>/invites/<int:invite_id>/revoke/")
@signed_in
def revoke(reference: str, invite_id: int) -> Page:
    """Close an invitation."""
    membership.revoke(seat(reference).tontine.id, current_user.id, invite_id)
    return _back(reference)


@bp.post("/<reference>/requests/<int:request_id>/")
@signed_in
def decide(reference: str, request_id: int) -> Page:
    """Let somebody in who asked, or say no with a reason."""
    here = seat(reference)
    membership.check_here(here.tontine.id, request_id)
    yes = request.form.get("answer") == "yes"
    reason = request.form.get("reason", "")
    membership.decide(request_id, current_user.id, yes=yes, reason=reason)
    return _back(reference)


@bp.post("/<reference>/offices/")
@signed_in
def appoint(reference: str) -> Page:
    """Give an office to a member; once a cycle was locked, money waits 72 hours (R20)."""
    here = seat(reference)
    here.must(Doing.APPOINT)
    member = desk.by_member_id(here.tontine.id, request.form.get("member", 0, int))
    word = request.form.get("office", "")
    if word not in set(Office):
        return _page(here, _("Choisissez une fonction.")), 422
    deputy = request.form.get("deputy") == "1"
    bureau.appoint(here.tontine.id, current_user.id, Office(word), member.id, deputy=deputy)
    return _back(reference)


@bp.post("/<reference>/kin/")
@signed_in
def kin(reference: str) -> Page:
    """Name one's next of kin; only oneself and the platform's support see it (R28)."""
    here = seat(reference)
    name, phone = request.form.get("name", ""), request.form.get("phone", "")
    if not name.strip() or not phone.strip():
        return _page(here, _("Écrivez le nom et le numéro de votre proche.")), 422
    creation.name_next_of_kin(here.tontine.id, current_user.id, name, phone)
    return _back(reference)
