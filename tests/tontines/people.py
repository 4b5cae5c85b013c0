"""People with their own browsers, and a circle made by its pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts import service as accounts
from tests.marketplace import make_user, new_phone, sign_in
from tests.visitor import Element, fields, read

PIN = "83627"

#: Pages read and write through the services, whose own tests run on both databases.
pages = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

#: What a founder says in the five steps, beside what is proposed.
PLAN = {
    "name": "Marché de Gounghin", "country": "CI", "kind": "rotative", "contribution": "10 000",
    "shares": "12", "period": "weekly", "starts_on": "2026-11-21", "weekday": "4",
    "order": "seniority", "fine": "500", "seen": "unlisted", "door": "request",
}  # fmt: skip


@dataclass
class Person:
    """Somebody at their own telephone."""

    client: FlaskClient
    phone: str
    name: str
    id: int
    last: Any = field(default=None)

    def get(self, path: str) -> str:
        """Open a page that exists."""
        self.last = self.client.get(path)
        assert self.last.status_code == 200, (path, self.last.status_code, self.last.location)
        return str(self.last.text)

    def read(self, path: str) -> Element:
        """Open a page and read its elements."""
        return read(self.get(path))

    def post(self, path: str, **values: Any) -> Any:
        """Send a form."""
        self.last = self.client.post(path, data=values)
        return self.last

    def fill(self, path: str, test: str, **values: Any) -> Any:
        """Fill in the form a page offers; what it does not offer cannot be sent."""
        [form] = [f for f in self.read(path).all("form") if f.get("data-test") == test]
        offered = {e.get("name") for e in form.walk() if e.get("name")}
        assert values.keys() <= offered, (values.keys() - offered, offered)
        return self.post(form.get("action") or path, **{**fields(form), **values})


def person(app: Flask, name: str = "Awa", *, phone: str | None = None) -> Person:
    """Let somebody sign in for the first time."""
    phone = phone or new_phone()
    user = make_user(name=name, phone=phone)
    client = app.test_client()
    sign_in(client, phone)
    # One hash of one PIN for everybody: what a PIN costs to hash is tested elsewhere.
    return Person(client, phone, name, user.id)


def give_pin(someone: Person) -> None:
    """Let somebody have a PIN, as who joined by the sign-in page has."""
    from shop.db import session, transaction

    session.rollback()
    with transaction():
        accounts.by_id(someone.id).pin_hash = accounts.hash_pin(PIN)


def create(founder: Person, **said: str) -> str:
    """Publish a plan; give the circle's reference."""
    answer = founder.post("/tontines/new/", form_key="k" * 20, **{**PLAN, **said})
    assert answer.status_code == 303, answer.text[-2000:]
    return str(answer.location.split("/")[-2])
