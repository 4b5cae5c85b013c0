"""Rounds on a real database, both of them: TONTINE T01, T07-T11, T13-T15, T36-T38, T42."""

from __future__ import annotations

from flask import Flask

from shop.ledger import audit
from shop.tontines.states import CycleStatus, RoundStatus
from tests.marketplace import Clock
from tests.tontines.circles import locked


def test_t01_everybody_pays_and_the_pot_reaches_the_wallet(app: Flask, time: Clock):
    group = locked(time)

    group.play(1)

    assert group.pot(1) == 0
    assert group.wallet("P01") == 120_000
    assert group.round(1).status == RoundStatus.CLOSED
    turn = group.turn(1)
    assert (turn.gross, turn.net, turn.reliquat) == (120_000, 120_000, 0)
    assert audit.check() == []


def test_t01_after_twelve_rounds_everybody_is_even(app: Flask, time: Clock):
    group = locked(time)

    for index in range(1, 13):
        group.play(index)

    assert {group.wallet(code) for code in group.holdings} == {120_000}
    assert group.cycle.status == CycleStatus.CLOSED
    assert audit.check() == []
