"""The seller's orders: what to do first, one order with its next step, a slip to print, a file."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from shop import clock
from shop.i18n import _, ngettext, refusal_sentence
from shop.orders import door, export, figures, fulfilment, sales, whereabouts, wording
from shop.orders.models import SellerOrder
from shop.orders.refusals import CodeLocked, NeedsReason, NotThatStep, WrongCode
from shop.orders.states import Escrow, Stage, Tab
from shop.stores.service import store_of
from shop.stores.words import absolute
from shop.web import signed_in

bp = Blueprint("seller_orders", __name__)

Page = str | BaseResponse | tuple[str, int]

#: What one tap may do to many orders.
BULK = {"accept": Stage.ACCEPTED, "ready": Stage.READY}


@bp.get("/store/orders/")
@signed_in
def show_sales() -> Page:
    """List the paid orders of the seller's own shops, under a tab, page by page."""
    tab, query = _tab(), _query()
    page = sales.of_seller(
        current_user.id, tab=tab, query=query, after=request.args.get("after", "")
    )
    kept = {k: v for k, v in (("tab", tab), ("q", query)) if v}
    return render_template(
        "orders/sales.html",
        sales=page,
        query=query,
        tab=tab,
        tabs=wording.TABS,
        waiting=sales.waiting(current_user.id),
        words=wording,
        figures=figures.of,
        store=store_of(current_user.id),
        done=_done(request.args.get("done", "")),
        here="?" + urlencode(kept) if kept else "",
        more="?" + urlencode(kept | {"after": page.next}) if page.next else None,
    )


def _tab() -> Tab | None:
    text = request.args.get("tab", "")
    return Tab(text) if text in set(Tab) else None


def _query() -> str:
    return request.args.get("q", "").strip()[:80]


def _done(text: str) -> str:
    """Say how many orders the last tap changed; a strange number is no news."""
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        return ""
    count = int(text)
    return str(ngettext("%(num)s commande a avancé.", "%(num)s commandes ont avancé.", count))


@bp.post("/store/orders/")
@signed_in
def change_many() -> Page:
    """Accept, or mark as ready, every order that is ticked and can be."""
    to = BULK.get(request.form.get("step", ""))
    if to is None:
        abort(400)
    ticked = request.form.getlist("order")[: sales.PAGE]
    done = fulfilment.sell_many(current_user.id, ticked, to)
    back = url_for("seller_orders.show_sales", tab=_tab(), q=_query() or None, done=done)
    return redirect(back, 303)


@bp.get("/store/orders.csv")
@signed_in
def sales_file() -> Response:
    """Give the same rows as the page as a file: `;` for French Excel, or `,`."""
    separator = "," if request.args.get("sep") == "," else ";"
    rows = export.rows_of(current_user.id, tab=_tab(), query=_query(), separator=separator)
    # Written whole: behind the compressor, a streamed file would outlive its database session.
    answer = Response("".join(rows), mimetype="text/csv")
    name, today = _("ventes"), f"{clock.now():%Y-%m-%d}"
    answer.headers["Content-Disposition"] = f"attachment; filename={name}-{today}.csv"
    return answer


@bp.get("/store/orders/<reference>/")
@signed_in
def show_sale(reference: str) -> Page:
    """Show one order: its next step first, its money, its place, its history."""
    return _sale(sales.own(current_user.id, reference))


def _sale(part: SellerOrder, problem: str = "", status: int = 200) -> tuple[str, int]:
    bill = door.bill_of(part) if part.door else None
    page = render_template(
        "orders/sale.html",
        part=part,
        order=part.order,
        can=wording.seller_can(part),
        goods=wording.goods(part),
        bill=bill,
        bill_link=absolute(f"/o/{bill.access_token}/") if bill else "",
        owed=door.cash_commission(part),
        money=wording.MONEY[Escrow(part.escrow)],
        sums=figures.of(part),
        sentence=whereabouts.for_seller(part, whereabouts.of(part)),
        history=wording.history(part),
        problem=problem,
    )
    return page, status


@bp.post("/store/orders/<reference>/<step>/")
@signed_in
def take_step(reference: str, step: str) -> Page:
    """Take one step, or hand over with the code; what is wrong is said on the same page."""
    to = Stage.HANDED_OVER if step == "hand-over" else wording.SELLER_STEPS.get(step)
    if to is None:
        abort(404)
    sale = sales.own(current_user.id, reference).reference
    try:
        if to is Stage.HANDED_OVER:
            fulfilment.hand_over(current_user.id, sale, request.form.get("code", ""))
        else:
            fulfilment.sell(current_user.id, sale, to, request.form.get("words", ""))
    except (WrongCode, CodeLocked, NeedsReason) as refusal:
        return _sale(sales.own(current_user.id, sale), _problem(refusal), 422)
    except NotThatStep:
        if sales.own(current_user.id, sale).state is not to:
            raise  # another step was faster; a second tap on this one is no news
    return redirect(url_for("seller_orders.show_sale", reference=sale), 303)


def _problem(refusal: WrongCode | CodeLocked | NeedsReason) -> str:
    sentence = refusal_sentence(refusal.code)
    if not isinstance(refusal, WrongCode):
        return sentence
    left = ngettext("Il reste %(num)s essai.", "Il reste %(num)s essais.", refusal.left)
    return f"{sentence} {left}"


@bp.post("/store/orders/<reference>/bill/")
@signed_in
def ask_bill(reference: str) -> Page:
    """Send the buyer the link that pays at the door by mobile money."""
    part = sales.own(current_user.id, reference)
    door.bill(part, tell=True)
    return redirect(url_for("seller_orders.show_sale", reference=part.reference), 303)


@bp.get("/store/orders/<reference>/slip/")
@signed_in
def slip(reference: str) -> Page:
    """Show what goes on the parcel: who, where, what; no price and no code."""
    part = sales.own(current_user.id, reference)
    return render_template("orders/slip.html", part=part, order=part.order)
