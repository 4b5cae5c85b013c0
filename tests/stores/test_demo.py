"""The demonstration market: complete, repeatable, drawn by us, and never beside real money."""

import dataclasses

import pytest
from flask import Flask

from shop.accounts import service as accounts
from shop.cli import demo_goods as goods
from shop.cli.pictures import picture
from shop.db import session
from shop.stores.models import Product, ProductPhoto, Store


def test_seeding_twice_makes_one_market(app: Flask) -> None:
    runner = app.test_cli_runner()

    first, second = runner.invoke(args=["demo", "seed"]), runner.invoke(args=["demo", "seed"])

    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert session.query(Product).count() == session.query(ProductPhoto).count() == len(goods.GOODS)
    assert session.query(Store).count() == len(goods.SHOPS) == 4


def test_everybody_listed_can_sign_in(app: Flask) -> None:
    runner = app.test_cli_runner()
    runner.invoke(args=["demo", "seed"])

    printed = runner.invoke(args=["demo", "sign-ins"]).stdout

    for person in goods.PEOPLE:
        user = accounts.proven(person.phone)
        assert user is not None
        assert accounts.verify_pin(user.pin_hash, goods.PIN)
        assert person.name in printed
    assert printed.count(goods.PIN) == len(goods.PEOPLE)


@pytest.mark.parametrize("command", ["orders", "seed", "sign-ins"])
def test_a_known_pin_never_meets_real_money(app: Flask, command: str) -> None:
    app.config["SETTINGS"] = dataclasses.replace(app.config["SETTINGS"], live=True)

    result = app.test_cli_runner().invoke(args=["demo", command])

    assert result.exit_code == 1
    assert session.query(Store).count() == 0


def test_the_same_number_weaves_the_same_cloth() -> None:
    assert picture(3, "jar").tobytes() == picture(3, "jar").tobytes()
    assert picture(3, "jar").tobytes() != picture(4, "jar").tobytes()


def test_every_good_names_a_drawing_and_a_shop() -> None:
    from shop.cli.pictures import ARTICLES

    shops = {shop.name for shop in goods.SHOPS}
    assert {good.article for good in goods.GOODS} <= {"cloth", *ARTICLES}
    assert {good.shop for good in goods.GOODS} == shops


def test_orders_without_a_sandbox_say_what_to_start(app: Flask) -> None:
    runner = app.test_cli_runner()
    runner.invoke(args=["demo", "seed"])

    result = runner.invoke(args=["demo", "orders"])

    assert result.exit_code == 1
    assert "sandbox" in result.output
