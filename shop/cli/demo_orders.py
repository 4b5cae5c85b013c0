"""Orders for the demonstration: really paid at the simulated providers, then brought to every stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click
import requests
import sqlalchemy as sa
from flask import current_app

from shop import jobs, settlement
from shop.accounts import service as accounts
from shop.cli import demo_goods as goods
from shop.cli.demo_goods import Good, Person
from shop.db import session
from shop.orders import fulfilment, handover
from shop.orders import service as orders
from shop.orders.models import Order, SellerOrder
from shop.orders.states import CLOSED, Stage
from shop.payments.models import Payment
from shop.payments.service import Intent
from shop.payments.states import PaymentStatus, Purpose
from shop.providers import methods
from shop.stores.models import Product, Store

METHOD: Final = "wave-ci"
#: Looks at payments that a worker may be settling at the same time, and the pause between two.
TRIES: Final = 20
PAUSE_S: Final = 0.5
PLACE: Final = orders.Contact(
    "Aminata Koné", goods.AMINATA.phone, "Abidjan", "Cocody", "face à la pharmacie Sainte-Marie"
)
SELLERS: Final = frozenset({
    Stage.ACCEPTED, Stage.PREPARING, Stage.READY, Stage.SENT, Stage.ASKED, Stage.REFUSED,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sale:
    """One article that somebody buys, and the stages its order goes through."""

    article: str
    buyer: Person
    way: tuple[Stage, ...] = ()


S = Stage
SALES: Final = (
    Sale("Pagne tissé baoulé, 3 pièces", goods.AMINATA, (S.ACCEPTED, S.HANDED_OVER)),
    Sale("Foulard teint à la main", goods.MARIAM, (S.REFUSED,)),
    Sale("Panier de marché en raphia", goods.AMINATA, (S.ACCEPTED, S.SENT, S.CONFIRMED)),
    Sale("Chemise homme col brodé", goods.MARIAM, (S.ACCEPTED, S.SENT, S.RECEIVED)),
    Sale("Bol à attiéké en terre cuite", goods.AMINATA, (S.ACCEPTED, S.SENT, S.ASKED)),
    Sale("Wax fleurs de mariage, 6 yards", goods.AMINATA, (S.ACCEPTED, S.SENT)),
    Sale("Bogolan décoratif", goods.AMINATA, (S.ACCEPTED, S.PREPARING)),
    Sale("Bazin riche, 5 mètres", goods.MARIAM),
    Sale("Sandales en cuir tressé", goods.AMINATA),
)


def seed() -> int:
    """Buy what the demonstration buys, once; give how many orders are new. The sandbox must run.

    Stopped half-way, it goes on from there when it is called again.
    """
    bought = [(sale, *_bought(number, sale)) for number, sale in enumerate(SALES)]
    _pay([(order, sale) for sale, order, _new in bought if orders.is_payable(order)])
    for sale, order, _new in bought:
        _walk(orders.find(order.reference).seller_orders[0], sale.way)
    return sum(new for _sale, _order, new in bought)


def _bought(number: int, sale: Sale) -> tuple[Order, bool]:
    known = orders.by_form_key(_key(number))
    return (known, False) if known else (_place(number, sale), True)


def _pay(unpaid: Sequence[tuple[Order, Sale]]) -> None:
    started = [_start(order, sale) for order, sale in unpaid]
    jobs.submit_payments()
    for payment in started:
        approve(payment)
    settle([payment.id for payment in started])


def _walk(part: SellerOrder, way: Sequence[Stage]) -> None:
    """Take the steps that were not taken yet, unless the order ended by itself meanwhile."""
    taken = {event.new for event in fulfilment.history(part.id)}
    for to in way:
        if to not in taken and part.state not in CLOSED:
            _take(part, to)


def _key(number: int) -> str:
    return f"demo-order-{number}"


def _place(number: int, sale: Sale) -> Order:
    good = _good(sale.article)
    product = session.scalars(
        sa.select(Product)
        .join(Store, Store.id == Product.store_id)
        .where(Product.name == good.name, Store.name == good.shop)
    ).one()
    return orders.place(
        user_id=user_of(sale.buyer),
        lines=[orders.Line(product.id, 1)],
        contact=PLACE,
        form_key=_key(number),
    )


def _good(article: str) -> Good:
    return next(good for good in goods.GOODS if good.name == article)


def user_of(person: Person) -> int:
    user = accounts.proven(person.phone)
    assert user is not None, "people are made before they buy"
    return user.id


def _start(order: Order, sale: Sale) -> Payment:
    return settlement.start_payment(
        Intent(
            purpose=Purpose.ORDER,
            purpose_id=order.id,
            user_id=order.user_id,
            method=methods.get(METHOD),
            payer_phone=sale.buyer.phone,
            owed=order.total,
            form_key=f"pay-{order.reference}",
        )
    )


def approve(payment: Payment) -> None:
    """Accept on the payer's simulated phone, by the sandbox's JSON doors."""
    api = f"http://127.0.0.1:{current_app.config['SETTINGS'].sandbox_port}/api/prompts"
    asked = {"provider": payment.provider, "reference": payment.reference}
    try:
        [prompt] = requests.get(api, params=asked, timeout=10).json()["prompts"]
        said = requests.post(
            f"{api}/{prompt['id']}/accept", json={"phone": payment.payer_phone}, timeout=10
        )
    except (requests.RequestException, ValueError) as error:
        raise click.ClickException("The sandbox does not answer: start it first.") from error
    said.raise_for_status()


def settle(payment_ids: Sequence[int]) -> None:
    """Ask what became of them now, instead of when the clock would; a worker may be faster."""
    for _try in range(TRIES):
        undecided = [id_ for id_ in payment_ids if not _succeeded(id_)]
        if not undecided:
            return
        for payment_id in undecided:
            settlement.check_now(payment_id)
        jobs.verify_payments()
        time.sleep(PAUSE_S)
    raise click.ClickException("Some payments are still undecided; call this again in a minute.")


def _succeeded(payment_id: int) -> bool:
    session.rollback()
    return session.get_one(Payment, payment_id).status == PaymentStatus.SUCCEEDED


def _take(part: SellerOrder, to: Stage) -> None:
    """Take one step as the person who may."""
    if to is Stage.HANDED_OVER:
        fulfilment.hand_over(part.store.owner_id, part.reference, handover.code_of(part))
    elif to in SELLERS:
        words = "Plus dans cette couleur" if to is Stage.REFUSED else ""
        fulfilment.sell(part.store.owner_id, part.reference, to, words)
    else:
        fulfilment.buy([part.order.user_id], part.reference, to)
