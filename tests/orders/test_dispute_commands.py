"""`flask disputes`: what is open, what was said, and a decision that carries a name and a reason."""

from __future__ import annotations

from shop.orders import talk
from shop.orders.states import Stage
from tests.marketplace import make_order, make_product
from tests.orders.paid import again, buyer_of, make_part, report
from tests.orders.test_commands import WHY, flask  # noqa: F401 -- a fixture


def test_a_dispute_is_listed_shown_and_decided(flask):  # noqa: F811 -- the fixture's own name
    part = make_part(Stage.SENT)
    report(part)
    part = again(part)
    talk.say(buyer_of(part), part.reference, "Voyez la couture", "a-form-key")
    talk.pin(buyer_of(part), part.reference, talk.page(part).rows[0].id)

    assert [row["status"] for row in flask("disputes", "list")[1]] == ["open"]
    shown = flask("disputes", "show", part.reference)[1]
    assert [event["what"] for event in shown["events"]] == ["reported"]
    assert [event["words"] for event in shown["evidence"]] == ["Voyez la couture"]
    decide = ("disputes", "decide", part.reference, "--amount", "7000", *WHY)
    assert flask(*decide, "--dry-run")[:2] == (0, [])
    assert flask(*decide)[0] == 4, "nobody typed the reference"
    code, [row], said = flask(*decide, "--yes")

    assert (code, row["status"], row["back"]) == (0, "decided", 7_000)
    assert "7\u00a0000" in said
    assert flask(*decide, "--yes")[0] == 5
    assert again(part).escrow == "held", "two days to contest"


def test_much_money_says_that_a_second_person_is_needed(flask):  # noqa: F811
    part = make_part(Stage.SENT, make_order((make_product(price=300_000), 1)))
    report(part)
    decide = (
        "disputes",
        "decide",
        part.reference,
        "--amount",
        "0",
        "--reason",
        "vu",
        "--yes",
        "--as",
    )

    first, second = flask(*decide, "Awa"), flask(*decide, "Binta")

    assert "second person" in first[2]
    assert (first[1][0]["status"], second[1][0]["status"]) == ("open", "decided")


def test_what_is_strange_is_refused(flask):  # noqa: F811
    part = make_part(Stage.SENT)
    decide = ("disputes", "decide", part.reference, *WHY, "--yes", "--amount")

    assert flask("disputes", "show", part.reference)[0] == 3
    assert flask(*decide, "1")[0] == 3
    report(part)
    assert flask(*decide, "-1")[0] == 2
    assert flask(*decide, "1e3")[0] == 2
    assert flask(*decide, str(part.total_amount + 1))[0] == 2
    assert flask("escrow", "release", part.reference, *WHY, "--yes")[0] == 5, "it is frozen"
