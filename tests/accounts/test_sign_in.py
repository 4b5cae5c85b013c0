"""Signing in, as its owner, a stranger and a machine would try it."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from shop.accounts import codes, service
from shop.accounts.models import Device, SignInCode, User
from shop.accounts.refusals import TooManyCodes, TooSoon
from shop.db import session
from shop.notices.models import Notice
from tests.marketplace import last_code, make_order, make_user, new_phone, sign_in

PHONE = "+2250701020304"


def ask(client, phone=PHONE, **more):
    return client.post("/login/", data={"country": "CI", "phone": phone, **more})


def who(client) -> str | None:
    page = client.get("/account/")
    found = re.search(r'name="name"[^>]*value="([^"]*)"|value="([^"]*)"[^>]*name="name"', page.text)
    return (found[1] or found[2]) if page.status_code == 200 and found else None


def test_a_newcomer_gives_a_name_and_a_pin_once(client, time):
    assert ask(client, "07 01 02 03 04").location == "/login/code/"
    answer = client.post("/login/code/", data={"code": last_code(PHONE)})
    assert answer.location == "/login/new/"

    client.post("/login/new/", data={"name": "Awa Koné", "pin": "83627", "again": "83627"})

    assert who(client) == "Awa Koné"
    user = service.proven(PHONE)
    assert user is not None
    assert user.verified_at == time.now()
    assert "83627" not in str(user.pin_hash)


@pytest.mark.parametrize(
    ("pin", "again", "field"),
    [("12345", "12345", "pin"), ("8362", "8362", "pin"), ("83627", "83672", "again")],
)
def test_a_bad_first_pin_is_refused_beside_its_field(client, time, pin, again, field):
    ask(client)
    client.post("/login/code/", data={"code": last_code(PHONE)})

    page = client.post("/login/new/", data={"name": "Awa", "pin": pin, "again": again})

    assert page.status_code == 422
    assert f'id="err-{field}"' in page.text
    assert "<title>Erreur :" in page.text
    assert f'value="{pin}"' not in page.text
    assert service.proven(PHONE) is None


def test_nobody_skips_the_code(client, time):
    ask(client)

    answer = client.post("/login/new/", data={"name": "Eve", "pin": "83627", "again": "83627"})

    assert answer.location == "/login/"
    assert service.proven(PHONE) is None


def test_known_and_unknown_numbers_look_the_same(app, time):
    make_user(phone=PHONE)
    answers = []
    for phone in (PHONE, "+2250701020305"):
        client = app.test_client()
        answer, page = ask(client, phone), client.get("/login/code/")
        masked = page.text.replace("04.", "NN.").replace("05.", "NN.")
        tokens = re.sub(r'value="[^"]{40,}"', "", masked)
        answers.append((answer.status_code, answer.location, tokens))

    assert answers[0] == answers[1]


def test_no_query_looks_for_the_owner_before_the_code(app, time, client):
    make_user(phone=PHONE)
    seen: list[str] = []
    sa.event.listen(
        session.get_bind(), "before_cursor_execute", lambda _c, _u, sql, *_: seen.append(sql)
    )

    ask(client)

    assert seen
    assert not [sql for sql in seen if "user.phone" in sql or 'FROM "user"' in sql]


def test_a_wrong_code_is_refused_and_five_kill_it(client, time):
    ask(client)
    good = last_code(PHONE)
    wrong = "000000" if good != "000000" else "000001"

    for _try in range(5):
        assert client.post("/login/code/", data={"code": wrong}).status_code == 422

    assert client.post("/login/code/", data={"code": good}).status_code == 422


def test_a_code_works_once(app, client, time):
    make_user(phone=PHONE)
    ask(client)
    code = last_code(PHONE)
    client.post("/login/code/", data={"code": code})

    assert codes.check(PHONE, code) is False


def test_a_code_dies_after_ten_minutes_and_when_replaced(client, time):
    ask(client)
    first = last_code(PHONE)
    time.pass_(seconds=61)
    client.post("/login/code/again/")
    second = last_code(PHONE)

    assert first == second or codes.check(PHONE, first) is False
    time.pass_(seconds=600)
    assert codes.check(PHONE, second) is False


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "+12345", "1 2 3"])
def test_what_is_not_six_digits_never_reaches_the_counter(client, time, typed):
    ask(client)

    assert client.post("/login/code/", data={"code": typed}).status_code == 422
    assert session.scalars(sa.select(SignInCode.tries)).all() == [0]


def test_codes_are_spaced_and_counted(app, time):
    def ask_code():
        codes.send(PHONE, asker="192.0.2.1", language="fr")

    ask_code()
    with pytest.raises(TooSoon) as refusal:
        ask_code()
    assert refusal.value.wait_s <= 61
    time.pass_(seconds=60)
    ask_code()
    time.pass_(seconds=60)
    with pytest.raises(TooSoon):
        ask_code()
    for _more in range(3):
        time.pass_(seconds=121)
        ask_code()
    time.pass_(seconds=121)
    with pytest.raises(TooManyCodes):
        ask_code()
    time.pass_(hours=24)
    ask_code()


def test_one_place_asks_for_twenty_codes_an_hour(app, time):
    for _number in range(20):
        codes.send(new_phone(), asker="192.0.2.1", language="fr")

    with pytest.raises(TooManyCodes):
        codes.send(new_phone(), asker="192.0.2.1", language="fr")
    codes.send(new_phone(), asker="192.0.2.2", language="fr")


def test_asking_again_too_soon_says_how_long_to_wait(client, time):
    ask(client)

    answer = client.post("/login/code/again/")

    assert answer.status_code == 303
    assert 'role="status"' in client.get(answer.location).text
    assert session.query(Notice).count() == 1


def test_neither_code_nor_address_is_kept_in_clear(client, time):
    ask(client)

    row = session.scalars(sa.select(SignInCode)).one()

    assert last_code(PHONE) not in row.code_hash
    assert "127.0.0.1" not in row.asker_hash


def test_logging_out_kills_the_session_for_good(app, client, time):
    sign_in(client, PHONE)
    old = client.get_cookie("session").value

    client.post("/logout/")
    assert who(client) is None

    thief = app.test_client()
    thief.set_cookie("session", old)
    assert who(thief) is None


def test_a_known_phone_comes_back_with_its_pin(client, time):
    sign_in(client, PHONE)
    before = client.get_cookie("session").value
    client.post("/logout/")

    assert ask(client).location == "/login/pin/"
    client.post("/login/pin/", data={"pin": "83627"})

    assert who(client) == "Awa Koné"
    assert client.get_cookie("session").value != before
    assert session.query(Device).count() == 1


def test_another_phone_needs_a_code(app, client, time):
    sign_in(client, PHONE)
    time.pass_(minutes=5)

    stranger = app.test_client()

    assert ask(stranger).location == "/login/code/"
    assert stranger.post("/login/pin/", data={"pin": "83627"}).location == "/login/"


def test_three_wrong_pins_need_a_code(client, time):
    sign_in(client, PHONE)
    client.post("/logout/")
    ask(client)

    for _try in range(3):
        assert client.post("/login/pin/", data={"pin": "11111"}).status_code == 422
    page = client.post("/login/pin/", data={"pin": "83627"})

    assert page.status_code == 422
    assert "SMS" in page.text
    time.pass_(hours=1)
    sign_in_by_code(client)
    assert who(client) == "Awa Koné"


def sign_in_by_code(client):
    client.post("/login/code/again/")
    client.post("/login/code/", data={"code": last_code(PHONE)})


def test_a_pin_is_not_enough_after_thirty_days(client, time):
    sign_in(client, PHONE)
    client.post("/logout/")
    time.pass_(days=31)

    assert ask(client).location == "/login/code/"


def test_a_borrowed_phone_keeps_nothing(client, time):
    sign_in(client, PHONE, borrowed=True)
    assert who(client) == "Awa Koné"
    assert client.get_cookie("session").expires is None

    time.pass_(minutes=61)

    assert who(client) is None
    assert ask(client).location == "/login/code/"


def test_one_device_signs_another_out(app, client, time):
    sign_in(client, PHONE)
    time.pass_(minutes=5)
    other = app.test_client()
    sign_in(other, PHONE)
    [lost, _here] = session.scalars(sa.select(Device.id).order_by(Device.id)).all()

    other.post(f"/account/devices/{lost}/forget/")

    assert who(client) is None
    assert who(other) == "Awa Koné"


def test_anothers_device_does_not_exist(app, client, time):
    sign_in(client, PHONE)
    mine = session.scalars(sa.select(Device.id)).one()
    stranger = app.test_client()
    sign_in(stranger, new_phone())

    assert stranger.post(f"/account/devices/{mine}/forget/").status_code == 404
    assert who(client) == "Awa Koné"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "https:evil",
        "/a\r\nSet-Cookie:x=y",
        "x",
    ],
)
def test_nobody_is_sent_elsewhere(client, time, target):
    make_user(phone=PHONE)
    ask(client, next=target)

    answer = client.post("/login/code/", data={"code": last_code(PHONE)})

    assert answer.location == "/"


def test_people_return_to_where_they_were(client, time):
    make_user(phone=PHONE)
    assert client.get("/account/?a=b").location == "/login/?next=/account/?a%3Db"
    ask(client, next="/account/?a=b")

    answer = client.post("/login/code/", data={"code": last_code(PHONE)})

    assert answer.location == "/account/?a=b"


def test_proving_a_number_claims_what_its_guests_bought(client, time):
    guests = [make_user("Guest", proven=False, phone=PHONE) for _ in range(2)]
    stranger = make_user("Other", proven=False)
    orders = [make_order(user=guest) for guest in (*guests, stranger)]

    sign_in(client, PHONE)

    user = service.proven(PHONE)
    session.rollback()
    assert [order.user_id for order in orders] == [user.id, user.id, stranger.id]
    assert [service.owner_id(guest.id) for guest in guests] == [user.id, user.id]
    assert service.unclaimed_guest(guests[0].id) is None
    assert service.unclaimed_guest(stranger.id) is not None
    assert service.unclaimed_guest(user.id) is None


def test_profile_changes_name_and_language_and_nothing_else(client, time):
    sign_in(client, PHONE)
    columns = {column.name: "admin" for column in User.__table__.columns}

    client.post("/account/", data=columns | {"name": "Awa K.", "language": "en"})

    session.rollback()
    user = service.proven(PHONE)
    assert (user.name, user.language, user.role, user.phone) == ("Awa K.", "en", "user", PHONE)
    assert client.get("/account/").text.count('lang="en"') >= 1


@pytest.mark.parametrize(
    "path",
    ["/login/", "/login/code/", "/login/code/again/", "/login/pin/", "/login/new/", "/logout/"],
)
def test_every_form_needs_its_token(app, client, path):
    app.config["WTF_CSRF_ENABLED"] = True

    assert client.post(path, data={"phone": PHONE, "country": "CI"}).status_code == 400
    assert session.query(SignInCode).count() == 0
