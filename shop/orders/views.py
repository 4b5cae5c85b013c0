"""The seller's sales: what was paid, what is ours of it, what the seller will receive."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from flask_login import current_user

from shop.orders import sales
from shop.stores.service import store_of
from shop.web import signed_in

bp = Blueprint("seller_orders", __name__)


@bp.get("/store/orders/")
@signed_in
def show_sales() -> str:
    """List the paid orders of the seller's own shops."""
    query = request.args.get("q", "").strip()[:80]
    page = sales.of_seller(current_user.id, query=query, after=request.args.get("after", ""))
    more = {"q": query} if query else {}
    return render_template(
        "orders/sales.html",
        sales=page,
        query=query,
        store=store_of(current_user.id),
        more="?" + urlencode(more | {"after": page.next}) if page.next else None,
    )
