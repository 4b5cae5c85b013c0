"""Five short steps to a circle: what was said is kept, Back works, and a plan that cannot hold is refused."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from werkzeug.datastructures import MultiDict

from shop.tontines.plan_forms import PlanForm, keeping, of_rules
from tests.tontines.people import PLAN, Person, create, pages, person
from tests.visitor import Element, fields, read

pytestmark = pages


@pytest.fixture
def awa(app) -> Person:
    return person(app)


def step(who: Person, number: int, **said: str) -> Element:
    return who.read(f"/tontines/new/?{urlencode({**said, 'step': number})}")


def plan(who: Person, **said: str) -> Element:
    return step(who, 6, **{**PLAN, **said})


def test_five_steps_lead_to_the_plan(awa):
    """Only what each page asks is typed; everything else comes along by itself."""
    page, asked = step(awa, 1), 0
    while form := next((f for f in page.all("form") if f.get("data-test") == "plan-step"), None):
        offered = {e.get("name") for e in form.walk()}
        said = {**fields(form), **{k: v for k, v in PLAN.items() if k in offered}}
        page, asked = awa.read(f"/tontines/new/?{urlencode(said)}"), asked + 1

    assert asked == 5
    assert page.one("h1").text == PLAN["name"]
    assert len(page.all("li", data_test="rank-row")) == 12


def test_a_wrong_answer_is_shown_with_its_step_and_kept(awa):
    page = plan(awa, shares="300", name="Gounghin")

    assert page.one("h1").text == "L’argent"
    assert page.one(id="erreurs").text.endswith("Écrivez un nombre de 2 à 250.")
    assert page.one("input", id="shares")["value"] == "300"
    assert page.one("input", name="name")["value"] == "Gounghin"


def test_back_keeps_what_was_said(awa):
    page = step(awa, 3, **PLAN)
    back = page.one("p", class_="fil").one("a")["href"]

    before = awa.read(back)

    assert before.one("h1").text == "L’argent"
    assert before.one("input", id="contribution")["value"] == "10 000"


def test_the_plan_shows_dates_turns_and_risk(awa):
    """TONTINE §11: rounds, dates, pot, each rank, the worst case, the cover floor, fees."""
    text = plan(awa).one("main").text

    assert "Première échéance ven. 27 nov. 20:00" in text
    assert "Dernière échéance ven. 12 févr. 20:00" in text
    assert "120 000 FCFA" in text
    assert "il manque aux autres : 110 000 FCFA" in text
    assert "À couvrir avant : 22 000 FCFA" in text
    assert "Frais du site sur un cycle 0 FCFA" in text


def test_each_line_of_the_exposure_table_makes_zero(awa):
    table = plan(awa).one(data_test="exposure-table")
    lines = [
        [int(cell.text.replace("\u00a0", "").replace(" ", "").replace("−", "-"))
         for cell in row.all("td")]
        for row in table.all("tr")[1:]
    ]  # fmt: skip

    assert len(lines) == 12
    assert [sum(line) for line in lines] == [0] * 12
    assert lines[0] == [110_000] + [-10_000] * 11


def test_a_big_circle_shows_some_ranks_at_a_time(awa):
    page = plan(awa, shares="250", contribution="2000")

    assert len(page.all("li", data_test="rank-row")) == 24
    assert "from=25" in page.one("a", class_="btn sec court")["href"]
    assert len(awa.last.data) < 40_000


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"bring": "2", "bonus": "5000"}, "Ce plan dépend de nouvelles personnes à amener."),
        ({"promised": "240000;120000"}, "Au rang 1, une part verse 120 000 FCFA et recevrait 240"),
        ({"shares": "12", "recipients": "5"}, "12 parts ne se partagent pas en tours de 5"),
        ({"contribution": "400"}, "La cotisation va de 500 FCFA à 500 000 FCFA"),
        ({"seen": "public", "order": "seniority"}, "Entre inconnus, l’ordre est toujours tiré"),
    ],
)
def test_a_plan_that_cannot_hold_is_refused_with_its_reason(awa, said, sentence):
    """J19: said in French, before anybody puts money in; publishing it anyway changes nothing."""
    refused = plan(awa, **said)
    posted = awa.post("/tontines/new/", form_key="k" * 20, **{**PLAN, **said})

    assert sentence in refused.one(data_test="refusals").text.replace("\u00a0", " ")
    assert not refused.all("form", data_test="publish")
    assert posted.status_code == 422
    assert "Vous n’êtes dans aucune tontine" in awa.get("/tontines/")


def test_publishing_twice_makes_one_circle(awa):
    first, second = create(awa), create(awa)

    assert first == second
    assert len(awa.read("/tontines/").all(data_test="circle")) == 1


@pytest.mark.parametrize("kind", ["enchere", "solidarite"])
def test_the_other_kinds_ask_only_what_they_need(awa, kind):
    asked = {**PLAN, "kind": kind, "relief": "500"}
    if kind == "solidarite":
        del asked["contribution"], asked["fine"]
    fourth = step(awa, 4, **asked)
    page = step(awa, 6, **asked)

    assert not fourth.all("fieldset", id="order")
    assert bool(fourth.all("select", id="dividend")) == (kind == "enchere")
    assert page.all("form", data_test="publish"), page.one("main").text


def test_the_steps_speak_english_too(awa):
    page = read(awa.client.get("/tontines/new/?lang=en").text)

    assert page.one("html")["lang"] == "en"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"kind": "enchere", "sealed": "0", "auction_cap": "20", "dividend": "fin_de_cycle"},
        {"period": "twice_a_month", "monthday": "5", "monthday2": "31", "recipients": "2"},
        {"period": "every_n_days", "every": "4", "recipient_pays": "0", "late": "guarantor"},
        {"kind": "solidarite", "contribution": "", "relief": "500", "fine": ""},
    ],
)
def test_rules_said_again_are_the_same_rules(app, said):
    """A change begins with the present rules: nothing is lost on the way through the five steps."""
    first = PlanForm(MultiDict({**PLAN, **said}), country="CI")
    assert first.validate(), first.errors
    rules = first.rules()

    second = PlanForm(MultiDict({**PLAN, **of_rules(rules)}), country="CI")

    assert second.validate(), second.errors
    assert keeping(rules, second.rules()) == rules
