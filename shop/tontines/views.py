"""My circles, and the home of one: the circle itself, what I owe, what waits for me; one round."""

from __future__ import annotations

from flask import render_template, request
from flask_login import current_user

from shop.db import session
from shop.money import total
from shop.tontines import bureau, counting, dues, picture, reading_people, reading_rounds, todo
from shop.tontines.bureau_models import MoneyOrder
from shop.tontines.cycle_models import Round
from shop.tontines.reading_people import ON_A_PAGE
from shop.tontines.rights import Doing
from shop.tontines.seats import Seat, bp, seat, show
from shop.tontines.states import COUNTED, RoundStatus
from shop.tontines.waterfall import Settlement
from shop.web import signed_in


@bp.get("/")
@signed_in
def mine() -> str:
    """List my circles, and the public ones I could ask to join."""
    return render_template(
        "tontines/mine.html",
        circles=reading_people.mine(current_user.id),
        others=reading_people.open_to_all(besides=current_user.id),
    )


@bp.get("/<reference>/")
@signed_in
def home(reference: str) -> str:
    """Show the circle, its two amounts, what I owe and what waits for me."""
    here = seat(reference)
    round_ = reading_rounds.present(here.at.cycle.id)
    shown = here.at.rules.shares <= picture.MOST_DISCS
    after = 0 if shown else request.args.get("after", 0, int)
    limit = picture.MOST_DISCS if shown else ON_A_PAGE
    rows = reading_rounds.rows(here.at, round_.id if round_ else None, after=after, limit=limit)
    owed = dues.of_member(here.at, here.member.id)
    cash = reading_rounds.cash_to_confirm(here.at.cycle.id, here.member.id)
    return show(
        "home",
        here,
        tasks=todo.of(here),
        taken=reading_people.taken(here.at.cycle.id),
        rows=rows,
        after=after + limit if len(rows) == limit and not shown else None,
        owed=owed,
        noted=total([row.total for row, _name in cash], here.tontine.currency),
        owed_total=total([each.due.unpaid for each in owed], here.tontine.currency),
        mine=reading_rounds.my_turns(here.at, here.member.id),
        **_round_values(here, round_, rows if shown else []),
    )


def _round_values(
    here: Seat, round_: Round | None, rows: list[reading_rounds.Row]
) -> dict[str, object]:
    if round_ is None:
        return {"round": None, "totals": None, "turn": [], "picture": None}
    turn = reading_rounds.turn_of(here.at, round_)
    codes = {code for code, _name, _user in turn}
    return {
        "round": round_,
        "totals": reading_rounds.totals(here.at, round_),
        "turn": turn,
        "picture": picture.draw(reading_rounds.place(row, codes) for row in rows),
    }


def _preview(here: Seat, round_: Round) -> Settlement | None:
    """What counting the round now would do, for those who will sign it (R9)."""
    waits = round_.status in (RoundStatus.DUE, RoundStatus.GRACE, RoundStatus.DECIDING)
    if not waits or not here.may(Doing.SIGN):
        return None
    seen = counting.look(here.at, round_)
    return seen.settlement if seen is not None else None


@bp.get("/<reference>/rounds/<int:index>/")
@signed_in
def round_(reference: str, index: int) -> str:
    """Show one round: who paid, whom it serves, what leaves the pot and who signs."""
    here = seat(reference)
    found = reading_rounds.by_index(here.at.cycle.id, index)
    after = max(0, request.args.get("after", 0, int))
    rows = reading_rounds.rows(here.at, found.id, after=after)
    turns = reading_rounds.turns(found.id)
    order_ids = [turn.row.order_id for turn in turns if turn.row.order_id]
    return show(
        "round",
        here,
        rows=rows,
        after=after + ON_A_PAGE if len(rows) == ON_A_PAGE else None,
        turns=turns,
        counted=found.status in COUNTED,
        preview=_preview(here, found),
        cash=reading_rounds.cash_to_confirm(here.at.cycle.id),
        signed={one: bureau.signers(one) for one in order_ids},
        names=reading_people.names(here.tontine.id),
        orders={one: session.get_one(MoneyOrder, one) for one in order_ids},
        **_round_values(here, found, []),
    )
