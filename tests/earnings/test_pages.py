"""The owner's pages: every figure is a link to rows that sum to it, every payout opens its orders."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from shop import clock
from shop.db import db, session
from shop.earnings import boards, figures, service, windows
from shop.earnings.figures import Figure
from shop.i18n import amount_text
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.orders.models import SellerOrder
from shop.orders.states import Stage
from shop.stores.models import Store
from tests.earnings.shops import make_shop, owner_of, release, wallet
from tests.marketplace import (
    last_code,
    make_order,
    make_product,
    make_user,
    new_phone,
    sign_in,
)
from tests.test_statements import listened

AMOUNT = re.compile(r'data-montant="(-?\d+)"')


def mixed(store: Store) -> None:
    """One order at each stage that a dashboard must get right, on three days."""
    stages = [
        Stage.TO_ACCEPT, Stage.SENT, Stage.RECEIVED, Stage.CONFIRMED, Stage.REFUSED, Stage.DECIDED,
    ]  # fmt: skip
    for n, stage in enumerate(stages):
        release(store, 10_000 + 1_000 * n, stage)


@pytest.fixture
def shop(street) -> Store:
    store = make_shop()
    mixed(store)
    street.time.pass_(hours=20)
    release(store, 33_000)
    return store


def amounts(text: str, mark: str) -> list[int]:
    """Read the amounts behind every mark of a page."""
    return [int(AMOUNT.search(part)[1]) for part in text.split(f'data-test="{mark}"')[1:]]


@pytest.mark.parametrize("name", ["collected", "net", "held"])
def test_a_figure_is_the_sum_of_its_rows(shop, client, name):
    sign_in(client, owner_of(shop).phone)
    home = client.get("/store/").text
    link = re.search(rf'data-test="figure-{name}">.*?href="([^"]+)"', home, re.S)[1]

    page = client.get(link.replace("&amp;", "&")).text

    [told] = amounts(home, f"figure-{name}")
    assert told > 0
    assert sum(amounts(page, "figure-row")) == told == amounts(page, "total")[0]


@pytest.mark.parametrize("name", list(Figure))
def test_rows_sum_over_all_pages(shop, monkeypatch, name):
    monkeypatch.setattr(figures, "PAGE", 2)
    window = windows.last(30, clock.now().date())
    found, before = [], None
    while True:
        page = figures.rows(shop, name, window, before_id=before)
        found += page.rows
        before = page.next_id
        if before is None:
            break

    total = sum((row.amount for row in found), Money(0, "XOF"))
    assert len({row.order.id for row in found}) == len(found) > 2
    assert total == figures.sum_of(shop, name, window)


def test_held_is_what_the_books_hold(shop):
    open_parts = session.scalars(sa.select(SellerOrder).where(SellerOrder.escrow == "held"))
    books = [ledger.balance(chart.escrow(part.id, part.currency)) for part in open_parts]

    assert figures.held(shop) == sum(books, Money(0, "XOF"))


def test_the_days_of_the_chart_sum_to_the_figure_and_the_comparison_is_the_days_before(shop):
    today = clock.now().date()
    week = windows.last(7, today)
    [now, before] = figures.sales(shop, week, week.before)

    assert now.net == figures.sum_of(shop, Figure.NET, week)
    assert now.collected == figures.sum_of(shop, Figure.COLLECTED, week)
    assert before.orders == 0
    assert [day.orders for day in now.days] == [0, 0, 0, 0, 0, 6, 1]
    later = windows.last(2, today).before
    assert later.until < now.days[-2].day


def test_the_calendar_sums_to_what_is_coming(shop):
    coming = figures.calendar(shop)

    total = sum((one.amount for one in coming), Money(0, "XOF"))
    assert total == figures.sum_of(shop, Figure.COMING, None)
    assert [one.day is None for one in coming] == [False, True]


@pytest.mark.parametrize(
    "strange", ["from=x&to=y", "from=2026-11-22&to=2026-11-01", "from=1900-01-01&to=2026-01-01"]
)
def test_a_strange_window_is_the_usual_one(strange):
    args = dict(pair.split("=") for pair in strange.split("&"))
    today = windows.date(2026, 11, 21)

    assert windows.read(args, today) == windows.last(30, today)


def test_the_dashboard_costs_the_same_statements_for_one_order_and_for_many(street):
    store = make_shop()
    release(store)
    window = windows.last(30, clock.now().date())
    with listened() as one:
        boards.of(store, window)
    mixed(store)
    session.rollback()
    store = session.get_one(Store, store.id)
    with listened() as many:
        boards.of(store, window)

    # Outside a page the stop buttons are read anew for each provider; a page reads them once.
    assert len(many) <= len(one) <= 22, "\n".join(one)


def test_every_sum_reads_an_index(shop):
    """No figure of a shop scans a table: EXPLAIN names an index for each statement of the dashboard."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip(
            "PostgreSQL prefers to scan a table of seven rows; benchmarks ask it at 100,000"
        )
    heard = []

    def hear(_connection, _cursor, statement, parameters, *_rest):
        heard.append((statement, parameters))

    sa.event.listen(db.engine, "before_cursor_execute", hear)
    boards.of(shop, windows.last(30, clock.now().date()))
    sa.event.remove(db.engine, "before_cursor_execute", hear)
    with db.engine.connect() as connection:
        for statement, parameters in heard:
            if statement.startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps = [row[3] for row in plan]
                # What has no name is a subquery of 200 rows, itself read by an index.
                scans = [
                    s
                    for s in steps
                    if s.startswith("SCAN ") and " USING " not in s and "anon" not in s
                ]
                assert not scans, (statement, steps)


def test_paying_from_the_page_shows_the_statement_and_each_line_opens_its_order(street, client):
    store = make_shop(street)
    parts = [release(store), release(store, 8_000)]
    sign_in(client, owner_of(store).phone)
    page = client.get("/store/payouts/").text
    key = re.search(r'name="form_key" value="([^"]+)"', page)[1]

    answer = client.post("/store/payouts/", data={"form_key": key})
    again = client.post("/store/payouts/", data={"form_key": key})

    assert answer.status_code == again.status_code == 303
    assert answer.location == again.location
    shown = client.get(answer.location).text
    assert sum(amounts(shown, "line")) == sum(part.released_amount for part in parts)
    for part in parts:
        assert f'href="/store/orders/{part.reference}/"' in shown
        assert client.get(f"/store/orders/{part.reference}/").status_code == 200


def test_a_payout_that_was_not_sent_is_given_up_from_its_page(street, client):
    store = make_shop(street)
    part = release(store)
    payout = service.pay_now(store.id, "a-form-key-to-give-up", language="fr")
    assert payout is not None
    sign_in(client, owner_of(store).phone)

    for _ in range(2):
        answer = client.post(f"/store/payouts/{payout.reference}/cancel/")
        assert answer.status_code == 303

    session.rollback()
    assert street.payout(payout).status == "cancelled"
    assert wallet(street, store) == part.released_amount
    assert [owed.reference for owed in service.owed_to(store.id)] == [part.reference]


def test_paying_with_nothing_to_pay_says_why(street, client):
    store = make_shop(street)
    sign_in(client, owner_of(store).phone)

    answer = client.post("/store/payouts/", data={"form_key": "f" * 22})

    assert answer.status_code == 422
    assert "Aucune commande terminée" in answer.text


def test_the_pages_of_another_shop_do_not_exist(street, client):
    store = make_shop(street)
    release(store)
    payout = service.pay_now(store.id, "a-form-key-of-another", language="fr")
    assert payout is not None
    stranger = make_shop(phone=new_phone())
    sign_in(client, owner_of(stranger).phone)

    assert client.get(f"/store/payouts/{payout.reference}/").status_code == 404
    assert client.get("/store/figures/nothing/").status_code == 404


def test_a_buyer_has_no_payout_pages(app, client):
    sign_in(client, make_user().phone)

    for path in ("/store/payouts/", "/store/payouts/settings/", "/store/figures/held/"):
        assert client.get(path).status_code == 404


def test_terms_are_chosen_and_a_threshold_is_an_amount(street, client):
    store = make_shop(street)
    sign_in(client, owner_of(store).phone)

    wrong = client.post(
        "/store/payouts/settings/",
        data={"schedule": "threshold", "threshold": "abc", "operator": "mtn"},
    )
    right = client.post(
        "/store/payouts/settings/",
        data={"schedule": "threshold", "threshold": "50 000", "operator": "mtn"},
    )

    assert (wrong.status_code, right.status_code) == (422, 303)
    session.rollback()
    assert service.terms_of(store).threshold_amount == 50_000
    assert amount_text(Money(50_000, "XOF")) in client.get("/store/payouts/").text


def test_another_number_needs_the_pin_and_a_code_and_then_waits(street, client):
    store = make_shop(street)
    owner = owner_of(store)
    sign_in(client, owner.phone)
    session.rollback()
    number = {"country": "CI", "phone": "0501027788"}

    refused = client.post("/store/payouts/number/", data=number | {"pin": "00000"})
    set_pin(owner.id, "48291")
    client.post("/store/payouts/number/", data=number | {"pin": "48291"})
    wrong = client.post("/store/payouts/number/code/", data={"code": "000000"})
    code = last_code("+2250501027788")
    right = client.post("/store/payouts/number/code/", data={"code": code})

    assert (refused.status_code, wrong.status_code, right.status_code) == (422, 422, 303)
    session.rollback()
    terms = service.terms_of(store)
    assert service.number_of(terms, owner_of(store)) == owner_of(store).phone
    street.time.pass_(hours=24, seconds=1)
    assert service.number_of(terms, owner_of(store)) == "+2250501027788"


def set_pin(user_id: int, pin: str) -> None:
    from shop.accounts.service import hash_pin
    from shop.db import transaction

    hashed = hash_pin(pin)
    with transaction():
        session.get_one(service.User, user_id).pin_hash = hashed


def test_attempts_are_counted_per_operator(street):
    store = make_shop(street)
    product = make_product(store=store)
    paid = street.sent(make_order((product, 1)), "wave-ci")
    refused = street.sent(make_order((product, 1)), "mtn-ci")
    street.approve(paid)
    street.refuse(refused)
    street.pass_(60)
    street.sent(make_order((make_product(), 1)))

    found = figures.attempts(store, windows.last(7, clock.now().date()))

    assert [(one.operator, one.succeeded, one.ended, one.percent) for one in found] == [
        ("mtn", 0, 1, 0),
        ("wave", 1, 1, 100),
    ]
