"""What the bureau decides: money out by two signatures, relief, fines waived, people who leave or answer."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import clock
from shop.errors import NotFound
from shop.i18n import _
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money, MoneyError
from shop.tontines import (
    bureau,
    changes,
    desk,
    easing,
    guaranteeing,
    leaving,
    officers,
    proofs,
    reading_bureau,
    reading_people,
    signing,
)
from shop.tontines.book_words import RELIEF
from shop.tontines.models import Accepted
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rights import Doing
from shop.tontines.seats import Seat, bp, seat, show
from shop.tontines.wording import sentence
from shop.web import signed_in

Page = Response | str | tuple[str, int]

#: Named events for which a relief fund pays (R23).


@bp.get("/<reference>/approvals/")
@signed_in
def approvals(reference: str) -> str:
    """List what waits for two signatures, and what was signed lately."""
    return _approvals_page(seat(reference))


def _approvals_page(here: Seat, problem: str | None = None) -> str:
    orders = reading_bureau.orders(here.tontine.id)
    frozen = officers.frozen_until(bureau.of(here.tontine.id))
    return show(
        "approvals",
        here,
        orders=[reading_bureau.explained(here.at, one) for one in orders],
        names=reading_people.names(here.tontine.id),
        frozen=frozen if frozen is not None and frozen > clock.now() else None,
        me=str(here.member.user_id),
        problem=problem,
        errors=problem,
    )


@bp.post("/<reference>/approvals/<int:order_id>/")
@signed_in
def sign(reference: str, order_id: int) -> Page:
    """Sign with one's PIN; with the second signature the money moves at once."""
    here = seat(reference)
    reading_bureau.order_here(here.tontine.id, order_id)
    here.must(Doing.SIGN)
    proof = proofs.proven(request.form.get("proof", ""))
    if not isinstance(proof, Accepted):
        return _approvals_page(here, proof), 422
    try:
        signing.sign(order_id, current_user.id)
    except TontineRefused as refusal:
        return _approvals_page(seat(reference), sentence(refusal)), 409
    return redirect(url_for("tontines.approvals", reference=reference), 303)


@bp.get("/<reference>/caisse/")
@signed_in
def caisse(reference: str) -> str:
    """Show the group's boxes, each with its movements, and who asks for relief."""
    return _caisse_page(seat(reference))


def _caisse_page(here: Seat, problem: str | None = None) -> str:
    currency = here.tontine.currency
    boxes = [("caisse", chart.caisse(here.tontine.id, currency))]
    fund = chart.relief(here.tontine.id, currency)
    relief = ledger.balance(fund)
    if here.at.rules.relief or relief:
        boxes.append(("relief", fund))
    return show(
        "caisse",
        here,
        boxes=[(name, ledger.balance(box), ledger.statement(box, limit=15)) for name, box in boxes],
        relief=relief,
        claims=reading_bureau.claims(here.tontine.id),
        fines=reading_bureau.fines(here.at) if here.may(Doing.WAIVE) else [],
        reasons=RELIEF,
        problem=problem,
        errors=problem,
    )


@bp.post("/<reference>/relief/")
@signed_in
def ask_relief(reference: str) -> Page:
    """Ask the relief fund for a named event; two officers decide (R23)."""
    here = seat(reference)
    reason = request.form.get("reason", "")
    try:
        money = Money.typed(request.form.get("amount", ""), here.tontine.currency)
    except MoneyError:
        return _caisse_page(here, _("Écrivez un montant entier, sans virgule.")), 422
    if reason not in RELIEF or not money:
        return _caisse_page(here, _("Choisissez un événement et un montant.")), 422
    words = request.form.get("words", "")
    easing.claim_relief(here.tontine.id, current_user.id, reason, money, words)
    return redirect(url_for("tontines.caisse", reference=reference) + "#secours", 303)


@bp.post("/<reference>/fines/<int:due_id>/")
@signed_in
def waive(reference: str, due_id: int) -> Page:
    """Propose to let a fine go, with a reason; another officer signs too (R11)."""
    here = seat(reference)
    here.must(Doing.WAIVE)
    reason = request.form.get("reason", "").strip()
    if not reason:
        return _caisse_page(here, _("Dites pourquoi l’amende est levée.")), 422
    easing.ask_waiver(here.tontine.id, current_user.id, due_id, reason)
    return redirect(url_for("tontines.approvals", reference=reference), 303)


@bp.get("/<reference>/guarantees/")
@signed_in
def guarantees(reference: str) -> str:
    """Show who answers for whom: what I was asked, and whom I can ask."""
    return _guarantees_page(seat(reference))


def _guarantees_page(here: Seat, problem: str | None = None) -> str:
    held = reading_people.shares_of(here.at.cycle.id, [here.member.id]).get(here.member.id, [])
    return show(
        "guarantees",
        here,
        rows=reading_bureau.guarantees(here.at.cycle.id),
        held=held,
        people=reading_people.others(here.tontine.id, besides=here.member.id),
        problem=problem,
        errors=problem,
    )


@bp.post("/<reference>/guarantees/")
@signed_in
def ask_guarantor(reference: str) -> Page:
    """Ask a member to answer for one of my shares, up to an amount."""
    here = seat(reference)
    try:
        cap = Money.typed(request.form.get("cap", ""), here.tontine.currency)
    except MoneyError:
        return _guarantees_page(here, _("Écrivez un montant entier, sans virgule.")), 422
    if not cap:
        return _guarantees_page(here, _("Écrivez un montant entier, sans virgule.")), 422
    code, backer = request.form.get("share", ""), request.form.get("member", 0, int)
    guaranteeing.ask(here.tontine.id, current_user.id, code, backer, cap)
    return redirect(url_for("tontines.guarantees", reference=reference), 303)


@bp.post("/<reference>/guarantees/<int:row_id>/")
@signed_in
def accept_guarantee(reference: str, row_id: int) -> Page:
    """Accept to answer for a share, with one's PIN; the wallet pays by itself if that was ticked."""
    here = seat(reference)
    reading_bureau.guarantee_here(here.at.cycle.id, row_id, here.member.id)
    proof = proofs.proven(request.form.get("proof", ""))
    if not isinstance(proof, Accepted):
        return _guarantees_page(here, proof), 422
    alone = request.form.get("alone") == "1"
    guaranteeing.accept(row_id, current_user.id, pays_alone=alone)
    return redirect(url_for("tontines.guarantees", reference=reference), 303)


@bp.get("/<reference>/leave/")
@signed_in
def leave(reference: str) -> str:
    """Show what leaving would mean for each of my shares, before anything is done."""
    return _leave_page(seat(reference))


def _leave_page(here: Seat, problem: str | None = None) -> str:
    return show(
        "leave",
        here,
        previews=[
            reading_bureau.preview(here.at, share)
            for share in desk.shares(here.at.cycle.id, member_id=here.member.id)
        ],
        people=reading_people.others(here.tontine.id, besides=here.member.id),
        offered=reading_bureau.offered_to(here.at.cycle.id, current_user.id),
        problem=problem,
        errors=problem,
    )


@bp.post("/<reference>/leave/<code>/")
@signed_in
def withdraw(reference: str, code: str) -> Page:
    """Take one unserved share out, or offer it to a member who will take it over (R25)."""
    here = seat(reference)
    if desk.share(here.at.cycle.id, code).member_id != here.member.id:
        raise NotFound("share")
    proof = proofs.proven(request.form.get("proof", ""))
    if not isinstance(proof, Accepted):
        return _leave_page(here, proof), 422
    try:
        if request.form.get("how") == "offer":
            member = desk.by_member_id(here.tontine.id, request.form.get("member", 0, int))
            leaving.offer(here.tontine.id, current_user.id, code, member.user_id)
        else:
            leaving.withdraw(here.tontine.id, current_user.id, code)
    except TontineRefused as refusal:
        return _leave_page(seat(reference), sentence(refusal)), 409
    return redirect(url_for("tontines.leave", reference=reference), 303)


@bp.post("/<reference>/shares/<code>/take/")
@signed_in
def take_over(reference: str, code: str) -> Page:
    """Take over a share that was offered to me: what was paid in goes to who leaves (T29)."""
    here = seat(reference)
    if desk.share(here.at.cycle.id, code).offered_to != current_user.id:
        raise NotFound("share")
    proof = proofs.proven(request.form.get("proof", ""))
    if not isinstance(proof, Accepted):
        return _leave_page(here, proof), 422
    try:
        leaving.take_over(here.tontine.id, current_user.id, code)
    except TontineRefused as refusal:
        return _leave_page(seat(reference), sentence(refusal)), 409
    return redirect(url_for("tontines.home", reference=reference), 303)


@bp.get("/<reference>/members/<int:member_id>/")
@signed_in
def member(reference: str, member_id: int) -> str:
    """Show one member to the bureau, with what the rules let it do."""
    here = seat(reference)
    here.must(Doing.EXCLUDE)
    return _member_page(here, member_id)


def _member_page(here: Seat, member_id: int, problem: str | None = None) -> str:
    them = desk.by_member_id(here.tontine.id, member_id)
    told = them.told_at
    return show(
        "member",
        here,
        them=them,
        name=reading_people.names(here.tontine.id, [them.user_id])[them.user_id],
        previews=[
            reading_bureau.preview(here.at, share)
            for share in desk.shares(here.at.cycle.id, member_id=them.id)
        ],
        may_answer_until=told + changes.MAY_ANSWER_FOR if told is not None else None,
        answered=told is not None and clock.now() >= told + changes.MAY_ANSWER_FOR,
        problem=problem,
        errors=problem,
    )


@bp.post("/<reference>/members/<int:member_id>/")
@signed_in
def decide_member(reference: str, member_id: int) -> Page:
    """Announce an exclusion, carry it out after seven days, or write down a death (R26, R28)."""
    here = seat(reference)
    here.must(Doing.EXCLUDE)
    desk.by_member_id(here.tontine.id, member_id)
    reason = request.form.get("reason", "").strip()
    try:
        match request.form.get("what"):
            case "announce" if reason:
                leaving.announce_exclusion(here.tontine.id, current_user.id, member_id, reason)
            case "exclude":
                leaving.exclude(here.tontine.id, current_user.id, member_id)
            case "death":
                leaving.record_death(here.tontine.id, current_user.id, member_id)
            case _:
                return _member_page(here, member_id, _("Écrivez la raison.")), 422
    except TontineRefused as refusal:
        if refusal.why is Why.NOT_ALLOWED:
            raise
        return _member_page(seat(reference), member_id, sentence(refusal)), 409
    return redirect(url_for("tontines.member", reference=reference, member_id=member_id), 303)
