"""What waits and why, in one sentence for the owner."""

from __future__ import annotations

from typing import Any, Final

from shop.debts.models import Source
from shop.earnings.figures import Figure
from shop.earnings.models import PayoutTerms, Schedule
from shop.earnings.planning import Plan, Wait
from shop.i18n import _, _l, amount_text, moment
from shop.money import Money

FIGURES: Final = {
    Figure.COLLECTED: _l("Payé par les acheteurs"),
    Figure.NET: _l("Ventes nettes"),
    Figure.HELD: _l("Gardé jusqu’à la livraison"),
    Figure.COMING: _l("À venir pour vous"),
}

#: Where a debt came from.
ORIGINS: Final[dict[str, Any]] = {
    Source.REFUND: _l("Acheteur remboursé après votre paiement"),
    Source.REVERSAL: _l("Paiement repris par l’opérateur"),
    Source.LATE_PAYOUT: _l("Envoi arrivé après coup"),
}

_WHY: Final[dict[Wait, Any]] = {
    Wait.NOTHING: _l("Aucune commande terminée n’attend d’être versée."),
    Wait.THRESHOLD: _l("%(amount)s attendent : vous avez choisi %(goal)s."),
    Wait.NO_WAY: _l(
        "%(amount)s attendent : aucun opérateur ne peut envoyer vers ce numéro maintenant."
    ),
    Wait.MINIMUM: _l("%(amount)s attendent : c’est moins que le plus petit envoi de l’opérateur."),
    Wait.MAXIMUM: _l(
        "%(amount)s attendent : la plus ancienne commande dépasse le plus grand envoi de"
        " l’opérateur. Retirez depuis votre portefeuille, en plusieurs fois."
    ),
    Wait.FLOAT: _l(
        "%(amount)s attendent : notre réserve chez l’opérateur est trop basse. Nous la"
        " remplissons et l’envoi part seul."
    ),
}


def why_it_waits(plan: Plan, terms: PayoutTerms) -> str:
    """Say why nothing can leave at this moment; empty when it can."""
    if plan.wait is None:
        return ""
    goal = Money(terms.threshold_amount or 0, plan.amount.currency)
    places = {"amount": amount_text(plan.amount), "goal": amount_text(goal)}
    return str(_WHY[plan.wait]) % places


def when_next(terms: PayoutTerms, currency: str) -> str:
    """Say when the shop is paid next."""
    match Schedule(terms.schedule):
        case Schedule.ON_DEMAND:
            return str(_("Quand vous le demandez."))
        case Schedule.THRESHOLD:
            goal = Money(terms.threshold_amount or 0, currency)
            return str(_("Dès que vous atteignez %(goal)s.", goal=amount_text(goal)))
        case _other:
            assert terms.next_at is not None, "a schedule has a next moment"
            return str(_("Le %(moment)s.", moment=moment(terms.next_at, "short")))
