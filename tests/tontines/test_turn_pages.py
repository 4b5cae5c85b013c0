"""Turns by page: a draw anybody can redo with SHA-256, turns exchanged, sold, handed on."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256

import pytest
from flask import Flask

from shop.tontines import drawing
from shop.tontines.rules import Order
from tests.marketplace import Clock
from tests.tontines.circles import enrolled, locked
from tests.tontines.gounghin import auctioned, gounghin
from tests.tontines.people import PIN, give_pin, pages
from tests.tontines.test_round_pages import Circle

pytestmark = pages


def exact(html: str, test: str) -> str:
    """The text of a recipe exactly as it stands on the page."""
    found = re.search(rf'data-test="{test}">(.*?)</pre>', html, re.DOTALL)
    assert found
    return found.group(1)


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture
def drawn(app: Flask, time: Clock) -> Circle:
    """A circle whose draw was committed, worded and shown."""
    circle = Circle(app, enrolled(time, gounghin(order=Order.RANDOM)))
    awa = circle.of("P01")
    awa.fill(f"{circle.path}draw/", "commit", hours="24", beacon="Loterie nationale du samedi")
    circle.of("P06").post(f"{circle.path}draw/words/", share="P06", word="bissap")
    time.pass_(hours=25)
    awa.fill(f"{circle.path}draw/", "reveal", beacon="LOTO-2026-11-28:07-19-23-44-61")
    return circle


def test_t25_a_draw_is_redone_from_the_page_with_nothing_but_sha_256(drawn):
    html = drawn.of("P09").get(f"{drawn.path}draw/")

    page = drawn.of("P09").read(f"{drawn.path}draw/")
    final = hashed(exact(html, "recipe-draw"))
    codes = re.findall(r"^(P\d+)=", exact(html, "recipe-draw"), re.MULTILINE)
    order = sorted(codes, key=lambda code: hashed(f"{final}:{code}"))

    assert "P06=bissap" in exact(html, "recipe-draw")
    assert exact(html, "recipe-draw").endswith("\nbeacon=LOTO-2026-11-28:07-19-23-44-61")
    assert hashed(exact(html, "recipe-commit")) == page.one(data_test="draw-commitment").text
    assert final == page.one(data_test="recipe-f").text
    assert order == [li.text.split()[0] for li in page.one(data_test="draw-order").all("li")]
    assert "Tirage conforme" in page.one(data_test="verdict").text


def test_t26_an_order_that_was_changed_is_named_by_its_first_rank(drawn, monkeypatch):
    shown = drawing.published

    def altered(row):
        whole = shown(row)
        first, second, third, fourth, *rest = whole.order
        return replace(whole, order=(first, second, fourth, third, *rest))

    monkeypatch.setattr(drawing, "published", altered)
    verdict = drawn.of("P09").read(f"{drawn.path}draw/").one(data_test="verdict")

    assert verdict["data-state"] == "ko"
    assert verdict.text == "Non conforme à partir du rang 3."


@pytest.mark.parametrize("word", ["x\nP06=y", "Éléphant", "a" * 21])
def test_t26_a_word_that_could_slip_a_line_in_is_refused(app, time, word):
    circle = Circle(app, enrolled(time, gounghin(order=Order.RANDOM)))
    circle.of("P01").fill(f"{circle.path}draw/", "commit")

    page = circle.of("P06").post(f"{circle.path}draw/words/", share="P06", word=word)

    assert page.status_code == 422
    assert "lettres minuscules sans accent" in page.text


def test_t26_a_secret_kept_too_long_voids_the_draw(app, time):
    circle = Circle(app, enrolled(time, gounghin(order=Order.RANDOM)))
    awa = circle.of("P01")
    awa.fill(f"{circle.path}draw/", "commit", hours="1")
    time.pass_(hours=26)

    late = awa.read(f"{circle.path}draw/").one("main").text
    awa.post(f"{circle.path}draw/reveal/")

    assert "ce tirage est nul" in late
    assert [f["data-test"] for f in awa.read(f"{circle.path}draw/").all("form")] == ["commit"]


def test_words_are_hidden_until_the_close(app, time):
    circle = Circle(app, enrolled(time, gounghin(order=Order.RANDOM)))
    circle.of("P01").fill(f"{circle.path}draw/", "commit")
    circle.of("P06").post(f"{circle.path}draw/words/", share="P06", word="bissap")

    assert "bissap" not in circle.of("P02").get(f"{circle.path}draw/")
    assert "bissap" in circle.of("P06").get(f"{circle.path}draw/")


def test_t27_two_members_exchange_their_turns_by_pin(app, time):
    circle = Circle(app, locked(time))
    four, nine, other = circle.of("P04"), circle.of("P09"), circle.of("P05")
    give_pin(nine)
    before = circle.of("P01").read(f"{circle.path}order/").one(data_test="order-hash").text
    four.fill(f"{circle.path}order/", "ask-swap", own="P04", other="P09")

    stranger = other.post(f"{circle.path}swaps/1/", answer="yes", proof=PIN)
    wrong = nine.post(f"{circle.path}swaps/1/", answer="yes", proof="99001")
    nine.post(f"{circle.path}swaps/1/", answer="yes", proof=PIN)
    page = circle.of("P01").read(f"{circle.path}order/")

    assert stranger.status_code in (404, 422)
    assert wrong.status_code == 422
    assert page.one("section", data_test="swap")["data-state"] == "done"
    assert page.one(data_test="order-hash").text != before
    assert circle.group.share("P04").position == 9


def test_t27_a_served_share_is_not_exchanged(app, time):
    circle = Circle(app, locked(time))
    circle.group.play(1)

    page = circle.of("P01").post(f"{circle.path}swaps/", own="P01", other="P09")

    assert page.status_code == 422
    assert "La part P01 a déjà reçu son pot." in page.text


def test_t21_a_bid_over_the_cap_is_refused_with_the_limit(app, time):
    circle = Circle(app, locked(time, auctioned(sealed=False)))
    circle.open(1)
    address = f"{circle.path}rounds/1/auction/"

    refused = circle.of("P04").fill(address, "bid", discount="40 000")
    circle.of("P05").fill(address, "bid", discount="12 000")
    circle.of("P04").fill(address, "bid", discount="36 000")
    rows = [row.text for row in circle.of("P06").read(address).all("li", data_test="bid-row")]

    assert refused.status_code == 422
    assert "au plus de 36 000 FCFA" in refused.text.replace("\u00a0", " ")
    assert "36" in rows[0]
    assert "12" in rows[1]


def test_a_sealed_bid_shows_only_its_seal_and_opens_with_its_word(app, time):
    circle = Circle(app, locked(time, auctioned()))
    circle.open(1)
    circle.group.pay_all()
    address = f"{circle.path}rounds/1/auction/"
    bidder = circle.of("P04")

    placed = bidder.fill(address, "bid", discount="18 000", secret="mangue-verte")
    assert placed.status_code == 303, placed.text
    sealed = circle.of("P06").get(address)
    time.at = circle.group.round(1).due_at
    wrong = bidder.fill(address, "bid", discount="20 000", secret="mangue-verte")
    bidder.fill(address, "bid", discount="18 000", secret="mangue-verte")

    assert "18" not in re.sub(r"<code.*?</code>", "", sealed).split('data-test="bid-row"')[1][:200]
    assert wrong.status_code == 422
    assert "18 000" in circle.of("P06").get(address).replace("\u00a0", " ")


def test_t30_a_served_member_is_told_what_is_left_to_pay(app, time):
    circle = Circle(app, locked(time))
    circle.group.play(1)

    page = circle.of("P01").read(f"{circle.path}leave/")

    assert "Il reste 110 000 FCFA à verser." in page.one("main").text.replace("\u00a0", " ")
    assert not page.all("button", value="withdraw")


def test_t28_leaving_shows_its_sheet_before_and_does_it_with_the_pin(app, time):
    circle = Circle(app, locked(time))
    for index in (1, 2):
        circle.group.play(index)
    seven = circle.of("P07")
    give_pin(seven)

    sheet = seven.read(f"{circle.path}leave/").one("section", data_test="leave-share").text
    seven.post(f"{circle.path}leave/P07/", how="withdraw", proof=PIN)

    assert "20 000 FCFA" in sheet.replace("\u00a0", " ")
    assert "19 000 FCFA" in sheet.replace("\u00a0", " "), "less the exit fee of 5 per cent"
    assert circle.group.share("P07").status == "withdrawn"


def test_t29_a_share_is_handed_on_only_when_the_other_says_yes(app, time):
    circle = Circle(app, locked(time))
    circle.group.play(1)
    seven, eight = circle.of("P07"), circle.of("P08")
    for person in (seven, eight):
        give_pin(person)
    circle.group.fund(circle.group.user("P08"), 30_000)
    holder = circle.group.share("P07").member_id

    member = re.search(rf'value="(\d+)">{eight.name}<', seven.get(f"{circle.path}leave/")).group(1)
    seven.post(f"{circle.path}leave/P07/", how="offer", member=member, proof=PIN)
    before = circle.group.share("P07").member_id
    stranger = circle.of("P09").post(f"{circle.path}shares/P07/take/", proof=PIN)
    eight.fill(f"{circle.path}leave/", "take-over", proof=PIN)

    assert before == holder
    assert stranger.status_code == 404
    assert circle.group.share("P07").member_id == int(member)
    assert circle.group.wallet("P07") >= 10_000
