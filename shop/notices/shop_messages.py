"""What messages about a shop's own life say: each fits one SMS part (UX §10)."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app
from flask_babel import force_locale

from shop.i18n import _, amount_text
from shop.money import Money
from shop.notices.gsm7 import plain, shortened
from shop.notices.messages import NAME_PLACES
from shop.references import spaced

#: Longest reason in a message; the page has it whole.
REASON_PLACES = 40


def invited(store: str, *, language: str) -> str:
    """Tell a number that a shop wants its owner in."""
    with force_locale(language):
        return plain(
            _(
                "%(store)s vous invite à travailler dans sa boutique. Acceptez ici : %(link)s",
                store=shortened(store, NAME_PLACES),
                link=f"{_host()}/store/join/",
            )
        )


def product_approved(name: str, code: str, *, language: str) -> str:
    """Tell the seller that a product is for sale."""
    with force_locale(language):
        return plain(
            _(
                "%(name)s est en vente. Partagez : %(link)s",
                name=shortened(name, NAME_PLACES),
                link=f"{_host()}/p/{code}/",
            )
        )


def product_refused(name: str, code: str, reason: str, *, language: str) -> str:
    """Tell the seller that a product is not for sale, why, and where to mend it."""
    with force_locale(language):
        return plain(
            _(
                "%(name)s n’est pas en vente : %(reason)s. Corrigez : %(link)s",
                name=shortened(name, NAME_PLACES),
                reason=shortened(reason.rstrip("."), REASON_PLACES),
                link=f"{_host()}/store/products/{code}/",
            )
        )


def reviewed(reference: str, *, language: str) -> str:
    """Tell the seller that a buyer left a review."""
    with force_locale(language):
        return plain(
            _(
                "Un acheteur a donné son avis sur la commande %(reference)s. Lire et répondre : %(link)s",
                reference=spaced(reference),
                link=f"{_host()}/store/reviews/",
            )
        )


def answered(reference: str, store: str, access_token: str, *, language: str) -> str:
    """Tell the buyer that the shop answered their review."""
    with force_locale(language):
        return plain(
            _(
                "%(store)s a répondu à votre avis sur la commande %(reference)s : %(link)s",
                store=shortened(store, NAME_PLACES),
                reference=spaced(reference),
                link=f"{_host()}/o/{access_token}/",
            )
        )


def paid_for_you(reference: str, access_token: str, *, language: str) -> str:
    """Tell the buyer that somebody paid their order through the link."""
    with force_locale(language):
        return plain(
            _(
                "La personne à qui vous avez envoyé le lien a payé la commande %(reference)s : %(link)s",
                reference=spaced(reference),
                link=f"{_host()}/o/{access_token}/",
            )
        )


def you_paid(reference: str, amount: Money, *, language: str) -> str:
    """Tell whoever paid for somebody else that it is done, and where the money is."""
    with force_locale(language):
        return plain(
            _(
                "Vous avez payé %(amount)s pour la commande %(reference)s. L’argent est gardé jusqu’à"
                " la livraison. Merci !",
                amount=amount_text(amount),
                reference=spaced(reference),
            )
        )


def _host() -> str:
    public_url: str = current_app.config["SETTINGS"].public_url
    return urlsplit(public_url).netloc
