"""« Où est mon argent ? »: one sentence per seller order, for each side, computed from the books (D2).

Nothing here reads the row's own amounts: what is said is what the escrow account received and gave. The
row only says who is waited for, and until when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.i18n import _, amount_text, moment
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money, total
from shop.orders import refund_rows
from shop.orders.models import SellerOrder
from shop.orders.refund_models import OrderRefund, Source
from shop.orders.states import Escrow, Stage
from shop.payouts.models import Payout, Refund


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the francs of one seller order are, as the books say."""

    held: Money
    to_seller: Money
    kept: Money
    to_buyer: Money
    at: datetime | None
    """When the escrow was last moved."""
    later: Money
    """What the buyer got back after it was closed."""
    from_seller: Money
    """What of that the seller bears."""
    closed_by: str = ""
    """The word that its last movement's key begins with: `release`, `refund`, `split`."""

    @property
    def escrow(self) -> Escrow:
        """The state of the escrow that these amounts amount to."""
        return Escrow.HELD if self.held else _CLOSED_BY.get(self.closed_by, Escrow.NONE)


_CLOSED_BY: Final = {
    "release": Escrow.RELEASED,
    "refund": Escrow.REFUNDED,
    "split": Escrow.SPLIT,
}


def of(part: SellerOrder) -> Whereabouts:
    """Follow a seller order's money through the books."""
    lines = ledger.statement(chart.escrow(part.id, part.currency))
    went = {
        end: total([-line.moved for line in lines if _end(line) == end], part.currency)
        for end in ("seller", "commission", "buyer")
    }
    return Whereabouts(
        held=lines[0].balance if lines else Money(0, part.currency),
        to_seller=went["seller"],
        kept=went["commission"],
        to_buyer=went["buyer"],
        at=lines[0].at if lines else None,
        closed_by=lines[0].key.partition(":")[0] if lines else "",
        **_later(part),
    )


def _later(part: SellerOrder) -> dict[str, Money]:
    """Add up what went back after the escrow was closed, and the seller's part of it, by the books."""
    later = (Source.SELLER, Source.PLATFORM)
    ids = [row.id for row in refund_rows.of_part(part) if row.source in later]
    ends = ("seller", "commission", "fee", "present")
    moved = ledger.amounts_of([f"order-refund:{id_}:{end}" for id_ in ids for end in ends])
    of_seller = [amount for key, amount in moved.items() if key.endswith(":seller")]
    return {
        "later": Money(sum(moved.values()), part.currency),
        "from_seller": Money(sum(of_seller), part.currency),
    }


def _end(line: ledger.StatementLine) -> str:
    """Say where a movement went: what left for neither the seller nor us went back to the buyer."""
    if line.moved.amount > 0:
        return "in"
    end = line.key.rpartition(":")[2]
    return end if end in ("seller", "commission") else "buyer"


def for_buyer(part: SellerOrder, where: Whereabouts) -> str:
    """Tell the buyer where the money is, what moves it next, and what already came back."""
    told, places = _to_buyer(part, where), _places(part, where)
    if where.later:
        then = _("Ensuite %(later)s vous ont été rendus.", **places)
        return f"{told} {then}"
    if where.to_buyer and where.escrow in (Escrow.HELD, Escrow.RELEASED):
        then = _("%(back)s vous avaient déjà été rendus.", **places)
        return f"{told} {then}"
    return told


def _to_buyer(part: SellerOrder, where: Whereabouts) -> str:
    places = _places(part, where) | {"amount": amount_text(where.held)}
    match where.escrow:
        case Escrow.NONE:
            return str(_("Cette commande n’est pas encore payée."))
        case Escrow.HELD:
            return _buyer_waits(part, places)
        case Escrow.RELEASED:
            paid = amount_text(where.to_seller + where.kept)
            return str(
                _("%(paid)s ont été payés à %(store)s le %(at)s.", **places | {"paid": paid})
            )
        case Escrow.REFUNDED:
            return _back_with_buyer(part, places)
        case Escrow.SPLIT:
            paid = amount_text(where.to_seller + where.kept)
            return str(
                _(
                    "%(back)s vous ont été rendus et %(paid)s payés à %(store)s le %(at)s.",
                    **places | {"paid": paid},
                )
            )


def part_refund_key(row: OrderRefund) -> str:
    """Name the one request to send the refund of a part on to the phone that paid."""
    return f"order-refund:{row.id}"


def refund_key(part: SellerOrder) -> str:
    """Name the one request to send a refund on to the phone that paid."""
    return f"seller-order:{part.reference}"


def _back_with_buyer(part: SellerOrder, places: dict[str, str]) -> str:
    """Follow a refund on its way from the wallet to the phone, by the books of its payout."""
    reference = session.scalar(
        sa.select(Payout.reference)
        .join(Refund, Refund.payout_id == Payout.id)
        .where(Refund.form_key == refund_key(part))
    )
    if reference and ledger.balance(chart.hold(reference, part.currency)):
        return str(_("%(back)s repartent vers le numéro qui a payé.", **places))
    if reference and ledger.first_transfer(f"payout-succeeded:{reference}"):
        return str(_("%(back)s ont été renvoyés au numéro qui a payé.", **places))
    return str(_("%(back)s sont revenus dans votre portefeuille le %(at)s.", **places))


def _buyer_waits(part: SellerOrder, places: dict[str, str]) -> str:
    if part.disputed_at:
        return _frozen(places)
    if part.staff_since:
        return str(
            _("%(amount)s restent gardés chez nous : nous vérifions avec vous deux.", **places)
        )
    match part.state:
        case Stage.TO_ACCEPT:
            return str(
                _(
                    "%(amount)s sont gardés chez nous. Le vendeur répond avant le %(until)s, sinon vous"
                    " êtes remboursé.",
                    **places,
                )
            )
        case Stage.ASKED:
            return str(
                _(
                    "%(amount)s sont gardés chez nous. Dites si l’article est arrivé : sans votre réponse,"
                    " le vendeur n’est pas payé.",
                    **places,
                )
            )
        case Stage.RECEIVED:
            return str(
                _(
                    "%(amount)s sont gardés chez nous jusqu’au %(until)s, puis payés au vendeur.",
                    **places,
                )
            )
        case Stage.SENT:
            return str(
                _(
                    "%(amount)s sont gardés chez nous jusqu’à ce que vous ayez l’article en main.",
                    **places,
                )
            )
        case _:
            return str(
                _(
                    "%(amount)s sont gardés chez nous. Le vendeur envoie avant le %(until)s, sinon vous"
                    " êtes remboursé.",
                    **places,
                )
            )


def for_seller(part: SellerOrder, where: Whereabouts) -> str:
    """Tell the seller where the money is, what moves it next, and what the buyer got back of it."""
    told, places = _to_seller(part, where), _places(part, where)
    if where.later:
        then = _(
            "Ensuite %(later)s ont été rendus à l’acheteur, dont %(borne)s à votre charge.",
            **places,
        )
        return f"{told} {then}"
    if where.to_buyer and where.escrow in (Escrow.HELD, Escrow.RELEASED):
        then = _("%(back)s avaient déjà été rendus à l’acheteur.", **places)
        return f"{told} {then}"
    return told


def _to_seller(part: SellerOrder, where: Whereabouts) -> str:
    expected = where.held - part.due_commission if where.held else where.to_seller
    places = _places(part, where) | {
        "net": amount_text(expected),
        "amount": amount_text(where.held),
    }
    match where.escrow:
        case Escrow.NONE:
            return str(_("Cette commande n’est pas encore payée."))
        case Escrow.HELD:
            return _seller_waits(part, places)
        case Escrow.RELEASED:
            return str(
                _(
                    "%(net)s ont été versés dans votre portefeuille le %(at)s (commission : %(kept)s).",
                    **places,
                )
            )
        case Escrow.REFUNDED:
            return str(_("%(back)s ont été rendus à l’acheteur le %(at)s.", **places))
        case Escrow.SPLIT:
            return str(
                _(
                    "%(net)s ont été versés dans votre portefeuille le %(at)s, %(back)s rendus à l’acheteur"
                    " (commission : %(kept)s).",
                    **places,
                )
            )


def _frozen(places: dict[str, str]) -> str:
    """Say the same to both: during a dispute the whole amount belongs to neither yet."""
    return str(
        _(
            "%(amount)s sont gelés chez nous. Personne ne les reçoit avant votre accord ou notre décision.",
            **places,
        )
    )


def _seller_waits(part: SellerOrder, places: dict[str, str]) -> str:
    if part.disputed_at:
        return _frozen(places)
    if part.staff_since:
        return str(
            _("%(net)s restent gardés pour vous : nous vérifions avec l’acheteur.", **places)
        )
    match part.state:
        case Stage.TO_ACCEPT:
            return str(
                _(
                    "%(net)s vous attendent, gardés chez nous. Répondez avant le %(until)s, sinon l’acheteur"
                    " est remboursé.",
                    **places,
                )
            )
        case Stage.SENT | Stage.ASKED:
            return str(
                _(
                    "%(net)s sont gardés pour vous jusqu’au code de l’acheteur, ou à sa confirmation.",
                    **places,
                )
            )
        case Stage.RECEIVED:
            return str(_("L’acheteur a reçu : %(net)s vous sont versés le %(until)s.", **places))
        case _:
            return str(
                _(
                    "%(net)s sont gardés pour vous. Envoyez avant le %(until)s, sinon l’acheteur est"
                    " remboursé.",
                    **places,
                )
            )


def _places(part: SellerOrder, where: Whereabouts) -> dict[str, str]:
    return {
        "store": part.store.name,
        "until": moment(part.due_at, "short") if part.due_at else "",
        "at": moment(where.at, "short") if where.at else "",
        "kept": amount_text(where.kept),
        "back": amount_text(where.to_buyer),
        "later": amount_text(where.later),
        "borne": amount_text(where.from_seller),
    }
