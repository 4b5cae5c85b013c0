"""Narrowing the list of sales: by the address, kept after an action, the file as the page."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from io import StringIO

import pytest

from shop.orders import filters, sales
from shop.orders.states import Escrow, Stage, Tab
from tests.marketplace import make_order, make_product, make_store, make_user, sign_in
from tests.orders.paid import make_part, report
from tests.street import Street


@pytest.fixture
def owner(app, time):
    return make_user("Awa")


@pytest.fixture
def product(owner):
    return make_product(store=make_store(owner=owner), stock=999)


@pytest.fixture
def seller(owner, client):
    sign_in(client, owner.phone)
    return client


def sold(product, stage=Stage.TO_ACCEPT):
    return make_part(stage, make_order((product, 1)))


def listed(seller, query: str) -> set[str]:
    page = seller.get(f"/store/orders/{query}").text
    return set(re.findall(r'<h2><a href="/store/orders/(\w+)/">', page))


def filed(seller, query: str) -> set[str]:
    text = seller.get(f"/store/orders.csv{query}").text.lstrip("\ufeff")
    return {row[0].replace("-", "") for row in list(csv.reader(StringIO(text), delimiter=";"))[1:]}


def test_every_filter_narrows_the_page_and_the_file_alike(seller, product, time):
    old = sold(product, Stage.CONFIRMED)
    time.pass_(days=3)
    held, back = sold(product), sold(product, Stage.REFUSED)
    troubled = sold(product, Stage.SENT)
    report(troubled)
    today, before = time.now().date(), (time.now() - timedelta(days=2)).date()
    wanted = {
        "": {old, held, back, troubled},
        f"?to={before}": {old},
        f"?from={today}": {held, back, troubled},
        f"?from={today}&to={today}&tab=refused": {back},
        "?pay=held": {held, troubled},
        "?pay=released": {old},
        "?pay=refunded&tab=todo": set(),
        "?problem=1": {troubled},
        "?q=0304": {old, held, back, troubled},
        "?q=9999": set(),
        "?op=wave": set(),
        "?op=nonsense&pay=nonsense&tab=nonsense&from=2026-13-40": {old, held, back, troubled},
    }

    for query, parts in wanted.items():
        references = {part.reference for part in parts}
        assert listed(seller, query) == references, query
        assert filed(seller, query) == references, query
        count = re.search(r'data-count="(\d+)"', seller.get(f"/store/orders/{query}").text)
        assert int(count[1] if count else 0) == len(parts), query


def test_the_operator_is_the_one_that_was_paid_by(street: Street, client):
    owner = make_user("Awa")
    product = make_product(store=make_store(owner=owner), stock=99)
    sign_in(client, owner.phone)
    by = {}
    for method in ("wave-ci", "mtn-ci"):
        order = make_order((product, 1))
        payment = street.sent(order, method)
        street.approve(payment)
        street.pass_(60)
        by[method.partition("-")[0]] = order.seller_orders[0].reference

    for operator, reference in by.items():
        assert listed(client, f"?op={operator}") == {reference}


def test_filters_and_page_stay_after_an_action(seller, product, time):
    for _ in range(sales.PAGE + 3):
        time.pass_(minutes=1)
        sold(product)
    first = seller.get("/store/orders/?tab=todo&pay=held").text
    more = re.search(r'href="(\?[^"]*after=[^"]*)"', first)[1].replace("&amp;", "&")
    page = seller.get(f"/store/orders/{more}").text
    action = re.search(r'<form method="post" action="([^"]+)"', page)[1].replace("&amp;", "&")
    reference = re.search(r'name="order" value="(\w+)"', page)[1]

    answer = seller.post(action, data={"step": "accept", "order": reference})

    assert answer.status_code == 303
    for kept in ("tab=todo", "pay=held", "after=", "done=1"):
        assert kept in answer.location
    assert reference in seller.get(answer.location).text


def test_an_address_is_read_back_as_it_was_written():
    asked = {"tab": "done", "q": "wax", "from": "2026-11-01", "to": "2026-11-21", "op": "mtn",
             "pay": "released", "problem": "1"}  # fmt: skip

    found = filters.read(asked)

    assert found.address == asked
    assert (found.tab, found.money) == (Tab.DONE, Escrow.RELEASED)
    assert filters.read({"from": "2026-11-21", "to": "2026-11-01"}).until is None


def test_the_file_is_sent_while_it_is_read(seller, product, monkeypatch):
    """Streamed: the first rows leave before the last are looked up."""
    monkeypatch.setattr("shop.orders.export.CHUNK", 2)
    for _ in range(5):
        sold(product)

    answer = seller.get("/store/orders.csv", buffered=False)

    assert answer.is_streamed
    pieces = list(answer.response)
    assert len(pieces) >= 4
    assert b"".join(p if isinstance(p, bytes) else p.encode() for p in pieces).count(b"\r\n") == 6


def test_a_count_stops_where_nobody_counts_any_more(owner, product, monkeypatch):
    monkeypatch.setattr(sales, "MOST_COUNTED", 2)
    for _ in range(4):
        sold(product)

    assert sales.count(owner.id, tab=None, query="", narrowed=()) == 3


def test_the_dashboard_says_how_many_had_a_problem(seller, product):
    sold(product, Stage.CONFIRMED)
    report(sold(product, Stage.SENT))

    page = seller.get("/store/").text

    found = re.search(r'data-test="figure-disputes".*?href="([^"]+)">([^<]+)<', page, re.DOTALL)
    assert found[2] == "1 sur 2"
    assert len(listed(seller, found[1].replace("&amp;", "&").removeprefix("/store/orders/"))) == 1
