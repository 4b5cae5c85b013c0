"""CinetPay's counter, at `/payment/<token>`: the payer types a number, then confirms or cancels."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from shop.sandbox.handsets import NoSuchPhone, typed_number
from shop.sandbox.pages import page
from shop.sandbox.values import Prompt, State
from shop.sandbox.world import World

#: Numbers typed without a code are read as Ivorian.
COUNTRY = "CI"


def create_blueprint(world: World) -> Blueprint:
    """Make the page of one world."""
    bp = Blueprint("page", __name__)

    @bp.get("/payment/<token>")
    def show(token: str) -> ResponseReturnValue:
        prompt = world.find("cinetpay", token)
        return _page(prompt, 200 if prompt else 404)

    @bp.post("/payment/<token>")
    def act(token: str) -> ResponseReturnValue:
        prompt = world.find("cinetpay", token)
        if prompt is None or prompt.state is not State.OPEN:
            return _page(prompt, 404 if prompt is None else 409)
        if request.form.get("choice") == "cancel":
            world.refuse(prompt.id)
            return redirect(_back(prompt), 303)
        try:
            number = typed_number(request.form.get("phone", ""), COUNTRY)
        except NoSuchPhone:
            return _page(prompt, 422, problem="bad_number")
        world.present(prompt.id, number)
        world.accept(prompt.id)
        return redirect(_back(prompt), 303)

    return bp


def _back(prompt: Prompt) -> str:
    """Tell where the browser returns: the shop's address, with two names that prove nothing."""
    url = str(prompt.details["return_url"])
    named = {"transaction_id": prompt.reference, "token": prompt.provider_ref}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(named)}"


def _page(prompt: Prompt | None, status: int, problem: str | None = None) -> ResponseReturnValue:
    back = _back(prompt) if prompt else ""
    return page("cinetpay.html", prompt=prompt, problem=problem, back=back), status
