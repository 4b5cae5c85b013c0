"""A seller's back room. Every object is looked up among the seller's own: others' do not exist here."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import clock
from shop.earnings import boards, windows
from shop.i18n import refusal_sentence
from shop.orders import figures, sales, wording
from shop.stores import access, approval, photos, service, words
from shop.stores.access import BACK_ROOM, Role, may, owner_id
from shop.stores.forms import EditForm, ProductForm, StoreForm
from shop.stores.models import Product, Store
from shop.web import form_key, signed_in

bp = Blueprint("seller", __name__, url_prefix="/store")

Page = Response | str | tuple[str, int]

#: Below this, a seller is told to think of it.
LOW_STOCK = 3

#: Sales shown before the link to all of them.
LATEST = 3


@bp.get("/")
@may(access.ALL, newcomers=True)
def home() -> Page:
    """Show what is to do, what is for sale, and the way to the orders."""
    seat = access.seat()
    if seat.role is Role.CASHIER:
        return redirect(url_for("seller_orders.show_sales"), 303)
    store = seat.store
    products = service.own_products(store.owner_id)
    return render_template(
        "seller/home.html",
        board=boards.of(store, windows.read(request.args, clock.now().date())),
        presets=[windows.last(days, clock.now().date()) for days in (7, 30, 90)],
        waiting=sales.waiting(store.owner_id),
        store=store,
        products=products,
        sales=sales.of_seller(store.owner_id).rows[:LATEST],
        low=[p for p in products if p.status == "active" and p.stock <= LOW_STOCK],
        share=words.share_store(store.name, store.slug),
        role=seat.role,
        seats=access.seats(),
        words=wording,
        figures=figures.of,
    )


@bp.route("/open/", methods=["GET", "POST"])
@signed_in
def open_store() -> Page:
    """Open a shop: one form, then straight to the first product."""
    if service.store_of(current_user.id):
        return redirect(url_for("seller.home"), 303)
    form = StoreForm(country=current_user.country)
    if not form.validate_on_submit():
        return _page("seller/open.html", form)
    service.open_store(
        current_user.id, form.draft(), commission_bp=current_app.config["SETTINGS"].commission_bp
    )
    return redirect(url_for("seller.new_product"), 303)


@bp.route("/products/new/", methods=["GET", "POST"])
@may(BACK_ROOM, newcomers=True)
def new_product() -> Page:
    """Put a product on the shelf: one form, and it is for sale."""
    store = access.seat().store
    form = ProductForm(form_key=form_key())
    if form.validate_on_submit():
        code = _trying(form, lambda: _publish(form, store))
        if code:
            return redirect(_where_it_is(code), 303)
    return _page("seller/product.html", form, store=store)


def _where_it_is(code: str) -> str:
    """Lead to the product as buyers see it, or to what it waits for."""
    for_sale = service.own_product(owner_id(), code).status == "active"
    return url_for("stores.product" if for_sale else "seller.edit_product", code=code)


def _publish(form: ProductForm, store: Store) -> str:
    draft, kept = form.draft(store), _kept(form)
    watched = current_app.config["SETTINGS"].approve_first
    return service.publish(owner_id(), draft, kept, form_key=form.form_key.data, watched=watched)


@bp.route("/products/<code>/", methods=["GET", "POST"])
@may(BACK_ROOM)
def edit_product(code: str) -> Page:
    """Change one of the seller's products."""
    product = service.own_product(owner_id(), code)
    form = EditForm(**_values(product))
    if form.validate_on_submit() and _trying(form, lambda: _edit(form, product)):
        return redirect(url_for("seller.home"), 303)
    product = service.own_product(owner_id(), code)
    decision = approval.last_decision(product.id)
    return _page(
        "seller/product.html",
        form,
        store=product.store,
        product=product,
        decision=decision,
        share=words.share_product(product),
    )


def _edit(form: EditForm, product: Product) -> str:
    code, draft = product.code, form.draft(product.store)
    service.edit_product(
        owner_id(),
        code,
        draft,
        seen_stock=_whole(form.seen_stock.data),
        photos=_kept(form),
        dropped=form.dropped.data or [],
    )
    return code


@bp.post("/products/<code>/visible/")
@may(BACK_ROOM)
def show_product(code: str) -> Page:
    """Take one of the seller's products off the shelf, or put it back."""
    service.show_product(owner_id(), code, visible=request.form.get("visible") == "1")
    return redirect(url_for("seller.home"), 303)


def _page(template: str, form: Any, **values: Any) -> Page:
    page = render_template(template, form=form, **values)
    return (page, 422) if form.errors else page


def _trying(form: ProductForm, attempt: Any) -> str | None:
    """Run what may be refused; a refusal becomes the error of the field it is about."""
    try:
        done: str = attempt()
        return done
    except (
        photos.PhotoTooHeavy,
        photos.PhotoTooSmall,
        photos.NotAPhoto,
        service.TooManyPhotos,
    ) as no:
        form.photos.errors = [refusal_sentence(no.code)]
    except service.StockMoved as no:
        form.stock.errors = [refusal_sentence(no.code)]
    return None


def _kept(form: ProductForm) -> list[photos.Photo]:
    uploads = form.sent_photos()
    if len(uploads) > service.MOST_PHOTOS:
        raise service.TooManyPhotos(f"{len(uploads)} photos")
    return [photos.keep(upload.stream) for upload in uploads]


def _values(product: Product) -> dict[str, Any]:
    return {
        "name": product.name,
        "category": product.category_id,
        "price": product.price.to_wire(),
        "stock": product.stock,
        "seen_stock": str(product.stock),
        "description": product.description,
        "prepaid_only": product.prepaid_only,
    }


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else 0
