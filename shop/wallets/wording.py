"""What a wallet's movements are called for people."""

from __future__ import annotations

from typing import Any, Final

from shop.i18n import _, _l
from shop.ledger.service import StatementLine

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
    "escrow_refund": _l("Remboursement d’une commande"),
    "escrow_split": _l("Part d’une commande partagée"),
    "refund": _l("Remboursement"),
}


def label(line: StatementLine) -> str:
    """Name a movement; one this version does not know is still shown, by its side."""
    known = _LABELS.get(line.event)
    if known is not None:
        return str(known)
    return str(_("Entrée") if line.moved.amount > 0 else _("Sortie"))
