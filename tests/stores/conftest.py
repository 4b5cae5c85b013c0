"""Fixtures of the stores: the small market, and people signed in without typing a code."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, g
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


def forget_user() -> None:
    g.pop("_login_user", None)


@pytest.fixture
def sign_in(app: Flask) -> Iterator[Callable[[User], FlaskClient]]:
    """Give a browser in which this user is signed in; how they signed in is tested elsewhere."""
    people: dict[str, SignedIn] = {}
    before = login_manager._user_callback
    login_manager.user_loader(people.get)
    # The test's own application context would carry one request's user into the next.
    app.before_request_funcs.setdefault(None, []).insert(0, forget_user)

    def browser(user: User) -> FlaskClient:
        person = SignedIn(user)
        people[str(user.id)] = person
        app.test_client_class = FlaskLoginClient
        signed: Any = app.test_client(user=person)
        return signed  # type: ignore[no-any-return]

    yield browser
    login_manager._user_callback = before
