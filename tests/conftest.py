"""Fixtures that every test may ask for: real servers, a real browser, a small market, a whole street."""

from tests.marketplace import app, blank_database, client, time
from tests.servers_fixtures import chromium, postgres_server, redis_url
from tests.street import street

__all__ = [
    "app",
    "blank_database",
    "chromium",
    "client",
    "postgres_server",
    "redis_url",
    "street",
    "time",
]
