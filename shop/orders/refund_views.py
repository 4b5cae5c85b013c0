"""The seller gives money back: how much, why, then who bears which franc, then yes."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from shop import queue
from shop.i18n import _, amount_text, refusal_sentence
from shop.money import Money, MoneyError
from shop.orders import refund_rows, refund_wording, refunding, sales
from shop.orders.models import SellerOrder
from shop.orders.policy import OF_SELLER, AboveSale, Cause, Shares
from shop.orders.refunding import Wanted
from shop.orders.refusals import BadReason, NeedsReason
from shop.web import form_key, signed_in

bp = Blueprint("seller_refunds", __name__)

Page = str | BaseResponse | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form holds, as it was typed."""

    key: str = ""
    amount: str = ""
    cause: str = ""
    words: str = ""

    @classmethod
    def read(cls) -> Typed:
        """Take it from the form."""
        form = request.form
        return cls(
            form.get("form_key", "")[:40],
            form.get("amount", "").strip()[:20],
            form.get("cause", ""),
            form.get("words", "").strip()[: refund_rows.WORDS],
        )

    def wanted(self, currency: str) -> Wanted:
        """Read it strictly. Raises `MoneyError`, `BadReason`, `NeedsReason`."""
        amount = Money.typed(self.amount, currency)
        if self.cause not in set(OF_SELLER):
            raise BadReason(self.cause[:20])
        if not self.words:
            raise NeedsReason
        return Wanted(self.key, amount, Cause(self.cause), self.words)


@bp.get("/store/orders/<reference>/refund/")
@signed_in
def ask(reference: str) -> Page:
    """Ask how much of a sale goes back, and why."""
    return _page(sales.own(current_user.id, reference), Typed(form_key()))


@bp.post("/store/orders/<reference>/refund/")
@signed_in
def give(reference: str) -> Page:
    """Show who bears what; do it once the seller has said yes to exactly that."""
    part, typed = sales.own(current_user.id, reference), Typed.read()
    if not 16 <= len(typed.key) <= 40:
        return _page(part, Typed(form_key()), _("Rechargez la page et recommencez."))
    try:
        wanted = typed.wanted(part.currency)
        if refund_rows.found(wanted.form_key) is None:
            shares = refund_rows.planned(part, wanted.amount, wanted.cause)
            if request.form.get("sure") != wanted.amount.to_wire():
                return _page(part, typed, shares=shares)
        refunding.by_seller(current_user.id, part.reference, wanted)
    except MoneyError:
        return _page(part, typed, _("Écrivez le montant en chiffres, sans décimales."))
    except AboveSale as above:
        left = amount_text(above.left)
        return _page(part, typed, _("Au plus %(left)s peuvent encore être rendus.", left=left))
    except (BadReason, NeedsReason) as refused:
        return _page(part, typed, refusal_sentence(refused.code))
    queue.ring("return_parts")
    return redirect(url_for("seller_orders.show_sale", reference=part.reference), 303)


def _page(
    part: SellerOrder, typed: Typed, problem: str = "", shares: Shares | None = None
) -> tuple[str, int]:
    page = render_template(
        "orders/refund.html",
        part=part,
        typed=typed,
        causes={cause: refund_wording.CAUSES[cause] for cause in OF_SELLER},
        left=refund_rows.left(part, Cause.MISSING),
        rows=refund_wording.rows(shares, part) if shares else [],
        shares=shares,
        problem=problem,
        given=[(row, refund_wording.CAUSES[Cause(row.cause)]) for row in refund_rows.of_part(part)],
    )
    return page, 422 if problem else 200
