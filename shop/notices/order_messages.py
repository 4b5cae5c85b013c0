"""What the messages of an order's life say, after it is paid: each fits one SMS part (UX §10)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import force_locale

from shop.i18n import _, amount_text, moment
from shop.money import Money
from shop.notices.gsm7 import plain, shortened
from shop.notices.messages import NAME_PLACES
from shop.references import spaced


def accepted(reference: str, store: str, code: str, access_token: str, *, language: str) -> str:
    """Tell the buyer that the shop prepares the order, and the code to give at the door."""
    with force_locale(language):
        return plain(
            _(
                "%(store)s prépare la commande %(reference)s. Code à donner APRÈS avoir vu l’article :"
                " %(code)s. %(link)s",
                store=shortened(store, NAME_PLACES),
                reference=spaced(reference),
                code=code,
                link=_buyers(access_token),
            )
        )


def sent(reference: str, code: str, access_token: str, *, language: str) -> str:
    """Tell the buyer that the goods are on their way, with the code again."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s en route. Donnez le code %(code)s APRÈS avoir vu l’article."
                " Problème ? %(link)s",
                reference=spaced(reference),
                code=code,
                link=_buyers(access_token),
            )
        )


def asked(reference: str, store: str, access_token: str, *, language: str) -> str:
    """Ask the buyer whether the order arrived; nobody is paid before the answer."""
    with force_locale(language):
        return plain(
            _(
                "Avez-vous reçu la commande %(reference)s de %(store)s ? Sans réponse, rien n’est payé :"
                " %(link)s",
                reference=spaced(reference),
                store=shortened(store, NAME_PLACES),
                link=_buyers(access_token),
            )
        )


def refunded(reference: str, back: Money, access_token: str, *, language: str) -> str:
    """Tell the buyer that the order is off and where the money is."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s annulée : %(amount)s vous sont rendus. Où et pourquoi : %(link)s",
                reference=spaced(reference),
                amount=amount_text(back),
                link=_buyers(access_token),
            )
        )


def part_refunded(reference: str, back: Money, access_token: str, *, language: str) -> str:
    """Tell the buyer that something of a paid order is given back."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s : %(amount)s vous sont rendus. Où et pourquoi : %(link)s",
                reference=spaced(reference),
                amount=amount_text(back),
                link=_buyers(access_token),
            )
        )


def part_taken_back(reference: str, amount: Money, *, language: str) -> str:
    """Tell the seller that a refund of a paid sale is on their account."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s remboursée à l’acheteur : %(amount)s à votre charge. Détail dans"
                " Mes versements.",
                reference=spaced(reference),
                amount=amount_text(amount),
            )
        )


def shared(reference: str, back: Money, access_token: str, *, language: str) -> str:
    """Tell the buyer what staff decided to give back."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s, décision prise : %(amount)s vous sont rendus."
                " Où et pourquoi : %(link)s",
                reference=spaced(reference),
                amount=amount_text(back),
                link=_buyers(access_token),
            )
        )


def seller_is_paid(reference: str, store: str, access_token: str, *, language: str) -> str:
    """Tell the buyer that the money went to the seller without a tap of theirs."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s remise : %(store)s est payé. Ce n’était pas vous ? %(link)s",
                reference=spaced(reference),
                store=shortened(store, NAME_PLACES),
                link=_buyers(access_token),
            )
        )


def answer_soon(reference: str, until: datetime, *, language: str) -> str:
    """Remind the seller that a paid order waits for an answer."""
    with force_locale(language):
        return plain(
            _(
                "Acceptez ou refusez la commande %(reference)s avant %(until)s, sinon l’acheteur est"
                " remboursé. %(link)s",
                reference=spaced(reference),
                until=moment(until, "short"),
                link=_sellers(reference),
            )
        )


def deliver_soon(reference: str, until: datetime, *, language: str) -> str:
    """Remind the seller of the promised delivery."""
    with force_locale(language):
        return plain(
            _(
                "Envoyez la commande %(reference)s avant %(until)s, sinon l’acheteur est remboursé."
                " %(link)s",
                reference=spaced(reference),
                until=moment(until, "short"),
                link=_sellers(reference),
            )
        )


def buyer_looks(reference: str, until: datetime, *, language: str) -> str:
    """Tell the seller that the goods arrived, and when the money follows."""
    with force_locale(language):
        return plain(
            _(
                "L’acheteur a reçu la commande %(reference)s. L’argent arrive le %(until)s, sauf"
                " problème. %(link)s",
                reference=spaced(reference),
                until=moment(until, "short"),
                link=_sellers(reference),
            )
        )


def money_arrived(reference: str, net: Money, *, language: str) -> str:
    """Tell the seller that the order's money is theirs."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s terminée : %(amount)s sont à vous. Détails : %(link)s",
                reference=spaced(reference),
                amount=amount_text(net),
                link=_sellers(reference),
            )
        )


def order_lost(reference: str, *, language: str) -> str:
    """Tell the seller that the buyer has the money back."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s annulée, l’acheteur est remboursé. Pourquoi : %(link)s",
                reference=spaced(reference),
                link=_sellers(reference),
            )
        )


def staff_looks(reference: str, access_token: str | None, *, language: str) -> str:
    """Tell one side that a person looks, and that the money waits; the buyer's link opens by a token."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s : nous vérifions avec vous deux. L’argent reste gardé. %(link)s",
                reference=spaced(reference),
                link=_buyers(access_token) if access_token else _sellers(reference),
            )
        )


def new_message(reference: str, access_token: str | None, *, language: str) -> str:
    """Tell one side that the other wrote; what was written stays on the page."""
    with force_locale(language):
        return plain(
            _(
                "Nouveau message sur la commande %(reference)s. Lire et répondre : %(link)s",
                reference=spaced(reference),
                link=_talk(reference, access_token),
            )
        )


def problem_reported(reference: str, amount: Money, *, language: str) -> str:
    """Tell the seller that the buyer reports a problem and what is frozen."""
    with force_locale(language):
        return plain(
            _(
                "Problème signalé, commande %(reference)s : %(amount)s gelés. Proposez une solution :"
                " %(link)s",
                reference=spaced(reference),
                amount=amount_text(amount),
                link=_talk(reference, None),
            )
        )


def offer_made(reference: str, until: datetime, access_token: str | None, *, language: str) -> str:
    """Tell one side that the other proposes a solution, and until when it stands."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s : une solution vous est proposée, valable jusqu’au %(until)s."
                " %(link)s",
                reference=spaced(reference),
                until=moment(until, "short"),
                link=_talk(reference, access_token),
            )
        )


def decision_made(
    reference: str, until: datetime, access_token: str | None, *, language: str
) -> str:
    """Tell one side that staff has decided, and until when that can be contested."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s : décision prise. Contestez avant %(until)s, sinon elle"
                " s’applique. %(link)s",
                reference=spaced(reference),
                until=moment(until, "short"),
                link=_talk(reference, access_token),
            )
        )


def problem_over(reference: str, access_token: str | None, *, language: str) -> str:
    """Tell one side that the dispute ended without money: the order goes on."""
    with force_locale(language):
        return plain(
            _(
                "Commande %(reference)s : le problème est réglé, la commande continue. %(link)s",
                reference=spaced(reference),
                link=_talk(reference, access_token),
            )
        )


def _talk(reference: str, access_token: str | None) -> str:
    # The seller's conversation has its own page: that of the order begins when it is paid.
    return _buyers(access_token) if access_token else f"{_sellers(reference)}messages/"


def _buyers(access_token: str) -> str:
    return f"{_host()}/o/{access_token}/"


def _sellers(reference: str) -> str:
    return f"{_host()}/store/orders/{reference}/"


def _host() -> str:
    public_url: str = current_app.config["SETTINGS"].public_url
    return urlsplit(public_url).netloc
