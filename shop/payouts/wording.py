"""Where is my money? One sentence for each state of a payout, and for why it came back."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import force_locale

from shop.i18n import _l
from shop.payouts.models import Payout
from shop.payouts.states import PayoutStatus
from shop.providers.reasons import Reason

LABELS: Final = {
    PayoutStatus.REQUESTED: _l("Demandé"),
    PayoutStatus.HELD: _l("En attente de contrôle"),
    PayoutStatus.SENDING: _l("Envoi en cours"),
    PayoutStatus.PENDING: _l("En route"),
    PayoutStatus.UNKNOWN: _l("Envoi en vérification"),
    PayoutStatus.SUCCEEDED: _l("Arrivé"),
    PayoutStatus.FAILED: _l("Rendu"),
    PayoutStatus.CANCELLED: _l("Envoi annulé"),
    PayoutStatus.REVIEW: _l("Vérifié par notre équipe"),
}

_SENTENCES: Final[dict[PayoutStatus, Any]] = {
    PayoutStatus.REQUESTED: _l(
        "%(amount)s sont mis de côté et partent bientôt vers le %(phone)s. Vous pouvez encore annuler."
    ),
    PayoutStatus.HELD: _l(
        "%(amount)s sont mis de côté : nous contrôlons cet envoi avant de le faire partir."
    ),
    PayoutStatus.SENDING: _l("Nous demandons à %(operator)s d’envoyer %(amount)s au %(phone)s."),
    PayoutStatus.PENDING: _l("%(operator)s a accepté d’envoyer %(amount)s au %(phone)s."),
    PayoutStatus.UNKNOWN: _l(
        "%(operator)s n’a pas encore confirmé l’envoi de %(amount)s. Nous vérifions :"
        " rien ne part deux fois, rien n’est perdu."
    ),
    PayoutStatus.SUCCEEDED: _l("%(amount)s sont arrivés sur le %(phone)s."),
    PayoutStatus.FAILED: _l(
        "L’envoi n’a pas abouti (%(reason)s). %(amount)s sont revenus dans votre portefeuille."
    ),
    PayoutStatus.CANCELLED: _l("Envoi annulé. %(amount)s sont revenus dans votre portefeuille."),
    PayoutStatus.REVIEW: _l(
        "%(operator)s ne dit pas ce qu’est devenu l’envoi de %(amount)s. Notre équipe le lui demande ;"
        " l’argent reste mis de côté."
    ),
}

_LATE: Final = _l(
    "%(amount)s sont arrivés sur le %(phone)s après coup. Ce que nous avions rendu est repris du"
    " portefeuille."
)

_REASONS: Final[dict[str, Any]] = {
    Reason.NOT_REGISTERED: _l("pas de compte mobile money à ce numéro"),
    Reason.WRONG_OPERATOR: _l("numéro d’un autre opérateur"),
    Reason.LIMIT: _l("plafond du bénéficiaire atteint"),
    Reason.AMOUNT: _l("montant hors limites"),
    Reason.OPERATOR_DOWN: _l("opérateur injoignable"),
    Reason.BLOCKED: _l("compte du bénéficiaire bloqué"),
}


def reason(payout: Payout, language: str) -> str:
    """Say in a few words why the money came back."""
    with force_locale(language):
        return str(_REASONS.get(payout.reason or "", _l("refusé par l’opérateur")))


def sentence(payout: Payout, *, amount: str, operator: str, language: str) -> str:
    """Say where the money is now; `amount` as the page writes it, `operator` as people call it."""
    words = {
        "amount": amount,
        "operator": operator,
        "phone": payout.payee_phone,
        "reason": reason(payout, language),
    }
    with force_locale(language):
        return str(_LATE if payout.late_ref else _SENTENCES[payout.state]) % words
