"""The shop as it is deployed: PostgreSQL, Redis, and each process on its own.

Nothing is shared with the test but sockets; the order is paid while nobody looks at it.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
import requests

from shop.supervisor import Group, Service
from tests.servers import PostgresServer
from tests.visitor import Visitor

Said = TypeVar("Said")

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Deployment:
    """Where the site and the telephones answer."""

    origin: str
    phones: str


@pytest.fixture
def deployment(
    blank_postgres: str, postgres_server: PostgresServer, redis_url: str, tmp_path: Path
) -> Iterator[Deployment]:
    name = f"cauri_deployed_{os.getpid()}"
    postgres_server.drop(name)
    database = postgres_server.create(name, template=blank_postgres)
    port, base = _free_port(), _free_base()
    origin = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DATA_DIR": str(tmp_path), "DATABASE_URL": database.replace("+psycopg", ""),
        "REDIS_URL": redis_url, "PORT": str(port), "PUBLIC_URL": origin,
        "APPROVE_FIRST": "0", "SANDBOX_PORT": str(base), "FLASK_APP": "wsgi", "PYTHONPATH": str(PROJECT),
        "EXPLORE_PERCENT": "0",
    }  # fmt: skip
    flask = [sys.executable, "-m", "flask"]
    group = Group(environment, PROJECT)
    try:
        group.start(Service("sandbox", [*flask, "sandbox"], ready=lambda: _answers(base)))
        group.start(
            Service(
                "web",
                [sys.executable, "-m", "gunicorn", "wsgi:app", "-k", "gthread", "--threads", "4",
                 "-b", f"127.0.0.1:{port}"],
                ready=lambda: _answers(port),
            )
        )  # fmt: skip
        group.start(Service("worker", [*flask, "worker"], ready_at_first_line=True))
        group.start(Service("clock", [*flask, "clock"], ready_at_first_line=True))
        group.wait_until_ready()
        yield Deployment(origin, f"http://127.0.0.1:{base}")
    finally:
        group.stop()
        postgres_server.drop(name)


@pytest.mark.parametrize("redis_url", ["valkey"], indirect=True)
def test_bought_and_paid_by_processes_that_share_only_sockets(deployment: Deployment) -> None:
    seller, buyer = Visitor(deployment.origin), Visitor(deployment.origin)
    product = _open_shop(deployment, seller)
    page = buyer.open(f"/p/{product}/")
    buyer.submit(page.form("/cart/add/"))
    page = buyer.open("/checkout/")
    buyer.submit(
        page.form(test="checkout-form"),
        name="Aïcha Koné",
        phone="05 05 10 20 30",
        quarter="Cocody",
        landmark="en face de la pharmacie",
    )
    page = buyer.submit(buyer.page.form(test="pay-form"), method="mtn-ci")
    attempt = page.path.split("/")[2]

    phone = Visitor(deployment.phones)
    prompts = _until(
        lambda: phone.open("/phones/+2250505102030/").root.all("form"), "the request on the phone"
    )
    phone.submit(next(f for f in prompts if "/accept" in f["action"]))

    _until(lambda: "Paiement recu" in _inbox(deployment, "+2250505102030"), "the SMS, unasked")
    page = buyer.open(f"/payment/{attempt}/status/")
    assert page.root.one(data_test="pay-status")["data-state"] == "succeeded"
    assert len(seller.open("/store/orders/").root.all(data_test="order-row")) == 1
    assert seller.page.money("total") == 14_000


def _open_shop(deployment: Deployment, seller: Visitor) -> str:
    number = "+2250707445566"
    page = seller.open("/login/?next=/store/")
    page = seller.submit(page.form(test="login-form"), phone="07 07 44 55 66")
    text = _until(lambda: _inbox(deployment, number), "the code by SMS")
    page = seller.submit(page.form(test="code-form"), code=text[:6])
    page = seller.submit(page.form(test="new-form"), name="Awa", pin="83627", again="83627")
    main = page.root.one("main")
    page = seller.submit(
        main.one("form"), name="Chez Awa", about="Des savons.", town="Abidjan", quarter="Cocody",
        delivery="1500",
    )  # fmt: skip
    main = page.root.one("main")
    page = seller.submit(main.one("form"), name="Savon noir", price="12500", stock="4")
    return page.path.split("/")[2]


def _inbox(deployment: Deployment, number: str) -> str:
    with requests.Session() as http:
        http.trust_env = False
        messages = http.get(f"{deployment.phones}/api/sms/{number}", timeout=5).json()["sms"]
    return "\n".join(message["text"] for message in messages)


def _until(ask: Callable[[], Said], what: str) -> Said:
    deadline = time.monotonic() + 20
    while not (said := ask()):
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.2)
    return said


def _answers(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def _free_base() -> int:
    for base in range(32_000 + os.getpid() % 100 * 10, 60_000, 10):
        if not any(_answers(base + offset) for offset in range(5)):
            return base
    raise RuntimeError("no five free ports in a row")
