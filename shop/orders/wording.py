"""A seller order in words: its two pills, its steps as a history, what the seller can do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shop.i18n import _l, amount_text
from shop.money import Money
from shop.orders import fulfilment
from shop.orders.models import SellerOrder, SellerOrderEvent
from shop.orders.states import Actor, Escrow, Stage, Tab
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus, Purpose


@dataclass(frozen=True, slots=True)
class Pill:
    """A state as a word and a shape: `ok` is full, `att` half, `ko` a triangle."""

    text: object
    kind: str


GOODS: Final = {
    Stage.UNPAID: Pill(_l("À payer"), "att"),
    Stage.TO_ACCEPT: Pill(_l("À accepter"), "att"),
    Stage.ACCEPTED: Pill(_l("À préparer"), "att"),
    Stage.PREPARING: Pill(_l("En préparation"), "att"),
    Stage.READY: Pill(_l("Prête"), "att"),
    Stage.SENT: Pill(_l("En route"), ""),
    Stage.ASKED: Pill(_l("Arrivée à confirmer"), "att"),
    Stage.RECEIVED: Pill(_l("Chez l’acheteur"), ""),
    Stage.HANDED_OVER: Pill(_l("Remise"), "ok"),
    Stage.CONFIRMED: Pill(_l("Reçue"), "ok"),
    Stage.REFUSED: Pill(_l("Refusée"), "ko"),
    Stage.CANCELLED: Pill(_l("Annulée"), "ko"),
    Stage.DECIDED: Pill(_l("Décidée"), "ok"),
}
MONEY: Final = {
    Escrow.NONE: Pill(_l("Rien de payé"), ""),
    Escrow.HELD: Pill(_l("Argent gardé"), "att"),
    Escrow.RELEASED: Pill(_l("Vendeur payé"), "ok"),
    Escrow.REFUNDED: Pill(_l("Acheteur remboursé"), "ko"),
    Escrow.SPLIT: Pill(_l("Argent partagé"), "ok"),
}
TABS: Final = {
    Tab.TODO: _l("À faire"),
    Tab.PROGRESS: _l("En cours"),
    Tab.DONE: _l("Finies"),
    Tab.REFUSED: _l("Refusées"),
}

#: What each step says in the history, for both sides alike.
STEPS: Final[dict[tuple[str, str], object]] = {
    ("to_accept", "payment"): _l("Payée. Le vendeur a 24 h pour répondre"),
    ("accepted", "seller"): _l("Le vendeur a accepté"),
    ("preparing", "seller"): _l("Le vendeur prépare"),
    ("ready", "seller"): _l("Prête à partir"),
    ("sent", "seller"): _l("En route"),
    ("asked", "seller"): _l("Le vendeur dit avoir livré : nous demandons à l’acheteur"),
    ("asked", "clock"): _l("Délai de livraison passé : nous demandons à l’acheteur"),
    ("received", "buyer"): _l("L’acheteur l’a en main et regarde"),
    ("handed_over", "seller"): _l("Remise contre le code de l’acheteur : vendeur payé"),
    ("confirmed", "buyer"): _l("L’acheteur a confirmé : vendeur payé"),
    ("confirmed", "clock"): _l("Un jour sans problème : vendeur payé"),
    ("confirmed", "staff"): _l("Décision de l’équipe : vendeur payé"),
    ("refused", "seller"): _l("Refusée par le vendeur : acheteur remboursé"),
    ("refused", "clock"): _l("Pas de réponse du vendeur : acheteur remboursé"),
    ("cancelled", "buyer"): _l("Annulée par l’acheteur : remboursé"),
    ("cancelled", "seller"): _l("Annulée par le vendeur : acheteur remboursé"),
    ("cancelled", "clock"): _l("Pas envoyée à temps : acheteur remboursé"),
    ("cancelled", "staff"): _l("Décision de l’équipe : acheteur remboursé"),
    ("decided", "staff"): _l("Décision de l’équipe : argent partagé"),
    ("confirmed", "dispute"): _l("Problème réglé : vendeur payé"),
    ("cancelled", "dispute"): _l("Problème réglé : acheteur remboursé"),
    ("decided", "dispute"): _l("Problème réglé : argent partagé"),
    ("reminder", "clock"): _l("Rappel envoyé"),
    ("wrong_code", "seller"): _l("Code faux"),
    ("to_staff", "clock"): _l("Notre équipe vérifie avec les deux"),
    ("part_refunded", "seller"): _l("Le vendeur rend de l’argent à l’acheteur"),
    ("part_refunded", "staff"): _l("Notre équipe rend de l’argent à l’acheteur"),
    ("part_refunded", "payment"): _l("L’opérateur a repris le paiement"),
}

#: The seller's steps as they stand in addresses.
SELLER_STEPS: Final = {
    "accept": Stage.ACCEPTED,
    "refuse": Stage.REFUSED,
    "prepare": Stage.PREPARING,
    "ready": Stage.READY,
    "send": Stage.SENT,
    "delivered": Stage.ASKED,
    "cancel": Stage.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the history: when, what, and the words somebody gave with it."""

    at: datetime
    text: object
    words: str = ""
    reference: str = ""
    """The attempt to pay that the line is about."""


def history(part: SellerOrder) -> list[Moment]:
    """Tell everything that happened to an order, from the first attempt to pay it, oldest first."""
    paid = [m for p in payments.all_of(Purpose.ORDER, part.order_id) for m in _of_payment(p)]
    steps = [_of_event(event, part.currency) for event in fulfilment.history(part.id)]
    return sorted([*paid, *steps], key=lambda moment: moment.at)


def _of_event(event: SellerOrderEvent, currency: str) -> Moment:
    words = event.words
    if event.what == "part_refunded":
        wire, _space, why = words.partition(" ")
        words = f"{amount_text(Money.from_wire(wire, currency))} · {why}"
    return Moment(event.at, STEPS[event.what, event.actor], words)


def _of_payment(payment: Payment) -> Sequence[Moment]:
    """Say what the provider was asked and answered, in our words."""
    moments = []
    if payment.sent_at is not None:
        moments.append(Moment(payment.sent_at, _l("Demande envoyée à l’opérateur")))
    if payment.settled_at is not None and payment.status != PaymentStatus.CANCELLED:
        arrived = payment.status == PaymentStatus.SUCCEEDED
        text = _l("L’opérateur confirme le paiement") if arrived else _l("Paiement non abouti")
        moments.append(Moment(payment.settled_at, text, reference=payment.reference))
    return moments


def seller_can(part: SellerOrder) -> set[str]:
    """Name the steps whose buttons the seller sees now; `hand-over` asks for the code."""
    steps = {name for name, to in SELLER_STEPS.items() if fulfilment.can(part, to, Actor.SELLER)}
    if fulfilment.can(part, Stage.HANDED_OVER, Actor.SELLER):
        steps.add("hand-over")
    return steps
