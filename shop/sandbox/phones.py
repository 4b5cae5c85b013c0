"""The phones' own site: every telephone's screen, the faults panel, and the SMS gateway."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Flask, redirect, request
from flask.typing import ResponseReturnValue

from shop.sandbox import phones_api
from shop.sandbox.credentials import MERCHANT
from shop.sandbox.faults import IMPOSSIBLE, FaultKind, FaultRefused, Operation
from shop.sandbox.handsets import DEMO, NoSuchPhone, typed_number
from shop.sandbox.pages import furnish, language, page
from shop.sandbox.registry import DEFAULT_PORT, info
from shop.sandbox.switches import CHOICES, SwitchRefused
from shop.sandbox.values import Payout, Prompt
from shop.sandbox.world import World

_RECENT: Final = 8


def create_app(world: World, port: int = DEFAULT_PORT) -> Flask:
    """Make the site of one world."""
    app = Flask(__name__)
    furnish(app)
    for number in DEMO:
        world.phone(number)
    app.register_blueprint(_screens(world, port))
    app.register_blueprint(_control(world))
    app.register_blueprint(phones_api.create_blueprint(world, port))
    return app


def _screens(world: World, port: int) -> Blueprint:
    bp = Blueprint("screens", __name__)

    @bp.get("/")
    def index() -> ResponseReturnValue:
        typed = request.args.get("number", "").strip()
        if typed:
            return _opened(world, typed, port)
        return _index(world, port)

    @bp.get("/phones/<e164>/")
    def phone(e164: str) -> ResponseReturnValue:
        try:
            return _phone(world, e164)
        except NoSuchPhone:
            return _index(world, port, problem=True), 404

    @bp.get("/prompts/<int:prompt_id>/")
    def prompt(prompt_id: int) -> ResponseReturnValue:
        try:
            found = world.prompt(prompt_id)
        except KeyError:
            return page("prompt.html", prompt=None), 404
        return page("prompt.html", prompt=found)

    @bp.post("/prompts/<int:prompt_id>/<any(accept, refuse, ignore):act>")
    def answer(prompt_id: int, act: str) -> ResponseReturnValue:
        try:
            found = world.prompt(prompt_id)
        except KeyError:
            return page("prompt.html", prompt=None), 404
        if found.phone is None:
            return page("prompt.html", prompt=found), 409
        return redirect(_after(found, phones_api.answer(world, prompt_id, act)), 303)

    return bp


def _index(world: World, port: int, *, problem: bool = False) -> str:
    waiting: dict[str, int] = {}
    for prompt in world.pending_prompts():
        if prompt.phone:
            waiting[prompt.phone] = waiting.get(prompt.phone, 0) + 1
    return page(
        "phones.html", phones=world.handsets.all(), waiting=waiting, info=info(port), bad=problem
    )


def _opened(world: World, typed: str, port: int) -> ResponseReturnValue:
    try:
        number = world.phone(typed_number(typed, "CI")).e164
    except NoSuchPhone:
        return _index(world, port, problem=True), 422
    return redirect(_address(number), 303)


def _phone(world: World, e164: str) -> str:
    phone = world.phone(e164)
    return page(
        "phone.html",
        phone=phone,
        prompts=[p for p in world.pending_prompts() if p.phone == e164],
        received=_received(world, e164),
        recent=[p for p in world.prompts(e164) if p.state != "open"][:_RECENT],
        messages=world.inbox(e164)[:_RECENT],
        code=world.handsets.code(e164),
        merchant=MERCHANT,
        desks=world.desks,
        auto=request.args.get("auto") == "1",
        done=request.args.get("done"),
    )


def _received(world: World, e164: str) -> list[tuple[str, Payout]]:
    """List the payouts and refunds sent to a phone, newest first, each with its kind."""
    sent: list[tuple[str, Payout]] = [("payout", one) for one in world.payouts.to(e164)]
    sent += [("refund", one) for one in world.refunds.to(e164)]
    return sorted(sent, key=lambda pair: pair[1].created_at, reverse=True)[:_RECENT]


def _after(prompt: Prompt, changed: bool) -> str:
    return _address(prompt.phone, done="1" if changed else "0")


def _address(e164: str | None, **more: str) -> str:
    path = f"/phones/{e164}/" if e164 else "/"
    query = more | ({"lang": "en"} if language() == "en" else {})
    return f"{path}?{urlencode(query)}" if query else path


def _control(world: World) -> Blueprint:
    bp = Blueprint("control", __name__)

    @bp.get("/control/")
    def show() -> ResponseReturnValue:
        return _panel(world)

    @bp.post("/control/faults")
    def plant() -> ResponseReturnValue:
        try:
            _plant(world)
        except (FaultRefused, ValueError) as error:
            return _panel(world, problem=str(error)), 422
        return redirect(_panel_address(), 303)

    @bp.post("/control/faults/<int:fault_id>/lift")
    def lift(fault_id: int) -> ResponseReturnValue:
        world.faults.remove(fault_id)
        return redirect(_panel_address(), 303)

    @bp.post("/control/faults/lift")
    def lift_all() -> ResponseReturnValue:
        world.faults.clear()
        return redirect(_panel_address(), 303)

    @bp.post("/control/switches")
    def turn() -> ResponseReturnValue:
        try:
            world.switches.set(request.form.get("name", ""), request.form.get("value", ""))
        except SwitchRefused as error:
            return _panel(world, problem=str(error)), 422
        return redirect(_panel_address(), 303)

    return bp


def _plant(world: World) -> None:
    form = request.form
    world.faults.add(
        form.get("provider", ""),
        form.get("kind", ""),
        reference=form.get("reference", "").strip() or None,
        calls=int(form["calls"]) if form.get("calls") else None,
        seconds=float(form["seconds"]) if form.get("seconds") else None,
        accepted=form.get("accepted") == "1",
        on=form.get("on") or Operation.ANY,
    )


def _panel(world: World, problem: str | None = None) -> str:
    possible = {
        name: [kind for kind in FaultKind if kind not in IMPOSSIBLE.get(name, frozenset())]
        for name in world.desks
    }
    return page(
        "control.html",
        active=world.faults.active(),
        outgoing=[("payout", one) for one in world.payouts.latest(_RECENT)]
        + [("refund", one) for one in world.refunds.latest(_RECENT)],
        possible=possible,
        calls=list(Operation),
        desks=world.desks,
        choices=CHOICES,
        chosen=world.switches.all(),
        problem=problem,
    )


def _panel_address() -> str:
    return f"/control/?lang={language()}"
