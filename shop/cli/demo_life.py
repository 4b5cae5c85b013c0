"""The demonstration's life around the orders: reviews, staff, a newcomer who waits, a link to pay by."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from flask import current_app

from shop import phone as phones
from shop.accounts import service as accounts
from shop.cli import demo_goods as goods
from shop.cli.demo_goods import Person
from shop.cli.pictures import picture
from shop.errors import Refusal
from shop.money import Money
from shop.orders import links
from shop.orders import service as orders
from shop.phone import CURRENCIES
from shop.reputation import service as reviews
from shop.stores import approval, members, photos, service
from shop.stores.member_models import Role

NEWCOMER: Final = Person("+2250707080910", "CI", "Ibrahim Sanogo")
CASHIER: Final = Person("+2250506070809", "CI", "Koffi N’Guessan")
#: Orders of the demonstration, by number, that their buyers judge.
REVIEWS: Final = (
    (0, 5, "Le tissu est exactement celui de la photo. Livré le lendemain.", "Merci Aminata !"),
    (2, 4, "Panier solide, un peu plus petit que je pensais.", ""),
)


def seed() -> None:
    """Add it all, once; what is there already stays as it is."""
    for number, stars, words, answer in REVIEWS:
        _review(f"demo-order-{number}", stars, words, answer)
    _hire()
    _open_newcomer()
    _ask_a_relative()


def _review(form_key: str, stars: int, words: str, answer: str) -> None:
    order = orders.by_form_key(form_key)
    if order is None:
        return
    [part] = order.seller_orders
    with suppress(Refusal):  # judged before, or not released yet
        review_id = reviews.write([order.user_id], part.reference, stars, words).id
        if answer:
            reviews.answer(part.store_id, review_id, answer)


def _hire() -> None:
    """Let a cashier work for Awa."""
    store = service.store_of(_person(goods.AWA))
    assert store is not None, "shops are opened first"
    number = phones.parse(CASHIER.phone, CASHIER.country)
    members.invite(store.id, number, Role.CASHIER, language="fr")
    user = accounts.by_id(_person(CASHIER))
    for invitation in members.invitations_of(user.phone):
        members.accept(user, invitation.id)


def _open_newcomer() -> None:
    """Open a new seller's shop: one product waits for staff, one was refused."""
    owner_id = _person(NEWCOMER)
    draft = service.StoreDraft(
        name="Chez Ibrahim", about="Sandales et sacs en cuir, cousus à Treichville.",
        country="CI", town="Abidjan", quarter="Treichville", delivery=Money(1_500, "XOF"),
    )  # fmt: skip
    bp = current_app.config["SETTINGS"].commission_bp
    service.open_store(owner_id, draft, commission_bp=bp)
    _offer(owner_id, 91, "Sac en cuir cousu main", "basket")
    refused = _offer(owner_id, 92, "Téléphone neuf, prix cassé", "sandals")
    with suppress(approval.NotWaiting):
        reason = "Photo d’un autre article : montrez le téléphone"
        approval.decide(refused, approved=False, reason=reason, author="demo")


def _offer(owner_id: int, number: int, name: str, article: str) -> str:
    form_key = f"demo-{number}"
    known = {p.form_key: p.code for p in service.own_products(owner_id)}
    if form_key in known:
        return known[form_key]
    category_id = service.categories()[0].id
    price = Money(12_500, CURRENCIES[NEWCOMER.country])
    draft = service.ProductDraft(name, category_id, price, 5, "Cuir de Bouaké.")
    kept = [photos.keep_image(picture(number, article))]
    # They wait whatever the setting says: the page is there to be looked at.
    return service.publish(owner_id, draft, kept, form_key=form_key, watched=3)


def _ask_a_relative() -> None:
    """Leave one order unpaid, with the link that somebody else pays by."""
    buyer = _person(goods.AMINATA)
    order = orders.by_form_key("demo-link")
    if order is None:
        store = service.store_of(_person(goods.AWA))
        assert store is not None, "shops are opened first"
        product = next(p for p in service.own_products(store.owner_id) if p.stock > 1)
        place = orders.Contact(
            goods.AMINATA.name, goods.AMINATA.phone, "Abidjan", "Cocody", "face à la pharmacie"
        )
        order = orders.place(
            user_id=buyer,
            lines=[orders.Line(product.id, 1)],
            contact=place,
            form_key="demo-link",
        )
    if orders.is_payable(order):
        links.make([buyer], order.id)


def _person(person: Person) -> int:
    number = phones.parse(person.phone, person.country)
    known = accounts.proven(number.e164)
    return (known or accounts.join(number, name=person.name, pin=goods.PIN, language="fr")).id
