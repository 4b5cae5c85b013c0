"""A new seller's first products: seen by staff before anybody can buy them, each with a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from shop.db import session, transaction
from shop.notices.models import Notice
from shop.stores import approval, service
from shop.stores.models import Product, ProductDecision
from tests.databases import both_databases
from tests.marketplace import make_product, make_store, make_user, sign_in

PRODUCT = {
    "name": "Pagne tissé", "category": "1", "price": "24 500", "stock": "7", "description": "Coton.",
}  # fmt: skip


@pytest.fixture
def owner(app):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], approve_first=3)
    return make_user("Awa")


@pytest.fixture
def seller(owner, client):
    make_store(owner=owner)
    sign_in(client, owner.phone)
    return client


def publish(seller, number: int) -> Product:
    answer = seller.post("/store/products/new/", data=PRODUCT | {"form_key": f"form-{number:016}"})
    assert answer.status_code == 303
    session.rollback()
    return session.scalars(sa.select(Product).order_by(Product.id.desc())).first()


def decide(product: Product, *, approved: bool = True, reason: str = "Photo claire") -> None:
    approval.decide(product.code, approved=approved, reason=reason, author="Fatou")


def told(owner) -> str:
    session.rollback()
    query = sa.select(Notice.text).where(Notice.phone == owner.phone).order_by(Notice.id.desc())
    return session.scalars(query.limit(1)).one()


def test_the_first_three_wait_and_the_fourth_is_for_sale(owner, seller):
    for number in range(3):
        product = publish(seller, number)
        assert product.status == "pending"
        assert seller.get(f"/p/{product.code}/").status_code == 404
        assert product.code not in seller.get("/").text
        decide(product)
        assert seller.get(f"/p/{product.code}/").status_code == 200

    assert publish(seller, 9).status == "active"


def test_waiting_products_open_no_way_past_staff(owner, seller):
    """Publishing more while three wait shows none of them."""
    waiting = [publish(seller, number) for number in range(5)]

    assert {product.status for product in waiting} == {"pending"}
    answer = seller.post(f"/store/products/{waiting[0].code}/visible/", data={"visible": "1"})
    assert answer.status_code == 409
    assert seller.get(f"/p/{waiting[0].code}/").status_code == 404
    assert "En attente de notre équipe" in seller.get("/store/").text


def test_a_refusal_is_read_mended_and_looked_at_again(owner, seller):
    product = publish(seller, 1)
    decide(product, approved=False, reason="La photo est floue")

    page = seller.get(f"/store/products/{product.code}/").text
    assert "La photo est floue" in page
    assert "La photo est floue" in told(owner)
    seller.post(f"/store/products/{product.code}/", data=PRODUCT | {"seen_stock": "7"})
    session.rollback()
    assert session.get_one(Product, product.id).status == "pending"
    decide(product)
    assert "en vente" in told(owner)


def test_a_decision_is_taken_once(owner, seller):
    product = publish(seller, 1)
    decide(product)

    with pytest.raises(approval.NotWaiting):
        decide(product, approved=False)
    assert session.query(ProductDecision).count() == 1


@both_databases
def test_raw_sql_sells_nothing_that_staff_has_not_approved(app):
    """The trigger behind the page: the last word counts, and only a yes."""
    product = make_product()
    for status in ("pending", "refused"):
        with transaction():
            session.execute(sa.update(Product).values(status=status))
        with pytest.raises(sa.exc.IntegrityError, match="approved by staff"), transaction():
            session.execute(sa.update(Product).values(status="active"))
        session.rollback()
    with transaction():
        session.execute(sa.update(Product).values(status="pending"))
    decide(product, approved=False)
    with pytest.raises(sa.exc.IntegrityError, match="approved by staff"), transaction():
        session.execute(sa.update(Product).values(status="hidden"))


def test_the_demonstration_is_approved(app, owner):
    answer = app.test_cli_runner().invoke(args=["demo", "seed"])

    assert answer.exit_code == 0, answer.output
    assert set(session.scalars(sa.select(Product.status))) == {"active"}
    assert session.query(ProductDecision).count() == 12, "three of each of four shops"


def test_staff_lists_approves_and_refuses_at_a_shell(app, owner, seller):
    run = app.test_cli_runner().invoke
    first, second = publish(seller, 1), publish(seller, 2)

    listed = run(args=["products", "list", "--waiting", "--json"])
    assert first.code in listed.output
    said = ["--reason", "Photo claire", "--as", "Fatou"]
    assert run(args=["products", "approve", first.code, *said]).exit_code == 0
    assert run(args=["products", "approve", first.code, *said]).exit_code == 5
    assert run(args=["products", "refuse", second.code, *said]).exit_code == 0
    assert run(args=["products", "refuse", "00000000", *said]).exit_code == 3
    assert run(args=["products", "approve", second.code, "--reason", "x"]).exit_code == 2
    session.rollback()
    assert [p.status for p in service.own_products(owner.id)] == ["refused", "active"]
