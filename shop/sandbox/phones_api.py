"""The JSON twin of the phones' pages, and the SMS gateway the shop sends through."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from shop.money import Money
from shop.sandbox.credentials import MERCHANT
from shop.sandbox.faults import FaultRefused
from shop.sandbox.handsets import NoSuchPhone, check_e164
from shop.sandbox.payouts import fee_of
from shop.sandbox.registry import info
from shop.sandbox.sending import CannotSend, Event, How, NothingToSend, Sent, send
from shop.sandbox.switches import SwitchRefused
from shop.sandbox.values import Movement, Payout, Prompt, Refund, Sms
from shop.sandbox.wire import body_object, json_answer
from shop.sandbox.world import World

#: Fields of a fault as sent, and the type of each.
_FAULT_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "provider": (str,), "kind": (str,), "reference": (str,), "calls": (int,), "on": (str,),
    "seconds": (int, float), "amount": (int,), "accepted": (bool,),
}  # fmt: skip
_SEND_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "provider": (str,), "event": (str,), "reference": (str,), "how": (str,), "dry_run": (bool,),
}  # fmt: skip
_LONGEST_SMS: Final = 1600


class BadInput(ValueError):
    """The request's body is not what this address takes."""


def create_blueprint(world: World, port: int) -> Blueprint:
    """Make the JSON doors of one world."""
    bp = Blueprint("api", __name__)
    _add_phone_doors(bp, world)
    _add_fault_doors(bp, world)

    @bp.get("/api/info")
    def tell() -> Response:
        return json_answer(info(port))

    @bp.get("/api/book")
    def book() -> Response:
        moved = world.book(request.args.get("provider"))
        sent = world.payouts.book(request.args.get("provider"))
        back = world.refunds.book(request.args.get("provider"))
        return json_answer(
            {
                "movements": [_movement(m) for m in moved],
                "payouts": [_sending(payout) for payout in sent],
                "refunds": [_sending(refund) for refund in back],
            }
        )

    @bp.post("/api/send")
    def send_webhook() -> Response:
        return _send(world)

    @bp.get("/api/webhooks")
    def webhooks() -> Response:
        sent = [asdict(letter) | {"body": _text(letter.body)} for letter in world.letters()]
        return json_answer({"webhooks": sent})

    bp.register_error_handler(NothingToSend, _not_found)
    for refusal in (BadInput, CannotSend, FaultRefused, SwitchRefused, NoSuchPhone):
        bp.register_error_handler(refusal, _refused)
    return bp


def _refused(error: Exception) -> ResponseReturnValue:
    return json_answer({"error": str(error)}, 422)


def _not_found(error: Exception) -> ResponseReturnValue:
    return json_answer({"error": str(error)}, 404)


def _send(world: World) -> Response:
    """Send a webhook now, and tell what left and what the shop answered."""
    given = _fields(_body(), _SEND_FIELDS)
    if given.get("provider") not in world.desks:
        raise BadInput(f"provider is one of {', '.join(world.desks)}")
    try:
        event, how = Event(given.get("event", "")), How(given.get("how", How.GENUINE))
    except ValueError as error:
        raise BadInput(str(error)) from error
    sent = send(
        world, given["provider"], event, reference=given.get("reference"), how=how,
        dry_run=given.get("dry_run", False),
    )  # fmt: skip
    return json_answer({"event": event, "how": how, **_sent(sent)})


def _sent(sent: Sent) -> dict[str, Any]:
    one = sent.delivery
    return {
        "provider": one.provider,
        "reference": one.reference,
        "method": one.method,
        "url": one.url,
        "headers": one.headers,
        "body": _text(one.body),
        "answered": sent.answered,
    }


def answer(world: World, prompt_id: int, act: str) -> bool:
    """Do what the payer chose; tell whether this very call changed something."""
    if act == "accept":
        return world.accept(prompt_id)
    return world.refuse(prompt_id) if act == "refuse" else world.ignore(prompt_id)


def _add_phone_doors(bp: Blueprint, world: World) -> None:
    @bp.get("/api/phones/<e164>")
    def phone(e164: str) -> Response:
        return json_answer(_phone(world, e164))

    @bp.get("/api/sms/<e164>")
    def sms(e164: str) -> Response:
        return json_answer({"sms": [_sms(message) for message in world.inbox(check_e164(e164))]})

    @bp.post("/sms/messages")
    def take_sms() -> Response:
        body = _body()
        to, text = body.get("to"), body.get("text")
        if not isinstance(to, str) or not isinstance(text, str):
            raise BadInput('send {"to": "+225...", "text": "..."}')
        if not 0 < len(text) <= _LONGEST_SMS:
            raise BadInput(f"text has 1 to {_LONGEST_SMS} characters")
        return json_answer({"id": str(world.send_sms(to, text))}, 201)

    @bp.get("/api/prompts")
    def prompts() -> Response:
        provider, reference = request.args.get("provider"), request.args.get("reference")
        if provider and reference:
            return json_answer({"prompts": [_prompt(p) for p in world.search(provider, reference)]})
        return json_answer({"prompts": [_prompt(p) for p in world.pending_prompts()]})

    @bp.post("/api/prompts/<int:prompt_id>/<any(accept, refuse, ignore):act>")
    def act(prompt_id: int, act: str) -> Response:
        return _act(world, prompt_id, act)


def _act(world: World, prompt_id: int, act: str) -> Response:
    try:
        prompt = world.prompt(prompt_id)
    except KeyError:
        return json_answer({"error": f"there is no prompt {prompt_id}"}, 404)
    number = (_body() if request.get_data() else {}).get("phone")
    if prompt.phone is None and number is None and act == "accept":
        raise BadInput('this is a link: send {"phone": "+225..."} to say who opens it')
    if isinstance(number, str):
        world.present(prompt_id, check_e164(number))
    changed = answer(world, prompt_id, act)
    return json_answer({"changed": changed, "prompt": _prompt(world.prompt(prompt_id))})


def _add_fault_doors(bp: Blueprint, world: World) -> None:
    @bp.get("/api/faults")
    def faults() -> Response:
        return json_answer({"faults": [asdict(fault) for fault in world.faults.active()]})

    @bp.post("/api/faults")
    def plant() -> Response:
        given = _fields(_body(), _FAULT_FIELDS)
        fault = world.faults.add(given.pop("provider", ""), given.pop("kind", ""), **given)
        return json_answer(asdict(fault), 201)

    @bp.delete("/api/faults")
    def clear() -> Response:
        return json_answer({"lifted": world.faults.clear(request.args.get("provider"))})

    @bp.delete("/api/faults/<int:fault_id>")
    def lift(fault_id: int) -> Response:
        if world.faults.remove(fault_id):
            return json_answer({"lifted": 1})
        return json_answer({"error": f"there is no fault {fault_id}"}, 404)

    @bp.route("/api/switches", methods=["GET", "POST"])
    def switches() -> Response:
        if request.method == "POST":
            for name, value in _body().items():
                world.switches.set(name, str(value))
        return json_answer(world.switches.all())


def _fields(body: dict[str, Any], known: dict[str, tuple[type, ...]]) -> dict[str, Any]:
    """Check names and types; what is null was not given."""
    for name, value in body.items():
        allowed = known.get(name)
        if allowed is None:
            raise BadInput(f"unknown field {name!r}: one of {', '.join(known)}")
        if value is not None and type(value) not in allowed:
            raise BadInput(f"{name} has the wrong type")
    return {name: value for name, value in body.items() if value is not None}


def _body() -> dict[str, Any]:
    body = body_object()
    if body is None:
        raise BadInput("the body is not a JSON object")
    return body


def _phone(world: World, e164: str) -> dict[str, Any]:
    phone = world.phone(e164)
    pending = [p for p in world.pending_prompts() if p.phone == e164]
    moved = [m for m in world.book() if m.payer == e164]
    return {
        "phone": phone.e164,
        "country": phone.country,
        "balance": _money(phone.balance),
        "code": world.handsets.code(e164),
        "prompts": [_prompt(p) for p in pending],
        "sms": [_sms(message) for message in world.inbox(e164)],
        "movements": [_movement(m) for m in moved],
        "payouts": [_sending(payout) for payout in world.payouts.to(e164)],
        "refunds": [_sending(refund) for refund in world.refunds.to(e164)],
    }


def _money(money: Money) -> dict[str, str]:
    return {"amount": money.to_wire(), "currency": money.currency}


def _prompt(prompt: Prompt) -> dict[str, Any]:
    return {
        "id": prompt.id,
        "provider": prompt.provider,
        "reference": prompt.reference,
        "provider_ref": prompt.provider_ref,
        "merchant": prompt.merchant,
        **_money(prompt.amount),
        "phone": prompt.phone,
        "state": prompt.state,
        "reason": prompt.reason,
        "transaction_id": prompt.transaction_id,
        "url": prompt.details.get("url"),
        "created_at": prompt.created_at.isoformat(),
        "expires_at": prompt.expires_at.isoformat(),
    }


def _movement(moved: Movement) -> dict[str, Any]:
    return {
        "id": moved.id,
        "provider": moved.provider,
        "reference": moved.reference,
        "provider_ref": moved.provider_ref,
        "transaction_id": moved.transaction_id,
        **_money(moved.amount),
        "payer": moved.payer,
        "at": moved.at.isoformat(),
    }


def _sending(sent: Payout) -> dict[str, Any]:
    """Write a payout or a refund; a refund names what it gives back."""
    ended = sent.completed_at
    told = {
        "id": sent.id,
        "provider": sent.provider,
        "merchant": MERCHANT,
        "reference": sent.reference,
        "provider_ref": sent.provider_ref,
        "transaction_id": sent.transaction_id,
        **_money(sent.amount),
        "fee": fee_of(sent).to_wire(),
        "phone": sent.phone,
        "state": sent.state,
        "reason": sent.reason,
        "created_at": sent.created_at.isoformat(),
        "completed_at": ended.isoformat() if ended else None,
    }
    return told | ({"prompt": sent.prompt_id} if isinstance(sent, Refund) else {})


def _sms(message: Sms) -> dict[str, Any]:
    return {"id": str(message.id), "text": message.text, "at": message.at.isoformat()}


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
