"""What a circle moves in its members' wallets: named, with the way to the circle."""

from __future__ import annotations

from shop.db import session
from shop.tontines.models import Tontine
from shop.wallets import reading, wording
from tests.tontines.circles import locked


def test_a_statement_names_the_circle_of_each_contribution_and_pot(app, time):
    group = locked(time)
    group.play(1)  # serves P01

    moves = reading.statement(group.user("P01").id, "XOF").movements
    told = {wording.label(m.line): m.circle for m in moves if m.circle}

    circle = session.get_one(Tontine, group.tontine_id)
    ours = (circle.reference, circle.name)
    assert told == {"Cotisation de tontine": ours, "Pot reçu de la tontine": ours}
