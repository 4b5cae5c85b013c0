"""Cauri: a marketplace and tontine site paid by mobile money."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; settings come from the environment unless given.

    Raises `ConfigurationError` when a setting is missing or wrong, before anything is served.
    """
    from shop.application import build

    return build(settings)
