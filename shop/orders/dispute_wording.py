"""A dispute in words: its pill, its history, what each side may do next."""

from __future__ import annotations

from typing import Final

from shop import clock
from shop.i18n import _l, amount_text
from shop.money import Money
from shop.orders import disputes
from shop.orders.dispute_states import BOTH_SIDES
from shop.orders.dispute_states import Dispute as State
from shop.orders.states import Actor
from shop.orders.talk_models import Dispute, DisputeEvent, DisputeProposal
from shop.orders.wording import Moment, Pill

PILLS: Final = {
    State.OPEN: Pill(_l("Problème signalé"), "att"),
    State.DECIDED: Pill(_l("Décision prise"), "att"),
    State.APPEALED: Pill(_l("Décision contestée"), "att"),
    State.AGREED: Pill(_l("Accord trouvé"), "ok"),
    State.WITHDRAWN: Pill(_l("Problème retiré"), "ok"),
    State.EXECUTED: Pill(_l("Décision appliquée"), "ok"),
}
_STEPS: Final[dict[tuple[str, str], object]] = {
    ("reported", "buyer"): _l("L’acheteur signale un problème : l’argent est gelé"),
    ("reversed", "staff"): _l("L’opérateur a repris le paiement : l’argent est gelé"),
    ("offer_refund", "buyer"): _l("L’acheteur demande à être remboursé"),
    ("offer_refund", "seller"): _l("Le vendeur propose de tout rembourser"),
    ("offer_replace", "buyer"): _l("L’acheteur demande un autre article"),
    ("offer_replace", "seller"): _l("Le vendeur propose un autre article"),
    ("offer_share", "buyer"): _l("L’acheteur demande une part du prix"),
    ("offer_share", "seller"): _l("Le vendeur propose de rendre une part du prix"),
    ("agreed", "buyer"): _l("L’acheteur accepte la proposition"),
    ("agreed", "seller"): _l("Le vendeur accepte la proposition"),
    ("withdrawn", "buyer"): _l("L’acheteur retire son signalement : la commande continue"),
    ("to_staff", "clock"): _l("Pas d’accord en trois jours : notre équipe regarde"),
    ("decided", "staff"): _l("Notre équipe a décidé"),
    ("appealed", "buyer"): _l("L’acheteur conteste la décision"),
    ("appealed", "seller"): _l("Le vendeur conteste la décision"),
    ("executed", "clock"): _l("Décision appliquée : personne ne l’a contestée à temps"),
    ("executed", "staff"): _l("Notre équipe a revu la décision : elle est appliquée"),
}


def history(dispute: Dispute) -> list[Moment]:
    """Tell what happened in a dispute, oldest first; amounts as people write them."""
    return [
        Moment(e.at, _STEPS[e.what, e.actor], _words(e, dispute.currency))
        for e in disputes.history(dispute)
    ]


def _words(event: DisputeEvent, currency: str) -> str:
    if not event.what.startswith("offer_"):
        return event.words
    back = Money.from_wire(event.words, currency)
    return amount_text(back) if back else ""


def can(dispute: Dispute, offer: DisputeProposal | None, actor: Actor) -> set[str]:
    """Name what one side may do now: propose, accept, withdraw, appeal."""
    found = {
        name
        for name, to in (("withdraw", State.WITHDRAWN), ("appeal", State.APPEALED))
        if disputes.can(dispute, to, actor)
    }
    if actor in BOTH_SIDES and disputes.can(dispute, State.AGREED, actor):
        found.add("propose")
        if offer and offer.actor != actor and offer.due_at > clock.now():
            found.add("accept")
    return found
