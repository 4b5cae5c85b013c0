"""The cart, and the one page between it and the payment."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.accounts.session import adopt_guest, current_payer
from shop.checkout import cart, choosing, codes, service
from shop.checkout.cart import Cart
from shop.checkout.forms import CheckoutForm
from shop.i18n import _, language, refusal_sentence
from shop.orders import access
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.quoting import Choice
from shop.orders.refusals import BadQuantity, CodeGone, NoDelivery, NoSuchCode, OrderRefused
from shop.phone import international
from shop.stores.delivery import open_points
from shop.stores.models import DeliveryZone, PickupPoint, Store
from shop.stores.service import zones_of
from shop.web import form_key, public

bp = Blueprint("checkout", __name__)

Page = str | Response | tuple[str, int]

#: Which field an order's refusal is shown beside; others are shown on top.
BESIDE: Final = {NoDelivery.code: "quarter"}


def _one(name: str) -> str:
    """Read a field that must come exactly once: twice the same name is somebody trying something (B1)."""
    values = request.form.getlist(name)
    if len(values) != 1:
        raise BadQuantity(f"{name} came {len(values)} times")
    return values[0]


def _place() -> tuple[str, str] | None:
    known = cookie.get("place")
    return (known[0], known[1]) if known else None


@bp.get("/cart/")
@public
def show_cart() -> Page:
    """Show the cart, shop by shop, with what changed since."""
    return _cart_page()


def _cart_page(**values: object) -> str:
    return render_template(
        "checkout/cart.html", cart=_shown(), place=_place(), codes=codes.kept(), **values
    )


def _shown() -> Cart:
    """Price the cart with the codes it carries, brought where the buyer last said."""
    with_codes = {store_id: Choice(code=code) for store_id, code in codes.kept().items()}
    return cart.view(_place(), with_codes)


@bp.post("/cart/add/")
@public
def add() -> Page:
    """Put a product in the cart."""
    cart.add(_one("product"), cart.quantity(_one("quantity")))
    return redirect(url_for("checkout.show_cart"), 303)


@bp.post("/cart/set/")
@public
def change() -> Page:
    """Set a quantity: the number typed, or one more, or one less."""
    code, step = _one("product"), request.form.get("step")
    try:
        if step in ("more", "less"):
            cart.change(code, cart.quantity_of(code) + (1 if step == "more" else -1))
        else:
            cart.change(code, cart.quantity(_one("quantity")))
    except BadQuantity as refusal:
        wrong = {f"q-{code}": refusal_sentence(refusal.code)}
        return _cart_page(errors=wrong, typed=request.form.get("quantity", "")[:8]), 422
    return redirect(url_for("checkout.show_cart"), 303)


@bp.post("/cart/code/")
@public
def use_code() -> Page:
    """Use a seller's discount code on their part of the cart."""
    text, buyer = _one("code")[:40], current_payer()
    try:
        codes.use(_shown(), text, buyer.phone if buyer else None)
    except (NoSuchCode, CodeGone) as refusal:
        return _cart_page(errors={"code": codes.sentence(refusal)}, typed_code=text), 422
    return redirect(url_for("checkout.show_cart"), 303)


@bp.post("/cart/code/drop/")
@public
def drop_code() -> Page:
    """Buy without a code after all."""
    codes.drop(_one("code"))
    return redirect(url_for("checkout.show_cart"), 303)


@bp.get("/cart/set/")
@bp.get("/cart/code/")
@public
def after_change() -> Page:
    """Go back to the cart: its error page has this address, and people reload it."""
    return redirect(url_for("checkout.show_cart"), 303)


@bp.post("/cart/remove/")
@public
def remove() -> Page:
    """Take an article out of the cart."""
    cart.remove(_one("product"))
    return redirect(url_for("checkout.show_cart"), 303)


@bp.route("/checkout/", methods=["GET", "POST"])
@public
def checkout() -> Page:
    """Ask where to deliver, then place the order and go to its payment."""
    buyer = current_payer()
    shown = _shown()
    chosen = choosing.asked(request.form, shown, codes.kept())
    form = CheckoutForm(
        buyer,
        _towns(shown),
        fetched=choosing.all_fetched(chosen),
        data=_known(buyer) if request.method == "GET" else None,
    )
    if request.method == "POST":
        first = _placed_before(form, buyer)
        if first is not None:
            return _to_payment(first)
    if not shown.ready:
        return redirect(url_for("checkout.show_cart"), 303)
    if not form.validate_on_submit():
        return _page(form, shown, chosen)
    if not form.fetched:
        cookie["place"] = [form.town.data, form.quarter.data]
    shown = cart.view(_place(), chosen)
    if form.seen.data != str(shown.items.amount):
        return _page(form, shown, chosen, changed=True)
    try:
        order = _ordered(form, shown, chosen)
    except OrderRefused as refusal:
        _show(refusal, form)
        return _page(form, cart.view(_place(), chosen), chosen)
    cart.clear()
    return _to_payment(order)


def _placed_before(form: CheckoutForm, buyer: User | None) -> Order | None:
    """Find what this very form already ordered: its cart may be empty by now (B4)."""
    order = orders.by_form_key(form.form_key.data or "")
    if order is None:
        return None
    if buyer is not None and buyer.id == order.user_id:
        return order
    form.validate()
    return service.placed_by(order.form_key, form.number) if form.number else None


def _ordered(form: CheckoutForm, shown: Cart, chosen: dict[int, Choice]) -> Order:
    wish = service.Wish(shown.lines, form.contact, form.form_key.data, language(), chosen)
    return service.order(form.buyer, wish)


def _to_payment(order: Order) -> Response:
    """Let this browser pay the order it placed, and go there."""
    guest = accounts.unclaimed_guest(order.user_id)
    if guest is not None:
        adopt_guest(guest)
    access.remember(order)
    return redirect(f"/order/{order.reference}/payment/", 303)


def _show(refusal: OrderRefused, form: CheckoutForm) -> None:
    sentence = refusal_sentence(refusal.code)
    if isinstance(refusal, CodeGone):
        sentence = codes.sentence(refusal)
    words = (
        _("%(name)s : %(sentence)s", name=refusal.name, sentence=sentence)
        if refusal.name
        else sentence
    )
    if refusal.code in BESIDE:
        form[BESIDE[refusal.code]].errors = [words]
    else:
        form.form_errors = [words]


def _page(
    form: CheckoutForm, shown: Cart, chosen: dict[int, Choice], *, changed: bool = False
) -> Page:
    if not form.form_key.data or form.form_key.errors:
        form.form_key.data = form_key()
    form.seen.data = str(shown.items.amount)
    zones = [zone for part, _rows in shown.groups for zone in zones_of(part.store)]
    page = render_template(
        "checkout/checkout.html",
        form=form,
        cart=shown,
        changed=changed,
        quarters=sorted({zone.quarter for zone in zones if zone.quarter}),
        offers=choosing.offers(shown, chosen),
        # Somebody who fetches everything need not say where they live: the server asks those who must.
        needs_address=not any(open_points(part.store) for part, _rows in shown.groups),
        zones_of=zones_of,
        number=international(form.payer.phone) if form.payer else None,
    )
    return page, 422 if form.errors or changed else 200


def _towns(shown: Cart) -> list[str]:
    """List the towns every shop of the cart delivers to, else all of them: the refusal then says whose."""
    served = [_served(part.store) for part, _rows in shown.groups]
    return sorted(set.intersection(*served) or set.union(*served)) if served else []


def _served(store: Store) -> set[str]:
    places: list[DeliveryZone | PickupPoint] = [*zones_of(store), *open_points(store)]
    return {place.town for place in places}


def _known(buyer: User | None) -> dict[str, object]:
    """Fill in what was said before: nobody is asked twice."""
    known: dict[str, object] = {"country": buyer.country if buyer else "CI"}
    if buyer is not None:
        known |= {"name": buyer.name, "phone": buyer.phone}
        for last in orders.of_user(buyer.id, limit=1):
            known |= {"town": last.town, "quarter": last.quarter, "landmark": last.landmark}
    place = _place()
    return known | ({"town": place[0], "quarter": place[1]} if place else {})
