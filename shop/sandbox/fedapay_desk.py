"""FedaPay's back office, simulated: lists, customers, webhooks, events, logs, balances, currencies.

What is marked [inf] in the provider notes is a guess: a deleted transaction stays readable, as `expired`
with its `deleted_at`.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

from flask import Blueprint, Flask, Response, request

from shop.sandbox import book as stored
from shop.sandbox.faults import Operation
from shop.sandbox.fedapay_objects import (
    CURRENCIES,
    MODES,
    NAME,
    error,
    owner_refusal,
    payout_object,
    stamp,
    transaction_object,
    wrap,
)
from shop.sandbox.values import Payout, Prompt, State
from shop.sandbox.wire import answer, body_object, json_answer
from shop.sandbox.world import World

ACCOUNT: Final = 1_370
#: Requests that the log remembers.
LOGGED: Final = 500
#: What clients may set of a customer or a webhook, and what a new one has.
FIELDS: Final[dict[str, dict[str, Any]]] = {
    "customer": {"firstname": None, "lastname": None, "email": None, "phone_number": None},
    "webhook": {"url": None, "enabled": True, "ssl_verify": True, "disable_on_error": True,
                "http_headers": {}},
}  # fmt: skip
#: The field without which one is refused.
NEEDED: Final = {"customer": "email", "webhook": "url"}

Told = dict[str, Any]


def create_blueprint(world: World) -> Blueprint:
    """Make the back office of one world."""
    bp = Blueprint("desk", __name__, url_prefix="/v1")
    bp.before_request(owner_refusal)
    desk = _Desk(world)
    for kind in FIELDS:
        _mount_kept(bp, _Kept(world, kind))
    for name, view in {
        "transactions": desk.transactions, "transactions/search": desk.transactions,
        "payouts": desk.payouts, "events": desk.events, "currencies": desk.currencies,
        "balances": desk.balances,
    }.items():  # fmt: skip
        bp.add_url_rule(f"/{name}", f"list_{name.replace('/', '_')}", view, methods=["GET"])
    bp.add_url_rule("/events/<ref>", "event", desk.event, methods=["GET"])
    bp.add_url_rule("/currencies/<int:ref>", "currency", desk.currency, methods=["GET"])
    bp.add_url_rule("/balances/<int:ref>", "balance", desk.balance, methods=["GET"])
    bp.add_url_rule("/transactions/fees", "fees", desk.fees, methods=["GET"])
    bp.add_url_rule("/transactions/<int:ref>", "amend", desk.amend, methods=["PUT"])
    bp.add_url_rule("/transactions/<int:ref>", "remove", desk.remove, methods=["DELETE"])
    return bp


def paged(plural: str, items: Sequence[Told]) -> Response:
    """Answer the page that was asked for, with where it stands."""
    number = max(request.args.get("page", 1, int), 1)
    size = min(max(request.args.get("per_page", 25, int), 1), 100)
    pages = max(-(-len(items) // size), 1)
    meta = {
        "current_page": number,
        "next_page": number + 1 if number < pages else None,
        "prev_page": number - 1 if number > 1 else None,
        "per_page": size,
        "total_pages": pages,
        "total_count": len(items),
    }
    shown = list(items[(number - 1) * size : number * size])
    return json_answer({f"v1/{plural}": shown, "meta": meta})


def prompts(world: World) -> list[Prompt]:
    """Every transaction of this world, newest first."""
    sql = "SELECT * FROM prompts WHERE provider = ? ORDER BY id DESC"
    return [stored.prompt(row) for row in world.book_file.rows(sql, NAME)]


def payouts(world: World) -> list[Payout]:
    """Every payout of this world, newest first."""
    sql = "SELECT * FROM payouts WHERE provider = ? ORDER BY id DESC"
    return [stored.payout(row) for row in world.book_file.rows(sql, NAME)]


class _Desk:
    """The lists, and what may still be changed of a transaction."""

    def __init__(self, world: World) -> None:
        self._world = world

    def transactions(self) -> Response:
        """List transactions; `search` looks at references and descriptions."""
        wanted = request.args.get("search", "").lower()
        told = [transaction_object(prompt, self._world.now()) for prompt in prompts(self._world)]
        keys = ("merchant_reference", "reference", "description")
        found = [t for t in told if any(wanted in str(t[key]).lower() for key in keys)]
        return self._read(lambda: paged("transactions", found))

    def payouts(self) -> Response:
        """List payouts."""
        told = [payout_object(payout) for payout in payouts(self._world)]
        return self._read(lambda: paged("payouts", told))

    def events(self) -> Response:
        """List what happened; here the entity is JSON written as a text."""
        return self._read(lambda: paged("events", self._events()))

    def event(self, ref: str) -> Response:
        """Show one event."""
        found = next((event for event in self._events() if event["id"] == ref), None)
        return wrap(self._world, "event", found) if found else error(404, "Event not found")

    def currencies(self) -> Response:
        """List the currencies and the modes of each."""
        return self._read(lambda: paged("currencies", _currencies()))

    def currency(self, ref: int) -> Response:
        """Show one currency."""
        found = next((one for one in _currencies() if one["id"] == ref), None)
        return wrap(self._world, "currency", found) if found else error(404, "Currency not found")

    def balances(self) -> Response:
        """Tell what the merchant's balances hold."""
        return self._read(lambda: paged("balances", self._balances()))

    def balance(self, ref: int) -> Response:
        """Show one balance."""
        found = next((one for one in self._balances() if one["id"] == ref), None)
        return wrap(self._world, "balance", found) if found else error(404, "Balance not found")

    def fees(self) -> Response:
        """Preview what a mode costs; in no envelope, and free in this world."""
        token = request.args.get("token")
        found = next((p for p in prompts(self._world) if p.details["token"] == token), None)
        if found is None:
            return error(404, "Transaction not found")
        if request.args.get("mode") not in MODES:
            return error(422, "Validation failed", mode=["is not supported"])
        amount = found.amount.amount
        return json_answer(
            {"amount_debited": amount, "amount_transferred": amount, "fees": 0, "commission": 0,
             "apply_fees_to_merchant": True, "fixed_commission": 0, "message": "no fees"}
        )  # fmt: skip

    def amend(self, ref: int) -> Response:
        """Change the description or the amount of a pending transaction."""
        body = body_object() or {}
        prompt = self._world.find(NAME, str(ref))
        refused = _not_pending(prompt)
        if refused or prompt is None:
            return refused or error(404, "Transaction not found")
        amount = body.get("amount", prompt.amount.amount)
        if type(amount) is not int or amount < 1:
            return error(422, "Validation failed", amount=["must be a whole number above 0"])
        with self._world.alone():
            self._world.book_file.change("prompts", prompt.id, {"amount": amount})
            if isinstance(body.get("description"), str):
                self._world.amend(prompt.id, description=body["description"])
        return self._told(ref)

    def remove(self, ref: int) -> Response:
        """Delete a pending transaction: nobody can pay it any more."""
        prompt = self._world.find(NAME, str(ref))
        refused = _not_pending(prompt)
        if refused or prompt is None:
            return refused or error(404, "Transaction not found")
        self._world.amend(prompt.id, deleted_at=stamp(self._world.now()))
        self._world.expire(prompt.id)
        return self._told(ref)

    def _told(self, ref: int) -> Response:
        prompt = self._world.find(NAME, str(ref))
        assert prompt is not None
        return wrap(self._world, "transaction", transaction_object(prompt, self._world.now()))

    def _balances(self) -> list[Told]:
        now = stamp(self._world.now())
        return [
            {"klass": "v1/balance", "id": number, "currency_id": number, "account_id": ACCOUNT,
             "mode": "mtn", "amount": self._world.merchant_balance(NAME, iso).amount,
             "created_at": now, "updated_at": now}
            for iso, number in CURRENCIES.items()
        ]  # fmt: skip

    def _events(self) -> list[Told]:
        now = self._world.now()
        happened = []
        for prompt in prompts(self._world):
            told = transaction_object(prompt, now)
            if told["status"] != "pending":
                happened.append(_event("transaction", told["status"], told, told["updated_at"]))
            happened.append(_event("transaction", "created", told, told["created_at"]))
        for payout in payouts(self._world):
            told = payout_object(payout)
            happened.append(_event("payout", told["status"], told, told["updated_at"]))
        return sorted(happened, key=lambda event: str(event["created_at"]), reverse=True)

    def _read(self, work: Callable[[], Response]) -> Response:
        return answer(self._world, NAME, Operation.READ, (), work, lambda s: error(s, "Try again"))


class _Kept:
    """Customers or webhook addresses: made, shown, changed, deleted."""

    def __init__(self, world: World, kind: str) -> None:
        self._world = world
        self.kind = kind
        self.plural = f"{kind}s"

    def listed(self) -> Response:
        """List them, newest first; `search` looks at every field."""
        wanted = request.args.get("search", "").lower()
        found = [one for one in self._all().values() if wanted in json.dumps(one).lower()]
        return paged(self.plural, found[::-1])

    def show(self, ref: int) -> Response:
        """Show one."""
        found = self._all().get(str(ref))
        return wrap(self._world, self.kind, found) if found else self._missing()

    def create(self) -> Response:
        """Make one; a customer's e-mail is its identity: the same one is changed instead."""
        body = body_object() or {}
        needed = NEEDED[self.kind]
        if not isinstance(body.get(needed), str) or not body[needed]:
            return error(422, "Validation failed", **{needed: ["can't be blank"]})
        same = [
            o
            for o in self._all().values()
            if self.kind == "customer" and o["email"] == body["email"]
        ]
        ref = same[0]["id"] if same else 1 + max(map(int, self._all()), default=0)
        return self._write(ref, {**FIELDS[self.kind], **(same[0] if same else {})}, body)

    def update(self, ref: int) -> Response:
        """Change one."""
        found = self._all().get(str(ref))
        return self._write(ref, found, body_object() or {}) if found else self._missing()

    def delete(self, ref: int) -> Response:
        """Delete one."""
        kept = self._all()
        if kept.pop(str(ref), None) is None:
            return self._missing()
        self._world.remember(NAME, self.plural, kept)
        return Response(status=204)

    def _write(self, ref: int, before: Told, body: Told) -> Response:
        now = stamp(self._world.now())
        given = {name: body[name] for name in FIELDS[self.kind] if name in body}
        made = {"klass": f"v1/{self.kind}", "account_id": ACCOUNT, "created_at": now, **before}
        made |= given | {"id": ref, "updated_at": now}
        with self._world.alone():
            self._world.remember(NAME, self.plural, self._all() | {str(ref): made})
        return wrap(self._world, self.kind, made)

    def _all(self) -> dict[str, Told]:
        kept: dict[str, Told] = self._world.recall(NAME, self.plural) or {}
        return kept

    def _missing(self) -> Response:
        return error(404, f"{self.kind.capitalize()} not found")


def _mount_kept(bp: Blueprint, kept: _Kept) -> None:
    base = f"/{kept.plural}"
    bp.add_url_rule(base, f"list_{base[1:]}", kept.listed, methods=["GET"])
    bp.add_url_rule(f"{base}/search", f"search_{base[1:]}", kept.listed, methods=["GET"])
    bp.add_url_rule(base, f"create_{base[1:]}", kept.create, methods=["POST"])
    for method, view in (("GET", kept.show), ("PUT", kept.update), ("DELETE", kept.delete)):
        name = f"{method.lower()}_{base[1:]}"
        bp.add_url_rule(f"{base}/<int:ref>", name, view, methods=[method])


def keep_log(app: Flask, world: World) -> None:
    """Remember the requests, and serve them as `/v1/logs`. Keys and signatures are never in it."""
    log: deque[Told] = deque(maxlen=LOGGED)
    numbers = count(1)

    @app.after_request
    def remember(response: Response) -> Response:
        if request.path.startswith("/v1/") and not request.path.startswith("/v1/logs"):
            log.append(_logged(next(numbers), response, stamp(world.now())))
        return response

    @app.get("/v1/logs")
    def logs() -> Response:
        return owner_refusal() or paged("logs", list(log)[::-1])

    @app.get("/v1/logs/<int:ref>")
    def one_log(ref: int) -> Response:
        found = next((line for line in log if line["id"] == ref), None)
        refused = owner_refusal()
        if refused or found is None:
            return refused or error(404, "Log not found")
        return wrap(world, "log", found)


def _logged(number: int, response: Response, now: str | None) -> Told:
    told = response.get_data(as_text=True)
    return {
        "klass": "v1/log", "id": number, "method": request.method, "url": request.path,
        "status": response.status_code, "ip_address": request.remote_addr, "version": "v1",
        "source": request.headers.get("X-Source"), "account_id": ACCOUNT,
        "query": json.dumps(request.args.to_dict()), "body": request.get_data(as_text=True),
        "response": told, "created_at": now, "updated_at": now,
    }  # fmt: skip


def _not_pending(prompt: Prompt | None) -> Response | None:
    if prompt is None:
        return error(404, "Transaction not found")
    return None if prompt.state is State.OPEN else error(403, "The transaction is not pending")


def _currencies() -> list[Told]:
    codes = {"XOF": 952, "GNF": 324, "EUR": 978}
    return [
        {"klass": "v1/currency", "id": number, "name": iso, "iso": iso, "code": codes[iso],
         "prefix": None, "suffix": None, "div": 1, "default": iso == "XOF", "modes": sorted(MODES)}
        for iso, number in CURRENCIES.items()
    ]  # fmt: skip


def _event(kind: str, what: str, told: Told, at: object) -> Told:
    name = f"{kind}.{what}"
    return {
        "klass": "v1/event",
        "id": hashlib.sha256(f"{name}:{told['id']}".encode()).hexdigest()[:20],
        "type": name, "object": kind, "object_id": told["id"], "account_id": ACCOUNT,
        "entity": json.dumps(told), "created_at": at, "updated_at": at,
    }  # fmt: skip
