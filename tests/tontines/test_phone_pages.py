"""A contribution by mobile money: from the circle's page, over the ordinary pay pages, to both receipts."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from shop import jobs
from shop.db import session
from shop.payments import status_views
from shop.payments.models import Payment
from tests.street import PAYERS, Street
from tests.tontines.circles import locked
from tests.tontines.people import pages
from tests.tontines.test_round_pages import Circle

pytestmark = pages


@pytest.fixture
def circle(street: Street, monkeypatch: pytest.MonkeyPatch) -> Circle:
    # The test's clock stands still: a page must not wait on it for an answer.
    monkeypatch.setattr(status_views, "WAIT_FOR_PAGE_S", -1.0)
    circle = Circle(street.app, locked(street.time))
    circle.open(1)
    return circle


def test_it_goes_from_the_circle_to_both_receipts(street, circle):
    binta = circle.of("P05")
    begun = binta.fill(f"{circle.path}pay/", "contribute", amount="10 000", source="payment")

    started = binta.fill(
        begun.location, "pay-form", phone=PAYERS["mtn-ci"].removeprefix("+225"), method="mtn-ci"
    )
    waiting = binta.read(started.location).one("main").text
    jobs.run("submit_payments")
    payment = session.scalars(sa.select(Payment)).one()
    street.approve(payment)
    street.pass_(60)
    paid = binta.read(started.location)
    ordinary = binta.read(f"/receipt/{payment.reference}/").one("main").text
    address = paid.one("main").all("a", href=circle.path)
    own = binta.read(begun.location.replace("/pay/", "/receipts/"))

    assert "Votre cotisation est comptée" in waiting
    assert paid.one("section", id="statut")["data-state"] == "succeeded"
    assert address, "the way back to the circle"
    assert "Cotisation, Gounghin" in ordinary
    assert "Recharge" not in ordinary
    assert own.one("article")["data-state"] == "received"
    assert re.search(r"10\s000", own.one("article").text)
    assert binta.client.get(begun.location).location.endswith(
        f"/receipts/{begun.location.split('/')[-2]}/"
    )


def test_another_member_cannot_pay_or_read_it(circle):
    begun = circle.of("P05").fill(f"{circle.path}pay/", "contribute", source="payment")

    assert circle.of("P06").client.get(begun.location).status_code == 404
    assert (
        circle.of("P06").client.get(begun.location.replace("/pay/", "/receipts/")).status_code
        == 404
    )
