"""The buyer's page of an order: its code, where the money is, and an answer that cannot be taken back."""

from __future__ import annotations

import re

import pytest

from shop.orders import handover
from shop.orders.states import CLOSED, Stage
from tests.marketplace import make_order, make_user, sign_in
from tests.orders.doors import door_order
from tests.orders.paid import WAYS, again, make_part


@pytest.fixture
def buyer(app, time, client):
    user = make_user("Paul")
    sign_in(client, user.phone)
    return client, user


def part_of(buyer, stage):
    if stage is Stage.GONE_BACK:  # only what is paid at the door comes home so
        return make_part(stage, door_order(buyer=buyer[1]))
    return make_part(stage, make_order(user=buyer[1]))


def address(part) -> str:
    return f"/order/{part.order.reference}/"


def whereabouts(page: str) -> str:
    [found] = re.findall(r'data-test="whereabouts" data-state="(\w+)"', page)
    return found


@pytest.mark.parametrize("stage", WAYS)
def test_the_page_says_where_the_money_is(buyer, stage):
    part = part_of(buyer, stage)

    page = buyer[0].get(address(part)).text

    assert whereabouts(page) == part.escrow
    coded = handover.spaced(handover.code_of(part)) in page
    assert coded == (stage not in CLOSED and stage is not Stage.TO_ACCEPT)


def test_the_code_is_the_buyers_alone(app, buyer):
    part = part_of(buyer, Stage.SENT)
    code = handover.spaced(handover.code_of(part))
    by_link = app.test_client()

    by_link.get(f"/o/{part.order.access_token}/")
    page = by_link.get(address(part))

    assert page.status_code == 200
    assert code not in page.text
    assert f"{address(part)}{part.reference}/received/" not in page.text
    question = f"{address(part)}{part.reference}/received/"
    assert by_link.post(question, data={"answer": "pay"}).status_code == 404
    assert again(part).stage == Stage.SENT


def test_confirming_is_asked_twice_and_pays_once(buyer):
    client, _user = buyer
    part = part_of(buyer, Stage.SENT)
    question = f"{address(part)}{part.reference}/received/"
    assert question in client.get(address(part)).text
    page = client.get(question).text
    assert "nous ne pourrons plus reprendre l’argent" in page

    answers = [client.post(question, data={"answer": "pay"}).status_code for _ in range(2)]

    assert answers == [303, 303]
    part = again(part)
    assert (part.stage, part.escrow) == (Stage.CONFIRMED, "released")
    assert client.get(question).status_code == 303, "nothing is asked any more"


def test_looking_first_keeps_the_money(buyer):
    client, _user = buyer
    part = part_of(buyer, Stage.ASKED)
    question = f"{address(part)}{part.reference}/received/"

    client.post(question, data={"answer": "look"})

    assert again(part).stage == Stage.RECEIVED
    assert 'data-test="look"' not in client.get(question).text
    assert client.post(question, data={"answer": "perhaps"}).status_code == 303
    assert again(part).escrow == "held"


def test_a_buyer_cancels_before_the_seller_answers_and_not_after(buyer):
    client, _user = buyer
    early, late = part_of(buyer, Stage.TO_ACCEPT), part_of(buyer, Stage.ACCEPTED)

    for part in (early, late):
        client.post(f"{address(part)}{part.reference}/cancel/")

    assert again(early).stage == Stage.CANCELLED
    assert again(early).refunded_amount == early.total_amount
    assert again(late).stage == Stage.ACCEPTED
    assert 'data-test="refunded"' in client.get(address(early)).text


def test_a_part_of_another_order_is_nothing(buyer):
    client, _user = buyer
    mine, others = part_of(buyer, Stage.SENT), make_part(Stage.SENT)

    answer = client.post(f"{address(mine)}{others.reference}/received/", data={"answer": "pay"})

    assert answer.status_code == 404
    assert again(others).stage == Stage.SENT


@pytest.mark.parametrize("stage", WAYS)
def test_the_page_speaks_english_too(buyer, stage):
    part = part_of(buyer, stage)

    page = buyer[0].get(address(part) + "?lang=en").text

    assert "Where is my money?" in page
    assert "vendeur" not in page
