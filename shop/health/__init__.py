"""What calls to providers came to: counted in memory, written in batches, read by staff."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask

from shop.health.observed import Observations
from shop.providers.base import Provider


def init_app(app: Flask) -> None:
    """Listen to the providers that were built."""
    watch(app, app.extensions["providers"].values())


def watch(app: Flask, providers: Iterable[Provider]) -> Observations:
    """Count the calls of these providers for this application; `service.flush` writes them."""
    observations = Observations()
    app.extensions["health"] = observations
    for provider in providers:
        provider.observer = observations.note
    return observations
