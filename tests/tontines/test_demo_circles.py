"""The demonstration's circles have lived: paid at the sandbox, counted, signed, and whole to the franc."""

from __future__ import annotations

import pytest
import requests
import sqlalchemy as sa

from shop.accounts import service as accounts
from shop.cli import demo_circles, demo_goods
from shop.db import session
from shop.ledger import audit
from shop.phone import parse
from shop.tontines import checks, desk
from shop.tontines.cycle_models import DueRow, Round
from shop.tontines.models import Tontine
from tests.orders.test_demo_orders import Phones
from tests.street import Street
from tests.tontines.people import Person, pages


@pytest.fixture
def seeded(street: Street, monkeypatch: pytest.MonkeyPatch) -> Street:
    phones = Phones(street)
    monkeypatch.setattr(requests, "get", phones.get)
    monkeypatch.setattr(requests, "post", phones.post)
    for person in demo_goods.PEOPLE:
        number = parse(person.phone, person.country)
        accounts.join(number, name=person.name, pin=demo_goods.PIN, language="fr")
    assert demo_circles.seed() == 2
    return street


def statuses(column: object) -> set[str]:
    session.rollback()
    return set(session.scalars(sa.select(column)))  # type: ignore[call-overload]


@pages
def test_one_circle_has_lived_and_one_lets_people_in(seeded: Street):
    assert statuses(Tontine.status) == {"running", "open"}
    assert {"closed", "paid", "open", "scheduled"} >= statuses(Round.status) >= {"open", "closed"}
    assert {"late", "paid", "open"} <= statuses(DueRow.status)
    assert list(checks.check()) == []
    assert list(audit.check()) == []
    assert demo_circles.seed() == 0, "made once"


@pages
def test_every_screen_of_the_running_circle_has_something(seeded: Street, app):
    from tests.marketplace import sign_in

    aminata = accounts.proven(demo_goods.AMINATA.phone)
    client = app.test_client()
    sign_in(client, aminata.phone)
    who = Person(client, aminata.phone, aminata.name, aminata.id)
    [running] = session.scalars(sa.select(Tontine).where(Tontine.status == "running")).all()
    path = f"/tontines/{running.reference}/"
    marks = {
        "": "share-row", "rounds/2/": "reliquat", "book/": "book-row", "approvals/": "approval",
        "caisse/": "claim", "guarantees/": "guarantee", "order/": "swap", "members/": "member-row",
        "meetings/": "meeting-row", "meetings/1/": "minutes-row", "cash/": "cash-row",
        "report/": "report", "pay/": "paid-row", "plan/": "exposure-table",
    }  # fmt: skip

    empty = [page for page, mark in marks.items() if not who.read(path + page).all(data_test=mark)]

    assert empty == []
    assert desk.find(running.reference).id == running.id
