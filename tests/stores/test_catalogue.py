"""The shelves: complete, in order, in one statement, whatever happens between two pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop import clock
from shop.db import db, session, transaction
from shop.stores import catalogue, service
from shop.stores.models import Product, ProductPhoto, Store
from tests.marketplace import Clock, make_product, make_store


@contextmanager
def statements() -> Iterator[list[str]]:
    """Write down every statement sent to the database."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            sent.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(db.engine, "before_cursor_execute", note)


def fill(count: int, same_moment: int = 1) -> list[str]:
    """Save products, `same_moment` of them at each moment; give their codes, newest first."""
    store, start = make_store(), clock.now()
    with transaction():
        rows = [
            Product(
                code=f"P{n:07d}", store_id=store.id, category_id=1, name=f"Produit {n}", currency="XOF",
                price_amount=500 + n, stock=1, created_at=start + timedelta(seconds=n // same_moment),
                photos=[ProductPhoto(key=f"{n:032x}", width=600, height=600)],
            )
            for n in range(count)
        ]  # fmt: skip
        session.add_all(rows)
    return [f"P{n:07d}" for n in reversed(range(count))]


def walk() -> list[str]:
    codes, after = [], ""
    while True:
        shelf = catalogue.shelf(after=after)
        codes += [card.code for card in shelf.cards]
        if shelf.next is None:
            return codes
        after = shelf.next


@pytest.mark.parametrize(("count", "same_moment"), [(0, 1), (24, 1), (25, 1), (97, 10), (60, 60)])
def test_pages_put_end_to_end_are_the_whole_order(app: Flask, count: int, same_moment: int) -> None:
    expected = fill(count, same_moment) if count else []

    assert walk() == expected


def test_a_new_product_between_two_pages_moves_nothing(app: Flask, time: Clock) -> None:
    expected = fill(30)
    first = catalogue.shelf()
    time.pass_(days=1)
    make_product("Arrivé entre deux")

    second = catalogue.shelf(after=first.next or "")

    assert [card.code for card in first.cards + second.cards] == expected


def test_a_page_of_cards_takes_one_statement_and_one_for_menus(client: FlaskClient) -> None:
    fill(24)
    client.get("/help/")  # the first page of a process also looks at the database's version
    with statements() as cold:
        client.get("/")
    with statements() as warm:
        client.get("/?q=&after=")

    assert len(cold) <= 2
    assert len(warm) == 1
    assert not any("OFFSET ?" in s.upper() and "COUNT" in s.upper() for s in cold)


def test_the_number_of_products_does_not_change_the_number_of_statements(
    client: FlaskClient,
) -> None:
    product = make_product()
    client.get("/help/")
    with statements() as alone:
        client.get(f"/p/{product.code}/")
    fill(24)
    with statements() as among_many:
        client.get(f"/p/{product.code}/")

    assert len(among_many) == len(alone) <= 7  # its points and its stars are one each


@pytest.mark.parametrize(
    "after", ["x", "-", "ffffffffffffffffffff-1", "1-zz", "-1-1", "1--5", "0-" + "f" * 40]
)
def test_a_spoilt_cursor_shows_the_first_page(client: FlaskClient, after: str) -> None:
    make_product("Pagne tissé")

    answer = client.get("/", query_string={"after": after})

    assert answer.status_code == 200


def test_hidden_products_and_suspended_shops_are_nowhere(client: FlaskClient) -> None:
    hidden, suspended = make_product("Caché"), make_product("Suspendu")
    with transaction():
        session.get_one(Product, hidden.id).status = "hidden"
        session.get_one(Store, suspended.store_id).status = "suspended"
    pages = {code: client.get(f"/p/{code}/") for code in (hidden.code, suspended.code, "ZZZZZZZZ")}

    html = client.get("/").get_data(as_text=True)

    assert "Caché" not in html
    assert "Suspendu" not in html
    assert {page.status_code for page in pages.values()} == {404}
    assert len({page.data for page in pages.values()}) == 1


def test_shelves_narrow_by_category_and_by_town(app: Flask) -> None:
    product = make_product()
    slug = catalogue.menus().categories[0][0]

    assert [c.code for c in catalogue.shelf(category=slug, town="Abidjan").cards] == [product.code]
    assert catalogue.shelf(category="autre").cards == []
    assert catalogue.shelf(town="Dakar").cards == []


def test_delivery_takes_the_most_specific_zone(app: Flask) -> None:
    store = make_store(delivery=2_500)

    cocody = service.delivery_price(store, "abidjan", "COCODY")
    elsewhere = service.delivery_price(store, "Abidjan", "Treichville")

    assert cocody is not None
    assert elsewhere is not None
    assert (cocody.amount, elsewhere.amount) == (2_500, 3_500)
    assert service.delivery_price(store, "Dakar", "Médina") is None
    assert [(town.name, town.quarters) for town in service.towns()] == [("Abidjan", ("Cocody",))]


def test_a_shared_link_shows_name_price_and_address(client: FlaskClient) -> None:
    product = make_product("Pagne tissé", price=24_500)

    html = client.get(f"/p/{product.code}/").get_data(as_text=True)

    assert '<meta property="og:title" content="Pagne tissé · 24 500 FCFA">' in html.replace(
        "\u00a0", " "
    )
    assert f'/p/{product.code}/">' in html
    assert "https://wa.me/?text=" in html


def test_every_index_of_the_models_is_in_the_database(app: Flask) -> None:
    wanted = {index.name for table in db.metadata.tables.values() for index in table.indexes}

    there = set(session.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'index'")))

    assert sorted(wanted - there) == []


@pytest.mark.parametrize(
    ("narrowing", "step"),
    [
        ({}, "SCAN product USING INDEX ix_product_shelf"),
        (
            {"after": "6401f2a5b1c00-7"},
            "SEARCH product USING INDEX ix_product_shelf (created_at<?)",
        ),
        (
            {"category": "tissus"},
            "SEARCH product USING INDEX ix_product_category_shelf (category_id=?)",
        ),
    ],
)
def test_shelves_are_read_by_their_index(app: Flask, narrowing: dict[str, str], step: str) -> None:
    with statements() as sent:
        catalogue.shelf(**narrowing)  # type: ignore[arg-type]
    (statement,) = sent

    plan = session.connection().exec_driver_sql(
        f"EXPLAIN QUERY PLAN {statement}", (1,) * statement.count("?")
    )

    assert step in [row[3] for row in plan]


@pytest.mark.parametrize(
    "path", ["/?q=\x00", "/?town=a%00b", "/?category=%00", "/s/a%00b/", "/s/A b/", "/p/%00/"]
)
def test_signs_that_are_not_printed_reach_no_database(client: FlaskClient, path: str) -> None:
    sent: list[object] = []

    def note(
        _connection: object, _cursor: object, _statement: str, values: object, *_rest: object
    ) -> None:
        sent.append(values)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    answer = client.get(path)
    sa.event.remove(db.engine, "before_cursor_execute", note)

    assert answer.status_code in (200, 400, 404)
    assert "\\x00" not in repr(sent)
