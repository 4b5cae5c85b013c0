"""What everybody sees: shelves, products, shops, photos, help and fees."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, render_template, request, send_file

from shop.errors import NotFound
from shop.reputation import badges
from shop.reputation import service as reputation
from shop.stores import catalogue, delivery, photos, service, words
from shop.web import public

bp = Blueprint("stores", __name__)

#: Reviews on a shop's page, before the link to all of them.
LATEST = 3
#: Nothing in a photo's answer may run, whatever a browser believes it is.
PHOTO_CSP = "default-src 'none'; sandbox"


@bp.get("/")
@public
def home() -> str:
    """Show the newest products, or those a visitor looks for."""
    asked = {name: _asked(name) for name in ("q", "category", "town")}
    shelf = catalogue.shelf(
        query=asked["q"], category=asked["category"], town=asked["town"], after=_cursor()
    )
    return render_template(
        "stores/home.html",
        shelf=shelf,
        menus=catalogue.menus(),
        asked=asked,
        more=_more(shelf, asked),
    )


@bp.get("/p/<code>/")
@public
def product(code: str) -> str:
    """Show one product, what it costs to receive it, and who sells it."""
    product = service.product_by_code(code)
    return render_template(
        "stores/product.html",
        product=product,
        store=product.store,
        zones=service.zones_of(product.store),
        points=delivery.open_points(product.store),
        owner=service.owner_of(product.store),
        share=words.share_product(product),
        rating=reputation.rating(product.store_id),
        address=words.absolute(f"/p/{product.code}/"),
        picture=words.absolute(f"/photo/{product.photos[0].key}/600.jpg")
        if product.photos
        else None,
    )


@bp.get("/s/<slug>/")
@public
def store(slug: str) -> str:
    """Show a shop and everything it sells."""
    store = service.store_by_slug(slug)
    shelf = catalogue.shelf(store_id=store.id, after=_cursor())
    return render_template(
        "stores/store.html",
        store=store,
        owner=service.owner_of(store),
        zones=service.zones_of(store),
        points=delivery.open_points(store),
        shelf=shelf,
        more=_more(shelf, {}),
        share=words.recommend_store(store),
        rating=reputation.rating(store.id),
        reviews=reputation.of_store(store.id).rows[:LATEST],
        standing=badges.of(store),
        address=words.absolute(f"/s/{store.slug}/"),
    )


@bp.get("/photo/<key>/<int:size>.<extension>")
@public
def photo(key: str, size: int, extension: str) -> Response:
    """Send a version of a photo, to be kept for ever: another photo has another key."""
    file = photos.path(key, size, extension)
    if file is None:
        raise NotFound("no such photo")
    response = send_file(file, mimetype=photos.FORMATS[extension], etag=False)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Content-Security-Policy"] = PHOTO_CSP
    return response


@bp.get("/help/")
@public
def help_page() -> str:
    """Answer what people ask, in whole sentences."""
    return render_template("stores/help.html")


@bp.get("/fees/")
@public
def fees() -> str:
    """Say what everything costs, and who pays it."""
    return render_template("stores/fees.html", commission=_percent())


def _percent() -> str:
    """Our commission as people write it: `5 %`, `2,5 %`."""
    from flask_babel import format_decimal

    return f"{format_decimal(current_app.config['SETTINGS'].commission_bp / 100)}\u00a0%"


def _asked(name: str) -> str:
    """Read what a visitor asks for; signs that are not printed reach neither page nor database."""
    return "".join(c for c in request.args.get(name, "")[:80] if c.isprintable()).strip()


def _cursor() -> str:
    return request.args.get("after", "")[:60]


def _more(shelf: catalogue.Shelf, asked: dict[str, Any]) -> str | None:
    if shelf.next is None:
        return None
    return "?" + urlencode({k: v for k, v in asked.items() if v} | {"after": shelf.next})
