"""`flask providers` as an operator types it: what is printed, what is changed, how it exits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from shop import jobs
from shop.db import session
from shop.providers import methods
from shop.switches import may_collect, may_pay_out
from shop.switches import service as switches
from shop.switches.models import Kind
from tests.marketplace import make_order
from tests.street import Street


def run(app: Flask, *words: str) -> Result:
    session.rollback()  # a command begins with fresh eyes; here it would borrow the test's
    result = app.test_cli_runner().invoke(args=["providers", *words])
    session.rollback()
    return result


def data(app: Flask, *words: str) -> Any:
    result = run(app, *words, "--json")
    return json.loads(result.stdout)


def test_list_says_what_is_on(app: Flask):
    run(app, "pause", "fedapay", "--payouts", "--reason", "panne")

    rows = {row["provider"]: row for row in data(app, "list")}

    assert len(rows) == 8
    assert (rows["fedapay"]["collections"], rows["fedapay"]["payouts"]) == ("on", "paused")
    assert rows["orange"]["payouts"] == "none"
    assert sum(row["methods"] for row in rows.values()) == len(methods.all_methods())


@pytest.mark.parametrize(
    ("words", "collects", "pays_out"),
    [((), False, False), (("--payouts",), True, False), (("--collections",), False, True)],
)
def test_pause_and_resume(app: Flask, words: tuple[str, ...], collects: bool, pays_out: bool):
    result = run(app, "pause", "fedapay", *words, "--reason", "panne", "--as", "awa")

    assert result.exit_code == 0
    assert may_collect("fedapay", "fedapay-mtn-bj") is collects
    assert may_pay_out("fedapay") is pays_out
    assert {row.by_whom for row in switches.on_now()} == {"awa"}
    assert run(app, "resume", "fedapay").exit_code == 0
    assert may_collect("fedapay", "fedapay-mtn-bj")
    assert may_pay_out("fedapay")


def test_a_dry_run_changes_nothing(app: Flask):
    result = run(app, "pause", "wave", "--reason", "x", "--dry-run")

    assert result.exit_code == 0
    assert "wave:collect" in result.stdout
    assert "Nothing was changed." in result.stderr
    assert switches.on_now() == []


def test_a_method_is_switched_off_and_on_without_a_deploy(app: Flask):
    run(app, "methods", "off", "feexpay-mtn-bj", "--reason", "contrat")
    rows = data(app, "methods", "--country", "BJ", "--operator", "mtn", "--provider", "feexpay")
    assert [(row["method"], row["state"]) for row in rows] == [("feexpay-mtn-bj", "off")]

    assert run(app, "methods", "on", "feexpay-mtn-bj").exit_code == 0

    assert may_collect("feexpay", "feexpay-mtn-bj")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "nobody"), 3),
        (("pause", "nobody", "--reason", "x"), 3),
        (("methods", "off", "nothing", "--reason", "x"), 3),
        (("pause", "orange", "--payouts", "--reason", "x"), 4),
        (("resume", "wave"), 5),
        (("methods", "on", "wave-ci"), 5),
        (("pause", "wave"), 2),
        (("pause", "wave", "--reason", "x", "--for", "soon"), 2),
        (("guess", "12"), 2),
        (("health", "--provider", "nobody"), 3),
    ],
)
def test_what_cannot_be_done_says_so_by_its_exit_code(
    app: Flask, words: tuple[str, ...], code: int
):
    result = run(app, *words)

    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert switches.on_now() == []


def test_an_error_is_json_too(app: Flask):
    result = run(app, "show", "nobody", "--json")

    assert json.loads(result.stderr)["error"]["code"] == "not_found"


def test_show_says_why_it_is_stopped(app: Flask):
    run(app, "pause", "wave", "--collections", "--reason", "double débit")

    (shown,) = data(app, "show", "wave")

    assert shown["collections"] == "paused"
    assert shown["stops"] == [
        {"target": "wave:collect", "switch": "paused", "reason": "double débit"}
    ]


def test_guess_gives_the_operator_and_the_reasons(app: Flask):
    switches.turn_on("mtn:collect", Kind.PAUSED, by_whom="awa", reason="x")

    rows = [row for row in data(app, "guess", "0501020304") if row["operator"] == "mtn*"]

    assert [row["place"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0] == {
        "operator": "mtn*", "place": 1, "method": "feexpay-mtn-ci", "chosen": True,
        "success_bp": 9_500, "of": 0, "cost": 85, "obstacle": "-",
    }  # fmt: skip
    assert (rows[-1]["method"], rows[-1]["obstacle"]) == ("mtn-ci", "off")


def test_health_shows_calls_and_outcomes_and_exits_6_while_an_alert_is_open(street: Street):
    payment = street.sent(make_order(), "mtn-ci")
    street.approve(payment)
    street.pass_(60)
    (well,) = data(street.app, "health")
    street.world.faults.add("mtn", "silence")
    street.sent(make_order(), "mtn-ci")
    street.time.pass_(minutes=16)
    jobs.run("watch_providers")

    result = run(street.app, "health", "--provider", "mtn", "--json")

    (asked,) = [row for row in well["calls"] if row["operation"] == "collect"]
    assert (asked["provider"], asked["calls"], asked["failed"]) == ("mtn", 1, 0)
    (ended,) = well["outcomes"]
    assert (ended["method"], ended["succeeded"], ended["success_percent"]) == ("mtn-ci", 1, 100)
    assert 0 < ended["median_s"] <= 60
    assert well["alerts"] == []
    assert result.exit_code == 6, result.output
    assert json.loads(result.stdout)[0]["alerts"][0]["kind"] == "stuck"
