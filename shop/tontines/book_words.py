"""The book's lines in words: what happened, who did it, its facts without a number nobody understands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from shop.accounts.models import User
from shop.db import session
from shop.i18n import _, _l, amount_text
from shop.tontines import book
from shop.tontines.bureau_models import Event
from shop.tontines.desk import Desk
from shop.tontines.models import Member

WORDS: Final[dict[str, Any]] = {
    "created": _l("Groupe créé"),
    "opened": _l("Groupe ouvert"),
    "rules": _l("Règlement publié"),
    "cycle": _l("Cycle ouvert"),
    "invited": _l("Invitation faite"),
    "invite_revoked": _l("Invitation fermée"),
    "joined": _l("Entrée d’un membre"),
    "asked_to_join": _l("Demande pour entrer"),
    "join_decided": _l("Demande jugée"),
    "accepted": _l("Règlement accepté"),
    "shares": _l("Parts prises"),
    "office": _l("Fonction donnée"),
    "draw_committed": _l("Tirage engagé"),
    "word_added": _l("Mot ajouté au tirage"),
    "draw_revealed": _l("Tirage montré"),
    "draw_void": _l("Tirage nul"),
    "locked": _l("Cycle lancé, ordre fixé"),
    "round_opened": _l("Tour ouvert"),
    "paid": _l("Cotisation reçue"),
    "cash_recorded": _l("Espèces notées"),
    "cash_refused": _l("Espèces refusées"),
    "standing_order": _l("Paiement automatique"),
    "standing_order_short": _l("Paiement automatique impossible"),
    "auction_opened": _l("Enchère ouverte"),
    "bid": _l("Offre"),
    "bid_shown": _l("Offre montrée"),
    "auction_won": _l("Enchère gagnée"),
    "counted": _l("Tour compté"),
    "round_empty": _l("Tour sans bénéficiaire"),
    "to_sign": _l("Sortie d’argent à signer"),
    "signed": _l("Signature"),
    "not_signed": _l("Signatures expirées"),
    "received": _l("Pot reçu"),
    "pot_paid": _l("Tour versé"),
    "turns_exchanged": _l("Tours échangés"),
    "swap_asked": _l("Échange proposé"),
    "swap_done": _l("Échange fait"),
    "swap_refused": _l("Échange refusé"),
    "guarantor_asked": _l("Garant demandé"),
    "guarantor_accepted": _l("Garant engagé"),
    "relief_asked": _l("Secours demandé"),
    "relief_paid": _l("Secours versé"),
    "waiver_asked": _l("Grâce d’amende demandée"),
    "fine_waived": _l("Amende levée"),
    "share_offered": _l("Part proposée"),
    "taken_over": _l("Part reprise"),
    "share_left": _l("Part retirée"),
    "leaver_repaid": _l("Partant remboursé"),
    "exclusion_told": _l("Exclusion annoncée"),
    "excluded": _l("Membre exclu"),
    "death": _l("Décès"),
    "meeting_opened": _l("Réunion ouverte"),
    "meeting_closed": _l("Réunion close"),
    "discounts_shared": _l("Décotes partagées"),
    "given_back": _l("Cautions et restes rendus"),
    "cycle_closing": _l("Fin du cycle"),
    "cycle_closed": _l("Cycle clos"),
    "cancelled": _l("Cycle annulé"),
    "frozen": _l("Groupe gelé"),
    "unfrozen": _l("Groupe dégelé"),
}
#: Facts that are whole minor units of the circle's currency.
_MONEY: Final = frozenset(
    {"amount", "net", "gross", "reliquat", "covered", "refund", "exit_fee", "fines", "discount",
     "set_off", "retention", "fee", "pool", "cash", "cap", "ahead", "still_owed", "still_to_pay"}
)  # fmt: skip
_LABELS: Final[dict[str, Any]] = {
    "amount": _l("montant"), "net": _l("net"), "gross": _l("brut"), "reliquat": _l("encore dû"),
    "covered": _l("couvert"), "refund": _l("rendu"), "exit_fee": _l("frais de départ"),
    "fines": _l("amendes"), "discount": _l("décote"), "set_off": _l("retenu"),
    "retention": _l("gardé"), "fee": _l("frais"), "pool": _l("à partager"), "cash": _l("espèces"),
    "cap": _l("jusqu’à"), "ahead": _l("d’avance"), "still_owed": _l("encore dû"),
    "still_to_pay": _l("reste à verser"), "round": _l("tour"), "share": _l("part"),
    "shares": _l("parts"), "codes": _l("parts"), "member": _l("membre"), "version": _l("version"),
    "reason": _l("raison"), "place": _l("lieu"), "number": _l("cycle"), "reference": _l("reçu"),
    "name": _l("nom"), "order_hash": _l("empreinte de l’ordre"), "sha256": _l("empreinte"),
    "commitment": _l("engagement"), "beacon": _l("numéro public"), "present": _l("présents"),
    "minutes": _l("empreinte du procès-verbal"), "own": _l("part"), "other": _l("contre"),
}  # fmt: skip
#: What relief is given for (R23); any other reason was typed by a person.
RELIEF: Final[dict[str, Any]] = {
    "death": _l("Décès"), "illness": _l("Maladie"), "birth": _l("Naissance"),
    "marriage": _l("Mariage"), "fire": _l("Incendie"),
}  # fmt: skip
_HASHES: Final = frozenset({"order_hash", "sha256", "commitment", "minutes"})


class Words:
    """Words for some lines: the names they need are read at once."""

    def __init__(self, desk: Desk, lines: Sequence[Event]) -> None:
        self._desk = desk
        facts = [book.facts_of(line) for line in lines]
        ids = {fact["member"] for fact in facts if isinstance(fact.get("member"), int)}
        actors = {line.actor_id for line in lines if line.actor_id is not None}
        self._members = _names(Member.id, ids)
        self._users = _names(Member.user_id, actors, tontine_id=desk.tontine.id)

    def who(self, line: Event) -> str:
        """Name who did it; the clock has a name too."""
        if line.actor_id is None:
            return str(_("l’horloge"))
        return self._users.get(line.actor_id) or str(_("quelqu’un"))

    def what(self, line: Event) -> str:
        """Say what happened."""
        return str(WORDS.get(line.what, line.what))

    def detail(self, line: Event) -> str:
        """Say the facts that a person understands, in their order."""
        facts = book.facts_of(line)
        said = (self._fact(name, value) for name, value in facts.items() if name in _LABELS)
        return " · ".join(text for text in said if text)

    def _fact(self, name: str, value: object) -> str:
        if value in (None, "", [], 0):
            return ""
        return f"{_LABELS[name]} {self._value(name, value)}"

    def _value(self, name: str, value: object) -> str:
        if name in _MONEY and isinstance(value, int):
            return amount_text(self._desk.money(value))
        if name == "member" and isinstance(value, int):
            return self._members.get(value, "")
        if name == "reason":
            return str(RELIEF.get(str(value), value))
        if name in _HASHES:
            return str(value)[:8]
        if isinstance(value, list):
            shown = ", ".join(str(each) for each in value[:12])
            return shown + ("…" if len(value) > 12 else "")
        return str(value)


def _names(column: Any, ids: set[Any], *, tontine_id: int | None = None) -> dict[int, str]:
    query = sa.select(column, User.name).join(User, User.id == Member.user_id)
    query = query.where(column.in_(ids))
    if tontine_id is not None:
        query = query.where(Member.tontine_id == tontine_id)
    return dict(iter(session.execute(query)))
