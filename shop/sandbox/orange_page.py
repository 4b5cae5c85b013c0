"""Orange's hosted payment page: the payer types a number and the one-time code, then confirms."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from shop.sandbox.handsets import NoSuchPhone, check_e164
from shop.sandbox.pages import page
from shop.sandbox.values import Prompt, State, Why
from shop.sandbox.world import World


def create_blueprint(world: World) -> Blueprint:
    """Make the page of one world."""
    bp = Blueprint("page", __name__)

    @bp.get("/payment/pay_token/<token>")
    def show(token: str) -> ResponseReturnValue:
        prompt = world.find("orange", token)
        return _page(prompt, 200 if prompt else 404)

    @bp.post("/payment/pay_token/<token>")
    def act(token: str) -> ResponseReturnValue:
        prompt = world.find("orange", token)
        if prompt is None or prompt.state is not State.OPEN:
            return _page(prompt, 404 if prompt is None else 409)
        if request.form.get("choice") == "cancel":
            # Nobody is told: the payment stays INITIATED.
            return redirect(prompt.details["cancel_url"], 303)
        try:
            number = check_e164("".join(request.form.get("msisdn", "").split()))
        except NoSuchPhone:
            return _page(prompt, 422, problem="bad_number")
        return _page(confirm(world, prompt, number, request.form.get("otp", "").strip()), 200)

    return bp


def confirm(world: World, prompt: Prompt, number: str, code: str) -> Prompt:
    """Confirm with a one-time code: a wrong one fails the payment for good."""
    world.present(prompt.id, number)
    if world.handsets.use_code(number, code):
        world.accept(prompt.id)
    else:
        world.refuse(prompt.id, Why.BAD_CODE)
    return world.prompt(prompt.id)


def _page(prompt: Prompt | None, status: int, problem: str | None = None) -> ResponseReturnValue:
    return page("orange.html", prompt=prompt, problem=problem), status
