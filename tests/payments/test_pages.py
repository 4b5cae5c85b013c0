"""What people see while they pay: honest words, one host, and links a phone can dial."""

from __future__ import annotations

import re

import pytest

from shop.payments import wording
from shop.payments.models import Payment
from shop.providers.reasons import Reason
from tests.marketplace import make_order, make_user, new_phone, sign_in
from tests.street import PAYERS, Street


@pytest.fixture
def buyer(street: Street, client):
    """A signed-in browser, and its order in one call."""
    phone = new_phone()
    user = make_user(phone=phone)
    sign_in(client, phone)

    class Buyer:
        def order(self):
            return make_order(user=user)

        def page(self, payment: Payment, query: str = "") -> str:
            return client.get(f"/payment/{payment.reference}/status/{query}").text

    return Buyer()


@pytest.mark.parametrize("method", PAYERS)
def test_paying_answers_303_to_our_own_host(street: Street, client, buyer, method: str):
    """U16."""
    order = buyer.order()
    country, phone = method[-2:].upper(), PAYERS[method]
    form = {"form_key": "k" * 20, "country": country, "phone": phone, "method": method}

    answer = client.post(f"/order/{order.reference}/payment/", data=form)

    assert answer.status_code == 303
    assert re.fullmatch(r"/payment/[0-9A-Z]{8}/status/", answer.location)


def test_waiting_has_four_honest_faces(street: Street, buyer):
    """U15: at 10 s, 100 s, 6 min and 20 min."""
    payment = street.sent(buyer.order(), "mtn-ci")
    phases = []

    for at in (10, 100, 360, 1_200):
        street.time.at = payment.created_at
        street.time.pass_(seconds=at)
        phases.append(re.search(r'data-phase="(\w+)"', buyer.page(payment)).group(1))

    assert phases == ["approve", "still", "verifying", "expired"]


def test_nothing_refreshes_by_itself_unless_asked(street: Street, client, buyer):
    payment = street.sent(buyer.order(), "mtn-ci")
    url = f"/payment/{payment.reference}/status/"

    plain, asked = client.get(url), client.get(url + "?auto=1")

    assert "Refresh" not in plain.headers
    assert "http-equiv" not in plain.text
    assert asked.headers["Refresh"] == "15"


CAUTIOUS = "notre connaissance"
CERTAIN = re.compile(r"[Rr]ien n’a été débité")


@pytest.mark.parametrize("fault", ["silence", "http_500", "html"])
def test_what_we_do_not_know_is_never_called_certain(street: Street, buyer, fault: str):
    """U11."""
    street.world.faults.add("mtn", fault, on="create", accepted=True, calls=1)
    payment = street.sent(buyer.order(), "mtn-ci")
    assert street.again(payment).status == "unknown"

    for seconds in (5, 100, 400, 3_000):
        street.time.pass_(seconds=seconds)
        page = buyer.page(payment)
        assert len(CERTAIN.findall(page)) == page.count(CAUTIOUS)


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.OPERATOR_DOWN])
def test_an_end_we_inferred_is_worded_with_care(reason: Reason):
    sentence, _step = wording._ENDINGS[reason]

    assert CERTAIN.search(str(sentence)) is None or CAUTIOUS in str(sentence)


def test_numbers_to_dial_are_encoded(street: Street, client, buyer):
    """U17: a bare # would end the address, and the phone would dial half of it."""
    payment = street.sent(buyer.order(), "mtn-ci")
    street.time.pass_(seconds=120)

    links = re.findall(r'href="tel:([^"]*)">([^<]*)<', buyer.page(payment))

    for link, text in links:
        assert "#" not in link
        assert link == text.replace("#", "%23")
    assert links, "the waiting page offers the code to dial"
