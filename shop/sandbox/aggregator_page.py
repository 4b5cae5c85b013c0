"""The hosted page of aggregators that ask for nothing but a number, at `/pay/<reference>`."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from shop.sandbox.handsets import NoSuchPhone, typed_number
from shop.sandbox.pages import page
from shop.sandbox.values import Desk, Prompt, State
from shop.sandbox.world import World


def create_blueprint(world: World, desk: Desk) -> Blueprint:
    """Make one provider's page; its requests keep `country` and `return_url` in their details."""
    bp = Blueprint("page", __name__)

    @bp.get("/pay/<ref>")
    def show(ref: str) -> ResponseReturnValue:
        prompt = _found(ref)
        return _page(prompt, 200 if prompt else 404)

    @bp.post("/pay/<ref>")
    def act(ref: str) -> ResponseReturnValue:
        prompt = _found(ref)
        if prompt is None or prompt.state is not State.OPEN:
            return _page(prompt, 404 if prompt is None else 409)
        try:
            number = typed_number(request.form.get("phone", ""), prompt.details["country"])
        except NoSuchPhone:
            return _page(prompt, 422, problem="bad_number")
        world.present(prompt.id, number)
        answer = world.refuse if request.form.get("choice") == "refuse" else world.accept
        answer(prompt.id)
        return redirect(prompt.details["return_url"], 303)

    def _found(ref: str) -> Prompt | None:
        prompt = world.find(desk.name, ref)
        return prompt if prompt and prompt.details.get("url") else None

    def _page(
        prompt: Prompt | None, status: int, problem: str | None = None
    ) -> ResponseReturnValue:
        shown = page("aggregator.html", prompt=prompt, problem=problem, label=desk.label)
        return shown, status

    return bp
