"""Sentences of this room that no single page owns: refusals, names of countries, share texts."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from flask import Flask, current_app
from flask_babel import get_locale

from shop.i18n import _, _l, amount_text, language, word_refusals
from shop.stores import access
from shop.stores.approval import NotWaiting, StillWaiting
from shop.stores.discounts import CodeTaken
from shop.stores.member_models import Role
from shop.stores.members import OwnNumber, TooManyMembers
from shop.stores.models import Product, Store
from shop.stores.photos import NotAPhoto, PhotoTooHeavy, PhotoTooSmall
from shop.stores.service import StockMoved, TooManyPhotos

#: What people are in a shop, and what that lets them do.
ROLES: Final = {
    Role.OWNER: _l("Propriétaire"),
    Role.SELLER: _l("Vendeur"),
    Role.CASHIER: _l("À la caisse"),
}
RIGHTS: Final = {
    Role.SELLER: _l("Vendeur : produits, commandes, messages, chiffres"),
    Role.CASHIER: _l("Caisse : commandes à remettre, avec leur code"),
}


def init_app(app: Flask) -> None:
    """Word this room's refusals and lend pages its helpers."""
    word_refusals(
        {
            PhotoTooHeavy.code: _l(
                "Cette photo est trop lourde : 5 Mo et 25 millions de points au plus."
            ),
            PhotoTooSmall.code: _l("Cette photo est trop petite : 100 points de côté au moins."),
            NotAPhoto.code: _l(
                "Ce fichier n’est pas une photo lisible. Envoyez un JPEG, PNG ou WebP."
            ),
            TooManyPhotos.code: _l("Quatre photos au plus par produit."),
            CodeTaken.code: _l("Vous avez déjà un code de ce nom. Donnez-lui un autre nom."),
            TooManyMembers.code: _l("Vingt personnes au plus, invitations comprises."),
            OwnNumber.code: _l("C’est votre propre numéro : vous avez déjà tous les droits."),
            NotWaiting.code: _l("Ce produit n’attend plus de décision."),
            StillWaiting.code: _l(
                "Ce produit attend la décision de notre équipe. Il ne peut pas encore être en vente."
            ),
            StockMoved.code: _l(
                "Des ventes ont eu lieu pendant ce temps. Rechargez la page pour voir le stock."
            ),
        }
    )
    app.jinja_env.globals.update(
        country_name=country_name, shop_role=access.role, whatsapp=whatsapp
    )


def country_name(code: str) -> str:
    """Name a country in the page's language."""
    locale = get_locale()
    assert locale is not None, "pages always have a language"
    return str(locale.territories[code])


def absolute(path: str) -> str:
    """Write a path as people can send it."""
    return str(current_app.config["SETTINGS"].public_url) + path


def share_product(product: Product) -> str:
    """Address a ready WhatsApp message about a product (UX §10)."""
    text = _(
        "%(name)s, %(price)s chez %(store)s. Paiement gardé jusqu’à la livraison : %(link)s",
        name=product.name,
        price=amount_text(product.price),
        store=product.store.name,
        link=absolute(f"/p/{product.code}/"),
    )
    return whatsapp(text)


def share_store(name: str, slug: str) -> str:
    """Address a ready WhatsApp message about a shop."""
    text = _(
        "Ma boutique %(store)s est ouverte. Paiement gardé jusqu’à la livraison : %(link)s",
        store=name,
        link=absolute(f"/s/{slug}/"),
    )
    return whatsapp(text)


def recommend_store(store: Store) -> str:
    """Address a ready WhatsApp message of somebody who likes a shop."""
    text = _(
        "Regarde la boutique %(store)s à %(town)s. On paie par mobile money, l’argent est gardé"
        " jusqu’à la livraison : %(link)s",
        store=store.name,
        town=store.town,
        link=absolute(f"/s/{store.slug}/"),
    )
    return whatsapp(text)


def whatsapp(text: str) -> str:
    """Address a ready WhatsApp message; whoever taps it chooses to whom it goes."""
    return "https://wa.me/?text=" + quote(text)


def english() -> bool:
    """Say whether the page is in English, for names that are data."""
    return language() == "en"
