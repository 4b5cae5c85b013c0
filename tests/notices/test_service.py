"""The outbox sends each message, keeps what could not go, and holds no transaction while it waits."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import sqlalchemy as sa

from shop.db import session, transaction
from shop.notices import service as notices
from shop.notices.models import Kind, Notice


class Gateway:
    """A gateway that keeps what it is sent and answers as told."""

    def __init__(self) -> None:
        self.status = 201
        self.messages: list[dict[str, str]] = []


@pytest.fixture
def gateway(app) -> Iterator[Gateway]:
    kept = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.messages.append(json.loads(body))
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Stay silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/sms/messages"
        app.config["SETTINGS"] = replace(app.config["SETTINGS"], sms_url=url)
        yield kept
        server.shutdown()


def put(key="order-paid:PX7K4M2Q", kind=Kind.ORDER_PAID, text="Reçu"):
    with transaction():
        return notices.put(key, "+2250701020304", kind, text)


def only() -> Notice:
    session.rollback()
    return session.scalars(sa.select(Notice)).one()


def test_the_same_key_is_told_once(gateway, time):
    assert [put(), put(text="autre chose")] == [True, False]

    assert [notices.send_due(), notices.send_due()] == [1, 0]

    assert gateway.messages == [{"to": "+2250701020304", "text": "Recu"}]
    assert only().sent_at == time.now()


def test_a_message_of_a_broken_transaction_is_never_sent(gateway):
    def sell_and_fail():
        with transaction():
            notices.put("k", "+2250701020304", Kind.SALE, "Vendu")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sell_and_fail()

    assert notices.send_due() == 0
    assert gateway.messages == []


def test_put_asks_for_a_transaction(app):
    with pytest.raises(AssertionError):
        notices.put("k", "+2250701020304", Kind.SALE, "Vendu")


def test_a_refused_message_is_tried_again_later_and_then_given_up(gateway, time):
    gateway.status = 503
    put()

    assert [notices.send_due(), notices.send_due()] == [0, 0]
    assert len(gateway.messages) == 1
    for _again in range(20):
        time.pass_(hours=13)
        notices.send_due()

    assert len(gateway.messages) == 1 + len(notices.BACKOFF_S)
    assert only().next_try_at is None
    assert only().sent_at is None


def test_a_redirect_is_not_a_delivery(gateway, time):
    gateway.status = 302
    put()

    assert notices.send_due() == 0
    assert only().sent_at is None


def test_a_code_is_forgotten_once_sent(gateway, time):
    put(kind=Kind.SIGN_IN_CODE, text="482913 est votre code")

    notices.send_due()

    assert gateway.messages[0]["text"].startswith("482913")
    assert only().text == ""


def test_who_died_while_sending_leaves_a_lease_that_ends(gateway, time):
    put()
    notices._claim(10)

    assert notices.send_due() == 0
    time.pass_(seconds=60)
    assert notices.send_due() == 1


def test_no_gateway_is_not_a_failure(app, time):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], sms_url=None)
    put()

    assert notices.send_due() == 0
    assert only().tries == 0
