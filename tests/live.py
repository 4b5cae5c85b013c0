"""The real shop on a port, the simulated providers on theirs, and the clock at work beside them.

Everything goes over HTTP, as it will on the day. The clock of all of them can be moved forward; at the
end of every test the books are proved, and compared with the providers' own.
"""

from __future__ import annotations

import json
import random
import shutil
import socket
import threading
import time as system_time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

import config
from shop import clock, create_app, health, sweeper
from shop.db import session
from shop.debts import checks as debt_checks
from shop.ledger import audit
from shop.orders import checks as order_checks
from shop.payments import checks, provider_settings
from shop.payments.models import Payment, Receipt
from shop.payouts import checks as payout_checks
from shop.payouts.models import Payout
from shop.providers import build_providers
from shop.sandbox.server import PortBusy, Server, deliver
from shop.sandbox.values import Movement, Prompt
from shop.sandbox.world import World
from shop.switches import service as switches
from shop.switches.models import Kind
from shop.switches.service import Direction
from tests.marketplace import make_product, make_store, make_user
from tests.visitor import Visitor

#: How each operator's numbers begin; six more digits follow. Wave lives on any network.
PREFIXES = {
    "wave": ("CI", "+225", "0701"),
    "mtn": ("CI", "+225", "0505"),
    "orange": ("CI", "+225", "0709"),
    "moov": ("BJ", "+229", "0195"),
}
#: Numbers for methods of the aggregators.
AGGREGATED = {
    "fedapay-mtn-ci": ("CI", "+225", "0504"),
    "fedapay-orange-ci": ("CI", "+225", "0708"),
    "cinetpay-orange-ci": ("CI", "+225", "0707"),
    "feexpay-wave-ci": ("CI", "+225", "0702"),
    "feexpay-orange-bf": ("BF", "+226", "76"),
    "getmipay-wave-bf": ("BF", "+226", "75"),
}
_numbers = count(100_001)


@dataclass(frozen=True)
class Sim:
    """A telephone number of an operator."""

    country: str
    e164: str
    local: str


def new_sim(operator: str) -> Sim:
    """Give a number nobody used before (its end means nothing special to the sandbox)."""
    country, code, prefix = (PREFIXES | AGGREGATED)[operator]
    number = next(_numbers)
    while number % 100 in (0, 99):
        number = next(_numbers)
    return Sim(country, f"{code}{prefix}{number}", f"{prefix}{number}")


class MovingClock:
    """The real time, and how far it was moved forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return system_time.monotonic() + self.ahead.total_seconds()

    def skip(self, **how_long: float) -> None:
        self.ahead += timedelta(**how_long)


class _Quiet(WSGIRequestHandler):
    def log(self, *words: Any) -> None:
        """Say nothing."""


@dataclass
class Live:
    """A running shop and its street."""

    app: Flask
    world: World
    time: MovingClock
    origin: str
    phones: str
    products: dict[str, str] = field(default_factory=dict)
    """Codes of what is for sale, by name."""
    seller: Sim = field(default_factory=lambda: new_sim("orange"))

    def visitor(self, language: str = "fr") -> Visitor:
        return Visitor(self.origin, language)

    def prompt(self, reference: str, provider: str) -> Prompt:
        """Wait until a provider has heard of a payment, and give what it asks the payer."""
        found: list[Prompt] = []

        def asked() -> bool:
            found[:] = self.world.search(provider, reference)
            return bool(found)

        wait_until(asked, f"{provider} to hear of {reference}")
        return found[-1]

    def payment(self, reference: str) -> dict[str, Any]:
        """Read an attempt's row."""
        with self.app.app_context():
            row = session.query(Payment).filter_by(reference=reference).one()
            return {c.name: getattr(row, c.name) for c in Payment.__table__.columns}

    def payments_of(self, order_reference: str) -> int:
        """Count the attempts to pay an order."""
        from shop.orders import service as orders

        with self.app.app_context():
            order = orders.find(order_reference)
            return session.query(Payment).filter_by(purpose_id=order.id).count()

    def receipts(self, reference: str) -> list[tuple[int, str, str]]:
        """Give amount, disposition and note of what came through an attempt."""
        with self.app.app_context():
            rows = (
                session.query(Receipt)
                .join(Payment, Payment.id == Receipt.payment_id)
                .filter(Payment.reference == reference)
            )
            return [(r.amount, str(r.disposition), str(r.note)) for r in rows]

    def moved(self, reference: str) -> list[Movement]:
        """Give what the providers say they took for an attempt."""
        return [m for m in self.world.book() if m.reference == reference]

    def findings(self) -> list[str]:
        """Prove the books, the payments, and that both agree with the providers' own book."""
        with self.app.app_context():
            rules = (
                *checks.check(),
                *payout_checks.check(),
                *order_checks.check(),
                *debt_checks.check(),
            )
            found = [str(f) for f in (*audit.check(), *rules)]
            ours = {
                (r.provider, r.transaction_ref): (r.amount, r.currency)
                for r in session.query(Receipt)
            }
            left = {
                (p.provider, p.transaction_ref): (p.amount, p.currency)
                for p in session.query(Payout).filter(Payout.transaction_ref.is_not(None))
            }
        theirs = {
            (m.provider, m.transaction_id): (m.amount.amount, m.amount.currency)
            for m in self.world.book()
        }
        paid_out = [*self.world.payouts.book(), *self.world.refunds.book()]
        ours |= left
        theirs |= {
            (p.provider, p.transaction_id): (p.amount.amount, p.amount.currency) for p in paid_out
        }
        assert len(theirs) == len(self.world.book()) + len(paid_out), "a transaction is named once"
        differing = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
        return [*found, *(f"{key}: {ours.get(key)} / {theirs.get(key)}" for key in differing)]

    def settled(self) -> None:
        """Wait until the books and the providers agree, and say what still differs if they do not."""
        deadline = system_time.monotonic() + 8
        while found := self.findings():
            assert system_time.monotonic() < deadline, found
            self.time.skip(seconds=2)
            system_time.sleep(0.1)

    def forgive(self) -> None:
        """Lift all faults, and forget which providers were failing."""
        self.world.faults.clear()
        settings = self.app.config["SETTINGS"]
        self.app.extensions["providers"] = build_providers(provider_settings(settings))
        health.init_app(self.app)
        with self.app.app_context():
            for rest in switches.on_now([Kind.RESTING]):
                switches.turn_off(rest.target, Kind.RESTING)
            session.remove()

    def collect_only(self, *providers: str) -> None:
        """Press the shop's stop buttons so that new attempts go through these providers alone."""
        self._only(Direction.COLLECT, providers)

    def pay_out_only(self, *providers: str) -> None:
        """Press the stop buttons so that money leaves through these providers alone."""
        self._only(Direction.PAY_OUT, providers)

    def _only(self, direction: Direction, providers: tuple[str, ...]) -> None:
        with self.app.app_context():
            for name in self.app.extensions["providers"]:
                target = f"{name}:{direction}"
                if name in providers:
                    switches.turn_off(target, Kind.PAUSED)
                else:
                    switches.turn_on(target, Kind.PAUSED, by_whom="test", reason="not this one")
            session.remove()

    def flask(self, *words: str) -> Any:
        """Run a command beside the running shop; give what it printed as JSON."""
        with self.app.app_context():
            result = self.app.test_cli_runner().invoke(args=[*words, "--json"])
            session.remove()
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


def wait_until(true: Any, what: str, within_s: float = 10.0) -> None:
    """Wait for something that the other side does by itself."""
    deadline = system_time.monotonic() + within_s
    while not true():
        assert system_time.monotonic() < deadline, f"waited {within_s:.0f} s for {what}"
        system_time.sleep(0.05)


@pytest.fixture(scope="module")
def running(blank_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One shop for a file of tests: everybody in it has numbers of their own."""
    folder = tmp_path_factory.mktemp("live")
    shutil.copy(blank_database, folder / "cauri.db")
    turning = MovingClock()
    with pytest.MonkeyPatch.context() as patch, clock.turned_by(turning.now, turning.monotonic):
        patch.setattr(sweeper, "PERIOD_S", 0.1)
        door = socket.create_server(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{door.getsockname()[1]}"
        world, street, base = _street(origin, turning)
        environ = {
            "DATA_DIR": str(folder),
            "PUBLIC_URL": origin,
            "SANDBOX_PORT": str(base),
            "EXPLORE_PERCENT": "0",
        }
        app = create_app(config.from_environment(environ))
        live = Live(app, world, turning, origin, world.phones_url)
        _stock_up(live)
        live.collect_only(*PREFIXES)  # a test's operator is then also its provider
        server = make_server(
            "127.0.0.1", 0, app, threaded=True, request_handler=_Quiet, fd=door.fileno()
        )
        door.close()
        stop = threading.Event()
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}),
            threading.Thread(target=_sweep, args=(app, stop)),
        ]
        for thread in threads:
            thread.start()
        yield live
        stop.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join(10)
        street.stop()


def _street(origin: str, turning: MovingClock) -> tuple[World, Server, int]:
    """Start the simulated providers on five free ports in a row."""
    for _ in range(50):
        base = random.randrange(20_000, 32_000, 10)
        world = World(
            clock=turning.now,
            rng=random.Random(7),
            deliver=deliver,
            shop_url=origin,
            phones_url=f"http://127.0.0.1:{base}",
        )
        try:
            street = Server(world, port=base)
        except PortBusy:
            world.close()
            continue
        street.start()
        return world, street, base
    raise RuntimeError("no five free ports in a row")


def _sweep(app: Flask, stop: threading.Event) -> None:
    with app.app_context():
        sweeper.run_forever(stop)


def _stock_up(live: Live) -> None:
    with live.app.app_context():
        awa = make_user("Awa", phone=live.seller.e164)
        mothers = make_store("Boutique Awa", owner=awa)
        seamstress = make_store("Atelier Adjoua", delivery=1_500)
        for name, price, store in (
            ("Pagne tissé", 24_500, mothers),
            ("Beurre de karité", 3_500, mothers),
            ("Boubou brodé", 18_000, seamstress),
            ("Voiture", 2_500_000, mothers),
            ("Bonbon", 60, make_store("Épicerie", delivery=0)),
        ):
            live.products[name] = make_product(name, price=price, stock=500, store=store).code
        session.remove()


@pytest.fixture
def live(running: Live) -> Iterator[Live]:
    """The running shop; afterwards the books are proved."""
    yield running
    running.forgive()
    running.settled()
