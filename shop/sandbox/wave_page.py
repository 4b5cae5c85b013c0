"""Wave's hosted launch page: what a payer without the app would see, at `/c/<session>`."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from shop.sandbox.handsets import NoSuchPhone, typed_number
from shop.sandbox.pages import page
from shop.sandbox.values import Prompt, State
from shop.sandbox.world import World

#: The demo's wallet is Ivorian; numbers typed without a code are read as such.
COUNTRY: Final = "CI"


def create_blueprint(world: World) -> Blueprint:
    """Make the page of one world."""
    bp = Blueprint("page", __name__)

    @bp.get("/c/<ref>")
    def show(ref: str) -> ResponseReturnValue:
        prompt = world.find("wave", ref)
        return _page(prompt, 200 if prompt else 404)

    @bp.post("/c/<ref>")
    def act(ref: str) -> ResponseReturnValue:
        prompt = world.find("wave", ref)
        if prompt is None or prompt.state is not State.OPEN:
            return _page(prompt, 404 if prompt is None else 409)
        try:
            number = typed_number(request.form.get("phone", ""), COUNTRY)
        except NoSuchPhone:
            return _page(prompt, 422, problem="bad_number")
        return _answer(world, world.present(prompt.id, number))

    return bp


def _answer(world: World, prompt: Prompt) -> ResponseReturnValue:
    """Pay or refuse as the payer chose, and send the browser back to the shop."""
    if request.form.get("choice") == "refuse":
        world.refuse(prompt.id)
        return redirect(prompt.details["error_url"], 303)
    world.accept(prompt.id)
    now = world.prompt(prompt.id)
    if now.state is State.OPEN and now.reason:
        return _page(now, 422, problem=now.reason)
    paid = now.state is not State.EXPIRED
    return redirect(now.details["success_url" if paid else "error_url"], 303)


def _page(prompt: Prompt | None, status: int, problem: str | None = None) -> ResponseReturnValue:
    return page("wave.html", prompt=prompt, problem=problem), status
