"""What a wallet's movements are called for people."""

from __future__ import annotations

from typing import Any, Final

from shop.i18n import _, _l, amount_text
from shop.ledger.service import StatementLine
from shop.money import Money
from shop.payments.models import Receipt
from shop.payments.states import Note
from shop.wallets.limits import Bound, Exceeded

#: From this many whole units on, paying from the wallet asks for the PIN.
PIN_ABOVE: Final = 20_000

_LABELS: Final[dict[str, Any]] = {
    "wallet_receipt": _l("Argent reçu sans commande à payer"),
    "wallet_claimed": _l("Argent reçu avant votre inscription"),
    "payout_requested": _l("Envoi vers un téléphone"),
    "payout_failed": _l("Envoi non abouti, argent revenu"),
    "escrow_released": _l("Vente terminée"),
    "payout_late": _l("Envoi arrivé après coup"),
    "debt_repaid": _l("Envoi arrivé après coup, argent repris"),
    "debt_collected": _l("Repris pour ce que vous nous deviez"),
    "order_refund": _l("Remboursement d’une commande"),
    "refund": _l("Remboursement"),
    "top_up_receipt": _l("Recharge"),
    "unblocked": _l("Argent débloqué"),
    "wallet_held": _l("Part d’une commande"),
    "wallet_voided": _l("Part d’une commande revenue"),
    "escrow_release": _l("Vente terminée"),
    "escrow_refund": _l("Commande remboursée"),
    "escrow_split": _l("Commande partagée"),
    "suspense_resolved": _l("Argent vérifié par notre équipe"),
    "wallet_corrected": _l("Correction, par deux personnes de notre équipe"),
    "tontine_contribution": _l("Cotisation de tontine"),
    "tontine_cash": _l("Espèces de la tontine"),
    "tontine_pot": _l("Pot reçu de la tontine"),
    "tontine_relief": _l("Secours de la tontine"),
    "tontine_taken_over": _l("Part de tontine reprise"),
    "cashback_returned": _l("Cashback redevenu cashback"),
}


def label(line: StatementLine) -> str:
    """Name a movement; one this version does not know is still shown, by its side."""
    known = _LABELS.get(line.event)
    if known is not None:
        return str(known)
    if line.event.startswith("tontine_"):
        return str(_("Tontine"))
    return str(_("Entrée") if line.moved.amount > 0 else _("Sortie"))


def needs_pin(amount: Money) -> bool:
    """Say whether paying this much from the wallet asks for the PIN."""
    return amount >= Money(PIN_ABOVE * 10**amount.exponent, amount.currency)


_KEPT: Final[dict[str, Any]] = {
    Note.OVER: _l("Vous avez envoyé plus que prévu : %(amount)s. Tout est à vous."),
    Note.SHORT: _l("Nous avons reçu %(amount)s, moins que prévu. Cet argent est à vous."),
    Note.LATE: _l("Votre recharge est arrivée après coup : %(amount)s."),
    Note.DOUBLE: _l("Rechargé deux fois ? Le second paiement, %(amount)s, est aussi à vous."),
    Note.WRONG_CURRENCY: _l("Nous avons reçu %(amount)s, dans une autre monnaie. C’est à vous."),
    Note.CONTRADICTION: _l(
        "La réponse de l’opérateur ne correspond pas à votre demande. Notre équipe vérifie."
    ),
}


def kept_sentence(receipt: Receipt, amount: str) -> str | None:
    """Say where surprising money of a top-up is; None for money that was just what it should be."""
    sentence = _KEPT.get(Note(receipt.note))
    return str(sentence) % {"amount": amount} if sentence is not None else None


_BOUNDS: Final[dict[Bound, Any]] = {
    Bound.OPERATION: _l("Au plus %(ceiling)s en une fois."),
    Bound.DAILY: _l("Au plus %(ceiling)s par jour : il reste %(left)s aujourd’hui."),
    Bound.MONTHLY: _l("Au plus %(ceiling)s par mois : il reste %(left)s ce mois-ci."),
    Bound.HELD: _l("Votre portefeuille peut contenir %(ceiling)s : il reste %(left)s de place."),
}


def ceiling_sentence(exceeded: Exceeded) -> str:
    """Say which ceiling stands in the way, and what is still possible."""
    words = {"ceiling": amount_text(exceeded.ceiling), "left": amount_text(exceeded.left)}
    return str(_BOUNDS[exceeded.bound]) % words
