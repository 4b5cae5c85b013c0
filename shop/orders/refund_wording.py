"""A refund in words: its cause, and who bears which part of it."""

from __future__ import annotations

from typing import Any, Final

from shop.i18n import _, _l
from shop.money import Money
from shop.orders.models import SellerOrder
from shop.orders.policy import Bearer, Cause, Shares
from shop.orders.states import Escrow

CAUSES: Final[dict[Cause, Any]] = {
    Cause.REFUSED: _l("Commande refusée ou annulée par le vendeur"),
    Cause.SILENT: _l("Vendeur sans réponse"),
    Cause.CHANGED_MIND: _l("Annulée par l’acheteur"),
    Cause.NOT_RECEIVED: _l("Jamais arrivé"),
    Cause.NOT_AS_DESCRIBED: _l("Pas comme annoncé"),
    Cause.MISSING: _l("Il manque quelque chose"),
    Cause.RETURNED: _l("L’acheteur rend un article : la livraison n’est pas rendue"),
    Cause.GOODWILL: _l("Geste pour l’acheteur : la vente reste, notre commission aussi"),
    Cause.DISPUTE: _l("Accord ou décision après un problème"),
    Cause.STAFF: _l("Geste de notre équipe"),
    Cause.REVERSED: _l("Paiement repris par l’opérateur"),
}
_WHO: Final[dict[Bearer, Any]] = {
    Bearer.BUYER: _l("l’acheteur"),
    Bearer.SELLER: _l("vous"),
    Bearer.PLATFORM: _l("nous"),
    Bearer.PROVIDER: _l("l’opérateur"),
}


def rows(shares: Shares, part: SellerOrder) -> list[tuple[str, Money, bool]]:
    """Say, for the seller, what goes back, who bears each part, and what it costs in the end."""
    currency, back, rule = shares.currency, shares.parts, shares.rule
    told = [
        (_("Prix rendu, payé par %(who)s", who=_WHO[rule.price]), back.price),
        (_("Livraison rendue, payée par %(who)s", who=_WHO[rule.delivery]), back.delivery),
        (_("Frais de l’opérateur rendus, payés par %(who)s", who=_WHO[rule.fee]), back.fee),
    ]
    lines = [(str(words), Money(amount, currency), False) for words, amount in told if amount]
    lines.append((str(_("L’acheteur reçoit")), shares.buyer, True))
    if shares.commission:
        lines.append((str(_("Commission que nous vous rendons")), shares.commission, False))
    cost = _("Retiré de ce qui est gardé pour vous")
    if part.escrow != Escrow.HELD:
        cost = _("Pris dans votre portefeuille, le reste sur vos prochains versements")
    lines.append((str(cost), -shares.seller, True))
    return lines
