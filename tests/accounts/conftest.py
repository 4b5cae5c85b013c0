"""Fixtures of the small market."""

from tests.marketplace import app, blank_database, client, time

__all__ = ["app", "blank_database", "client", "time"]
