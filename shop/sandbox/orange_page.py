"""Orange's hosted payment page: the payer types a number and the one-time code, then confirms."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from shop.sandbox.handsets import NoSuchPhone, typed_number
from shop.sandbox.pages import page
from shop.sandbox.values import Prompt, State, Why
from shop.sandbox.world import World


def create_blueprint(world: World) -> Blueprint:
    """Make the page of one world."""
    bp = Blueprint("page", __name__)

    @bp.get("/payment/pay_token/<token>")
    def show(token: str) -> ResponseReturnValue:
        prompt = world.find("orange", token)
        return _page(world, prompt, 200 if prompt else 404)

    @bp.post("/payment/pay_token/<token>")
    def act(token: str) -> ResponseReturnValue:
        prompt = world.find("orange", token)
        if prompt is None or prompt.state is not State.OPEN:
            return _page(world, prompt, 404 if prompt is None else 409)
        if request.form.get("choice") == "cancel":
            # Nobody is told: the payment stays INITIATED.
            return redirect(prompt.details["cancel_url"], 303)
        try:
            number = typed_number(request.form.get("msisdn", ""), _country(prompt))
        except NoSuchPhone:
            return _page(world, prompt, 422, problem="bad_number")
        code = request.form.get("otp", "").strip()
        return _page(world, confirm(world, prompt, number, code), 200)

    return bp


def confirm(world: World, prompt: Prompt, number: str, code: str) -> Prompt:
    """Confirm with a one-time code: a wrong one fails the payment for good."""
    world.present(prompt.id, number)
    if world.handsets.use_code(number, code):
        world.accept(prompt.id)
    else:
        world.refuse(prompt.id, Why.BAD_CODE)
    return world.prompt(prompt.id)


def _country(prompt: Prompt) -> str:
    """Tell in which country a number without a code is read."""
    env = str(prompt.details["env"])
    return "CI" if env == "dev" else env.upper()


def _page(
    world: World, prompt: Prompt | None, status: int, problem: str | None = None
) -> ResponseReturnValue:
    phones = world.phones_url
    return page("orange.html", prompt=prompt, problem=problem, phones=phones), status
