"""Who may do what (TONTINE §9), walked from one table: every role at every door of a running circle."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask

from shop.db import session
from shop.tontines import bureau, desk, rights
from shop.tontines.models import Office, Tontine
from shop.tontines.rights import Doing
from tests.marketplace import Clock, sign_in
from tests.tontines.circles import Group, locked
from tests.tontines.people import Person, pages

EVERYBODY = frozenset({None, *Office})
#: A door: how it is opened, and who may; `None` is a member without an office. What a door then says to
#: a form that is empty does not matter here: only that it is not "your place does not permit this".
DOORS = {
    ("GET", "book/"): EVERYBODY,
    ("GET", "rules/"): EVERYBODY,
    ("GET", "order/"): EVERYBODY,
    ("GET", "draw/"): EVERYBODY,
    ("GET", "report/"): EVERYBODY,
    ("GET", "members/"): EVERYBODY,
    ("GET", "pay/"): EVERYBODY,
    ("GET", "rounds/1/"): EVERYBODY,
    ("POST", "invites/"): {Office.PRESIDENT, Office.SECRETARY},
    ("POST", "offices/"): {Office.PRESIDENT},
    ("GET", "cash/"): {Office.TREASURER},
    ("POST", "cash/"): {Office.TREASURER},
    ("POST", "approvals/{order}/"): {Office.PRESIDENT, Office.TREASURER, Office.AUDITOR},
    ("POST", "fines/1/"): {Office.CENSOR, Office.PRESIDENT},
    ("POST", "meetings/"): {Office.TREASURER, Office.SECRETARY},
    ("GET", "members/{member}/"): {Office.PRESIDENT, Office.CENSOR},
    ("POST", "members/{member}/"): {Office.PRESIDENT, Office.CENSOR},
}


@dataclass
class Bureau:
    """A running circle with one person per office, and one with none."""

    reference: str
    browsers: dict[Office | None, Person]
    places: dict[str, int]


def browser(app: Flask, group: Group, code: str) -> Person:
    user = group.user(code)
    client = app.test_client()
    sign_in(client, user.phone)
    return Person(client, user.phone, user.name, user.id)


@pytest.fixture
def circle(app: Flask, time: Clock) -> Bureau:
    group = locked(time)
    for office, code in ((Office.SECRETARY, "P04"), (Office.CENSOR, "P05")):
        member = desk.member(group.tontine_id, group.user(code).id).id
        session.rollback()
        bureau.appoint(group.tontine_id, group.people[0].id, office, member)
    group.play_until_signing()
    roles = (
        Office.PRESIDENT, Office.TREASURER, Office.AUDITOR, Office.SECRETARY, Office.CENSOR, None,
    )  # fmt: skip
    holders = {role: f"P{n:02}" for n, role in enumerate(roles, start=1)}
    reference = session.get_one(Tontine, group.tontine_id).reference
    [order] = bureau.to_sign(group.tontine_id)
    places = {"order": order.id, "member": desk.member(group.tontine_id, group.user("P07").id).id}
    session.rollback()
    people = {office: browser(app, group, code) for office, code in holders.items()}
    return Bureau(reference, people, places)


@pages
def test_each_role_opens_its_own_doors_and_no_other(circle: Bureau):
    wrong = []
    for (method, path), allowed in DOORS.items():
        url = f"/tontines/{circle.reference}/{path.format(**circle.places)}"
        for office, person in circle.browsers.items():
            answer = person.client.open(url, method=method)
            refused = answer.status_code == 403
            if refused == (office in allowed) or answer.status_code >= 500:
                wrong.append((method, path, office, answer.status_code))

    assert wrong == []


def test_the_table_of_rights_says_the_same_as_the_doors():
    """What pages offer by `rights.MAY` is what the doors let in."""
    table = {
        Doing.INVITE: ("POST", "invites/"),
        Doing.APPOINT: ("POST", "offices/"),
        Doing.RECORD_CASH: ("GET", "cash/"),
        Doing.SIGN: ("POST", "approvals/{order}/"),
        Doing.WAIVE: ("POST", "fines/1/"),
        Doing.HOLD_MEETING: ("POST", "meetings/"),
        Doing.EXCLUDE: ("GET", "members/{member}/"),
    }

    assert {doing: rights.MAY[doing] for doing in table} == {
        doing: DOORS[door] for doing, door in table.items()
    }


@pages
def test_a_page_offers_only_what_its_reader_may_do(circle: Bureau):
    offers = {
        office: {
            form.get("data-test") or "link"
            for form in person.read(f"/tontines/{circle.reference}/members/").all("form")
        }
        for office, person in circle.browsers.items()
    }

    assert {office for office, forms in offers.items() if "appoint" in forms} == {Office.PRESIDENT}
    signing = {
        office
        for office, person in circle.browsers.items()
        if 'data-test="sign"' in person.get(f"/tontines/{circle.reference}/approvals/")
    }
    # P01 receives this pot: she does not sign it, and her page does not offer it (T37).
    assert signing == {Office.TREASURER, Office.AUDITOR}


@pages
def test_nobody_sees_a_phone_number(circle: Bureau):
    """R31: members see names, ranks, states and amounts; a number is nobody's but its owner's."""
    numbers = {person.phone[4:] for person in circle.browsers.values()}
    for person in circle.browsers.values():
        for path in ("", "members/", "book/", "order/", "approvals/", "rounds/1/", "report/"):
            page = person.get(f"/tontines/{circle.reference}/{path}").replace("\u00a0", "")

            assert not [number for number in numbers if number in page], path
