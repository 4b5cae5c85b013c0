"""`flask orders` and `flask escrow`: data on stdout, a reason for every decision, exit codes that tell."""

from __future__ import annotations

import json

import pytest

from shop.ledger import chart
from shop.ledger import service as ledger
from shop.orders import fulfilment
from shop.orders.refusals import WrongCode
from shop.orders.states import Stage
from shop.references import spaced
from tests.orders.paid import again, make_part


@pytest.fixture
def flask(app, time):
    """Run a command; give its exit code, its rows, and what it says to the person."""

    def run(*words: str, typed: str = ""):
        answer = app.test_cli_runner().invoke(args=[*words, "--json"], input=typed)
        rows = json.loads(answer.stdout.splitlines()[-1]) if answer.stdout.strip() else []
        return answer.exit_code, rows, answer.stderr

    return run


def wallet(user_id: int) -> int:
    return ledger.balance(chart.wallet(user_id, "XOF")).amount


WHY = ("--reason", "appel client", "--as", "mariam")


def test_a_release_is_typed_out_and_signed(flask):
    part = make_part(Stage.ASKED)

    code, [row], said = flask(
        "escrow", "release", spaced(part.reference), *WHY, typed=f"{spaced(part.reference)}\n"
    )

    assert (code, row["stage"], row["escrow"]) == (0, "confirmed", "released")
    assert "25 775" in said.replace("\u00a0", " ").replace(",", " ")
    assert wallet(part.store.owner_id) == part.net.amount
    event = fulfilment.history(part.id)[-1]
    assert (event.actor, event.words) == ("staff", "appel client (mariam)")


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "y\n"])
def test_nothing_is_released_without_its_reference(flask, typed):
    part = make_part(Stage.SENT)

    code, rows, _said = flask("escrow", "release", part.reference, *WHY, typed=typed)

    assert (code, rows) == (4, [])
    assert again(part).escrow == "held"


def test_a_dry_run_says_and_does_nothing(flask):
    part = make_part(Stage.SENT)

    for words in (("escrow", "release"), ("escrow", "refund"), ("orders", "cancel")):
        code, rows, said = flask(*words, part.reference, *WHY, "--dry-run")
        assert (code, rows) == (0, [])
        assert "FCFA" in said

    assert again(part).stage == Stage.SENT


@pytest.mark.parametrize("words", [("escrow", "refund"), ("orders", "cancel")])
def test_the_whole_goes_back(flask, words):
    part = make_part(Stage.READY)

    code, [row], _said = flask(*words, part.reference, *WHY, "--yes")

    assert (code, row["stage"], row["buyer"]) == (0, "cancelled", part.total_amount)
    assert wallet(part.order.user_id) == part.total_amount


def test_a_part_goes_back_and_the_rest_to_the_seller(flask):
    part = make_part(Stage.SENT)

    code, [row], _said = flask(
        "escrow", "refund", part.reference, *WHY, "--yes", "--amount", "7000"
    )

    assert (code, row["escrow"], row["buyer"]) == (0, "split", 7_000)
    assert row["seller"] + row["kept"] == part.total_amount - 7_000


@pytest.mark.parametrize("amount", ["0", "-5", "27001", "x", "1.5"])
def test_a_strange_amount_is_a_usage_error(flask, amount):
    part = make_part(Stage.SENT)

    assert flask("escrow", "refund", part.reference, *WHY, "--yes", "--amount", amount)[0] == 2
    assert again(part).escrow == "held"


def test_too_late_unknown_and_unreasoned_have_their_codes(flask):
    ended = make_part(Stage.CONFIRMED)

    late = flask("escrow", "refund", ended.reference, *WHY, "--yes")
    unknown = flask("escrow", "release", "ZZZZ-ZZZZ", *WHY, "--yes")
    silent = flask("escrow", "release", ended.reference, "--reason", " ", "--yes")

    assert (late[0], unknown[0], silent[0]) == (5, 3, 2)
    assert json.loads(late[2].splitlines()[-1])["error"]["code"] == "not_that_step"


def test_lists_show_what_is_held_and_who_waits_for_us(flask):
    held, done = make_part(Stage.SENT), make_part(Stage.CONFIRMED)
    for _try in range(4):
        with pytest.raises(WrongCode):
            fulfilment.hand_over(held.store.owner_id, held.reference, "no")

    assert [r["reference"] for r in flask("escrow", "list")[1]] == [spaced(held.reference)]
    assert flask("orders", "list", "--staff")[1] == []
    newest = [r["reference"] for r in flask("orders", "list")[1]]
    assert newest == [spaced(done.reference), spaced(held.reference)]
    assert len(flask("orders", "list", "--stage", "confirmed")[1]) == 1


def test_a_timeline_tells_who_did_what(flask):
    part = make_part(Stage.REFUSED)

    _code, rows, _said = flask("orders", "timeline", part.reference)

    assert [(r["actor"], r["what"]) for r in rows] == [
        ("payment", "to_accept"),
        ("seller", "refused"),
    ]
    assert rows[-1]["words"] == "plus en stock"


def test_an_order_says_where_its_money_is(flask):
    part = make_part(Stage.SENT)

    code, [row], said = flask("orders", "show", part.reference)

    assert (code, row["total"]) == (0, 27_000)
    assert "27" in said


def test_a_paid_sale_is_refunded_by_the_policy(flask):
    part = make_part(Stage.CONFIRMED)
    words = ("orders", "refund", part.reference, "--amount", "2 000", "--cause", "missing")

    dry, _rows, said = flask(*words, *WHY, "--dry-run")
    assert (dry, wallet(part.order.user_id)) == (0, 0)
    assert "the seller bears" in said
    code, [row], _said = flask(*words, *WHY, "--yes")
    again_code, [same], _said = flask(*words, *WHY, "--yes")

    assert (code, again_code) == (0, 0)
    assert (row["buyer"], row["seller"], row["platform"]) == ("2000", 1_900, 100)
    assert same == row
    assert wallet(again(part).order.user_id) == 2_000
    assert flask(*words[:4], "99999999", *words[5:], *WHY, "--yes")[0] == 5


def test_a_large_refund_takes_a_second_person(flask):
    from tests.marketplace import make_order, make_product

    part = make_part(Stage.CONFIRMED, make_order((make_product(price=300_000), 1)))
    words = (
        "orders", "refund", part.reference, "--amount", "200000", "--cause", "not_received",
        "--reason", "jamais vu", "--yes",
    )  # fmt: skip

    first = flask(*words, "--as", "mariam")
    second = flask(*words, "--as", "koffi")

    assert (first[0], first[1]) == (0, [])
    assert "second person" in first[2]
    assert second[1][0]["buyer"] == "200000"
