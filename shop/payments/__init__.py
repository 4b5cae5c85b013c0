"""Payments: attempts to collect, their pages, and the providers they go through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from config import Settings
    from shop.payments.offering import Reach


def init_app(app: Flask) -> None:
    """Build the providers from settings, and attach the pages."""
    from shop.payments import link_views, status_views, views
    from shop.payments.quick_state import QuickState
    from shop.providers import build_providers

    settings: Settings = app.config["SETTINGS"]
    app.extensions["providers"] = build_providers(
        provider_settings(settings), names=settings.providers or None
    )
    app.register_blueprint(views.bp)
    app.register_blueprint(status_views.bp)
    app.register_blueprint(link_views.bp)
    app.jinja_env.globals["payable_methods"] = lambda: _by_country(app)
    app.wsgi_app = QuickState(app, app.wsgi_app)  # type: ignore[assignment, method-assign]


def _by_country(app: Flask) -> list[tuple[str, list[Reach]]]:
    """List what the loaded providers can collect by, country by country, in menu order."""
    from shop.payments.offering import reach
    from shop.phone import COUNTRIES
    from shop.providers import methods

    served = [m for m in methods.all_methods() if m.provider in app.extensions["providers"]]
    grouped = [
        (country, reach([m for m in served if m.country == country])) for country in COUNTRIES
    ]
    return [(country, listed) for country, listed in grouped if listed]


def provider_settings(settings: Settings) -> Mapping[str, str]:
    """Give what providers are made from: the environment, completed by the sandbox unless live."""
    from shop.providers import against_sandbox

    if settings.live:
        return settings.environment
    return against_sandbox(settings.environment, settings.sandbox_port)
