"""Fixtures that every test may ask for: real servers, a real browser, a small market, a whole street."""

from tests.live import live, running
from tests.marketplace import app, blank_database, client, time
from tests.servers_fixtures import chromium, postgres_server, redis_url
from tests.street import street

__all__ = [
    "app",
    "blank_database",
    "chromium",
    "client",
    "live",
    "postgres_server",
    "redis_url",
    "running",
    "street",
    "time",
]
