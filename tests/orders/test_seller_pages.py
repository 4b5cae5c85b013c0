"""The seller's pages: every figure adds up, every button does its one step, nothing is anybody else's."""

from __future__ import annotations

import csv
import re
from io import StringIO

import pytest
import sqlalchemy as sa

from shop.db import db, is_postgres, session
from shop.money import Money
from shop.orders import fulfilment, handover, sales
from shop.orders.quoting import Choice
from shop.orders.states import TABS, Stage, Tab
from shop.stores import delivery
from tests.marketplace import make_order, make_product, make_store, make_user, sign_in
from tests.orders.doors import order_with
from tests.orders.paid import WAYS, again, make_part
from tests.test_statements import listened


@pytest.fixture
def shop(app, time):
    owner = make_user("Awa")
    return owner, make_product(price=10_005, stock=9_000, store=make_store(owner=owner))


@pytest.fixture
def seller(shop, client):
    sign_in(client, shop[0].phone)
    return client


def part_of(shop, stage=Stage.TO_ACCEPT):
    if stage is not Stage.GONE_BACK:
        return make_part(stage, make_order((shop[1], 1)))
    # Only what is to be paid at the door goes back from there.
    zone = delivery.ZoneDraft(
        "Abidjan", "Cocody", Money(2_500, "XOF"), door_limit=Money(10**8, "XOF")
    )
    delivery.save_zone(shop[1].store.owner_id, zone)
    session.expire_all()
    return make_part(stage, order_with(shop[1], Choice(at_door=True)))


def shown(page: str) -> dict[str, int]:
    """Read every marked amount of a page with one order."""
    found = re.findall(r'data-test="([\w-]+)"><span[^>]*data-montant="(-?\d+)"', page)
    return {name: int(amount) for name, amount in found}


def test_a_seller_accepts_sends_and_hands_over_on_plain_pages(shop, seller):
    part = part_of(shop)
    address = f"/store/orders/{part.reference}/"
    assert 'data-test="step-accept"' in seller.get(address).text

    for step in ("accept", "prepare", "ready", "send"):
        assert seller.post(f"{address}{step}/").status_code == 303
    seller.post(f"{address}hand-over/", data={"code": handover.code_of(part)})

    page = seller.get(address).text
    assert again(part).stage == Stage.HANDED_OVER
    assert 'data-state="handed_over"' in page
    assert "step-" not in page, "nothing is left to do"
    assert page.count('class="fait"') == 6


def test_a_second_tap_is_no_news_and_a_late_one_is_told(shop, seller):
    part = part_of(shop)
    address = f"/store/orders/{part.reference}/"

    assert [seller.post(f"{address}accept/").status_code for _ in range(2)] == [303, 303]
    seller.post(f"{address}send/")

    assert seller.post(f"{address}prepare/").status_code == 409
    assert seller.post(f"{address}fly/").status_code == 404
    assert len(fulfilment.history(part.id)) == 3


def test_a_wrong_code_is_told_with_what_is_left(shop, seller):
    part = part_of(shop, Stage.SENT)
    wrong = {"code": "x" * 6}

    answers = [
        seller.post(f"/store/orders/{part.reference}/hand-over/", data=wrong) for _ in range(5)
    ]

    assert [a.status_code for a in answers] == [422] * 5
    assert "Il reste 4 essais." in answers[0].text
    assert "Il reste 1 essai." in answers[3].text
    assert "Cinq codes faux" in answers[4].text


def test_a_refusal_asks_why(shop, seller):
    part = part_of(shop)
    address = f"/store/orders/{part.reference}/refuse/"

    assert seller.post(address, data={"words": " "}).status_code == 422
    seller.post(address, data={"words": "Plus en stock <b>"})

    page = seller.get(f"/store/orders/{part.reference}/").text
    assert "« Plus en stock &lt;b&gt; »" in page
    assert again(part).stage == Stage.REFUSED


@pytest.mark.parametrize("stage", WAYS)
def test_the_figures_add_up_at_every_stage(shop, seller, stage):
    part = part_of(shop, stage)

    for address in (f"/store/orders/{part.reference}/", "/store/orders/"):
        sums = shown(seller.get(address).text)
        rest = sums["commission"] + sums.get("operator-fee", 0) + sums.get("refunded", 0)
        rest += sums.get("discount", 0) + sums.get("at-door", 0)
        assert sums["items"] + sums["delivery"] + rest == sums["net"]


@pytest.mark.parametrize("stage", WAYS)
def test_the_seller_never_sees_the_code(shop, seller, stage):
    part = part_of(shop, stage)
    code = handover.code_of(part)

    for address in ("", f"{part.reference}/", f"{part.reference}/slip/"):
        page = seller.get(f"/store/orders/{address}").text
        assert code not in page
        assert handover.spaced(code) not in page


def test_the_slip_tells_no_price(shop, seller):
    part = part_of(shop)

    page = seller.get(f"/store/orders/{part.reference}/slip/").text

    assert "data-montant" not in page
    assert part.order.landmark in page


def test_every_order_is_under_its_tab_and_counted(shop, seller):
    parts = {stage: part_of(shop, stage).id for stage in WAYS}

    for tab in Tab:
        found = {row.id for row in sales.of_seller(shop[0].id, tab=tab).rows}
        assert found == {parts[stage] for stage in TABS[tab]}
    assert sales.waiting(shop[0].id) == {Tab.TODO: 4, Tab.PROGRESS: 3}
    page = seller.get("/store/orders/?tab=todo").text
    assert page.count('data-test="order-row"') == 4
    assert "À faire 4" in page


def test_many_are_accepted_by_one_plain_form(shop, seller):
    parts = [part_of(shop) for _ in range(3)]
    foreign = make_part()
    ticked = [p.reference for p in parts[:2]] + [foreign.reference, "nonsense"]

    answer = seller.post("/store/orders/?tab=todo", data={"step": "accept", "order": ticked})

    assert answer.location == "/store/orders/?tab=todo&done=2"
    stages = [again(part).stage for part in (*parts, foreign)]
    assert stages == ["accepted", "accepted", "to_accept", "to_accept"]
    assert "2 commandes ont avancé." in seller.get(answer.location).text
    assert seller.post("/store/orders/", data={"step": "confirm"}).status_code == 400


def read(answer, separator=";"):
    text = answer.data.decode()
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff")), delimiter=separator))


def test_the_file_holds_the_rows_of_the_page(shop, seller):
    for stage in WAYS:
        part_of(shop, stage)

    for tab in ("", *Tab):
        rows = read(seller.get(f"/store/orders.csv?tab={tab}"))
        page = seller.get(f"/store/orders/?tab={tab}").text
        refs = re.findall(r'/store/orders/(\w{8})/"', page)
        assert [row["commande"].replace("-", "") for row in rows] == refs
        nets = [int(a) for a in re.findall(r'data-test="net"><span[^>]*data-montant="(\d+)"', page)]
        assert [int(row["net"]) for row in rows] == nets
    for row in read(seller.get("/store/orders.csv")):
        taken = sum(int(row[k]) for k in ("commission", "frais opérateur", "remboursé", "net"))
        less = int(row["réduction"]) + int(row["à la porte"])
        assert int(row["brut"]) + int(row["livraison"]) - less == taken


def test_french_excel_gets_its_sign_and_others_a_comma(shop, seller):
    part_of(shop)

    french = seller.get("/store/orders.csv?sep=;")
    assert french.data.startswith("\ufeffcommande;date;client".encode())
    assert seller.get("/store/orders.csv?sep=,").data.startswith(b"commande,date,client")
    assert french.headers["Content-Disposition"].startswith("attachment; filename=ventes-")


@pytest.mark.parametrize("name", ["=1+1", "+33", "-2", "@SUM(A1)", '=HYPERLINK("http://x";"y")'])
def test_no_cell_is_a_formula(shop, seller, name):
    order = make_order((make_product(name, store=shop[1].store), 1))
    order_id = order.id
    make_part(Stage.TO_ACCEPT, order)
    session.execute(sa.text('UPDATE "order" SET contact_name = :n'), {"n": name})
    session.commit()
    assert order_id

    [row] = read(seller.get("/store/orders.csv"))

    assert row["client"] == f"'{name}"
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_a_long_file_is_read_in_pieces(shop, seller, monkeypatch):
    monkeypatch.setattr("shop.orders.export.CHUNK", 2)
    for _ in range(5):
        part_of(shop)

    rows = read(seller.get("/store/orders.csv"))

    assert len({row["commande"] for row in rows}) == 5


def test_the_list_costs_the_same_for_one_and_for_a_page(shop, seller):
    part_of(shop)
    session.expunge_all()
    with listened() as one:
        seller.get("/store/orders/?tab=todo")
    owner, product = (session.get_one(type(each), sa.inspect(each).identity) for each in shop)
    for _ in range(12):
        part_of((owner, product))

    session.expunge_all()
    with listened() as many:
        page = seller.get("/store/orders/?tab=todo").text

    assert page.count('data-test="order-row"') == 13
    assert len(many) == len(one) <= 8


@pytest.mark.parametrize("tab", [None, *Tab])
def test_the_list_walks_an_index_in_its_order(shop, tab):
    """Flat in time: no plan sorts, and none reads more than the page it shows."""
    part_of(shop)
    asked = []
    sa.event.listen(
        db.engine,
        "before_cursor_execute",
        lambda _c, _k, query, values, *_: asked.append((query, values)),
    )

    sales.of_seller(shop[0].id, tab=tab, after="1700000000000000-5")

    query, values = next(each for each in asked if "LIMIT" in each[0] and "seller_order" in each[0])
    plan = explained(query, values)
    index = f"ix_seller_order_{tab}" if tab else "ix_seller_order_store_id_paid_at"
    assert index in plan, plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def explained(query: str, values: object) -> str:
    """Ask the database how it runs a statement; PostgreSQL as if there were many rows."""
    with db.engine.connect() as connection:
        if is_postgres():
            connection.exec_driver_sql("SET enable_seqscan = off")
            connection.exec_driver_sql("SET enable_bitmapscan = off")
        word = "EXPLAIN" if is_postgres() else "EXPLAIN QUERY PLAN"
        return "\n".join(map(str, connection.exec_driver_sql(f"{word} {query}", values)))
