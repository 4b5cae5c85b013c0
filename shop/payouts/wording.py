"""Where is my money? One sentence for each state of a payout, and for why it came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask_babel import force_locale

from shop import phone as phones
from shop import references
from shop.i18n import _l, amount_text, moment
from shop.payouts.models import Payout, Refund
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
        "phone": phones.masked(payout.payee_phone),
        "reason": reason(payout, language),
    }
    with force_locale(language):
        return str(_LATE if payout.late_ref else _SENTENCES[payout.state]) % words


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What is said of one refund to whoever paid: its state for tests, its tone for the eye."""

    state: str
    tone: str
    sentence: str


_ON_ITS_WAY: Final = _l("Remboursement de %(amount)s lancé vers le %(phone)s.")
_DONE: Final = _l("%(amount)s remboursés le %(when)s, réf. %(reference)s.")
_KEPT: Final = _l("Remboursement de %(amount)s : l’argent est dans votre portefeuille.")
_GIVEN_BACK: Final[dict[PayoutStatus, tuple[str, Any]]] = {
    PayoutStatus.SUCCEEDED: ("ok", _DONE),
    PayoutStatus.FAILED: (
        "att",
        _l("L’opérateur a refusé le renvoi de %(amount)s. L’argent est dans votre portefeuille."),
    ),
    PayoutStatus.CANCELLED: ("info", _KEPT),
}


def given_back(refund: Refund, payout: Payout | None, language: str) -> GivenBack:
    """Tell the payer where a refund is: on its way, arrived, or in the wallet (UX §10)."""
    with force_locale(language):
        if payout is None:
            words = {"amount": amount_text(refund.money)}
            return GivenBack("kept", "info", str(_KEPT) % words)
        tone, sentence = _GIVEN_BACK.get(payout.state, ("info", _ON_ITS_WAY))
        if payout.late_ref:
            tone, sentence = "ok", _DONE
        words = {
            "amount": amount_text(refund.money),
            "phone": phones.masked(payout.payee_phone),
            "when": moment(payout.settled_at) if payout.settled_at else "",
            "reference": references.spaced(payout.reference),
        }
        return GivenBack(payout.status, tone, str(sentence) % words)
