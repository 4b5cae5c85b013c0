"""What the messages say (UX §10): each fits one SMS part with its longest real values."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import force_locale

from shop.i18n import _, amount_text, moment
from shop.money import Money
from shop.notices.gsm7 import plain, shortened
from shop.references import spaced

#: Shop and reason names may be 60 letters; a message has room for fewer.
NAME_PLACES = 20
REASON_PLACES = 40


def sign_in_code(code: str, *, language: str) -> str:
    """Give the code; the last line lets the phone fill it in on our page and on no other."""
    with force_locale(language):
        return plain(
            _(
                "%(code)s est votre code %(site)s. Ne le donnez à personne. Valable 10 min.",
                code=code,
                site=current_app.config["SETTINGS"].site_name,
            )
            + f"\n@{_host().partition(':')[0]} #{code}"
        )


def order_paid(reference: str, paid: Money, access_token: str, *, language: str) -> str:
    """Tell the buyer that the money arrived and is kept."""
    with force_locale(language):
        return plain(
            _(
                "Paiement reçu : %(amount)s, commande %(reference)s. Argent gardé jusqu’à la"
                " livraison. Suivi : %(link)s",
                amount=amount_text(paid),
                reference=spaced(reference),
                link=f"{_host()}/o/{access_token}/",
            )
        )


def sale(reference: str, store: str, sold: Money, *, language: str) -> str:
    """Tell the seller that a paid order is there to prepare."""
    with force_locale(language):
        return plain(
            _(
                "%(store)s : nouvelle commande %(reference)s, %(amount)s, paiement garanti."
                " Détails : %(link)s",
                store=shortened(store, NAME_PLACES),
                reference=spaced(reference),
                amount=amount_text(sold),
                link=f"{_host()}/store/orders/",
            )
        )


def payment_failed(order_reference: str, reason: str, *, language: str) -> str:
    """Tell the buyer of a final failure, and where to try again."""
    with force_locale(language):
        return plain(
            _(
                "Paiement non abouti (%(reason)s). Rien n’a été débité. Réessayez : %(link)s",
                reason=shortened(reason, REASON_PLACES),
                link=f"{_host()}/order/{order_reference}/payment/",
            )
        )


def payment_not_seen(order_reference: str, reason: str, *, language: str) -> str:
    """Tell the buyer of an end that we inferred: the operator did not say that nothing was taken."""
    with force_locale(language):
        return plain(
            _(
                "Paiement non abouti (%(reason)s). À notre connaissance rien n’a été débité."
                " Réessayez : %(link)s",
                reason=shortened(reason, REASON_PLACES),
                link=f"{_host()}/order/{order_reference}/payment/",
            )
        )


def payment_verifying(payment_reference: str, provider: str, *, language: str) -> str:
    """Tell the buyer to wait, and not to pay twice."""
    with force_locale(language):
        return plain(
            _(
                "Nous vérifions votre paiement %(reference)s auprès de %(provider)s. Ne payez pas"
                " une 2e fois. Suivi : %(link)s",
                reference=spaced(payment_reference),
                provider=shortened(provider, NAME_PLACES),
                link=f"{_host()}/payment/{payment_reference}/status/",
            )
        )


def payment_reversed(reference: str, amount: Money, *, sold: bool, language: str) -> str:
    """Tell the payer that the operator took a payment back, and what that means."""
    with force_locale(language):
        if not sold:
            return plain(
                _(
                    "%(reference)s : l’opérateur a repris votre paiement de %(amount)s. Cet argent"
                    " nous est dû, votre portefeuille le rembourse d’abord.",
                    reference=spaced(reference),
                    amount=amount_text(amount),
                )
            )
        return plain(
            _(
                "Commande %(reference)s : l’opérateur a repris votre paiement de %(amount)s. Rien n’est"
                " versé au vendeur avant notre vérification.",
                reference=spaced(reference),
                amount=amount_text(amount),
            )
        )


def sale_reversed(reference: str, amount: Money, *, language: str) -> str:
    """Tell a seller that the operator took the payment of a sale back."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s : l’opérateur a repris le paiement de %(amount)s. N’envoyez rien"
                " avant notre réponse.",
                reference=spaced(reference),
                amount=amount_text(amount),
            )
        )


def money_kept(kept: Money, order_reference: str, *, language: str) -> str:
    """Tell the payer that surprising money is in their wallet."""
    with force_locale(language):
        return plain(
            _(
                "%(amount)s reçus en trop ou trop tard pour la commande %(reference)s sont dans votre"
                " portefeuille : %(link)s",
                amount=amount_text(kept),
                reference=spaced(order_reference),
                link=f"{_host()}/wallet/",
            )
        )


def top_up_arrived(arrived: Money, reference: str, *, language: str) -> str:
    """Tell the owner of a wallet that a top-up arrived."""
    with force_locale(language):
        return plain(
            _(
                "%(amount)s reçus, recharge %(reference)s. Votre portefeuille : %(link)s",
                amount=amount_text(arrived),
                reference=spaced(reference),
                link=f"{_host()}/wallet/",
            )
        )


def top_up_failed(reason: str, *, language: str) -> str:
    """Tell the owner of a wallet that a top-up failed, and where to try again."""
    with force_locale(language):
        return plain(
            _(
                "Recharge non aboutie (%(reason)s). Rien n’a été débité. Réessayez : %(link)s",
                reason=shortened(reason, REASON_PLACES),
                link=f"{_host()}/wallet/topup/",
            )
        )


def top_up_not_seen(reason: str, *, language: str) -> str:
    """Tell the owner of a wallet of an end that we inferred: the operator did not say it."""
    with force_locale(language):
        return plain(
            _(
                "Recharge non aboutie (%(reason)s). À notre connaissance rien n’a été débité."
                " Réessayez : %(link)s",
                reason=shortened(reason, REASON_PLACES),
                link=f"{_host()}/wallet/topup/",
            )
        )


def money_blocked(amount: Money, *, language: str) -> str:
    """Tell the owner of a wallet that money above a ceiling is kept apart, and theirs."""
    with force_locale(language):
        return plain(
            _(
                "%(amount)s dépassent votre plafond : ils restent à vous, bloqués jusqu’à ce qu’il y"
                " ait de la place. %(link)s",
                amount=amount_text(amount),
                link=f"{_host()}/wallet/",
            )
        )


def withdrawal_number_added(ending: str, usable_from: datetime, *, language: str) -> str:
    """Warn the proven number that money may soon be sent to another."""
    with force_locale(language):
        return plain(
            _(
                "Le numéro finissant par %(ending)s pourra recevoir vos retraits dès le %(when)s. Ce"
                " n’est pas vous ? %(link)s",
                ending=ending,
                when=moment(usable_from),
                link=f"{_host()}/account/",
            )
        )


def payout_sent(sent: Money, reference: str, operator: str, *, language: str) -> str:
    """Tell the payee that the operator took the payout on."""
    with force_locale(language):
        return plain(
            _(
                "%(amount)s en route vers vous par %(operator)s. Envoi %(reference)s. Suivi : %(link)s",
                amount=amount_text(sent),
                operator=shortened(operator, NAME_PLACES),
                reference=spaced(reference),
                link=f"{_host()}/wallet/",
            )
        )


def payout_arrived(sent: Money, reference: str, *, language: str) -> str:
    """Tell the payee that the money is on the phone."""
    with force_locale(language):
        return plain(
            _(
                "%(amount)s sont arrivés sur votre compte mobile money. Envoi %(reference)s.",
                amount=amount_text(sent),
                reference=spaced(reference),
            )
        )


def payout_returned(returned: Money, reference: str, reason: str, *, language: str) -> str:
    """Tell the user that a payout could not be delivered, and where the money is."""
    with force_locale(language):
        return plain(
            _(
                "Envoi %(reference)s non abouti (%(reason)s). %(amount)s sont dans votre"
                " portefeuille : %(link)s",
                reference=spaced(reference),
                reason=shortened(reason, REASON_PLACES),
                amount=amount_text(returned),
                link=f"{_host()}/wallet/",
            )
        )


def payout_late(sent: Money, reference: str, *, language: str) -> str:
    """Tell the user that a returned payout arrived after all, so that its return is taken back."""
    with force_locale(language):
        return plain(
            _(
                "L'envoi %(reference)s est arrivé après coup : %(amount)s. Ce que nous avions rendu est"
                " repris du portefeuille.",
                reference=spaced(reference),
                amount=amount_text(sent),
            )
        )


def payout_number_changed(store: str, ending: str, at: datetime, *, language: str) -> str:
    """Warn the former number of a shop that another one will be paid, while there is time to object."""
    with force_locale(language):
        return plain(
            _(
                "%(store)s : versements au numéro en %(ending)s dès le %(moment)s. Pas vous ?"
                " %(link)s",
                store=shortened(store, NAME_PLACES),
                ending=ending,
                moment=moment(at, "short"),
                link=f"{_host()}/store/payouts/settings/",
            )
        )


def refund_kept(returned: Money, order_reference: str, *, language: str) -> str:
    """Tell the payer that a refund is in the wallet, since no operator can carry it back."""
    with force_locale(language):
        return plain(
            _(
                "Remboursement de %(amount)s pour %(reference)s : cet argent est dans votre"
                " portefeuille : %(link)s",
                amount=amount_text(returned),
                reference=spaced(order_reference),
                link=f"{_host()}/wallet/",
            )
        )


def _host() -> str:
    public_url: str = current_app.config["SETTINGS"].public_url
    return urlsplit(public_url).netloc
