"""Fixtures that every test may ask for: real servers, a real browser, a small market, a whole street."""

from tests.databases import (
    blank_database,
    blank_postgres,
    database,
    database_url,
    pytest_generate_tests,
)
from tests.live import live, running
from tests.marketplace import app, client, time
from tests.servers_fixtures import chromium, postgres_server, redis_url
from tests.street import street

__all__ = [
    "app",
    "blank_database",
    "blank_postgres",
    "chromium",
    "client",
    "database",
    "database_url",
    "live",
    "postgres_server",
    "pytest_generate_tests",
    "redis_url",
    "running",
    "street",
    "time",
]
