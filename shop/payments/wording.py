"""What a payment's state is called for people: titles, reasons and next steps (UX §4.3, §5, §10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from flask_babel import force_locale

from shop import clock
from shop.i18n import _l
from shop.payments.models import Payment, Receipt
from shop.payments.states import Note, PaymentStatus
from shop.providers import PROVIDERS
from shop.providers.methods import Consent, Method, rows
from shop.providers.reasons import Reason

#: Age in seconds from which the waiting page says more.
STILL_WAITING_S: Final = 90


class Phase(StrEnum):
    """What the status page shows, by state and age: the table of UX §4.3."""

    APPROVE = "approve"
    STILL = "still"
    VERIFYING = "verifying"
    EXPIRED = "expired"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: The public word of each phase, the `data-state` of pages and of the JSON twin.
PUBLIC_STATES: Final = {
    Phase.APPROVE: "pending",
    Phase.STILL: "pending",
    Phase.VERIFYING: "verifying",
    Phase.EXPIRED: "expired",
    Phase.SUCCEEDED: "succeeded",
    Phase.FAILED: "failed",
    Phase.CANCELLED: "cancelled",
}

TITLES: Final = {
    Phase.APPROVE: _l("Validez sur votre téléphone"),
    Phase.STILL: _l("Toujours en attente"),
    Phase.VERIFYING: _l("Vérification en cours"),
    Phase.EXPIRED: _l("Demande expirée"),
    Phase.SUCCEEDED: _l("Payé"),
    Phase.FAILED: _l("Paiement non abouti"),
    Phase.CANCELLED: _l("Paiement annulé"),
}

#: The same in a word or two, for rows of a list.
LABELS: Final = {
    Phase.APPROVE: _l("En attente"),
    Phase.STILL: _l("En attente"),
    Phase.VERIFYING: _l("Vérification"),
    Phase.EXPIRED: _l("Expiré"),
    Phase.SUCCEEDED: _l("Payé"),
    Phase.FAILED: _l("Non abouti"),
    Phase.CANCELLED: _l("Annulé"),
}


def phase(payment: Payment, method: Method) -> Phase:
    """Say what to show for an attempt at its present age."""
    if payment.state in _FIXED:
        return _FIXED[payment.state]
    age_s = (clock.now() - payment.created_at).total_seconds()
    if age_s > method.session_s:
        return Phase.EXPIRED
    if payment.state is PaymentStatus.UNKNOWN or age_s > method.approve_window_s:
        return Phase.VERIFYING
    return Phase.APPROVE if age_s <= STILL_WAITING_S else Phase.STILL


def phase_lasts_s(payment: Payment, method: Method) -> float:
    """Say for how many seconds age alone will not change the phase."""
    if payment.state in _FIXED:
        return float("inf")
    age_s = (clock.now() - payment.created_at).total_seconds()
    turns = (STILL_WAITING_S, method.approve_window_s, method.session_s)
    return min((turn - age_s for turn in turns if turn > age_s), default=float("inf"))


_FIXED: Final = {
    PaymentStatus.SUCCEEDED: Phase.SUCCEEDED,
    PaymentStatus.FAILED: Phase.FAILED,
    PaymentStatus.CANCELLED: Phase.CANCELLED,
    PaymentStatus.REVIEW: Phase.VERIFYING,
}

_SHORT: Final[dict[str, Any]] = {
    Reason.INSUFFICIENT_FUNDS: _l("solde insuffisant"),
    Reason.DECLINED: _l("demande refusée"),
    Reason.TIMEOUT: _l("pas validé à temps"),
    Reason.BAD_CODE: _l("code faux ou expiré"),
    Reason.NOT_REGISTERED: _l("pas de compte mobile money"),
    Reason.WRONG_OPERATOR: _l("autre opérateur"),
    Reason.LIMIT: _l("plafond atteint"),
    Reason.AMOUNT: _l("montant hors limites"),
    Reason.TOO_SOON: _l("demande trop rapprochée"),
    Reason.OPERATOR_DOWN: _l("opérateur en panne"),
    Reason.PAYER_MISMATCH: _l("autre numéro payeur"),
    Reason.BLOCKED: _l("compte bloqué"),
    Note.SHORT: _l("montant incomplet"),
    Note.WRONG_CURRENCY: _l("autre monnaie"),
}


def short_reason(reason: str | None, language: str) -> str:
    """Name a reason in a few words, for a message or a row."""
    with force_locale(language):
        return str(_SHORT.get(reason or "", _l("refusé par l’opérateur")))


@dataclass(frozen=True, slots=True)
class Ending:
    """Why it failed, in a sentence, and the label of the best next step."""

    sentence: str
    step: str


def ending(payment: Payment, method: Method, total: str) -> Ending:
    """Explain a failed attempt; `total` is the amount as the page writes it."""
    words = {
        "total": total,
        "operator": method.label,
        "ussd": method.ussd,
        "minutes": max(1, method.cooldown_s // 60),
    }
    sentence, step = _ENDINGS.get(payment.reason or "", _REFUSED)
    return Ending(str(sentence) % words, str(step))


_AGAIN = _l("Recommencer")
_OTHER = _l("Choisir un autre moyen")
_REFUSED = (
    _l("%(operator)s a refusé le paiement sans dire pourquoi. Rien n’a été débité."),
    _OTHER,
)
_ENDINGS: Final[dict[str, tuple[Any, Any]]] = {
    Reason.INSUFFICIENT_FUNDS: (
        _l("Solde insuffisant sur ce compte. Il faut %(total)s, frais compris."),
        _OTHER,
    ),
    Reason.DECLINED: (
        _l("Vous avez refusé la demande sur le téléphone. Rien n’a été débité."),
        _AGAIN,
    ),
    Reason.TIMEOUT: (
        _l("La demande n’a pas été validée à temps. À notre connaissance rien n’a été débité."),
        _l("Renvoyer la demande"),
    ),
    Reason.BAD_CODE: (
        _l("Le code n’est pas bon ou il a expiré. Demandez un nouveau code."),
        _l("Nouveau code"),
    ),
    Reason.NOT_REGISTERED: (
        _l("Ce numéro n’a pas de compte mobile money chez %(operator)s."),
        _l("Autre numéro"),
    ),
    Reason.WRONG_OPERATOR: (
        _l("Ce numéro n’appartient pas à %(operator)s."),
        _l("Choisir l’opérateur"),
    ),
    Reason.LIMIT: (
        _l("Plafond de votre compte atteint pour aujourd’hui ou ce mois-ci."),
        _OTHER,
    ),
    Reason.AMOUNT: (_l("Montant hors limites pour %(operator)s."), _OTHER),
    Reason.TOO_SOON: (
        _l("Attendez %(minutes)s minutes avant de redemander le même montant."),
        _AGAIN,
    ),
    Reason.OPERATOR_DOWN: (
        _l(
            "%(operator)s ne répond pas pour le moment. À notre connaissance rien n’a été débité,"
            " et votre commande est gardée."
        ),
        _OTHER,
    ),
    Reason.PAYER_MISMATCH: (
        _l("Le paiement doit venir du numéro que vous avez donné."),
        _AGAIN,
    ),
    Reason.BLOCKED: (
        _l("Ce compte ne peut pas payer en ligne. Contactez votre opérateur."),
        _OTHER,
    ),
    Note.WRONG_CURRENCY: (
        _l("L’opérateur a envoyé une autre monnaie que prévu. La commande n’est pas payée."),
        _AGAIN,
    ),
    Note.SHORT: (
        _l("L’opérateur a envoyé moins que prévu. La commande n’est pas payée."),
        _AGAIN,
    ),
}


def kept_sentence(receipt: Receipt, amount: str) -> str | None:
    """Say where surprising money is; None for money that paid just what it should."""
    sentence = _KEPT.get(Note(receipt.note))
    return str(sentence) % {"amount": amount} if sentence is not None else None


_KEPT: Final[dict[str, Any]] = {
    Note.OVER: _l("Vous avez payé plus que prévu. Le surplus est dans votre portefeuille."),
    Note.SHORT: _l(
        "Nous avons reçu %(amount)s, moins que prévu. Cet argent est dans votre portefeuille."
    ),
    Note.LATE: _l("Votre paiement est arrivé après coup : %(amount)s. Il paie cette commande."),
    Note.DOUBLE: _l(
        "Payé deux fois ? Le second paiement, %(amount)s, est dans votre portefeuille."
    ),
    Note.NOT_WANTED: _l(
        "Votre paiement est arrivé après coup. %(amount)s sont dans votre portefeuille."
    ),
    Note.WRONG_CURRENCY: _l(
        "Nous avons reçu %(amount)s, dans une autre monnaie. Cet argent est dans votre portefeuille."
    ),
    Note.CONTRADICTION: _l(
        "La réponse de l’opérateur ne correspond pas à votre demande. Notre équipe vérifie."
    ),
}


def through(method: Method) -> str:
    """Say in a few words where the payer will say yes, for the line under an operator."""
    words = {"page": page_owner(method), "operator": method.label, "ussd": method.ussd}
    return str(_THROUGH[method.consent]) % words


_THROUGH: Final[dict[str, Any]] = {
    Consent.PUSH: _l("demande sur le téléphone"),
    Consent.GUIDED: _l("SMS, puis composez %(ussd)s"),
    Consent.OTP_BEFORE: _l("code à demander avant, au %(ussd)s"),
    Consent.OTP_AFTER: _l("code reçu par SMS"),
    Consent.REDIRECT: _l("sur la page %(page)s"),
    Consent.APP: _l("dans l’application %(operator)s"),
}


def page_owner(method: Method) -> str:
    """Name whose page opens: an aggregator's own, else the operator's."""
    served = {row.operator for row in rows() if row.provider == method.provider}
    return PROVIDERS[method.provider].label if len(served) > 1 else method.label


def gesture(method: Method, phone: str, total: str) -> str:
    """Say what to do on the phone, in the operator's own gesture (UX §3.4, §10)."""
    words = {
        "phone": phone, "total": total, "operator": method.label, "ussd": method.ussd,
        "page": page_owner(method),
    }  # fmt: skip
    if method.consent is Consent.PUSH and method.fallback is Consent.GUIDED:
        return str(
            _l(
                "Vous allez voir un message à l’écran, ou recevoir un SMS avec un code à composer."
                " Les deux marchent."
            )
        )
    return str(_GESTURES[method.consent]) % words


_GESTURES: Final[dict[str, Any]] = {
    Consent.PUSH: _l(
        "Un message s’affiche sur le %(phone)s. Tapez votre code secret pour accepter %(total)s."
    ),
    Consent.GUIDED: _l(
        "Vous recevez un SMS de %(operator)s. Composez %(ussd)s, choisissez l’option d’approbation,"
        " puis votre code."
    ),
    Consent.OTP_BEFORE: _l("%(operator)s vérifie le code que vous avez recopié."),
    Consent.OTP_AFTER: _l("%(operator)s envoie un code par SMS au %(phone)s."),
    Consent.REDIRECT: _l("Continuez sur la page de %(page)s et validez %(total)s."),
    Consent.APP: _l("Ouvrez %(operator)s et confirmez %(total)s. Revenez ensuite ici."),
}
