"""`flask tontine`: what operators read, settle, draw, check and freeze (TONTINE §11)."""

from __future__ import annotations

import json
from datetime import timedelta

from flask import Flask

from shop.db import session
from shop.tontines import drawing
from shop.tontines.choice_models import Draw
from shop.tontines.models import Tontine
from shop.tontines.refusals import Why
from shop.tontines.rules import Order
from tests.marketplace import Clock
from tests.tontines.circles import Group, enrolled, locked
from tests.tontines.gounghin import PARTIAL, gounghin, refused, with_policy


def run(app: Flask, *words: str):
    session.rollback()
    answer = app.test_cli_runner().invoke(args=["tontine", *words])
    session.rollback()
    return answer


def rows(app: Flask, *words: str) -> list[dict]:
    answer = run(app, *words, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def ref(group: Group) -> str:
    return session.get_one(Tontine, group.tontine_id).public_ref


def test_a_circle_is_read_settled_and_checked(app: Flask, time: Clock):
    group = locked(time, with_policy(*PARTIAL))
    group.at(group.round(1).opens_at)
    group.pay_all(but=("P09",))
    time.at = group.round(1).grace_until
    name = ref(group)

    planned = rows(app, "settle", name, "--round", "1", "--dry-run")
    assert planned[0]["would_change"] is True
    assert group.round(1).status == "open", "nothing was changed"
    (done,) = rows(app, "settle", name, "--round", "1")
    assert done == {"round": 1, "changed": True}
    (again,) = rows(app, "settle", name, "--round", "1")
    assert again == {"round": 1, "changed": False}

    line = rows(app, "rounds", name)[0]
    assert (line["expected"], line["collected"], line["served"]) == (120_000, 110_000, "P01")
    late = rows(app, "arrears", name)
    assert {(each["share"], each["kind"]) for each in late} == {
        ("P09", "contribution"),
        ("P09", "penalty"),
    }
    assert rows(app, "check", name) == []
    assert rows(app, "show", name)[0]["to_sign"] == 1
    assert rows(app, "list")[0]["reference"] == name
    assert run(app, "show", "TT-00000000").exit_code == 3


def test_a_frozen_circle_stands_still_and_goes_on(app: Flask, time: Clock):
    group = locked(time)
    group.at(group.round(1).opens_at)
    name = ref(group)

    assert run(app, "freeze", name, "--reason", "enquête").exit_code == 0
    with refused(Why.FROZEN):
        group.pay("P01")
    group.at(group.round(1).grace_until + timedelta(hours=1))
    assert group.round(1).status == "open"
    assert run(app, "unfreeze", name, "--reason", "rien trouvé").exit_code == 0
    group.work()

    assert group.round(1).status in ("payable", "paid"), "it went on, with nothing in the pot"
    assert "enquête" in run(app, "export", name, "--csv").stdout


def test_a_changed_draw_is_not_conform(app: Flask, time: Clock):
    time.at = time.at.replace(hour=8)
    group = enrolled(time, gounghin(order=Order.RANDOM))
    name = ref(group)
    assert run(app, "draw", "commit", name, "--hours", "1").exit_code == 0
    assert run(app, "draw", "verify", name).exit_code == 5
    time.pass_(hours=2)
    (shown,) = rows(app, "draw", "reveal", name)
    assert len(shown["order"].split()) == 12
    assert run(app, "draw", "verify", name).exit_code == 0

    row = session.query(Draw).one()
    session.expunge(row)
    order = row.order_text.split("\n")
    row.order_text = "\n".join([order[1], order[0], *order[2:]])
    verdict = drawing.verify(row)

    assert (verdict.conform, verdict.rank, verdict.expected) == (False, 1, order[0])
    session.rollback()


def test_a_cycle_is_simulated_before_anybody_joins(app: Flask):
    ranks = rows(app, "simulate", "--shares", "12", "--amount", "10000")

    assert len(ranks) == 12
    assert {rank["receives"] for rank in ranks} == {"120000"}
    assert run(app, "simulate", "--shares", "1", "--amount", "10000").exit_code == 4


def test_reminders_are_polite(app: Flask, time: Clock):
    group = locked(time)
    group.at(group.round(1).opens_at)
    due_at = group.round(1).due_at
    group.pay("P01")

    time.at = due_at.replace(hour=6)
    assert rows(app, "remind", "--dry-run") == []
    time.at = due_at.replace(hour=9)
    assert rows(app, "remind", "--dry-run") == []
    time.at = due_at.replace(hour=11)
    wanted = rows(app, "remind", "--dry-run")
    assert len(wanted) == 11
    assert {(each["amount"], each["late"]) for each in wanted} == {("10000", False)}
    time.at = due_at + timedelta(hours=3)
    assert rows(app, "remind", "--dry-run") == [], "nobody is late before the grace has ended"
