"""Coming in: the public card, the link, the rules read and accepted, the shares taken."""

from __future__ import annotations

from urllib.parse import quote

from flask import current_app, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop.accounts import service as accounts
from shop.errors import NotFound
from shop.i18n import _, amount_text
from shop.tontines import creation, desk, membership, proofs, reading_people
from shop.tontines.models import Accepted, Invite, JoinRequest, Tontine
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Visibility
from shop.tontines.seats import Seat, bp, seat, show
from shop.tontines.states import JoinPolicy, TontineStatus
from shop.web import public, signed_in

Page = Response | str | tuple[str, int]


@bp.get("/<reference>/card/")
@public
def card(reference: str) -> Page:
    """Show what anybody may know of a circle: its rules, no person and no amount paid (R31)."""
    tontine = desk.find(reference)
    here = current_user.is_authenticated and current_user.id
    inside = here and reading_people.is_member(tontine.id, current_user.id)
    if tontine.visibility == Visibility.PRIVATE and not inside:
        raise NotFound("tontine")
    asked = membership.asked(tontine.id, current_user.id) if here else None
    return _card(tontine, inside=bool(inside), asked=asked)


def _card(
    tontine: Tontine,
    *,
    inside: bool = False,
    asked: JoinRequest | None = None,
    token: str | None = None,
    host: str = "",
) -> str:
    at = desk.at(tontine)
    enrols = tontine.status == TontineStatus.OPEN and at.cycle.status == "enrolling"
    return render_template(
        "tontines/card.html",
        tontine=tontine,
        rules=at.rules,
        zone=at.rules.when.timezone,
        cycle=at.cycle,
        free=at.rules.shares - reading_people.taken(at.cycle.id),
        inside=inside,
        asked=asked,
        enrols=enrols,
        may_ask=enrols and tontine.join_policy != JoinPolicy.CLOSED,
        token=token,
        host=host,
    )


@bp.post("/<reference>/join/")
@signed_in
def ask(reference: str) -> Page:
    """Ask to be let in, or come in where the door is open."""
    tontine = desk.find(reference)
    if tontine.visibility == Visibility.PRIVATE:
        raise NotFound("tontine")
    answer = membership.ask(tontine.id, current_user.id, request.form.get("words", ""))
    waits = isinstance(answer, JoinRequest)
    return redirect(url_for(f"tontines.{'card' if waits else 'rules'}", reference=reference), 303)


@bp.get("/join/<token>/")
@public
def invitation(token: str) -> Page:
    """Show what an invitation leads to; an old one names whom to ask for another."""
    row, tontine = membership.by_token(token)
    host = accounts.by_id(row.created_by).name
    if not membership.is_open(row):
        return render_template("tontines/old_invite.html", tontine=tontine, host=host), 410
    inside = current_user.is_authenticated and reading_people.is_member(tontine.id, current_user.id)
    return _card(tontine, inside=bool(inside), token=token, host=host)


@bp.post("/join/<token>/")
@signed_in
def come_in(token: str) -> Page:
    """Use an invitation, then read the rules."""
    membership.come_in(token, current_user.id)
    _row, tontine = membership.by_token(token)
    return redirect(url_for("tontines.rules", reference=tontine.reference), 303)


@bp.get("/<reference>/rules/")
@signed_in
def rules(reference: str) -> str:
    """Show the rules in words, their exact text, its hash, and who accepted."""
    return _rules_page(seat(reference))


def _rules_page(here: Seat, problem: str | None = None, *, sent: bool = False) -> str:
    row = desk.rule_set(here.at.cycle)
    held = reading_people.shares_of(here.at.cycle.id, [here.member.id]).get(here.member.id, [])
    return show(
        "rules",
        here,
        row=row,
        accepted=creation.has_accepted(here.member.id, row.id),
        count=reading_people.acceptances(row.id),
        free=here.at.rules.shares - reading_people.taken(here.at.cycle.id),
        held=held,
        more=max(0, here.at.rules.max_shares_per_member - len(held)),
        problem=problem,
        errors=problem,
        sent=sent,
    )


@bp.post("/<reference>/rules/code/")
@signed_in
def rules_code(reference: str) -> Page:
    """Send a code to accept the rules with, for who has no PIN at hand."""
    here = seat(reference)
    proofs.send_code()
    return _rules_page(here, sent=True)


@bp.post("/<reference>/rules/accept/")
@signed_in
def accept(reference: str) -> Page:
    """Accept exactly the rules that were shown, by PIN or code."""
    here = seat(reference)
    proof = proofs.proven(request.form.get("proof", ""))
    if not isinstance(proof, Accepted):
        return _rules_page(here, proof), 422
    creation.accept(
        here.tontine.id,
        current_user.id,
        request.form.get("sha256", ""),
        method=proof,
        asker_hash=proofs.asker(),
    )
    return redirect(url_for("tontines.rules", reference=reference) + "#parts", 303)


@bp.post("/<reference>/shares/")
@signed_in
def take_shares(reference: str) -> Page:
    """Take shares, once the rules are accepted."""
    here = seat(reference)
    count = request.form.get("count", 0, int)
    if count < 1:
        raise TontineRefused(Why.SHARES_OUT_OF_RANGE, least=1, most=here.at.rules.shares)
    creation.take_shares(here.tontine.id, current_user.id, count)
    return redirect(url_for("tontines.home", reference=reference), 303)


def invite_link(token: str) -> str:
    """Write an invitation as people can send it."""
    path = url_for("tontines.invitation", token=token)
    return str(current_app.config["SETTINGS"].public_url) + path


def share_text(here: Seat, link: str) -> str:
    """Address a ready WhatsApp message with the invitation (UX §10)."""
    text = _(
        "Rejoins notre tontine %(name)s : %(amount)s, %(shares)s parts. %(link)s",
        name=here.tontine.name,
        amount=amount_text(here.at.rules.contribution or here.at.rules.relief),
        shares=here.at.rules.shares,
        link=link,
    )
    return "https://wa.me/?text=" + quote(text)


def invited(here: Seat, row: Invite, token: str) -> str:
    """Show a new invitation's link, which is told this once."""
    link = invite_link(token)
    return show(
        "invited",
        here,
        invite=row,
        link=link,
        share=share_text(here, link),
        square=_square(link),
    )


def _square(link: str) -> str:
    """Draw a link for a phone's camera."""
    import segno  # only this page draws one: a start does without

    drawn: str = segno.make(link).svg_inline(scale=5, border=2, light="#fff", title=link)
    return drawn
