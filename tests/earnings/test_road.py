"""The road of a seller's money: released orders, a statement that sums, a phone; and back when it fails."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop import jobs, payout_decisions
from shop.db import session, transaction
from shop.earnings import floats, reading, service, settings
from shop.earnings.models import PayoutLine, PayoutStatement, Schedule
from shop.earnings.planning import Wait
from shop.errors import NotFound
from shop.money import Money
from shop.orders.models import Order, SellerOrder
from shop.orders.states import Stage
from shop.payouts.models import Payout
from shop.payouts.states import PayoutStatus
from shop.stores.models import Store
from tests.earnings.shops import NUMBER, make_shop, release, wallet
from tests.marketplace import make_order, make_product, make_store
from tests.orders.paid import take
from tests.street import Street

KEY = "form-key-of-a-test-0001"


def pay(street: Street, store: Store, key: str = KEY) -> Payout:
    """Ask for the money, and let the worker and the clock do the rest."""
    payout = service.pay_now(store.id, key, language="fr")
    assert payout is not None, service.plan_for(store, service.terms_of(store)).wait
    jobs.run("send_payouts")
    street.pass_(60)
    return street.payout(payout)


def sold(street: Street, store: Store, price: int) -> SellerOrder:
    """Sell one article as it happens: paid on a phone, sent, received."""
    order = make_order((make_product(price=price, store=store), 1))
    payment = street.sent(order)
    assert street.approve(payment)
    street.pass_(60)
    [part] = session.get_one(Order, order.id).seller_orders
    for stage in (Stage.ACCEPTED, Stage.SENT, Stage.CONFIRMED):
        part = take(part, stage)
    return part


def test_the_statement_sums_to_what_arrived(street):
    store = make_shop(street)
    parts = [sold(street, store, price) for price in (20_000, 7_300, 5_000)]

    payout = pay(street, store)

    statement = reading.statement_of(store.id, payout.reference)
    assert payout.state is PayoutStatus.SUCCEEDED
    assert payout.payee_phone == NUMBER
    assert {line.reference for line in statement.lines} == {part.reference for part in parts}
    assert statement.sum == payout.money
    assert wallet(street, store) == 0
    assert street.findings() == []


def test_two_taps_are_one_payout(street):
    store = make_shop(street)
    release(store)

    first = service.pay_now(store.id, KEY, language="fr")
    second = service.pay_now(store.id, KEY, language="fr")
    third = service.pay_now(store.id, "another-form-key-0001", language="fr")

    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert third is None


def test_a_failed_payout_returns_once_and_its_orders_are_in_the_next(street):
    store = make_shop(street, phone="+2250500000099")
    part = release(store)
    payout = service.pay_now(store.id, KEY, language="fr")
    assert payout is not None

    payout_decisions.cancel_payout(payout.id, "user")

    assert wallet(street, store) == part.released_amount
    second = service.pay_now(store.id, "another-form-key-0001", language="fr")
    assert second is not None
    assert second.amount == payout.amount
    lines = reading.statement_of(store.id, second.reference).lines
    assert [line.reference for line in lines] == [part.reference]


def test_what_came_back_is_not_sent_again_every_hour(street):
    store = make_shop(street, phone="+2250501020399")  # no account there
    settings.choose(store.id, Schedule.THRESHOLD, threshold=Money(5_000, "XOF"), operator=None)
    release(store)

    for _hour in range(30):
        street.time.pass_(hours=1)
        for job in ("pay_sellers", "send_payouts"):
            jobs.run(job)
        street.pass_(30)

    session.rollback()
    assert session.scalars(sa.select(Payout.status)).all() == ["failed", "failed"]


def test_what_the_owner_took_out_by_hand_is_deducted_and_shown(street):
    store = make_shop(street)
    part = release(store)
    street.withdraw(
        session.get_one(service.User, store.owner_id), Money(5_000, "XOF"), "fedapay-mtn-ci"
    )

    payout = pay(street, store)

    statement = reading.statement_of(store.id, payout.reference)
    assert statement.taken == Money(5_000, "XOF")
    assert statement.sum - statement.taken == payout.money
    assert payout.amount == part.released_amount - 5_000


def test_an_order_that_was_not_released_is_not_paid(street):
    store = make_shop(street)
    for stage in (Stage.SENT, Stage.RECEIVED, Stage.REFUSED):
        release(store, stage=stage)

    assert service.pay_now(store.id, KEY, language="fr") is None
    assert service.plan_for(store, service.terms_of(store)).wait is Wait.NOTHING


def test_a_float_that_is_too_low_makes_it_wait_and_a_full_one_lets_it_go(street):
    store = make_shop(street)
    part = release(store)
    for provider in street.app.extensions["providers"]:
        floats.record(provider, Money(part.released_amount - 1, "XOF"))

    assert service.pay_now(store.id, KEY, language="fr") is None
    assert service.plan_for(store, service.terms_of(store)).wait is Wait.FLOAT

    for provider in street.app.extensions["providers"]:
        floats.record(provider, Money(part.released_amount, "XOF"))
    assert service.pay_now(store.id, KEY, language="fr") is not None


def test_the_job_stores_what_providers_hold(street):
    make_shop(street)

    told = jobs.run("read_floats")

    assert told > 0
    assert floats.left(list(street.app.extensions["providers"]), "XOF")


def test_money_on_its_way_is_not_promised_twice(street):
    store = make_shop(street)
    release(store)
    payout = service.pay_now(store.id, KEY, language="fr")
    assert payout is not None

    floats.record(payout.provider, Money(100_000, "XOF"))

    left = floats.left([payout.provider], "XOF")
    assert left == {payout.provider: Money(100_000 - payout.amount, "XOF")}


def test_the_clock_pays_daily_and_a_second_run_pays_nothing(street):
    store = make_shop(street)
    settings.choose(store.id, Schedule.DAILY, threshold=None, operator=None)
    release(store)
    street.time.pass_(hours=17)

    first = jobs.run("pay_sellers")
    second = jobs.run("pay_sellers")

    session.rollback()
    assert (first, second) == (1, 0)
    assert session.scalar(sa.select(sa.func.count()).select_from(PayoutStatement)) == 1
    assert session.scalars(sa.select(PayoutStatement.period)).one() == "day:2026-11-22"


def test_a_threshold_holds_the_clock_back_but_not_the_owner(street):
    store = make_shop(street)
    settings.choose(store.id, Schedule.THRESHOLD, threshold=Money(30_000, "XOF"), operator=None)
    release(store)
    street.time.pass_(hours=2)
    jobs.run("pay_sellers")
    session.rollback()
    assert session.scalars(sa.select(PayoutStatement)).all() == []

    release(store)
    street.time.pass_(hours=2)
    jobs.run("pay_sellers")

    session.rollback()
    assert session.scalars(sa.select(PayoutStatement.period)).one() == "number:1"


def test_a_changed_number_waits_a_day_and_the_former_one_is_warned(street):
    store = make_shop(street)
    owner = session.get_one(service.User, store.owner_id)

    settings.change_number(store.id, "+2250501029999")

    assert service.number_of(service.terms_of(store), owner) == NUMBER
    warned = [n for n in session.query(service_notice()).all() if n.phone == NUMBER]
    assert len(warned) == 1
    street.time.pass_(hours=24)
    assert service.number_of(service.terms_of(store), owner) == "+2250501029999"


def service_notice() -> type:
    from shop.notices.models import Notice

    return Notice


def test_the_page_of_another_shop_does_not_exist(street):
    store = make_shop(street)
    release(store)
    payout = service.pay_now(store.id, KEY, language="fr")
    assert payout is not None

    with pytest.raises(NotFound):
        reading.statement_of(make_store().id, payout.reference)


RAW = {
    "an order paid twice": "UPDATE seller_order SET payout_id = {other} WHERE id = {part}",
    "an order owed again while its payout lives": (
        "UPDATE seller_order SET payout_id = NULL WHERE id = {part}"
    ),
    "a line taken away": "DELETE FROM payout_line WHERE payout_id = {payout}",
    "a line changed": "UPDATE payout_line SET amount = amount + 1 WHERE payout_id = {payout}",
    "a statement changed": "UPDATE payout_statement SET taken_amount = 1",
    "a line for an order that has one": (
        "INSERT INTO payout_line (payout_id, seller_order_id, amount) VALUES ({other}, {part}, 1)"
    ),
}


@pytest.mark.parametrize("broken", RAW)
def test_the_database_refuses(street, broken):
    store = make_shop(street)
    part = release(store)
    payout = service.pay_now(store.id, KEY, language="fr")
    release(store)
    other = service.pay_now(store.id, "another-form-key-0001", language="fr")
    assert payout is not None
    assert other is not None

    statement = RAW[broken].format(part=part.id, payout=payout.id, other=other.id)
    with pytest.raises(sa.exc.IntegrityError), transaction():
        session.execute(sa.text(statement))


def test_a_payout_that_its_lines_do_not_explain_does_not_leave(street):
    """S1 in the database: raw SQL that writes a payout without its statement stops before the provider."""
    store = make_shop(street)
    release(store)
    with transaction():
        payout = service.payouts.request(
            service.Intent(
                purpose=service.PayoutPurpose.SELLER_PAYOUT,
                purpose_id=store.id,
                user_id=store.owner_id,
                method=service.methods.get("fedapay-mtn-ci"),
                payee_phone=NUMBER,
                amount=Money(1_000, "XOF"),
                source=service.chart.wallet(store.owner_id, "XOF"),
                form_key="raw",
            )
        )

    with pytest.raises(sa.exc.IntegrityError), transaction():
        session.execute(
            sa.text("UPDATE payout SET status = 'sending', sent_at = created_at WHERE id = :id"),
            {"id": payout.id},
        )


def test_a_payout_to_a_number_nobody_proved_cannot_be_written(street):
    store = make_shop(street)
    release(store)

    with pytest.raises(sa.exc.IntegrityError), transaction():
        service.payouts.request(
            service.Intent(
                purpose=service.PayoutPurpose.SELLER_PAYOUT,
                purpose_id=store.id,
                user_id=store.owner_id,
                method=service.methods.get("fedapay-mtn-ci"),
                payee_phone="+2250501020999",
                amount=Money(1_000, "XOF"),
                source=service.chart.wallet(store.owner_id, "XOF"),
                form_key="raw",
            )
        )


def test_every_line_is_what_its_order_released(street):
    store = make_shop(street)
    for price in (5_000, 7_000, 9_000):
        release(store, price)
    pay(street, store)

    rows = session.execute(
        sa.select(PayoutLine.amount, SellerOrder.released_amount).join(
            SellerOrder, SellerOrder.id == PayoutLine.seller_order_id
        )
    ).all()
    assert len(rows) == 3
    assert all(amount == released for amount, released in rows)
