"""One option per operator: through whom, at what price, and why one is grey."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from shop import jobs, settlement
from shop.db import session
from shop.payments import offering, outcomes
from shop.payments.choosing import Obstacle, draw_of, replay
from shop.payments.models import Payment, PaymentChoice
from shop.payments.offering import Need, Option
from shop.payments.states import Purpose
from shop.phone import parse
from shop.providers import methods
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, Status
from shop.settlement import Answer
from shop.switches import service as switches
from shop.switches.models import Kind
from tests.marketplace import make_order, make_product, make_user, new_phone, sign_in
from tests.street import Street
from tests.test_statements import listened

KEY = "k" * 20


def offered(order, country: str = "CI", key: str = KEY) -> dict[str, Option]:
    need = Need(
        purpose=Purpose.ORDER,
        purpose_id=order.id,
        owed=order.total,
        country=country,
        form_key=key,
    )
    found = offering.options(need, parse(order.contact_phone, country))
    session.rollback()
    return {option.operator: option for option in found}


def pause(target: str) -> None:
    switches.turn_on(target, Kind.PAUSED, by_whom="test", reason="panne")


def end(street: Street, payment: Payment, reason: Reason | None) -> None:
    """Settle an attempt as paid, or as failed for this reason."""
    from shop.db import transaction
    from shop.payments import service as payments

    with transaction():
        claim = payments._lease(payments.locked([payment.id])[payment.id])
    said = Outcome(Status.SUCCEEDED, transaction_ref=f"T{payment.id}", amount=payment.money)
    if reason is not None:
        said = Outcome(Status.FAILED, reason=reason)
    settlement.settle_payments([Answer(claim, said, street.time.now(), submitted=False)])


def record(street: Street, method: str, *reasons: Reason | None) -> None:
    """Let attempts of other people end, then some time pass."""
    product = make_product(stock=len(reasons))
    for reason in reasons:
        end(street, street.sent(make_order((product, 1)), method), reason)
    street.time.pass_(seconds=30)


@pytest.fixture
def buyer(street: Street, client):
    phone = new_phone()
    user = make_user(phone=phone)
    sign_in(client, phone)
    return user


def test_each_operator_once_by_the_operator_itself(street: Street):
    found = offered(make_order())

    assert list(found) == ["orange", "mtn", "wave", "moov"]
    assert found["mtn"].method.code == "mtn-ci"
    assert found["orange"].method.code == "orange-ci"
    assert found["orange"].suggested  # the contact's number begins with 07
    # Nobody sells Moov Côte d'Ivoire to us directly: the cheapest aggregator does.
    assert found["moov"].method.code == "feexpay-moov-ci"
    assert {option.obstacle for option in found.values()} == {None}


@pytest.mark.parametrize("stop", ["mtn:collect", "mtn-ci"])
def test_a_stop_moves_the_operator_to_another_provider(street: Street, stop: str):
    pause(stop)

    mtn = offered(make_order())["mtn"]

    assert mtn.obstacle is None
    assert mtn.method.provider != "mtn"
    assert mtn.total == mtn.method.total(make_order().total)


def test_a_resting_provider_leaves_the_operator_to_another(street: Street):
    order = make_order()
    switches.turn_on(
        "wave:collect",
        Kind.RESTING,
        by_whom="breaker",
        reason="calls came to nothing",
        until=street.time.now() + outcomes.WINDOW,
    )

    assert offered(order)["wave"].method.provider != "wave"
    street.time.pass_(hours=7)
    assert offered(order)["wave"].method.code == "wave-ci"


def test_a_broken_token_is_a_broken_collection(street: Street):
    switches.turn_on("mtn:token", Kind.RESTING, by_whom="breaker", reason="x")

    assert offered(make_order())["mtn"].method.provider != "mtn"


def test_the_breaker_of_this_very_process_is_seen_without_a_row(street: Street):
    breaker = street.app.extensions["providers"]["wave"]._breakers.of("collect")
    for _ in range(20):
        breaker.record(False)

    assert offered(make_order())["wave"].method.provider != "wave"


def test_a_stopped_operator_is_grey_and_says_who_did_it(street: Street, client, buyer):
    for row in methods.for_country("CI", "XOF"):
        if row.operator == "moov":
            pause(row.code)
    order = make_order(user=buyer)

    page = client.get(f"/order/{order.reference}/payment/").text

    assert offered(order)["moov"].obstacle is Obstacle.OFF
    assert "Moov Money est suspendu par la boutique." in page
    assert page.count("disabled") == 1


def test_a_disturbed_operator_says_so(street: Street, client, buyer):
    for name in ("cinetpay", "feexpay", "getmipay"):
        switches.turn_on(f"{name}:collect", Kind.RESTING, by_whom="breaker", reason="x")
    order = make_order(user=buyer)

    page = client.get(f"/order/{order.reference}/payment/").text

    assert "Moov Money est perturbé en ce moment." in page


def test_a_refused_amount_names_the_nearest_and_calls_nobody(street: Street, client, buyer):
    order = make_order((make_product(price=2_100_000, stock=1), 1), user=buyer)
    form = {"form_key": KEY, "country": "CI", "phone": "0501020304", "method": "mtn-ci"}

    page = client.get(f"/order/{order.reference}/payment/").text
    answer = client.post(f"/order/{order.reference}/payment/", data=form)
    jobs.run("submit_payments")

    assert offered(order)["mtn"].obstacle is Obstacle.AMOUNT
    assert "Le plus proche : 2\u00a0000\u00a0000\u00a0FCFA." in page
    assert answer.status_code == 422
    assert session.scalar(sa.select(sa.func.count(Payment.id))) == 0
    assert not street.world.search("mtn", "")


def test_failures_move_the_operator_and_the_payers_own_do_not(street: Street):
    order = make_order()
    record(street, "mtn-ci", *[Reason.DECLINED] * 4, *[Reason.INSUFFICIENT_FUNDS] * 2)
    assert offered(order)["mtn"].method.code == "mtn-ci"

    record(street, "mtn-ci", Reason.OPERATOR_DOWN, Reason.TIMEOUT)

    option = offered(order)["mtn"]
    facts = {one.method: one for one in option.choice.facts}["mtn-ci"]
    assert (facts.successes, facts.ended) == (0, 2)
    assert option.method.code != "mtn-ci"
    street.time.pass_(hours=7)
    assert offered(order)["mtn"].method.code == "mtn-ci"


def test_after_a_failure_the_same_operator_goes_through_another(street: Street):
    order = make_order()
    end(street, street.sent(order, "mtn-ci"), Reason.DECLINED)

    found = offered(order)

    assert found["mtn"].method.provider != "mtn"
    assert {one.method for one in found["mtn"].choice.facts if one.failed_here} == {"mtn-ci"}
    assert found["orange"].method.code == "orange-ci"


def test_the_choice_is_kept_and_replays_from_the_row_and_from_the_outcomes(
    street: Street, client, buyer
):
    record(street, "mtn-ci", None, Reason.TIMEOUT)
    record(street, "feexpay-mtn-ci", None)
    order = make_order(user=buyer)
    page = client.get(f"/order/{order.reference}/payment/").text
    code = re.search(r'value="([a-z-]*mtn-ci)"', page).group(1)
    form = {"form_key": KEY, "country": "CI", "phone": "0501020304", "method": code}

    client.post(f"/order/{order.reference}/payment/", data=form)
    record(street, "mtn-ci", Reason.TIMEOUT)

    kept = session.scalars(sa.select(PaymentChoice)).one()
    again = replay(kept.asked, kept.made_at)
    assert (again.chosen, list(again.ranking)) == (kept.chosen, kept.ranking)
    assert kept.chosen == session.get_one(Payment, kept.payment_id).method == code
    counted = outcomes.latest(list(again.ranking), kept.made_at)
    assert {one.method: (one.successes, one.ended) for one in again.facts} == {
        method: (found.successes, found.ended) for method, found in counted.items()
    }
    assert counted["mtn-ci"].ended == 2


def test_a_form_that_explores_shows_keeps_and_charges_the_other_way(street: Street, client, buyer):
    settings = street.app.config["SETTINGS"]
    street.app.config["SETTINGS"] = replace(settings, explore_percent=5)
    order = make_order(user=buyer)
    key = next(k for k in (f"form-key-number-{n}" for n in range(999)) if draw_of(k, "mtn") < 500)
    explored = offered(order, key=key)["mtn"]
    form = {
        "form_key": key, "country": "CI", "phone": "0501020304", "method": explored.method.code,
    }  # fmt: skip

    answer = client.post(f"/order/{order.reference}/payment/", data=form)

    assert explored.method.code != explored.choice.ranking[0] == "mtn-ci"
    assert answer.status_code == 303
    kept = session.scalars(sa.select(PaymentChoice)).one()
    assert kept.explored
    assert kept.chosen == explored.method.code
    assert replay(kept.asked, kept.made_at).explored


def test_what_the_page_showed_is_charged(street: Street, client, buyer):
    """The ranking moved on meanwhile; the form still names what its reader agreed to."""
    order = make_order(user=buyer)
    record(street, "mtn-ci", Reason.TIMEOUT, Reason.TIMEOUT, Reason.TIMEOUT)
    assert offered(order)["mtn"].method.code != "mtn-ci"
    form = {"form_key": KEY, "country": "CI", "phone": "0501020304", "method": "mtn-ci"}

    answer = client.post(f"/order/{order.reference}/payment/", data=form)

    assert answer.status_code == 303
    payment = session.scalars(sa.select(Payment).where(Payment.purpose_id == order.id)).one()
    assert (payment.method, payment.money) == ("mtn-ci", order.total)


def test_what_is_gone_comes_back_as_a_new_choice_with_the_values_kept(
    street: Street, client, buyer
):
    order = make_order(user=buyer)
    pause("mtn:collect")
    form = {"form_key": KEY, "country": "CI", "phone": "05 01 02 03 04", "method": "mtn-ci"}

    answer = client.post(f"/order/{order.reference}/payment/", data=form)

    new = offered(order)["mtn"].method.code
    assert answer.status_code == 422
    assert "Le chemin vers MTN MoMo vient de changer" in answer.text
    assert "05 01 02 03 04" in answer.text
    assert re.search(rf'value="{new}"[^>]* checked', answer.text)
    totals = re.search(r'name="totals"[^>]* value="([^"]*)"', answer.text).group(1)
    again = client.post(
        f"/order/{order.reference}/payment/", data=form | {"method": new, "totals": totals}
    )
    assert again.status_code == 303


def test_another_total_than_the_one_shown_is_shown_first(street: Street, client, buyer):
    order = make_order(user=buyer)
    form = {
        "form_key": KEY, "country": "CI", "phone": "0501020304", "method": "mtn-ci",
        "totals": f"mtn-ci={order.total.amount - 100}",
    }  # fmt: skip

    answer = client.post(f"/order/{order.reference}/payment/", data=form)

    assert answer.status_code == 422
    assert session.scalar(sa.select(sa.func.count(Payment.id))) == 0


def test_a_method_stopped_between_page_and_attempt_begins_nothing(street: Street):
    order = make_order()
    pause("mtn:collect")

    with pytest.raises(settlement.MethodStopped):
        street.start(order, "mtn-ci")


def test_a_stop_never_stops_the_verification_of_what_began(street: Street):
    order = make_order()
    payment = street.sent(order, "mtn-ci")
    pause("mtn:collect")

    assert street.approve(payment)
    street.pass_(120)

    assert street.again(payment).status == "succeeded"
    assert order.status == "paid"


def test_the_fee_a_buyer_bears_is_in_the_total_before_paying(
    street: Street, client, buyer, monkeypatch
):
    dear = replace(methods.get("mtn-ci"), fee_payer="buyer", fee_basis_points=100)
    table = {row.code: row for row in methods.rows()} | {dear.code: dear}
    monkeypatch.setattr(methods, "_table", lambda: table)
    order = make_order(user=buyer)

    page = client.get(f"/order/{order.reference}/payment/").text

    code = offered(order)["mtn"].method
    total = code.total(order.total)
    assert f'data-montant="{total.amount}"' in page


def test_the_pay_page_sends_the_same_statements_whatever_happened_before(
    street: Street, client, buyer
):
    order = make_order(user=buyer)
    url = f"/order/{order.reference}/payment/"
    client.get(url)
    session.remove()
    with listened() as before:
        client.get(url)
    record(street, "mtn-ci", None, Reason.TIMEOUT, None)
    record(street, "wave-ci", None, None)
    pause("orange:collect")
    pause("mtn-ci")
    session.remove()

    with listened() as after:
        client.get(url)

    assert len(after) == len(before)
    assert len(after) <= 13  # what one's own wallet could pay is one of them
