"""My circles, and the home of one: the circle itself, what I owe, what waits for me."""

from __future__ import annotations

from flask import render_template
from flask_login import current_user

from shop.tontines import reading
from shop.tontines.seats import bp, seat, show
from shop.web import signed_in


@bp.get("/")
@signed_in
def mine() -> str:
    """List my circles, and the public ones I could ask to join."""
    return render_template(
        "tontines/mine.html",
        circles=reading.mine(current_user.id),
        others=reading.open_to_all(besides=current_user.id),
    )


@bp.get("/<reference>/")
@signed_in
def home(reference: str) -> str:
    """Show the circle, its two amounts, what I owe and what waits for me."""
    here = seat(reference)
    return show("home", here, taken=reading.taken(here.at.cycle.id))
