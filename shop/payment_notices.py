"""What a payment's payer is told by message, once per fact, in the language they bought in."""

from __future__ import annotations

from flask import current_app
from flask_babel import force_locale

from shop import references
from shop.i18n import _, amount_text
from shop.notices import service as notices
from shop.orders.models import Order
from shop.payments.models import Payment, Receipt
from shop.payments.states import Disposition


def paid(payment: Payment, order: Order) -> None:
    """Tell the payer that the order is paid, and each seller that one has come."""
    with force_locale(payment.language):
        notices.put(
            key=f"paid:{payment.reference}",
            phone=payment.payer_phone,
            kind="payment_paid",
            text=_(
                "Paiement recu : %(amount)s pour la commande %(order)s. Suivi : %(link)s",
                amount=amount_text(payment.money),
                order=references.spaced(order.reference),
                link=f"{_site()}/o/{order.access_token}/",
            ),
        )


def not_completed(payment: Payment) -> None:
    """Tell the payer that the attempt ended without money, as far as the provider says."""
    with force_locale(payment.language):
        notices.put(
            key=f"failed:{payment.reference}",
            phone=payment.payer_phone,
            kind="payment_failed",
            text=_(
                "Paiement %(reference)s non abouti. Reessayez ou changez de moyen : %(link)s",
                reference=references.spaced(payment.reference),
                link=f"{_site()}/payment/{payment.reference}/status/",
            ),
        )


def kept(payment: Payment, receipt: Receipt) -> None:
    """Tell the payer that money came which pays nothing, and where it is."""
    with force_locale(payment.language):
        where = (
            _("dans votre portefeuille")
            if receipt.disposition == Disposition.WALLET
            else _("en verification chez nous")
        )
        notices.put(
            key=f"kept:{receipt.provider}:{receipt.transaction_ref}",
            phone=payment.payer_phone,
            kind="payment_kept",
            text=_(
                "Nous avons recu %(amount)s (%(reference)s). Cet argent est %(where)s.",
                amount=amount_text(receipt.money),
                reference=references.spaced(payment.reference),
                where=where,
            ),
        )


def _site() -> str:
    url: str = current_app.config["SETTINGS"].public_url
    return url
