"""A seller's orders as a file for a spreadsheet: the rows of the page, every figure of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.i18n import _, moment
from shop.orders import figures, sales, wording
from shop.orders.models import SellerOrder
from shop.orders.states import Escrow, Tab
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus, Purpose
from shop.references import spaced

#: Rows read at once, however long the file.
CHUNK: Final = 200
#: A cell that begins so is a formula to a spreadsheet, whoever typed it.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: French Excel reads accents only behind this sign.
BOM: Final = "\ufeff"


def rows_of(
    owner_id: int,
    *,
    tab: Tab | None,
    query: str,
    narrowed: Sequence[sa.ColumnElement[bool]] = (),
    separator: str = ";",
) -> Iterator[str]:
    """Write the file piece by piece; `;` begins with the sign that French Excel wants, `,` does not."""
    yield (BOM if separator == ";" else "") + _written([_head()], separator)
    after: str | None = ""
    while after is not None:
        page = sales.of_seller(
            owner_id, tab=tab, query=query, narrowed=narrowed, after=after, size=CHUNK
        )
        paid = _payments([part.order_id for part in page.rows])
        yield _written((_row(part, paid.get(part.order_id)) for part in page.rows), separator)
        after = page.next


def _head() -> list[str]:
    return [
        _("commande"), _("date"), _("client"), _("articles"), _("monnaie"), _("brut"), _("livraison"),
        _("réduction"), _("à la porte"), _("commission"), _("frais opérateur"), _("remboursé"), _("net"),
        _("espèces"), _("commission due"), _("moyen"), _("paiement"),
        _("livraison, état"), _("argent, état"), _("versé le"),
    ]  # fmt: skip


def _row(part: SellerOrder, payment: Payment | None) -> list[str]:
    sums = figures.of(part)
    assert part.paid_at is not None, "only paid orders are listed"
    released = part.closed_at if part.escrow in (Escrow.RELEASED, Escrow.SPLIT) else None
    return [
        spaced(part.reference), moment(part.paid_at), part.order.contact_name,
        ", ".join(f"{line.quantity} × {line.name}" for line in part.lines), part.currency,
        *(m.to_wire() for m in (sums.gross, sums.delivery, sums.discount, sums.at_door, sums.commission,
                                sums.operator_fee, sums.refunded, sums.net, part.cash, sums.owed)),
        payment.method if payment else "", spaced(payment.reference) if payment else "",
        str(wording.goods(part).text), str(wording.MONEY[Escrow(part.escrow)].text),
        moment(released) if released else "",
    ]  # fmt: skip


def _payments(order_ids: Sequence[int]) -> dict[int, Payment]:
    """Find the attempt that paid each of these orders, all in one statement."""
    query = sa.select(Payment).where(
        Payment.purpose == Purpose.ORDER,
        Payment.purpose_id.in_(order_ids),
        Payment.status == PaymentStatus.SUCCEEDED,
    )
    return {payment.purpose_id: payment for payment in session.scalars(query)}


def _written(rows: Iterable[Sequence[str]], separator: str) -> str:
    text = StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """Put a sign before what a spreadsheet would run; a plain number is left a number."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
