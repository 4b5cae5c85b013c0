"""`flask demo`: a small market to walk around in. Everything and everybody in it is invented."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import click
from flask import current_app
from flask.cli import AppGroup

from shop import clock, phone
from shop.accounts import service as accounts
from shop.cli import demo_goods as goods
from shop.cli.pictures import picture
from shop.money import Money
from shop.phone import CURRENCIES
from shop.stores import approval, delivery, discounts, photos, service

group = AppGroup("demo", help="A market to try the site with. Refused with live providers.")


@group.command()
def seed() -> None:
    """Add the demonstration's people, shops and products; what is there already stays as it is."""
    _refuse_when_live()
    people = {person: _person(person) for person in goods.PEOPLE}
    shelves = {
        slug: service.add_category(slug, french, english, position)
        for position, (slug, french, english) in enumerate(goods.CATEGORIES)
    }
    owners = {shop.name: _open(shop, people[shop.owner]) for shop in goods.SHOPS}
    added = sum(
        _publish(number, good, owners[good.shop], shelves[good.category])
        for number, good in _mixed()
    )
    click.echo(
        f"{len(people)} people, {len(owners)} shops, {added} products added.", file=sys.stderr
    )


@group.command("orders")
def seed_orders() -> None:
    """Buy some of it and bring the orders to various stages; the sandbox must run. Once only."""
    from shop.cli import demo_life, demo_orders

    _refuse_when_live()
    click.echo(f"{demo_orders.seed()} orders added.", file=sys.stderr)
    demo_life.seed()


@group.command("circles")
def seed_circles() -> None:
    """Make two savings circles, one running, one to join; the sandbox must run. Once only."""
    from shop.cli import demo_circles

    _refuse_when_live()
    click.echo(f"{demo_circles.seed()} circles added.", file=sys.stderr)


@group.command("sign-ins")
def sign_ins() -> None:
    """Print who can sign in to the demonstration, one per line."""
    _refuse_when_live()
    shops = {shop.owner: f"{shop.name}, {shop.town}" for shop in goods.SHOPS}
    for person in goods.PEOPLE:
        number = phone.international(person.phone).replace("\u00a0", " ")
        click.echo(f"{person.name:<16} {number:<20} PIN {goods.PIN}  {shops.get(person, 'buyer')}")


def _mixed() -> list[tuple[int, goods.Good]]:
    """Order the goods so that no shop fills the first page: each shop's last ones first."""
    seen: Counter[str] = Counter()
    turns = []
    for number, good in enumerate(goods.GOODS):
        seen[good.shop] += 1
        turns.append((-seen[good.shop], number, good))
    return [(number, good) for _turn, number, good in sorted(turns, key=lambda turn: turn[:2])]


def _refuse_when_live() -> None:
    if current_app.config["SETTINGS"].live:
        raise click.ClickException(
            "Demonstration people have a known PIN: never with live providers."
        )


def _person(person: goods.Person) -> int:
    number = phone.parse(person.phone, person.country)
    known = accounts.proven(number.e164)
    user = known or accounts.join(number, name=person.name, pin=goods.PIN, language="fr")
    return user.id


def _open(shop: goods.Shop, owner_id: int) -> int:
    """Open a shop with its delivery zones; a shop that exists keeps the zones it has."""
    if service.store_of(owner_id):
        return owner_id
    currency = CURRENCIES[shop.owner.country]
    draft = service.StoreDraft(
        name=shop.name, about=shop.about, country=shop.owner.country, town=shop.town,
        quarter=shop.quarter, delivery=Money(shop.delivery, currency),
    )  # fmt: skip
    bp = current_app.config["SETTINGS"].commission_bp
    service.open_store(owner_id, draft, commission_bp=bp)
    for town, quarter, price in shop.zones:
        most = goods.AT_DOOR.get(shop.name, 0) if quarter else 0
        limit = Money(most, currency) if most else None
        zone = delivery.ZoneDraft(town, quarter, Money(price, currency), door_limit=limit)
        delivery.save_zone(owner_id, zone)
    _furnish(shop, owner_id, currency)
    return owner_id


def _furnish(shop: goods.Shop, owner_id: int, currency: str) -> None:
    """Open a new shop's pick-up points, and make its discount codes."""
    for name, town, place, hours, price in goods.POINTS.get(shop.name, ()):
        point = delivery.PointDraft(name, town, place, hours, Money(price, currency))
        delivery.save_point(owner_id, point)
    today = clock.now().date()
    for code, percent, uses in goods.CODES.get(shop.name, ()):
        draft = discounts.CodeDraft(
            code=code, percent=percent, least=Money(0, currency), starts_on=today,
            ends_on=today + timedelta(days=30), most_uses=uses, most_per_buyer=1,
        )  # fmt: skip
        discounts.create(owner_id, draft)


def _publish(number: int, good: goods.Good, owner_id: int, category_id: int) -> bool:
    """Publish a product once; its picture is only drawn the first time."""
    form_key = f"demo-{number}"
    if service.published(form_key):
        return False
    store = service.store_of(owner_id)
    assert store is not None, "shops are opened before their products"
    draft = service.ProductDraft(
        name=good.name, category_id=category_id, price=Money(good.price, store.currency),
        stock=good.stock, description=good.description,
    )  # fmt: skip
    kept = [photos.keep_image(picture(number * 7 + 3, good.article))]
    watched = current_app.config["SETTINGS"].approve_first
    code = service.publish(owner_id, draft, kept, form_key=form_key, watched=watched)
    with suppress(approval.NotWaiting):  # what comes after the first ones waits for nobody
        approval.decide(code, approved=True, reason="Demonstration.", author="demo")
    return True
