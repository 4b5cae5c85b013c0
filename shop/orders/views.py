"""The seller's orders: what to do first, one order with its next step, a slip to print, a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Response,
    abort,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from shop import clock
from shop.errors import NotFound
from shop.i18n import _, ngettext, refusal_sentence
from shop.orders import (
    door,
    export,
    figures,
    filters,
    fulfilment,
    sales,
    whereabouts,
    wording,
)
from shop.orders.filters import Filters
from shop.orders.models import SellerOrder
from shop.orders.refusals import CodeLocked, NeedsReason, NotThatStep, WrongCode
from shop.orders.states import Escrow, Stage
from shop.stores import access
from shop.stores.access import Role
from shop.stores.words import absolute

bp = Blueprint("seller_orders", __name__)

Page = str | BaseResponse | tuple[str, int]

#: What one tap may do to many orders.
BULK = {"accept": Stage.ACCEPTED, "ready": Stage.READY}
#: What a cashier may open: what the code is taken for, and what it was just taken for.
CASHIERS: Final = filters.TO_HAND_OVER | {Stage.HANDED_OVER}


@bp.get("/store/orders/")
@access.may(access.ALL, newcomers=True)
def show_sales() -> Page:
    """List the paid orders of the shop, under a tab and filters, page by page."""
    seat, asked = access.seat(), _filters()
    owner, after = seat.store.owner_id, request.args.get("after", "")
    tab, query, narrowed = asked.tab, asked.query, asked.conditions()
    page = sales.of_seller(owner, tab=tab, query=query, narrowed=narrowed, after=after)
    whole = not after and page.next is None  # all of them are here: nothing to count
    kept = asked.address
    return render_template(
        "orders/sales.html",
        sales=page,
        asked=asked,
        count=len(page.rows)
        if whole
        else sales.count(owner, tab=tab, query=query, narrowed=narrowed),
        most=sales.MOST_COUNTED,
        tabs=wording.TABS if seat.role is not Role.CASHIER else {},
        operators=filters.operators(),
        moneys={name: wording.MONEY[name].text for name in filters.MONEY},
        waiting=sales.waiting(owner),
        words=wording,
        figures=figures.of,
        store=seat.store,
        role=seat.role,
        done=_done(request.args.get("done", "")),
        here=_address(kept),
        place=_address(kept | ({"after": after} if after else {})),
        more=_address(kept | {"after": page.next}) if page.next else None,
        address=_address,
    )


def _filters() -> Filters:
    """Read the address; a cashier is shown what is to be handed over, and nothing of what is past."""
    found = filters.read(request.args)
    if access.seat().role is not Role.CASHIER:
        return found
    return replace(found, tab=None, money=None, only_to_hand_over=True)


def _address(asked: dict[str, str]) -> str:
    return "?" + urlencode(asked) if asked else ""


def _done(text: str) -> str:
    """Say how many orders the last tap changed; a strange number is no news."""
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        return ""
    count = int(text)
    return str(ngettext("%(num)s commande a avancé.", "%(num)s commandes ont avancé.", count))


@bp.post("/store/orders/")
@access.may(access.BACK_ROOM)
def change_many() -> Page:
    """Accept, or mark as ready, every order that is ticked and can be."""
    to = BULK.get(request.form.get("step", ""))
    if to is None:
        abort(400)
    ticked = request.form.getlist("order")[: sales.PAGE]
    done = fulfilment.sell_many(access.owner_id(), ticked, to, user_id=current_user.id)
    # The same filters and the same page as before the tap.
    place = _filters().address | {"after": request.args.get("after", "")[:40], "done": str(done)}
    kept = {name: value for name, value in place.items() if value}
    return redirect(url_for("seller_orders.show_sales") + _address(kept), 303)


@bp.get("/store/orders.csv")
@access.may(access.BACK_ROOM)
def sales_file() -> Response:
    """Give the same rows as the page as a file, as they are read: `;` for French Excel, or `,`."""
    asked = _filters()
    rows = export.rows_of(
        access.owner_id(),
        tab=asked.tab,
        query=asked.query,
        narrowed=asked.conditions(),
        separator="," if request.args.get("sep") == "," else ";",
    )
    # With its context: the database session lives until the last row has left.
    answer = Response(stream_with_context(rows), mimetype="text/csv")
    name, today = _("ventes"), f"{clock.now():%Y-%m-%d}"
    answer.headers["Content-Disposition"] = f"attachment; filename={name}-{today}.csv"
    return answer


@bp.get("/store/orders/<reference>/")
@access.may(access.ALL)
def show_sale(reference: str) -> Page:
    """Show one order: its next step first, its money, its place, its history."""
    return _sale(_own(reference))


def _own(reference: str) -> SellerOrder:
    """Give an order of the shop, if it is for this person to see. Raises `NotFound`."""
    part = sales.own(access.owner_id(), reference)
    if access.seat().role is Role.CASHIER and part.state not in CASHIERS:
        raise NotFound("not to be handed over")
    return part


def _sale(part: SellerOrder, problem: str = "", status: int = 200) -> tuple[str, int]:
    bill = door.bill_of(part) if part.door else None
    page = render_template(
        "orders/sale.html",
        part=part,
        order=part.order,
        can=_steps(part),
        role=access.seat().role,
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


def _steps(part: SellerOrder) -> set[str]:
    can = wording.seller_can(part)
    return can & {"hand-over"} if access.seat().role is Role.CASHIER else can


@bp.post("/store/orders/<reference>/<step>/")
@access.may(access.ALL)
def take_step(reference: str, step: str) -> Page:
    """Take one step, or hand over with the code; what is wrong is said on the same page."""
    to = Stage.HANDED_OVER if step == "hand-over" else wording.SELLER_STEPS.get(step)
    owner, by, cashier = access.owner_id(), current_user.id, access.seat().role is Role.CASHIER
    if to is None or (cashier and to is not Stage.HANDED_OVER):
        raise NotFound("no such step for this person")
    sale = _own(reference).reference
    try:
        if to is Stage.HANDED_OVER:
            fulfilment.hand_over(owner, sale, request.form.get("code", ""), user_id=by)
        else:
            fulfilment.sell(owner, sale, to, request.form.get("words", ""), user_id=by)
    except (WrongCode, CodeLocked, NeedsReason) as refusal:
        return _sale(_own(sale), _problem(refusal), 422)
    except NotThatStep:
        if _own(sale).state is not to:
            raise  # another step was faster; a second tap on this one is no news
    return redirect(url_for("seller_orders.show_sale", reference=sale), 303)


def _problem(refusal: WrongCode | CodeLocked | NeedsReason) -> str:
    sentence = refusal_sentence(refusal.code)
    if not isinstance(refusal, WrongCode):
        return sentence
    left = ngettext("Il reste %(num)s essai.", "Il reste %(num)s essais.", refusal.left)
    return f"{sentence} {left}"


@bp.post("/store/orders/<reference>/bill/")
@access.may(access.ALL)
def ask_bill(reference: str) -> Page:
    """Send the buyer the link that pays at the door by mobile money."""
    part = _own(reference)
    door.bill(part, tell=True)
    return redirect(url_for("seller_orders.show_sale", reference=part.reference), 303)


@bp.get("/store/orders/<reference>/slip/")
@access.may(access.ALL)
def slip(reference: str) -> Page:
    """Show what goes on the parcel: who, where, what; no price and no code."""
    part = _own(reference)
    return render_template("orders/slip.html", part=part, order=part.order)
