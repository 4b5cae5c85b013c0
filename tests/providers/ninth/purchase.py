"""What is asked inside a house that has a ninth provider: run there by `test_ninth.py`."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from shop import jobs
from shop.cli import matrix
from shop.db import session
from shop.payments.models import Payment
from shop.providers import PROVIDERS
from tests.marketplace import make_order, make_user, new_phone, sign_in
from tests.street import Street

PAYER = "+2250707080910"


def offered(client: FlaskClient, url: str) -> str:
    """Find the ninth's radio button on the pay page, and give its value."""
    page = client.get(url).get_data(as_text=True)
    assert "Ninth Pay" in page
    buttons = re.findall(r"<input[^>]*type=\"radio\"[^>]*>", page)
    [value] = [v for b in buttons for v in re.findall(r'value="([^"]*ninth[^"]*)"', b)]
    return value


def test_a_buyer_pays_through_the_ninth_by_forms_alone(street: Street):
    phone = new_phone()
    order = make_order(user=make_user(phone=phone))
    reference, client = order.reference, street.app.test_client()
    sign_in(client, phone)
    url = f"/order/{reference}/payment/"
    form = {"form_key": f"one-form-of-{reference}", "country": "CI", "phone": PAYER}

    answer = client.post(url, data=form | {"method": offered(client, url)})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    jobs.run("submit_payments")
    session.rollback()
    payment = session.query(Payment).one()
    assert (payment.provider, payment.status) == ("ninth", "pending")
    heard: list[str] = []
    street.world.post.deliver = lambda d: heard.append(d.url) or street.deliver(d)
    assert street.world.pay("ninth", payment.reference, PAYER)
    street.pass_(10)

    assert heard == ["http://127.0.0.1:5000/webhook/ninth/"]
    assert street.again(payment).status == "succeeded"
    assert "Payé" in client.get(answer.location).get_data(as_text=True)
    assert street.findings() == []


def test_the_matrix_has_its_column():
    head, *_rows = matrix.render().splitlines()

    assert f"| {PROVIDERS['ninth'].label} |" in head
