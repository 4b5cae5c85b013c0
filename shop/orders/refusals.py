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


class NotThatStep(Conflict):
    """The order went on meanwhile, or this step was never this person's."""

    code = "not_that_step"


class Disputed(NotThatStep):
    """Its money is frozen until the dispute is settled."""

    code = "disputed"


class NoDispute(Conflict):
    """No dispute can begin here now: nothing is held, or one is open already."""

    code = "no_dispute"


class OfferGone(Conflict):
    """The proposal has lapsed, was one's own, or a newer one took its place."""

    code = "offer_gone"


class BadWords(Refusal):
    """A text is empty or longer than 1,000 characters."""

    code = "bad_words"


class BadReason(Refusal):
    """The reason is none of those that can be true now."""

    code = "bad_reason"


class BadShare(Refusal):
    """A share is a whole number from 1 to 99 percent."""

    code = "bad_share"


class WrongCode(Refusal):
    """The hand-over code is not the one the buyer has; `left` tries remain."""

    code = "wrong_code"

    def __init__(self, left: int) -> None:
        super().__init__(f"{left} tries left")
        self.left = left


class CodeLocked(Refusal):
    """Five wrong codes: the buyer confirms, or staff looks."""

    code = "code_locked"


class NeedsReason(Refusal):
    """Money goes back with a reason that the other side can read."""

    code = "needs_reason"


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
    "not_that_step": _l(
        "Cette commande a avancé entre-temps. Rechargez la page : rien n’a changé."
    ),
    "disputed": _l("Un problème est signalé : rien ne bouge avant l’accord ou la décision."),
    "no_dispute": _l("On ne peut pas signaler de problème ici pour le moment."),
    "offer_gone": _l("Cette proposition n’est plus valable. Rechargez la page."),
    "bad_words": _l("Écrivez de 1 à 1 000 caractères."),
    "bad_reason": _l("Choisissez ce qui ne va pas."),
    "bad_share": _l("La part va de 1 à 99 %, en chiffres."),
    "wrong_code": _l("Ce code n’est pas le bon. Demandez à l’acheteur de le relire."),
    "code_locked": _l(
        "Cinq codes faux : nous vérifions avec l’acheteur. Il peut aussi confirmer lui-même."
    ),
    "above_sale": _l("C’est plus que ce qui peut encore être rendu de cette vente."),
    "nothing_to_reverse": _l("Il n’y a plus rien à reprendre de ce paiement."),
    "debts_changed": _l("Ce que vous devez vient de changer. Rechargez la page."),
    "needs_reason": _l("Dites pourquoi en quelques mots : l’autre personne les lira."),
}
