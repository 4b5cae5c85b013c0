"""Meeting mode: attendance, cash and decisions on one page without script, then minutes to print."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop.errors import InsufficientFunds
from shop.i18n import _, amount_text
from shop.money import Money, MoneyError
from shop.tontines import contributing, meetings, reading_people
from shop.tontines.bureau_models import Meeting, Presence
from shop.tontines.refusals import TontineRefused
from shop.tontines.rights import Doing
from shop.tontines.seats import Seat, bp, seat, show
from shop.tontines.wording import sentence
from shop.web import form_key, signed_in

Page = Response | str | tuple[str, int]


@bp.get("/<reference>/meetings/", endpoint="meetings")
@signed_in
def list_meetings(reference: str) -> str:
    """List the meetings; who may, opens one."""
    here = seat(reference)
    return show("meetings", here, meetings=meetings.latest(here.tontine.id))


@bp.post("/<reference>/meetings/")
@signed_in
def open_meeting(reference: str) -> Response:
    """Open a meeting."""
    here = seat(reference)
    row = meetings.open_(here.tontine.id, current_user.id, request.form.get("place", ""))
    return redirect(url_for("tontines.meeting", reference=reference, meeting_id=row.id), 303)


@bp.get("/<reference>/meetings/<int:meeting_id>/")
@signed_in
def meeting(reference: str, meeting_id: int) -> str:
    """Show an open meeting's one page to its hosts, the minutes to everybody."""
    here = seat(reference)
    return _page(here, meetings.of(here.tontine.id, meeting_id))


def _page(here: Seat, row: Meeting, problems: dict[int, str] | None = None) -> str:
    after = max(0, request.args.get("after", 0, int))
    hosts = row.status == "open" and here.may(Doing.HOLD_MEETING)
    roll = meetings.roll(here.tontine.id, after_id=after, limit=25 if hosts else 250)
    line = meetings.closing_line(row) if row.status == "closed" else None
    return show(
        "meeting" if hosts else "minutes",
        here,
        meeting=row,
        roll=roll,
        next_id=roll[-1][0] if len(roll) == reading_people.ON_A_PAGE and hosts else None,
        facts=meetings.facts_of(row),
        presences=list(Presence),
        key=form_key(),
        typed=request.form if problems else {},
        problems=problems or {},
        errors=problems,
        line=line,
        takes_cash=here.may(Doing.RECORD_CASH) and here.at.cycle.status != "enrolling",
    )


@bp.post("/<reference>/meetings/<int:meeting_id>/")
@signed_in
def hold(reference: str, meeting_id: int) -> Page:
    """Save a page of the roll, the cash given and one decision; sent twice it is saved once."""
    here = seat(reference)
    row = meetings.of(here.tontine.id, meeting_id)
    presences = {
        member_id: Presence(word)
        for member_id, _name in meetings.roll(here.tontine.id, limit=250)
        if (word := request.form.get(f"presence-{member_id}")) in set(Presence)
    }
    meetings.mark(here.tontine.id, current_user.id, row.id, presences)
    meetings.decide(here.tontine.id, current_user.id, row.id, request.form.get("decision", ""))
    problems = _take_cash(here)
    if problems:
        here = seat(reference)
        return _page(here, meetings.of(here.tontine.id, meeting_id), problems), 422
    after = request.args.get("after", 0, int)
    address = url_for("tontines.meeting", reference=reference, meeting_id=meeting_id)
    return redirect(f"{address}?after={after}" if after else address, 303)


def _take_cash(here: Seat) -> dict[int, str]:
    """Write down each amount that was typed; give what is wrong, by member."""
    problems: dict[int, str] = {}
    key, currency = request.form.get("form_key", ""), here.tontine.currency
    for name, typed in request.form.items():
        member = name.removeprefix("cash-")
        if not typed.strip() or member == name or not member.isdigit():
            continue
        try:
            _take(here, int(member), Money.typed(typed, currency), f"{key}:{member}")
        except MoneyError:
            problems[int(member)] = _("Écrivez un montant entier, sans virgule.")
        except InsufficientFunds as short:
            held = amount_text(short.available)
            problems[int(member)] = _(
                "Votre portefeuille répond des espèces que vous gardez : il contient %(a)s.", a=held
            )
        except TontineRefused as refusal:
            problems[int(member)] = sentence(refusal)
    return problems


def _take(here: Seat, member_id: int, money: Money, key: str) -> None:
    contributing.record_cash(here.tontine.id, current_user.id, member_id, money, form_key=key[-64:])


@bp.post("/<reference>/meetings/<int:meeting_id>/close/")
@signed_in
def close_meeting(reference: str, meeting_id: int) -> Response:
    """Close a meeting and go to its minutes."""
    here = seat(reference)
    meetings.close(here.tontine.id, current_user.id, meeting_id)
    return redirect(url_for("tontines.meeting", reference=reference, meeting_id=meeting_id), 303)
