"""Where a seller's goods go: zones with their prices, and points where buyers fetch them."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from shop.errors import NotFound
from shop.money import Money
from shop.stores import delivery, service
from shop.stores.access import BACK_ROOM, may, owner_id, seat
from shop.stores.delivery_forms import DELAYS, PointForm, ZoneForm
from shop.stores.models import Store

bp = Blueprint("seller_delivery", __name__, url_prefix="/store/delivery")

Page = Response | str | tuple[str, int]


@bp.route("/", methods=["GET", "POST"])
@may(BACK_ROOM, newcomers=True)
def show() -> Page:
    """Say where the shop delivers and for how much, quarter by quarter, and where one fetches."""
    store = seat().store
    form = ZoneForm(**_known_zone(store))
    if form.validate_on_submit():
        delivery.save_zone(owner_id(), form.draft(store))
        return redirect(url_for("seller_delivery.show"), 303)
    page = render_template(
        "seller/delivery.html",
        form=form,
        store=store,
        zones=service.zones_of(store, closed_too=True),
        points=store.points,
        delays=DELAYS,
    )
    return (page, 422) if form.errors else page


def _known_zone(store: Store) -> dict[str, object]:
    """Fill the form with the zone that is to be changed, if one is named."""
    zone_id = request.args.get("zone", type=int)
    if zone_id is None:
        return {"town": store.town}
    zone = delivery.zone_of(store, zone_id)
    return {
        "town": zone.town,
        "quarter": zone.quarter,
        "price": zone.price.to_wire(),
        "hours": zone.hours_max,
        "free_from": _wire(zone.free_from),
        "door_limit": _wire(zone.door_limit),
    }


def _wire(money: Money | None) -> str:
    return money.to_wire() if money else ""


@bp.post("/<int:zone_id>/<act>/")
@may(BACK_ROOM)
def act_zone(zone_id: int, act: str) -> Page:
    """Stop delivering to one of the seller's zones, begin again, or forget it."""
    if act == "drop":
        delivery.drop_zone(owner_id(), zone_id)
    else:
        delivery.switch_zone(owner_id(), zone_id, is_on=_on(act))
    return redirect(url_for("seller_delivery.show"), 303)


@bp.route("/points/", methods=["GET", "POST"])
@may(BACK_ROOM, newcomers=True)
def new_point() -> Page:
    """Add a pick-up point."""
    store = seat().store
    return _point_page(store, PointForm(town=store.town, price="0"), None)


@bp.route("/points/<int:point_id>/", methods=["GET", "POST"])
@may(BACK_ROOM)
def edit_point(point_id: int) -> Page:
    """Change one of the seller's pick-up points."""
    store = seat().store
    point = delivery.point_of(store, point_id)
    known = PointForm(
        name=point.name, town=point.town, place=point.place, hours=point.hours,
        price=point.price.to_wire(), ready=point.ready_hours,
    )  # fmt: skip
    return _point_page(store, known, point_id)


def _point_page(store: Store, form: PointForm, point_id: int | None) -> Page:
    if form.validate_on_submit():
        delivery.save_point(owner_id(), form.draft(store), point_id)
        return redirect(url_for("seller_delivery.show"), 303)
    page = render_template("seller/point.html", form=form, store=store, point_id=point_id)
    return (page, 422) if form.errors else page


@bp.post("/points/<int:point_id>/<act>/")
@may(BACK_ROOM)
def act_point(point_id: int, act: str) -> Page:
    """Close one of the seller's pick-up points, open it again, or forget it."""
    if act == "drop":
        delivery.drop_point(owner_id(), point_id)
    else:
        delivery.switch_point(owner_id(), point_id, is_on=_on(act))
    return redirect(url_for("seller_delivery.show"), 303)


def _on(act: str) -> bool:
    """Read an act of the address: `on` or `off`, and nothing else exists."""
    if act not in ("on", "off"):
        raise NotFound("no such act")
    return act == "on"
