"""Why a review or an answer is refused."""

from __future__ import annotations

from typing import Final

from shop.errors import Conflict, Refusal
from shop.i18n import _l


class NotReviewable(Conflict):
    """Nothing was released yet, or this order has its review."""

    code = "not_reviewable"


class OwnShop(Refusal):
    """Buyer and seller share an account, a phone or a payout number (A4)."""

    code = "own_shop"


class BadReview(Refusal):
    """Stars go from 1 to 5, words to 1,000 characters."""

    code = "bad_review"


class Answered(Conflict):
    """A seller answers a review once."""

    code = "answered_once"


SENTENCES: Final[dict[str, object]] = {
    NotReviewable.code: _l("Cette commande ne peut pas recevoir d’avis, ou elle en a déjà un."),
    OwnShop.code: _l("Cette boutique vous est proche : vous ne pouvez pas lui donner d’avis."),
    BadReview.code: _l("Choisissez de 1 à 5 étoiles ; 1 000 caractères au plus."),
    Answered.code: _l("Vous avez déjà répondu à cet avis."),
}
