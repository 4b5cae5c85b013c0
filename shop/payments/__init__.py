"""Payments: attempts to collect, their pages, and the providers they go through."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Build the providers from settings, and attach the pages."""
    from shop.providers import build_providers

    settings = app.config["SETTINGS"]
    app.extensions["providers"] = build_providers(
        settings.provider_settings, names=settings.providers or None
    )

    from shop.payments import status_views, views
    from shop.payments.quick_state import QuickState

    app.register_blueprint(views.bp)
    app.register_blueprint(status_views.bp)
    app.wsgi_app = QuickState(app, app.wsgi_app)  # type: ignore[assignment, method-assign]
