"""Fixtures for real servers and a real browser; one of each per test process.

What cannot be had on this machine is a skip with its reason. Under `./test --strict`
(CAURI_REQUIRE_ALL=1) it is a failure, so that nobody mistakes a bare machine for a good result.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests import browsers
from tests.servers import NoServer, PostgresServer, RedisServer, start_postgres

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def missing(reason: str) -> NoReturn:
    """Skip on a bare machine; fail where the run promised everything."""
    if os.environ.get("CAURI_REQUIRE_ALL"):
        pytest.fail(f"required, but missing: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL to make databases in."""
    try:
        server = start_postgres()
    except NoServer as reason:
        missing(str(reason))
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["redis", "valkey"])
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a real server; the test runs once on Redis and once on Valkey."""
    try:
        server = RedisServer(request.param)
    except NoServer as reason:
        missing(str(reason))
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A real Chromium driven by Playwright."""
    try:
        found = browsers.find()
    except browsers.NoBrowser as reason:
        missing(str(reason))
    with pytest.MonkeyPatch.context() as environment:
        # Before Playwright starts: the node it brings needs the unpacked libraries as well.
        for name, value in found.environment.items():
            environment.setenv(name, value)
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            running = playwright.chromium.launch(
                executable_path=found.executable, args=found.options
            )
            yield running
            running.close()
