"""Coming in by the pages: a link, a wish, the rules accepted by PIN or code, shares, the start."""

from __future__ import annotations

import re

import pytest

from shop.accounts import service as accounts
from tests.marketplace import last_code, new_phone
from tests.tontines.people import PIN, Person, create, give_pin, pages, person

pytestmark = pages


@pytest.fixture
def awa(app, time) -> Person:
    return person(app, "Awa")


@pytest.fixture
def circle(awa) -> str:
    return f"/tontines/{create(awa, shares='4', most_shares='1')}/"


def invited(host: Person, circle: str, **values: str) -> str:
    """Make a link by the members' page; give its path."""
    page = host.fill(f"{circle}members/", "invite", **values)
    assert 'data-test="invite-link"' in page.text
    assert '<path class="qrline"' in page.text
    found = re.search(r'value="(\S+/tontines/join/[\w-]+/)"', page.text)
    assert found
    return "/" + found.group(1).split("/", 3)[3]


def accept(who: Person, circle: str) -> None:
    give_pin(who)
    assert who.fill(f"{circle}rules/", "accept", proof=PIN).status_code == 303


def test_a_link_lets_somebody_in_who_then_accepts_and_takes_a_share(app, awa, circle):
    binta = person(app, "Binta")
    link = invited(awa, circle)

    assert binta.fill(link, "come-in").location == f"{circle}rules/"
    accept(binta, circle)
    taken = binta.fill(f"{circle}rules/", "take-shares", count="1")

    assert taken.location == circle
    assert "P01" in binta.read(circle).one(data_test="my-share").text
    assert binta.read(circle).one(data_test="taken").text == "1 parts prises sur 4"


def test_the_card_of_a_link_is_read_before_signing_in(app, awa, circle):
    guest = app.test_client()

    page = guest.get(invited(awa, circle))

    assert page.status_code == 200
    assert "Marché de Gounghin" in page.text
    assert "Se connecter pour entrer" in page.text
    assert "Awa vous invite." in page.text


def test_a_closed_link_names_whom_to_ask(app, awa, circle):
    link = invited(awa, circle)
    awa.post(f"{circle}invites/1/revoke/")

    page = app.test_client().get(link)

    assert page.status_code == 410
    assert "Demandez-en un autre à Awa." in page.text


def test_a_named_invitation_is_for_that_number_only(app, awa, circle):
    binta, thief = person(app, "Binta", phone=(phone := new_phone())), person(app, "Paul")
    link = invited(awa, circle, phone=phone)

    assert thief.fill(link, "come-in").status_code == 409
    assert binta.fill(link, "come-in").status_code == 303


def test_who_asks_waits_for_the_bureau(app, awa, circle):
    fatou = person(app, "Fatou")
    fatou.fill(f"{circle}card/", "ask", words="Je vends du poisson")

    assert "Votre demande est envoyée" in fatou.get(f"{circle}card/")
    assert fatou.client.get(circle).status_code == 404
    page = awa.read(f"{circle}members/").one(data_test="join-request").text
    assert "Je vends du poisson" in page
    awa.post(f"{circle}requests/1/", answer="yes")
    fatou.get(circle)


def test_a_public_card_shows_no_person_and_no_amount_paid(app, awa, circle):
    """R31, U26."""
    text = app.test_client().get(f"{circle}card/").text

    assert "Awa" not in text
    assert awa.phone[-8:] not in text.replace("\u00a0", "")


def test_a_private_circle_does_not_exist_for_others(app, awa):
    private = f"/tontines/{create(awa, seen='private')}/"

    assert app.test_client().get(f"{private}card/").status_code == 404
    assert awa.client.get(f"{private}card/").status_code == 200


def test_rules_are_accepted_by_a_code_too(awa, circle, time):
    time.pass_(minutes=5)
    awa.post(f"{circle}rules/code/")
    page = awa.fill(f"{circle}rules/", "accept", proof=last_code(awa.phone))

    assert page.status_code == 303
    assert awa.read(f"{circle}rules/").all(data_test="accepted")


def test_a_wrong_pin_accepts_nothing_and_three_pause_it(awa, circle):
    give_pin(awa)
    pages = [awa.fill(f"{circle}rules/", "accept", proof="11223").text for _ in range(3)]

    assert "Ce code PIN n’est pas bon." in pages[0]
    assert "Réessayez dans 24 heures" in pages[2]
    assert not awa.read(f"{circle}rules/").all(data_test="accepted")
    assert accounts.by_id(awa.id).pin_locked_until is not None


def test_accepting_another_text_than_the_present_rules_is_refused(awa, circle):
    give_pin(awa)

    page = awa.post(f"{circle}rules/accept/", proof=PIN, sha256="0" * 64)

    assert page.status_code == 409
    assert not awa.read(f"{circle}rules/").all(data_test="accepted")


def test_the_rules_page_shows_the_text_that_its_hash_is_of(awa, circle):
    from hashlib import sha256

    page = awa.read(f"{circle}rules/")

    text = page.one("textarea").text
    assert sha256(text.encode()).hexdigest() == page.one(data_test="rules-sha256").text


def test_a_full_circle_with_a_bureau_starts_from_its_page(app, awa, circle):
    link = invited(awa, circle)
    people = [awa, *(person(app, name) for name in ("Binta", "Cheikh", "Djénéba"))]
    for who in people:
        who.client.post(link)
        accept(who, circle)
        who.fill(f"{circle}rules/", "take-shares")
    assert awa.post(f"{circle}lock/").status_code == 422
    awa.fill(f"{circle}members/", "appoint", office="tresoriere", member="2")

    tasks = {task["data-what"] for task in awa.read(circle).all(data_test="task")}
    started = awa.fill(f"{circle}order/", "lock")

    assert "lock" in tasks
    assert started.location == circle
    assert len(awa.read(f"{circle}order/").all(data_test="order-row")) == 4
    assert re.fullmatch(
        "[0-9a-f]{64}", awa.read(f"{circle}order/").one(data_test="order-hash").text
    )


def test_changed_rules_are_a_new_version_that_everybody_accepts_again(awa, circle):
    accept(awa, circle)
    before = awa.read(f"{circle}rules/").one(data_test="rules-sha256").text

    page = awa.read(f"{circle}rules/change/?step=6")
    published = awa.fill(f"{circle}rules/change/?step=6&contribution=5000", "publish")
    after = awa.read(f"{circle}rules/")

    assert page.one("h1").text == "Marché de Gounghin"
    assert published.location == f"{circle}rules/"
    assert after.one(data_test="rules-sha256").text != before
    assert "Version 2" in after.one("main").text
    assert after.all("form", data_test="accept")
    assert '"contribution":5000,' in after.one("textarea").text


def test_the_treasurer_proposes_rules_that_only_the_president_publishes(app, awa, circle):
    binta = person(app, "Binta")
    binta.client.post(invited(awa, circle))
    awa.fill(f"{circle}members/", "appoint", office="tresoriere", member="2")
    address = f"{circle}rules/change/?step=6&contribution=5000"

    page = binta.read(address)

    assert not page.all("form", data_test="publish")
    assert "contribution=5000" in page.one("input", id="proposition")["value"]
    assert binta.post(address).status_code == 403
