"""From the delivery form to one order, whoever presses the button however often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.refusals import FormReused
from shop.phone import Phone


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who buys without an account, as they call themselves."""

    name: str
    number: Phone


@dataclass(frozen=True, slots=True)
class Wish:
    """What is ordered and where it goes."""

    lines: Sequence[orders.Line]
    contact: orders.Contact
    form_key: str
    language: str
    choices: Mapping[int, orders.Choice] = field(default_factory=dict)
    """What is not as usual, shop by shop."""


def order(buyer: User | Guest, wish: Wish) -> Order:
    """Place the order, or give back the one this form placed. Raises an `OrderRefused`."""
    if isinstance(buyer, Guest):
        return placed_by(wish.form_key, buyer.number) or _order_of_newcomer(buyer, wish)
    return _place(buyer, wish)


def _order_of_newcomer(buyer: Guest, wish: Wish) -> Order:
    """Make the guest with their first order; a basket that would be refused makes nobody."""
    place = wish.contact.town, wish.contact.quarter
    orders.quote(wish.lines, place, wish.choices, buyer=buyer.number.e164)
    guest = accounts.guest(buyer.name, buyer.number, wish.language)
    try:
        return _place(guest, wish)
    except FormReused:  # the other tap was faster, and made the same guest
        first = placed_by(wish.form_key, buyer.number)
        if first is None:
            raise
        return first


def _place(user: User, wish: Wish) -> Order:
    return orders.place(
        user_id=user.id,
        lines=wish.lines,
        contact=wish.contact,
        form_key=wish.form_key,
        language=wish.language,
        choices=wish.choices,
    )


def placed_by(form_key: str, phone: Phone) -> Order | None:
    """Give the order a form placed for the guest of this number; None when it placed none.

    The key of a form is drawn by us, unguessable, and known to one browser only.
    """
    first = orders.by_form_key(form_key)
    if first is None:
        return None
    owner = accounts.unclaimed_guest(first.user_id)
    return first if owner is not None and owner.phone == phone.e164 else None
