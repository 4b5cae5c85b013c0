"""How many statements the hot paths send: a budget that holds on any machine, where seconds do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from benchmarks import webhook
from shop import settlement
from shop.db import session, transaction
from shop.leases import Answer
from shop.payments import quick_state
from shop.payments import service as payments
from shop.providers.reasons import Reason
from shop.providers.values import Outcome, ProviderRejected, Status
from tests.databases import both_databases, on_postgresql
from tests.marketplace import make_order, make_product
from tests.street import Street


@contextmanager
def listened() -> Iterator[list[str]]:
    """Collect every statement any connection sends, transactions' own words aside."""
    sent: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        # SQLite's BEGIN is ours to send; PostgreSQL's driver sends its own, unheard.
        if not statement.startswith(("BEGIN", "PRAGMA")):
            sent.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        yield sent
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)


@both_databases
def test_webhook_is_one_insert(street: Street) -> None:
    client = street.app.test_client()
    raw = webhook.event(1, at=int(street.time.now().timestamp()))
    head, _mark, body = raw.partition(b"\r\n\r\n")
    headers = [line.split(": ", 1) for line in head.decode().splitlines()[1:]]

    with listened() as sent:
        answer = client.post("/webhook/wave/", headers=headers, data=body)

    assert answer.status_code == 200
    assert [statement.split()[:3] for statement in sent] == [["INSERT", "INTO", "webhook_event"]]


def settled(street: Street, count: int, said: str) -> list[str]:
    """Settle so many payments in one batch, and give the statements it took."""
    product = make_product(stock=count)
    for _ in range(count):
        street.start(make_order((product, 1)))
    with transaction():
        claims = payments.claim_submissions("wave", count)
    answers = [_answer(street, claim, said) for claim in claims]
    session.rollback()
    with listened() as sent:
        ended = settlement.settle_payments(answers)
    assert ended == count
    return sent


def _answer(street: Street, claim: payments.Claim, said: str) -> Answer[payments.Claim]:
    word: Outcome | ProviderRejected
    if said == "paid":
        ref = f"T_{claim.reference}"
        word = Outcome(Status.SUCCEEDED, transaction_ref=ref, amount=claim.collection.amount)
    else:
        word = ProviderRejected(Reason.REFUSED, "400", "no")
    return Answer(claim, word, street.time.now(), submitted=True)


# SQLite numbers rows one INSERT at a time, inside our own process: only PostgreSQL is far away.
@on_postgresql
@pytest.mark.parametrize(("said", "most"), [("paid", 25), ("refused", 17)])
def test_settling_costs_the_same_statements_for_one_and_for_fifty(
    street: Street, said: str, most: int
) -> None:
    one = settled(street, 1, said)
    fifty = settled(street, 50, said)

    assert len(fifty) <= len(one), _more(one, fifty)
    assert len(fifty) <= most
    assert not [finding for finding in street.findings() if finding.rule != "oracle"]


def _more(one: Sequence[str], fifty: Sequence[str]) -> str:
    counted = {s: fifty.count(s) for s in set(fifty) if fifty.count(s) > one.count(s)}
    return "\n".join(f"{count}x {s}" for s, count in counted.items())


@both_databases
def test_catalogue_is_one_statement_and_the_menus_another(app: Flask, client: FlaskClient) -> None:
    for number in range(30):
        make_product(f"Pagne {number}")
    app.extensions.pop("stores.menus", None)

    with listened() as first:
        page = client.get("/")
    with listened() as second:
        client.get("/")

    assert page.text.count('<li><a href="/p/') == 24
    assert (len(first), len(second)) == (2, 1)


def test_unchanged_state_asks_no_database(street: Street, redis_url: str) -> None:
    payment = street.sent(make_order())
    street.app.config["SETTINGS"] = _with_redis(street.app, redis_url)
    address = f"/payment/{payment.reference}/state?k={quick_state.key_of(payment.reference)}"
    client = street.app.test_client()
    etag = client.get(address).headers["ETag"]

    with listened() as sent:
        answer = client.get(address, headers={"If-None-Match": etag})

    assert answer.status_code == 304
    assert sent == []


def _with_redis(app: Flask, url: str) -> object:
    from dataclasses import replace

    return replace(app.config["SETTINGS"], redis_url=url)
