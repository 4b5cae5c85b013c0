from __future__ import annotations

from shop.tontines import desk
from shop.tontines.rules import Order
from tests.marketplace import sign_in
from tests.tontines.circles import enrolled, locked
from tests.tontines.gounghin import gounghin
from tests.tontines.people import Person, pages

pytestmark = pages


def browser(app, user):
    c = app.test_client()
    sign_in(c, user.phone)
    return Person(c, user.phone, user.name, user.id)


GETS = [
    "",
    "card/",
    "rules/",
    "members/",
    "pay/",
    "order/",
    "draw/",
    "approvals/",
    "caisse/",
    "guarantees/",
    "leave/",
    "book/",
    "book/?check=1&print=1",
    "report/",
    "meetings/",
    "plan/",
]


def test_all_enrolling(app, time):
    g = enrolled(time, gounghin(order=Order.RANDOM))
    ref = desk.locked.__module__ and None
    from shop.db import session
    from shop.tontines.models import Tontine

    session.rollback()
    ref = session.get(Tontine, g.tontine_id).reference
    p = browser(app, g.people[0])
    for path in GETS:
        p.get(f"/tontines/{ref}/{path}")
    p.get("/tontines/")


def test_all_running(app, time):
    g = locked(time)
    g.play(1)
    g.at(g.round(2).opens_at)
    g.pay_all(but=("P05", "P06"))
    from shop.db import session
    from shop.tontines.models import Tontine

    session.rollback()
    ref = session.get(Tontine, g.tontine_id).reference
    p = browser(app, g.people[0])
    q = browser(app, g.people[1])
    q.get(f"/tontines/{ref}/cash/")
    q.post(f"/tontines/{ref}/meetings/")
    q.get(q.last.location)
    r = browser(app, g.people[5])
    for who in (p, r):
        for path in [*GETS, "rounds/1/", "rounds/2/", "rounds/3/", "book.csv"]:
            who.get(f"/tontines/{ref}/{path}")
    g.settle(2)
    for path in [*GETS, "rounds/1/", "rounds/2/"]:
        p.get(f"/tontines/{ref}/{path}")
