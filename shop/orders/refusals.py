"""Why an order is refused; each names what the buyer should look at."""

from __future__ import annotations

from shop.errors import Conflict, Refusal
from shop.i18n import _l


class OrderRefused(Refusal):
    """Something in the basket stands in the way; `name` is the article or shop to look at."""

    code = "order_refused"

    def __init__(self, name: str = "") -> None:
        super().__init__(f"{self.code} {name}".strip())
        self.name = name


class EmptyOrder(OrderRefused):
    """There is nothing to order."""

    code = "empty_order"


class BadQuantity(OrderRefused):
    """A quantity is not a whole number from 1 to 99."""

    code = "bad_quantity"


class ProductUnavailable(OrderRefused):
    """The article is hidden, unknown, or its shop is closed."""

    code = "product_unavailable"


class OutOfStock(OrderRefused):
    """Fewer are left than were asked for."""

    code = "out_of_stock"

    def __init__(self, product_name: str) -> None:
        super().__init__(product_name)
        self.product_name = product_name


class MixedCurrencies(OrderRefused):
    """One payment has one currency."""

    code = "mixed_currencies"


class NoDelivery(OrderRefused):
    """The shop does not deliver there."""

    code = "no_delivery"


class FormReused(Conflict):
    """The key of this form belongs to somebody else's order."""

    code = "form_reused"


SENTENCES: dict[str, object] = {
    "empty_order": _l("Votre panier est vide."),
    "bad_quantity": _l("La quantité va de 1 à 99, en chiffres."),
    "product_unavailable": _l("Cet article n’est plus en vente."),
    "out_of_stock": _l("Il n’en reste pas assez."),
    "mixed_currencies": _l(
        "Ces articles n’ont pas la même monnaie. Faites une commande par monnaie."
    ),
    "no_delivery": _l("Ce vendeur ne livre pas à cet endroit."),
    "form_reused": _l("Ce formulaire a déjà servi. Revenez au panier."),
}
