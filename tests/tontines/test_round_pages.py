"""A running circle as its members read it: two amounts, no word before its time, money only once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from shop.db import session
from shop.tontines import book
from shop.tontines.models import Tontine
from tests.marketplace import Clock, sign_in
from tests.tontines.circles import Group, locked
from tests.tontines.gounghin import gounghin
from tests.tontines.people import PIN, Person, give_pin, pages

pytestmark = pages

LATE_WORDS = ("En retard", "manqué", "retard de")


class Circle:
    """A circle and the telephones of its people, opened when needed."""

    def __init__(self, app: Flask, group: Group) -> None:
        self.app, self.group = app, group
        self.path = f"/tontines/{session.get_one(Tontine, group.tontine_id).reference}/"
        session.rollback()
        self._browsers: dict[str, Person] = {}

    def of(self, code: str) -> Person:
        if code not in self._browsers:
            user = self.group.user(code)
            client = self.app.test_client()
            sign_in(client, user.phone)
            self._browsers[code] = Person(client, user.phone, user.name, user.id)
        return self._browsers[code]

    def open(self, index: int) -> None:
        self.group.at(self.group.round(index).opens_at)


@pytest.fixture
def circle(app: Flask, time: Clock) -> Circle:
    return Circle(app, locked(time))


def amount(page, mark: str) -> int:
    marked = page.one(data_test=mark)
    return int(next(e["data-montant"] for e in marked.walk() if "data-montant" in e.attributes))


def amounts(page, *names: str) -> list[int]:
    return [amount(page, f"pot-{name}") for name in names]


def test_expected_and_collected_are_two_numbers(circle):
    """R3: never only the expected pot."""
    circle.open(1)
    for code in ("P01", "P02", "P03"):
        circle.group.pay(code)

    page = circle.of("P05").read(circle.path)

    assert amounts(page, "collected", "expected") == [30_000, 120_000]
    assert "3 cotisations reçues, 9 attendues" in page.one("title", id="ct").text
    assert len(page.all("li", data_test="share-row")) == 12
    assert page.one("progress")["value"] == "30000"


def test_t36_cash_is_promised_until_the_giver_says_yes(circle):
    circle.open(1)
    group = circle.group
    for n in range(3, 12):
        group.pay(f"P{n:02}")
    group.fund(group.user("P02"), 50_000)
    treasurer, giver = circle.of("P02"), circle.of("P12")

    name = group.user("P12").name
    giver_id = re.search(rf'value="(\d+)"[^>]*>{name}<', treasurer.get(f"{circle.path}cash/"))
    treasurer.fill(f"{circle.path}cash/", "cash", member=giver_id.group(1), amount="10 000")
    before = giver.read(circle.path)
    asked = giver.read(f"{circle.path}pay/").one("section", data_test="cash-row").text
    reference = re.search(r"/cash/(\w{8})/", giver.last.text).group(1)
    own = treasurer.post(f"{circle.path}cash/{reference}/", answer="yes")
    giver.post(f"{circle.path}cash/{reference}/", answer="yes")

    assert amounts(before, "collected") == [90_000]
    assert "10 000 FCFA sont déjà notés" in before.one(data_test="noted").text.replace(
        "\u00a0", " "
    )
    assert before.one(data_test="pot-to-confirm").text.endswith("10 000 FCFA à confirmer")
    assert "La trésorière a noté 10 000 FCFA en espèces." in asked.replace("\u00a0", " ")
    assert own.status_code == 409
    assert amounts(giver.read(circle.path), "collected") == [100_000]


def test_no_screen_says_late_before_its_time(circle):
    """Property 10: the due time passes, the grace runs, and nobody is called late until it has ended."""
    circle.open(1)
    circle.group.pay_all(but=("P09",))
    round_ = circle.group.round(1)
    due, grace = round_.due_at, round_.grace_until
    seen = {}
    for moment in (due - timedelta(hours=1), due + timedelta(minutes=1), grace - timedelta(minutes=1),
                   grace + timedelta(minutes=1)):  # fmt: skip
        circle.group.at(moment)
        texts = [
            person.read(f"{circle.path}{path}").one("main").text
            for person in (circle.of("P09"), circle.of("P01"))
            for path in ("", "pay/", "rounds/1/", "members/", "order/", "book/", "caisse/")
        ]
        seen[moment] = [word for text in texts for word in LATE_WORDS if word in text]

    *before, after = seen.values()
    assert before == [[], [], []]
    assert "En retard" in after, "the control: once the grace has ended the word is there"


def test_a_member_pays_from_the_wallet_once(circle):
    circle.open(1)
    group, binta = circle.group, circle.of("P05")
    group.fund(group.user("P05"), 25_000)
    page = binta.read(f"{circle.path}pay/")
    [form] = [f for f in page.all("form") if f.get("data-test") == "contribute"]
    assert form.one("input", id="amount")["value"] == "10\u00a0000"
    key = form.one("input", name="form_key")["value"]
    said = {"form_key": key, "amount": "10 000", "share": "", "source": "wallet"}

    first = binta.post(f"{circle.path}pay/", **said)
    second = binta.post(f"{circle.path}pay/", **said)

    assert first.location == second.location
    assert group.wallet("P05") == 15_000
    receipt = binta.read(first.location)
    assert receipt.one("article")["data-state"] == "received"
    assert "Cotisation , tour 1 , P05" in receipt.one("article").text.replace(",", " ,")
    [line] = book.lines(group.tontine_id, what="paid")
    assert receipt.one(data_test="proof").text == line.hash[:8]


def test_too_little_in_the_wallet_is_said_in_place(circle):
    circle.open(1)

    page = circle.of("P05").post(
        f"{circle.path}pay/", form_key="k" * 20, amount="10000", share="", source="wallet"
    )

    assert page.status_code == 422
    assert "ne contient que 0" in page.text


def test_a_large_amount_needs_the_pin(circle):
    circle.open(1)
    group, binta = circle.group, circle.of("P05")
    group.fund(group.user("P05"), 90_000)
    give_pin(binta)
    said = {"form_key": "k" * 20, "amount": "60000", "share": "", "source": "wallet"}

    without = binta.post(f"{circle.path}pay/", **said)
    with_it = binta.post(f"{circle.path}pay/", **said, pin=PIN)

    assert without.status_code == 422
    assert 'name="pin"' in without.text
    assert with_it.status_code == 303
    assert group.wallet("P05") == 30_000


def test_mobile_money_goes_to_the_ordinary_pay_page(circle):
    circle.open(1)
    binta = circle.of("P05")

    begun = binta.post(
        f"{circle.path}pay/", form_key="k" * 20, amount="10000", share="", source="payment"
    )
    page = binta.read(begun.location)

    assert re.fullmatch(rf"{circle.path}pay/\w{{8}}/", begun.location)
    assert page.all("form", data_test="pay-form")


def test_a_pot_moves_with_the_second_signature(circle):
    """R20, T37: by PIN, two different officers, and never who receives."""
    group = circle.group
    group.play_until_signing()
    treasurer, auditor, recipient = circle.of("P02"), circle.of("P03"), circle.of("P01")
    for person in (treasurer, auditor, recipient):
        give_pin(person)
    [form] = [
        f for f in treasurer.read(f"{circle.path}approvals/").all("form") if f.get("data-test") == "sign"
    ]  # fmt: skip
    before = group.wallet("P01")

    own = recipient.post(form["action"], proof=PIN)
    wrong = treasurer.post(form["action"], proof="99001")
    treasurer.post(form["action"], proof=PIN)
    twice = treasurer.post(form["action"], proof=PIN)
    one_signed = group.wallet("P01")
    auditor.post(form["action"], proof=PIN)

    assert (own.status_code, wrong.status_code, twice.status_code) == (409, 422, 303)
    assert "On ne signe pas pour de l’argent qu’on reçoit" in own.text
    assert one_signed == before
    assert group.wallet("P01") == before + 120_000
    assert 'data-state="received"' in treasurer.get(f"{circle.path}rounds/1/")


def test_t07_a_reliquat_is_told_and_the_late_share_named_after_the_grace(circle):
    group = circle.group
    circle.open(1)
    group.pay_all(but=("P09",))
    group.settle(1)
    group.sign(1)

    page = circle.of("P01").read(f"{circle.path}rounds/1/")

    assert amounts(page, "collected", "expected") == [110_000, 120_000]
    assert "10 000 FCFA manquent encore" in page.one(data_test="reliquat").text.replace(
        "\u00a0", " "
    )


def test_a_big_circle_draws_a_bar_and_pages_its_shares(app, time):
    """T40, UX appendix B: the circle becomes a bar above sixty shares; 25 lines at a time."""
    from tests.tontines import circles

    rules = gounghin(shares=70, max_shares_per_member=10, max_concentration_bp=10_000)
    holdings = {f"P{n:02}": (n - 1) % 35 for n in range(1, 71)}
    group = circles.locked(time, rules, members=holdings)
    circle = Circle(app, group)
    circle.open(1)

    page = circle.of("P01").read(circle.path)

    assert not page.all("svg", class_="cercle")
    assert page.all("progress")
    assert len(page.all("li", data_test="share-row")) == 25


def test_a_meeting_is_held_on_one_page_and_its_minutes_carry_the_root(circle):
    circle.open(1)
    group, treasurer = circle.group, circle.of("P02")
    group.fund(group.user("P02"), 20_000)
    opened = treasurer.fill(f"{circle.path}meetings/", "open-meeting", place="Sous le manguier")
    cash = re.search(r'name="(cash-\d+)"', treasurer.get(opened.location)).group(1)

    treasurer.fill(opened.location, "hold", decision="Fête le 12", **{cash: "10 000"})
    too_much = treasurer.fill(opened.location, "hold", **{cash: "90 000"})
    treasurer.fill(opened.location, "close-meeting")
    minutes = circle.of("P06").read(opened.location)
    again = treasurer.post(opened.location, decision="Trop tard")

    assert too_much.status_code == 422
    assert "contient 10" in too_much.text
    assert "Fête le 12" in minutes.one("main").text
    assert "Trop tard" not in circle.of("P06").get(opened.location)
    assert again.status_code == 409
    [line] = book.lines(group.tontine_id, what="meeting_closed")
    assert minutes.one(data_test="root").text == line.hash


def test_the_book_is_filtered_paged_and_told_whole(circle):
    circle.open(1)
    circle.group.pay_all()
    awa = circle.of("P01")

    page = awa.read(f"{circle.path}book/")
    paid = awa.read(f"{circle.path}book/?what=paid")
    older = awa.read(
        f"{circle.path}book/{page.one('p', class_='jetons noprint').all('a')[0]['href']}"
    )
    table = awa.get(f"{circle.path}book.csv")
    checked = awa.read(f"{circle.path}book/?check=1")

    rows = page.all("li", data_test="book-row")
    assert len(rows) == 25
    assert {row.one("b").text for row in paid.all("li", data_test="book-row")} == {
        "Cotisation reçue"
    }
    assert rows[-1].text != older.all("li", data_test="book-row")[0].text
    assert table.startswith("\ufeffLigne;Date;")
    assert len(table.splitlines()) == len(book.lines(circle.group.tontine_id, limit=999)) + 1
    assert checked.one(data_test="chain")["data-state"] == "ok"


def test_the_report_comes_to_zero(circle):
    """J20: brought, less received, less what is still there."""
    circle.group.play(1, but=("P09",))
    circle.open(2)
    circle.group.pay("P03")

    page = circle.of("P05").read(f"{circle.path}report/")

    assert amount(page, "zero") == 0
    assert "120 000 110 000 −10 000" in page.one("tfoot").text.replace("\u00a0", " ")


def test_t09_the_waterfall_is_previewed_and_counting_does_what_it_said(circle):
    """R9: what officers read before the grace ends is what is posted once it has; reading posts nothing."""
    group = circle.group
    circle.open(1)
    group.pay_all(but=("P09",))
    group.fill_caution("P09", 4_000)
    group.fill_caisse(20_000)
    group.at(group.round(1).due_at + timedelta(hours=1))

    preview = circle.of("P02").read(f"{circle.path}rounds/1/").one(data_test="preview").text
    member = circle.of("P05").read(f"{circle.path}rounds/1/")
    before = (group.caution("P09"), group.caisse)
    group.settle(1)

    said = preview.replace("\u00a0", " ")
    assert "P09 : 4 000 FCFA par sa caution" in said
    assert "P09 : 6 000 FCFA par la caisse du groupe" in said
    assert "Reçoit 120 000 FCFA" in said
    assert not member.all(data_test="preview")
    assert before == (4_000, 20_000)
    assert (group.caution("P09"), group.caisse, group.turn(1).net) == (0, 14_000, 120_000)


def test_a_closed_cycle_comes_to_zero_for_everybody_and_leads_to_the_next(app, time):
    """T01 as pages say it: each paid what each received; then the same people may begin again."""
    rules = gounghin(shares=3, max_concentration_bp=10_000)
    circle = Circle(app, locked(time, rules))
    for index in (1, 2, 3):
        circle.group.play(index)
    awa = circle.of("P01")

    report = awa.read(f"{circle.path}report/")
    lines = [row.all("td") for row in report.one("tbody").all("tr")]
    tasks = {task["data-what"] for task in awa.read(circle.path).all(data_test="task")}
    begun = awa.fill(f"{circle.path}order/", "next-cycle")

    assert [line[2].text for line in lines] == ["0", "0", "0"]
    assert [line[0].text for line in lines] == ["30 000"] * 3
    assert amount(report, "zero") == 0
    assert "next" in tasks
    assert begun.location == circle.path
    assert "0 parts prises sur 3" in awa.read(circle.path).one(data_test="taken").text
