"""FedaPay's hosted page, at `/<token>`: the payer picks a number and pays, or tries again."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from shop.sandbox.fedapay_objects import NAME, status_word
from shop.sandbox.handsets import NoSuchPhone, typed_number
from shop.sandbox.pages import page
from shop.sandbox.values import Prompt, State
from shop.sandbox.world import World

#: Numbers typed without a code are read as Beninese.
COUNTRY = "BJ"


def create_blueprint(world: World) -> Blueprint:
    """Make the page of one world."""
    bp = Blueprint("page", __name__)

    @bp.get("/<token>")
    def show(token: str) -> ResponseReturnValue:
        prompt = _find(world, token)
        return _page(world, prompt, 200 if prompt else 404)

    @bp.post("/<token>")
    def act(token: str) -> ResponseReturnValue:
        prompt = _find(world, token)
        if prompt is None or prompt.state is not State.OPEN:
            return _page(world, prompt, 404 if prompt is None else 409)
        try:
            number = typed_number(request.form.get("phone", ""), COUNTRY)
        except NoSuchPhone:
            return _page(world, prompt, 422, problem="bad_number")
        return _answer(world, world.present(prompt.id, number))

    return bp


def transaction_of(token: str) -> str | None:
    """Read whose token it is, unverified: the caller compares it with the one that was given."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return None
    return str(told.get("sub")) if isinstance(told, dict) else None


def back(world: World, prompt: Prompt) -> str:
    """Tell where the browser returns: the shop's address, with a status that proves nothing."""
    url = str(prompt.details["callback_url"] or "/")
    query = urlencode({"id": prompt.provider_ref, "status": status_word(prompt, world.now())})
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _find(world: World, token: str) -> Prompt | None:
    ref = transaction_of(token)
    prompt = world.find(NAME, ref) if ref else None
    return prompt if prompt and prompt.details["token"] == token else None


def _answer(world: World, prompt: Prompt) -> ResponseReturnValue:
    """Pay or refuse as the payer chose; a try in vain may be repeated on the page."""
    if request.form.get("choice") == "refuse":
        world.refuse(prompt.id)
        return redirect(back(world, world.prompt(prompt.id)), 303)
    world.accept(prompt.id)
    now = world.prompt(prompt.id)
    if now.state is State.OPEN and now.reason:
        return _page(world, now, 422, problem=now.reason)
    return redirect(back(world, now), 303)


def _page(
    world: World, prompt: Prompt | None, status: int, problem: str | None = None
) -> ResponseReturnValue:
    url = back(world, prompt) if prompt else ""
    return page("fedapay.html", prompt=prompt, problem=problem, back=url), status
