"""Fixtures of the stores: the small market, and people signed in without typing a code."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import FlaskLoginClient, UserMixin

from shop.accounts.models import User
from shop.web import login_manager
from tests.marketplace import app, blank_database, client, time

__all__ = ["app", "blank_database", "client", "time"]


class SignedIn(UserMixin):  # type: ignore[misc]
    """A user as pages know them, without the table row behind."""

    def __init__(self, user: User) -> None:
        self.id, self.country, self.name = user.id, user.country, user.name
        self.language, self.role, self.phone = "fr", "user", user.phone


@pytest.fixture
def sign_in(app: Flask) -> Iterator[Callable[[User], FlaskClient]]:
    """Give a browser in which this user is signed in; how they signed in is tested elsewhere."""
    people: dict[str, SignedIn] = {}
    before = login_manager._user_callback
    login_manager.user_loader(people.get)

    def browser(user: User) -> FlaskClient:
        person = SignedIn(user)
        people[str(user.id)] = person
        app.test_client_class = FlaskLoginClient
        signed: Any = app.test_client(user=person)
        return signed  # type: ignore[no-any-return]

    yield browser
    login_manager._user_callback = before
